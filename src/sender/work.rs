//! What is to be done next: look, send, send again, replace, run dry.

use alloc::{string::String, vec::Vec};

use super::{
    AGAIN_SECONDS, BURIED_SECONDS, CHECK_SECONDS, FRESH_SECONDS, GAP_SECONDS, GAS_FUNDS, GAS_PRICE, LOOK_SECONDS, LOST_SECONDS,
    Note, OUTBID_SECONDS, REPLACE_SECONDS, Sender,
    fees::{Price, last_seconds},
    heads::Head,
    job::{Order, Stage},
    slot::{Slot, Try},
    state::{Seen, Terms},
};
use crate::evm::{
    B256, Call, Sealed, Transaction,
    chain::{
        Wanted,
        sending::{DryRun, Landed, Sent},
    },
};

/// Something for the executor to do; what comes of it is an [`Event`] with the same ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Look at the chain.
    Head {
        /// Of this work.
        ticket: u64,
    },
    /// Run a call dry, as the gas key's account.
    DryRun {
        /// The order's name.
        key: String,
        /// Of this work.
        ticket: u64,
        /// The call.
        call: Call,
        /// What it should move.
        wanted: Wanted,
    },
    /// Give a transaction to a node.
    Send {
        /// The transaction's nonce.
        nonce: u64,
        /// Of this work.
        ticket: u64,
        /// The transaction's hash.
        hash: B256,
        /// The transaction.
        raw: Vec<u8>,
        /// How often one with this nonce was sent before: another endpoint each time.
        before: u32,
    },
    /// Look for the receipts of the transactions with a used nonce, until one is found.
    Look {
        /// The nonce.
        nonce: u64,
        /// Of this work.
        ticket: u64,
        /// Dearest first.
        hashes: Vec<B256>,
        /// What they should have moved; none for one that only uses a nonce up.
        wanted: Option<Wanted>,
    },
}

/// What came of some work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The chain was looked at.
    Headed {
        /// Of the work.
        ticket: u64,
        /// The chain; none where it could not be read.
        head: Option<Head>,
    },
    /// A call was run dry.
    Ran {
        /// The order's name.
        key: String,
        /// Of the work.
        ticket: u64,
        /// What would happen; none where nobody said.
        result: Option<DryRun>,
    },
    /// A node answered to a transaction, or did not.
    Answered {
        /// The transaction's nonce.
        nonce: u64,
        /// The transaction's hash.
        hash: B256,
        /// Of the work.
        ticket: u64,
        /// What it said. Where several were asked and one may have taken it, that it is not clear.
        answer: Sent,
    },
    /// Receipts were looked for.
    Looked {
        /// The nonce.
        nonce: u64,
        /// Of the work.
        ticket: u64,
        /// What was found.
        found: Found,
    },
}

/// What a search for receipts found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// None of them has one.
    Nowhere,
    /// This one has.
    Landed {
        /// Which.
        hash: B256,
        /// What it says.
        landed: Landed,
    },
    /// Some could not be read, and none was found.
    Unreadable,
}

/// What to do about a transaction that is under way.
enum Urge {
    Again,
    Replace,
}

type Seal<'a> = &'a dyn Fn(&Transaction) -> Option<Sealed>;

impl Sender {
    /// The next thing to do, of which any number may be under way at once; none for now. `seal` signs with
    /// the gas key. [`writes`](Self::writes) has to be stored before the work is begun.
    pub fn next(&mut self, now: u64, seal: Seal<'_>) -> Option<Work> {
        // any number of callers ask in one second; what happens meanwhile makes an answer of another
        if self.idle == now {
            return None;
        }
        let work = self.work(now, seal);
        self.idle = if work.is_none() { now } else { 0 };
        work
    }

