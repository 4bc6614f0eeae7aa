//! Bundles: so many articles and no more, however often and from wherever each is asked for.

use alloc::{collections::BTreeSet, format, vec::Vec};
use proptest::prelude::*;

use super::*;
use crate::x402::Wider;

fn row(intent: Intent, phase: Phase) -> Row {
    Row { intent, phase, ..won() }
}

fn bundle(receipt: &str, until: u64, count: u32, spent: u32, has: bool) -> Bundle {
    let mut owned = row(intent(), settled()).owned().unwrap();
    owned.receipt = receipt.into();
    owned.until = until;
    Bundle {
        owned,
        count,
        spent,
        has,
    }
}

/// A ledger's notes of what bundles opened, as its table has them.
#[derive(Default)]
struct Notes(BTreeSet<(usize, u8)>);

impl Notes {
    fn bundles(&self, counts: &[u32], article: u8) -> Vec<Bundle> {
        let all = counts.iter().enumerate().map(|(index, count)| {
            let spent = self.0.iter().filter(|(of, _)| *of == index).count();
            bundle(
                &format!("{index}"),
                100 + u64::try_from(index).unwrap(),
                *count,
                u32::try_from(spent).unwrap(),
                self.0.contains(&(index, article)),
            )
        });
        all.collect()
    }

    fn spend(&mut self, counts: &[u32], article: u8) -> bool {
        let bundles = self.bundles(counts, article);
        let Some(chosen) = from_which(&bundles) else {
            return false;
        };
        self.0.insert((chosen.owned.receipt.parse().unwrap(), article));
        true
    }
}

/// The mistake that the notes are made against: a counter that each request takes one from.
fn count_down(left: &mut u32, _: u8) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

#[test]
fn e10_a_request_that_comes_again_costs_nothing() {
    let asked = [1, 1, 1, 2, 2, 3];
    let mut left = 3;
    let naive: Vec<bool> = asked.iter().map(|article| count_down(&mut left, *article)).collect();
    assert_eq!(
        naive,
        [true, true, true, false, false, false],
        "the attack lands: one article used up all three"
    );
    let mut notes = Notes::default();
    for article in asked {
        assert!(notes.spend(&[3], article));
    }
    assert!(!notes.spend(&[3], 4));
    assert!(notes.spend(&[3], 1));
}

proptest! {
    #[test]
    fn e10_bundles_open_as_many_articles_as_they_say(counts in proptest::collection::vec(2_u32..5, 1..3), asked in proptest::collection::vec(0_u8..12, 0..60)) {
        let mut notes = Notes::default();
        let mut open = BTreeSet::new();
        for article in asked.iter().copied() {
            let opened = notes.spend(&counts, article);
            prop_assert!(opened || !open.contains(&article), "what was opened stays open");
            if opened {
                open.insert(article);
            }
        }
        let total: u32 = counts.iter().sum();
        let wanted: BTreeSet<u8> = asked.iter().copied().collect();
        prop_assert_eq!(open.len(), wanted.len().min(usize::try_from(total).unwrap()));
        prop_assert_eq!(left(&notes.bundles(&counts, 0)), total - u32::try_from(open.len()).unwrap());
    }
}

fn wider(name: &str, count: Option<u32>) -> Option<Wider> {
    Some(Wider {
        name: name.into(),
        title: String::new(),
        count,
        seconds: 500,
    })
}

#[test]
fn a_settled_row_gives_what_was_bought() {
    let bought = |offer| {
        let row = row(Intent { offer, ..intent() }, settled());
        (row.owned().map(|owned| owned.until), row.held())
    };
    let (article, none) = bought(None);
    assert!(article.is_some() && none.is_none());
    let (article, ten) = bought(wider("ten", Some(10)));
    let ten = ten.unwrap();
    assert_eq!((ten.count, ten.owned.pass), (Some(10), None));
    assert_eq!(article.unwrap() - ten.owned.until, 500, "each for its own time");
    let (article, day) = bought(wider("day", None));
    assert_eq!((article, day.unwrap().owned.pass.as_deref()), (None, Some("day")));
    let open = row(
        Intent {
            offer: wider("day", None),
            ..intent()
        },
        Phase::Released,
    );
    assert!(open.held().is_none());
}

#[test]
fn s3_who_has_it_keeps_the_money() {
    let intent = Intent {
        offer: wider("ten", Some(10)),
        ..intent()
    };
    let owned = row(intent.clone(), settled()).owned().unwrap();
    let with = |payer: Payer<'_>| claim(payer, &intent, NOW);
    assert!(matches!(with(alone()), Claim::Won(_)));
    assert_eq!(
        with(Payer {
            credit: Some(&owned),
            ..alone()
        }),
        Claim::Owned
    );
    assert_eq!(
        with(Payer {
            owned: Some(&owned),
            ..alone()
        }),
        Claim::Owned
    );
    assert_eq!(
        with(Payer {
            other_open: true,
            ..alone()
        }),
        Claim::WaitForOther
    );
}

#[test]
fn b8_a_proof_is_used_up_only_where_something_is_left() {
    let asked = core::cell::Cell::new(0);
    let consume = || {
        asked.set(asked.get() + 1);
        Ok::<_, ()>(true)
    };
    let page = "https://n.example/a";
    let reply = sign_in(None, &[bundle("r", 100, 10, 10, false)], page, consume).unwrap();
    assert_eq!((slug(Claim::Reply(reply)).as_str(), asked.get()), ("not-owned", 0));
    let reply = sign_in(None, &[bundle("r", 100, 10, 3, false)], page, consume).unwrap();
    let Reply::Left(left) = &reply else { panic!() };
    assert_eq!((left.left, asked.get()), (7, 1));
    assert_eq!(Reply::read(&serde_json::to_string(&reply).unwrap()), Some(reply));
    let used = sign_in(None, &[bundle("r", 100, 10, 3, false)], page, || Ok::<_, ()>(false)).unwrap();
    assert_eq!(slug(Claim::Reply(used)), "sign-in-used");
}
