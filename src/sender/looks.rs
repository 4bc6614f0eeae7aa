//! What came of a dry run, of sending, of looking for receipts.

use super::{
    Event, Found, GAS_FUNDS, MISSES, NOT_TAKEN, Note, Sender, UNREADABLE,
    fees::max_gas,
    job::{Order, Stage},
    slot::Mined,
};
use crate::{
    evm::{
        B256,
        chain::sending::{DryRun, FUNDS, Landed, Sent},
    },
    x402::reason::{Family, family},
};

/// How long before a receipt that could not be read is asked for again, in seconds.
const AGAIN_SECONDS: u64 = 2;

impl Sender {
    /// Takes what came of some work.
    pub fn step(&mut self, event: Event, now: u64) {
        self.idle = 0;
        match event {
            Event::Headed { ticket, head } => self.headed(ticket, head, now),
            Event::Ran { key, ticket, result } => self.ran(&key, ticket, result, now),
            Event::Answered {
                nonce,
                hash,
                ticket,
                answer,
            } => self.answered(nonce, hash, ticket, answer),
            Event::Looked { nonce, ticket, found } => self.looked_for(nonce, ticket, &found, now),
        }
    }

    fn ran(&mut self, key: &str, ticket: u64, result: Option<DryRun>, now: u64) {
        let most = max_gas(self.terms.chain_id);
        let Some(order) = self.order_mut(key) else {
            return;
        };
        if !order.lease.end(ticket) {
            return;
        }
        let payer = order.job.payer;
        match order.stage {
            Stage::Waiting => {}
            Stage::Out { nonce } => {
                if let Some(slot) = self.slot_mut(nonce) {
                    slot.checked = now;
                    slot.vain = matches!(result, Some(DryRun::Reverts(_)));
                }
                return;
            }
            _ => return,
        }
        let mut innocent = false;
        match result {
            // it was reverted once, and may be again: whoever still wants it asks again
            Some(DryRun::Passes(_)) if order.reverted => order.stage = Stage::Open,
            Some(DryRun::Passes(gas)) if gas <= most => {
                // the state may differ a little where it lands
                let gas = gas.saturating_add(gas.div_ceil(4)).saturating_add(5_000);
                order.stage = Stage::Fits { gas };
            }
            Some(DryRun::Passes(_)) => order.refuse(NOT_TAKEN),
            // who used it, and whether for us, the chain's logs say
            Some(DryRun::Reverts(reason)) if family(reason) == Family::Nonce => {
                innocent = core::mem::take(&mut order.reverted);
                order.stage = Stage::Open;
            }
            // an unused nonce that cannot be paid proves that nothing of ours has landed or will
            Some(DryRun::Reverts(FUNDS)) => order.stage = Stage::Refused { reason: FUNDS.into() },
            Some(DryRun::Reverts(reason)) => order.refuse(reason),
            None => order.refuse(UNREADABLE),
        }
        self.order_changed(key);
        // it was reverted because somebody else had settled it, which is not the payer's doing
        if innocent && let Some(at) = self.reverts.iter().rposition(|(whose, _)| *whose == payer) {
            self.reverts.remove(at);
            self.payer_changed(payer);
        }
    }

    fn answered(&mut self, nonce: u64, hash: B256, ticket: u64, answer: Sent) {
        let Some(slot) = self.slot_mut(nonce).filter(|slot| slot.has(hash)) else {
            return;
        };
        // an answer that comes too late proves nothing about what was sent since
        let nobody_has_it = slot.lease.end(ticket) && slot.untaken;
        match answer {
            Sent::Taken | Sent::Unclear => slot.untaken = false,
            Sent::TooCheap => slot.outbid = true,
            Sent::Occupied if !nobody_has_it || slot.order.is_none() => slot.outbid = true,
            Sent::Occupied | Sent::NonceTooLow if nobody_has_it => {
                // somebody else's: the next look tells more of it
                let gas = slot.gas;
                self.taken.push(nonce);
                self.look_again();
                self.vacate(nonce, Stage::Fits { gas });
            }
            Sent::NoFunds if nobody_has_it => {
                self.notes.push(Note::Empty(self.terms.account));
                self.empty = true;
                self.vacate(
                    nonce,
                    Stage::Refused {
                        reason: GAS_FUNDS.into(),
                    },
                );
            }
            Sent::Invalid if nobody_has_it => self.vacate(
                nonce,
                Stage::Refused {
                    reason: NOT_TAKEN.into(),
                },
            ),
            _ => {}
        }
    }

