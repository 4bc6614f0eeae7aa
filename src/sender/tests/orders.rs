//! What becomes of an order.

use super::*;

#[test]
fn what_would_revert_is_refused_and_never_sent() {
    for (reason, outcome) in [
        (FUNDS, refused(FUNDS)),
        ("invalid_exact_evm_signature", refused("invalid_exact_evm_signature")),
        // by whom the nonce was used, and for what, the chain says (threat A11)
        (USED, Some(Outcome::Unclear)),
    ] {
        let mut play = Play::new();
        play.dry = DryRun::Reverts(reason);
        assert_eq!(play.sender.ask(job(1), NOW), None);
        assert_eq!(play.sends(), None);
        assert_eq!(play.outcome(&job(1)), outcome, "{reason}");
    }
}

#[test]
fn a_refused_order_may_be_asked_for_again() {
    let mut play = Play::new();
    play.dry = DryRun::Reverts(FUNDS);
    play.sender.ask(job(1), NOW);
    assert_eq!(play.sends(), None);
    play.dry = DryRun::Passes(80_000);
    play.settles(&job(1), Sent::Taken);
}

#[test]
fn nothing_is_begun_at_the_end_of_the_window() {
    let mut play = Play::new();
    play.now = NOW + 294;
    assert_eq!(play.sender.ask(job(1), play.now), refused(EXPIRED));
    play.now = NOW + 293;
    assert_eq!(play.sender.ask(job(1), play.now), None);
    // by the chain's time it is over
    play.head.time = NOW + 294;
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(1)), refused(EXPIRED));
}

#[test]
fn nobody_waits_for_ever_for_a_chain_that_cannot_be_read() {
    let mut play = Play::new();
    play.sender.ask(job(1), NOW);
    for second in 0..=READ_SECONDS {
        play.now = NOW + second;
        while let Some((work, _)) = play.next() {
            let event = match work {
                Work::Head { ticket } => Event::Headed { ticket, head: None },
                Work::DryRun { key, ticket, .. } => Event::Ran {
                    key,
                    ticket,
                    result: Some(DryRun::Passes(80_000)),
                },
                other => panic!("{other:?}"),
            };
            play.sender.step(event, play.now);
        }
    }
    assert_eq!(play.outcome(&job(1)), refused(UNREADABLE));
    // and where the dry run is what cannot be read
    let mut play = Play::new();
    play.sender.ask(job(1), NOW);
    while let Some((work, _)) = play.next() {
        let event = match work {
            Work::Head { ticket } => Event::Headed {
                ticket,
                head: Some(head()),
            },
            Work::DryRun { key, ticket, .. } => Event::Ran {
                key,
                ticket,
                result: None,
            },
            other => panic!("{other:?}"),
        };
        play.sender.step(event, play.now);
    }
    assert_eq!(play.outcome(&job(1)), refused(UNREADABLE));
}

#[test]
fn s3_one_authorization_is_one_order_however_often_it_is_asked_for() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    assert_eq!(play.sender.ask(job(1), NOW), None);
    assert_eq!(play.sends(), None);
    play.lands(&out, Landed::Paid(101));
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Done(out.hash)));
}

#[test]
fn another_promise_with_the_same_nonce_is_another_order() {
    let other = Job {
        amount: "60000".parse().unwrap(),
        data: "0x77".into(),
        ..job(1)
    };
    assert_eq!(other.key(), job(1).key());
    // while the first may be under way, nothing is known of the second
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    assert_eq!(play.sender.ask(other.clone(), NOW), Some(Outcome::Unclear));
    play.lands(&out, Landed::Paid(101));
    assert_eq!(play.outcome(&other), Some(Outcome::Unclear));
    // once the first was refused before anything was sent, the second counts
    let mut play = Play::new();
    play.dry = DryRun::Reverts(FUNDS);
    play.sender.ask(job(1), NOW);
    assert_eq!(play.sends(), None);
    play.dry = DryRun::Passes(80_000);
    assert_eq!(play.settles(&other, Sent::Taken).data, [0x77]);
}

#[test]
fn a10_a_receipt_without_the_transfer_leaves_it_open() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    play.lands(&out, Landed::Otherwise(101));
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Unclear));
}

#[test]
fn a12_what_was_reverted_for_want_of_money_is_refused_and_the_payer_is_remembered() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    play.lands(&out, Landed::Reverted(101));
    assert_eq!(play.outcome(&job(1)), None, "the reason is looked for");
    play.dry = DryRun::Reverts(FUNDS);
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(1)), refused(FUNDS));
    assert_eq!(play.sender.notes(), [Note::Reverted(job(1).key())]);
}

#[test]
fn what_was_reverted_and_would_pass_now_is_not_sent_again_by_itself() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    play.lands(&out, Landed::Reverted(101));
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Unclear));
    // the ledger looks at the chain, and asks again
    play.later(2);
    let again = play.settles(&job(1), Sent::Taken);
    assert_eq!((again.nonce, again.data), (6, vec![1]));
}

