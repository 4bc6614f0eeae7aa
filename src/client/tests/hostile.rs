//! Servers that want more than they say, or something else: each is refused with an error of its own,
//! and nothing is signed (threats A5, A6, C1, C4, F1 to F7).

use super::{
    purchases::{asks, begin, payer, sign},
    *,
};

const MINE: &str = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65";

fn policy() -> Policy {
    Policy::up_to("$0.10").unwrap()
}

/// What a purchase says to a first answer, and that there is nothing to sign then.
fn refused_by(policy: Policy, response: &Response<'_>) -> Stop {
    let mut purchase = begin(policy);
    let Step::Stop(stop) = purchase.answer(NOW, response) else {
        panic!("not refused")
    };
    assert!(purchase.draft().is_none() && purchase.payment().is_none() && !stop.is_open());
    // nor does asking again help
    assert_eq!(
        purchase.answer(NOW, &asks(&required(&[requirement("1")]))),
        Step::Deliver { receipt: None }
    );
    stop
}

fn refused(policy: Policy, offer: Value) -> Refusal {
    let Stop::Policy(nothing) = refused_by(policy, &asks(&required(&[offer]))) else {
        panic!("not by the policy")
    };
    nothing.reasons[0]
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut offer = requirement("50000");
    change(&mut offer);
    offer
}

#[test]
fn f3_a_price_that_rises_between_two_answers_is_not_signed_for() {
    let mut purchase = begin(policy());
    assert_eq!(purchase.answer(NOW, &asks(&required(&[requirement("1000")]))), Step::Sign);
    // offers that come while the first is signed change nothing
    assert_eq!(purchase.answer(NOW, &asks(&required(&[requirement("99999")]))), Step::Sign);
    assert_eq!(purchase.draft().unwrap().signed().amount().to_string(), "1000");
    sign(&mut purchase);
    let bait = required(&[requirement("99999")]);
    let Step::Stop(stop) = purchase.answer(NOW, &asks(&bait)) else {
        panic!("signed twice")
    };
    assert_eq!((stop.key(), purchase.draft()), ("refused", None));
    assert_eq!(purchase.answer(NOW, &asks(&bait)), Step::Deliver { receipt: None });
}

#[test]
fn f3_a_switched_payee_and_a_price_over_the_limit_are_refused() {
    let pinned = policy().payees(&[PAY_TO.parse().unwrap()]);
    assert_eq!(refused(pinned, changed(|offer| offer["payTo"] = MINE.into())), Refusal::Payee);
    assert_eq!(refused(policy(), requirement("100001")), Refusal::TooDear);
    let all = alloy_primitives::U256::MAX.to_string();
    assert_eq!(refused(policy(), requirement(&all)), Refusal::TooDear);
}

#[test]
fn a5_another_domain_than_the_tokens_own_is_refused() {
    for (field, value) in [
        ("name", "USD Coin"),
        ("name", "usdc"),
        ("version", "1"),
        ("name", "USDC\u{0}"),
    ] {
        assert_eq!(
            refused(policy(), changed(|offer| offer["extra"][field] = value.into())),
            Refusal::Domain
        );
        // by Permit2 it is not signed; the offer is wrong about the token all the same
        let permit = changed(|offer| {
            offer["extra"]["assetTransferMethod"] = "permit2".into();
            offer["extra"][field] = value.into();
        });
        assert_eq!(refused(policy(), permit), Refusal::Domain);
    }
}

#[test]
fn a6_units_are_never_the_servers_word() {
    // a token of unknown decimals that calls itself USDC with 6: a hundred thousand units may be a fortune
    let unknown = changed(|offer| {
        offer["asset"] = MINE.into();
        offer["amount"] = "1".into();
        offer["extra"]["decimals"] = 6.into();
        offer["extra"]["symbol"] = "USDC".into();
    });
    assert_eq!(refused(policy(), unknown), Refusal::Token);
    // the same contract on another network is another token
    let moved = changed(|offer| offer["network"] = "eip155:1".into());
    assert_eq!(refused(policy(), moved), Refusal::Token);
    for odd in [
        json!("0.05"),
        json!("5e4"),
        json!("050000"),
        json!("+50000"),
        json!(" 50000"),
        json!("0x1"),
        json!("-1"),
        json!(""),
        json!(50000),
        json!(0.05),
        Value::Null,
    ] {
        let offer = changed(|offer| offer["amount"] = odd.clone());
        assert_eq!(
            refused(policy(), offer),
            Refusal::Unpayable(Unpayable::Malformed("amount")),
            "{odd}"
        );
    }
}

