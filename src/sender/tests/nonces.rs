//! Which transaction has which nonce, and what happens to it.

use super::*;

#[test]
fn orders_get_the_next_nonces_one_each() {
    let mut play = Play::new();
    for index in 1..=4 {
        let out = play.settles(&job(index), Sent::Taken);
        assert_eq!((out.nonce, out.before), (4 + u64::from(index), 0));
        assert_eq!((out.to, out.data), (Address::repeat_byte(1), vec![index]));
        assert_eq!(out.gas, 105_000, "what the dry run used, and a margin");
    }
}

#[test]
fn b5_what_is_sent_was_stored_before_and_is_the_same_after_a_crash() {
    let mut play = Play::new();
    let mut disk = Vec::new();
    play.sender.ask(job(1), NOW);
    let out = play.sends().unwrap();
    // it dies before it hears of the answer
    play.restarted(&mut disk);
    assert_eq!(play.sender.ask(job(1), NOW), None);
    play.later(LOST_SECONDS);
    let again = play.sends().unwrap();
    assert_eq!((again.hash, again.nonce, again.before), (out.hash, 5, 1));
    // nobody knows whether the first was taken: a refusal of the second frees nothing
    play.answers(&again, Sent::NoFunds);
    assert_eq!(play.outcome(&job(1)), None);
    play.settles(&job(2), Sent::Taken);
    play.lands(&out, Landed::Paid(101));
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Done(out.hash)));
}

#[test]
fn a_dropped_transaction_is_sent_again_once_the_node_does_not_count_it() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    // the pool has it: nothing to do for a while
    play.head.pooled = 6;
    play.later(LOST_SECONDS);
    assert_eq!(play.sends(), None);
    // now it has not
    play.head.pooled = 5;
    play.later(2);
    let again = play.sends().unwrap();
    assert_eq!((again.hash, again.before), (out.hash, 1));
    play.answers(&again, Sent::Taken);
    // and from time to time in any case
    play.head.pooled = 6;
    play.later(AGAIN_SECONDS);
    assert_eq!(play.sends().unwrap().hash, out.hash);
}

#[test]
fn work_whose_end_is_never_told_is_done_again() {
    let mut play = Play::new();
    play.sender.ask(job(1), NOW);
    let out = play.sends().unwrap();
    play.later(AGAIN_SECONDS);
    assert_eq!(play.sends(), None, "it may still be under way");
    play.later(LEASE_SECONDS);
    let again = play.sends().unwrap();
    assert_eq!((again.nonce, again.data), (out.nonce, out.data.clone()));
    // the first answer comes after all: it is of no use as a refusal
    play.answers(&out, Sent::NoFunds);
    assert_eq!(play.outcome(&job(1)), None);
}

#[test]
fn what_nobody_took_is_refused_and_its_nonce_is_free() {
    for (answer, reason) in [(Sent::NoFunds, GAS_FUNDS), (Sent::Invalid, NOT_TAKEN)] {
        let mut play = Play::new();
        let out = play.settles(&job(1), answer);
        assert_eq!(play.outcome(&job(1)), refused(reason));
        assert_eq!(play.settles(&job(2), Sent::Taken).nonce, out.nonce);
    }
}

#[test]
fn s5_an_answer_that_never_came_frees_nothing() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Unclear);
    play.later(LOST_SECONDS);
    let again = play.sends().unwrap();
    play.answers(&again, Sent::NoFunds);
    play.later(LOST_SECONDS);
    let third = play.sends().unwrap();
    play.answers(&third, Sent::Occupied);
    assert_eq!((again.hash, third.hash), (out.hash, out.hash));
    assert_eq!(play.outcome(&job(1)), None);
    play.later(1);
    let dearer = play.sends().unwrap();
    assert_eq!((dearer.nonce, &dearer.data), (5, &out.data));
    play.answers(&dearer, Sent::Taken);
    assert_eq!(play.settles(&job(2), Sent::Taken).nonce, 6);
}

