//! Codecs of the chain's values on generated contents: written as they are read, and spelled in one way.

use alloc::{
    format,
    string::{String, ToString},
};
use proptest::prelude::*;

use super::{Address, Authorization, B256, Domain, Permit, U256, hex, seconds};
use crate::{
    json::parse,
    money::Amount,
    x402::{Network, v2::Scheme},
};

fn any_address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::new)
}

fn any_word() -> impl Strategy<Value = B256> {
    prop_oneof![
        8 => any::<[u8; 32]>().prop_map(B256::new),
        1 => Just(B256::ZERO),
        1 => Just(B256::repeat_byte(0xff)),
        1 => any::<u8>().prop_map(B256::with_last_byte),
    ]
}

fn any_amount() -> impl Strategy<Value = Amount> {
    any_word().prop_map(|word| Amount::from_atomic(U256::from_be_bytes(word.0)))
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 1_700_000_000..1_900_000_000_u64]
}

prop_compose! {
    fn any_authorization()(
        from in any_address(), to in any_address(), value in any_amount(), valid_after in any_time(), valid_before in any_time(), nonce in any_word(),
    ) -> Authorization {
        Authorization { from, to, value, valid_after, valid_before, nonce }
    }
}

prop_compose! {
    fn any_permit()(
        from in any_address(), token in any_address(), amount in any_amount(), spender in any_address(), nonce in any_word(), deadline in any_time(),
        to in any_address(), facilitator in prop::option::of(any_address()), valid_after in any_time(),
    ) -> Permit {
        Permit { from, token, amount, spender, nonce, deadline, to, facilitator, valid_after }
    }
}

const TOKEN: Domain<'_> = Domain {
    name: "USDC",
    version: "2",
    network: Network::BASE_SEPOLIA,
    contract: Address::repeat_byte(7),
};

proptest! {
    #![proptest_config(crate::cases(10_000))]

    #[test]
    fn c6_hex_is_read_in_any_case_and_printed_in_one(bytes: [u8; 20], upper: u64) {
        let printed = hex::print(&bytes);
        let mixed: String = printed.char_indices().map(|(at, letter)| if at > 1 && upper >> (at % 64) & 1 == 1 { letter.to_ascii_uppercase() } else { letter }).collect();
        prop_assert_eq!(hex::read::<20>(&mixed), Some(bytes));
        prop_assert_eq!(hex::read::<19>(&mixed), None);
        prop_assert_eq!(hex::read::<21>(&mixed), None);
        prop_assert_eq!(hex::print(&bytes), mixed.to_ascii_lowercase());
    }

    #[test]
    fn c6_what_hex_reads_it_prints(text in "(0x|0X|)[0-9a-fA-Fxg ]{0,6}") {
        if let Some(bytes) = hex::read::<2>(&text) {
            prop_assert_eq!(hex::print(&bytes), text.to_ascii_lowercase());
        }
    }

    #[test]
    fn a7_seconds_have_one_spelling(text in "[0-9+ -]{0,21}", time in any_time()) {
        prop_assert_eq!(seconds::read(&time.to_string()), Some(time));
        if let Some(read) = seconds::read(&text) {
            prop_assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn amounts_have_one_spelling(amount in any_amount(), text in "[0-9+ -]{0,12}") {
        prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
        if let Ok(read) = text.parse::<Amount>() {
            prop_assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn networks_have_one_spelling(id in 1_u64.., text in "(eip155:|EIP155:|)[0-9 +]{0,21}") {
        let network = Network::from_chain_id(id);
        prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
        if let Ok(read) = text.parse::<Network>() {
            prop_assert_eq!(read.to_string(), text);
        }
    }
}

proptest! {
    #![proptest_config(crate::cases(3000))]

    #[test]
    fn authorizations_are_written_as_they_are_read(authorization in any_authorization()) {
        let text = serde_json::to_string(&authorization).unwrap();
        prop_assert_eq!(Authorization::read(&parse(&text).unwrap()), Some(authorization));
        let json = serde_json::to_value(authorization).unwrap();
        prop_assert_eq!(json.as_object().unwrap().len(), 6);
        for name in ["from", "to", "value", "validAfter", "validBefore", "nonce"] {
            let mut less = json.clone();
            less.as_object_mut().unwrap().remove(name);
            prop_assert_eq!(Authorization::read(&parse(&less.to_string()).unwrap()), None, "{}", name);
        }
    }

    #[test]
    fn every_field_of_an_authorization_is_signed(one in any_authorization(), other in any_authorization()) {
        let digest = one.digest(&TOKEN);
        let changes = [
            Authorization { from: other.from, ..one },
            Authorization { to: other.to, ..one },
            Authorization { value: other.value, ..one },
            Authorization { valid_after: other.valid_after, ..one },
            Authorization { valid_before: other.valid_before, ..one },
            Authorization { nonce: other.nonce, ..one },
        ];
        for changed in changes {
            prop_assert_eq!(changed.digest(&TOKEN) == digest, changed == one);
        }
        for domain in [
            Domain { name: "USD Coin", ..TOKEN },
            Domain { version: "1", ..TOKEN },
            Domain { network: Network::BASE, ..TOKEN },
            Domain { contract: other.from, ..TOKEN },
        ] {
            prop_assert_ne!(one.digest(&domain), digest);
        }
    }

    #[test]
    fn permits_are_written_as_they_are_read(permit in any_permit()) {
        let text = serde_json::to_string(&permit).unwrap();
        prop_assert_eq!(Permit::read(&parse(&text).unwrap()), Some(permit));
    }

    #[test]
    fn every_field_of_a_permit_is_signed(one in any_permit(), other in any_permit()) {
        let digest = one.digest(Network::BASE);
        prop_assert_ne!(one.digest(Network::BASE_SEPOLIA), digest);
        // the payer is who the signature recovers to
        prop_assert_eq!(Permit { from: other.from, ..one }.digest(Network::BASE), digest);
        let changes = [
            Permit { token: other.token, ..one },
            Permit { amount: other.amount, ..one },
            Permit { spender: other.spender, ..one },
            Permit { nonce: other.nonce, ..one },
            Permit { deadline: other.deadline, ..one },
            Permit { to: other.to, ..one },
            Permit { facilitator: other.facilitator, ..one },
            Permit { facilitator: one.facilitator.xor(Some(Address::ZERO)), ..one },
            Permit { valid_after: other.valid_after, ..one },
        ];
        for changed in changes {
            prop_assert_eq!(changed.digest(Network::BASE) == digest, changed == one);
        }
    }
}

#[test]
fn each_scheme_has_a_proxy_of_its_own() {
    assert_ne!(Permit::proxy(Scheme::Exact), Permit::proxy(Scheme::Upto));
    assert_eq!(
        format!("{:x}", Permit::proxy(Scheme::Exact)),
        "402085c248eea27d92e8b30b2c58ed07f9e20001"
    );
    assert_eq!(
        format!("{:x}", Permit::proxy(Scheme::Upto)),
        "4020a4f3b7b90cca423b9fabcc0ce57c6c240002"
    );
}
