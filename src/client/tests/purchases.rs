//! A purchase through every order of answers: one signature, and the same payment every time.

use super::*;
use crate::{json, problem::Problem, x402};
use proptest::prelude::*;

pub(super) const KEY: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

pub(super) fn payer() -> Key {
    Key::from_hex(KEY).unwrap()
}

pub(super) fn begin(policy: Policy) -> Purchase {
    Purchase::new(policy, payer().address(), [7; 32])
}

/// The answer with these offers, v2.
pub(super) fn asks(header: &str) -> Response<'_> {
    Response {
        status: 402,
        required: Some(header),
        ..Response::default()
    }
}

pub(super) fn sign(purchase: &mut Purchase) -> Step {
    let signature = purchase.draft().unwrap().sign(&payer()).unwrap();
    purchase.signed(&signature, false)
}

/// A purchase with its payment on the way.
fn paying() -> Purchase {
    let mut purchase = begin(Policy::up_to("$0.10").unwrap());
    assert_eq!(purchase.answer(NOW, &asks(&required(&[requirement("50000")]))), Step::Sign);
    assert_eq!(sign(&mut purchase), Step::Send { after: 0 });
    purchase
}

fn status(status: u16) -> Response<'static> {
    Response {
        status,
        ..Response::default()
    }
}

#[test]
fn what_costs_nothing_is_handed_on() {
    for free in [200, 204, 301, 404, 412, 500] {
        let mut purchase = begin(Policy::up_to("$0.10").unwrap());
        assert_eq!(purchase.answer(NOW, &status(free)), Step::Deliver { receipt: None });
        assert_eq!(purchase.keep(), None);
    }
}

#[test]
fn b1_an_unknown_outcome_is_asked_for_until_all_patience_is_gone_and_kept_then() {
    let mut purchase = paying().patience(20);
    let payment = purchase.payment().unwrap().clone();
    let mut now = NOW;
    let mut pauses = Vec::new();
    loop {
        match purchase.answer(now, &status(503)) {
            Step::Send { after } => {
                pauses.push(after);
                now += u64::from(after);
            }
            step => {
                assert!(matches!(step, Step::Stop(Stop::Unresolved(_))));
                break;
            }
        }
        assert_eq!(purchase.payment(), Some(&payment));
    }
    assert_eq!(pauses, [1, 2, 4, 8], "and 16 more would be after 20 seconds");
    // the program ends; a later one takes it up
    let kept = purchase.keep().unwrap();
    let mut later = Purchase::resume(Payment::restore(&kept).unwrap());
    assert_eq!(later.payment(), Some(&payment));
    let pending = Response {
        retry_after: Some(7),
        ..status(503)
    };
    assert_eq!(later.answer(now + 3600, &pending), Step::Send { after: 7 });
    assert_eq!(later.answer(now + 3610, &status(200)), Step::Deliver { receipt: None });
    assert_eq!(later.keep(), None);
}

#[test]
fn a_server_that_wants_to_be_left_alone_for_an_hour_is_left_alone() {
    let hour = Response {
        retry_after: Some(3600),
        ..status(503)
    };
    assert!(matches!(paying().answer(NOW, &hour), Step::Stop(Stop::Unresolved(_))));
}

#[test]
fn permit2_is_approved_once_and_then_the_same_payment_is_sent() {
    let mut offer = requirement("50000");
    offer["extra"]["assetTransferMethod"] = "permit2".into();
    let mut purchase = begin(Policy::up_to("$0.10").unwrap());
    assert_eq!(purchase.answer(NOW, &asks(&required(&[offer]))), Step::Sign);
    let approval = purchase.draft().unwrap().approval("50000".parse().unwrap()).unwrap();
    assert_eq!(approval.to, base().contract.to_string());
    assert_eq!(
        approval.data,
        format!("0x095ea7b3{:0>64}{:064x}", "000000000022d473030f116ddee9f6b43ac78ba3", 50000)
    );
    sign(&mut purchase);
    let payment = purchase.payment().unwrap().clone();
    let Step::Stop(stop) = purchase.answer(NOW, &status(412)) else {
        panic!("412")
    };
    assert_eq!((stop.key(), stop.is_open()), ("approve-permit2", true));
    assert_eq!(purchase.payment(), Some(&payment));
    // the Python servers say it with a 402
    let said = not_approved();
    let Step::Stop(stop) = purchase.answer(NOW + 1, &refuses(&said)) else {
        panic!("402")
    };
    assert_eq!((stop.key(), stop.is_open()), ("approve-permit2", true));
    assert_eq!(purchase.payment(), Some(&payment));
    assert!(matches!(purchase.answer(NOW + 60, &status(200)), Step::Deliver { .. }));
}

/// A 402 of a server that holds the payment to be good, once Permit2 may move the token.
fn not_approved() -> String {
    x402::encode(&json!({"x402Version": 2, "error": "permit2_allowance_required", "accepts": [requirement("50000")]}))
}

fn refuses(required: &str) -> Response<'_> {
    Response {
        required: Some(required),
        ..status(402)
    }
}