#[test]
fn nonces_of_somebody_else_are_left_alone() {
    let mut play = Play::new();
    // two of somebody else wait in the pool
    play.head.pooled = 7;
    let out = play.settles(&job(1), Sent::Taken);
    assert_eq!(out.nonce, 7);
    // a third was faster
    let second = play.settles(&job(2), Sent::Occupied);
    assert_eq!(second.nonce, 8);
    play.head.pooled = 9;
    play.later(1);
    let moved = play.sends().unwrap();
    assert_eq!((moved.nonce, moved.data), (9, vec![2]));
}

#[test]
fn a_nonce_that_was_used_before_anything_was_sent_is_replaced_at_once() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::NonceTooLow);
    assert_eq!((out.nonce, play.outcome(&job(1))), (5, None));
    play.head.mined = 6;
    play.head.pooled = 6;
    play.later(1);
    let moved = play.sends().unwrap();
    assert_eq!((moved.nonce, moved.data), (6, vec![1]));
}

#[test]
fn a_nonce_used_elsewhere_is_believed_after_three_blocks_and_its_order_gets_another() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    play.head.mined = 6;
    play.head.pooled = 6;
    for block in 1..=3 {
        play.later(2);
        assert_eq!(play.outcome(&job(1)), None);
        play.finds(Found::Nowhere);
        assert_eq!(play.sender.notes().is_empty(), block < 3);
        if block < 3 {
            assert_eq!(play.looks(), None, "once for each block");
        }
    }
    let moved = play.sends().unwrap();
    assert_eq!((moved.nonce, &moved.data), (6, &out.data));
    play.answers(&moved, Sent::Taken);
    play.lands(&moved, Landed::Paid(104));
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Done(moved.hash)));
}

#[test]
fn what_was_used_elsewhere_and_cannot_pass_any_more_is_a_question_for_the_chain() {
    let mut play = Play::new();
    play.settles(&job(1), Sent::Taken);
    play.head.mined = 6;
    for _ in 0..3 {
        play.later(2);
        play.finds(Found::Nowhere);
    }
    play.dry = DryRun::Reverts("invalid_exact_evm_transaction_simulation_failed");
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Unclear));
}

#[test]
fn receipts_that_cannot_be_read_are_no_evidence() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    play.head.mined = 6;
    for _ in 0..10 {
        play.later(2);
        play.finds(Found::Unreadable);
    }
    play.later(2);
    play.finds(Found::Landed {
        hash: out.hash,
        landed: Landed::Paid(101),
    });
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Done(out.hash)));
}

#[test]
fn s5_a_nonce_is_given_up_by_nothing_but_the_end_of_its_window_and_only_if_others_wait() {
    let mut play = Play::new();
    let short = Job {
        valid_before: NOW + 60,
        ..job(1)
    };
    let out = play.settles(&short, Sent::Taken);
    // to the end of the window the authorization stays
    let mut last = out.clone();
    while play.head.time + 2 < short.valid_before {
        play.later(2);
        if let Some(again) = play.sends() {
            assert_eq!((again.nonce, &again.data), (5, &out.data));
            play.answers(&again, Sent::Taken);
            last = again;
        }
    }
    play.later(2);
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&short), Some(Outcome::Unclear));
    play.later(60);
    assert_eq!(play.sends(), None, "nobody waits for it");
    // now somebody does
    let other = play.settles(&job(2), Sent::Taken);
    assert_eq!(other.nonce, 6);
    play.later(1);
    let nothing = play.sends().unwrap();
    assert_eq!((nothing.nonce, nothing.to, nothing.data.len()), (5, ACCOUNT, 0));
    assert!(nothing.fee * 8 >= last.fee * 9 && nothing.tip * 8 >= last.tip * 9);
    play.answers(&nothing, Sent::Taken);
    play.lands(&nothing, Landed::Otherwise(160));
    play.lands(&other, Landed::Paid(161));
    assert_eq!(play.outcome(&job(2)), Some(Outcome::Done(other.hash)));
    assert_eq!(play.outcome(&short), Some(Outcome::Unclear));
}