    fn work(&mut self, now: u64, seal: Seal<'_>) -> Option<Work> {
        if !self.looks_are_due(now) && !self.is_busy() {
            self.forget(now);
            return None;
        }
        if let Some(work) = self.look(now) {
            return Some(work);
        }
        // nonces and prices are taken from what was just seen
        if let Some(Seen { head, came, .. }) = self.seen
            && now.saturating_sub(came) <= FRESH_SECONDS
        {
            let work = self.receipts(&head, now);
            let work = work.or_else(|| self.urge(&head, now, seal));
            let work = work.or_else(|| self.assign(&head, now, seal));
            let work = work.or_else(|| self.fill(&head, now, seal));
            if work.is_some() {
                return work;
            }
        }
        self.dry_run(None, now)
    }

    /// Whether something that landed can be forgotten after one more look.
    fn looks_are_due(&self, now: u64) -> bool {
        let old = |slot: &Slot| slot.mined.is_some_and(|mined| now.saturating_sub(mined.at) >= BURIED_SECONDS);
        self.slots.iter().any(old)
    }

    fn look(&mut self, now: u64) -> Option<Work> {
        let known = self.seen.is_some_and(|seen| seen.came > 0);
        let pace = if known { self.pace(now) } else { 1 };
        let due = self.looking.is_free(now) && now.saturating_sub(self.looked) >= pace;
        due.then(|| {
            self.looking = self.lease(now);
            self.looked = now;
            Work::Head {
                ticket: self.looking.ticket,
            }
        })
    }

    /// A used nonce: which of its transactions used it?
    fn receipts(&mut self, head: &Head, now: u64) -> Option<Work> {
        let lease = self.lease(now);
        let slot = self.slots.iter_mut().find(|slot| {
            let used = slot.nonce < head.mined && slot.mined.is_none();
            used && slot.lease.is_free(now) && (slot.misses == 0 || head.number > slot.looked)
        })?;
        slot.lease = lease;
        let order = self.orders.iter().find(|order| slot.order.as_ref() == Some(&order.key));
        Some(Work::Look {
            nonce: slot.nonce,
            ticket: lease.ticket,
            hashes: slot.tries.iter().rev().map(|one| one.hash).collect(),
            wanted: order.map(|order| order.job.wanted()),
        })
    }

    /// A transaction that is under way and should be sent again, or replaced.
    fn urge(&mut self, head: &Head, now: u64, seal: Seal<'_>) -> Option<Work> {
        let highest = self.highest_under_way()?;
        let mut next = 0_usize;
        while let Some(slot) = self.slots.get(next) {
            next = next.saturating_add(1);
            let nonce = slot.nonce;
            if nonce < head.mined || slot.mined.is_some() || !slot.lease.is_free(now) {
                continue;
            }
            let dead = self.is_dead(slot.order.as_deref(), head);
            // what can no longer be paid stands in nobody's way at the end
            if dead && nonce == highest {
                continue;
            }
            let urge = self.how_to_urge(slot, dead, head, now);
            let holds = if slot.vain { AGAIN_SECONDS } else { CHECK_SECONDS };
            if urge.is_some() && !dead && slot.order.is_some() && now.saturating_sub(slot.checked) >= holds {
                let key = slot.order.clone();
                let check = self.dry_run(key.as_deref(), now);
                if check.is_some() {
                    return check;
                }
                continue;
            }
            let vain = self.is_in_vain(slot);
            let given_up = slot.tries.last().is_some_and(|last| last.empty);
            let work = match urge {
                None => None,
                // the gas of what would be reverted is not spent, until the money is back
                Some(_) if slot.vain && (!vain || nonce == highest) => None,
                Some(_) if vain && !given_up => self.replace(nonce, true, head, now, seal),
                Some(Urge::Again) => self.send(nonce, now, seal),
                Some(Urge::Replace) => self.replace(nonce, dead || given_up, head, now, seal),
            };
            if work.is_some() {
                return work;
            }
        }
        None
    }

