//! A look at the chain, and what follows from it for everything that is under way.

use alloc::{string::String, vec::Vec};

use super::{
    BURIED_SECONDS, LOW_SETTLEMENTS, Note, READ_SECONDS, Sender, UNREADABLE, USUAL_GAS,
    fees::Price,
    job::{Order, Stage},
    state::{Changed, Seen},
};
use crate::{evm::chain::sending::EXPIRED, offer::matching::LEAST_SECONDS_LEFT};

/// The chain at its latest block, from the point of view of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The block's number.
    pub number: u64,
    /// The block's time, Unix seconds: what contracts take for the time.
    pub time: u64,
    /// What a unit of gas costs, in wei.
    pub base_fee: u64,
    /// What makers of blocks want beyond it, in wei.
    pub tip_fee: u64,
    /// The account's transactions in blocks: its next nonce to land.
    pub mined: u64,
    /// Those and what waits in the node's pool without a gap.
    pub pooled: u64,
    /// What the account has, in wei.
    pub balance: u128,
}

/// A block number that goes back is a node that lags; after so many seconds without a higher one it is the
/// chain.
const LAG_SECONDS: u64 = 60;
/// Somebody else's transactions that are kept count of.
const MAX_TAKEN: u64 = 256;

impl Sender {
    /// The chain was looked at, or could not be.
    pub(super) fn headed(&mut self, ticket: u64, head: Option<Head>, now: u64) {
        if !self.looking.end(ticket) {
            return;
        }
        let Some(head) = head else {
            return self.unread(now);
        };
        let lags = |seen: Seen| head.number < seen.head.number && now.saturating_sub(seen.came) < LAG_SECONDS;
        if self.seen.is_some_and(lags) {
            return;
        }
        self.seen = Some(Seen {
            head,
            asked: self.looked,
            came: now,
        });
        self.others(&head, now);
        self.reorganised(&head);
        self.expired(&head, now);
        self.watch_balance(&head);
        self.bury(&head, now);
        self.forget(now);
    }

    /// Nobody says what the chain is: what has not begun does not wait for ever.
    fn unread(&mut self, now: u64) {
        self.refuse_unsent(UNREADABLE, |order| now.saturating_sub(order.asked) >= READ_SECONDS);
    }

    /// Ends orders that have no nonce.
    pub(super) fn refuse_unsent(&mut self, reason: &str, which: impl Fn(&Order) -> bool) {
        for (key, order) in &mut self.orders {
            if matches!(order.stage, Stage::Waiting | Stage::Fits { .. }) && which(order) {
                order.refuse(reason);
                self.changed.insert(Changed::Order(key.clone()));
            }
        }
    }

    /// Nonces between what is mined and what is pooled that are not ours; and the gap that is nobody's.
    fn others(&mut self, head: &Head, now: u64) {
        let pooled = head.mined..head.pooled.min(head.mined.saturating_add(MAX_TAKEN));
        self.taken = pooled.filter(|nonce| !self.slots.contains_key(nonce)).collect();
        let gap = self.highest_under_way().and_then(|highest| {
            // somebody else's transaction that is next to land, and does not, is a gap as well
            let ours = |nonce: &u64| self.slots.contains_key(nonce) || self.taken.contains(nonce) && *nonce != head.mined;
            (head.mined..highest).find(|nonce| !ours(nonce))
        });
        self.gap = match (self.gap, gap) {
            (Some((known, since)), Some(gap)) if known == gap => Some((gap, since)),
            (_, gap) => gap.map(|gap| (gap, now)),
        };
    }

    /// The highest nonce that has not landed.
    pub(super) fn highest_under_way(&self) -> Option<u64> {
        let mut all = self.slots.iter().rev();
        all.find(|(_, slot)| slot.mined.is_none()).map(|(nonce, _)| *nonce)
    }

    /// What had landed and is in no block any more is under way again.
    fn reorganised(&mut self, head: &Head) {
        for (nonce, slot) in self.slots.range_mut(head.mined..) {
            if slot.mined.take().is_none() {
                continue;
            }
            slot.misses = 0;
            slot.looked = 0;
            self.changed.insert(Changed::Slot(*nonce));
            self.notes.push(Note::Reorganised(*nonce));
            let order = slot.order.as_ref().and_then(|key| self.orders.get_mut(key));
            if let (Some(order), Some(key)) = (order, &slot.order)
                && !order.is_live()
            {
                order.stage = Stage::Out { nonce: *nonce };
                self.changed.insert(Changed::Order(key.clone()));
            }
        }
    }

    /// What the chain's time has run out for: no transaction can move it any more.
    fn expired(&mut self, head: &Head, now: u64) {
        let near = head.time.max(now).saturating_add(LEAST_SECONDS_LEFT);
        self.refuse_unsent(EXPIRED, |order| order.job.valid_before <= near);
        for (key, order) in &mut self.orders {
            let Stage::Out { nonce } = order.stage else {
                continue;
            };
            // a nonce below is used: by which transaction is not known yet
            if nonce >= head.mined && order.job.valid_before <= head.time {
                order.stage = Stage::Open;
                self.changed.insert(Changed::Order(key.clone()));
            }
        }
    }

    fn watch_balance(&mut self, head: &Head) {
        let account = self.terms.account;
        let price = Price::first(head, self.terms.most);
        let gas = USUAL_GAS.saturating_mul(LOW_SETTLEMENTS);
        let low = price.is_some_and(|price| head.balance < price.cost(gas));
        if low && !self.low {
            self.notes.push(Note::Low(account, head.balance));
        }
        self.low = low;
        self.empty &= low;
        self.dear &= price.is_none();
    }

    /// What landed long ago is forgotten, and what will never land and holds up nothing.
    fn bury(&mut self, head: &Head, now: u64) {
        let highest = self.highest_under_way();
        let gone: Vec<(u64, Option<String>)> = self
            .slots
            .iter()
            .filter(|(nonce, slot)| match slot.mined {
                Some(mined) => **nonce < head.mined && now.saturating_sub(mined.at) >= BURIED_SECONDS,
                None => {
                    let dead = self.is_dead(slot.order.as_deref(), head);
                    let lost = head.pooled <= **nonce && Some(**nonce) == highest;
                    dead && lost && now.saturating_sub(slot.sent_at) >= super::PATIENCE_SECONDS
                }
            })
            .map(|(nonce, slot)| (*nonce, slot.order.clone()))
            .collect();
        for (nonce, _) in gone {
            self.slots.remove(&nonce);
            self.changed.insert(Changed::Slot(nonce));
        }
    }

    /// Whether a nonce carries nothing that could still be paid.
    pub(super) fn is_dead(&self, order: Option<&str>, head: &Head) -> bool {
        let order = order.and_then(|key| self.orders.get(key));
        order.is_none_or(|order| !matches!(order.stage, Stage::Out { .. }) || order.job.valid_before <= head.time)
    }
}
