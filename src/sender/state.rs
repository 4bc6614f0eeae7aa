//! What is known of the key, its orders and its nonces; how it is stored and told.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    BURIED_SECONDS, BUSY, FORGET_SECONDS, Job, LOOK_SECONDS, MAX_AT_RISK, MAX_ORDERS, Outcome, PATIENCE_SECONDS, PAYER_LIMIT,
    SLOW_LOOK_SECONDS,
    fees::last_seconds,
    heads::{Head, MAX_NONCE},
    job::{Order, Stage},
    rows::Words,
    slot::Slot,
};
use crate::{
    evm::{Address, chain::sending::EXPIRED, hex},
    ledger::DAY_SECONDS,
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
    /// Words; none deletes it.
    pub body: Option<String>,
}

/// Something that the publisher should hear of, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The gas key has less than a day's worth.
    Low(Address, u128),
    /// It has too little for the next transaction.
    Empty(Address),
    /// What would land costs more than this for a unit of gas, in wei: the most that is allowed.
    Dear(u64),
    /// The key's nonce was used by somebody else's transaction.
    UsedElsewhere(u64),
    /// A settlement was reverted, and its gas spent in vain.
    Reverted(String),
    /// A block that held a settlement is gone.
    Reorganised(u64),
}

impl Note {
    /// Its word in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Low(..) => "low",
            Self::Empty(_) => "empty",
            Self::Dear(_) => "too-dear",
            Self::UsedElsewhere(_) => "nonce-used-elsewhere",
            Self::Reverted(_) => "reverted",
            Self::Reorganised(_) => "reorganised",
        }
    }
}

/// Everything about one gas key on one network.
#[derive(Clone, Debug)]
pub struct Sender {
    pub(super) terms: Terms,
    pub(super) seen: Option<Seen>,
    pub(super) looking: Lease,
    /// When the chain was last asked for, seen or not.
    pub(super) looked: u64,
    pub(super) orders: Vec<Order>,
    /// By nonce.
    pub(super) slots: Vec<Slot>,
    /// Nonces that somebody else's transactions wait with.
    pub(super) taken: Vec<u64>,
    /// The nonce that nothing of ours fills and that holds up what is above, and since when.
    pub(super) gap: Option<(u64, u64)>,
    /// Whose transactions were reverted, and when, Unix seconds.
    pub(super) reverts: Vec<(Address, u64)>,
    pub(super) low: bool,
    pub(super) dear: bool,
    pub(super) empty: bool,
    /// The second in which there was nothing to do, if nothing has happened since.
    pub(super) idle: u64,
    tickets: u64,
    /// Names of rows that differ from what is stored.
    changed: Vec<String>,
    pub(super) notes: Vec<Note>,
}

