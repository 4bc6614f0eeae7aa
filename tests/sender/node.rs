//! A chain and the one node that is asked about it.

use std::collections::{BTreeMap, BTreeSet};

use farthing::{
    evm::{
        B256,
        chain::sending::{DryRun, FUNDS, Landed, Sent, USED},
    },
    sender::Head,
};

use super::Chance;

/// A transaction of the key.
#[derive(Clone, Debug)]
pub(crate) struct Tx {
    pub(crate) hash: B256,
    pub(crate) nonce: u64,
    pub(crate) tip: u64,
    pub(crate) fee: u64,
    pub(crate) gas: u64,
    /// Which authorization it carries; none carries nothing.
    pub(crate) job: Option<usize>,
    /// Not made by the sender.
    pub(crate) foreign: bool,
}

/// What became of an authorization on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Unused,
    Paid(B256),
    /// Cancelled by its payer, or settled by somebody else.
    UsedByOthers,
}

#[derive(Clone, Debug)]
struct Block {
    time: u64,
    txs: Vec<Tx>,
    before: Vec<Fate>,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) time: u64,
    blocks: Vec<Block>,
    pub(crate) base_fee: u64,
    tip_fee: u64,
    pub(crate) mined: u64,
    pub(crate) pool: BTreeMap<u64, Tx>,
    /// Given to somebody who may pass it on later.
    pub(crate) held: Vec<Tx>,
    pub(crate) fates: Vec<Fate>,
    pub(crate) funds: Vec<bool>,
    pub(crate) valid_before: Vec<u64>,
    pub(crate) balance: u128,
    receipts: BTreeMap<B256, (u64, bool)>,
    /// Nonces whose transactions were somebody else's.
    pub(crate) elsewhere: usize,
    pub(crate) dropped: usize,
    pub(crate) reorgs: usize,
    /// A settlement that was reverted because another of ours had paid.
    pub(crate) wasted: Option<usize>,
    /// By nonce, which authorizations nodes ever took with it.
    pub(crate) carried: BTreeMap<u64, BTreeSet<usize>>,
    /// A nonce that carried one authorization while another in it could still be paid.
    pub(crate) mixed: Option<u64>,
}

pub(crate) const START: u64 = 1_800_000_000;
const BLOCK_SECONDS: u64 = 2;

