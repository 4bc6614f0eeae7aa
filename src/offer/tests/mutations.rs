//! One field of a good payment changed: never a match (threat A3), whatever the field and the change.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A good payment for each way to pay, by its offer; the first two are EIP-3009 with and without a quote.
fn payments(route: &Route, key: &SigningKey) -> Vec<Value> {
    let all = fresh(route, NOW);
    let authorization = Authorization {
        from: address(key),
        to: all[0].pay_to,
        value: all[0].amount,
        valid_after: 0,
        valid_before: NOW + 300,
        nonce: B256::repeat_byte(3),
    };
    let signature = sign(key, authorization.digest(&all[0].domain()));
    let exact = json!({"x402Version": 2, "resource": {"url": URL}, "accepted": all[0],
        "payload": {"signature": signature, "authorization": authorization}});
    let mut bare = exact.clone();
    bare["accepted"]["extra"].as_object_mut().unwrap().remove("quote");
    let permits = all[1..].iter().map(|offer| payment(offer, &permit(offer, address(key)), key));
    [exact, bare].into_iter().chain(permits).collect()
}

/// The JSON pointers of all members below a value.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        let here = format!("{at}/{name}");
        pointers(inner, &here, out);
        out.push(here);
    }
}

fn change(payment: &Value, pointer: &str, to: Option<Value>) -> Value {
    let mut changed = payment.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match to {
        Some(value) => parent.insert(name.into(), value),
        None => parent.remove(name),
    };
    changed
}

/// What a payment may say otherwise without being another payment: the copy of the resource, which nobody signs, and the quote,
/// without which today's offer is still today's.
fn counts(pointer: &str) -> bool {
    !pointer.starts_with("/resource") && pointer != "/accepted/extra/quote"
}

#[test]
fn a3_a_payment_without_one_of_its_fields_or_with_null_in_it_is_none() {
    let (route, key) = (route(), key(7));
    let mut seen = 0;
    for good in payments(&route, &key) {
        assert!(check(&route, &good).is_ok(), "{good}");
        let mut all = Vec::new();
        pointers(&good, "", &mut all);
        for pointer in all.iter().filter(|pointer| counts(pointer)) {
            for to in [
                None,
                Some(Value::Null),
                Some(json!("")),
                Some(json!({})),
                Some(json!([])),
                Some(json!(1.5)),
            ] {
                // who does not echo for how long it opens takes what it is today
                if to.as_ref().is_none_or(Value::is_null) && pointer == "/accepted/extra/accessSeconds" {
                    assert!(check(&route, &change(&good, pointer, to)).is_ok());
                    continue;
                }
                assert!(
                    check(&route, &change(&good, pointer, to.clone())).is_err(),
                    "{pointer} {to:?}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 300, "{seen}");
}

#[test]
fn a16_a_payment_without_its_quote_has_no_secret() {
    let (route, key) = (route(), key(7));
    for good in payments(&route, &key) {
        for to in [None, Some(json!("")), Some(json!("v1.a.AAAA.AAAA"))] {
            let paid = check(&route, &change(&good, "/accepted/extra/quote", to)).unwrap();
            assert!(!paid.secret && !paid.tagged && paid.offer.extra.quote.is_none());
        }
    }
}

/// Any other value for a member, near to it or far from it.
fn other(value: &Value) -> BoxedStrategy<Value> {
    let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
    let edited = (any::<prop::sample::Index>(), "[0-9a-fA-Fx:. +-]", 0..3_u8).prop_map(move |(at, with, how)| {
        let at = at.index(text.len());
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
        let rest = after.get(1..).unwrap_or_default();
        match how {
            0 => json!(format!("{before}{with}{rest}")),
            1 => json!(format!("{before}{with}{after}")),
            _ => json!(format!("{before}{rest}")),
        }
    });
    prop_oneof![
        6 => edited,
        1 => any::<u64>().prop_map(|number| json!(number.to_string())),
        1 => any::<u64>().prop_map(|number| json!(number)),
        1 => any::<[u8; 20]>().prop_map(|bytes| json!(hex::print(&bytes))),
        1 => any::<[u8; 32]>().prop_map(|bytes| json!(hex::print(&bytes))),
        1 => ".{0,8}".prop_map(|text| json!(text)),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
    ]
    .boxed()
}

/// Bytes as hex say the same in any letter case (threat C6).
fn same(before: &Value, after: &Value) -> bool {
    let folded = |value: &Value| value.as_str().map(str::to_ascii_lowercase);
    before == after
        || before.as_str().is_some_and(|text| text.starts_with("0x"))
            && folded(before) == folded(after)
            && after.as_str().is_some_and(|text| text.starts_with("0x"))
}

proptest! {
    #![proptest_config(crate::cases(10_000))]
    #[test]
    fn a3_no_payment_with_one_field_changed_matches(
        (good, pointer, to) in {
            let all = payments(&route(), &key(7));
            let places: Vec<(Value, String)> = all.iter().flat_map(|good| {
                let mut pointers_of = Vec::new();
                pointers(good, "", &mut pointers_of);
                pointers_of.into_iter().filter(|pointer| counts(pointer)).map(|pointer| (good.clone(), pointer)).collect::<Vec<_>>()
            }).collect();
            prop::sample::select(places).prop_flat_map(|(good, pointer)| {
                let value = good.pointer(&pointer).unwrap().clone();
                (Just(good), Just(pointer), other(&value))
            })
        },
    ) {
        let before = good.pointer(&pointer).unwrap();
        let v = pointer == "/payload/signature" && before.as_str().map(|text| &text[..130]) == to.as_str().and_then(|text| text.get(..130));
        static ROUTE: OnceLock<Route> = OnceLock::new();
        let verdict = check(ROUTE.get_or_init(route), &change(&good, &pointer, Some(to.clone())));
        // the last byte of a signature has two spellings
        prop_assert!(verdict.is_err() || same(before, &to) || v, "{} {}", pointer, to);
    }
}
