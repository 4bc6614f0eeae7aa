//! Version 2 of the wire format (x402 specification v2, HTTP transport and scheme `exact` on EVM).

use alloc::{string::String, vec::Vec};

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::{DecodeError, Network};
use crate::{
    evm::{Authorization, hex},
    json::Value,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Extra {
    /// The token's EIP-712 domain name.
    pub name: String,
    /// The token's EIP-712 domain version.
    pub version: String,
    /// Our MAC'd quote (see [`offer`](crate::offer)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
}

/// The content of `PAYMENT-REQUIRED`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequired<'a> {
    /// 2.
    pub x402_version: u8,
    /// Why, for programs: a problem slug or a facilitator's code.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub error: &'a str,
    /// What is sold; left out only where the page around the offer says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceInfo<'a>>,
    /// The ways to pay; most clients take the first.
    pub accepts: &'a [PaymentRequirements],
}

/// The content of `PAYMENT-SIGNATURE`, as far as it matters; the rest is read and left.
#[derive(Debug)]
pub struct PaymentPayload<'a> {
    /// The client's echo of the chosen offer.
    pub accepted: Accepted<'a>,
    /// The scheme's own part.
    pub payload: ExactPayload<'a>,
}

/// The client's echo of an offer. Any field may be missing or strange: a wrong echo is an unknown
/// offer with a reason of its own rather than malformed JSON.
#[derive(Debug)]
pub struct Accepted<'a> {
    /// Scheme.
    pub scheme: Option<&'a str>,
    /// CAIP-2.
    pub network: Option<&'a str>,
    /// Atomic units.
    pub amount: Option<&'a str>,
    /// Token contract.
    pub asset: Option<&'a str>,
    /// Payee.
    pub pay_to: Option<&'a str>,
    /// Seconds.
    pub max_timeout_seconds: Option<u64>,
    /// The token's EIP-712 domain name.
    pub name: Option<&'a str>,
    /// The token's EIP-712 domain version.
    pub version: Option<&'a str>,
    /// Our quote.
    pub quote: Option<&'a str>,
}

/// The payload of scheme `exact` by EIP-3009, the same in v1 and v2.
#[derive(Debug)]
pub struct ExactPayload<'a> {
    /// 65 bytes of hex.
    pub signature: &'a str,
    /// What was signed.
    pub authorization: Authorization,
}

/// A member that is a string or absent.
pub(super) fn text<'a>(object: &'a Value<'_>, name: &str) -> Result<Option<&'a str>, DecodeError> {
    object
        .get(name)
        .map(|value| value.text().ok_or(DecodeError::Malformed))
        .transpose()
}

impl<'a> PaymentPayload<'a> {
    /// Reads a decoded header.
    pub fn read(json: &'a Value<'_>) -> Result<Self, DecodeError> {
        let accepted = json
            .get("accepted")
            .filter(|value| value.members().is_some())
            .ok_or(DecodeError::Malformed)?;
        let extra = |name| accepted.get("extra").map_or(Ok(None), |extra| text(extra, name));
        Ok(Self {
            accepted: Accepted {
                scheme: text(accepted, "scheme")?,
                network: text(accepted, "network")?,
                amount: text(accepted, "amount")?,
                asset: text(accepted, "asset")?,
                pay_to: text(accepted, "payTo")?,
                max_timeout_seconds: accepted.get("maxTimeoutSeconds").and_then(Value::integer),
                name: extra("name")?,
                version: extra("version")?,
                quote: extra("quote")?,
            },
            payload: ExactPayload::read(json)?,
        })
    }
}

impl<'a> ExactPayload<'a> {
    /// Reads the `payload` member of a payment.
    pub(super) fn read(payment: &'a Value<'_>) -> Result<Self, DecodeError> {
        let payload = payment.get("payload").ok_or(DecodeError::Malformed)?;
        let authorization = payload.get("authorization").and_then(Authorization::read);
        Ok(Self {
            signature: text(payload, "signature")?.ok_or(DecodeError::Malformed)?,
            authorization: authorization.ok_or(DecodeError::Malformed)?,
        })
    }
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