#[test]
fn what_can_never_land_and_holds_up_nobody_is_forgotten() {
    let mut play = Play::new();
    play.settles(&job(1), Sent::Taken);
    play.later(301);
    while let Some(again) = play.sends() {
        play.answers(&again, Sent::Taken);
        play.later(1);
    }
    play.later(301);
    assert_eq!(play.sends(), None);
    assert!(play.sender.slots.is_empty());
}

#[test]
fn a_gap_that_holds_up_others_is_filled() {
    let mut play = Play::new();
    // somebody else's waits with nonce 5, ours with 6; then theirs is gone
    play.head.pooled = 6;
    let out = play.settles(&job(1), Sent::Taken);
    assert_eq!(out.nonce, 6);
    play.head.pooled = 5;
    play.later(2);
    assert_eq!(play.sends(), None);
    play.later(GAP_SECONDS);
    let mut sent = Vec::new();
    while let Some(one) = play.sends() {
        play.answers(&one, Sent::Taken);
        sent.push((one.nonce, one.to == ACCOUNT));
    }
    sent.sort_unstable();
    assert_eq!(sent, [(5, true), (6, false)]);
}

#[test]
fn a_gap_is_given_to_whoever_asks_next() {
    let mut play = Play::new();
    play.head.pooled = 6;
    play.settles(&job(1), Sent::Taken);
    play.head.pooled = 5;
    play.later(2);
    assert_eq!(play.sends(), None);
    assert_eq!(play.settles(&job(2), Sent::Taken).nonce, 5);
}

#[test]
fn what_somebody_else_leaves_lying_is_outbid() {
    let mut play = Play::new();
    play.head.pooled = 6;
    play.settles(&job(1), Sent::Taken);
    play.head.pooled = 7;
    play.later(2);
    assert_eq!(play.sends(), None);
    play.later(GAP_SECONDS);
    let mut fees = Vec::new();
    for _ in 0..40 {
        while let Some(one) = play.sends() {
            if one.nonce == 5 {
                fees.push(one.fee);
            }
            play.answers(&one, if one.nonce == 5 { Sent::Occupied } else { Sent::Taken });
        }
        play.later(1);
    }
    assert!(fees.len() > 10, "{fees:?}");
    assert!(fees.windows(2).all(|pair| pair[0] <= pair[1]) && fees.last() > fees.first());
}

#[test]
fn a13_what_is_in_no_block_any_more_is_sent_again() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    play.lands(&out, Landed::Paid(101));
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Done(out.hash)));
    // its block is gone, and another payment comes
    play.head.mined = 5;
    play.head.pooled = 5;
    play.later(4);
    play.sender.ask(job(2), play.now);
    let mut sent = Vec::new();
    while let Some(one) = play.sends() {
        play.answers(&one, Sent::Taken);
        sent.push((one.nonce, one.data));
    }
    sent.sort();
    assert_eq!(sent, [(5, vec![1]), (6, vec![2])]);
    assert_eq!(play.sender.notes(), [Note::Reorganised(5)]);
    assert_eq!(play.outcome(&job(1)), None);
    play.lands(&out, Landed::Paid(110));
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Done(out.hash)));
}

#[test]
fn a13_the_ledger_that_misses_a_payment_has_it_looked_for_again() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    play.lands(&out, Landed::Paid(101));
    assert_eq!(play.sender.ask(job(1), play.now), None);
    play.later(2);
    play.finds(Found::Landed {
        hash: out.hash,
        landed: Landed::Paid(101),
    });
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Done(out.hash)));
}

#[test]
fn a_node_that_lags_is_not_believed() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    play.lands(&out, Landed::Paid(101));
    let before = play.head;
    play.head = Head {
        number: 99,
        mined: 4,
        pooled: 4,
        ..before
    };
    play.now += FRESH_SECONDS + 1;
    play.sender.ask(job(2), play.now);
    assert_eq!(play.sends(), None, "nothing is begun on old news");
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Done(out.hash)));
    play.head = Head { number: 105, ..before };
    play.now += 3;
    assert_eq!(play.sends().unwrap().nonce, 6);
}

