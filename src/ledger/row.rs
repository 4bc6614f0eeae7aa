//! One authorization in the ledger and the states it can be in.

use alloc::{format, string::String};

use serde::{Deserialize, Serialize};

use super::{Held, Intent, Owned};
use crate::{
    evm::{B256, hex},
    money::Amount,
};

/// Where an authorization stands; [`step`](super::step) has the transitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// One request owns it and fetches the origin; nothing was sent to anybody.
    Claimed {
        /// Unix seconds after which another request may take over.
        deadline: u64,
    },
    /// A facilitator is being asked.
    Settling {
        /// Which attempt, from 1.
        attempt: u32,
        /// Unix seconds after which the call counts as lost.
        deadline: u64,
    },
    /// Neither success nor failure is proven.
    Unknown {
        /// Since when, Unix seconds.
        since: u64,
        /// Attempts so far.
        attempts: u32,
        /// Looks at the chain so far.
        checks: u32,
        /// When to look again by itself, Unix seconds.
        next: u64,
        /// The last look, Unix seconds.
        #[serde(default)]
        looked: u64,
        /// The transaction that a facilitator names, where the chain has to confirm it first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        told: Option<String>,
    },
    /// The money moved.
    Settled {
        /// In this transaction.
        transaction: String,
        /// Known since, Unix seconds.
        at: u64,
        /// The block that the chain has the transfer in; none while there is only the facilitator's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<u64>,
        /// The next look at the chain; none once the transfer is final, or nothing can be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        watch: Option<Watch>,
    },
    /// The origin could not deliver; nothing was sent.
    Released,
    /// Refused by a definitive answer; still settled if the chain says so until the window is over.
    Rejected {
        /// The facilitator's code.
        reason: String,
        /// Since when, Unix seconds.
        #[serde(default)]
        at: u64,
        /// Whether the chain was asked after the window.
        closed: bool,
        /// Looks at a chain that could not be read so far.
        #[serde(default)]
        checks: u32,
    },
    /// Its window is over on the chain's clock and the nonce is unused: no money will ever move.
    Expired,
    /// Its nonce was used without our transfer.
    Cancelled,
    /// Metered, and nothing was used: answered without a transfer, and never settled (`upto`, amount 0).
    Waived,
    /// Its transfer happened before it was first seen here: it paid for something else.
    Foreign,
}

/// A block by which older transfers are told from newer ones, for as long as it is not undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Floor {
    /// Its number.
    pub number: u64,
    /// Its hash.
    #[serde(with = "hex::word")]
    pub hash: B256,
}

/// Looks at the chain after a settlement: a block may be undone, and a facilitator may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// When, Unix seconds.
    pub next: u64,
    /// Looks so far.
    pub checks: u32,
}

/// One authorization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What it pays for, as first claimed.
    pub intent: Intent,
    /// Where it stands.
    pub phase: Phase,
    /// Counts the owners; an answer to an earlier owner's call decides nothing.
    pub fence: u64,
    /// Unix seconds of the first claim.
    pub created: u64,
    /// The chain's latest block at that time, where it was read: a transfer up to it is older than the
    /// claim and paid for something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
    /// The reason that a facilitator refused it for before, which may have broadcast it all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// First answered with the article, Unix seconds. What the chain undoes later does not undo this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<u64>,
    /// A whole answer went out, as far as the platform can tell.
    #[serde(default)]
    pub delivered: bool,
    /// Of a single call: until when its answer counts as on its way, Unix seconds.
    #[serde(default)]
    pub busy: u64,
    /// Of a single call: what its answers count, [`ANSWER_COST`](super::ANSWER_COST) for each that was begun, 1 for each that the
    /// origin did not have.
    #[serde(default)]
    pub answers: u32,
    /// How often it was refused.
    #[serde(default)]
    pub refusals: u32,
    /// What is charged of a metered payment, once the origin has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Amount>,
}

impl Row {
    /// Whether its outcome is still open, so that nothing else may be begun for its article.
    pub const fn is_open(&self) -> bool {
        matches!(
            self.phase,
            Phase::Claimed { .. } | Phase::Settling { .. } | Phase::Unknown { .. }
        )
    }

    /// What moves: the whole amount, or what was used of it.
    pub fn charged(&self) -> Amount {
        self.charge.unwrap_or(self.intent.amount)
    }

    /// The body of the facilitator's `/settle`: the one that was checked, with what was used for what
    /// was promised at most.
    pub fn request(&self) -> String {
        let body = &self.intent.request;
        let promised = format!("\"amount\":\"{}\"", self.intent.amount);
        // the requirements stand last in it, and no text inside can hold an unescaped quote
        match (self.charge, body.rfind(&promised)) {
            (Some(charge), Some(at)) => {
                let (before, rest) = body.split_at(at);
                let after = rest.get(promised.len()..).unwrap_or_default();
                format!("{before}\"amount\":\"{charge}\"{after}")
            }
            _ => body.clone(),
        }
    }

    /// The article that the payer owns through it: the one it is for, unless that opens by a time pass. Of a bundle it is the
    /// first of its articles.
    pub fn owned(&self) -> Option<Owned> {
        let pass = self.intent.offer.as_ref().is_some_and(|offer| offer.count.is_none());
        self.intent.seconds.filter(|_| !pass).and_then(|seconds| self.until(seconds))
    }

    /// The time pass or the bundle that the payer has through it.
    pub fn held(&self) -> Option<Held> {
        let offer = self.intent.offer.as_ref()?;
        let mut owned = self.until(offer.seconds)?;
        owned.pass = offer.count.is_none().then(|| offer.name.clone());
        Some(Held {
            name: offer.name.clone(),
            count: offer.count,
            owned,
        })
    }

    /// What is owned for so many seconds from the settlement.
    fn until(&self, seconds: u64) -> Option<Owned> {
        let Phase::Settled { transaction, at, .. } = &self.phase else {
            return None;
        };
        Some(Owned {
            payer: self.intent.payer,
            resource: self.intent.resource.clone(),
            receipt: self.intent.receipt.clone(),
            transaction: transaction.clone(),
            network: self.intent.network,
            until: at.saturating_add(seconds),
            pass: None,
        })
    }
}