#[test]
fn b8_a_payer_whose_transactions_are_reverted_is_refused_before_anything_is_sent() {
    let mut play = Play::new();
    let of = |index: u8| Job {
        payer: Address::repeat_byte(0x42),
        ..job(index)
    };
    for index in 0..6 {
        let out = play.settles(&of(index), Sent::Taken);
        play.lands(&out, Landed::Reverted(101));
        play.dry = DryRun::Reverts(FUNDS);
        assert_eq!(play.sends(), None);
        play.dry = DryRun::Passes(80_000);
    }
    // six in vain: two may be under way
    let open = [play.settles(&of(10), Sent::Taken), play.settles(&of(11), Sent::Taken)];
    assert_eq!(play.sender.ask(of(12), play.now), refused(PAYER_LIMIT));
    assert_eq!(play.sends(), None);
    // somebody else is not concerned, and who waits keeps its place
    play.settles(&job(1), Sent::Taken);
    assert_eq!(play.sender.ask(of(10), play.now), None);
    let mut disk = Vec::new();
    play.restarted(&mut disk);
    assert_eq!(
        play.sender.ask(of(12), play.now),
        refused(PAYER_LIMIT),
        "a restart forgets nothing"
    );
    play.lands(&open[0], Landed::Paid(102));
    assert_eq!(play.sender.ask(of(12), play.now), None, "one place is free");
    assert_eq!(play.sender.ask(of(13), play.now), refused(PAYER_LIMIT));
    play.now += 24 * 60 * 60;
    let tomorrow = Job {
        valid_before: play.now + 300,
        ..of(13)
    };
    assert_eq!(play.sender.ask(tomorrow, play.now), None, "a day later all is forgiven");
}

#[test]
fn b8_a_payer_has_a_few_orders_at_once_at_most() {
    let mut play = Play::new();
    let of = |index: u8| Job {
        payer: Address::repeat_byte(0x42),
        ..job(index)
    };
    for index in 0..8 {
        assert_eq!(play.sender.ask(of(index), NOW), None);
    }
    assert_eq!(play.sender.ask(of(9), NOW), refused(PAYER_LIMIT));
}

#[test]
fn b7_there_is_an_end_to_what_is_under_way() {
    let mut play = Play::new();
    for index in 0..MAX_ORDERS {
        let order = Job {
            payer: Address::from_word(U256::from(index).into()),
            ..job(1)
        };
        assert_eq!(play.sender.ask(order, NOW), None);
    }
    assert_eq!(play.sender.ask(job(2), NOW), refused(BUSY));
}

#[test]
fn b9_everything_is_forgotten_in_the_end() {
    let mut play = Play::new();
    let mut disk = Vec::new();
    let first = play.settles(&job(1), Sent::Taken);
    play.lands(&first, Landed::Paid(101));
    let second = play.settles(&job(2), Sent::Taken);
    play.lands(&second, Landed::Reverted(102));
    play.dry = DryRun::Reverts(FUNDS);
    assert_eq!(play.sends(), None);
    play.restarted(&mut disk);
    assert_eq!(disk.len(), 5, "two orders, two nonces, a payer");
    let mut looks = 0;
    while let Some(at) = play.sender.wake_at(play.now) {
        assert!(at > play.now);
        play.later(at - play.now);
        assert_eq!(play.sends(), None);
        play.restarted(&mut disk);
        looks += 1;
    }
    assert_eq!(disk, []);
    assert!(looks < 8, "{looks} looks");
    assert!(play.now <= NOW + 24 * 60 * 60 + 60);
}

#[test]
fn what_takes_long_is_looked_at_less_often() {
    let mut play = Play::new();
    play.settles(&job(1), Sent::Taken);
    let pace = |play: &Play| play.sender.wake_at(play.now).unwrap() - play.now;
    assert_eq!(pace(&play), LOOK_SECONDS);
    play.later(301);
    assert_eq!(pace(&play), SLOW_LOOK_SECONDS);
    play.later(3_600);
    assert_eq!(pace(&play), 8 * SLOW_LOOK_SECONDS);
}

