//! What transactions pay, and what the key can pay.

use super::*;

#[test]
fn the_next_to_land_is_replaced_by_the_same_authorization_for_an_eighth_more() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    let behind = play.settles(&job(2), Sent::Taken);
    assert_eq!((out.fee, out.tip), (2_010, 10));
    play.head.pooled = 7;
    play.later(REPLACE_SECONDS);
    let mut sent = Vec::new();
    while let Some(one) = play.sends() {
        play.answers(&one, Sent::Taken);
        sent.push(one);
    }
    sent.sort_by_key(|one| one.nonce);
    let [first, second] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((first.nonce, &first.data, first.fee, first.tip), (5, &out.data, 2_262, 12));
    assert_eq!(
        second.hash, behind.hash,
        "who waits behind it waits for its nonce, not for a price"
    );
    // whichever of the two lands
    play.lands(&out, Landed::Paid(111));
    assert_eq!(play.outcome(&job(1)), Some(Outcome::Done(out.hash)));
}

#[test]
fn without_new_blocks_nothing_is_replaced() {
    let mut play = Play::new();
    play.settles(&job(1), Sent::Taken);
    play.now += 2 * REPLACE_SECONDS;
    let again = play.sends().unwrap();
    assert_eq!((again.fee, again.before), (2_010, 1));
}

#[test]
fn when_the_base_fee_has_outrun_them_all_are_replaced() {
    let mut play = Play::new();
    let before = [1, 2, 3].map(|index| play.settles(&job(index), Sent::Taken));
    play.head.pooled = 8;
    play.head.base_fee = 10_000;
    play.later(OUTBID_SECONDS);
    for out in before {
        let next = play.sends().unwrap();
        assert_eq!((next.nonce, &next.data, next.fee), (out.nonce, &out.data, 20_010));
        play.answers(&next, Sent::Taken);
    }
    assert_eq!(play.sends(), None);
}

#[test]
fn a_node_that_wants_more_gets_more() {
    let mut play = Play::new();
    let mut last = play.settles(&job(1), Sent::TooCheap);
    for _ in 0..5 {
        play.later(1);
        let next = play.sends().unwrap();
        assert_eq!((next.nonce, &next.data), (5, &last.data));
        assert!(next.fee * 8 >= last.fee * 9 && next.fee > last.fee);
        play.answers(&next, Sent::TooCheap);
        last = next;
    }
}

#[test]
fn gas_that_costs_more_than_is_allowed_is_not_bought() {
    let mut play = Play::new();
    play.head.base_fee = 1_000_000;
    play.sender.ask(job(1), NOW);
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(1)), refused(GAS_PRICE));
    assert_eq!(play.sender.notes(), [Note::Dear(1_000_000)]);
    // it is told once
    play.later(5);
    play.sender.ask(job(2), play.now);
    assert_eq!(play.sends(), None);
    assert_eq!(play.sender.notes(), []);
}

#[test]
fn what_is_under_way_when_gas_becomes_too_dear_waits() {
    let mut play = Play::new();
    let out = play.settles(&job(1), Sent::Taken);
    play.head.pooled = 6;
    play.head.base_fee = 3_000_000;
    play.later(OUTBID_SECONDS);
    assert_eq!(play.sends(), None);
    play.later(AGAIN_SECONDS);
    let again = play.sends().unwrap();
    assert_eq!(again.hash, out.hash, "the same, should it become cheaper");
    assert_eq!(play.outcome(&job(1)), None);
}

#[test]
fn what_nobody_took_and_would_cost_too_much_is_refused() {
    let mut play = Play::new();
    play.sender.terms.most = 2_050;
    play.settles(&job(1), Sent::TooCheap);
    play.later(1);
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(1)), refused(GAS_PRICE));
}

#[test]
fn a_key_without_gas_signs_nothing() {
    let mut play = Play::new();
    play.head.balance = 105_000 * 2_010 - 1;
    play.sender.ask(job(1), NOW);
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(1)), refused(GAS_FUNDS));
    assert_eq!(
        play.sender.notes(),
        [Note::Low(ACCOUNT, play.head.balance), Note::Empty(ACCOUNT)]
    );
}

#[test]
fn what_is_under_way_counts_as_spent() {
    let mut play = Play::new();
    play.head.balance = 2 * 105_000 * 2_010;
    play.settles(&job(1), Sent::Taken);
    play.settles(&job(2), Sent::Taken);
    play.sender.ask(job(3), NOW);
    assert_eq!(play.sends(), None);
    assert_eq!(play.outcome(&job(3)), refused(GAS_FUNDS));
}

#[test]
fn a_key_that_runs_low_is_told_of_once_until_it_is_filled() {
    let mut play = Play::new();
    let enough = u128::from(USUAL_GAS * LOW_SETTLEMENTS) * 2_010;
    let mut notes = |balance: u128| {
        play.head.balance = balance;
        play.later(3);
        play.sender.ask(job(1), play.now);
        while let Some(out) = play.sends() {
            play.answers(&out, Sent::Taken);
        }
        (play.sender.notes().len(), play.sender.low)
    };
    assert_eq!(notes(enough), (0, false));
    assert_eq!(notes(enough - 1), (1, true));
    assert_eq!(notes(enough - 2), (0, true));
    assert_eq!(notes(enough), (0, false));
    assert_eq!(notes(enough - 1), (1, true));
}

#[test]
fn b8_a_tip_that_some_endpoint_makes_up_is_bounded() {
    let mut play = Play::new();
    play.head.tip_fee = 900_000;
    let out = play.settles(&job(1), Sent::Taken);
    assert_eq!((out.fee, out.tip), (252_000, 250_000), "a quarter of the most");
}

#[test]
fn an_order_that_cannot_be_paid_refuses_none_that_can() {
    let mut play = Play::new();
    // what fits is looked at only once all are there
    play.sender.ask(job(1), NOW);
    play.sender.ask(job(2), NOW);
    let mut sent = Vec::new();
    let mut gas = [150_000, 80_000].into_iter();
    play.head.balance = 110_000 * 2_010;
    while let Some((work, made)) = play.next() {
        match work {
            Work::Head { ticket } => play.sender.step(Event::Headed { ticket, head: None }, NOW),
            Work::DryRun { key, ticket, .. } => {
                let result = gas.next().map(DryRun::Passes);
                play.sender.step(Event::Ran { key, ticket, result }, NOW);
            }
            other => panic!("{other:?} {made:?}"),
        }
    }
    play.later(1);
    while let Some(out) = play.sends() {
        play.answers(&out, Sent::Taken);
        sent.push(out.data);
    }
    assert_eq!(sent, [[2]]);
    assert_eq!(play.outcome(&job(1)), refused(GAS_FUNDS));
}
