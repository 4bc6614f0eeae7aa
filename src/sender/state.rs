//! What is known of the key, its orders and its nonces; how it is stored and told.

use core::fmt;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde::Serialize;

use super::{
    BURIED_SECONDS, BUSY, FORGET_SECONDS, Job, LOOK_SECONDS, MAX_AT_RISK, MAX_ORDERS, Outcome, PATIENCE_SECONDS, PAYER_LIMIT,
    SLOW_LOOK_SECONDS,
    heads::Head,
    job::{Order, Stage},
    slot::Slot,
};
use crate::{
    evm::{Address, chain::sending::EXPIRED, hex},
    json::{self, Value},
    ledger::{DAY_SECONDS, Read},
    offer::matching::LEAST_SECONDS_LEFT,
};

/// Who sends, where, for how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The network.
    pub chain_id: u64,
    /// The gas key's account.
    pub account: Address,
    /// The most that a unit of gas may cost, in wei ([`cap`](super::cap) by default).
    pub most: u64,
}

/// Work that was handed out, until when its end is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) ticket: u64,
    pub(super) until: u64,
}

impl Lease {
    pub(super) const fn is_free(self, now: u64) -> bool {
        now >= self.until
    }

    /// Ends it, if it is this one.
    pub(super) fn end(&mut self, ticket: u64) -> bool {
        let ours = self.ticket == ticket && self.until > 0;
        if ours {
            *self = Self::default();
        }
        ours
    }
}

/// The chain as it was last seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) head: Head,
    /// When it was asked for, Unix seconds: what was done later is not in it. Zero once it holds no longer.
    pub(super) asked: u64,
    /// When the answer came, Unix seconds.
    pub(super) came: u64,
}

/// A row to be stored, or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its name.
    pub key: String,
    /// JSON; none deletes it.
    pub body: Option<String>,
}

/// Something that the publisher should hear of, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The gas key has less than a day's worth.
    Low(Address, u128),
    /// It has too little for the next transaction.
    Empty(Address),
    /// Gas costs more than the settings allow.
    Dear(u64),
    /// The key's nonce was used by somebody else's transaction.
    UsedElsewhere(u64),
    /// A settlement was reverted, and its gas spent in vain.
    Reverted(String),
    /// A block that held a settlement is gone.
    Reorganised(u64),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Low(account, wei) => write!(f, "the gas key {account} runs low: {wei} wei left"),
            Self::Empty(account) => write!(f, "the gas key {account} has too little left to settle"),
            Self::Dear(fee) => write!(f, "a unit of gas would cost {fee} wei, more than is allowed"),
            Self::UsedElsewhere(nonce) => write!(f, "nonce {nonce} of the gas key was used by somebody else"),
            Self::Reverted(key) => write!(f, "the settlement of {key} was reverted"),
            Self::Reorganised(nonce) => write!(f, "the transaction with nonce {nonce} is no longer in any block"),
        }
    }
}

/// How a gas key stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The gas key's account.
    #[serde(with = "hex::address")]
    pub account: Address,
    /// What it has, in wei, as last seen; none before the first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<String>,
    /// It should be given more.
    pub low: bool,
    /// Orders under way.
    pub orders: usize,
    /// Transactions under way.
    pub transactions: usize,
    /// How long the oldest of them has been, in seconds.
    pub oldest: u64,
}

/// Which rows differ from what is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Changed {
    Order(String),
    Payer(Address),
    Slot(u64),
}

/// Everything about one gas key on one network.
#[derive(Clone, Debug)]
pub struct Sender {
    pub(super) terms: Terms,
    pub(super) seen: Option<Seen>,
    pub(super) looking: Lease,
    /// When the chain was last asked for, seen or not.
    pub(super) looked: u64,
    pub(super) orders: BTreeMap<String, Order>,
    pub(super) slots: BTreeMap<u64, Slot>,
    /// Nonces that somebody else's transactions wait with.
    pub(super) taken: BTreeSet<u64>,
    /// The nonce that nothing of ours fills and that holds up what is above, and since when.
    pub(super) gap: Option<(u64, u64)>,
    /// When transactions of a payer were reverted, Unix seconds.
    pub(super) reverts: BTreeMap<Address, Vec<u64>>,
    pub(super) low: bool,
    pub(super) dear: bool,
    pub(super) empty: bool,
    tickets: u64,
    pub(super) changed: BTreeSet<Changed>,
    pub(super) notes: Vec<Note>,
}

