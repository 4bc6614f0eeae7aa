//! Ids of receipts: they lead the edge to the payer's object, without a table, and tell nobody who paid.
//!
//! An id is 42 bytes in base64url: 12 random ones, the payer's address under a mask that a keyed hash makes of
//! them, and ten bytes of a MAC over both and the site. Who was not told it cannot guess it (threat A16), and
//! a made-up one is known as such without asking anybody (threat B8).
//! ```
//! use farthing::{access::{Keys, receipt_id}, evm::Address};
//! let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
//! let payer = Address::repeat_byte(7);
//! let id = receipt_id::issue(&keys, "https://news.example", payer, [9; 12]).unwrap();
//! assert_eq!(id.len(), receipt_id::LENGTH);
//! assert_eq!(receipt_id::payer_of(&keys, "https://news.example", &id), Some(payer));
//! assert_eq!(receipt_id::payer_of(&keys, "https://blog.example", &id), None);
//! ```

use alloc::string::String;

use alloy_primitives::Address;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Keys, Purpose};

/// Random bytes of an id.
pub const RANDOM: usize = 12;
/// Bytes of the MAC: 80 bits, which have to be guessed by asking.
const TAG: usize = 10;
const BYTES: usize = RANDOM + 20 + TAG;
/// Letters, digits, `-` and `_` of an id.
pub const LENGTH: usize = BYTES / 3 * 4;

/// Two uses of one key, told apart by their first byte.
const MASKING: &[u8] = &[1];
const NAMING: &[u8] = &[2];

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}

/// The address under its mask, or the masked one without it.
fn masked(key: &[u8; 32], random: &[u8; RANDOM], address: &[u8; 20]) -> Option<[u8; 20]> {
    let mask = keyed(key, &[MASKING, random])?.finalize().into_bytes();
    let mut out = *address;
    for (byte, mask) in out.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    Some(out)
}

/// A new id for a payment of this payer at a site; none only if there is no key.
pub fn issue(keys: &Keys, site: &str, payer: Address, random: [u8; RANDOM]) -> Option<String> {
    let (_, key) = keys.signing(Purpose::ReceiptId)?;
    let hidden = masked(key, &random, &payer.0.0)?;
    let tag = keyed(key, &[NAMING, &random, &hidden, site.as_bytes()])?
        .finalize()
        .into_bytes();
    let mut bytes = [0; BYTES];
    for (to, from) in bytes.iter_mut().zip(random.into_iter().chain(hidden).chain(tag)) {
        *to = from;
    }
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// The payer of an id that this site issued, with any of its keys.
pub fn payer_of(keys: &Keys, site: &str, id: &str) -> Option<Address> {
    if id.len() != LENGTH {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
    let (random, rest) = bytes.split_first_chunk::<RANDOM>()?;
    let (hidden, tag) = rest.split_first_chunk::<20>()?;
    keys.all(Purpose::ReceiptId).find_map(|(_, key)| {
        let mac = keyed(key, &[NAMING, random, hidden, site.as_bytes()])?;
        // constant time: threat G2; what is left of `rest` is as long as a tag
        mac.verify_truncated_left(tag).ok()?;
        masked(key, random, hidden).map(Address::new)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{
        keys::{Keys, test_keys},
        token,
    };
    use proptest::prelude::*;

    const SITE: &str = "https://news.example";

    proptest! {
        #![proptest_config(crate::cases(10_000))]

        #[test]
        fn a16_an_id_names_its_payer_at_its_site_alone(payer: [u8; 20], random: [u8; 12], site in "[a-z:/.]{0,12}", other in "[a-z:/.]{0,12}") {
            let keys = test_keys();
            let payer = Address::new(payer);
            let id = issue(&keys, &site, payer, random).unwrap();
            prop_assert_eq!(id.len(), LENGTH);
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(payer_of(&keys, &site, &id), Some(payer));
            prop_assert_eq!(payer_of(&keys, &other, &id).is_some(), other == site);
        }

        #[test]
        fn a16_a_changed_id_names_nobody(payer: [u8; 20], random: [u8; 12], at in 0..LENGTH, with in 1_u8..128, cut in 0..LENGTH) {
            let keys = test_keys();
            let id = issue(&keys, SITE, Address::new(payer), random).unwrap();
            let mut bytes = id.clone().into_bytes();
            bytes[at] ^= with;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(payer_of(&keys, SITE, &changed), None);
            prop_assert_eq!(payer_of(&keys, SITE, &id[..cut]), None);
            prop_assert_eq!(payer_of(&keys, SITE, &[&id, "A"].concat()), None);
        }

        #[test]
        fn a16_an_id_shows_nothing_of_its_payer(one: [u8; 20], other: [u8; 20], random: [u8; 12], another: [u8; 12]) {
            let keys = test_keys();
            let bytes = |payer, random| URL_SAFE_NO_PAD.decode(issue(&keys, SITE, Address::new(payer), random).unwrap()).unwrap();
            let (a, b) = (bytes(one, random), bytes(one, another));
            prop_assert_ne!(&a[12..32], &one[..]);
            // one payer's ids have nothing in common
            prop_assert!(random == another || a[12..32] != b[12..32] && a[32..] != b[32..]);
            prop_assert_eq!(a == bytes(other, random), one == other);
        }

        #[test]
        fn b8_what_was_made_up_names_nobody(text in "[A-Za-z0-9_-]{56}") {
            prop_assert_eq!(payer_of(&test_keys(), SITE, &text), None);
        }
    }

    #[test]
    fn g4_old_keys_still_lead_to_the_payer_and_dropped_ones_do_not() {
        let key = |byte: u8| URL_SAFE_NO_PAD.encode([byte; 32]);
        let keys = |text: &str| Keys::parse(text).unwrap();
        let payer = Address::repeat_byte(7);
        let id = issue(&keys(&alloc::format!("b:{}", key(2))), SITE, payer, [1; 12]).unwrap();
        // test_keys signs with another key and still has this one; the name of a key is not part of an id
        assert_eq!(payer_of(&test_keys(), SITE, &id), Some(payer));
        assert_eq!(payer_of(&keys(&alloc::format!("renamed:{}", key(2))), SITE, &id), Some(payer));
        assert_eq!(payer_of(&keys(&alloc::format!("b:{}", key(3))), SITE, &id), None);
    }

    #[test]
    fn e6_no_other_token_is_an_id() {
        let keys = test_keys();
        for payload in [&b""[..], &[7; 9], &[7; 30], &[7; 49]] {
            for purpose in [Purpose::Pass, Purpose::Handle, Purpose::ReceiptId] {
                let token = token::seal(&keys, purpose, payload, SITE.as_bytes()).unwrap();
                assert_eq!(payer_of(&keys, SITE, &token), None);
                assert_eq!(payer_of(&keys, SITE, token.split('.').nth(2).unwrap()), None);
            }
        }
    }
}
