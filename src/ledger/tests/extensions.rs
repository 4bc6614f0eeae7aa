//! Payment identifiers and sign-in.

use super::*;

const LONG: &str = "pay_7d5d747be160e280504c099d984bcfe0";

fn named(id: &str, nonce: u8) -> Intent {
    Intent {
        identifier: Some(id.into()),
        nonce: B256::repeat_byte(nonce),
        ..intent()
    }
}

fn row(intent: Intent, phase: Phase) -> Row {
    Row { intent, phase, ..won() }
}

#[test]
fn one_identifier_is_of_one_payment() {
    let other = named(LONG, 4);
    for phase in [
        Phase::Claimed { deadline: NOW + 1 },
        Phase::Settling {
            attempt: 1,
            deadline: NOW + 1,
        },
        unknown(),
        settled(),
        Phase::Rejected {
            reason: "insufficient_funds".into(),
            at: NOW,
            closed: true,
            checks: 0,
        },
        Phase::Expired,
        Phase::Cancelled,
        Phase::Waived,
        Phase::Foreign,
    ] {
        let first = row(other.clone(), phase);
        let payer = Payer {
            named: Some(&first),
            ..alone()
        };
        assert_eq!(slug(claim(payer, &named(LONG, 5), NOW)), "payment-identifier-conflict");
        let owned = first.owned();
        let owner = Payer {
            owned: owned.as_ref(),
            ..payer
        };
        assert_eq!(slug(claim(owner, &named(LONG, 5), NOW)), "payment-identifier-conflict");
    }
    // nothing was sent to anybody for it
    let released = row(other, Phase::Released);
    let payer = Payer {
        named: Some(&released),
        ..alone()
    };
    assert_eq!(slug(claim(payer, &named(LONG, 5), NOW)), "won");
}

#[test]
fn a16_a_long_identifier_of_the_first_request_proves_the_second() {
    let plain = |id: Option<&str>| Intent {
        identifier: id.map(Into::into),
        secret: false,
        address: String::new(),
        ..intent()
    };
    let first = row(plain(Some(LONG)), settled());
    let (first, _) = step(&first, Event::Answering, NOW, &TERMS);
    assert_eq!(slug(claim(knowing(&first), &plain(Some(LONG)), NOW)), "deliver and mint");
    assert_eq!(
        slug(claim(knowing(&first), &plain(Some(LONG)), NOW + REDELIVERY_SECONDS + 1)),
        "authorization-already-used"
    );
    let rebuilt = Intent {
        digest: "other".into(),
        ..plain(Some(LONG))
    };
    assert_eq!(slug(claim(knowing(&first), &rebuilt, NOW)), "authorization-already-used");
    let short = &LONG[..31];
    for (before, now) in [
        (Some(LONG), None),
        (None, Some(LONG)),
        (None, None),
        (Some(LONG), Some("pay_00000000000000000000000000000000")),
        (Some(short), Some(short)),
    ] {
        let first = row(plain(before), settled());
        assert_eq!(
            slug(claim(knowing(&first), &plain(now), NOW)),
            "authorization-already-used",
            "{before:?} {now:?}"
        );
    }
}

#[test]
fn what_proves_itself_is_not_reported_as_delivered() {
    let report = |intent: Intent| match Reply::deliver(&row(intent, settled()), true) {
        Some(Reply::Deliver(grant)) => grant.report.is_some(),
        other => panic!("{other:?}"),
    };
    let plain = Intent {
        secret: false,
        ..intent()
    };
    assert!(report(plain.clone()));
    assert!(!report(Intent {
        identifier: Some(LONG.into()),
        ..plain.clone()
    }));
    assert!(report(Intent {
        identifier: Some(LONG[..31].into()),
        ..plain
    }));
}

#[test]
fn e11_a_proof_opens_what_its_account_owns_and_once() {
    let first = row(intent(), settled());
    let owned = first.owned().unwrap();
    let new = |is_new: bool| move || Ok::<_, ()>(is_new);
    let delivered = sign_in(Some(&owned), &[], &owned.resource, new(true)).unwrap();
    assert_eq!(slug(Claim::Reply(delivered)), "deliver and mint");
    let again = sign_in(Some(&owned), &[], &owned.resource, new(false)).unwrap();
    assert_eq!(slug(Claim::Reply(again)), "sign-in-used");
    assert_eq!(sign_in(Some(&owned), &[], &owned.resource, || Err("disk")), Err("disk"));
}

#[test]
fn b8_a_strangers_proof_leaves_nothing_behind() {
    let reply = sign_in(None, &[], "https://n.example/a", || -> Result<bool, ()> { panic!("asked") }).unwrap();
    assert_eq!(slug(Claim::Reply(reply)), "not-owned");
}

#[test]
fn rows_from_before_identifiers_are_read() {
    let mut row = serde_json::to_value(won()).unwrap();
    assert_eq!(
        row["intent"].as_object_mut().unwrap().remove("identifier"),
        None,
        "not written without one"
    );
    assert_eq!(serde_json::from_value::<Row>(row).unwrap().intent.identifier, None);
    let text = serde_json::to_string(&named(LONG, 4)).unwrap();
    assert_eq!(serde_json::from_str::<Intent>(&text).unwrap(), named(LONG, 4));
}
