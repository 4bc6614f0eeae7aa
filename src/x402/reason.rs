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
    ("settlement_exceeds", Amount),
    ("eip6492", Wallet),
    ("undeployed", Wallet),
    ("transaction_simulation_failed", Simulation),
    ("simulation_failed", Simulation),
    ("transaction_failed", Transaction),
    ("tx_failed", Transaction),
    ("deployment_failed", Transaction),
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
    ("echo", Malformed),
    ("parse", Malformed),
    ("calldata", Malformed),
    ("target", Malformed),
    ("selector", Malformed),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What `@x402/evm` and `@x402/core` 2.27 give as reasons, and the specification's own list.
    const KNOWN: &[(&str, Family)] = &[
        ("asset_not_deployed_contract", Asset),
        ("blocked", Unknown),
        ("duplicate_settlement", Nonce),
        ("eip2612_asset_mismatch", Asset),
        ("eip2612_deadline_expired", Expired),
        ("eip2612_spender_not_permit2", Signature),
        ("eip6492_factory_not_allowed", Wallet),
        ("erc20_approval_broadcast_failed", Transaction),
        ("erc20_approval_tx_failed", Transaction),
        ("erc20_approval_tx_invalid_signature", Signature),
        ("erc20_approval_tx_parse_failed", Malformed),
        ("extension_echo_mismatch", Malformed),
        ("insufficient_funds", Funds),
        ("invalid_erc20_approval_extension_format", Malformed),
        ("invalid_exact_evm_authorization_value", Amount),
        ("invalid_exact_evm_eip3009_not_supported", Asset),
        ("invalid_exact_evm_failed_to_parse_signature", Signature),
        ("invalid_exact_evm_insufficient_balance", Funds),
        ("invalid_exact_evm_missing_eip712_domain", Asset),
        ("invalid_exact_evm_network_mismatch", Network),
        ("invalid_exact_evm_nonce_already_used", Nonce),
        ("invalid_exact_evm_payload_authorization_valid_after", Early),
        ("invalid_exact_evm_payload_authorization_valid_before", Expired),
        ("invalid_exact_evm_payload_authorization_value", Amount),
        ("invalid_exact_evm_payload_authorization_value_mismatch", Amount),
        ("invalid_exact_evm_payload_recipient_mismatch", Recipient),
        ("invalid_exact_evm_payload_signature", Signature),
        ("invalid_exact_evm_payload_undeployed_smart_wallet", Wallet),
        ("invalid_exact_evm_recipient_mismatch", Recipient),
        ("invalid_exact_evm_scheme", Unsupported),
        ("invalid_exact_evm_signature", Signature),
        ("invalid_exact_evm_token_name_mismatch", Asset),
        ("invalid_exact_evm_token_version_mismatch", Asset),
        ("invalid_exact_evm_transaction_failed", Transaction),
        ("invalid_exact_evm_transaction_simulation_failed", Simulation),
        ("invalid_exact_evm_transfer_event_mismatch", Transaction),
        ("invalid_network", Network),
        ("invalid_payload", Malformed),
        ("invalid_payment_requirements", Malformed),
        ("invalid_permit2_recipient_mismatch", Recipient),
        ("invalid_permit2_signature", Signature),
        ("invalid_permit2_spender", Signature),
        ("invalid_scheme", Unsupported),
        ("invalid_transaction_state", Transaction),
        ("invalid_upto_evm_network_mismatch", Network),
        ("invalid_upto_evm_payload_settlement_exceeds_amount", Amount),
        ("invalid_upto_evm_scheme", Unsupported),
        ("invalid_upto_evm_transaction_failed", Transaction),
        ("invalid_x402_version", Unsupported),
        ("permit2_2612_amount_mismatch", Amount),
        ("permit2_allowance_required", Allowance),
        ("permit2_amount_mismatch", Amount),
        ("permit2_deadline_expired", Expired),
        ("permit2_insufficient_balance", Funds),
        ("permit2_invalid_amount", Amount),
        ("permit2_invalid_destination", Recipient),
        ("permit2_invalid_nonce", Nonce),
        ("permit2_invalid_owner", Signature),
        ("permit2_not_yet_valid", Early),
        ("permit2_payment_too_early", Early),
        ("permit2_proxy_not_deployed", Asset),
        ("permit2_simulation_failed", Simulation),
        ("permit2_token_mismatch", Asset),
        ("price_not_acceptable", Amount),
        ("settlement_pending", Pending),
        ("smart_wallet_deployment_failed", Transaction),
        ("unexpected_settle_error", Transaction),
        ("unexpected_verify_error", Transaction),
        ("unsupported_payload_type", Unsupported),
        ("unsupported_scheme", Unsupported),
        ("upto_amount_exceeds_permitted", Amount),
        ("upto_facilitator_mismatch", Unsupported),
        ("upto_unauthorized_facilitator", Unsupported),
    ];

    #[test]
    fn every_known_code_has_its_family() {
        for (code, expected) in KNOWN {
            assert_eq!(family(code), *expected, "{code}");
        }
    }

    #[test]
    fn b2_what_can_follow_a_broadcast_is_no_refusal() {
        for (code, family) in KNOWN {
            let after = ["nonce", "pending", "_failed", "duplicate", "event", "unexpected", "state"];
            let before = ["simulation", "parse"];
            let open = after.iter().any(|part| code.contains(part)) && !before.iter().any(|part| code.contains(part));
            assert_eq!(family.leaves_it_open(), open, "{code}");
        }
    }
}
