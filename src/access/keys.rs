//! The secret `FARTHING_KEYS` and the keys derived from it, one per purpose.

use core::fmt;

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use sha2::Sha256;

/// What a derived key is for. A token made for one purpose never verifies for another (threat E6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Quotes in offers.
    Quote,
    /// Passes of single articles.
    Pass,
    /// Handles of readers.
    Handle,
    /// The ledger tag inside quotes.
    Tag,
    /// Digests of network addresses.
    Address,
    /// Nonces of sign-in challenges.
    SignIn,
    /// The key that signs receipts.
    Receipt,
    /// Ids of receipts.
    ReceiptId,
    /// Passes of single articles for pages of other origins.
    Embed,
    /// Gift links.
    Gift,
    /// What a reader has read for nothing.
    Meter,
    /// Orders that take access back.
    Order,
    /// What stands in the books for what was erased.
    Mark,
}

impl Purpose {
    const ALL: [Self; 13] = [
        Self::Quote,
        Self::Pass,
        Self::Handle,
        Self::Tag,
        Self::Address,
        Self::SignIn,
        Self::Receipt,
        Self::ReceiptId,
        Self::Embed,
        Self::Gift,
        Self::Meter,
        Self::Order,
        Self::Mark,
    ];

    const fn label(self) -> &'static [u8] {
        match self {
            Self::Quote => b"farthing v1 quote",
            Self::Pass => b"farthing v1 pass",
            Self::Handle => b"farthing v1 handle",
            Self::Tag => b"farthing v1 tag",
            Self::Address => b"farthing v1 address",
            Self::SignIn => b"farthing v1 sign-in",
            Self::Receipt => b"farthing v1 receipt",
            Self::ReceiptId => b"farthing v1 receipt-id",
            Self::Embed => b"farthing v1 embed",
            Self::Gift => b"farthing v1 gift",
            Self::Meter => b"farthing v1 meter",
            Self::Order => b"farthing v1 order",
            Self::Mark => b"farthing v1 mark",
        }
    }
}

/// Keys by `kid`; the first signs, all verify.
///
/// The secret is `kid:base64url,kid:base64url,…`, each key at least 32 bytes, each `kid` 1 to 16
/// letters, digits, `-` or `_`.
/// ```
/// use farthing::access::{Keys, Purpose, keys::KeysError};
/// let keys = Keys::parse("new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE, old:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI").unwrap();
/// let (kid, key) = keys.signing(Purpose::Pass).unwrap();
/// assert_eq!(kid, "new");
/// assert_ne!(keys.of("new", Purpose::Quote), Some(key));
/// assert!(keys.of("old", Purpose::Pass).is_some());
/// assert_eq!(Keys::parse("k1:c2hvcnQ").err(), Some(KeysError::Short("k1".into())));
/// ```
#[derive(Clone)]
pub struct Keys(Vec<Entry>);

#[derive(Clone)]
struct Entry {
    kid: String,
    derived: [[u8; 32]; 13],
    /// What was issued under it before this time, in Unix seconds, opens nothing.
    since: u64,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|entry| &entry.kid)).finish()
    }
}

/// Why `FARTHING_KEYS` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeysError {
    /// Missing or empty.
    Missing,
    /// The entry with this number, from 1, is not `kid:base64url`.
    Form(usize),
    /// The key of this `kid` has fewer than 32 bytes.
    Short(String),
    /// This `kid` stands twice.
    Repeated(String),
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => {
                f.write_str("FARTHING_KEYS is missing: set it to kid:KEY, where KEY is 32 random bytes in base64url")
            }
            Self::Form(number) => write!(f, "FARTHING_KEYS: entry {number} is not kid:base64url"),
            Self::Short(kid) => write!(f, "FARTHING_KEYS: the key \"{kid}\" has fewer than 32 bytes"),
            Self::Repeated(kid) => write!(f, "FARTHING_KEYS: the kid \"{kid}\" stands twice"),
        }
    }
}

impl core::error::Error for KeysError {}

