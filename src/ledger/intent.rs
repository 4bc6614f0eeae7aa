//! What the gate hands to the ledger: a checked payment for one resource.

use alloc::{format, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::Audience;
use crate::{
    evm::{Address, B256, Transfer, hex, permit2::PERMIT2},
    money::Amount,
    x402::{Network, Wider, extension::identifier::is_proof},
};

/// A payment whose signature, terms and resource the gate has checked.
/// ```
/// use farthing::ledger::Intent;
/// let intent: Intent = serde_json::from_str(r#"{
///     "resource": "https://news.example/articles/x", "seconds": 2592000, "version": 2, "network": "eip155:84532",
///     "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": "0x0202020202020202020202020202020202020202",
///     "payTo": "0x0303030303030303030303030303030303030303", "amount": "50000",
///     "nonce": "0x0404040404040404040404040404040404040404040404040404040404040404", "validBefore": 1800000300,
///     "digest": "d", "secret": true, "tagged": true, "address": "", "receipt": "r", "request": "{}"
/// }"#).unwrap();
/// // what the chain takes once: the token's contract and the nonce
/// assert_eq!(intent.key(), "eip155:84532/036cbd53842c5426634e7929541ec2318f3dcf7e/0x0404040404040404040404040404040404040404040404040404040404040404");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Canonical URL of what is bought.
    pub resource: String,
    /// How long the payer will own it; none buys one answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// What it opens besides the resource, or instead of it for longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Wider>,
    /// The names of the time passes that open the resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<String>,
    /// Protocol version of the request.
    pub version: u8,
    /// Where the asset lives.
    pub network: Network,
    /// Token contract.
    #[serde(with = "hex::address")]
    pub asset: Address,
    /// How the token moves.
    #[serde(default)]
    pub transfer: Transfer,
    /// Set for `upto`: the token's digits after the point. What was used is charged, `amount` at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metered: Option<u8>,
    /// Settled before the origin is asked (`paymentFlow: upfront`).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub upfront: bool,
    /// The facilitator verifies it before it begins anything: only the chain can tell whether Permit2 has
    /// an allowance, and `/settle` of the official facilitator does not say so.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub verify: bool,
    /// Only a contract can tell whether the payer signed: verified before anything is believed of it
    /// (threat A14).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub contract: bool,
    /// Who pays.
    #[serde(with = "hex::address")]
    pub payer: Address,
    /// Who is paid.
    #[serde(with = "hex::address")]
    pub pay_to: Address,
    /// Atomic units.
    pub amount: Amount,
    /// The authorization's nonce.
    #[serde(with = "hex::word")]
    pub nonce: B256,
    /// End of its window, Unix seconds.
    pub valid_before: u64,
    /// How many blocks have to follow the transfer's own before it counts; with 0 the facilitator's word counts.
    #[serde(default)]
    pub confirmations: u64,
    /// Digest of the payment header.
    pub digest: String,
    /// The header carries a secret of ours (see [`Payment::secret`](crate::offer::Payment::secret)).
    pub secret: bool,
    /// The nonce was made for this offer (see [`Payment::tagged`](crate::offer::Payment::tagged)).
    pub tagged: bool,
    /// The client's own name for the payment (see [`identifier`](crate::x402::extension::identifier)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Keyed digest of the client's network address; empty where none is known.
    pub address: String,
    /// Problem slug when it may only look up, never begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<String>,
    /// Id that the receipt will have if this settles (see [`receipt_id`](crate::access::receipt_id)).
    pub receipt: String,
    /// Who pays, where that is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// Body of the facilitator's `/settle`.
    pub request: String,
}

impl Intent {
    /// The authorization's identity: what a chain accepts once (threat A8: never the signature's bytes).
    pub fn key(&self) -> String {
        // Permit2 counts nonces per payer, whatever the token
        let counter = match self.transfer {
            Transfer::Eip3009 => self.asset,
            Transfer::Permit2 => PERMIT2,
        };
        format!("{}/{counter:x}/{}", self.network, hex::print(self.nonce.as_slice()))
    }

    /// The name of the bundle that it buys, if it buys one.
    pub fn bundle(&self) -> Option<&str> {
        let offer = self.offer.as_ref().filter(|offer| offer.count.is_some())?;
        Some(&offer.name)
    }

    /// The network on which what is owned counts for this payer, as CAIP-2; empty where any does. A contract's address is another
    /// contract on another chain, perhaps of another owner.
    pub fn only_on(&self) -> String {
        match self.contract {
            true => self.network.to_string(),
            false => String::new(),
        }
    }

    /// Whether who sends this payment holds what its first sender held and no chain shows: our quote, or
    /// an identifier too long to be guessed (threat A16).
    pub fn proves(&self, first: &Self) -> bool {
        self.secret && first.secret || self.unguessable().is_some() && self.unguessable() == first.unguessable()
    }

    fn unguessable(&self) -> Option<&str> {
        self.identifier.as_deref().filter(|id| is_proof(id))
    }
}

/// What the payer owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owned {
    /// Who owns it.
    #[serde(with = "hex::address")]
    pub payer: Address,
    /// Canonical URL.
    pub resource: String,
    /// Receipt id.
    pub receipt: String,
    /// The transfer.
    pub transaction: String,
    /// Its network.
    pub network: Network,
    /// Unix seconds until when.
    pub until: u64,
    /// The name of the time pass that opens it; none where the article itself was bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<String>,
}

/// A time pass or a bundle that was bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The offer's name.
    pub name: String,
    /// How many articles it opens; none opens all that it covers.
    pub count: Option<u32>,
    /// By whom, by which transfer, and until when. The resource is the one it was bought at.
    pub owned: Owned,
}
