//! Several offers on one card: which are there, which is chosen, and that none takes another's place.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const USDC: &str = "eip155:84532/0x036cbd53842c5426634e7929541ec2318f3dcf7e";
const USDC_ON_BASE: &str = "eip155:8453/0x833589fcd6edb6e08f4c7c32d4f71b54bda02913";

fn on_base(amount: &str) -> Value {
    let mut offer = requirement(amount);
    offer["network"] = "eip155:8453".into();
    offer["asset"] = ASSETS[0].contract.to_string().into();
    offer["extra"]["name"] = ASSETS[0].name.into();
    offer
}

fn ten(amount: &str) -> Value {
    let mut offer = requirement(amount);
    offer["extra"]["offer"] = json!({"name": "ten", "title": "Ten articles", "count": 10, "seconds": 2_592_000});
    offer
}

fn ids(rig: &Rig) -> Vec<String> {
    rig.card.view().offers.into_iter().map(|terms| terms.id).collect()
}

fn choose(rig: &mut Rig, index: usize) {
    assert_eq!(rig.send(FlowEvent::Choose { index }), []);
}

/// Another 402, fetched without a click.
fn renew(rig: &mut Rig, accepts: &[Value]) {
    rig.now += 3600;
    let effects = rig.send(FlowEvent::Intent);
    let answer = Answer {
        required: Some(required(accepts)),
        date: Some(rig.now),
        ..offer_answer("")
    };
    assert_eq!(rig.answer(&effects, answer), []);
}

#[test]
fn a_card_shows_every_offer_and_what_it_opens() {
    let mut rig = Rig::new();
    assert_eq!(rig.card.view().offers, []);
    rig.start(&[ten("400000"), requirement("50000"), on_base("60000")], None);
    let view = rig.card.view();
    assert_eq!(ids(&rig), [USDC, &format!("{USDC}/ten"), USDC_ON_BASE], "the article first");
    assert_eq!((view.chosen, view.restore), (0, true));
    let [article, wider, base] = &view.offers[..] else { panic!() };
    assert_eq!(
        (article.price.as_str(), article.wider.is_none(), article.test),
        ("0.05", true, true)
    );
    assert_eq!((base.network, base.symbol, base.price.as_str()), ("Base", "USDC", "0.06"));
    let opens = wider.wider.as_ref().unwrap();
    assert_eq!(
        (opens.name.as_str(), opens.title.as_str(), opens.count, opens.seconds),
        ("ten", "Ten articles", Some(10), 2_592_000)
    );
}

#[test]
fn offers_that_are_not_told_in_full_or_twice_or_pinned_away_are_left_out() {
    let mut untold = ten("400000");
    untold["extra"]["offer"].as_object_mut().unwrap().remove("seconds");
    let mut rig = Rig::on(Pins::read(Some("$0.50"), None, None).unwrap());
    rig.start(
        &[
            untold,
            requirement("50000"),
            requirement("70000"),
            ten("500001"),
            ten("500000"),
        ],
        None,
    );
    assert_eq!(ids(&rig), [USDC, &format!("{USDC}/ten")]);
    let prices: Vec<_> = rig.card.view().offers.into_iter().map(|terms| terms.price).collect();
    assert_eq!(prices, ["0.05", "0.5"], "the first of each that the pins allow");
    // no more than twelve, and the article among them wherever it stands
    let mut many: Vec<_> = (0..20).map(|at| ten(&format!("{}", 100_000 + at))).collect();
    for (at, offer) in many.iter_mut().enumerate() {
        offer["extra"]["offer"]["name"] = format!("n{at}").into();
    }
    many.push(requirement("50000"));
    let mut rig = Rig::new();
    rig.start(&many, None);
    assert_eq!((ids(&rig).len(), ids(&rig)[0].as_str()), (12, USDC));
}

#[test]
fn what_was_taken_last_is_chosen_again_unless_it_is_wider() {
    for (prefer, chosen) in [
        (Some(USDC_ON_BASE), 1),
        (Some(USDC), 0),
        (Some("eip155:84532/0x036cbd53842c5426634e7929541ec2318f3dcf7e/ten"), 0),
        (Some("eip155:1/0x00"), 0),
        (None, 0),
    ] {
        let mut rig = Rig::new();
        rig.start(&[requirement("50000"), on_base("50000"), ten("400000")], prefer);
        assert_eq!(rig.card.view().chosen, chosen, "{prefer:?}");
    }
}

#[test]
fn s9_the_chosen_offer_is_signed_at_the_price_that_was_seen_for_it() {
    let (_, account) = key(1);
    let mut rig = Rig::new();
    rig.start(&[requirement("50000"), ten("400000")], None);
    choose(&mut rig, 1);
    assert_eq!(rig.terms().unwrap().price, "0.4");
    // a press that saw the other one's price
    assert_eq!(rig.pay_having_seen("$0.05".into()), []);
    assert_eq!(rig.notice(), Notice::PriceChanged);
    let effects = rig.until_signing(&account);
    assert_eq!(authorization_in(params(&effects)).value.to_string(), "400000");
    // nothing is chosen while the wallet is asked
    choose(&mut rig, 0);
    let (key, _) = key(1);
    let effects = rig.wallet(&effects, Ok(&sign(&key, &authorization_in(params(&effects)), 27)));
    assert_eq!(payment_in(&sent(&effects))["accepted"]["extra"]["offer"]["name"], "ten");
}