impl Node {
    pub(crate) fn new(mined: u64, valid_before: Vec<u64>, balance: u128) -> Self {
        Self {
            time: START,
            blocks: Vec::new(),
            base_fee: 1_000_000,
            tip_fee: 1_000,
            mined,
            pool: BTreeMap::new(),
            held: Vec::new(),
            fates: vec![Fate::Unused; valid_before.len()],
            funds: vec![true; valid_before.len()],
            valid_before,
            balance,
            receipts: BTreeMap::new(),
            elsewhere: 0,
            dropped: 0,
            reorgs: 0,
            wasted: None,
            carried: BTreeMap::new(),
            mixed: None,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        100 + self.blocks.len() as u64
    }

    fn pooled(&self) -> u64 {
        (self.mined..).find(|nonce| !self.pool.contains_key(nonce)).unwrap()
    }

    pub(crate) fn head(&self) -> Head {
        Head {
            number: self.number(),
            time: self.time,
            base_fee: self.base_fee,
            tip_fee: self.tip_fee,
            mined: self.mined,
            pooled: self.pooled(),
            balance: self.balance,
        }
    }

    pub(crate) fn dry_run(&self, job: usize) -> DryRun {
        if self.fates[job] != Fate::Unused {
            return DryRun::Reverts(USED);
        }
        if !self.funds[job] {
            return DryRun::Reverts(FUNDS);
        }
        DryRun::Passes(80_000)
    }

    /// Takes a transaction, as geth does.
    pub(crate) fn takes(&mut self, tx: &Tx) -> Sent {
        if tx.nonce < self.mined {
            return Sent::NonceTooLow;
        }
        if u128::from(tx.fee) * u128::from(tx.gas) > self.balance {
            return Sent::NoFunds;
        }
        if let Some(other) = self.pool.get(&tx.nonce) {
            if other.hash == tx.hash {
                return Sent::Taken;
            }
            let more = |before: u64, now: u64| u128::from(now) * 8 >= u128::from(before) * 9;
            if !more(other.fee, tx.fee) || !more(other.tip, tx.tip) {
                return Sent::Occupied;
            }
        }
        if tx.fee < self.base_fee / 4 {
            return Sent::TooCheap;
        }
        self.is_taken(tx);
        self.pool.insert(tx.nonce, tx.clone());
        Sent::Taken
    }

    /// Somebody has it, and may do with it what they like.
    pub(crate) fn is_taken(&mut self, tx: &Tx) {
        if let Some(job) = tx.job {
            let carried = self.carried.entry(tx.nonce).or_default();
            if carried
                .iter()
                .any(|other| *other != job && self.valid_before[*other] > self.time)
            {
                self.mixed = Some(tx.nonce);
            }
            carried.insert(job);
        }
    }

    pub(crate) fn mines(&mut self, chance: &mut Chance) {
        self.time += BLOCK_SECONDS;
        let mut block = Block {
            time: self.time,
            txs: Vec::new(),
            before: self.fates.clone(),
        };
        let room = chance.below(6);
        while block.txs.len() < room
            && let Some(tx) = self.pool.get(&self.mined).filter(|tx| tx.fee >= self.base_fee).cloned()
        {
            self.pool.remove(&self.mined);
            self.mined += 1;
            self.executes(&tx);
            block.txs.push(tx);
        }
        self.blocks.push(block);
        // an eighth up or down at most, and slowly back to where it began
        let change = self.base_fee / 8;
        self.base_fee = match chance.below(4) {
            0 => self.base_fee + change,
            _ if self.base_fee > 1_000_000 => self.base_fee - change,
            _ => self.base_fee,
        };
        let mined = self.mined;
        self.held.retain(|tx| tx.nonce >= mined);
    }

    fn executes(&mut self, tx: &Tx) {
        let number = self.number() + 1;
        let passes = match tx.job {
            Some(job) => {
                if let Fate::Paid(_) = self.fates[job] {
                    self.wasted = Some(job);
                }
                let passes = self.fates[job] == Fate::Unused && self.funds[job] && self.time < self.valid_before[job];
                if passes {
                    self.fates[job] = Fate::Paid(tx.hash);
                }
                passes
            }
            None => true,
        };
        let cost = u128::from(tx.gas / 2) * u128::from(self.base_fee.min(tx.fee));
        self.balance = self.balance.saturating_sub(cost);
        self.elsewhere += usize::from(tx.foreign);
        self.receipts.insert(tx.hash, (number, passes));
    }

    pub(crate) fn landed(&self, hash: B256, carries: bool) -> Landed {
        match self.receipts.get(&hash) {
            None => Landed::Nowhere,
            Some((block, false)) => Landed::Reverted(*block),
            Some((block, true)) if carries => Landed::Paid(*block),
            Some((block, true)) => Landed::Otherwise(*block),
        }
    }

    pub(crate) fn drops(&mut self, chance: &mut Chance) {
        let nonces: Vec<u64> = self.pool.keys().copied().collect();
        if !nonces.is_empty() {
            self.pool.remove(&nonces[chance.below(nonces.len())]);
            self.dropped += 1;
        }
    }

    pub(crate) fn is_spiked(&mut self, chance: &mut Chance) {
        self.base_fee *= 2 + chance.below(6) as u64;
        self.base_fee = self.base_fee.min(300_000_000);
    }

    /// Somebody passes on what they held.
    pub(crate) fn releases(&mut self, chance: &mut Chance) {
        if !self.held.is_empty() {
            let tx = self.held.swap_remove(chance.below(self.held.len()));
            self.takes(&tx);
        }
    }

    /// The key sends something elsewhere: it waits, or lands at once in place of whatever waited.
    pub(crate) fn is_used_elsewhere(&mut self, chance: &mut Chance) {
        let waits = chance.in_thousand(500);
        let nonce = if waits { self.pooled() } else { self.mined };
        let tx = Tx {
            hash: B256::from(farthing::evm::U256::from(chance.next())),
            nonce,
            tip: self.tip_fee,
            fee: if chance.in_thousand(500) {
                self.base_fee * 2
            } else {
                self.base_fee / 2
            },
            gas: 21_000,
            job: None,
            foreign: true,
        };
        if waits {
            self.pool.insert(nonce, tx);
            return;
        }
        self.pool.remove(&nonce);
        self.time += BLOCK_SECONDS;
        self.mined += 1;
        let before = self.fates.clone();
        self.executes(&Tx {
            fee: self.base_fee,
            ..tx.clone()
        });
        self.blocks.push(Block {
            time: self.time,
            txs: vec![tx],
            before,
        });
    }

    /// The last block is taken back; its transactions wait again, or are lost.
    pub(crate) fn reorganises(&mut self, chance: &mut Chance) {
        let Some(block) = self.blocks.pop() else { return };
        self.reorgs += 1;
        self.fates = block.before;
        for tx in block.txs {
            self.mined = self.mined.min(tx.nonce);
            self.receipts.remove(&tx.hash);
            if chance.in_thousand(600) {
                self.pool.entry(tx.nonce).or_insert(tx);
            }
        }
        // what took its place is at least as long
        for _ in 0..2 {
            self.blocks.push(Block {
                time: self.time.max(block.time),
                txs: Vec::new(),
                before: self.fates.clone(),
            });
            self.time += BLOCK_SECONDS;
        }
    }
}
