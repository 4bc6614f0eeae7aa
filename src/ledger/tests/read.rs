//! What is written is read again as it was.

use proptest::prelude::*;

use super::*;
use crate::x402::Wider;

fn text() -> impl Strategy<Value = String> {
    // quotes, backslashes, line ends and all planes
    prop_oneof!["[ -~]{0,12}", "\\PC{0,6}", "[\"\\\\\n\u{0}-\u{1f}]{0,4}"]
}

prop_compose! {
    fn some_intent()(
        resource in text(), request in text(), identifier in proptest::option::of(text()), late in proptest::option::of(text()),
        seconds: Option<u64>, flags: [bool; 5], metered: Option<u8>, permit2: bool, addresses: [[u8; 20]; 3], nonce: [u8; 32],
        amount: u128, valid_before: u64, confirmations: u64, version: u8, wider: Option<(Option<u32>, u64)>
    ) -> Intent {
        let [asset, payer, pay_to] = addresses.map(Address::new);
        let [upfront, verify, contract, secret, tagged] = flags;
        Intent {
            resource: resource.clone(), seconds, version, network: Network::BASE, asset, metered, upfront, verify, contract, payer, pay_to,
            transfer: if permit2 { Transfer::Permit2 } else { Transfer::Eip3009 },
            amount: Amount::from_atomic(U256::from(amount)),
            nonce: B256::new(nonce),
            valid_before, confirmations, secret, tagged, identifier, late, request,
            offer: wider.map(|(count, seconds)| Wider { name: "ten".into(), title: String::new(), count, seconds }),
            passes: wider.map(|_| "day".into()).into_iter().collect(),
            digest: "d".into(), address: resource, receipt: "r".into(),
            audience: wider.map(|(count, _)| if count.is_some() { Audience::Crawler } else { Audience::Reader }),
        }
    }
}

fn some_phase() -> impl Strategy<Value = Phase> {
    let watch = proptest::option::of((any::<u64>(), any::<u32>()).prop_map(|(next, checks)| Watch { next, checks }));
    prop_oneof![
        any::<u64>().prop_map(|deadline| Phase::Claimed { deadline }),
        any::<(u32, u64)>().prop_map(|(attempt, deadline)| Phase::Settling { attempt, deadline }),
        (any::<(u64, u32, u32, u64, u64)>(), proptest::option::of(text())).prop_map(
            |((since, attempts, checks, next, looked), told)| {
                Phase::Unknown {
                    since,
                    attempts,
                    checks,
                    next,
                    looked,
                    told,
                }
            }
        ),
        (text(), any::<(u64, Option<u64>)>(), watch).prop_map(|(transaction, (at, block), watch)| Phase::Settled {
            transaction,
            at,
            block,
            watch
        }),
        (text(), any::<(u64, bool, u32)>()).prop_map(|(reason, (at, closed, checks))| Phase::Rejected {
            reason,
            at,
            closed,
            checks
        }),
        prop_oneof![
            Just(Phase::Released),
            Just(Phase::Expired),
            Just(Phase::Cancelled),
            Just(Phase::Waived),
            Just(Phase::Foreign)
        ],
    ]
}

prop_compose! {
    fn some_row()(
        intent in some_intent(), phase in some_phase(), fence: u64, created: u64, floor: Option<(u64, [u8; 32])>,
        refused in proptest::option::of(text()), refusals: u32, answered: Option<u64>, delivered: bool, busy: u64, answers: u32, charge: Option<u128>
    ) -> Row {
        Row { answered, delivered, busy, answers,
            intent, phase, fence, created, refused, refusals,
            floor: floor.map(|(number, hash)| Floor { number, hash: B256::new(hash) }),
            charge: charge.map(|charge| Amount::from_atomic(U256::from(charge))),
        }
    }
}

proptest! {
    #![proptest_config(crate::cases(10_000))]

    #[test]
    fn b5_a_row_that_was_written_is_read_again(row in some_row()) {
        let text = serde_json::to_string(&row).unwrap();
        prop_assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row.clone());
        if let Some(owned) = row.owned() {
            prop_assert_eq!(Owned::read(&serde_json::to_string(&owned).unwrap()), Some(owned));
        }
        prop_assert_eq!(Row::read(&text), Some(row));
    }

    #[test]
    fn b5_a_row_that_was_cut_is_none(row in some_row(), cut: prop::sample::Index) {
        let text = serde_json::to_string(&row).unwrap();
        let at = cut.index(text.len());
        prop_assert!(!text.is_char_boundary(at) || Row::read(&text[..at]).is_none());
    }
}