#[test]
fn f3_what_needs_no_approval_asks_for_none() {
    let said = not_approved();
    for answer in [status(412), refuses(&said)] {
        let mut purchase = begin(Policy::up_to("$0.10").unwrap());
        assert_eq!(purchase.answer(NOW, &asks(&required(&[requirement("50000")]))), Step::Sign);
        sign(&mut purchase);
        let Step::Stop(stop) = purchase.answer(NOW, &answer) else {
            panic!()
        };
        assert_eq!((stop.key(), stop.is_open()), ("undeliverable", true));
    }
}

#[test]
fn a_key_held_here_signs_what_a_wallet_would_and_for_no_other_account() {
    let mut by_key = begin(Policy::up_to("$0.10").unwrap());
    assert_eq!(by_key.sign(&payer()), None, "there is nothing to sign yet");
    by_key.answer(NOW, &asks(&required(&[requirement("50000")])));
    let mut by_wallet = by_key.clone();
    let stranger = Key::from_hex(&["0x", &"11".repeat(32)].concat()).unwrap();
    assert_eq!(by_key.sign(&stranger), None);
    assert_eq!(by_key.sign(&payer()), Some(Step::Send { after: 0 }));
    assert_eq!(sign(&mut by_wallet), Step::Send { after: 0 });
    assert_eq!(by_key, by_wallet);
    assert_eq!(by_key.sign(&payer()), None, "once");
}

#[test]
fn nonces_carry_our_quotes_tag_by_both_transfers_and_are_new_each_time() {
    let mut seen = Vec::new();
    for (transfer, random) in [("eip3009", 7), ("permit2", 7), ("permit2", 9)] {
        let mut offer = requirement("50000");
        offer["extra"]["assetTransferMethod"] = transfer.into();
        offer["extra"]["quote"] = quote(NOW).into();
        let mut purchase = Purchase::new(Policy::up_to("$0.10").unwrap(), payer().address(), [random; 32]);
        purchase.answer(NOW, &asks(&required(&[offer])));
        let nonce = purchase.draft().unwrap().signed().nonce();
        assert_eq!(nonce[..16], [7; 16], "{transfer}");
        seen.push(nonce);
    }
    assert!(seen[0] == seen[1] && seen[1] != seen[2], "of the random bytes alone");
}