#[test]
fn payments_of_at_most_something_are_not_signed_unless_the_owner_says_so() {
    let upto = changed(|offer| {
        offer["scheme"] = "upto".into();
        offer["extra"]["facilitatorAddress"] = MINE.into();
    });
    assert_eq!(refused(policy(), upto.clone()), Refusal::Method);
    let nobody = changed(|offer| offer["scheme"] = "upto".into());
    assert_eq!(
        refused(policy().upto(true), nobody),
        Refusal::Unpayable(Unpayable::NoFacilitator)
    );
    let mut dear = upto;
    dear["amount"] = "100001".into();
    assert_eq!(refused(policy().upto(true), dear), Refusal::TooDear, "the most counts");
}

#[test]
fn c1_giant_offers_are_not_looked_at() {
    let mut offer = requirement("50000");
    offer["extra"]["padding"] = "x".repeat(16 * 1024).into();
    let header = required(&[offer.clone()]);
    assert_eq!(refused_by(policy(), &asks(&header)), Stop::Offers(OffersError::TooLarge));
    let many = vec![requirement("50000"); 33];
    let body = json!({"x402Version": 1, "accepts": many}).to_string();
    let answer = |body| Response {
        status: 402,
        body,
        ..Response::default()
    };
    assert_eq!(refused_by(policy(), &answer(&body)), Stop::Offers(OffersError::TooLarge));
    let body = format!(
        "{{\"x402Version\":1,\"accepts\":[],\"x\":\"{}\"}}",
        "x".repeat(MAX_BODY_BYTES)
    );
    assert_eq!(refused_by(policy(), &answer(&body)), Stop::Offers(OffersError::TooLarge));
    let deep = format!("{{\"x402Version\":1,\"accepts\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(refused_by(policy(), &answer(&deep)), Stop::Offers(OffersError::NotJson));
}

#[test]
fn c4_offers_that_two_readers_read_differently_are_not_read() {
    let twice = format!(
        r#"{{"x402Version":2,"accepts":[{}]}}"#,
        requirement("50000").to_string().replacen('{', r#"{"amount":"1","#, 1)
    );
    assert!(twice.matches("\"amount\"").count() == 2);
    assert_eq!(
        refused_by(policy(), &asks(&STANDARD.encode(&twice))),
        Stop::Offers(OffersError::NotJson)
    );
    for (header, error) in [
        ("{}", OffersError::NotBase64),
        ("", OffersError::NotBase64),
        ("eyJ4NDAyVmVyc2lvbiI6M30=", OffersError::Version),
        ("eyJ4NDAyVmVyc2lvbiI6MX0=", OffersError::Version),
        ("eyJ4NDAyVmVyc2lvbiI6Mn0=", OffersError::Malformed),
    ] {
        assert_eq!(refused_by(policy(), &asks(header)), Stop::Offers(error), "{header}");
    }
    // a header that cannot be read is no reason to take the body's offer
    let body = json!({"x402Version": 1, "accepts": [requirement("1")]}).to_string();
    let both = Response {
        body: &body,
        ..asks("non sense")
    };
    assert_eq!(refused_by(policy(), &both), Stop::Offers(OffersError::NotBase64));
    let none = Response {
        status: 402,
        body: "<html>",
        ..Response::default()
    };
    assert_eq!(refused_by(policy(), &none), Stop::Offers(OffersError::Missing));
}

#[test]
fn f5_an_endless_402_gets_one_payment() {
    let mut purchase = begin(policy());
    let header = required(&[requirement("50000")]);
    let mut signed = 0;
    for round in 0..50 {
        match purchase.answer(NOW + round, &asks(&header)) {
            Step::Sign => {
                signed += 1;
                sign(&mut purchase);
            }
            Step::Stop(stop) => assert_eq!((round, stop.key()), (1, "refused")),
            step => assert_eq!(step, Step::Deliver { receipt: None }),
        }
    }
    assert_eq!(signed, 1);
}

#[test]
fn f7_after_a_silence_no_words_of_a_stranger_get_a_second_signature() {
    for error in [
        "Payment required",
        "insufficient_funds",
        "invalid_exact_evm_payload_authorization_valid_before",
        "please sign again",
        "",
    ] {
        let mut purchase = begin(policy());
        let header = required(&[requirement("50000")]);
        purchase.answer(NOW, &asks(&header));
        sign(&mut purchase);
        assert_eq!(purchase.answer(NOW, &Response::default()), Step::Send { after: 1 });
        let body = json!({"x402Version": 1, "error": error, "accepts": []}).to_string();
        let answer = Response {
            body: &body,
            ..asks(&header)
        };
        let Step::Stop(stop) = purchase.answer(NOW + 2, &answer) else {
            panic!("{error}")
        };
        assert_eq!((stop.key(), stop.is_open()), ("spent", true), "{error}");
        assert!(purchase.keep().is_some());
        // the next program finds it, and nothing that is not it is signed
        let mut next = Purchase::resume(Payment::restore(&purchase.keep().unwrap()).unwrap());
        assert!(!matches!(next.answer(NOW + 4, &asks(&header)), Step::Sign));
    }
}

#[test]
fn f2_a_signature_over_anything_else_is_not_sent() {
    let first = || {
        let mut purchase = begin(policy());
        purchase.answer(NOW, &asks(&required(&[requirement("50000")])));
        purchase
    };
    let dearer = {
        let mut purchase = begin(policy());
        purchase.answer(NOW, &asks(&required(&[requirement("50001")])));
        purchase.draft().unwrap().sign(&payer()).unwrap()
    };
    let (stranger, _) = key(9);
    let digest = first().draft().unwrap().digest();
    let (by_stranger, id) = stranger.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let by_stranger = format!("{}{:02x}", hex::print(&by_stranger.to_bytes()), 27 + id.to_byte());
    let contract = format!("0x{}", "ab".repeat(96));
    for (signature, error) in [
        (dearer.as_str(), SealError::NotThePayers),
        (by_stranger.as_str(), SealError::NotThePayers),
        (contract.as_str(), SealError::Contract),
        ("0x12", SealError::Malformed),
        ("", SealError::Malformed),
    ] {
        let mut purchase = first();
        assert_eq!(purchase.signed(signature, false), Step::Stop(Stop::Signature(error)));
        assert!(purchase.payment().is_none());
    }
    assert_eq!(first().draft().unwrap().sign(&payer()), {
        let mut purchase = first();
        let signature = purchase.draft().unwrap().sign(&payer());
        assert_eq!(purchase.signed(signature.as_ref().unwrap(), false), Step::Send { after: 0 });
        signature
    });
    // nor does a key sign what another payer is to sign
    let other = Key::from_bytes(&[5; 32]).unwrap();
    assert_eq!(first().draft().unwrap().sign(&other), None);
}

#[test]
fn f6_the_chain_that_is_signed_is_the_offers_and_the_tokens() {
    let mut purchase = begin(policy());
    purchase.answer(NOW, &asks(&required(&[requirement("50000")])));
    let typed: Value = serde_json::from_str(&purchase.draft().unwrap().typed_data()).unwrap();
    assert_eq!(typed["domain"]["chainId"], json!(84532));
    // Base's token on Base Sepolia is nobody's
    let mixed = changed(|offer| offer["asset"] = ASSETS[0].contract.to_string().into());
    assert_eq!(refused(policy(), mixed), Refusal::Token);
}

#[test]
fn f1_what_a_stranger_writes_is_data_and_bounded() {
    let attack = "</script><img src=x onerror=alert(1)>\r\nX-Evil: 1";
    let body = json!({"x402Version": 1, "error": attack.repeat(100), "accepts": [{"description": attack}]}).to_string();
    let offers = Offers::read(None, &body).unwrap();
    assert_eq!(
        offers.description.as_deref(),
        Some(attack),
        "handed on as it is, to be shown as text"
    );
    let code = Response {
        status: 402,
        body: &body,
        ..Response::default()
    }
    .code();
    assert_eq!(code.text.chars().count(), 200);
}

#[test]
fn a_redirect_of_a_payment_is_not_followed() {
    let mut purchase = begin(policy());
    purchase.answer(NOW, &asks(&required(&[requirement("50000")])));
    sign(&mut purchase);
    for status in [301, 302, 303, 307, 308] {
        let step = purchase.answer(
            NOW,
            &Response {
                status,
                ..Response::default()
            },
        );
        assert!(matches!(step, Step::Stop(Stop::Held(Hold::Moved, _))), "{status}");
    }
}