#[test]
fn a_choice_ends_what_was_said_about_the_one_before() {
    let mut rig = Rig::new();
    rig.start(&[requirement("50000"), on_base("60000")], None);
    let effects = rig.pay();
    rig.wallet(&effects, Err(4001));
    assert_eq!(rig.notice(), Notice::Rejected);
    choose(&mut rig, 2);
    assert_eq!(rig.notice(), Notice::Rejected, "there is no third");
    choose(&mut rig, 1);
    assert_eq!((rig.notice(), rig.card.view().chosen), (Notice::Offer, 1));
    renew(&mut rig, &[requirement("50000"), on_base("70000")]);
    assert_eq!(
        (rig.notice(), rig.card.view().before.as_deref()),
        (Notice::PriceChanged, Some("0.06"))
    );
    choose(&mut rig, 1);
    assert_eq!((rig.notice(), rig.card.view().before), (Notice::Offer, None));
    // while the next offer is fetched without a click
    rig.now += 3600;
    let effects = rig.send(FlowEvent::Intent);
    choose(&mut rig, 0);
    assert_eq!(rig.card.view().chosen, 0);
    rig.pay();
    choose(&mut rig, 1);
    assert_eq!(rig.card.view().chosen, 0, "not after the click");
    assert_eq!(method(&rig.answer(&effects, offer_answer("50000"))), "eth_requestAccounts");
}

#[test]
fn a4_a_choice_that_is_gone_is_told_and_never_replaced_in_silence() {
    let accepts = [requirement("50000"), on_base("60000"), ten("400000")];
    let gone = |index: usize, left: &[Value]| {
        let mut rig = Rig::new();
        rig.start(&accepts, None);
        choose(&mut rig, index);
        renew(&mut rig, left);
        rig
    };
    let kept = gone(2, &[on_base("60000"), ten("400000"), requirement("50000")]);
    assert_eq!(
        (kept.notice(), kept.terms().unwrap().wider.is_some()),
        (Notice::Offer, true),
        "by its name"
    );
    let dearer = gone(2, &[requirement("50000")]);
    let view = dearer.card.view();
    assert_eq!(
        (view.notice, view.before.as_deref(), view.chosen),
        (Notice::PriceChanged, Some("0.4"), 0)
    );
    // another token at the same price
    let same = gone(1, &[requirement("60000")]);
    assert_eq!((same.notice(), same.card.view().before), (Notice::Confirm, None));
    // what was seen is no reason to pay another
    let mut rig = Rig::new();
    rig.start(&accepts, None);
    choose(&mut rig, 1);
    rig.now += 3600;
    let effects = rig.pay();
    let answer = Answer {
        date: Some(rig.now),
        ..offer_answer("60000")
    };
    assert_eq!(rig.answer(&effects, answer), []);
    assert_eq!(rig.notice(), Notice::Confirm);
    assert_eq!(method(&rig.pay()), "eth_requestAccounts");
    // nor is a pass the article
    let mut rig = Rig::new();
    let effects = rig.pay();
    let answer = Answer {
        required: Some(required(&[ten("50000")])),
        ..offer_answer("")
    };
    assert_eq!(rig.answer(&effects, answer), []);
    assert_eq!(rig.notice(), Notice::Confirm);
}

#[test]
fn s9_another_payee_or_another_pass_at_the_same_price_is_told_first() {
    let mut elsewhere = requirement("50000");
    elsewhere["payTo"] = OTHER.into();
    let mut short = ten("400000");
    short["extra"]["offer"]["seconds"] = 60.into();
    let mut hour = requirement("50000");
    hour["extra"]["accessSeconds"] = 3600.into();
    let mut retitled = ten("400000");
    retitled["extra"]["offer"]["title"] = "Ten short articles".into();
    for (index, other) in [(0, elsewhere), (1, short), (0, hour), (1, retitled)] {
        let mut rig = Rig::new();
        rig.start(&[requirement("50000"), ten("400000")], None);
        choose(&mut rig, index);
        rig.now += 3600;
        let effects = rig.pay();
        let answer = Answer {
            required: Some(required(&[other])),
            date: Some(rig.now),
            ..offer_answer("")
        };
        assert_eq!(rig.answer(&effects, answer), [], "{index}");
        assert_eq!(rig.notice(), Notice::Confirm);
        assert_eq!(method(&rig.pay()), "eth_requestAccounts", "it was told");
    }
}