    /// Whether what a nonce carries would be reverted, and not because it has landed itself: that was looked for after
    /// the dry run.
    pub(super) fn is_in_vain(&self, slot: &Slot) -> bool {
        let landed_not = |seen: Seen| seen.asked >= slot.checked.saturating_add(LOOK_SECONDS) && slot.nonce >= seen.head.mined;
        slot.vain && self.seen.is_some_and(landed_not)
    }

    fn how_to_urge(&self, slot: &Slot, dead: bool, head: &Head, now: u64) -> Option<Urge> {
        let last = slot.tries.last()?;
        let since = |at: u64| now.saturating_sub(at);
        let seen = self.seen.is_some_and(|seen| seen.asked > slot.sent_at);
        let next_to_land = slot.nonce == head.mined && head.number >= slot.block.saturating_add(2);
        if dead && !last.empty
            || slot.outbid && since(slot.priced_at) >= 1
            || seen && last.fee < head.base_fee && since(slot.priced_at) >= OUTBID_SECONDS
            || next_to_land && since(slot.priced_at) >= REPLACE_SECONDS
        {
            return Some(Urge::Replace);
        }
        let lost = seen && slot.nonce == head.pooled && since(slot.sent_at) >= LOST_SECONDS;
        (lost || since(slot.sent_at) >= AGAIN_SECONDS).then_some(Urge::Again)
    }

    /// Gives the next order a nonce.
    fn assign(&mut self, head: &Head, now: u64, seal: Seal<'_>) -> Option<Work> {
        let fitting = |order: &Order| match order.stage {
            Stage::Fits { gas } => Some(gas),
            _ => None,
        };
        let mut orders = self.orders.iter().enumerate();
        let (at, gas) = orders.find_map(|(at, order)| Some((at, fitting(order)?)))?;
        let Some(price) = Price::first(head, self.terms.most) else {
            self.dear();
            self.refuse_unsent(GAS_PRICE, |order| order.stage != Stage::Waiting);
            return None;
        };
        if !self.can_pay(head, price.cost(gas), None) {
            // what needs as much cannot be paid either
            self.refuse_unsent(GAS_FUNDS, |order| fitting(order) >= Some(gas));
            return self.assign(head, now, seal);
        }
        let nonce = (head.mined..).find(|nonce| self.slot(*nonce).is_none() && !self.taken.contains(nonce))?;
        let order = self.orders.get_mut(at)?;
        order.stage = Stage::Out { nonce };
        let key = order.key.clone();
        self.order_changed(&key);
        let mut slot = Slot::new(nonce, Some(key), gas);
        slot.checked = now;
        self.add_slot(slot);
        self.try_at(nonce, price, false, head, now, seal)
    }

    /// Uses up a nonce that is nobody's, or somebody else's and does not land, if what is above waits for it.
    fn fill(&mut self, head: &Head, now: u64, seal: Seal<'_>) -> Option<Work> {
        /// Enough for a transaction that does nothing, also where the data's price is counted in gas.
        const GAS: u64 = 100_000;
        let (nonce, since) = self.gap?;
        if now.saturating_sub(since) < GAP_SECONDS.max(last_seconds(self.terms.chain_id)) || self.slot(nonce).is_some() {
            return None;
        }
        let price = Price::first(head, self.terms.most).filter(|price| self.can_pay(head, price.cost(GAS), None))?;
        self.taken.retain(|taken| *taken != nonce);
        self.add_slot(Slot::new(nonce, None, GAS));
        self.try_at(nonce, price, true, head, now, seal)
    }

