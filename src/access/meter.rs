//! What a reader has read for nothing, as their browser tells us: a number and the end of the time it counts for.

use alloc::{string::String, vec::Vec};

use super::{Keys, Purpose, token};

/// So many articles were read for nothing. Who deletes the cookie, or sends an old one, begins again: what holds then is the number
/// for each network address.
/// ```
/// use farthing::access::{Keys, Meter};
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let meter = Meter { used: 2, until: 200 };
/// let token = meter.seal(&keys, "https://news.example").unwrap();
/// assert_eq!(Meter::open(&keys, "https://news.example", &token, 199), Some(meter));
/// assert_eq!(Meter::open(&keys, "https://news.example", &token, 200), None);
/// assert_eq!(Meter::open(&keys, "https://blog.example", &token, 199), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    /// How many.
    pub used: u16,
    /// Unix seconds after which it begins again.
    pub until: u64,
}

impl Meter {
    /// Makes the token for a site.
    pub fn seal(&self, keys: &Keys, site: &str) -> Option<String> {
        let mut payload = Vec::with_capacity(10);
        payload.extend_from_slice(&self.used.to_be_bytes());
        payload.extend_from_slice(&self.until.to_be_bytes());
        token::seal(keys, Purpose::Meter, &payload, site.as_bytes())
    }

    /// Reads a token of this site.
    pub fn open(keys: &Keys, site: &str, text: &str, now: u64) -> Option<Self> {
        let payload = token::open(keys, Purpose::Meter, text, site.as_bytes())?;
        let (used, rest) = payload.split_first_chunk::<2>()?;
        let (until, rest) = rest.split_first_chunk::<8>()?;
        let meter = Self {
            used: u16::from_be_bytes(*used),
            until: u64::from_be_bytes(*until),
        };
        (rest.is_empty() && now < meter.until).then_some(meter)
    }
}
