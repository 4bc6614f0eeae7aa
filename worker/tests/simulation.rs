//! The real object under a simulated platform, chain, facilitator, clock and clients: seeded histories with crashes, lost and
//! doubled messages, lagging nodes, undone blocks, late and doubled alarms. Afterwards everything is judged (threats S1 to S8).
//!
//! `FARTHING_SEEDS` sets how many histories (10,000 by default), `FARTHING_SEED` plays a single one and tells it.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a simulation that overflows or looks beside its world fails"
)]

#[path = "simulation/chain.rs"]
mod chain;
#[path = "simulation/chance.rs"]
mod chance;
#[path = "simulation/clients.rs"]
mod clients;
#[path = "simulation/facilitator.rs"]
mod facilitator;
#[path = "simulation/judge.rs"]
mod judge;
#[path = "simulation/readers.rs"]
mod readers;
#[path = "simulation/world.rs"]
mod world;

use std::{
    collections::BTreeMap,
    env,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use chance::Chance;
use clients::{Client, Doing};
use facilitator::Temper;
use farthing::route::Settlement;
use farthing::x402::Network;
use readers::Reader;
use world::{Broken, Screening, Setting, World};

/// How long clients are about, and how long the rest may take, in seconds.
const BUSY_SECONDS: u64 = 900;
const CALM_SECONDS: u64 = 2 * 24 * 60 * 60;

fn settlement(readable: bool, screening: Option<Screening>) -> Settlement {
    let rpc = match readable {
        true => BTreeMap::from([(Network::BASE_SEPOLIA, vec!["https://rpc.example".to_owned()])]),
        false => BTreeMap::new(),
    };
    let screener = screening.map(|screening| {
        serde_json::json!({
            "url": "https://screen.example", "headers": [], "letsThrough": screening.lets_through, "cacheSeconds": screening.seconds,
            "timeoutSeconds": 3,
        })
    });
    let mut text = serde_json::json!({
        "facilitators": [
            {"facilitator": {"url": "https://one.example", "headers": [], "coinbase": null, "metered": false, "contractWallets": false}},
            {"facilitator": {"url": "https://two.example", "headers": [], "coinbase": null, "metered": false, "contractWallets": false}},
        ],
        "rpc": rpc, "confirmations": {}, "settlementsPerDay": 10_000_000, "timeoutSeconds": 20,
    });
    if let Some(screener) = screener {
        text["screener"] = screener;
    }
    serde_json::from_value(text).unwrap()
}

fn history(seed: u64, broken: Option<Broken>) -> World {
    let chance = Chance::new(seed);
    let readable = broken.is_some() || chance.happens(850);
    let count = chance.between(1, 3);
    let authorizations = (0..count)
        .map(|_| {
            let article = usize::from(chance.happens(250));
            (article, chain::GENESIS + chance.between(30, 330))
        })
        .collect::<Vec<_>>();
    let requests = chance.between(2, 6);
    let clients = (0..requests)
        .map(|_| {
            let authorization = usize::try_from(chance.below(count)).unwrap();
            let own = authorizations[authorization].0;
            // now and then somebody tries it on the other article
            let article = if chance.happens(120) { 1 - own } else { own };
            Client {
                authorization,
                article,
                tries: u32::try_from(chance.between(1, 30)).unwrap(),
                doing: Doing::Asks,
                served: false,
                thief: chance.happens(150),
            }
        })
        .collect();
    let single = chance.happens(150);
    let bundle = (broken == Some(Broken::ForgetsOpened) || !single && chance.happens(300)).then_some(2);
    let readers = match bundle {
        Some(_) => chance.between(1, 4),
        None => 0,
    };
    let readers = (0..readers)
        .map(|_| Reader {
            article: usize::try_from(chance.below(clients::ALL)).unwrap(),
            tries: u32::try_from(chance.between(1, 30)).unwrap(),
            spends: false,
        })
        .collect();
    let setting = Setting {
        temper: Temper {
            hasty: chance.happens(150),
            liar: chance.happens(100),
        },
        readable,
        confirmations: *chance.of(&[0, 0, 0, 2]),
        undone: chance.happens(200),
        others: chance.happens(200),
        single: single && bundle.is_none(),
        tagged: chance.happens(500),
        bundle,
        books: chance.happens(800),
        crashes: *chance.of(&[0, 10, 40, 120]),
        authorizations,
        screening: (broken == Some(Broken::NobodyScreens) || chance.happens(300)).then(|| Screening {
            lets_through: broken.is_none() && chance.happens(300),
            seconds: *chance.of(&[1, 20, 3600]),
            refuses: *chance.of(&[0, 200, 600, 1000]),
        }),
        broken,
    };
    let screening = setting.screening.filter(|_| broken != Some(Broken::NobodyScreens));
    farthing_worker::configure(Some(settlement(setting.readable, screening)));
    let mut world = World::new(setting, clients, readers, chance);
    let busy = (chain::GENESIS + BUSY_SECONDS) * 1000;
    while world.violation.is_none() && world.step(busy) {}
    // whatever was on its way lands or is forgotten; then nothing disturbs the rest
    world.calm = true;
    world.chain.forget_pool();
    let end = busy + CALM_SECONDS * 1000;
    while world.violation.is_none() && world.step(end) {}
    world.judge_end();
    world
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

#[test]
fn s1_to_s8_hold_in_every_history() {
    if let Some(seed) = number("FARTHING_SEED") {
        let world = history(seed, None);
        println!("{:#?}\n{}", world.setting, world.history.join("\n"));
        assert_eq!(world.violation, None);
        return;
    }
    let seeds = number("FARTHING_SEEDS").unwrap_or(10_000);
    let (next, crashes, deliveries) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let world = history(seed, None);
                    crashes.fetch_add(world.crashes, Ordering::Relaxed);
                    deliveries.fetch_add(world.deliveries, Ordering::Relaxed);
                    if let Some(violation) = world.violation {
                        panic!("seed {seed}: {violation}\n{:#?}\n{}", world.setting, world.history.join("\n"));
                    }
                }
            });
        }
    });
    println!(
        "{seeds} histories, {} crashes, {} deliveries",
        crashes.into_inner(),
        deliveries.into_inner()
    );
}

#[test]
fn what_is_broken_on_purpose_is_found() {
    for broken in [
        Broken::LosesWrites,
        Broken::NoAlarms,
        Broken::BlindChain,
        Broken::OldOverwrites,
        Broken::ForgetsOpened,
        Broken::NobodyScreens,
    ] {
        let found = (0..2000).find_map(|seed| history(seed, Some(broken)).violation.map(|violation| (seed, violation)));
        let (seed, violation) = found.unwrap_or_else(|| panic!("{broken:?} was not found"));
        println!("{broken:?}: seed {seed}: {violation}");
    }
}