    /// Replaces what is under way with a nonce; by nothing, if it can no longer be paid.
    fn replace(&mut self, nonce: u64, dead: bool, head: &Head, now: u64, seal: Seal<'_>) -> Option<Work> {
        // what stands in the way of others may cost more
        let most = self.terms.most.saturating_mul(if dead { 2 } else { 1 });
        let slot = self.slot_mut(nonce)?;
        slot.outbid = false;
        let (gas, untaken, sent_at) = (slot.gas, slot.is_untaken(), slot.sent_at);
        match slot.tries.last()?.price().after(head, most) {
            Some(price) if self.can_pay(head, price.cost(gas), Some(nonce)) => {
                return self.try_at(nonce, price, dead, head, now, seal);
            }
            Some(_) => {}
            None => {
                self.dear();
                if untaken {
                    self.vacate(
                        nonce,
                        Stage::Refused {
                            reason: GAS_PRICE.into(),
                        },
                    );
                    return None;
                }
            }
        }
        (now.saturating_sub(sent_at) >= AGAIN_SECONDS).then(|| self.send(nonce, now, seal))?
    }

    /// A new transaction with a nonce.
    fn try_at(&mut self, nonce: u64, price: Price, empty: bool, head: &Head, now: u64, seal: Seal<'_>) -> Option<Work> {
        let slot = self.slot_mut(nonce)?;
        (slot.priced_at, slot.block) = (now, head.number);
        slot.tries.push(Try {
            hash: B256::ZERO,
            tip: price.tip,
            fee: price.fee,
            empty,
        });
        let work = self.send(nonce, now, seal);
        if work.is_none() {
            // a key that is not there any more signs nothing
            self.slot_mut(nonce)?.tries.pop();
        }
        work
    }

    /// Signs the last transaction with a nonce, once more where it was before: the bytes are the same.
    fn send(&mut self, nonce: u64, now: u64, seal: Seal<'_>) -> Option<Work> {
        let lease = self.lease(now);
        let Terms { chain_id, account, .. } = self.terms;
        let slot = self.slots.iter_mut().find(|slot| slot.nonce == nonce)?;
        let order = self.orders.iter().find(|order| slot.order.as_ref() == Some(&order.key));
        let last = slot.tries.last_mut()?;
        let nothing = || Call {
            to: account,
            data: Vec::new(),
        };
        let sealed = seal(&Transaction {
            chain_id,
            nonce,
            tip: last.tip,
            fee: last.fee,
            gas: slot.gas,
            call: order.filter(|_| !last.empty).map_or_else(nothing, |order| order.job.call()),
        })?;
        last.hash = sealed.hash;
        slot.sent_at = now;
        // an answer that never came may have been a yes
        slot.untaken = slot.is_untaken();
        slot.lease = lease;
        let before = slot.sends;
        slot.sends = before.saturating_add(1);
        self.slot_changed(nonce);
        Some(Work::Send {
            nonce,
            ticket: lease.ticket,
            hash: sealed.hash,
            raw: sealed.raw,
            before,
        })
    }

    /// Runs an order dry: this one, or the next that waits for it.
    fn dry_run(&mut self, of: Option<&str>, now: u64) -> Option<Work> {
        let lease = self.lease(now);
        let wanted = |order: &&mut Order| match of {
            _ if !order.lease.is_free(now) => false,
            Some(key) => order.key == key,
            None => order.stage == Stage::Waiting,
        };
        let order = self.orders.iter_mut().find(wanted)?;
        order.lease = lease;
        Some(Work::DryRun {
            key: order.key.clone(),
            ticket: lease.ticket,
            call: order.job.call(),
            wanted: order.job.wanted(),
        })
    }

    /// Whether the key has enough for what is under way and for this, which may take the place of one of them.
    fn can_pay(&mut self, head: &Head, cost: u128, instead_of: Option<u64>) -> bool {
        let mut sum = cost;
        for slot in &self.slots {
            if slot.nonce >= head.mined && Some(slot.nonce) != instead_of {
                sum = sum.saturating_add(slot.cost());
            }
        }
        let enough = sum <= head.balance;
        if !enough && !self.empty {
            self.notes.push(Note::Empty(self.terms.account));
            self.empty = true;
        }
        enough
    }

    fn dear(&mut self) {
        if !self.dear {
            self.notes.push(Note::Dear(self.terms.most));
            self.dear = true;
        }
    }
}
