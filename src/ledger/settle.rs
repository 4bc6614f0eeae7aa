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
/// server's failure, and the code is of a family that is given before any broadcast.
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
    if status >= 500 || !transaction.is_empty() || reason.is_empty() || !precedes_a_broadcast(&reason) {
        return Settlement::Unclear;
    }
    // codes are short; a stranger's text stays out of our headers
    let plain = reason.len() <= 80 && reason.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    Settlement::Refused {
        reason: if plain { reason } else { "refused".into() },
    }
}

/// Codes that facilitators give before they broadcast anything: what they checked and found wrong.
/// Every other code, known or not, leaves it open.
fn precedes_a_broadcast(reason: &str) -> bool {
    let checked = ["invalid_", "insufficient_", "unsupported_"]
        .iter()
        .any(|family| reason.starts_with(family));
    let later = [
        "nonce",
        "used",
        "pending",
        "transaction_failed",
        "transaction_state",
        "event",
        "timeout",
        "timed_out",
    ];
    let simulated = reason.ends_with("simulation_failed");
    simulated || checked && !later.iter().any(|part| reason.contains(part))
}
