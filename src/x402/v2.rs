//! Version 2 of the wire format (x402 specification v2, HTTP transport, schemes `exact` and `upto` on EVM).

use alloc::{boxed::Box, string::String, vec::Vec};

use alloy_primitives::Address;
use serde::{Serialize, Serializer};

use super::{DecodeError, Network, Wider, extension::Writer, with_member};
use crate::{
    evm::{Authorization, Domain, Permit, Signed, Transfer, hex},
    json::Value,
    money::Amount,
};

/// How a payment relates to the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Exactly the amount (`scheme_exact_evm.md`).
    #[default]
    Exact,
    /// At most the amount; what was used is charged (`scheme_upto_evm.md`). By Permit2 only.
    Upto,
}

impl Scheme {
    /// The wire's word.
    ///
    /// ```
    /// use farthing::x402::v2::Scheme;
    /// assert_eq!(Scheme::Upto.name(), "upto");
    /// assert_eq!(Scheme::read("exact"), Some(Scheme::Exact));
    /// assert_eq!(Scheme::read("Exact"), None);
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Upto => "upto",
        }
    }

    /// The scheme of this name.
    pub fn read(name: &str) -> Option<Self> {
        [Self::Exact, Self::Upto].into_iter().find(|one| one.name() == name)
    }
}

impl Serialize for Scheme {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

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
    /// How the payment relates to the amount.
    pub scheme: Scheme,
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

/// The `extra` of a requirement on EVM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Extra {
    /// The token's EIP-712 domain name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The token's EIP-712 domain version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// How the token moves; the default is not written.
    #[serde(rename = "assetTransferMethod", skip_serializing_if = "is_default")]
    pub transfer: Transfer,
    /// `upto`: who will settle, which the payer signs.
    #[serde(
        rename = "facilitatorAddress",
        skip_serializing_if = "Option::is_none",
        with = "some_address"
    )]
    pub facilitator: Option<Address>,
    /// When the money moves; the default is not written.
    #[serde(rename = "paymentFlow", skip_serializing_if = "is_default")]
    pub flow: PaymentFlow,
    /// Our MAC'd quote (see [`offer`](crate::offer)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// For how long the page stays the payer's, in seconds; nothing where every call pays, and of a wider offer, which says it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_seconds: Option<u64>,
    /// What it opens besides the one article.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<Box<Wider>>,
    /// Whom the offer is for, where it is not for everybody: never on the wire, but a quote is only good for them.
    #[serde(skip)]
    pub audience: Option<String>,
    /// The token's digits after the point: ours to know, never on the wire.
    #[serde(skip)]
    pub decimals: u8,
}

/// When the money moves (`extra.paymentFlow`; absent means `authorization`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaymentFlow {
    /// After the content is at hand, before it is delivered.
    #[default]
    Authorization,
    /// Before the content is fetched.
    Upfront,
}

impl PaymentFlow {
    /// The wire's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Upfront => "upfront",
        }
    }

    /// The flow of this name; `escrow`, which no EVM scheme of ours has, is none.
    ///
    /// ```
    /// use farthing::x402::v2::PaymentFlow;
    /// assert_eq!(PaymentFlow::read("upfront"), Some(PaymentFlow::Upfront));
    /// assert_eq!(PaymentFlow::read("escrow"), None);
    /// ```
    pub fn read(name: &str) -> Option<Self> {
        [Self::Authorization, Self::Upfront]
            .into_iter()
            .find(|one| one.name() == name)
    }
}

impl Serialize for PaymentFlow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

mod some_address {
    use super::{Address, Serializer, hex};

    pub(super) fn serialize<S: Serializer>(address: &Option<Address>, serializer: S) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => hex::address::serialize(address, serializer),
            None => serializer.serialize_none(),
        }
    }
}

impl PaymentRequirements {
    /// The EIP-712 domain of the token, as the offer names it.
    pub fn domain(&self) -> Domain<'_> {
        Domain {
            name: &self.extra.name,
            version: &self.extra.version,
            network: self.network,
            contract: self.asset,
        }
    }
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
    pub payload: EvmPayload<'a>,
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
    /// How the token moves.
    pub transfer: Option<&'a str>,
    /// `upto`: who will settle.
    pub facilitator: Option<&'a str>,
    /// When the money moves.
    pub flow: Option<&'a str>,
    /// Our quote.
    pub quote: Option<&'a str>,
    /// For how long it opens the page; some where it says so, also what cannot be read.
    pub access_seconds: Option<Option<u64>>,
    /// Which wider offer it is; some where it names one, also one that cannot be read.
    pub offer: Option<Option<Wider>>,
}

/// The payload of `exact` and `upto` on EVM; by EIP-3009 it is the same in v1 and v2.
#[derive(Debug)]
pub struct EvmPayload<'a> {
    /// Hex: 65 bytes by a key, longer by a contract.
    pub signature: &'a str,
    /// What was signed.
    pub signed: Signed,
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
        let own = |name| accepted.get("extra").and_then(|extra| extra.get(name));
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
                transfer: extra("assetTransferMethod")?,
                facilitator: extra("facilitatorAddress")?,
                flow: extra("paymentFlow")?,
                quote: extra("quote")?,
                access_seconds: own("accessSeconds").map(Value::integer),
                offer: own("offer").map(Wider::read),
            },
            payload: EvmPayload::read(json)?,
        })
    }
}

impl<'a> EvmPayload<'a> {
    /// Reads the `payload` member of a payment. One with both kinds of authorization is neither.
    pub(crate) fn read(payment: &'a Value<'_>) -> Result<Self, DecodeError> {
        let payload = payment.get("payload").ok_or(DecodeError::Malformed)?;
        let signed = match (payload.get("authorization"), payload.get("permit2Authorization")) {
            (Some(json), None) => Authorization::read(json).map(Signed::Eip3009),
            (None, Some(json)) => Permit::read(json).map(Signed::Permit2),
            _ => None,
        };
        Ok(Self {
            signature: text(payload, "signature")?.ok_or(DecodeError::Malformed)?,
            signed: signed.ok_or(DecodeError::Malformed)?,
        })
    }
}

/// The payload as we write it, to a facilitator.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutgoingEvm<'a> {
    signature: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<&'a Authorization>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permit2_authorization: Option<&'a Permit>,
}

impl<'a> OutgoingEvm<'a> {
    /// A payload of this promise and its signature.
    pub const fn new(signature: &'a str, signed: &'a Signed) -> Self {
        let (authorization, permit2_authorization) = match signed {
            Signed::Eip3009(authorization) => (Some(authorization), None),
            Signed::Permit2(permit) => (None, Some(permit)),
        };
        Self {
            signature,
            authorization,
            permit2_authorization,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outgoing<'a> {
    x402_version: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a ResourceInfo<'a>>,
    accepted: &'a PaymentRequirements,
    payload: OutgoingEvm<'a>,
}

/// The body of a facilitator's `/verify` and `/settle`; `extensions` is JSON already, or empty.
pub fn facilitator_request(
    offer: &PaymentRequirements,
    resource: &ResourceInfo<'_>,
    payload: OutgoingEvm<'_>,
    extensions: &str,
) -> Vec<u8> {
    let payment = Outgoing {
        x402_version: 2,
        resource: Some(resource),
        accepted: offer,
        payload,
    };
    let mut request = Writer::default();
    request.raw("x402Version", "2");
    request.raw("paymentPayload", &with_member(&payment, "extensions", extensions));
    // serialising to memory fails only for maps with keys that are not strings
    request.raw("paymentRequirements", &serde_json::to_string(offer).unwrap_or_default());
    request.end().into_bytes()
}
