//! What a facilitator's answer to `/settle` proves.

use alloc::string::String;

use super::{Intent, Reply, Row};
use crate::{
    evm::hex,
    problem::Problem,
    x402::{
        Network,
        facilitator::{SettleResponse, VerifyResponse},
        reason::{Family, family, has},
    },
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
pub fn read_settlement(row: &Row, status: u16, body: &str) -> Settlement {
    let Some(answer) = SettleResponse::read(body) else {
        return Settlement::Unclear;
    };
    let transaction = answer.transaction;
    if answer.success {
        let network = answer.network.parse().ok().or_else(|| Network::from_v1_slug(&answer.network));
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
    if has(&reason, "transfer amount exceeds balance") {
        reason = "insufficient_funds".into();
    }
    if status >= 500 || !transaction.is_empty() || reason.is_empty() || !precedes_a_broadcast(&reason) {
        return Settlement::Unclear;
    }
    Settlement::Refused { reason: plain(reason) }
}

/// Whether an answer of a settler lets the next one be asked at once: it certainly sent nothing to the chain, and what it
/// says is about itself, not about the payment.
///
/// Either it did not let us in, or did not know the address or the form of the request, and says nothing of a settlement;
/// or its code is that it does not do such payments. Whatever is refused about the payment itself is final, or others
/// could be asked until one is less careful.
///
/// ```
/// use farthing::ledger::passes_on;
/// assert!(passes_on(401, r#"{"error": "who are you?"}"#));
/// assert!(passes_on(200, r#"{"success": false, "errorReason": "unsupported_scheme", "transaction": ""}"#));
/// assert!(!passes_on(200, r#"{"success": false, "errorReason": "insufficient_funds", "transaction": ""}"#));
/// assert!(!passes_on(500, ""));
/// ```
pub fn passes_on(status: u16, body: &str) -> bool {
    let Some(answer) = SettleResponse::read(body) else {
        return matches!(status, 401..=405 | 407 | 415 | 429);
    };
    let reason = answer.error_reason.unwrap_or_default();
    !answer.success
        && answer.transaction.is_empty()
        && status < 500
        && precedes_a_broadcast(&reason)
        && is_of_the_settler(&reason)
}

/// Whether a code says that the settler does no such payments, and nothing of the payment.
pub fn is_of_the_settler(reason: &str) -> bool {
    matches!(family(reason), Family::Unsupported | Family::Network)
}

/// The refusal of a payment whose signature only a contract can check, unless the facilitator found it
/// good.
pub fn unverified(answer: Option<&VerifyResponse>, intent: &Intent) -> Option<Reply> {
    match answer {
        // valid for somebody else proves nothing
        Some(answer) if answer.valid && names(answer.payer.as_deref(), intent) => None,
        Some(answer) => {
            let reason = plain(answer.reason.clone().unwrap_or_default());
            Some(match family(&reason) {
                // used, and not with us
                Family::Nonce => Reply::refuse(Problem::AlreadyUsed, &intent.resource),
                _ => Reply::rejected(&intent.resource, &reason, None),
            })
        }
        None => Some(Reply::refuse_for_now(Problem::FacilitatorUnavailable, &intent.resource, 5)),
    }
}

/// Whether an answer is about the payer, where it says whom it is about.
fn names(payer: Option<&str>, intent: &Intent) -> bool {
    payer.is_none_or(|payer| payer.is_empty() || hex::read::<20>(payer) == Some(intent.payer.0.0))
}

/// Codes are short; a stranger's text stays out of our headers.
fn plain(reason: String) -> String {
    let fine = reason.len() <= 80 && reason.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if fine && !reason.is_empty() {
        reason
    } else {
        "refused".into()
    }
}

/// Codes that facilitators give before they broadcast anything: what they checked and found wrong.
/// Codes with any other beginning, known or not, leave it open.
fn precedes_a_broadcast(reason: &str) -> bool {
    let checked = [
        "invalid_",
        "insufficient_",
        "unsupported_",
        "permit2_",
        "upto_",
        "eip2612_",
        "erc20_approval_",
    ]
    .iter()
    .any(|start| reason.starts_with(start));
    (checked || reason.ends_with("simulation_failed")) && !family(reason).leaves_it_open()
}
