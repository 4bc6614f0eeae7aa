//! The decisions and transitions, one by one.

mod extensions;
mod methods;

use alloc::{borrow::ToOwned, format, string::String};

use super::*;
use crate::{
    evm::{Address, B256, Transfer, U256},
    money::Amount,
    problem::Problem,
    x402::Network,
};

const NOW: u64 = 1_000_000;
const TIMEOUT: u64 = 20;
const TX: &str = "0xabababababababababababababababababababababababababababababababab";

fn intent() -> Intent {
    Intent {
        resource: "https://n.example/a".into(),
        seconds: Some(1000),
        version: 2,
        network: Network::BASE_SEPOLIA,
        asset: Address::repeat_byte(1),
        transfer: Transfer::Eip3009,
        metered: None,
        upfront: false,
        verify: false,
        payer: Address::repeat_byte(2),
        pay_to: Address::repeat_byte(3),
        amount: Amount::from_atomic(U256::from(50_000)),
        nonce: B256::repeat_byte(4),
        valid_before: NOW + 300,
        digest: "d".into(),
        secret: true,
        tagged: false,
        identifier: None,
        address: "home".into(),
        late: None,
        receipt: "r".into(),
        request: "{}".into(),
    }
}

fn alone() -> Payer<'static> {
    Payer {
        same: None,
        named: None,
        other_open: false,
        open: 0,
        owned: None,
    }
}

fn knowing(row: &Row) -> Payer<'_> {
    Payer {
        same: Some(row),
        ..alone()
    }
}

fn won() -> Row {
    match claim(alone(), &intent(), NOW) {
        Claim::Won(row) => *row,
        other => panic!("{other:?}"),
    }
}

fn in_phase(phase: Phase) -> Row {
    Row { phase, ..won() }
}

fn settled() -> Phase {
    Phase::Settled {
        transaction: TX.into(),
        at: NOW,
        answered: None,
        delivered: false,
    }
}

fn unknown() -> Phase {
    Phase::Unknown {
        since: NOW,
        attempts: 1,
        checks: 0,
        next: NOW,
    }
}

