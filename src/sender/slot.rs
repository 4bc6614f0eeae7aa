//! One nonce of the key, and every transaction that was ever made with it.

use alloc::{string::String, vec::Vec};

use super::{fees::Price, state::Lease};
use crate::evm::B256;

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Try {
    pub(super) hash: B256,
    /// Wei for a unit of gas.
    pub(super) tip: u64,
    /// Wei for a unit of gas.
    pub(super) fee: u64,
    /// It carries nothing: the key sends itself nothing, to use the nonce up.
    pub(super) empty: bool,
}

impl Try {
    pub(super) const fn price(&self) -> Price {
        Price {
            tip: self.tip,
            fee: self.fee,
        }
    }
}

/// Where one of them landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mined {
    /// The block's number.
    pub(super) block: u64,
    /// When that was seen, Unix seconds.
    pub(super) at: u64,
}

/// A nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) nonce: u64,
    /// Whose authorization it carries; none where it is only to be used up.
    pub(super) order: Option<String>,
    /// The limit of its transactions.
    pub(super) gas: u64,
    /// In the order of their prices.
    pub(super) tries: Vec<Try>,
    /// When a node was last given one, Unix seconds.
    pub(super) sent_at: u64,
    /// When the last price was made, Unix seconds.
    pub(super) priced_at: u64,
    /// The latest block then.
    pub(super) block: u64,
    /// How often a node was given one.
    pub(super) sends: u32,
    pub(super) mined: Option<Mined>,
    /// In how many blocks the nonce was used and no receipt found.
    pub(super) misses: u8,
    /// The latest block when it was last looked for.
    pub(super) looked: u64,
    /// Nobody has it yet: it was made in this life of the executor, and no node took it.
    pub(super) untaken: bool,
    /// A node wants more for it.
    pub(super) outbid: bool,
    /// When what it carries was last run dry, Unix seconds.
    pub(super) checked: u64,
    /// It would be reverted: somebody else was faster, or the money is gone.
    pub(super) vain: bool,
    pub(super) lease: Lease,
}

impl Slot {
    /// A nonce that nothing was made with yet.
    pub(super) const fn new(nonce: u64, order: Option<String>, gas: u64) -> Self {
        Self {
            nonce,
            order,
            gas,
            tries: Vec::new(),
            sent_at: 0,
            priced_at: 0,
            block: 0,
            sends: 0,
            mined: None,
            misses: 0,
            looked: 0,
            untaken: true,
            outbid: false,
            checked: 0,
            vain: false,
            lease: Lease { ticket: 0, until: 0 },
        }
    }

    /// Whether nobody can have any of its transactions: every answer came, and each was a refusal.
    pub(super) const fn is_untaken(&self) -> bool {
        self.untaken && self.lease.until == 0
    }

    /// What it may cost, in wei.
    pub(super) fn cost(&self) -> u128 {
        self.tries.last().map_or(0, |last| last.price().cost(self.gas))
    }

    pub(super) fn has(&self, hash: B256) -> bool {
        self.tries.iter().any(|one| one.hash == hash)
    }
}