impl Keys {
    /// Reads the secret.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let mut entries: Vec<Entry> = Vec::new();
        for (index, entry) in text.trim().split(',').enumerate() {
            if text.trim().is_empty() {
                return Err(KeysError::Missing);
            }
            let form = || KeysError::Form(index.saturating_add(1));
            let (kid, key) = entry.trim().split_once(':').ok_or_else(form)?;
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            if kid.is_empty() || kid.len() > 16 || !kid.bytes().all(plain) {
                return Err(form());
            }
            let key = URL_SAFE_NO_PAD.decode(key.trim_end_matches('=')).map_err(|_| form())?;
            if key.len() < 32 {
                return Err(KeysError::Short(kid.to_owned()));
            }
            if entries.iter().any(|seen| seen.kid == kid) {
                return Err(KeysError::Repeated(kid.to_owned()));
            }
            let expand = Hkdf::<Sha256>::new(None, &key);
            let derived = Purpose::ALL.map(|purpose| {
                let mut out = [0; 32];
                // 32 bytes is far below HKDF's limit, the only error there is
                let _ = expand.expand(purpose.label(), &mut out);
                out
            });
            entries.push(Entry {
                kid: kid.to_owned(),
                derived,
                since: 0,
            });
        }
        Ok(Self(entries))
    }

    /// The `kid` and key that sign for a purpose.
    pub fn signing(&self, purpose: Purpose) -> Option<(&str, &[u8; 32])> {
        let entry = self.0.first()?;
        Some((&entry.kid, entry.derived.get(purpose.index())?))
    }

    /// The key of a `kid` for a purpose.
    pub fn of(&self, kid: &str, purpose: Purpose) -> Option<&[u8; 32]> {
        let entry = self.0.iter().find(|entry| entry.kid == kid)?;
        entry.derived.get(purpose.index())
    }

    /// Takes back what was issued under this `kid` before a time, in Unix seconds; a `kid` that is not there takes nothing back.
    /// ```
    /// use farthing::{access::{Keys, Pass}, evm::Address};
    /// let mut keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
    /// let pass = Pass { payer: Pass::payer_digest(Address::ZERO), receipt: [7; 16], issued: 100, expires: 200 };
    /// let token = pass.seal(&keys, "https://news.example/a").unwrap();
    /// keys.void("k1", 100);
    /// assert_eq!(Pass::open(&keys, "https://news.example/a", &token, 150), Some(pass));
    /// keys.void("k1", 101);
    /// assert_eq!(Pass::open(&keys, "https://news.example/a", &token, 150), None);
    /// ```
    pub fn void(&mut self, kid: &str, before: u64) {
        for entry in self.0.iter_mut().filter(|entry| entry.kid == kid) {
            entry.since = before;
        }
    }

    /// The time before which nothing that was issued under this `kid` counts, in Unix seconds.
    pub(super) fn since(&self, kid: &str) -> u64 {
        self.0.iter().find(|entry| entry.kid == kid).map_or(0, |entry| entry.since)
    }

    /// The keys for a purpose with their `kid`s, the signing one first.
    pub fn all(&self, purpose: Purpose) -> impl Iterator<Item = (&str, &[u8; 32])> {
        self.0
            .iter()
            .filter_map(move |entry| Some((entry.kid.as_str(), entry.derived.get(purpose.index())?)))
    }
}

impl Purpose {
    const fn index(self) -> usize {
        match self {
            Self::Quote => 0,
            Self::Pass => 1,
            Self::Handle => 2,
            Self::Tag => 3,
            Self::Address => 4,
            Self::SignIn => 5,
            Self::Receipt => 6,
            Self::ReceiptId => 7,
            Self::Embed => 8,
            Self::Gift => 9,
            Self::Meter => 10,
            Self::Order => 11,
            Self::Mark => 12,
        }
    }
}

#[cfg(test)]
pub(crate) fn test_keys() -> Keys {
    let one = URL_SAFE_NO_PAD.encode([1; 32]);
    let two = URL_SAFE_NO_PAD.encode([2; 32]);
    Keys::parse(&format!("a:{one},b:{two}")).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b10_bad_secrets_are_told_apart() {
        let long = URL_SAFE_NO_PAD.encode([1; 32]);
        let short = URL_SAFE_NO_PAD.encode([1; 31]);
        let error = |text: &str| Keys::parse(text).unwrap_err();
        assert_eq!(error(""), KeysError::Missing);
        assert_eq!(error("  "), KeysError::Missing);
        assert_eq!(error(&long), KeysError::Form(1));
        assert_eq!(error(&format!("a:{long},b:!")), KeysError::Form(2));
        assert_eq!(error(&format!("a:{short}")), KeysError::Short("a".into()));
        assert_eq!(error(&format!("a:{long},a:{long}")), KeysError::Repeated("a".into()));
        assert!(!format!("{:?}", test_keys()).contains(&long), "G1: keys never print");
    }

    #[test]
    fn b10_a_kid_is_1_to_16_letters_digits_dashes_and_underscores() {
        let key = URL_SAFE_NO_PAD.encode([1; 32]);
        for kid in ["a", "Z9", "2026-11", "-", "_", "a_b", "0123456789abcdef"] {
            let keys = Keys::parse(&format!("{kid}:{key}")).unwrap();
            assert_eq!(keys.signing(Purpose::Quote).unwrap().0, kid);
        }
        for kid in [
            "",
            " ",
            "a.b",
            "a b",
            "a\u{e9}",
            "a=",
            "0123456789abcdefg",
            "0123456789.abcdefgh",
        ] {
            assert_eq!(Keys::parse(&format!("{kid}:{key}")).unwrap_err(), KeysError::Form(1), "{kid}");
        }
        // spaces and line ends around entries and padding of keys do no harm
        let keys = Keys::parse(&format!(" a:{key}= , b:{key}\n")).unwrap();
        assert!(keys.all(Purpose::Quote).map(|(kid, _)| kid).eq(["a", "b"]));
    }

    #[test]
    fn e6_purposes_have_different_keys() {
        let keys = test_keys();
        for a in Purpose::ALL {
            for b in Purpose::ALL {
                assert_eq!(keys.of("a", a) == keys.of("a", b), a == b);
            }
        }
    }
}