impl Sender {
    /// One that has sent nothing.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            seen: None,
            looking: Lease::default(),
            looked: 0,
            orders: BTreeMap::new(),
            slots: BTreeMap::new(),
            taken: BTreeSet::new(),
            gap: None,
            reverts: BTreeMap::new(),
            low: false,
            dear: false,
            empty: false,
            tickets: 0,
            changed: BTreeSet::new(),
            notes: Vec::new(),
        }
    }

    /// The one whose rows these are, by name and body. Rows that cannot be read are left out: what they
    /// told of is then somebody else's.
    pub fn load<'a>(terms: Terms, rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut sender = Self::new(terms);
        for (name, body) in rows {
            let _ = sender.load_row(name, body);
        }
        for order in sender.orders.values_mut() {
            if let Stage::Out { nonce } = order.stage
                && !sender.slots.contains_key(&nonce)
            {
                order.sent = true;
                order.stage = Stage::Waiting;
            }
        }
        sender
    }

    fn load_row(&mut self, name: &str, body: &str) -> Option<()> {
        let (kind, key) = name.split_once(' ')?;
        match kind {
            "order" => drop(self.orders.insert(key.to_string(), Order::read(body)?)),
            "nonce" => drop(self.slots.insert(key.parse().ok()?, Slot::read(body)?)),
            "payer" => {
                let times = json::parse(body).ok()?;
                let times = times.items()?.iter().map(Value::integer).collect::<Option<_>>()?;
                drop(self.reverts.insert(hex::read(key).map(Address::new)?, times));
            }
            _ => {}
        }
        Some(())
    }

    /// What has to be stored before anything else is done.
    pub fn writes(&mut self) -> Vec<Write> {
        fn body(value: Option<&impl Serialize>) -> Option<String> {
            value.and_then(|value| serde_json::to_string(value).ok())
        }
        let changed = core::mem::take(&mut self.changed);
        let row = |change| match change {
            Changed::Order(key) => Write {
                body: body(self.orders.get(&key).filter(|order| order.is_kept())),
                key: format!("order {key}"),
            },
            Changed::Slot(nonce) => Write {
                body: body(self.slots.get(&nonce)),
                key: format!("nonce {nonce}"),
            },
            Changed::Payer(payer) => Write {
                body: body(self.reverts.get(&payer)),
                key: format!("payer {}", hex::print(payer.as_slice())),
            },
        };
        changed.into_iter().map(row).collect()
    }

    /// What has to be told since the last call.
    pub fn notes(&mut self) -> Vec<Note> {
        core::mem::take(&mut self.notes)
    }

    /// Takes an order; its outcome, if that is known at once. The same authorization is the same order.
    pub fn ask(&mut self, job: Job, now: u64) -> Option<Outcome> {
        let key = job.key();
        let refused = |reason: &str| Some(Outcome::Refused(reason.to_string()));
        let known = self.orders.get(&key);
        if known.is_none_or(|order| !order.is_live()) {
            let live = self.orders.values().filter(|order| order.is_live());
            let open = live.clone().filter(|order| order.job.payer == job.payer).count();
            if open.saturating_add(self.reverts_of(job.payer, now)) >= MAX_AT_RISK {
                return refused(PAYER_LIMIT);
            }
            if live.count() >= MAX_ORDERS {
                return refused(BUSY);
            }
        }
        if known.is_none() && now.saturating_add(LEAST_SECONDS_LEFT) >= job.valid_before {
            return refused(EXPIRED);
        }
        let renewed = known.is_some_and(|order| order.job != job);
        if renewed && known.is_some_and(Order::is_kept) {
            // another promise with the same nonce: at most one of the two can be kept
            return Some(Outcome::Unclear);
        }
        if renewed {
            self.orders.remove(&key);
        }
        let order = self.orders.entry(key.clone()).or_insert_with(|| Order::new(job, now));
        order.asked = now;
        let mut again = false;
        // whoever asks again has found on the chain what contradicts the outcome
        match order.stage {
            Stage::Done { .. } | Stage::Open => {
                let slot = self.slots.iter_mut().find(|(_, slot)| slot.order.as_ref() == Some(&key));
                if let Some((nonce, slot)) = slot {
                    if slot.mined.take().is_some() || order.stage != Stage::Open {
                        order.stage = Stage::Out { nonce: *nonce };
                        slot.misses = 0;
                        slot.looked = 0;
                        self.changed.insert(Changed::Slot(*nonce));
                    }
                } else {
                    order.stage = Stage::Waiting;
                    order.sent = true;
                }
                order.reverted = false;
                again = true;
            }
            Stage::Refused { .. } => order.stage = Stage::Waiting,
            _ => {}
        }
        let outcome = order.outcome();
        if again {
            self.look_again();
        }
        self.changed.insert(Changed::Order(key));
        outcome
    }

    /// How an order ended; none while it is under way. One that is not known ended long ago, or never was.
    pub fn outcome(&self, job: &Job) -> Option<Outcome> {
        match self.orders.get(&job.key()) {
            Some(order) if order.job == *job => order.outcome(),
            _ => Some(Outcome::Unclear),
        }
    }

    /// When [`next`](Self::next) may have something to do by itself, Unix seconds; none if never.
    pub fn wake_at(&self, now: u64) -> Option<u64> {
        if self.is_busy() {
            return Some(now.saturating_add(self.pace(now)));
        }
        let buried = self
            .slots
            .values()
            .filter_map(|slot| slot.mined)
            .map(|mined| mined.at.saturating_add(BURIED_SECONDS));
        let forgotten = self
            .orders
            .values()
            .map(|order| order.job.valid_before.max(order.asked).saturating_add(FORGET_SECONDS));
        let reverts = self
            .reverts
            .values()
            .filter_map(|times| times.last())
            .map(|at| at.saturating_add(DAY_SECONDS));
        let next = buried.chain(forgotten).chain(reverts).min()?;
        Some(
            next.max(now.saturating_add(1))
                .max(self.looked.saturating_add(SLOW_LOOK_SECONDS)),
        )
    }

    /// How it stands.
    pub fn health(&self, now: u64) -> Health {
        let unmined = || self.slots.values().filter(|slot| slot.mined.is_none());
        let oldest = unmined().map(|slot| now.saturating_sub(slot.priced_at)).max();
        Health {
            account: self.terms.account,
            balance: self.seen.map(|seen| seen.head.balance.to_string()),
            low: self.low,
            orders: self.orders.values().filter(|order| order.is_live()).count(),
            transactions: unmined().count(),
            oldest: oldest.unwrap_or_default(),
        }
    }

    /// Whether anything is under way, or to be begun.
    pub(super) fn is_busy(&self) -> bool {
        self.orders.values().any(Order::is_live) || self.slots.values().any(|slot| slot.mined.is_none())
    }

    /// How long between two looks at the chain, in seconds.
    pub(super) fn pace(&self, now: u64) -> u64 {
        let sent = self
            .slots
            .values()
            .filter(|slot| slot.mined.is_none())
            .map(|slot| slot.priced_at);
        let asked = self.orders.values().filter(|order| order.is_live()).map(|order| order.asked);
        let last = sent.chain(asked).max().unwrap_or_default();
        match now.saturating_sub(last).checked_div(PATIENCE_SECONDS) {
            Some(0) => LOOK_SECONDS,
            Some(1..12) => SLOW_LOOK_SECONDS,
            // an hour and more: what nobody takes and nobody drops
            _ => SLOW_LOOK_SECONDS.saturating_mul(8),
        }
    }

    /// What was seen of the chain holds no longer.
    pub(super) fn look_again(&mut self) {
        if let Some(seen) = &mut self.seen {
            (seen.asked, seen.came) = (0, 0);
        }
    }

    pub(super) fn lease(&mut self, now: u64) -> Lease {
        self.tickets = self.tickets.saturating_add(1);
        Lease {
            ticket: self.tickets,
            until: now.saturating_add(super::LEASE_SECONDS),
        }
    }

    /// A payer's reverted transactions of the last day.
    fn reverts_of(&self, payer: Address, now: u64) -> usize {
        let reverts = self.reverts.get(&payer).into_iter().flatten();
        reverts.filter(|at| now.saturating_sub(**at) < DAY_SECONDS).count()
    }

    /// Forgets what nobody will ask for any more.
    pub(super) fn forget(&mut self, now: u64) {
        let waits: BTreeSet<&String> = self.slots.values().filter_map(|slot| slot.order.as_ref()).collect();
        let over = |order: &Order| {
            let kept = if order.is_kept() { order.job.valid_before } else { 0 };
            !order.is_live() && now >= kept.max(order.asked).saturating_add(FORGET_SECONDS)
        };
        let gone = self.orders.iter().filter(|(key, order)| over(order) && !waits.contains(key));
        let gone: Vec<String> = gone.map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.orders.remove(&key);
            self.changed.insert(Changed::Order(key));
        }
        let old = |times: &Vec<u64>| times.iter().all(|at| now.saturating_sub(*at) >= DAY_SECONDS);
        let old: Vec<Address> = self
            .reverts
            .iter()
            .filter(|(_, times)| old(times))
            .map(|(payer, _)| *payer)
            .collect();
        for payer in old {
            self.reverts.remove(&payer);
            self.changed.insert(Changed::Payer(payer));
        }
    }
}
