//! A look at the chain, and what follows from it for everything that is under way.

use alloc::vec::Vec;

use super::{
    BURIED_SECONDS, LOW_SETTLEMENTS, Note, PATIENCE_SECONDS, READ_SECONDS, Sender, UNREADABLE, USUAL_GAS,
    fees::{Price, last_seconds},
    job::{Order, Stage},
    slot::Slot,
    state::Seen,
};
use crate::evm::chain::sending::EXPIRED;

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
/// A latest block that is older, or that far ahead of the clock, is no news: the endpoint stands still, or lies.
const OLD_SECONDS: u64 = 60;
/// Blocks that no network makes within [`LAG_SECONDS`].
const MAX_BLOCKS: u64 = 1_000;
/// How far a count of transactions may be from what is known of it.
const MAX_STRANGE: u64 = 256;
/// No key has sent so much: one in every second of a hundred years.
pub(super) const MAX_NONCE: u64 = 1 << 32;
/// Of our nonces none is so far from the next to land.
const MAX_UNDER_WAY: u64 = 4_096;
/// Somebody else's transactions that are kept count of.
const MAX_TAKEN: u64 = 32;

impl Sender {
    /// The chain was looked at, or could not be.
    pub(super) fn headed(&mut self, ticket: u64, head: Option<Head>, now: u64) {
        if !self.looking.end(ticket) {
            return;
        }
        let Some(mut head) = head.filter(|head| self.believes(head, now)) else {
            return self.unread(now);
        };
        let lags = |seen: Seen| head.number < seen.head.number && now.saturating_sub(seen.came) < LAG_SECONDS;
        if self.seen.is_some_and(lags) {
            return;
        }
        // one word of an endpoint ends no window before its time
        let latest = head.time.max(now);
        head.time = head.time.min(now);
        // nor buys much more than the base fee
        head.tip_fee = head.tip_fee.min(self.terms.most / 4);
        self.seen = Some(Seen {
            head,
            asked: self.looked,
            came: now,
        });
        self.stranded(&head);
        self.others(&head, now);
        self.reorganised(&head);
        self.expired(&head, latest);
        self.watch_balance(&head);
        self.bury(&head, now);
        self.forget(now);
    }

    /// Whether it can be so: by the clock, and by what is known of the chain and the key.
    pub fn believes(&self, head: &Head, now: u64) -> bool {
        let young = |at: u64, seconds: u64| now.saturating_sub(at) < seconds;
        let seen = self.seen.filter(|seen| young(seen.came, LAG_SECONDS)).map(|seen| seen.head);
        let sent = |slot: &&Slot| young(slot.sent_at, PATIENCE_SECONDS);
        let highest = self.slots.iter().rfind(sent).map(|slot| slot.nonce);
        let most = highest.max(seen.map(|seen| seen.mined)).unwrap_or(MAX_NONCE);
        head.time.abs_diff(now) <= OLD_SECONDS
            && head.mined < MAX_NONCE
            && head.mined <= most.saturating_add(MAX_STRANGE)
            && seen.is_none_or(|seen| {
                head.number <= seen.number.saturating_add(MAX_BLOCKS) && head.mined.saturating_add(MAX_STRANGE) >= seen.mined
            })
    }

    /// Nonces that were taken from what some endpoint made up will never be next: what they carry gets others. And
    /// no block is waited for that was made up.
    fn stranded(&mut self, head: &Head) {
        let far = |slot: &&Slot| slot.mined.is_none() && slot.nonce > head.mined.saturating_add(MAX_UNDER_WAY);
        while let Some(nonce) = self.slots.iter().find(far).map(|slot| slot.nonce) {
            self.carried_in_vain(nonce);
        }
        for slot in &mut self.slots {
            slot.block = slot.block.min(head.number);
            slot.looked = slot.looked.min(head.number);
        }
    }

    /// Nobody says what the chain is: what has not begun does not wait for ever.
    fn unread(&mut self, now: u64) {
        self.refuse_unsent(UNREADABLE, |order| now.saturating_sub(order.asked) >= READ_SECONDS);
    }

