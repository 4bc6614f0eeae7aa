//! What happens after a settlement: confirmations, undone blocks, holds, and when a row may be forgotten.

use super::*;

const READABLE: Terms = Terms {
    timeout: 20,
    confirmations: 0,
    readable: true,
};
const CAREFUL: Terms = Terms {
    confirmations: 3,
    ..READABLE
};

fn done(terms: &Terms) -> (Row, Work) {
    let (row, fence) = settling();
    let settlement = Settlement::Done { transaction: TX.into() };
    step(&row, Event::Answered { fence, settlement }, NOW, terms)
}

fn see(row: &Row, observation: Observation, now: u64, terms: &Terms) -> (Row, Work) {
    let event = Event::Observed {
        observation,
        may_settle: true,
    };
    step(row, event, now, terms)
}

fn paid(depth: u64) -> Observation {
    Observation::Paid {
        transaction: TX.into(),
        block: 70,
        block_time: NOW,
        depth,
        floorless: false,
    }
}

fn watch(row: &Row) -> Option<u64> {
    match row.phase {
        Phase::Settled { watch, .. } => watch.map(|watch| watch.next),
        _ => panic!("{row:?}"),
    }
}

#[test]
fn a13_a_settlement_is_looked_at_until_it_is_final() {
    let (row, work) = done(&READABLE);
    assert_eq!((work, watch(&row)), (Work::None, Some(NOW + WATCH_SECONDS)));
    assert_eq!(next_alarm(&row), Some(NOW + WATCH_SECONDS));
    assert_eq!(step(&row, Event::Tick, NOW + WATCH_SECONDS - 1, &READABLE).1, Work::None);
    assert_eq!(step(&row, Event::Tick, NOW + WATCH_SECONDS, &READABLE).1, Work::Observe);
    // answered meanwhile: that is not forgotten
    let (row, _) = step(&row, Event::Answering, NOW + 1, &READABLE);
    let (young, work) = see(&row, paid(FINAL_BLOCKS - 1), NOW + 60, &READABLE);
    assert_eq!((work, watch(&young)), (Work::None, Some(NOW + 60 + 2 * WATCH_SECONDS)));
    let (last, _) = see(&young, paid(FINAL_BLOCKS), NOW + 180, &READABLE);
    assert!(matches!(
        last.phase,
        Phase::Settled {
            at: NOW,
            block: Some(70),
            watch: None,
            ..
        }
    ));
    assert_eq!(
        see(&last, Observation::UsedOtherwise, NOW + 200, &READABLE),
        (last, Work::None)
    );
    // where no chain can be read the facilitator's word is all there is
    assert_eq!(watch(&done(&TERMS).0), None);
}

#[test]
fn a13_what_the_chain_has_undone_is_settled_again_and_owned_no_more() {
    let (row, _) = done(&READABLE);
    assert!(row.owned().is_some());
    // a node that lags behind says nothing
    let young = Observation::Unused {
        block_time: NOW + UNDONE_SECONDS - 1,
    };
    let (same, work) = see(&row, young, NOW + 60, &READABLE);
    assert_eq!((work, watch(&same)), (Work::None, Some(NOW + 60 + 2 * WATCH_SECONDS)));
    let gone = Observation::Unused {
        block_time: NOW + UNDONE_SECONDS,
    };
    let (again, work) = see(&row, gone.clone(), NOW + 60, &READABLE);
    assert!(matches!(
        (&again.phase, work),
        (Phase::Settling { attempt: 2, .. }, Work::Settle { .. })
    ));
    assert!(again.owned().is_none() && again.is_open());
    // too late for that: unknown until the chain's clock ends it
    let late = row.intent.valid_before;
    let (open, work) = see(&row, gone, late, &READABLE);
    assert!(matches!((&open.phase, work), (Phase::Unknown { .. }, Work::None)));
    let over = Observation::Unused {
        block_time: late + EXPIRY_MARGIN_SECONDS + 1,
    };
    assert_eq!(see(&open, over.clone(), late + 40, &READABLE).0.phase, Phase::Expired);
    assert_eq!(see(&row, over, late + 40, &READABLE).0.phase, Phase::Expired);
}

#[test]
fn a15_a_facilitator_that_says_settled_is_found_out() {
    let (row, _) = done(&READABLE);
    let (cancelled, _) = see(&row, Observation::UsedOtherwise, NOW + 60, &READABLE);
    assert_eq!(cancelled.phase, Phase::Cancelled);
    let mut before = row;
    before.floor = Some(floor(70));
    assert_eq!(see(&before, paid(20), NOW + 60, &READABLE).0.phase, Phase::Foreign);
}

