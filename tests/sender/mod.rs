//! How worlds are played: which of the things that can happen do, and in which order.

use std::{env, ops::Range};

mod node;
mod world;

pub(crate) use world::Seen;
use world::World;

/// What can happen in a world besides the usual.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// The key is used elsewhere, payers cancel, drain and are preempted.
    pub(crate) others: bool,
    /// Blocks are taken back.
    pub(crate) reorgs: bool,
    /// The key has gas for a few transactions only.
    pub(crate) poor: bool,
}

pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "a bad network and a dying executor",
        others: false,
        reorgs: false,
        poor: false,
    },
    Setting {
        name: "others act too",
        others: true,
        reorgs: false,
        poor: false,
    },
    Setting {
        name: "a key with little gas",
        others: true,
        reorgs: false,
        poor: true,
    },
    Setting {
        name: "blocks are taken back",
        others: true,
        reorgs: true,
        poor: false,
    },
];

/// A mistake of the executor's, made on purpose, that the worlds have to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// Sends before it has stored what it sends.
    SendsBeforeItStores,
    /// Reports an answer that never came as a refusal.
    SilenceIsARefusal,
    /// Looks for no receipt, and says there is none.
    LooksForNoReceipt,
    /// Says that a reverted transaction paid.
    BelievesReverts,
    /// Sends nothing again.
    SendsOnce,
}

impl Mistake {
    pub(crate) const ALL: [Self; 5] = [
        Self::SendsBeforeItStores,
        Self::SilenceIsARefusal,
        Self::LooksForNoReceipt,
        Self::BelievesReverts,
        Self::SendsOnce,
    ];
}

pub(crate) fn seeds() -> Range<u64> {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("FARTHING_SEED").unwrap_or(1);
    let many = if number("FARTHING_SEED").is_some() { 1 } else { 250 };
    first..first + number("FARTHING_SEEDS").unwrap_or(many)
}

/// A generator of chance (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// In so many of a thousand cases.
    pub(crate) fn in_thousand(&mut self, share: usize) -> bool {
        self.below(1000) < share
    }
}

/// Plays one world to its end.
pub(crate) fn play(setting: &Setting, seed: u64, mistake: Option<Mistake>, seen: &mut Seen) -> Result<(), String> {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9));
    let mut world = World::new(setting, mistake, chance.below(5));
    for _ in 0..400 {
        match chance.below(100) {
            0..8 => world.asks(&mut chance),
            8..38 => drop(world.takes_work()),
            38..58 => world.does_work(&mut chance),
            58..76 => world.hears(&mut chance),
            76..86 => world.node.mines(&mut chance),
            86..91 => world.time_passes(1 + chance.below(3) as u64),
            91..95 => world.node.drops(&mut chance),
            95..97 => world.crashes(&mut chance),
            97 => world.node.is_spiked(&mut chance),
            _ if setting.reorgs && chance.in_thousand(300) => world.node.reorganises(&mut chance),
            _ if setting.others => world.others_act(&mut chance),
            _ => world.node.releases(&mut chance),
        }
        world.judge()?;
    }
    world.ends(&mut chance)?;
    seen.add(&world);
    Ok(())
}
