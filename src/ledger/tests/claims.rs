//! Which payment begins something, which joins, and what a settled one still opens.

use super::*;

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
            &TERMS
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
            at: NOW,
            closed: false,
            checks: 0,
        },
    ] {
        let row = in_phase(phase);
        assert_eq!(slug(claim(knowing(&row), &elsewhere, NOW)), "authorization-bound-elsewhere");
        // who has it from the chain learns nothing of where it belongs
        let rebuilt = Intent {
            digest: "another".into(),
            ..elsewhere.clone()
        };
        assert_eq!(slug(claim(knowing(&row), &rebuilt, NOW)), "authorization-already-used");
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
    let (answered, _) = step(&row, Event::Answering, NOW, &TERMS);
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
    let (delivered, _) = step(&row, Event::Delivered, NOW, &TERMS);
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
    let (over, _) = step(&row, Event::Delivered, NOW, &TERMS);
    assert_eq!(slug(claim(knowing(&over), &call, NOW)), "authorization-already-used");
}

#[test]
fn s4_a_claim_whose_owner_was_lost_lets_go_by_itself() {
    let row = won();
    assert_eq!(next_alarm(&row), Some(NOW + CLAIM_SECONDS));
    assert_eq!(step(&row, Event::Tick, NOW + CLAIM_SECONDS - 1, &TERMS).0, row);
    assert_eq!(step(&row, Event::Tick, NOW + CLAIM_SECONDS, &TERMS).0.phase, Phase::Released);
}

#[test]
fn b3_redelivery_ends() {
    let (row, _) = step(&in_phase(settled()), Event::Answering, NOW, &TERMS);
    let (row, _) = step(&row, Event::Answering, NOW + 60, &TERMS);
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
fn s2_a_single_call_is_answered_to_one_at_a_time_and_not_for_ever() {
    let single = Intent {
        seconds: None,
        ..intent()
    };
    let mut row = in_phase(settled());
    row.intent = single.clone();
    for answer in 1..=MAX_ANSWERS {
        assert_eq!(slug(claim(knowing(&row), &single, NOW)), "deliver", "{answer}");
        row = step(&row, Event::Answering, NOW, &TERMS).0;
        // a twin while the answer is on its way
        assert_eq!(
            slug(claim(knowing(&row), &single, NOW + ANSWER_SECONDS - 1)),
            expected(answer)
        );
        row = step(&row, Event::Broken, NOW, &TERMS).0;
    }
    assert_eq!(slug(claim(knowing(&row), &single, NOW)), "authorization-already-used");
    fn expected(answer: u32) -> &'static str {
        if answer < MAX_ANSWERS {
            "settlement-pending"
        } else {
            "authorization-already-used"
        }
    }
}

#[test]
fn b4_an_answer_that_the_origin_did_not_have_is_none() {
    let single = Intent {
        seconds: None,
        ..intent()
    };
    let mut row = in_phase(settled());
    row.intent = single.clone();
    for _ in 0..MAX_ANSWERS + 2 {
        assert_eq!(slug(claim(knowing(&row), &single, NOW)), "deliver");
        row = step(&row, Event::Answering, NOW, &TERMS).0;
        row = step(&row, Event::Unanswered, NOW, &TERMS).0;
    }
    assert_eq!((row.answers, row.busy), (MAX_ANSWERS + 2, 0));
    // but not for ever: the origin runs the call each time
    for _ in 0..MAX_ANSWERS * ANSWER_COST {
        row = step(&row, Event::Answering, NOW, &TERMS).0;
        row = step(&row, Event::Unanswered, NOW, &TERMS).0;
    }
    assert_eq!(slug(claim(knowing(&row), &single, NOW)), "authorization-already-used");
}

#[test]
fn s2_what_was_answered_stays_answered_when_its_block_is_undone() {
    let terms = Terms { readable: true, ..TERMS };
    let (row, fence) = settling();
    let settlement = Settlement::Done { transaction: TX.into() };
    let (row, _) = step(&row, Event::Answered { fence, settlement }, NOW, &terms);
    let (row, _) = step(&row, Event::Answering, NOW, &terms);
    let (row, _) = step(&row, Event::Delivered, NOW + 1, &terms);
    let event = Event::Observed {
        observation: Observation::Unused { block_time: NOW + 30 },
        may_settle: false,
    };
    let (row, _) = step(&row, event, NOW + 30, &terms);
    assert!(row.is_open() && row.delivered && row.answered == Some(NOW));
}

#[test]
fn a16_a_refused_payment_in_another_header_is_not_taken_over() {
    let refused = in_phase(Phase::Rejected {
        reason: "insufficient_funds".into(),
        at: NOW,
        closed: false,
        checks: 0,
    });
    let rebuilt = Intent {
        digest: "of call data and a fresh quote".into(),
        ..intent()
    };
    assert_eq!(slug(claim(knowing(&refused), &rebuilt, NOW)), "authorization-already-used");
    assert_eq!(slug(claim(knowing(&refused), &intent(), NOW)), "won");
    let mut again = won();
    again.refused = Some("insufficient_funds".into());
    let later = NOW + CLAIM_SECONDS;
    assert_eq!(slug(claim(knowing(&again), &rebuilt, later)), "authorization-already-used");
}

#[test]
fn b9_requests_do_not_use_up_the_looks_at_the_chain() {
    let mut row = in_phase(unknown());
    let look = |row: &Row, now| {
        let event = Event::Observed {
            observation: Observation::Nothing,
            may_settle: true,
        };
        step(row, event, now, &TERMS)
    };
    let (first, _) = look(&row, NOW + 400);
    assert_eq!(next_alarm(&first), Some(NOW + 410));
    assert_eq!(step(&first, Event::Tick, NOW + 401, &TERMS).1, Work::None);
    assert_eq!(step(&first, Event::Tick, NOW + 402, &TERMS).1, Work::Observe);
    let (same, work) = look(&first, NOW + 402);
    assert_eq!((next_alarm(&same), work), (Some(NOW + 410), Work::None));
    // by alarm it goes on, seldom, and for ever
    let mut now = NOW + 400;
    for _ in 0..MAX_CHECKS + 3 {
        row = look(&row, now).0;
        now = next_alarm(&row).unwrap();
    }
    let next = next_alarm(&look(&row, now).0).unwrap();
    assert_eq!(next, now + SELDOM_SECONDS);
}