#[test]
fn a16_a_payment_has_a_name_that_nobody_finds_on_the_chain_where_the_server_wants_one() {
    let sent = |extensions: Value| {
        let json = json!({"x402Version": 2, "accepts": [requirement("50000")], "extensions": extensions}).to_string();
        let mut purchase = begin(Policy::up_to("$0.10").unwrap());
        purchase.answer(NOW, &asks(&STANDARD.encode(json)));
        sign(&mut purchase);
        payment_in(purchase.payment().unwrap().value())
    };
    let announced = json!({
        "bazaar": {"info": {"x": 1}, "schema": {}},
        "payment-identifier": {"info": {"required": true}, "schema": {"type": "object"}},
    });
    let payment = sent(announced.clone());
    let id = payment["extensions"]["payment-identifier"]["info"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(x402::extension::identifier::is_valid(&id) && x402::extension::identifier::is_proof(&id));
    let nonce = payment["payload"]["authorization"]["nonce"].as_str().unwrap();
    assert!(!nonce.contains(&id[4..]) && !nonce.contains(&id[4..12]));
    // all that was announced is there unchanged
    let mut without = payment["extensions"].clone();
    without["payment-identifier"]["info"].as_object_mut().unwrap().remove("id");
    assert_eq!(without, announced);
    assert_eq!(
        sent(json!({"bazaar": {}}))["extensions"],
        json!({"bazaar": {}}),
        "not asked for"
    );
    assert_eq!(sent(Value::Null).get("extensions"), None);
}

#[test]
fn a7_the_window_is_by_the_servers_clock() {
    let window = |date: Option<u64>| {
        let mut purchase = begin(Policy::up_to("$0.10").unwrap());
        let header = required(&[requirement("50000")]);
        let step = purchase.answer(NOW, &Response { date, ..asks(&header) });
        let signed = purchase.draft().map(|draft| *draft.signed());
        (step, signed.map(|signed| (signed.valid_after(), signed.valid_before())))
    };
    assert_eq!(window(None).1, Some((NOW - 600, NOW + 300)));
    for server in [NOW - 3600, NOW - 1, NOW + 1, NOW + 3600] {
        assert_eq!(window(Some(server)).1, Some((server - 600, server + 300)));
    }
    for server in [0, NOW - 7201, NOW + 7201, u64::MAX] {
        assert_eq!(window(Some(server)), (Step::Stop(Stop::Clock), None), "{server}");
    }
}

#[test]
fn the_servers_own_bytes_come_back_to_it() {
    // odd spacing, unknown fields, letter case of their own, escapes and numbers in odd forms
    let accepted = format!(
        r#"{{"scheme":"exact",  "amount":"50000","network":"eip155:84532","asset":"{}","payTo":"{}","maxTimeoutSeconds":300,"extra":{{"version":"2","name":"USDC","x":1.50e2,"y":[null,"\u00e9\/"]}},"note":{{"a":[[]]}}}}"#,
        base().contract.to_string().to_lowercase(),
        PAY_TO.to_lowercase(),
    );
    let resource = r#"{"url": "https://n.example/a","tags":["x"],"serviceName":null}"#;
    let extensions = r#"{"bazaar":{"info":{},"schema":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{}}}}}}}}}}}"#;
    let json = format!(r#"{{"x402Version":2,"accepts":[{accepted}],"resource":{resource},"extensions":{extensions}}}"#);
    let mut purchase = begin(Policy::up_to("$0.10").unwrap());
    assert_eq!(purchase.answer(NOW, &asks(&STANDARD.encode(json))), Step::Sign);
    sign(&mut purchase);
    let sent = x402::decode(purchase.payment().unwrap().value()).unwrap();
    let sent = json::parse_nested(&sent, 32).unwrap();
    assert_eq!(sent.get("accepted").unwrap().raw(), accepted);
    assert_eq!(sent.get("resource").unwrap().raw(), resource);
    assert_eq!(sent.get("extensions").unwrap().raw(), extensions);
}

#[test]
fn a_contract_wallets_signature_is_taken_as_it_is_when_it_was_announced() {
    let mut purchase = begin(Policy::up_to("$0.10").unwrap());
    purchase.answer(NOW, &asks(&required(&[requirement("50000")])));
    let draft = purchase.draft().unwrap().clone();
    let wallet = format!("0x{}00", "ab".repeat(100));
    assert_eq!(draft.seal(&wallet, false), Err(SealError::Contract));
    let payment = payment_in(draft.seal(&wallet, true).unwrap().value());
    assert_eq!(payment["payload"]["signature"], wallet, "its last byte is no v");
    for bad in ["0x", "0xabc", &format!("0x{}", "zz".repeat(65)), ""] {
        assert_eq!(draft.seal(bad, true), Err(SealError::Malformed), "{bad}");
    }
}

/// Any answer: statuses of all kinds, with and without offers, problems of ours, peers' words.
fn any_answer() -> impl Strategy<Value = (u16, Option<String>, String, Option<u32>)> {
    let statuses = prop_oneof![
        Just(0u16),
        Just(402),
        Just(402),
        Just(412),
        Just(503),
        Just(429),
        Just(404),
        Just(409),
        200u16..600,
    ];
    let bodies = prop_oneof![
        Just(String::new()),
        Just("{}".to_owned()),
        proptest::sample::select(Problem::ALL).prop_map(|one| serde_json::to_string(&one.document(None)).unwrap()),
        "[a-z_]{0,20}".prop_map(|error| format!(r#"{{"x402Version":1,"error":"{error}","accepts":[]}}"#)),
        ".{0,40}",
    ];
    let offers = proptest::option::of((1u32..200_000).prop_map(|amount| required(&[requirement(&amount.to_string())])));
    (statuses, offers, bodies, proptest::option::of(0u32..100))
}

proptest! {
    #[test]
    fn f5_a_purchase_signs_once_and_sends_one_payment_whatever_is_answered(
        answers in proptest::collection::vec(any_answer(), 1..30), pauses in proptest::collection::vec(0u64..200, 30),
    ) {
        let mut purchase = begin(Policy::up_to("$0.10").unwrap());
        let mut signatures = 0;
        let mut payment: Option<Payment> = None;
        let mut now = NOW;
        for ((status, required, body, retry_after), pause) in answers.iter().zip(pauses) {
            now += pause;
            let before = purchase.payment().cloned();
            let step = purchase.answer(now, &Response {
                status: *status, required: required.as_deref(), body, retry_after: *retry_after, ..Response::default()
            });
            if step == Step::Sign {
                prop_assert!(before.is_none() && payment.is_none(), "a second authorization");
                signatures += 1;
                prop_assert!(purchase.draft().unwrap().signed().amount().atomic() <= alloy_primitives::U256::from(100_000));
                prop_assert_eq!(sign(&mut purchase), Step::Send { after: 0 });
                payment = purchase.payment().cloned();
            }
            if let Step::Send { .. } = step {
                prop_assert_eq!(purchase.payment(), payment.as_ref());
            }
            // unresolved and nothing delivered: the payment is still there to be kept
            if let Step::Stop(stop) = &step {
                prop_assert_eq!(stop.is_open(), purchase.keep().is_some());
            }
            if (200..300).contains(status) {
                prop_assert_eq!(purchase.keep(), None);
            }
        }
        prop_assert!(signatures <= 1);
    }

    #[test]
    fn kept_payments_come_back_as_they_were(text in ".{0,80}") {
        let kept = paying().keep().unwrap();
        prop_assert_eq!(Payment::restore(&kept).unwrap().keep(), kept);
        prop_assert!(Payment::restore(&text).is_none());
    }
}
