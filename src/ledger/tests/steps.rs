//! From the claim to its end, whatever fails in between.

use super::*;

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
        &TERMS,
    );
    let Work::Settle { fence } = work else { panic!() };
    assert_eq!(next_alarm(&row), Some(NOW + TERMS.timeout + SETTLE_SLACK_SECONDS));
    let done = Event::Answered {
        fence,
        settlement: Settlement::Done { transaction: TX.into() },
    };
    let (row, work) = step(&row, done, NOW + 3, &TERMS);
    assert_eq!(work, Work::None);
    assert_eq!(row.owned().unwrap().until, NOW + 1003);
    assert_eq!(next_alarm(&row), None);
}

#[test]
fn b4_what_the_origin_cannot_deliver_is_released_and_may_be_claimed_again() {
    let row = won();
    let (row, work) = step(&row, Event::OriginFailed { fence: row.fence }, NOW, &TERMS);
    assert_eq!((row.phase.clone(), work), (Phase::Released, Work::None));
    assert_eq!(slug(claim(knowing(&row), &intent(), NOW)), "won");
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
        &TERMS,
    );
    assert!(matches!(row.phase, Phase::Unknown { attempts: 1, .. }));
    assert_eq!(work, Work::Observe);
    // paid
    let paid = Observation::Paid {
        transaction: TX.into(),
        block: 1,
        block_time: NOW,
        depth: 0,
        floorless: false,
    };
    let (done, _) = step(
        &row,
        Event::Observed {
            observation: paid,
            may_settle: false,
        },
        NOW,
        &TERMS,
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
        &TERMS,
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
        &TERMS,
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
            &TERMS,
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
    let paid = |tagged, at: Option<u64>, block, block_time| {
        let mut row = in_phase(unknown());
        row.intent.tagged = tagged;
        row.floor = at.map(floor);
        let observation = Observation::Paid {
            transaction: TX.into(),
            block,
            block_time,
            depth: 0,
            floorless: false,
        };
        let event = Event::Observed {
            observation,
            may_settle: false,
        };
        step(&row, event, NOW, &TERMS).0.phase
    };
    assert!(matches!(paid(false, Some(7), 8, NOW - 100), Phase::Settled { .. }));
    assert_eq!(paid(false, Some(7), 7, NOW + 1), Phase::Foreign);
    // without a block to compare, the clocks decide; a block's may be a slot behind
    let slot = NOW - 2;
    assert!(matches!(paid(false, None, 7, slot), Phase::Settled { .. }));
    assert_eq!(paid(false, None, 7, slot - 1), Phase::Foreign);
    assert!(matches!(paid(true, Some(7), 7, NOW - 100), Phase::Settled { .. }));
}

#[test]
fn the_floor_is_the_first_block_that_was_read() {
    let row = won();
    let (row, _) = step(
        &row,
        Event::Floor {
            fence: row.fence,
            floor: floor(7),
        },
        NOW,
        &TERMS,
    );
    let (row, _) = step(
        &row,
        Event::Floor {
            fence: row.fence,
            floor: floor(9),
        },
        NOW,
        &TERMS,
    );
    assert_eq!(row.floor, Some(floor(7)));
    let Claim::Won(again) = claim(knowing(&row), &intent(), NOW + CLAIM_SECONDS) else {
        panic!()
    };
    assert_eq!(again.floor, None);
    let (settling, fence) = settling();
    assert_eq!(
        step(&settling, Event::Floor { fence, floor: floor(9) }, NOW, &TERMS).0.floor,
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
        &TERMS,
    );
    assert_eq!(work, Work::None);
    assert!(!rejected.is_open());
    assert_eq!(next_alarm(&rejected), Some(NOW + 300 + EXPIRY_MARGIN_SECONDS));
    assert_eq!(slug(claim(knowing(&rejected), &intent(), NOW)), "won");
    let paid = Observation::Paid {
        transaction: TX.into(),
        block: 1,
        block_time: NOW,
        depth: 0,
        floorless: false,
    };
    let (late, _) = step(
        &rejected,
        Event::Observed {
            observation: paid,
            may_settle: false,
        },
        NOW,
        &TERMS,
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
        &TERMS,
    );
    assert!(matches!(open.phase, Phase::Unknown { attempts: 2, .. }));
}

#[test]
fn b5_a_lost_settle_call_is_unknown_after_its_deadline() {
    let (row, _) = settling();
    assert_eq!(step(&row, Event::Tick, NOW + 24, &TERMS).1, Work::None);
    let (lost, work) = step(&row, Event::Tick, NOW + 25, &TERMS);
    assert!(matches!((lost.phase, work), (Phase::Unknown { .. }, Work::Observe)));
}