impl Sender {
    /// One that has sent nothing.
    pub const fn new(terms: Terms) -> Self {
        Self {
            terms,
            seen: None,
            looking: Lease { ticket: 0, until: 0 },
            looked: 0,
            orders: Vec::new(),
            slots: Vec::new(),
            taken: Vec::new(),
            gap: None,
            reverts: Vec::new(),
            low: false,
            dear: false,
            empty: false,
            idle: 0,
            tickets: 0,
            changed: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The one whose rows these are, by name and body. Rows that cannot be read are left out: what they
    /// told of is then somebody else's.
    pub fn load<'a>(terms: Terms, rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut sender = Self::new(terms);
        for (name, body) in rows {
            match name.split_once(' ') {
                Some(("order", _)) => sender.orders.extend(Order::read(body)),
                Some(("nonce", _)) => {
                    if let Some(slot) = Slot::read(body).filter(|slot| slot.nonce < MAX_NONCE) {
                        sender.add_slot(slot);
                    }
                }
                Some(("payer", payer)) => {
                    let payer = hex::read(payer).map(Address::new);
                    let mut times = Words::of(body);
                    while let (Some(payer), Some(at)) = (payer, times.number()) {
                        sender.reverts.push((payer, at));
                    }
                }
                _ => {}
            }
        }
        for order in &mut sender.orders {
            if let Stage::Out { nonce } = order.stage
                && !sender.slots.iter().any(|slot| slot.nonce == nonce)
            {
                order.sent = true;
                order.stage = Stage::Waiting;
            }
        }
        sender
    }

    /// What has to be stored before anything else is done.
    pub fn writes(&mut self) -> Vec<Write> {
        let mut writes = Vec::new();
        for name in core::mem::take(&mut self.changed) {
            let body = match name.split_once(' ') {
                Some(("order", key)) => self.order(key).filter(|order| order.is_kept()).map(Order::write),
                Some(("nonce", nonce)) => nonce.parse().ok().and_then(|nonce| self.slot(nonce)).map(Slot::write),
                Some((_, payer)) => {
                    let payer = hex::read(payer).map(Address::new);
                    let mut times = String::new();
                    for (whose, at) in &self.reverts {
                        if Some(*whose) == payer {
                            times.push_str(&at.to_string());
                            times.push(' ');
                        }
                    }
                    Some(times).filter(|times| !times.is_empty())
                }
                None => None,
            };
            writes.push(Write { key: name, body });
        }
        writes
    }

    /// What has to be told since the last call.
    pub fn notes(&mut self) -> Vec<Note> {
        core::mem::take(&mut self.notes)
    }

    pub(super) fn order_changed(&mut self, key: &str) {
        self.row_changed(["order ", key].concat());
    }

    pub(super) fn slot_changed(&mut self, nonce: u64) {
        self.row_changed(format!("nonce {nonce}"));
    }

    pub(super) fn payer_changed(&mut self, payer: Address) {
        self.row_changed(["payer ", &hex::print(payer.as_slice())].concat());
    }

    fn row_changed(&mut self, name: String) {
        if !self.changed.contains(&name) {
            self.changed.push(name);
        }
    }

    pub(super) fn order(&self, key: &str) -> Option<&Order> {
        self.orders.iter().find(|order| order.key == key)
    }

    pub(super) fn order_mut(&mut self, key: &str) -> Option<&mut Order> {
        self.orders.iter_mut().find(|order| order.key == key)
    }

    pub(super) fn slot(&self, nonce: u64) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.nonce == nonce)
    }

    pub(super) fn slot_mut(&mut self, nonce: u64) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.nonce == nonce)
    }

    pub(super) fn add_slot(&mut self, slot: Slot) {
        let at = self.slots.iter().take_while(|other| other.nonce < slot.nonce).count();
        self.slots.insert(at, slot);
    }

    /// Takes a nonce's transactions away; whose they were.
    pub(super) fn remove_slot(&mut self, nonce: u64) -> Option<String> {
        let at = self.slots.iter().position(|slot| slot.nonce == nonce)?;
        self.slot_changed(nonce);
        self.slots.remove(at).order
    }

    /// Takes an order; its outcome, if that is known at once. The same authorization is the same order.
    pub fn ask(&mut self, job: Job, now: u64) -> Option<Outcome> {
        self.idle = 0;
        let key = job.key();
        let refused = |reason: &str| Some(Outcome::Refused(reason.to_string()));
        let at = self.orders.iter().position(|order| order.key == key);
        let before = at.and_then(|at| self.orders.get(at));
        let kept = before.filter(|order| order.is_kept());
        // another promise with the same nonce: at most one of the two can be kept
        if kept.is_some_and(|order| order.job.data != job.data) {
            return Some(Outcome::Unclear);
        }
        if before.is_none_or(|order| !order.is_live()) {
            // what was sent once may have landed
            let refused = |reason: &str| kept.map_or_else(|| refused(reason), Order::outcome);
            let open = self
                .orders
                .iter()
                .filter(|order| order.is_live() && order.job.payer == job.payer);
            if open.count().saturating_add(self.reverts_of(job.payer, now)) >= MAX_AT_RISK {
                return refused(PAYER_LIMIT);
            }
            if self.live() >= MAX_ORDERS {
                return refused(BUSY);
            }
        }
        if before.is_none() && now.saturating_add(last_seconds(self.terms.chain_id)) >= job.valid_before {
            return refused(EXPIRED);
        }
        let another = before.is_some_and(|order| order.job.data != job.data);
        match at {
            Some(at) if !another => self.ask_again(at, now),
            known => {
                if let Some(at) = known {
                    self.orders.swap_remove(at);
                }
                self.orders.push(Order::new(job, now));
            }
        }
        self.order_changed(&key);
        self.order(&key)?.outcome()
    }

    /// Whoever asks again has found on the chain what contradicts the outcome, or that nothing came of it.
    fn ask_again(&mut self, at: usize, now: u64) {
        let Some(order) = self.orders.get_mut(at) else {
            return;
        };
        order.asked = now;
        match order.stage {
            Stage::Done { .. } | Stage::Open => {
                order.reverted = false;
                match self.slots.iter_mut().find(|slot| slot.order.as_ref() == Some(&order.key)) {
                    // what never landed and ended all the same is over
                    Some(slot) if slot.mined.is_some() || order.stage != Stage::Open => {
                        let nonce = slot.nonce;
                        slot.mined = None;
                        order.stage = Stage::Out { nonce };
                        (slot.misses, slot.looked) = (0, 0);
                        self.slot_changed(nonce);
                    }
                    Some(_) => {}
                    None => {
                        order.stage = Stage::Waiting;
                        order.sent = true;
                    }
                }
                self.look_again();
            }
            Stage::Refused { .. } => order.stage = Stage::Waiting,
            _ => {}
        }
    }

    /// How an order ended; none while it is under way. One that is not known ended long ago, or never was.
    pub fn outcome(&self, job: &Job) -> Option<Outcome> {
        match self.order(&job.key()) {
            // which call says everything
            Some(order) if order.job.data == job.data => match order.stage {
                // whoever was faster, the chain knows
                Stage::Out { nonce } if self.slot(nonce).is_some_and(|slot| self.is_in_vain(slot)) => Some(Outcome::Unclear),
                _ => order.outcome(),
            },
            _ => Some(Outcome::Unclear),
        }
    }

    /// When [`next`](Self::next) may have something to do by itself, Unix seconds; none if never.
    pub fn wake_at(&self, now: u64) -> Option<u64> {
        if self.is_busy() {
            return Some(now.saturating_add(self.pace(now)));
        }
        let mut next: Option<u64> = None;
        let mut at = |base: u64, wait: u64| {
            let at = base.saturating_add(wait);
            next = Some(next.map_or(at, |next| next.min(at)));
        };
        for mined in self.slots.iter().filter_map(|slot| slot.mined) {
            at(mined.at, BURIED_SECONDS);
        }
        for order in &self.orders {
            at(order.job.valid_before.max(order.asked), FORGET_SECONDS);
        }
        for (_, reverted) in &self.reverts {
            at(*reverted, DAY_SECONDS);
        }
        // a chain that cannot be read is not asked every second
        let soonest = now.saturating_add(1).max(self.looked.saturating_add(SLOW_LOOK_SECONDS));
        next.map(|next| next.max(soonest))
    }

    /// How many orders are under way.
    pub fn live(&self) -> usize {
        self.orders.iter().filter(|order| order.is_live()).count()
    }

    /// What has not landed.
    pub(super) fn unmined(&self) -> impl DoubleEndedIterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.mined.is_none())
    }

    /// Whether anything is under way, or to be begun.
    pub(super) fn is_busy(&self) -> bool {
        self.live() > 0 || self.unmined().next().is_some()
    }

    /// How long between two looks at the chain, in seconds.
    pub(super) fn pace(&self, now: u64) -> u64 {
        let mut last = 0;
        for slot in self.unmined() {
            last = last.max(slot.priced_at);
        }
        for order in self.orders.iter().filter(|order| order.is_live()) {
            last = last.max(order.asked);
        }
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
        let young = |at: u64| now.saturating_sub(at) < DAY_SECONDS;
        let reverts = self.reverts.iter().filter(|(whose, at)| *whose == payer && young(*at));
        reverts.count()
    }

    /// Forgets what nobody will ask for any more.
    pub(super) fn forget(&mut self, now: u64) {
        let mut at = 0_usize;
        while let Some(order) = self.orders.get(at) {
            let kept = if order.is_kept() { order.job.valid_before } else { 0 };
            let over = !order.is_live() && now >= kept.max(order.asked).saturating_add(FORGET_SECONDS);
            if over && !self.slots.iter().any(|slot| slot.order.as_ref() == Some(&order.key)) {
                let gone = self.orders.swap_remove(at);
                self.order_changed(&gone.key);
            } else {
                at = at.saturating_add(1);
            }
        }
        while let Some(old) = self.reverts.iter().position(|(_, at)| now.saturating_sub(*at) >= DAY_SECONDS) {
            let (payer, _) = self.reverts.swap_remove(old);
            self.payer_changed(payer);
        }
    }
}
