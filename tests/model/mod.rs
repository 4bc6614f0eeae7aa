//! A breadth-first search over the worlds that events lead to.

mod broken;
mod events;
mod world;

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    env, fmt,
};

pub(crate) use broken::Broken;
use world::World;

/// What a search is about: who asks for what, and what others may do.
#[derive(Debug)]
pub(crate) struct Setting {
    /// For messages.
    pub(crate) name: &'static str,
    /// For each of three requests: which authorization it carries, for which article.
    pub(crate) requests: [(usize, usize); 3],
    /// Whether the nonces were made for the offers, as our own client's are.
    pub(crate) tagged: bool,
    /// Whether the facilitator may refuse what it then broadcasts.
    pub(crate) liar: bool,
    /// Whether the payer may cancel, and an observer submit what the facilitator holds.
    pub(crate) others: bool,
    /// Whether the chain may undo its newest block, and the facilitator say settled before there is one.
    pub(crate) undone: bool,
    /// How many blocks have to follow a transfer's own.
    pub(crate) confirmations: u64,
    /// Whether an authorization may have paid for something else before it is first seen here.
    pub(crate) elsewhere: bool,
    /// Whether what was used is charged, which may be nothing.
    pub(crate) metered: bool,
    /// What the payments buy beside their articles.
    pub(crate) wider: Option<Wider>,
}

/// A wider offer, which lasts for longer than the model looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wider {
    /// Opens both articles.
    Pass,
    /// Opens so many articles.
    Bundle(u32),
}

/// Nothing special happens.
const PLAIN: Setting = Setting {
    name: "",
    requests: [(0, 0); 3],
    tagged: false,
    liar: false,
    others: false,
    undone: false,
    confirmations: 0,
    elsewhere: false,
    metered: false,
    wider: None,
};

pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "one payment three times",
        requests: [(0, 0), (0, 0), (0, 0)],
        liar: true,
        others: true,
        ..PLAIN
    },
    Setting {
        name: "one payment for two articles",
        requests: [(0, 0), (0, 1), (0, 0)],
        others: true,
        ..PLAIN
    },
    Setting {
        name: "two payments for one article",
        requests: [(0, 0), (1, 0), (0, 0)],
        tagged: true,
        others: true,
        ..PLAIN
    },
    Setting {
        name: "two payments, two articles",
        requests: [(0, 0), (1, 1), (1, 0)],
        others: true,
        ..PLAIN
    },
    Setting {
        name: "blocks are undone",
        requests: [(0, 0), (1, 0), (0, 0)],
        tagged: true,
        undone: true,
        ..PLAIN
    },
    Setting {
        name: "blocks are undone, and waited for",
        requests: [(0, 0), (1, 0), (0, 0)],
        tagged: true,
        undone: true,
        confirmations: 1,
        ..PLAIN
    },
    Setting {
        name: "paid for something else before",
        requests: [(0, 0), (1, 0), (0, 0)],
        elsewhere: true,
        ..PLAIN
    },
    Setting {
        name: "what was used is charged",
        requests: [(0, 0), (1, 1), (0, 1)],
        tagged: true,
        others: true,
        metered: true,
        ..PLAIN
    },
    Setting {
        name: "one time pass from two articles",
        requests: [(0, 0), (1, 1), (0, 0)],
        tagged: true,
        wider: Some(Wider::Pass),
        ..PLAIN
    },
    Setting {
        name: "one bundle from two articles",
        requests: [(0, 0), (1, 1), (1, 0)],
        wider: Some(Wider::Bundle(2)),
        ..PLAIN
    },
    Setting {
        name: "a pass, and blocks are undone",
        requests: [(0, 0), (1, 1), (0, 0)],
        tagged: true,
        undone: true,
        confirmations: 1,
        wider: Some(Wider::Pass),
        ..PLAIN
    },
];

/// How far to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth(pub(crate) u32);

impl Depth {
    pub(crate) fn from_env() -> Self {
        let depth = env::var("FARTHING_MODEL_DEPTH").ok().and_then(|text| text.parse().ok());
        Self(depth.unwrap_or(9))
    }
}

/// A broken promise and the events that lead to it.
#[derive(Debug)]
pub(crate) struct Violation {
    promise: String,
    events: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after: {}", self.promise, self.events.join("; "))
    }
}

/// What a search has seen.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) states: usize,
    pub(crate) depth: u32,
    /// No state is left whose events were not tried.
    pub(crate) whole: bool,
    pub(crate) violation: Option<Violation>,
}

/// Tries every order of events, nearest first, so that a violation comes with the shortest way to it.
pub(crate) fn search(setting: &Setting, broken: Option<Broken>, depth: Depth) -> Found {
    let first = World::new(setting);
    // each state's predecessor, and which of its events led here
    let mut seen: HashMap<u128, (u128, u16)> = HashMap::from([(first.digest(), (0, 0))]);
    // many worlds differ in what their clients wait for alone, which does not matter to the end
    let mut ended: HashSet<u128> = HashSet::new();
    // the last worlds are judged as they are found, and not kept: they are more than all the others
    let mut queue = VecDeque::from([(first, 0)]);
    let mut deepest = 0;
    while let Some((world, at)) = queue.pop_front() {
        if at == depth.0 {
            break;
        }
        let here = world.digest();
        for (number, (_, next)) in (0..).zip(world.next(broken)) {
            let there = next.digest();
            let Entry::Vacant(place) = seen.entry(there) else {
                continue;
            };
            place.insert((here, number));
            deepest = at + 1;
            let end = if ended.insert(next.fate()) {
                next.judge_end(broken)
            } else {
                Ok(())
            };
            if let Err(promise) = next.judge().and(end) {
                let events = way(setting, broken, &seen, there);
                let violation = Some(Violation { promise, events });
                return Found {
                    states: seen.len(),
                    depth: deepest,
                    whole: false,
                    violation,
                };
            }
            if deepest < depth.0 {
                queue.push_back((next, deepest));
            }
        }
    }
    Found {
        states: seen.len(),
        depth: deepest,
        whole: deepest < depth.0,
        violation: None,
    }
}

/// The events that lead to a state, played once more for their names.
fn way(setting: &Setting, broken: Option<Broken>, seen: &HashMap<u128, (u128, u16)>, mut at: u128) -> Vec<String> {
    let mut numbers = Vec::new();
    while let Some((before, number)) = seen.get(&at).filter(|(before, _)| *before != 0) {
        numbers.push(*number);
        at = *before;
    }
    let mut world = World::new(setting);
    let mut events = Vec::new();
    for number in numbers.into_iter().rev() {
        let (event, next) = world.next(broken).swap_remove(number.into());
        events.push(event);
        world = next;
    }
    events
}