#[test]
fn a11_what_somebody_else_has_settled_is_not_paid_more_for() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    play.head.pooled = 6;
    play.later(REPLACE_SECONDS);
    // a facilitator was faster
    play.dry = DryRun::Reverts(USED);
    assert_eq!(play.sends(), None);
    // where others wait for its nonce, that is used up by nothing
    play.dry = DryRun::Passes(80_000);
    let second = play.settles(&job(2), Sent::Taken);
    assert_eq!(second.nonce, 6);
    // it may have landed itself just now: one more look
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(1)), None);
    play.later(LOOK_SECONDS);
    let nothing = play.sends().unwrap();
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Unclear));
    assert_eq!((nothing.nonce, nothing.to, nothing.data.len()), (5, ACCOUNT, 0));
    play.answers(&nothing, Sent::Taken);
    play.dry = DryRun::Reverts(USED);
    play.lands(&nothing, Landed::Otherwise(112));
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Unclear), "the chain knows who was paid");
    // it was no news of a block that is gone: then it goes out again, with another nonce
    let mut play = Play::new();
    assert_eq!(play.settles(&job(1), Sent::Taken).hash, out.hash);
    play.head.pooled = 6;
    play.later(REPLACE_SECONDS);
    play.dry = DryRun::Reverts(USED);
    assert_eq!(play.sends(), None);
    play.dry = DryRun::Passes(80_000);
    play.later(AGAIN_SECONDS);
    let again = play.sends().unwrap();
    assert_eq!((again.nonce, &again.data), (5, &out.data));
    play.answers(&again, Sent::Taken);
    assert_eq!(play.outcome(&job(1)), None);
    // it was its own transaction
    play.later(REPLACE_SECONDS);
    play.dry = DryRun::Reverts(USED);
    assert_eq!(play.sends(), None);
    play.lands(&again, Landed::Paid(140));
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Done(again.hash)));
}

#[test]
fn a11_a_revert_because_somebody_else_settled_is_not_held_against_the_payer() {
    let mut play = Play::new();
    let of = |index: u8| Job {
        payer: Address::repeat_byte(0x42),
        ..job(index)
    };
    for index in 0..2 * MAX_AT_RISK {
        play.dry = DryRun::Passes(80_000);
        let job = of(u8::try_from(index).unwrap());
        let out = play.settles(&job, Sent::Taken);
        play.lands(&out, Landed::Reverted(101));
        play.dry = DryRun::Reverts(USED);
        assert_eq!(play.sends(), None);
        assert_eq!(play.outcome(&job), Some(Outcome::Unclear));
    }
    assert_eq!(play.sender.reverts, []);
}

#[test]
fn b8_a_revert_that_comes_late_counts_as_any_other() {
    let mut play = Play::new();
    let of = |index: u8| Job {
        payer: Address::repeat_byte(0x42),
        valid_before: NOW + 60,
        ..job(index)
    };
    for index in 0..8 {
        let out = play.settles(&of(index), Sent::Taken);
        play.head.pooled = out.nonce + 1;
    }
    let last = play.sender.slots.last().unwrap().tries[0].hash;
    play.head.mined = 13;
    play.later(62);
    while let Some((nonce, ticket, hashes)) = play.looks() {
        let found = Found::Landed {
            hash: hashes[0],
            landed: Landed::Reverted(131),
        };
        play.sender.step(Event::Looked { nonce, ticket, found }, play.now);
        if hashes[0] == last {
            break;
        }
    }
    let next = Job {
        valid_before: play.now + 300,
        ..of(9)
    };
    assert_eq!(play.sender.ask(next, play.now), refused(PAYER_LIMIT));
}

#[test]
fn two_blocks_have_to_be_left_of_a_window_for_a_first_transaction() {
    let mut play = Play::new();
    play.sender.terms.chain_id = 1;
    let left = |seconds: u64| Job {
        valid_before: NOW + seconds,
        ..job(1)
    };
    assert_eq!(play.sender.ask(left(24), NOW), refused(EXPIRED));
    assert_eq!(play.sender.ask(left(25), NOW), None);
    play.now += 1;
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&left(25)), refused(EXPIRED));
}

#[test]
fn s5_no_limit_says_of_what_was_sent_that_it_was_not() {
    let mut play = Play::new();
    let of = |index: u8| Job {
        payer: Address::repeat_byte(0x42),
        ..job(index)
    };
    let out = play.settles(&of(1), Sent::Taken);
    play.lands(&out, Landed::Paid(101));
    for index in 2..10 {
        assert_eq!(play.sender.ask(of(index), play.now), None);
    }
    assert_eq!(play.sender.ask(of(10), play.now), refused(PAYER_LIMIT));
    assert_eq!(play.sender.ask(of(1), play.now), Some(Outcome::Done(out.hash)));
}

#[test]
fn b8_a_payer_with_code_is_refused_before_anything_is_sent_and_not_paid_more_for() {
    let mut play = Play::new();
    play.dry = DryRun::Reverts(PAYER_CODE);
    play.sender.ask(job(1), NOW);
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(1)), refused(PAYER_CODE));
    // and so is what would use more gas than a transfer does
    play.dry = DryRun::Passes(200_001);
    play.sender.ask(job(2), NOW);
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(2)), refused(NOT_TAKEN));
    play.sender.terms.chain_id = 42161;
    play.settles(&job(2), Sent::Taken);
}