    /// The order in the transactions of a nonce, if it is there still.
    fn order_at(&mut self, key: &str, nonce: u64) -> Option<&mut Order> {
        self.order_mut(key).filter(|order| order.stage == Stage::Out { nonce })
    }

    /// Gives a nonce up whose transactions nobody has.
    pub(super) fn vacate(&mut self, nonce: u64, stage: Stage) {
        let Some(key) = self.remove_slot(nonce) else { return };
        if let Some(order) = self.order_at(&key, nonce) {
            match stage {
                Stage::Refused { reason } => order.refuse(&reason),
                stage => order.stage = stage,
            }
            self.order_changed(&key);
        }
    }

    fn looked_for(&mut self, nonce: u64, ticket: u64, found: &Found, now: u64) {
        let Some(head) = self.seen.map(|seen| seen.head) else {
            return;
        };
        let Some(slot) = self.slot_mut(nonce) else { return };
        if !slot.lease.end(ticket) || slot.mined.is_some() {
            return;
        }
        match found {
            Found::Unreadable => slot.lease.until = now.saturating_add(AGAIN_SECONDS),
            Found::Nowhere => {
                slot.looked = head.number;
                slot.misses = slot.misses.saturating_add(1);
                if slot.misses >= MISSES {
                    self.used_elsewhere(nonce);
                }
            }
            Found::Landed { hash, landed } => self.landed(nonce, *hash, *landed, now),
        }
    }

    /// The nonce is used, and not by us.
    fn used_elsewhere(&mut self, nonce: u64) {
        self.notes.push(Note::UsedElsewhere(nonce));
        self.carried_in_vain(nonce);
    }

    /// Nothing will land with a nonce: what it carried may have another.
    pub(super) fn carried_in_vain(&mut self, nonce: u64) {
        let Some(key) = self.remove_slot(nonce) else { return };
        if let Some(order) = self.order_at(&key, nonce) {
            order.sent = true;
            order.stage = Stage::Waiting;
            self.order_changed(&key);
        }
    }

    fn landed(&mut self, nonce: u64, hash: B256, landed: Landed, now: u64) {
        let (Landed::Paid(block) | Landed::Otherwise(block) | Landed::Reverted(block)) = landed else {
            return;
        };
        let Some(slot) = self.slot_mut(nonce) else { return };
        slot.mined = Some(Mined { block, at: now });
        let empty = slot.tries.iter().any(|one| one.hash == hash && one.empty);
        let reverted = matches!(landed, Landed::Reverted(_)) && !empty;
        // what was reverted, or given up, may be carried by another nonce now, and this one carries nothing
        let key = if reverted || empty {
            slot.order.take()
        } else {
            slot.order.clone()
        };
        self.slot_changed(nonce);
        let Some(key) = key else { return };
        let Some(order) = self.order_mut(&key) else {
            return;
        };
        let here = order.stage == Stage::Out { nonce };
        let payer = order.job.payer;
        match landed {
            // whatever was thought of it meanwhile
            Landed::Paid(_) if !empty => order.stage = Stage::Done { transaction: hash },
            _ if here && (reverted || empty) => {
                (order.sent, order.reverted) = (true, reverted);
                order.stage = Stage::Waiting;
            }
            _ if here => order.stage = Stage::Open,
            _ => {}
        }
        self.order_changed(&key);
        if reverted {
            self.reverts.push((payer, now));
            self.payer_changed(payer);
            self.notes.push(Note::Reverted(key));
        }
    }
}