fn slug(claim: Claim) -> String {
    match claim {
        Claim::Reply(Reply::Refuse(refused)) => refused.problem,
        Claim::Reply(Reply::Deliver(grant)) => format!("deliver{}", if grant.until.is_some() { " and mint" } else { "" }),
        Claim::Won(_) => "won".into(),
        Claim::Join => "join".into(),
        Claim::WaitForOther => "wait".into(),
        Claim::Resolve => "resolve".into(),
        Claim::Owned => "owned".into(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a1_one_request_wins_and_the_others_join_it() {
    let row = won();
    assert_eq!(slug(claim(knowing(&row), &intent(), NOW)), "join");
    // until its owner is lost
    let Claim::Won(next) = claim(knowing(&row), &intent(), NOW + CLAIM_SECONDS) else {
        panic!()
    };
    assert_eq!(next.fence, row.fence + 1);
    assert_eq!(next.created, NOW + CLAIM_SECONDS, "nothing was sent before");
    assert_eq!(
        step(
            &next,
            Event::OriginReady {
                fence: row.fence,
                charge: None
            },
            NOW,
            TIMEOUT
        )
        .1,
        Work::None,
        "the lost owner settles nothing"
    );
}

#[test]
fn a2_an_authorization_belongs_to_its_first_article() {
    let elsewhere = Intent {
        resource: "https://n.example/b".into(),
        ..intent()
    };
    for phase in [
        won().phase,
        unknown(),
        settled(),
        Phase::Released,
        Phase::Expired,
        Phase::Rejected {
            reason: "x".into(),
            closed: false,
        },
    ] {
        assert_eq!(
            slug(claim(knowing(&in_phase(phase)), &elsewhere, NOW)),
            "authorization-bound-elsewhere"
        );
    }
}

#[test]
fn s3_a_second_authorization_waits_for_the_first_and_then_costs_nothing() {
    assert_eq!(
        slug(claim(
            Payer {
                other_open: true,
                ..alone()
            },
            &intent(),
            NOW
        )),
        "wait"
    );
    let owned = in_phase(settled()).owned().unwrap();
    let owner = Payer {
        owned: Some(&owned),
        ..alone()
    };
    assert_eq!(slug(claim(owner, &intent(), NOW)), "owned");
    // single calls are each paid for
    let call = Intent {
        seconds: None,
        ..intent()
    };
    assert_eq!(
        slug(claim(
            Payer {
                other_open: true,
                ..owner
            },
            &call,
            NOW
        )),
        "won"
    );
}

#[test]
fn late_payments_join_and_never_begin() {
    let late = Intent {
        late: Some("authorization-expired".into()),
        ..intent()
    };
    assert_eq!(slug(claim(alone(), &late, NOW)), "authorization-expired");
    assert_eq!(slug(claim(knowing(&in_phase(unknown())), &late, NOW)), "resolve");
    assert_eq!(
        slug(claim(knowing(&in_phase(settled())), &late, NOW + 400)),
        "deliver and mint"
    );
    assert_eq!(
        slug(claim(knowing(&in_phase(Phase::Released)), &late, NOW)),
        "authorization-expired"
    );
    let owned = in_phase(settled()).owned().unwrap();
    assert_eq!(
        slug(claim(
            Payer {
                owned: Some(&owned),
                ..alone()
            },
            &late,
            NOW
        )),
        "authorization-expired"
    );
}

#[test]
fn a16_a_settled_header_opens_nothing_without_what_no_chain_knows() {
    let row = in_phase(settled());
    assert_eq!(slug(claim(knowing(&row), &intent(), NOW)), "deliver and mint");
    let rebuilt = Intent {
        digest: "other".into(),
        ..intent()
    };
    assert_eq!(slug(claim(knowing(&row), &rebuilt, NOW)), "authorization-already-used");
    // without our secret in it, the same bytes prove nothing
    let mut row = row;
    row.intent.secret = false;
    let plain = Intent {
        secret: false,
        ..intent()
    };
    assert_eq!(
        slug(claim(knowing(&row), &plain, NOW)),
        "deliver",
        "same network address, nothing delivered yet: content, no pass"
    );
    assert_eq!(
        slug(claim(
            knowing(&row),
            &Intent {
                address: "away".into(),
                ..plain.clone()
            },
            NOW
        )),
        "authorization-already-used"
    );
    let (answered, _) = step(&row, Event::Answering, NOW, TIMEOUT);
    let much_later = NOW + SAME_ADDRESS_SECONDS + 1;
    assert_eq!(
        slug(claim(knowing(&answered), &plain, much_later)),
        "authorization-already-used"
    );
    assert_eq!(
        slug(claim(knowing(&row), &plain, much_later)),
        "deliver",
        "it was unknown all the time"
    );
    assert_eq!(
        slug(claim(knowing(&row), &plain, NOW + DAY_SECONDS + 1)),
        "authorization-already-used"
    );
    let (delivered, _) = step(&row, Event::Delivered, NOW, TIMEOUT);
    assert_eq!(slug(claim(knowing(&delivered), &plain, NOW)), "authorization-already-used");
    row.intent.address = String::new();
    assert_eq!(
        slug(claim(
            knowing(&row),
            &Intent {
                address: String::new(),
                ..plain
            },
            NOW
        )),
        "authorization-already-used"
    );
}

#[test]
fn a_single_call_that_went_out_is_over() {
    let mut row = in_phase(settled());
    row.intent.seconds = None;
    let call = Intent {
        seconds: None,
        ..intent()
    };
    assert_eq!(slug(claim(knowing(&row), &call, NOW)), "deliver");
    let (over, _) = step(&row, Event::Delivered, NOW, TIMEOUT);
    assert_eq!(slug(claim(knowing(&over), &call, NOW)), "authorization-already-used");
}

#[test]
fn s4_a_claim_whose_owner_was_lost_lets_go_by_itself() {
    let row = won();
    assert_eq!(next_alarm(&row), Some(NOW + CLAIM_SECONDS));
    assert_eq!(step(&row, Event::Tick, NOW + CLAIM_SECONDS - 1, TIMEOUT).0, row);
    assert_eq!(step(&row, Event::Tick, NOW + CLAIM_SECONDS, TIMEOUT).0.phase, Phase::Released);
}

#[test]
fn b3_redelivery_ends() {
    let (row, _) = step(&in_phase(settled()), Event::Answering, NOW, TIMEOUT);
    let (row, _) = step(&row, Event::Answering, NOW + 60, TIMEOUT);
    assert_eq!(
        slug(claim(knowing(&row), &intent(), NOW + REDELIVERY_SECONDS)),
        "deliver and mint"
    );
    assert_eq!(
        slug(claim(knowing(&row), &intent(), NOW + REDELIVERY_SECONDS + 1)),
        "authorization-already-used"
    );
}

#[test]
fn b7_one_payer_has_few_open_payments() {
    assert_eq!(
        slug(claim(
            Payer {
                open: MAX_OPEN,
                ..alone()
            },
            &intent(),
            NOW
        )),
        "too-many-requests"
    );
}

#[test]
fn the_good_way() {
    let row = won();
    let (row, work) = step(
        &row,
        Event::OriginReady {
            fence: row.fence,
            charge: None,
        },
        NOW,
        TIMEOUT,
    );
    let Work::Settle { fence } = work else { panic!() };
    assert_eq!(next_alarm(&row), Some(NOW + TIMEOUT + SETTLE_SLACK_SECONDS));
    let done = Event::Answered {
        fence,
        settlement: Settlement::Done { transaction: TX.into() },
    };
    let (row, work) = step(&row, done, NOW + 3, TIMEOUT);
    assert_eq!(work, Work::None);
    assert_eq!(row.owned().unwrap().until, NOW + 1003);
    assert_eq!(next_alarm(&row), None);
}

#[test]
fn b4_what_the_origin_cannot_deliver_is_released_and_may_be_claimed_again() {
    let row = won();
    let (row, work) = step(&row, Event::OriginFailed { fence: row.fence }, NOW, TIMEOUT);
    assert_eq!((row.phase.clone(), work), (Phase::Released, Work::None));
    assert_eq!(slug(claim(knowing(&row), &intent(), NOW)), "won");
}

fn settling() -> (Row, u64) {
    let row = won();
    let (row, work) = step(
        &row,
        Event::OriginReady {
            fence: row.fence,
            charge: None,
        },
        NOW,
        TIMEOUT,
    );
    let Work::Settle { fence } = work else { panic!() };
    (row, fence)
}

#[test]
fn b1_no_answer_is_unknown_and_the_chain_is_asked() {
    let (row, fence) = settling();
    let (row, work) = step(
        &row,
        Event::Answered {
            fence,
            settlement: Settlement::Unclear,
        },
        NOW,
        TIMEOUT,
    );
    assert!(matches!(row.phase, Phase::Unknown { attempts: 1, .. }));
    assert_eq!(work, Work::Observe);
    // paid
    let paid = Observation::Paid {
        transaction: TX.into(),
        block: 1,
        block_time: NOW,
    };
    let (done, _) = step(
        &row,
        Event::Observed {
            observation: paid,
            may_settle: false,
        },
        NOW,
        TIMEOUT,
    );
    assert!(matches!(done.phase, Phase::Settled { .. }));
    // unused in its window: the same authorization is settled again, but once per request
    let unused = || Observation::Unused { block_time: NOW };
    let (again, work) = step(
        &row,
        Event::Observed {
            observation: unused(),
            may_settle: true,
        },
        NOW,
        TIMEOUT,
    );
    assert!(matches!(
        (again.phase, work),
        (Phase::Settling { attempt: 2, .. }, Work::Settle { .. })
    ));
    let (waiting, work) = step(
        &row,
        Event::Observed {
            observation: unused(),
            may_settle: false,
        },
        NOW,
        TIMEOUT,
    );
    assert_eq!(work, Work::None);
    assert_eq!(next_alarm(&waiting), Some(NOW + 10));
}

#[test]
fn s5_unknown_ends_only_by_evidence() {
    let row = in_phase(unknown());
    let after = row.intent.valid_before + EXPIRY_MARGIN_SECONDS;
    let observe = |observation, now| {
        step(
            &row,
            Event::Observed {
                observation,
                may_settle: true,
            },
            now,
            TIMEOUT,
        )
        .0
        .phase
    };
    assert!(matches!(
        observe(Observation::Unused { block_time: after }, after),
        Phase::Unknown { .. }
    ));
    assert_eq!(observe(Observation::Unused { block_time: after + 1 }, after), Phase::Expired);
    assert!(matches!(
        observe(Observation::Nothing, after + 1_000_000),
        Phase::Unknown { .. }
    ));
    assert_eq!(observe(Observation::UsedOtherwise, NOW), Phase::Cancelled);
}

#[test]
fn a16_a_transfer_older_than_the_claim_paid_for_something_else() {
    let paid = |tagged, floor, block, block_time| {
        let mut row = in_phase(unknown());
        row.intent.tagged = tagged;
        row.floor = floor;
        let observation = Observation::Paid {
            transaction: TX.into(),
            block,
            block_time,
        };
        let event = Event::Observed {
            observation,
            may_settle: false,
        };
        step(&row, event, NOW, TIMEOUT).0.phase
    };
    assert!(matches!(paid(false, Some(7), 8, NOW - 100), Phase::Settled { .. }));
    assert_eq!(paid(false, Some(7), 7, NOW + 1), Phase::Foreign);
    // without a block to compare, the clocks decide
    assert!(matches!(paid(false, None, 7, NOW), Phase::Settled { .. }));
    assert_eq!(paid(false, None, 7, NOW - 1), Phase::Foreign);
    assert!(matches!(paid(true, Some(7), 7, NOW - 100), Phase::Settled { .. }));
}

#[test]
fn the_floor_is_the_first_block_that_was_read() {
    let row = won();
    let (row, _) = step(
        &row,
        Event::Floor {
            fence: row.fence,
            block: 7,
        },
        NOW,
        TIMEOUT,
    );
    let (row, _) = step(
        &row,
        Event::Floor {
            fence: row.fence,
            block: 9,
        },
        NOW,
        TIMEOUT,
    );
    assert_eq!(row.floor, Some(7));
    let Claim::Won(again) = claim(knowing(&row), &intent(), NOW + CLAIM_SECONDS) else {
        panic!()
    };
    assert_eq!(again.floor, None);
    let (settling, fence) = settling();
    assert_eq!(
        step(&settling, Event::Floor { fence, block: 9 }, NOW, TIMEOUT).0.floor,
        None,
        "too late to mean anything"
    );
}

#[test]
fn a_refusal_is_final_only_for_the_first_attempt_and_until_the_chain_says_otherwise() {
    let (row, fence) = settling();
    let refused = || Settlement::Refused {
        reason: "invalid_exact_evm_insufficient_balance".into(),
    };
    let (rejected, work) = step(
        &row,
        Event::Answered {
            fence,
            settlement: refused(),
        },
        NOW,
        TIMEOUT,
    );
    assert_eq!(work, Work::None);
    assert!(!rejected.is_open());
    assert_eq!(next_alarm(&rejected), Some(NOW + 300 + EXPIRY_MARGIN_SECONDS));
    assert_eq!(slug(claim(knowing(&rejected), &intent(), NOW)), "won");
    let paid = Observation::Paid {
        transaction: TX.into(),
        block: 1,
        block_time: NOW,
    };
    let (late, _) = step(
        &rejected,
        Event::Observed {
            observation: paid,
            may_settle: false,
        },
        NOW,
        TIMEOUT,
    );
    assert!(matches!(late.phase, Phase::Settled { .. }));
    let second = Row {
        phase: Phase::Settling {
            attempt: 2,
            deadline: NOW + 25,
        },
        ..row
    };
    let (open, _) = step(
        &second,
        Event::Answered {
            fence,
            settlement: refused(),
        },
        NOW,
        TIMEOUT,
    );
    assert!(matches!(open.phase, Phase::Unknown { attempts: 2, .. }));
}

#[test]
fn b5_a_lost_settle_call_is_unknown_after_its_deadline() {
    let (row, _) = settling();
    assert_eq!(step(&row, Event::Tick, NOW + 24, TIMEOUT).1, Work::None);
    let (lost, work) = step(&row, Event::Tick, NOW + 25, TIMEOUT);
    assert!(matches!((lost.phase, work), (Phase::Unknown { .. }, Work::Observe)));
}

#[test]
fn an_answer_to_an_earlier_owner_decides_nothing() {
    let (row, fence) = settling();
    let stale = Event::Answered {
        fence: fence - 1,
        settlement: Settlement::Done { transaction: TX.into() },
    };
    assert_eq!(step(&row, stale, NOW, TIMEOUT), (row, Work::None));
}

#[test]
fn a15_answers_prove_what_they_say_only_if_they_fit() {
    let (row, _) = settling();
    let payer = row.intent.payer;
    let read = |status, body: &str| read_settlement(&row, status, body);
    let done = Settlement::Done { transaction: TX.into() };
    let success = |network: &str, transaction: &str, payer: &str| {
        format!(r#"{{"success":true,"transaction":"{transaction}","network":"{network}","payer":{payer}}}"#)
    };
    let own = format!("\"{payer}\"");
    assert_eq!(read(200, &success("eip155:84532", TX, &own)), done);
    assert_eq!(read(200, &success("base-sepolia", TX, "null")), done);
    assert_eq!(
        read(500, &success("eip155:84532", TX, &own.to_lowercase())),
        done,
        "the body counts at any status"
    );
    for bad in [
        success("eip155:8453", TX, &own),
        success("eip155:84532", "", &own),
        success("eip155:84532", "0x12", &own),
        success("eip155:84532", TX, "\"0x0000000000000000000000000000000000000001\""),
        "{}".to_owned(),
        "[]".to_owned(),
        String::new(),
        "<html>".to_owned(),
        r#"{"success":"true"}"#.to_owned(),
        r#"{"success":false}"#.to_owned(),
        r#"{"success":false,"errorReason":"invalid_exact_evm_nonce_already_used","transaction":""}"#.to_owned(),
        r#"{"success":false,"errorReason":"settlement_pending","transaction":""}"#.to_owned(),
        r#"{"success":false,"errorReason":"settle_exact_node_failure","transaction":""}"#.to_owned(),
        r#"{"success":false,"errorReason":"settle_exact_evm_transaction_confirmation_timed_out","transaction":""}"#.to_owned(),
        r#"{"success":false,"errorReason":"never heard of","transaction":""}"#.to_owned(),
        r#"{"success":false,"errorReason":"invalid_exact_evm_transaction_failed","transaction":""}"#.to_owned(),
        format!(r#"{{"success":false,"errorReason":"insufficient_funds","transaction":"{TX}"}}"#),
    ] {
        assert_eq!(read(200, &bad), Settlement::Unclear, "{bad}");
    }
    let refused =
        r#"{"success":false,"errorReason":"invalid_exact_evm_insufficient_balance","transaction":"","errorMessage":"long text"}"#;
    assert_eq!(
        read(200, refused),
        Settlement::Refused {
            reason: "invalid_exact_evm_insufficient_balance".into()
        }
    );
    assert_eq!(
        read(400, refused),
        Settlement::Refused {
            reason: "invalid_exact_evm_insufficient_balance".into()
        }
    );
    assert_eq!(read(502, refused), Settlement::Unclear);
    let text = r#"{"success":false,"errorReason":"The contract function \"transferWithAuthorization\" reverted with the following reason:\nERC20: transfer amount exceeds balance\n\nContract Call: bytes32 nonce","transaction":""}"#;
    assert_eq!(
        read(200, text),
        Settlement::Refused {
            reason: "insufficient_funds".into()
        }
    );
    assert_eq!(
        read(
            200,
            &text.replace("transfer amount exceeds balance", "authorization is used or canceled")
        ),
        Settlement::Unclear
    );
    let strange = r#"{"success":false,"errorReason":"invalid_x\r\nSet-Cookie: a","transaction":""}"#;
    assert_eq!(
        read(200, strange),
        Settlement::Refused {
            reason: "refused".into()
        }
    );
}

#[test]
fn the_recorded_answers_of_the_official_facilitator_are_told_apart() {
    let path = format!("{}/tests/vectors/facilitator-answers.json", env!("CARGO_MANIFEST_DIR"));
    let recording: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut seen = 0;
    for exchange in recording["exchanges"].as_array().unwrap() {
        if exchange["request"]["path"] != "/settle" {
            continue;
        }
        let name = exchange["case"].as_str().unwrap();
        let payer = crate::evm::hex::read(
            exchange["request"]["decoded"]["body"]["paymentPayload"]["payload"]["authorization"]["from"]
                .as_str()
                .unwrap_or_default(),
        );
        let mut row = won();
        row.intent.payer = payer.map(Address::new).unwrap_or_default();
        let status = u16::try_from(exchange["response"]["status"].as_u64().unwrap()).unwrap();
        let answer = read_settlement(&row, status, exchange["response"]["body"].as_str().unwrap());
        let want = match name.trim_start_matches("settle: ") {
            "good" => "done",
            "used nonce"
            | "wrong token name, signed with it"
            | "unknown network"
            | "unknown scheme"
            | "empty object"
            | "not JSON" => "unclear",
            _ => "refused",
        };
        let got = match answer {
            Settlement::Done { .. } => "done",
            Settlement::Refused { .. } => "refused",
            Settlement::Unclear => "unclear",
        };
        assert_eq!(got, want, "{name}");
        seen += 1;
    }
    assert!(seen > 10);
}

#[test]
fn problems_named_by_replies_exist() {
    for reply in [
        Reply::pending("r", 1),
        Reply::rejected("r", "insufficient_funds"),
        Reply::rejected("r", "x"),
    ] {
        let Reply::Refuse(refused) = reply else { panic!() };
        assert!(Problem::from_slug(&refused.problem).is_some());
    }
}