#[test]
fn a_count_that_some_endpoint_made_up_is_not_believed() {
    // nothing is known yet: but no key has ever sent so much
    let mut play = Play::new();
    let honest = play.head;
    play.sender.ask(job(1), NOW);
    (play.head.mined, play.head.pooled) = (1 << 62, 1 << 62);
    assert_eq!(play.sends(), None);
    play.head = honest;
    play.later(1);
    let out = play.sends().unwrap();
    assert_eq!(out.nonce, 5);
    play.answers(&out, Sent::Taken);
    // what is known bounds what is new: counts, the block, and its time
    for lie in [
        Head { mined: 263, ..play.head },
        Head {
            number: 2_000,
            ..play.head
        },
        Head {
            time: play.now + 61,
            ..play.head
        },
        Head {
            time: play.now - 61,
            ..play.head
        },
    ] {
        assert!(!play.sender.believes(&lie, play.now), "{lie:?}");
        assert!(play.sender.believes(&play.head, play.now));
    }
    play.lands(&out, Landed::Paid(101));
    // a sender that knew no better took a nonce from a smaller lie: the next true word mends it
    let mut play = Play::new();
    let honest = play.head;
    (play.head.mined, play.head.pooled) = (1_000_000, 1_000_000);
    assert_eq!(play.settles(&job(1), Sent::Taken).nonce, 1_000_000);
    play.head = honest;
    play.later(61);
    let again = play.sends().unwrap();
    assert_eq!((again.nonce, again.data.clone()), (5, vec![1]));
    play.answers(&again, Sent::Taken);
    assert_eq!(play.settles(&job(2), Sent::Taken).nonce, 6);
}

#[test]
fn a_nonce_out_of_all_bounds_is_not_loaded_and_its_order_goes_on() {
    let mut play = Play::new();
    let mut disk = Vec::new();
    play.settles(&job(1), Sent::Taken);
    for write in play.sender.writes() {
        let far = |text: &str| {
            text.replace("nonce 5", "nonce 4611686018427387904")
                .replace("out 5 ", "out 4611686018427387904 ")
        };
        let body = write.body.unwrap();
        let body = if write.key.starts_with("nonce") {
            body.replacen(" 5 ", " 4611686018427387904 ", 1)
        } else {
            far(&body)
        };
        disk.push((far(&write.key), body));
    }
    assert!(disk.iter().all(|(_, body)| body.contains("4611686018427387904")), "{disk:?}");
    play.restarted(&mut disk);
    play.later(3);
    assert_eq!(play.sends().unwrap().nonce, 5);
}

#[test]
fn a_block_number_that_was_made_up_delays_no_receipt_and_no_replacement_for_long() {
    let mut play = Play::new();
    let honest = play.head;
    play.head.number = 1 << 40;
    let out = play.settles(&job(1), Sent::Taken);
    play.head = Head { pooled: 6, ..honest };
    play.later(61);
    let again = play.sends().unwrap();
    play.answers(&again, Sent::Taken);
    play.later(REPLACE_SECONDS);
    let dearer = play.sends().unwrap();
    assert_eq!((dearer.nonce, &dearer.data), (5, &out.data));
    assert!(dearer.fee > out.fee);
}

#[test]
fn s5_no_endpoint_ends_a_window_before_its_time() {
    let mut play = Play::new();
    play.settles(&job(1), Sent::Taken);
    play.settles(&job(2), Sent::Taken);
    play.later(250);
    play.head.time = play.now + 55;
    for _ in 0..5 {
        if let Some(one) = play.sends() {
            assert_ne!(one.to, ACCOUNT, "nothing is replaced by nothing");
            play.answers(&one, Sent::Taken);
        }
    }
    assert_eq!(play.outcome(&job(1)), None);
}
