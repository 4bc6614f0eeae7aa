//! Direct settlement in worlds of chance: a node that drops, delays and forgets, a chain whose fees jump, a key that is used
//! elsewhere too, payers who take their money away, an executor that dies at any moment, and blocks that are taken back.
//!
//! Every world is played from a seed. `FARTHING_SEEDS` sets how many (250 for each setting by default), `FARTHING_SEED` the
//! first; what fails names its own. What is asserted is in `world::judge`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a world that overflows or looks beside itself fails"
)]

#[path = "sender/mod.rs"]
mod sender;

use sender::{Mistake, SETTINGS, play, seeds};

#[test]
fn b5_s3_every_world_ends_well() {
    for setting in SETTINGS {
        let mut seen = sender::Seen::default();
        for seed in seeds() {
            if let Err(violation) = play(setting, seed, None, &mut seen) {
                panic!("{}: FARTHING_SEED={seed}: {violation}", setting.name);
            }
        }
        println!("{}: {seen:?}", setting.name);
        assert!(seen.paid > 0 && seen.crashes > 0, "{seen:?}");
        assert!(!setting.others || seen.elsewhere > 0 && seen.refused > 0, "{seen:?}");
        assert!(!setting.reorgs || seen.reorgs > 0, "{seen:?}");
        assert!(seen.replaced > 0 && seen.dropped > 0 && seen.cancelled > 0, "{seen:?}");
    }
}

#[test]
fn worlds_find_what_is_broken_on_purpose() {
    for mistake in Mistake::ALL {
        let mut seen = sender::Seen::default();
        let violation = seeds().find_map(|seed| {
            let found = SETTINGS
                .iter()
                .find_map(|setting| play(setting, seed, Some(mistake), &mut seen).err());
            found.map(|violation| format!("with seed {seed}: {violation}"))
        });
        let violation = violation.unwrap_or_else(|| panic!("{mistake:?} was not found"));
        println!("{mistake:?}: {violation}");
    }
}
