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
        &TERMS,
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
        &TERMS,
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
        &TERMS,
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

#[test]
fn s3_a_payment_is_verified_before_it_begins_and_its_twin_joins() {
    let permit = Intent {
        verify: true,
        ..intent()
    };
    assert_eq!(claim(alone(), &permit, NOW), Claim::Verify);
    let verified = Payer {
        verified: true,
        ..alone()
    };
    let Claim::Won(row) = claim(verified, &permit, NOW) else {
        panic!()
    };
    // the twin was verified meanwhile, or refused because the first one has taken the money: its row decides
    for verified in [false, true] {
        let payer = Payer {
            same: Some(&row),
            verified,
            ..alone()
        };
        assert_eq!(claim(payer, &permit, NOW), Claim::Join);
    }
    // what was refused begins anew only when it is verified anew
    let rejected = Row {
        phase: Phase::Rejected {
            reason: "insufficient_funds".into(),
            at: NOW,
            closed: false,
            checks: 0,
        },
        ..*row
    };
    assert_eq!(claim(knowing(&rejected), &permit, NOW), Claim::Verify);
}

#[test]
fn a14_of_an_unverified_contract_nothing_is_believed() {
    let wallet = Intent {
        verify: true,
        contract: true,
        ..intent()
    };
    let owned = in_phase(settled()).owned().unwrap();
    let theirs = Row {
        intent: Intent {
            digest: "another signature".into(),
            ..wallet.clone()
        },
        ..in_phase(settled())
    };
    for payer in [
        alone(),
        Payer {
            owned: Some(&owned),
            ..alone()
        },
        knowing(&theirs),
    ] {
        assert_eq!(claim(payer, &wallet, NOW), Claim::Verify);
    }
    // an owner with a key is known by its signature
    let key = Intent {
        verify: true,
        ..intent()
    };
    let owner = Payer {
        owned: Some(&owned),
        ..alone()
    };
    assert_eq!(claim(owner, &key, NOW), Claim::Owned);
}

#[test]
fn s2_a_contract_owns_nothing_on_another_chain() {
    let owned = in_phase(settled()).owned().unwrap();
    let verified = |network| {
        let wallet = Intent {
            network,
            contract: true,
            verify: true,
            ..intent()
        };
        let payer = Payer {
            owned: Some(&owned),
            verified: true,
            ..alone()
        };
        claim(payer, &wallet, NOW)
    };
    assert_eq!(verified(Network::BASE_SEPOLIA), Claim::Owned);
    assert!(matches!(verified(Network::BASE), Claim::Won(_)));
    let Some(Reply::Deliver(grant)) = Reply::deliver(
        &Row {
            intent: Intent {
                contract: true,
                ..intent()
            },
            ..in_phase(settled())
        },
        true,
    ) else {
        panic!()
    };
    assert!(grant.contract && grant.until.is_some());
    let text = serde_json::to_string(&Reply::Deliver(grant.clone())).unwrap();
    assert_eq!(Reply::read(&text), Some(Reply::Deliver(grant)));
}

#[test]
fn b4_a_single_call_that_was_paid_for_and_not_delivered_is_owed_for_a_day() {
    let single = Intent {
        seconds: None,
        upfront: true,
        ..intent()
    };
    let row = |delivered| Row {
        intent: single.clone(),
        phase: Phase::Settled {
            transaction: TX.into(),
            at: NOW,
            block: None,
            watch: None,
        },
        answered: Some(NOW),
        delivered,
        ..won()
    };
    let later = |row: &Row, seconds| slug(claim(knowing(row), &single, NOW + seconds));
    assert_eq!(later(&row(false), DAY_SECONDS), "deliver");
    assert_eq!(later(&row(false), DAY_SECONDS + 1), "authorization-already-used");
    assert_eq!(later(&row(true), 1), "authorization-already-used");
}