#[test]
fn s9_what_the_page_says_of_an_offer_is_what_is_paid() {
    let label = |network: Option<&str>, symbol: Option<&str>, test| {
        let mut rig = Rig::new();
        rig.card = FlowState::new(Page {
            network: network.map(Into::into),
            symbol: symbol.map(Into::into),
            test,
            ..page(Pins::default())
        });
        rig
    };
    let answer = |offer| Answer {
        required: Some(required(&[offer])),
        ..offer_answer("")
    };
    // a card that calls the money worthless, and money that is not
    for (mut rig, offer, asked) in [
        (label(None, None, true), on_base("50000"), false),
        (label(Some("Base Sepolia"), None, false), on_base("50000"), false),
        (label(None, Some("EURC"), false), on_base("50000"), false),
        (label(Some("base"), Some("USDC"), false), on_base("50000"), true),
        (label(Some("Base Sepolia"), None, true), requirement("50000"), true),
        (label(None, None, false), requirement("50000"), true),
    ] {
        let effects = rig.pay();
        let effects = rig.answer(&effects, answer(offer));
        assert_eq!(
            effects
                .first()
                .map(|effect| matches!(effect, Effect::Wallet { .. }))
                .unwrap_or_default(),
            asked
        );
        if !asked {
            assert_eq!(rig.notice(), Notice::Confirm);
            assert_eq!(method(&rig.pay()), "eth_requestAccounts", "it is on the card now");
        }
    }
}

#[test]
fn s9_an_offer_that_came_with_the_page_and_is_another_is_told_before_it_is_paid() {
    let mut rig = Rig::new();
    rig.start(&[requirement("70000")], None);
    let view = rig.card.view();
    assert_eq!((view.notice, view.before.as_deref()), (Notice::PriceChanged, Some("0.05")));
    // a press of the card as it was before
    let early = |rig: &mut Rig, seen: &str| {
        rig.send(FlowEvent::Pay {
            wallets: 1,
            random: [9; 32],
            seen: seen.parse().ok(),
            offer: None,
            kept: None,
        })
    };
    assert_eq!(early(&mut rig, "$0.05"), []);
    assert_eq!(rig.notice(), Notice::PriceChanged);
    let mut rig = Rig::new();
    rig.start(&[ten("50000")], None);
    assert_eq!(early(&mut rig, "$0.05"), []);
    assert_eq!(rig.notice(), Notice::Confirm);
    assert_eq!(method(&rig.pay()), "eth_requestAccounts");
}

#[test]
fn s9_when_the_article_opens_the_offer_is_the_one_that_was_signed() {
    let mut rig = Rig::new();
    rig.start(&[requirement("50000"), on_base("60000")], None);
    rig.until_sent();
    // the page was loaded anew, and sells something else by now
    let mut later = Rig::new();
    let effects = later.send(FlowEvent::Start {
        kept: rig.kept,
        offer: Some((required(&[on_base("90000")]), NOW)),
        prefer: None,
    });
    assert_eq!(later.terms().unwrap().price, "0.09");
    let article = Answer {
        status: 200,
        ..Answer::default()
    };
    assert_eq!(later.answer(&effects, article).last(), Some(&Effect::Open));
    let terms = later.terms().unwrap();
    assert_eq!((terms.price.as_str(), terms.network), ("0.05", "Base Sepolia"));
}

#[test]
fn s9_a_price_in_another_token_was_not_seen() {
    let mut rig = Rig::new();
    rig.card = FlowState::new(Page {
        price: "0.05 USDT".parse().ok(),
        ..Page::default()
    });
    let effects = rig.pay_having_seen("0.05 USDT".into());
    assert_eq!(rig.answer(&effects, offer_answer("50000")), []);
    assert_eq!(rig.notice(), Notice::Confirm);
}

proptest! {
    #![proptest_config(crate::cases(2000))]
    #[test]
    fn whatever_is_served_the_chosen_offer_is_shown_and_a_wider_one_was_chosen_by_hand(
        rounds in proptest::collection::vec((proptest::collection::vec(0..6usize, 0..6), proptest::option::of(0..6usize)), 1..5)
    ) {
        let served = [requirement("50000"), requirement("70000"), on_base("50000"), ten("400000"), ten("50000"), json!({"scheme": "x"})];
        let mut rig = Rig::new();
        let mut by_hand = None;
        for (accepts, index) in rounds {
            let accepts: Vec<_> = accepts.into_iter().map(|at| served[at].clone()).collect();
            let before = rig.terms().map(|terms| (terms.id, terms.price));
            renew(&mut rig, &accepts);
            let view = rig.card.view();
            match (&before, view.offers.get(view.chosen)) {
                (Some(before), Some(after)) if *before != (after.id.clone(), after.price.clone()) => {
                    prop_assert!(matches!(view.notice, Notice::PriceChanged | Notice::Confirm), "{:?}", view);
                }
                (_, Some(after)) if after.wider.is_some() => {
                    let said = view.notice == Notice::Confirm || view.notice == Notice::PriceChanged;
                    prop_assert!(said || by_hand.as_ref() == Some(&after.id), "{:?}", view);
                }
                _ => {}
            }
            if let Some(index) = index {
                choose(&mut rig, index);
            }
            by_hand = rig.terms().map(|terms| terms.id);
        }
    }
}
