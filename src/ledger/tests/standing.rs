//! What is told about a row, and to whom.

use super::*;

fn asked(row: &Row, intent: &Intent) -> (Option<u64>, Option<String>) {
    match pending(Some(row), intent, NOW) {
        Reply::Refuse(refused) => (refused.retry_after, refused.receipt),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a16_where_to_ask_is_told_to_who_sent_it_first() {
    let row = in_phase(unknown());
    let receipt = Some("r".to_owned());
    assert_eq!(asked(&row, &intent()), (Some(2), receipt.clone()));
    // the same payment, from elsewhere, with our quote in it
    let elsewhere = |secret| Intent {
        address: "elsewhere".into(),
        receipt: "another".into(),
        secret,
        ..intent()
    };
    assert_eq!(asked(&row, &elsewhere(true)).1, receipt);
    // a header rebuilt from the chain has no secret, and comes from somewhere else
    assert_eq!(asked(&row, &elsewhere(false)).1, None);
    let plain = Row {
        intent: Intent {
            secret: false,
            ..intent()
        },
        ..row.clone()
    };
    assert_eq!(asked(&plain, &elsewhere(true)).1, None);
    assert_eq!(
        asked(
            &plain,
            &Intent {
                secret: false,
                ..intent()
            }
        )
        .1,
        receipt
    );
    // neither is a network address that nobody knows
    let nowhere = |intent: Intent| Intent {
        address: String::new(),
        secret: false,
        ..intent
    };
    let unplaced = Row {
        intent: nowhere(intent()),
        ..row.clone()
    };
    assert_eq!(asked(&unplaced, &nowhere(intent())).1, None);
    // another envelope around the same authorization
    let other = Intent {
        digest: "other".into(),
        ..intent()
    };
    assert_eq!(asked(&row, &other).1, None);
    // what is over is not pending
    assert_eq!(asked(&in_phase(settled()), &intent()), (Some(1), None));
    assert_eq!(asked(&in_phase(Phase::Released), &intent()), (Some(1), None));
}

#[test]
fn one_authorization_has_one_receipt_however_often_it_is_begun() {
    for phase in [Phase::Released, Phase::Claimed { deadline: NOW - 1 }] {
        let row = in_phase(phase);
        let again = Intent {
            receipt: "another".into(),
            ..intent()
        };
        let Claim::Won(row) = claim(knowing(&row), &again, NOW) else {
            panic!()
        };
        assert_eq!(row.intent.receipt, "r");
    }
}

#[test]
fn every_phase_has_a_word() {
    let word = |phase| Standing::of(&in_phase(phase), NOW);
    assert_eq!(word(Phase::Claimed { deadline: NOW }).state, "pending");
    assert_eq!(
        word(Phase::Settling {
            attempt: 1,
            deadline: NOW
        })
        .state,
        "pending"
    );
    let waiting = word(Phase::Unknown {
        since: NOW,
        attempts: 1,
        checks: 3,
        next: NOW + 7,
        looked: 0,
        told: None,
    });
    assert_eq!((waiting.state.as_str(), waiting.retry_after), ("pending", Some(7)));
    let paid = word(settled());
    assert_eq!(
        (
            paid.state.as_str(),
            paid.transaction.as_deref(),
            paid.settled_at,
            paid.retry_after
        ),
        ("settled", Some(TX), Some(NOW), None)
    );
    for (phase, state) in [
        (Phase::Released, "released"),
        (Phase::Expired, "expired"),
        (Phase::Cancelled, "cancelled"),
        (Phase::Waived, "waived"),
        (Phase::Foreign, "elsewhere"),
    ] {
        assert_eq!(word(phase).state, state);
    }
    let (row, _) = settling();
    let fence = row.fence;
    let settlement = Settlement::Refused {
        reason: "insufficient_funds".into(),
    };
    let (row, _) = step(&row, Event::Answered { fence, settlement }, NOW, &TERMS);
    let refused = Standing::of(&row, NOW);
    assert_eq!(
        (refused.state.as_str(), refused.reason.as_deref()),
        ("refused", Some("insufficient_funds"))
    );
    for standing in [waiting, paid, refused] {
        let text = serde_json::to_string(&standing).unwrap();
        assert_eq!(Standing::read(&text), Some(standing));
    }
    assert_eq!(Standing::read("{}"), None);
    assert_eq!(
        Standing::read(r#"{"refuse":{"problem":"no-such-endpoint","resource":""}}"#),
        None
    );
}

#[test]
fn a_refusal_may_say_where_to_ask_and_nothing_else_does() {
    let refused = Reply::rejected("https://n.example/a", "insufficient_funds", None).with_receipt("r");
    let text = serde_json::to_string(&refused).unwrap();
    assert!(text.contains(r#""receipt":"r""#));
    assert_eq!(Reply::read(&text), Some(refused));
    let fetch = Reply::Fetch {
        key: "k".into(),
        fence: 1,
    };
    assert_eq!(fetch.clone().with_receipt("r"), fetch);
}

#[test]
fn what_was_used_is_what_is_told() {
    let row = Row {
        charge: Some(Amount::from_atomic(U256::from(7))),
        ..in_phase(settled())
    };
    assert_eq!(Standing::of(&row, NOW).amount, Amount::from_atomic(U256::from(7)));
}
