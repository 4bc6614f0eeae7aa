//! What differs by the way of paying: metered payments, permits, contract wallets.

use super::*;

fn metered() -> Row {
    let body = r#"{"accepted":{"amount":"50000"},"paymentRequirements":{"scheme":"upto","amount":"50000","extra":{"name":"\"amount\":\"50000\""}}}"#;
    let intent = Intent {
        metered: Some(6),
        seconds: None,
        request: body.into(),
        ..intent()
    };
    match claim(alone(), &intent, NOW) {
        Claim::Won(row) => *row,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_used_is_charged_and_never_more_than_was_promised() {
    let row = metered();
    let charge = |header: &str| row.intent.charge(Some(header)).map(|charge| charge.unwrap().to_string());
    for (header, charged) in [
        (r#"{"amount":"1"}"#, "1"),
        (r#"{"amount":"0"}"#, "0"),
        (r#"{"amount":"50000"}"#, "50000"),
        (r#"{"amount":"50%"}"#, "25000"),
        (r#"{"amount":"33.33%"}"#, "16665"),
        (r#"{"amount":"0.01%"}"#, "5"),
        (r#"{"amount":"100%"}"#, "50000"),
        (r#"{"amount":"$0.03"}"#, "30000"),
        (r#"{"amount":"$0"}"#, "0"),
        (r#"{"amount":"$0.00"}"#, "0"),
        ("{}", "50000"),
    ] {
        assert_eq!(charge(header).as_deref(), Ok(charged), "{header}");
    }
    for header in [
        "",
        "1",
        r#"{"amount":1}"#,
        r#"{"amount":"50001"}"#,
        r#"{"amount":"101%"}"#,
        r#"{"amount":"1.234%"}"#,
        r#"{"amount":"-1"}"#,
        r#"{"amount":"-1%"}"#,
        r#"{"amount":"%"}"#,
        r#"{"amount":"1e2%"}"#,
        r#"{"amount":"$0.06"}"#,
        r#"{"amount":"$0.0000001"}"#,
        r#"{"amount":"$"}"#,
        r#"{"amount":"1","amount":"2"}"#,
    ] {
        assert_eq!(charge(header), Err(Problem::ChargeInvalid), "{header}");
    }
    assert_eq!(row.intent.charge(None), Ok(Some(row.intent.amount)));
    assert_eq!(won().intent.charge(Some("nonsense")), Ok(None), "only what is metered");
}

#[test]
fn the_facilitator_is_told_what_was_used_in_the_requirements_alone() {
    let row = metered();
    let charge = Some(Amount::from_atomic(U256::from(7)));
    let (row, work) = step(
        &row,
        Event::OriginReady {
            fence: row.fence,
            charge,
        },
        NOW,
        TIMEOUT,
    );
    assert!(matches!(work, Work::Settle { .. }));
    let body: serde_json::Value = serde_json::from_str(&row.request()).unwrap();
    assert_eq!(body["accepted"]["amount"], "50000");
    assert_eq!(body["paymentRequirements"]["amount"], "7");
    assert_eq!(body["paymentRequirements"]["extra"]["name"], r#""amount":"50000""#);
    assert_eq!(won().request(), "{}");
}

#[test]
fn nothing_used_is_answered_without_a_transfer_and_never_again() {
    let row = metered();
    let charge = Some(Amount::ZERO);
    let (row, work) = step(
        &row,
        Event::OriginReady {
            fence: row.fence,
            charge,
        },
        NOW,
        TIMEOUT,
    );
    assert_eq!((work, &row.phase, next_alarm(&row)), (Work::None, &Phase::Waived, None));
    assert_eq!(row.owned(), None);
    let Some(Reply::Deliver(grant)) = Reply::deliver(&row, true) else {
        panic!()
    };
    assert_eq!((grant.transaction.as_str(), grant.charged, grant.until), ("", charge, None));
    let Claim::Reply(Reply::Refuse(refused)) = claim(knowing(&row), &row.intent, NOW) else {
        panic!()
    };
    assert_eq!(refused.problem, Problem::AlreadyUsed.slug());
    // a fixed price is charged whole, whatever is said
    let fixed = won();
    let (fixed, _) = step(
        &fixed,
        Event::OriginReady {
            fence: fixed.fence,
            charge,
        },
        NOW,
        TIMEOUT,
    );
    assert_eq!(fixed.charged(), fixed.intent.amount);
}

#[test]
fn a14_a_contracts_signature_is_believed_only_when_the_facilitator_believes_it() {
    use crate::x402::facilitator::VerifyResponse;
    let problem = |body: Option<&str>| match unverified(body.and_then(VerifyResponse::read).as_ref(), &intent()) {
        None => "good".to_owned(),
        Some(Reply::Refuse(refused)) => refused.problem,
        Some(other) => panic!("{other:?}"),
    };
    assert_eq!(problem(Some(r#"{"isValid":true}"#)), "good");
    for (body, slug) in [
        (None, "facilitator-unavailable"),
        (Some("<html>"), "facilitator-unavailable"),
        (
            Some(r#"{"isValid":true,"payer":"0x000000000000000000000000000000000000dEaD"}"#),
            "settlement-refused",
        ),
        (Some(r#"{"isValid":false}"#), "settlement-refused"),
        (
            Some(r#"{"isValid":false,"invalidReason":"invalid_exact_evm_signature"}"#),
            "signature-invalid",
        ),
        (
            Some(r#"{"isValid":false,"invalidReason":"eip6492_factory_not_allowed"}"#),
            "signature-unsupported",
        ),
        (
            Some(r#"{"isValid":false,"invalidReason":"invalid_exact_evm_nonce_already_used"}"#),
            "authorization-already-used",
        ),
        (
            Some(r#"{"isValid":false,"invalidReason":"insufficient_funds"}"#),
            "insufficient-funds",
        ),
        (
            Some(r#"{"isValid":false,"invalidReason":"permit2_allowance_required"}"#),
            "permit2-allowance-required",
        ),
    ] {
        assert_eq!(problem(body), slug, "{body:?}");
    }
}

#[test]
fn permit2_counts_nonces_by_payer_whatever_the_token() {
    let mut one = intent();
    one.transfer = Transfer::Permit2;
    let mut other = one.clone();
    other.asset = Address::repeat_byte(0x55);
    assert_eq!(one.key(), other.key());
    assert_ne!(one.key(), intent().key());
}
