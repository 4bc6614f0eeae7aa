//! What a payer's ledger wants settled, and how that stands.

use alloc::{format, string::String, vec::Vec};

use alloy_primitives::hex as bytes;

use super::state::Lease;
use crate::{
    evm::{Address, B256, Call, Transfer, chain::Wanted, hex, permit2::PERMIT2},
    json::{MAX_ANNOUNCED_DEPTH, parse_nested},
    ledger::Intent,
    money::Amount,
    x402::v2::{EvmPayload, Scheme},
};

/// An authorization and the call that settles it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// Token contract.
    pub asset: Address,
    /// Who pays.
    pub payer: Address,
    /// Who is paid.
    pub pay_to: Address,
    /// Atomic units.
    pub amount: Amount,
    /// The authorization's nonce.
    pub nonce: B256,
    /// End of its window, Unix seconds.
    pub valid_before: u64,
    /// How the token moves.
    pub transfer: Transfer,
    /// The contract that is called.
    pub to: Address,
    /// With these bytes, as hex.
    pub data: String,
}

impl Job {
    /// The order for a payment in a payer's ledger, or the code of why nobody but a facilitator can settle it:
    /// a contract wallet (threat A9), a metered payment.
    pub fn of(intent: &Intent) -> Result<Self, &'static str> {
        if intent.metered.is_some() {
            return Err("unsupported_scheme");
        }
        // what our own gate wrote; clients' extensions in it may nest
        let call = parse_nested(&intent.request, MAX_ANNOUNCED_DEPTH).ok().and_then(|body| {
            let payload = EvmPayload::read(body.get("paymentPayload")?).ok()?;
            let same = payload.signed.payer() == intent.payer && payload.signed.nonce() == intent.nonce;
            let call = Call::settling(&payload.signed, payload.signature, intent.asset);
            call.filter(|_| same && !intent.contract)
        });
        let call = call.ok_or("unsupported_payload_type")?;
        Ok(Self {
            asset: intent.asset,
            payer: intent.payer,
            pay_to: intent.pay_to,
            amount: intent.amount,
            nonce: intent.nonce,
            valid_before: intent.valid_before,
            transfer: intent.transfer,
            to: call.to,
            data: hex::print(&call.data),
        })
    }

    /// The authorization's identity on this network: whose it is, which contract counts the nonces, the nonce.
    pub fn key(&self) -> String {
        let counter = match self.transfer {
            Transfer::Eip3009 => self.asset,
            Transfer::Permit2 => PERMIT2,
        };
        format!("{:x}/{counter:x}/{:x}", self.payer, self.nonce)
    }

    /// What its transaction has to have done (threat A10).
    pub fn wanted(&self) -> Wanted {
        Wanted {
            asset: self.asset,
            from: self.payer,
            to: self.pay_to,
            value: self.amount,
            promised: self.amount,
            nonce: self.nonce,
            transfer: self.transfer,
            scheme: Scheme::Exact,
        }
    }

    /// The call.
    pub fn call(&self) -> Call {
        Call {
            to: self.to,
            data: bytes::decode(&self.data).unwrap_or_else(|_| Vec::new()),
        }
    }
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The money moved in this transaction.
    Done(B256),
    /// Nothing of ours is under way, or can come under way: the code says why.
    Refused(String),
    /// It is not certain: the chain knows.
    Unclear,
}

/// Where an order stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// To be run dry.
    Waiting,
    /// It would go through with this much gas; to be given a nonce and a price.
    Fits {
        /// Units of gas, with a margin.
        gas: u64,
    },
    /// In the transactions of this nonce.
    Out {
        /// The key's nonce.
        nonce: u64,
    },
    /// Landed, with the transfer.
    Done {
        /// In this transaction.
        transaction: B256,
    },
    /// Certain: nothing of ours can move its money.
    Refused {
        /// The code.
        reason: String,
    },
    /// Over, and not certain.
    Open,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The job's.
    pub(super) key: String,
    pub(super) job: Job,
    pub(super) stage: Stage,
    /// An earlier nonce's transaction of it was in somebody's hands.
    pub(super) sent: bool,
    /// The last one was reverted.
    pub(super) reverted: bool,
    /// When it was last asked for, Unix seconds.
    pub(super) asked: u64,
    pub(super) lease: Lease,
}

impl Order {
    pub(super) fn new(job: Job, now: u64) -> Self {
        Self {
            key: job.key(),
            job,
            stage: Stage::Waiting,
            sent: false,
            reverted: false,
            asked: now,
            lease: Lease::default(),
        }
    }

    /// Whether anything is still to come.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Fits { .. } | Stage::Out { .. })
    }

    /// Whether it has to survive the executor.
    pub(super) const fn is_kept(&self) -> bool {
        self.sent || matches!(self.stage, Stage::Out { .. } | Stage::Done { .. } | Stage::Open)
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        match &self.stage {
            Stage::Waiting | Stage::Fits { .. } | Stage::Out { .. } => None,
            Stage::Done { transaction } => Some(Outcome::Done(*transaction)),
            Stage::Refused { reason } => Some(Outcome::Refused(reason.clone())),
            Stage::Open => Some(Outcome::Unclear),
        }
    }

    /// Ends it before anything of it is under way. What was under way once may have landed where nobody
    /// looked, so it is not certain.
    pub(super) fn refuse(&mut self, reason: &str) {
        self.stage = if self.sent {
            Stage::Open
        } else {
            Stage::Refused { reason: reason.into() }
        };
    }
}
