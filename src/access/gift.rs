//! A link that opens an article for those it is given to: so often, until then.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Keys, Pass, Purpose, token};

/// What a gift link says. Its token holds the article's path, so that the link needs nothing else; its context is the site.
/// ```
/// use farthing::access::{Gift, Keys};
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let gift = Gift { id: [7; 16], most: 5, seconds: 86_400, expires: 200, path: "/articles/x".into() };
/// let token = gift.seal(&keys, "https://news.example").unwrap();
/// assert_eq!(Gift::open(&keys, "https://news.example", &token, 199), Some(gift));
/// assert_eq!(Gift::open(&keys, "https://news.example", &token, 200), None);
/// assert_eq!(Gift::open(&keys, "https://blog.example", &token, 199), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gift {
    /// Names what is counted: links of one id share their number.
    pub id: [u8; 16],
    /// How many may open it.
    pub most: u16,
    /// How long it opens for, and how long an opening counts, in seconds.
    pub seconds: u32,
    /// Unix seconds after which it opens nothing.
    pub expires: u64,
    /// The canonical path of the article, with what of the query counts.
    pub path: String,
}

impl Gift {
    /// The longest path that a link has room for, in bytes.
    pub const LONGEST_PATH: usize = 300;

    /// The id of the links that the bearer of a pass gives away: one for each purchase of an article, and nobody can tell whose.
    pub fn id_of(keys: &Keys, pass: &Pass, resource: &str) -> Option<[u8; 16]> {
        let (_, key) = keys.signing(Purpose::Gift)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        for part in [&pass.payer[..], &pass.receipt, resource.as_bytes()] {
            mac.update(part);
        }
        mac.finalize().into_bytes().first_chunk().copied()
    }

    /// Makes the token for a site; none for a path that is too long.
    pub fn seal(&self, keys: &Keys, site: &str) -> Option<String> {
        if self.path.len() > Self::LONGEST_PATH {
            return None;
        }
        let mut payload = Vec::with_capacity(self.path.len().saturating_add(30));
        payload.extend_from_slice(&self.id);
        payload.extend_from_slice(&self.most.to_be_bytes());
        payload.extend_from_slice(&self.seconds.to_be_bytes());
        payload.extend_from_slice(&self.expires.to_be_bytes());
        payload.extend_from_slice(self.path.as_bytes());
        token::seal(keys, Purpose::Gift, &payload, site.as_bytes())
    }

    /// Reads a token of this site.
    pub fn open(keys: &Keys, site: &str, text: &str, now: u64) -> Option<Self> {
        let (payload, since) = token::open_dated(keys, Purpose::Gift, text, site.as_bytes())?;
        let (id, rest) = payload.split_first_chunk::<16>()?;
        let (most, rest) = rest.split_first_chunk::<2>()?;
        let (seconds, rest) = rest.split_first_chunk::<4>()?;
        let (expires, path) = rest.split_first_chunk::<8>()?;
        let gift = Self {
            id: *id,
            most: u16::from_be_bytes(*most),
            seconds: u32::from_be_bytes(*seconds),
            expires: u64::from_be_bytes(*expires),
            path: core::str::from_utf8(path).ok()?.to_owned(),
        };
        // that of a reader may end earlier than so long after its issue: it counts as older than it is
        let issued = gift.expires.saturating_sub(gift.seconds.into());
        (issued >= since && now < gift.expires).then_some(gift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::keys::test_keys;

    fn gift(path: &str) -> Gift {
        Gift {
            id: [3; 16],
            most: 2,
            seconds: 60,
            expires: 1000,
            path: path.into(),
        }
    }

    #[test]
    fn e6_a_gift_is_nothing_else_and_nothing_else_is_a_gift() {
        let keys = test_keys();
        let site = "https://a.example";
        let token = gift("/articles/x").seal(&keys, site).unwrap();
        for purpose in [Purpose::Pass, Purpose::Handle, Purpose::Quote, Purpose::Meter] {
            assert_eq!(token::open(&keys, purpose, &token, site.as_bytes()), None);
        }
        let pass = Pass {
            payer: [1; 16],
            receipt: [2; 16],
            issued: 1,
            expires: 1000,
        };
        let other = pass.seal(&keys, site).unwrap();
        assert_eq!(Gift::open(&keys, site, &other, 1), None);
    }

    #[test]
    fn the_longest_path_fits_a_token() {
        let keys = test_keys();
        let longest = gift(&"/".repeat(Gift::LONGEST_PATH));
        let token = longest.seal(&keys, "https://a.example").unwrap();
        assert_eq!(Gift::open(&keys, "https://a.example", &token, 1), Some(longest));
        assert_eq!(gift(&"/".repeat(301)).seal(&keys, "https://a.example"), None);
    }

    #[test]
    fn every_purchase_has_links_of_its_own() {
        let keys = test_keys();
        let pass = |payer, receipt| Pass {
            payer: [payer; 16],
            receipt: [receipt; 16],
            issued: 1,
            expires: 2,
        };
        let id = |pass, resource| Gift::id_of(&keys, &pass, resource).unwrap();
        let one = id(pass(1, 1), "https://a.example/x");
        assert_eq!(
            one,
            id(Pass { issued: 9, ..pass(1, 1) }, "https://a.example/x"),
            "a pass made anew"
        );
        assert_ne!(one, id(pass(2, 1), "https://a.example/x"));
        assert_ne!(one, id(pass(1, 2), "https://a.example/x"));
        assert_ne!(one, id(pass(1, 1), "https://a.example/y"));
    }
}
