//! Version 2 of the wire format (x402 specification v2, HTTP transport and scheme `exact` on EVM).

use alloc::{borrow::Cow, string::String, vec::Vec};

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::{DecodeError, Network, decode};
use crate::{
    evm::{Authorization, hex},
    money::Amount,
};

/// The one scheme so far.
pub const EXACT: &str = "exact";

/// What is sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceInfo<'a> {
    /// Canonical URL.
    pub url: &'a str,
    /// One sentence for people.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub description: &'a str,
    /// What comes after payment, where it is known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub mime_type: &'a str,
}

/// One way to pay: exactly seven fields (peers compare them all).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequirements {
    /// `exact`.
    pub scheme: String,
    /// CAIP-2.
    pub network: Network,
    /// Price in atomic units.
    pub amount: Amount,
    /// Token contract.
    #[serde(with = "hex::address")]
    pub asset: Address,
    /// Payee.
    #[serde(with = "hex::address")]
    pub pay_to: Address,
    /// How long a signed authorization may be valid.
    pub max_timeout_seconds: u64,
    /// What the scheme needs besides.
    pub extra: Extra,
}

/// The `extra` of an `exact` requirement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// The token's EIP-712 domain name.
    #[serde(default)]
    pub name: String,
    /// The token's EIP-712 domain version.
    #[serde(default)]
    pub version: String,
    /// Our MAC'd quote (crate [`offer`](crate::offer)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
}

/// The content of `PAYMENT-REQUIRED`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequired<'a> {
    /// 2.
    pub x402_version: u8,
    /// Why, for programs: a problem slug or a facilitator's code.
    pub error: &'a str,
    /// What is sold.
    pub resource: ResourceInfo<'a>,
    /// The ways to pay; most clients take the first.
    pub accepts: &'a [PaymentRequirements],
}

/// The content of `PAYMENT-SIGNATURE`, as far as it matters; the rest is read and left.
///
/// The accepted requirement is the client's echo of an offer. Its fields are optional, so that a
/// wrong echo is an unknown offer with a reason of its own rather than malformed JSON.
#[derive(Debug, Deserialize)]
pub struct PaymentPayload<'a> {
    /// The chosen offer.
    #[serde(borrow)]
    pub accepted: Option<Accepted<'a>>,
    /// The scheme's own part.
    #[serde(borrow)]
    pub payload: Option<ExactPayload<'a>>,
}

/// The client's echo of an offer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted<'a> {
    /// Scheme.
    #[serde(borrow)]
    pub scheme: Option<Cow<'a, str>>,
    /// CAIP-2.
    #[serde(borrow)]
    pub network: Option<Cow<'a, str>>,
    /// Atomic units.
    #[serde(borrow)]
    pub amount: Option<Cow<'a, str>>,
    /// Token contract.
    #[serde(borrow)]
    pub asset: Option<Cow<'a, str>>,
    /// Payee.
    #[serde(borrow)]
    pub pay_to: Option<Cow<'a, str>>,
    /// Seconds.
    pub max_timeout_seconds: Option<u64>,
    /// Our own additions.
    #[serde(borrow)]
    pub extra: Option<AcceptedExtra<'a>>,
}

/// The echo of [`Extra`].
#[derive(Debug, Deserialize)]
pub struct AcceptedExtra<'a> {
    /// Domain name.
    #[serde(borrow)]
    pub name: Option<Cow<'a, str>>,
    /// Domain version.
    #[serde(borrow)]
    pub version: Option<Cow<'a, str>>,
    /// The quote.
    #[serde(borrow)]
    pub quote: Option<Cow<'a, str>>,
}

/// The payload of scheme `exact` by EIP-3009, the same in v1 and v2.
#[derive(Debug, Deserialize)]
pub struct ExactPayload<'a> {
    /// 65 bytes of hex.
    #[serde(borrow)]
    pub signature: Cow<'a, str>,
    /// What was signed.
    pub authorization: Authorization,
}

/// The payload as we write it, to a facilitator or, as a client, to a server.
#[derive(Clone, Debug, Serialize)]
pub struct OutgoingExact<'a> {
    /// 65 bytes of hex.
    pub signature: &'a str,
    /// What was signed.
    pub authorization: &'a Authorization,
}

/// A settled or refused payment: `PAYMENT-RESPONSE`, and a facilitator's answer to `/settle`.
///
/// Facilitators send explicit nulls for what is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleResponse {
    /// Whether money moved.
    pub success: bool,
    /// The facilitator's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// The transaction, empty on failure.
    #[serde(default)]
    pub transaction: Option<String>,
    /// CAIP-2, or a v1 slug.
    #[serde(default)]
    pub network: Option<String>,
    /// Who paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
}

/// The protocol version a payment names, looked at before anything else of it.
pub(crate) fn version(json: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Probe {
        x402_version: Option<u64>,
    }
    serde_json::from_slice::<Probe>(json).ok()?.x402_version
}

impl<'a> PaymentPayload<'a> {
    /// Reads the JSON of a decoded header.
    pub fn from_json(json: &'a [u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(json).map_err(|_| DecodeError::Malformed)
    }
}

/// The content of `PAYMENT-REQUIRED` as a client reads it: each offer with its own bytes, so that
/// the chosen one is echoed exactly as it came.
#[derive(Debug, Deserialize)]
pub struct IncomingRequired<'a> {
    /// 2.
    #[serde(rename = "x402Version")]
    pub x402_version: u64,
    /// The resource, echoed as it came.
    #[serde(borrow, default)]
    pub resource: Option<&'a serde_json::value::RawValue>,
    /// The offers.
    #[serde(borrow)]
    pub accepts: Vec<&'a serde_json::value::RawValue>,
}

/// Decodes a `PAYMENT-REQUIRED` header to JSON for [`IncomingRequired`].
pub fn decode_required(header: &str) -> Result<Vec<u8>, DecodeError> {
    decode(header)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outgoing<'a> {
    x402_version: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a ResourceInfo<'a>>,
    accepted: &'a PaymentRequirements,
    payload: OutgoingExact<'a>,
}

/// The body of a facilitator's `/verify` and `/settle`.
pub fn facilitator_request(offer: &PaymentRequirements, resource: &ResourceInfo<'_>, payload: OutgoingExact<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Request<'a> {
        x402_version: u8,
        payment_payload: Outgoing<'a>,
        payment_requirements: &'a PaymentRequirements,
    }
    let request = Request {
        x402_version: 2,
        payment_payload: Outgoing {
            x402_version: 2,
            resource: Some(resource),
            accepted: offer,
            payload,
        },
        payment_requirements: offer,
    };
    serde_json::to_vec(&request).unwrap_or_default()
}
