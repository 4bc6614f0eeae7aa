//! Every order of events around one payer's payments, tried exhaustively: the ledger's two functions under three requests, an
//! executor that may die at any wait, a facilitator that answers in every way, and a chain on which others act too.
//!
//! `FARTHING_MODEL_DEPTH` sets how many events deep (9 by default). What is asserted in every state is in `world::judge`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a model that overflows or looks beside its world fails"
)]

#[path = "model/mod.rs"]
mod model;

use model::{Broken, Depth, search};

#[test]
fn s1_to_s8_hold_in_every_order_of_events() {
    for setting in model::SETTINGS {
        let found = search(setting, None, Depth::from_env());
        println!(
            "{}: {} states, {} events deep{}",
            setting.name,
            found.states,
            found.depth,
            if found.whole { ", all there are" } else { "" }
        );
        if let Some(violation) = found.violation {
            panic!("{}: {violation}", setting.name);
        }
    }
}

#[test]
fn the_search_finds_what_was_broken_on_purpose() {
    for broken in Broken::ALL {
        // shallow searches of all settings first: a mistake that one setting cannot show costs no deep search of it
        let found = (4..=Depth::from_env().0).find_map(|depth| {
            let mut found = model::SETTINGS
                .iter()
                .map(|setting| search(setting, Some(broken), Depth(depth)));
            found.find_map(|found| found.violation)
        });
        let violation = found.unwrap_or_else(|| panic!("{broken:?} was not found"));
        println!("{broken:?}: {violation}");
    }
}
