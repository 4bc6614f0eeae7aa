//! The error codes of facilitators and servers, by family.
//!
//! Codes are open strings: the specification's section 9 lists some, every facilitator emits others.
//! A family says what can be done about it; the code itself is kept beside it.

/// What an error code is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// The payer lacks the money.
    Funds,
    /// Permit2 may not move the payer's tokens yet.
    Allowance,
    /// Not valid any more.
    Expired,
    /// Not valid yet.
    Early,
    /// The signature, or who signed.
    Signature,
    /// A contract wallet that cannot be used.
    Wallet,
    /// Who is paid.
    Recipient,
    /// How much.
    Amount,
    /// The token or its EIP-712 domain.
    Asset,
    /// Which chain.
    Network,
    /// Which scheme, version or kind of payload.
    Unsupported,
    /// The payload's form.
    Malformed,
    /// The nonce is used: a question for the chain, not a failure.
    Nonce,
    /// Broadcast, and not confirmed yet.
    Pending,
    /// The transaction itself.
    Transaction,
    /// A dry run on the chain failed.
    Simulation,
    /// Any other code.
    Unknown,
}

use Family::*;

/// Parts of codes in the order in which they decide: the first that occurs names the family.
///
/// Sources: specification v2 section 9; `@x402/evm` and `@x402/core` 2.27; x402-rs 2.0;
/// Coinbase's and Cloudflare's facilitators as protocol.md section 1.4 lists them.
const PARTS: &[(&str, Family)] = &[
    ("pending", Pending),
    ("timeout", Pending),
    ("timed_out", Pending),
    ("nonce", Nonce),
    ("_used", Nonce),
    ("duplicate_settlement", Nonce),
    ("allowance", Allowance),
    ("insufficient", Funds),
    ("exceeds balance", Funds),
    ("eip6492", Wallet),
    ("undeployed", Wallet),
    ("smart_wallet", Wallet),
    ("transaction_simulation_failed", Simulation),
    ("simulation_failed", Simulation),
    ("transaction_failed", Transaction),
    ("transaction_state", Transaction),
    ("event_mismatch", Transaction),
    ("broadcast_failed", Transaction),
    ("unexpected_", Transaction),
    ("not_yet_valid", Early),
    ("too_early", Early),
    ("valid_after", Early),
    ("valid_before", Expired),
    ("expired", Expired),
    ("recipient", Recipient),
    ("invalid_destination", Recipient),
    ("pay_to", Recipient),
    ("authorization_value", Amount),
    ("value_mismatch", Amount),
    ("amount", Amount),
    ("price", Amount),
    ("network", Network),
    ("chain_id", Network),
    ("token_", Asset),
    ("asset", Asset),
    ("domain", Asset),
    ("eip3009_not_supported", Asset),
    ("proxy_not_deployed", Asset),
    ("signature", Signature),
    ("invalid_owner", Signature),
    ("signer", Signature),
    ("spender", Signature),
    ("unsupported", Unsupported),
    ("scheme", Unsupported),
    ("version", Unsupported),
    ("facilitator", Unsupported),
    ("payload", Malformed),
    ("format", Malformed),
    ("payment_requirements", Malformed),
];

/// The family of a code.
///
/// ```
/// use farthing::x402::reason::{Family, family};
/// assert_eq!(family("invalid_exact_evm_payload_authorization_valid_before"), Family::Expired);
/// assert_eq!(family("permit2_allowance_required"), Family::Allowance);
/// assert_eq!(family("insufficient_funds"), Family::Funds);
/// assert_eq!(family("the dog ate it"), Family::Unknown);
/// ```
pub fn family(code: &str) -> Family {
    PARTS
        .iter()
        .find(|(part, _)| has(code, part))
        .map_or(Family::Unknown, |(_, family)| *family)
}

impl Family {
    /// Whether a code of this family can come after a broadcast, so that it refuses nothing (threats
    /// B1, B2).
    pub const fn leaves_it_open(self) -> bool {
        matches!(self, Self::Nonce | Self::Pending | Self::Transaction)
    }
}

/// `str::contains` brings a search algorithm along that is larger than all of this file.
pub(crate) fn has(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window == part.as_bytes())
}
