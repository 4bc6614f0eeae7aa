//! The pass of one article and the handle of one reader.

use alloc::{string::String, vec::Vec};
use alloy_primitives::Address;
use sha2::{Digest, Sha256};

use super::{Keys, Purpose, token};

/// The first 16 bytes of a SHA-256 digest: enough to name a thing, too few to be looked up.
pub(crate) fn short_digest(domain: &str, text: &[u8]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(domain.as_bytes());
    hash.update([0]);
    hash.update(text);
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    short
}

/// What a pass says: its bearer has paid for one article.
///
/// The MAC's context is the article's canonical URL, host included, so a pass for a cheap article
/// is not even well-formed for a dear one (threat E7).
/// ```
/// use farthing::{access::{Keys, Pass}, evm::Address};
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let pass = Pass { payer: Pass::payer_digest(Address::ZERO), receipt: [7; 16], issued: 100, expires: 200 };
/// let token = pass.seal(&keys, "https://news.example/a").unwrap();
/// assert_eq!(Pass::open(&keys, "https://news.example/a", &token, 199), Some(pass));
/// assert_eq!(Pass::open(&keys, "https://news.example/a", &token, 200), None);
/// assert_eq!(Pass::open(&keys, "https://news.example/b", &token, 199), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Digest of the payer's address.
    pub payer: [u8; 16],
    /// Digest of the id of the receipt it was issued for.
    pub receipt: [u8; 16],
    /// Unix seconds of issue.
    pub issued: u64,
    /// Unix seconds after which it opens nothing.
    pub expires: u64,
}

/// This one article.
const ARTICLE: u8 = 1;
/// All that a wider offer covers.
const WIDER: u8 = 2;

impl Pass {
    /// A payer's digest, as passes name it.
    pub fn payer_digest(payer: Address) -> [u8; 16] {
        short_digest("farthing payer", payer.as_slice())
    }

    /// A receipt's digest, as passes name it: its id alone leads to it.
    pub fn receipt_digest(id: &str) -> [u8; 16] {
        short_digest("farthing receipt", id.as_bytes())
    }

    /// Makes the token.
    pub fn seal(&self, keys: &Keys, resource: &str) -> Option<String> {
        token::seal(keys, Purpose::Pass, &self.payload(ARTICLE), resource.as_bytes())
    }

    /// Makes the token for all that the time pass of this name covers at a site. It opens no article as an article's own pass, nor is
    /// one of those a time pass (threat E7).
    /// ```
    /// use farthing::{access::{Keys, Pass}, evm::Address};
    /// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
    /// let pass = Pass { payer: Pass::payer_digest(Address::ZERO), receipt: [7; 16], issued: 100, expires: 200 };
    /// let token = pass.seal_wider(&keys, "https://news.example", "day").unwrap();
    /// assert_eq!(Pass::open_wider(&keys, "https://news.example", "day", &token, 199), Some(pass));
    /// assert_eq!(Pass::open_wider(&keys, "https://news.example", "day", &token, 200), None);
    /// assert_eq!(Pass::open_wider(&keys, "https://news.example", "month", &token, 199), None);
    /// assert_eq!(Pass::open_wider(&keys, "https://blog.example", "day", &token, 199), None);
    /// assert_eq!(Pass::open(&keys, "day https://news.example", &token, 199), None);
    /// ```
    pub fn seal_wider(&self, keys: &Keys, site: &str, name: &str) -> Option<String> {
        token::seal(keys, Purpose::Pass, &self.payload(WIDER), embedded(site, name).as_bytes())
    }

    /// Reads a token for the time pass of this name at a site.
    pub fn open_wider(keys: &Keys, site: &str, name: &str, text: &str, now: u64) -> Option<Self> {
        let context = embedded(site, name);
        Self::read(token::open_dated(keys, Purpose::Pass, text, context.as_bytes())?, WIDER, now)
    }

    /// Makes the token that a page of another origin carries for this article; it is no cookie, and opens nothing as one (threat E8).
    /// ```
    /// use farthing::{access::{Keys, Pass}, evm::Address};
    /// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
    /// let pass = Pass { payer: Pass::payer_digest(Address::ZERO), receipt: [7; 16], issued: 100, expires: 200 };
    /// let token = pass.seal_for(&keys, "https://news.example/a", "https://blog.example").unwrap();
    /// assert_eq!(Pass::open_for(&keys, "https://news.example/a", "https://blog.example", &token, 199), Some(pass));
    /// assert_eq!(Pass::open_for(&keys, "https://news.example/a", "https://evil.example", &token, 199), None);
    /// assert_eq!(Pass::open(&keys, "https://news.example/a", &token, 199), None);
    /// ```
    pub fn seal_for(&self, keys: &Keys, resource: &str, origin: &str) -> Option<String> {
        token::seal(
            keys,
            Purpose::Embed,
            &self.payload(ARTICLE),
            embedded(resource, origin).as_bytes(),
        )
    }

    fn payload(&self, scope: u8) -> Vec<u8> {
        let mut payload = Vec::with_capacity(49);
        payload.push(scope);
        payload.extend_from_slice(&self.payer);
        payload.extend_from_slice(&self.receipt);
        payload.extend_from_slice(&self.issued.to_be_bytes());
        payload.extend_from_slice(&self.expires.to_be_bytes());
        payload
    }

    /// Reads a token for this article; none unless it is ours, whole and in its time.
    pub fn open(keys: &Keys, resource: &str, text: &str, now: u64) -> Option<Self> {
        Self::read(
            token::open_dated(keys, Purpose::Pass, text, resource.as_bytes())?,
            ARTICLE,
            now,
        )
    }