#[test]
fn a13_confirmations_come_before_the_article() {
    let (row, work) = done(&CAREFUL);
    assert_eq!(work, Work::Observe);
    let told = |row: &Row| match &row.phase {
        Phase::Unknown { told, next, .. } => (told.clone(), *next),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(&row), (Some(TX.to_owned()), NOW));
    let (shallow, work) = see(&row, paid(2), NOW + 1, &CAREFUL);
    assert_eq!((told(&shallow), work), ((Some(TX.to_owned()), NOW + 3), Work::None));
    let (deep, _) = see(&shallow, paid(3), NOW + 3, &CAREFUL);
    assert!(matches!(
        deep.phase,
        Phase::Settled {
            block: Some(70),
            watch: Some(_),
            ..
        }
    ));
    let (final_, _) = see(&shallow, paid(FINAL_BLOCKS), NOW + 3, &CAREFUL);
    assert_eq!(watch(&final_), None);
    // a named transaction that is not there yet is not sent a second time at once
    let unused = |now| see(&row, Observation::Unused { block_time: now }, now, &CAREFUL).1;
    assert_eq!(unused(NOW + MISSING_SECONDS - 1), Work::None);
    assert!(matches!(unused(NOW + MISSING_SECONDS), Work::Settle { .. }));
    // without an endpoint there is nobody to confirm it
    let blind = Terms {
        readable: false,
        ..CAREFUL
    };
    assert!(matches!(done(&blind).0.phase, Phase::Settled { .. }));
}

#[test]
fn a_silent_chain_is_asked_twenty_times_at_most() {
    let (mut row, _) = done(&READABLE);
    let mut looks = 0;
    while let Some(next) = watch(&row) {
        assert_eq!(step(&row, Event::Tick, next, &READABLE).1, Work::Observe);
        row = see(&row, Observation::Nothing, next, &READABLE).0;
        looks += 1;
    }
    assert_eq!(looks, MAX_WATCHES);
}

#[test]
fn b8_a_refusal_is_remembered_longer_each_time() {
    let mut row = won();
    let mut now = NOW;
    for hold in [0, 2, 4, 8, 16, 32, 64, 128, 256, 256] {
        let fence = row.fence;
        let charge = None;
        let (settling, _) = step(&row, Event::OriginReady { fence, charge }, now, &TERMS);
        let settlement = Settlement::Refused {
            reason: "insufficient_funds".into(),
        };
        let fence = settling.fence;
        let (rejected, _) = step(&settling, Event::Answered { fence, settlement }, now, &TERMS);
        let mut again = intent();
        again.valid_before = now + 1000;
        if hold > 0 {
            for wait in [0, hold - 1] {
                let Claim::Reply(Reply::Refuse(refused)) = claim(knowing(&rejected), &again, now + wait) else {
                    panic!("{hold}")
                };
                assert_eq!(
                    (refused.problem.as_str(), refused.retry_after),
                    ("insufficient-funds", Some(hold - wait))
                );
            }
        }
        now += hold;
        let Claim::Won(next) = claim(knowing(&rejected), &again, now) else {
            panic!("{hold}")
        };
        row = *next;
    }
}

#[test]
fn b8_who_was_refused_too_often_waits() {
    let payer = |refused| Payer { refused, ..alone() };
    assert_eq!(slug(claim(payer(MAX_REFUSED - 1), &intent(), NOW)), "won");
    assert_eq!(slug(claim(payer(MAX_REFUSED), &intent(), NOW)), "too-many-requests");
}

#[test]
fn b9_a_row_goes_when_its_absence_says_the_same() {
    let after_window = intent().valid_before + EXPIRY_MARGIN_SECONDS + RETIRE_MARGIN_SECONDS;
    let open = |closed| Phase::Rejected {
        reason: "x".into(),
        at: NOW,
        closed,
        checks: 0,
    };
    for phase in [
        Phase::Claimed { deadline: NOW },
        unknown(),
        open(false),
        done(&READABLE).0.phase,
    ] {
        assert_eq!(retire(&in_phase(phase)), None);
    }
    for phase in [Phase::Released, open(true), Phase::Expired, Phase::Cancelled, Phase::Foreign] {
        assert_eq!(retire(&in_phase(phase)), Some(after_window));
        // what comes then is past its window
        let late = Intent {
            late: Some("authorization-expired".into()),
            ..intent()
        };
        assert_eq!(slug(claim(alone(), &late, after_window)), "authorization-expired");
    }
    let day = NOW + DAY_SECONDS + RETIRE_MARGIN_SECONDS;
    assert_eq!(retire(&in_phase(settled())), Some(day));
    assert_eq!(retire(&in_phase(Phase::Waived)), Some(day));
}
