//! Marks: what stands for a payment once its payer had it erased.
//!
//! A payment's key, its receipt and its transaction each lead to the account, on the chain or with the site's keys. What is kept in their
//! place is a keyed digest: whoever has the name and the site's keys finds it again, so that one payment is never booked or charged twice
//! (S1, S8), and nobody gets from it to the name. Two payments of one account have nothing in common.
//! ```
//! use farthing::access::{Keys, Marks};
//! let keys = Keys::parse("k2:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI,k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
//! let old = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
//! let mark = Marks::new(&old).of("eip155:8453/833589fcd6edb6e08f4c7c32d4f71b54bda02913/0x01");
//! assert!(mark.starts_with("erased:") && mark.len() == 39);
//! // made by an old key, it is found by all that there are
//! let all = Marks::new(&keys).all("eip155:8453/833589fcd6edb6e08f4c7c32d4f71b54bda02913/0x01");
//! assert!(all.contains(&mark) && all.len() == 2);
//! ```

use core::fmt;

use alloc::{string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Keys, Purpose};

/// What a mark begins with; no key of a payment, no receipt and no transaction does.
pub const PREFIX: &str = "erased:";
/// Bytes of a mark: nobody finds two names with one.
const BYTES: usize = 24;

/// Makes marks; the first of its keys is the one that new marks are made with.
#[derive(Clone, PartialEq, Eq)]
pub struct Marks(Vec<[u8; 32]>);

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Marks").field(&self.0.len()).finish()
    }
}

impl Marks {
    /// By the site's keys, which are one at least.
    pub fn new(keys: &Keys) -> Self {
        Self(keys.all(Purpose::Mark).map(|(_, key)| *key).collect())
    }

    /// The mark of a name: a payment's key, a receipt's id, a transaction in lower case. Empty without a key.
    pub fn of(&self, name: &str) -> String {
        self.0.first().map_or_else(String::new, |key| mark(key, name))
    }

    /// Every mark that it can have, by whichever key it was made.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().map(|key| mark(key, name)).collect()
    }
}

fn mark(key: &[u8; 32], name: &str) -> String {
    let mut out = String::from(PREFIX);
    // a key of 32 bytes is one that HMAC takes
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(name.as_bytes());
        let digest = mac.finalize().into_bytes();
        URL_SAFE_NO_PAD.encode_string(digest.get(..BYTES).unwrap_or_default(), &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::keys::test_keys;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::cases(2_000))]

        #[test]
        fn g7_a_mark_is_one_names_and_shows_nothing_of_it(one in "[a-z0-9:/x]{1,80}", other in "[a-z0-9:/x]{1,80}") {
            let marks = Marks::new(&test_keys());
            let mark = marks.of(&one);
            prop_assert_eq!(marks.of(&other) == mark, one == other);
            prop_assert!(one.len() < 6 || !mark.contains(&one));
            prop_assert_eq!(&marks.all(&one)[0], &mark);
            // whoever has another key finds nothing
            let foreign = Keys::parse("k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc").unwrap();
            prop_assert!(!Marks::new(&foreign).all(&one).contains(&mark));
        }
    }
}