    /// Reads a token for this article on pages of this origin.
    pub fn open_for(keys: &Keys, resource: &str, origin: &str, text: &str, now: u64) -> Option<Self> {
        let context = embedded(resource, origin);
        Self::read(
            token::open_dated(keys, Purpose::Embed, text, context.as_bytes())?,
            ARTICLE,
            now,
        )
    }

    fn read((payload, since): (Vec<u8>, u64), scope: u8, now: u64) -> Option<Self> {
        let pass = Self::parse(&payload, scope)?;
        (pass.issued >= since && now < pass.expires).then_some(pass)
    }

    fn parse(payload: &[u8], scope: u8) -> Option<Self> {
        let (first, rest) = payload.split_first()?;
        let (payer, rest) = rest.split_first_chunk::<16>()?;
        let (receipt, rest) = rest.split_first_chunk::<16>()?;
        let (issued, rest) = rest.split_first_chunk::<8>()?;
        let (expires, rest) = rest.split_first_chunk::<8>()?;
        let pass = Self {
            payer: *payer,
            receipt: *receipt,
            issued: u64::from_be_bytes(*issued),
            expires: u64::from_be_bytes(*expires),
        };
        (*first == scope && rest.is_empty()).then_some(pass)
    }

    /// What a pass of any kind says, whoever made it and whatever it opens: nothing may be opened with that.
    pub fn peek(text: &str) -> Option<Self> {
        let payload = token::peek(text)?;
        Self::parse(&payload, ARTICLE).or_else(|| Self::parse(&payload, WIDER))
    }
}

/// What stands in neither an origin nor a resource keeps the two apart.
fn embedded(resource: &str, origin: &str) -> String {
    [origin, " ", resource].concat()
}

/// A reader's handle: names the payer, so that lost passes can be minted again from the ledger.
/// ```
/// use farthing::{access::{Handle, Keys}, evm::Address};
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let handle = Handle { payer: Address::repeat_byte(7), expires: 200 };
/// let token = handle.seal(&keys, "https://news.example").unwrap();
/// assert_eq!(Handle::open(&keys, "https://news.example", &token, 100), Some(handle));
/// assert_eq!(Handle::open(&keys, "https://blog.example", &token, 100), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// Who paid.
    pub payer: Address,
    /// Unix seconds after which it is void.
    pub expires: u64,
}

impl Handle {
    /// How long it lives, in seconds. It says no time of issue, which is so long before its end: with another number here, handles
    /// that were issued before get one.
    pub const SECONDS: u64 = 90 * 24 * 60 * 60;

    /// Makes the token for a site.
    pub fn seal(&self, keys: &Keys, site: &str) -> Option<String> {
        let mut payload = Vec::with_capacity(28);
        payload.extend_from_slice(self.payer.as_slice());
        payload.extend_from_slice(&self.expires.to_be_bytes());
        token::seal(keys, Purpose::Handle, &payload, site.as_bytes())
    }

    /// Reads a token of this site.
    pub fn open(keys: &Keys, site: &str, text: &str, now: u64) -> Option<Self> {
        let (payload, since) = token::open_dated(keys, Purpose::Handle, text, site.as_bytes())?;
        let (payer, rest) = payload.split_first_chunk::<20>()?;
        let (expires, rest) = rest.split_first_chunk::<8>()?;
        let handle = Self {
            payer: Address::new(*payer),
            expires: u64::from_be_bytes(*expires),
        };
        let issued = handle.expires.saturating_sub(Self::SECONDS);
        (rest.is_empty() && issued >= since && now < handle.expires).then_some(handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::keys::test_keys;

    #[test]
    fn e7_a_pass_opens_one_article_on_one_host_for_its_time() {
        let keys = test_keys();
        let pass = Pass {
            payer: [1; 16],
            receipt: [2; 16],
            issued: 100,
            expires: 200,
        };
        let text = pass.seal(&keys, "https://a.example/articles/cheap").unwrap();
        assert_eq!(Pass::open(&keys, "https://a.example/articles/cheap", &text, 199), Some(pass));
        assert_eq!(Pass::open(&keys, "https://a.example/articles/cheap", &text, 200), None);
        assert_eq!(Pass::open(&keys, "https://a.example/articles/dear", &text, 150), None);
        assert_eq!(Pass::open(&keys, "https://b.example/articles/cheap", &text, 150), None);
        assert_eq!(Handle::open(&keys, "https://a.example", &text, 150), None);
    }

    #[test]
    fn a_payer_is_named_by_16_bytes_of_a_digest_of_its_own() {
        // SHA-256 of "farthing payer", a zero byte and the address, cut
        let digest = [
            0xcf, 0xe, 0x96, 0xe6, 0x1d, 0x96, 0x58, 0x8d, 0x72, 0x9c, 0x8f, 0x66, 0x62, 0xa, 0xdb, 0x39,
        ];
        assert_eq!(Pass::payer_digest(Address::repeat_byte(7)), digest);
        assert_eq!(short_digest("farthing payer", &[7; 20]), digest);
        assert_ne!(short_digest("farthing resource", &[7; 20]), digest);
        assert_ne!(Pass::payer_digest(Address::repeat_byte(8)), digest);
        assert_ne!(short_digest("a", b"b"), short_digest("", b"a\0b"));
    }

    #[test]
    fn a_handle_is_of_one_site() {
        let keys = test_keys();
        let handle = Handle {
            payer: Address::repeat_byte(7),
            expires: 200,
        };
        let text = handle.seal(&keys, "https://a.example").unwrap();
        assert_eq!(Handle::open(&keys, "https://a.example", &text, 100), Some(handle));
        assert_eq!(Handle::open(&keys, "https://b.example", &text, 100), None);
        assert_eq!(Handle::open(&keys, "https://a.example", &text, 200), None);
    }
}
