//! Tokens, passes and handles on generated contents: what is sealed opens, once spelled, for what it was made for and nothing else.

use alloc::{string::String, vec::Vec};
use alloy_primitives::Address;
use proptest::prelude::*;

use super::{Handle, Pass, Purpose, keys::test_keys, token};

const PURPOSES: [Purpose; 9] = [
    Purpose::Quote,
    Purpose::Pass,
    Purpose::Handle,
    Purpose::Tag,
    Purpose::Address,
    Purpose::SignIn,
    Purpose::Receipt,
    Purpose::ReceiptId,
    Purpose::Order,
];

fn any_purpose() -> impl Strategy<Value = Purpose> {
    prop::sample::select(PURPOSES.to_vec())
}

/// A changed letter, at a place, by an exclusive or.
fn changed(text: &str, at: prop::sample::Index, with: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= with;
    String::from_utf8(bytes).ok()
}

proptest! {
    #![proptest_config(crate::cases(10_000))]

    #[test]
    fn e6_a_token_opens_for_its_purpose_and_context_alone(
        payload in prop::collection::vec(any::<u8>(), 0..64),
        context in prop::collection::vec(any::<u8>(), 0..32),
        other in prop::collection::vec(any::<u8>(), 0..32),
        purpose in any_purpose(),
        elsewhere in any_purpose(),
    ) {
        let keys = test_keys();
        let sealed = token::seal(&keys, purpose, &payload, &context).unwrap();
        prop_assert!(sealed.is_ascii() && !sealed.contains([';', ',', ' ', '"', '=']));
        prop_assert_eq!(token::peek(&sealed), Some(payload.clone()));
        prop_assert_eq!(token::open(&keys, purpose, &sealed, &context), Some(payload));
        prop_assert_eq!(token::open(&keys, purpose, &sealed, &other).is_some(), other == context);
        prop_assert_eq!(token::open(&keys, elsewhere, &sealed, &context).is_some(), elsewhere == purpose);
    }

    #[test]
    fn e6_a_changed_token_opens_for_nobody(
        payload in prop::collection::vec(any::<u8>(), 0..64), at: prop::sample::Index, with in 1_u8..128, purpose in any_purpose(),
    ) {
        let keys = test_keys();
        let sealed = token::seal(&keys, purpose, &payload, b"context").unwrap();
        if let Some(other) = changed(&sealed, at, with) {
            prop_assert_eq!(token::open(&keys, purpose, &other, b"context"), None);
        }
    }

    #[test]
    fn e7_passes_and_handles_are_what_they_were_sealed_as(
        payer: [u8; 20], receipt: [u8; 16], issued: u64, expires: u64, now: u64, path in "/[a-z]{0,8}", other in "/[a-z]{0,8}",
    ) {
        let keys = test_keys();
        let pass = Pass { payer: Pass::payer_digest(Address::new(payer)), receipt, issued, expires };
        let sealed = pass.seal(&keys, &path).unwrap();
        prop_assert_eq!(Pass::open(&keys, &path, &sealed, now), (now < expires).then_some(pass));
        prop_assert_eq!(Pass::open(&keys, &other, &sealed, now).is_some(), other == path && now < expires);
        prop_assert_eq!(Handle::open(&keys, &path, &sealed, now), None);
        let handle = Handle { payer: Address::new(payer), expires };
        let sealed = handle.seal(&keys, &path).unwrap();
        prop_assert_eq!(Handle::open(&keys, &path, &sealed, now), (now < expires).then_some(handle));
        prop_assert_eq!(Handle::open(&keys, &other, &sealed, now).is_some(), other == path && now < expires);
        prop_assert_eq!(Pass::open(&keys, &path, &sealed, now), None);
    }

    #[test]
    fn e7_a_payload_of_another_length_is_no_pass_and_no_handle(payload in prop::collection::vec(any::<u8>(), 0..80)) {
        let keys = test_keys();
        let as_pass = token::seal(&keys, Purpose::Pass, &payload, b"/x").unwrap();
        let pass = Pass::open(&keys, "/x", &as_pass, 0);
        prop_assert!(pass.is_none() || payload.len() == 49 && payload[0] == 1);
        prop_assert!(pass.is_none_or(|pass| pass.seal(&keys, "/x").as_ref() == Some(&as_pass)));
        let as_handle = token::seal(&keys, Purpose::Handle, &payload, b"/x").unwrap();
        let handle = Handle::open(&keys, "/x", &as_handle, 0);
        prop_assert!(handle.is_none() || payload.len() == 28);
        prop_assert!(handle.is_none_or(|handle| handle.seal(&keys, "/x").as_ref() == Some(&as_handle)));
    }
}

#[test]
fn e7_a_whole_pass_of_another_scope_is_none() {
    let keys = test_keys();
    let mut payload: Vec<u8> = [&[1][..], &[7; 32], &[0; 8], &[0xff; 8]].concat();
    let sealed = |payload: &[u8]| token::seal(&keys, Purpose::Pass, payload, b"/x").unwrap();
    assert!(Pass::open(&keys, "/x", &sealed(&payload), 0).is_some());
    for scope in [0, 2, 255] {
        payload[0] = scope;
        assert_eq!(Pass::open(&keys, "/x", &sealed(&payload), 0), None);
    }
}