    /// Ends orders that have no nonce.
    pub(super) fn refuse_unsent(&mut self, reason: &str, which: impl Fn(&Order) -> bool) {
        let open = |order: &&mut Order| matches!(order.stage, Stage::Waiting | Stage::Fits { .. }) && which(order);
        while let Some(order) = self.orders.iter_mut().find(open) {
            order.refuse(reason);
            let key = order.key.clone();
            self.order_changed(&key);
        }
    }

    /// Nonces between what is mined and what is pooled that are not ours; and the gap that is nobody's.
    fn others(&mut self, head: &Head, now: u64) {
        let pooled = head.mined..head.pooled.min(head.mined.saturating_add(MAX_TAKEN));
        self.taken = pooled.filter(|nonce| self.slot(*nonce).is_none()).collect();
        let gap = self.highest_under_way().and_then(|highest| {
            // somebody else's transaction that is next to land, and does not, is a gap as well
            let ours = |nonce: u64| self.slot(nonce).is_some() || self.taken.contains(&nonce) && nonce != head.mined;
            (head.mined..highest).find(|nonce| !ours(*nonce))
        });
        self.gap = match (self.gap, gap) {
            (Some((known, since)), Some(gap)) if known == gap => Some((gap, since)),
            (_, gap) => gap.map(|gap| (gap, now)),
        };
    }

    /// The highest nonce that has not landed.
    pub(super) fn highest_under_way(&self) -> Option<u64> {
        self.unmined().next_back().map(|slot| slot.nonce)
    }

    /// What had landed and is in no block any more is under way again.
    fn reorganised(&mut self, head: &Head) {
        let undone = |slot: &&mut Slot| slot.nonce >= head.mined && slot.mined.is_some();
        while let Some(slot) = self.slots.iter_mut().find(undone) {
            slot.mined = None;
            (slot.misses, slot.looked) = (0, 0);
            let (nonce, key) = (slot.nonce, slot.order.clone().unwrap_or_default());
            self.slot_changed(nonce);
            self.notes.push(Note::Reorganised(nonce));
            if let Some(order) = self.order_mut(&key).filter(|order| !order.is_live()) {
                order.stage = Stage::Out { nonce };
                self.order_changed(&key);
            }
        }
    }

    /// What the chain's time has run out for: no transaction can move it any more.
    fn expired(&mut self, head: &Head, latest: u64) {
        let near = latest.saturating_add(last_seconds(self.terms.chain_id));
        self.refuse_unsent(EXPIRED, |order| order.job.valid_before <= near);
        // a nonce below is used: by which transaction is not known yet
        let over = |order: &&mut Order| {
            let under_way = matches!(order.stage, Stage::Out { nonce } if nonce >= head.mined);
            under_way && order.job.valid_before <= head.time
        };
        while let Some(order) = self.orders.iter_mut().find(over) {
            order.stage = Stage::Open;
            let key = order.key.clone();
            self.order_changed(&key);
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
        let over = |slot: &&Slot| match slot.mined {
            Some(mined) => slot.nonce < head.mined && now.saturating_sub(mined.at) >= BURIED_SECONDS,
            None => {
                let lost = head.pooled <= slot.nonce && Some(slot.nonce) == highest;
                lost && now.saturating_sub(slot.sent_at) >= PATIENCE_SECONDS && self.is_dead(slot.order.as_deref(), head)
            }
        };
        let gone: Vec<u64> = self.slots.iter().filter(over).map(|slot| slot.nonce).collect();
        for nonce in gone {
            self.remove_slot(nonce);
        }
    }

    /// Whether a nonce carries nothing that could still be paid.
    pub(super) fn is_dead(&self, order: Option<&str>, head: &Head) -> bool {
        let order = order.and_then(|key| self.order(key));
        order.is_none_or(|order| !matches!(order.stage, Stage::Out { .. }) || order.job.valid_before <= head.time)
    }
}