#[test]
fn an_answer_to_an_earlier_owner_decides_nothing() {
    let (row, fence) = settling();
    let stale = Event::Answered {
        fence: fence - 1,
        settlement: Settlement::Done { transaction: TX.into() },
    };
    assert_eq!(step(&row, stale, NOW, &TERMS), (row, Work::None));
}

/// A row that was refused, as it is after its window without a look at the chain.
fn refused() -> Row {
    let (row, fence) = settling();
    let settlement = Settlement::Refused {
        reason: "insufficient_funds".into(),
    };
    step(&row, Event::Answered { fence, settlement }, NOW + 1, &TERMS).0
}

const LAST_LOOK: u64 = NOW + 300 + EXPIRY_MARGIN_SECONDS;

#[test]
fn s4_a_refusal_that_was_broadcast_all_the_same_is_found_after_another_try() {
    let first = Row {
        floor: Some(floor(5)),
        ..refused()
    };
    let Claim::Won(again) = claim(knowing(&first), &intent(), NOW + 2) else {
        panic!()
    };
    assert_eq!((again.created, again.floor), (first.created, Some(floor(5))));
    let fence = again.fence;
    // the block in which it landed meanwhile is no floor
    let (row, _) = step(&again, Event::Floor { fence, floor: floor(9) }, NOW + 2, &TERMS);
    assert_eq!(row.floor, Some(floor(5)));
    // the origin fails, or the owner is lost: nothing new was sent, and the first one may still land
    let failed = step(&row, Event::OriginFailed { fence }, NOW + 3, &TERMS).0;
    let lost = step(&row, Event::Tick, NOW + 2 + CLAIM_SECONDS, &TERMS).0;
    for row in [failed, lost] {
        assert!(matches!(row.phase, Phase::Rejected { closed: false, .. }), "{row:?}");
        let (looking, work) = step(&row, Event::Tick, LAST_LOOK, &TERMS);
        assert_eq!(work, Work::Observe);
        let observation = Observation::Paid {
            transaction: TX.into(),
            block: 9,
            block_time: NOW + 2,
            depth: 0,
            floorless: false,
        };
        let event = Event::Observed {
            observation,
            may_settle: true,
        };
        let (found, _) = step(&looking, event, LAST_LOOK, &TERMS);
        assert!(matches!(found.phase, Phase::Settled { .. }), "{found:?}");
    }
    // whoever takes over a lost claim inherits what was sent
    let Claim::Won(taken) = claim(knowing(&row), &intent(), NOW + 2 + CLAIM_SECONDS) else {
        panic!()
    };
    assert_eq!(
        (taken.floor, taken.refused.as_deref()),
        (Some(floor(5)), Some("insufficient_funds"))
    );
}

#[test]
fn b6_a_chain_that_lags_or_cannot_be_read_is_asked_again_later_and_not_for_ever() {
    for observation in [Observation::Nothing, Observation::Unused { block_time: NOW + 300 }] {
        let mut row = refused();
        let mut now = LAST_LOOK;
        for look in 0..=MAX_LAST_LOOKS {
            assert_eq!(next_alarm(&row), Some(now), "{look}");
            let (looking, work) = step(&row, Event::Tick, now, &TERMS);
            assert_eq!(work, Work::Observe);
            let event = Event::Observed {
                observation: observation.clone(),
                may_settle: true,
            };
            row = step(&looking, event, now, &TERMS).0;
            let later = next_alarm(&row).unwrap_or(u64::MAX);
            assert!(later >= now + 60, "{look}: {later}");
            now = later;
        }
        assert_eq!(next_alarm(&row), None);
        assert!(matches!(row.phase, Phase::Rejected { closed: true, .. }));
    }
}

#[test]
fn a13_where_the_chain_has_grown_anew_the_clocks_decide() {
    let paid = |block_time| {
        let mut row = in_phase(unknown());
        row.floor = Some(floor(7));
        let observation = Observation::Paid {
            transaction: TX.into(),
            block: 6,
            block_time,
            depth: 0,
            floorless: true,
        };
        let event = Event::Observed {
            observation,
            may_settle: false,
        };
        step(&row, event, NOW, &TERMS).0.phase
    };
    assert!(matches!(paid(NOW - 2), Phase::Settled { .. }));
    assert_eq!(paid(NOW - 3), Phase::Foreign);
}
