//! What a facilitator's answer to `/settle` proves.

use alloc::string::String;

use super::Row;
use crate::{
    evm::hex,
    x402::{Network, v2::SettleResponse},
};

/// What an answer proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The money moved in this transaction.
    Done {
        /// Its hash.
        transaction: String,
    },
    /// Refused before anything was broadcast.
    Refused {
        /// The facilitator's code.
        reason: String,
    },
    /// Nothing: no answer, a broken one, or one that leaves it open.
    Unclear,
}

/// Reads an answer; its body counts at any status, because facilitators disagree about statuses.
///
/// A success needs a transaction hash, our network and our payer (threat A15). A refusal counts
/// only when nothing can have been broadcast: no transaction is named, the status is not a
/// server's failure, and the code is not one of those that follow a broadcast.
pub fn read_settlement(row: &Row, status: u16, body: &[u8]) -> Settlement {
    let Ok(answer) = serde_json::from_slice::<SettleResponse>(body) else {
        return Settlement::Unclear;
    };
    let transaction = answer.transaction.unwrap_or_default();
    if answer.success {
        let network = answer
            .network
            .as_deref()
            .and_then(|text| text.parse().ok().or_else(|| Network::from_v1_slug(text)));
        let payer = answer.payer.as_deref().map(hex::read::<20>);
        let ours = hex::read::<32>(&transaction).is_some()
            && network == Some(row.intent.network)
            && payer.is_none_or(|payer| payer == Some(row.intent.payer.0.0));
        return if ours {
            Settlement::Done { transaction }
        } else {
            Settlement::Unclear
        };
    }
    let mut reason = answer.error_reason.unwrap_or_default();
    // the official facilitator answers v1 payments with the whole text of a failed simulation, quoted signature included
    if reason.contains("transfer amount exceeds balance") {
        reason = "insufficient_funds".into();
    }
    if status >= 500 || !transaction.is_empty() || reason.is_empty() || follows_a_broadcast(&reason) {
        return Settlement::Unclear;
    }
    // codes are short; a stranger's text stays out of our headers
    let plain = reason.len() <= 80 && reason.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    Settlement::Refused {
        reason: if plain { reason } else { "refused".into() },
    }
}

/// Codes after which the chain has to be asked: the nonce is used, or a transaction went out.
fn follows_a_broadcast(reason: &str) -> bool {
    let simulated = reason.contains("simulation");
    [
        "nonce",
        "used",
        "pending",
        "duplicate",
        "unexpected",
        "timeout",
        "transaction_state",
        "event",
    ]
    .iter()
    .any(|part| reason.contains(part))
        || (reason.contains("transaction_failed") && !simulated)
}
