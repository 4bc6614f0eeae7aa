//! What a 402 of either generation offers, and which of it could be paid at all.
//!
//! Whether an offer is wanted is another question: [`Policy`](super::Policy) answers it.

use core::fmt;

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use alloy_primitives::Address;

use crate::{
    access::token,
    evm::{Transfer, hex},
    json::{MAX_ANNOUNCED_DEPTH, Value, parse_nested},
    money::Amount,
    x402::{
        DecodeError, Network, decode,
        v2::{PaymentFlow, Scheme},
    },
};

/// An authorization is never valid for longer than this, whatever an offer asks for.
pub const MOST_SECONDS: u64 = 3600;
/// Facilitators want at least six seconds left when it arrives (`@x402/evm` 2.27).
pub const LEAST_SECONDS: u64 = 10;
/// The largest v1 body that is looked at; offers of several kilobytes occur, with schemas inline.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// More offers than this in one answer are not looked at.
const MAX_OFFERS: usize = 32;

/// Generation of the protocol that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Offers in the body, networks by slug, payments in `X-PAYMENT`.
    V1,
    /// Offers in `PAYMENT-REQUIRED`, networks by CAIP-2, payments in `PAYMENT-SIGNATURE`.
    V2,
}

/// What our own quotes show to a client, which cannot check their MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek {
    /// The first half of the nonce: the publisher recognises it, nobody else does.
    pub tag: [u8; 16],
    /// The server's clock when it made the offer, Unix seconds.
    pub issued: u64,
    /// Until when the price holds, Unix seconds.
    pub expires: u64,
}

impl Peek {
    pub(super) fn read(text: &str) -> Option<Self> {
        let payload = token::peek(text)?;
        let (tag, rest) = payload.split_first_chunk()?;
        let (issued, rest) = rest.split_first_chunk()?;
        let (expires, _) = rest.split_first_chunk()?;
        Some(Self {
            tag: *tag,
            issued: u64::from_be_bytes(*issued),
            expires: u64::from_be_bytes(*expires),
        })
    }
}

/// Why no client of this kind could pay an offer, whatever its owner wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unpayable {
    /// This field is missing, of the wrong type, or not in its one spelling (threat A6).
    Malformed(&'static str),
    /// A scheme other than `exact` and `upto`.
    Scheme,
    /// Not an EVM network, or a v1 slug that nobody knows.
    Network,
    /// A way to move tokens other than EIP-3009 and Permit2, or one that does not go with the scheme
    /// or the version.
    Transfer,
    /// A `paymentFlow` other than `authorization` and `upfront`.
    Flow,
    /// EIP-3009 without the token's domain name and version.
    NoDomain,
    /// `upto` without the address of who will settle.
    NoFacilitator,
    /// Nothing is asked for.
    Zero,
    /// `maxTimeoutSeconds` leaves no time to sign and send.
    TooShort,
}

impl Unpayable {
    /// A stable word for programs.
    ///
    /// ```
    /// assert_eq!(farthing::client::Unpayable::NoDomain.key(), "no-domain");
    /// ```
    pub const fn key(self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Scheme => "unknown-scheme",
            Self::Network => "unknown-network",
            Self::Transfer => "unknown-transfer",
            Self::Flow => "unknown-flow",
            Self::NoDomain => "no-domain",
            Self::NoFacilitator => "no-facilitator",
            Self::Zero => "zero-amount",
            Self::TooShort => "too-short",
        }
    }
}

impl Unpayable {
    /// What it says, without the formatter that a program would download for it.
    pub(crate) fn words(self) -> String {
        let field = if let Self::Malformed(field) = self { field } else { "" };
        let words = match self {
            Self::Malformed(_) => " is missing or malformed",
            Self::Scheme => "neither exact nor upto",
            Self::Network => "not a known EVM network",
            Self::Transfer => "neither EIP-3009 nor Permit2",
            Self::Flow => "an unknown payment flow",
            Self::NoDomain => "EIP-3009 without the token's domain name and version",
            Self::NoFacilitator => "upto without facilitatorAddress",
            Self::Zero => "the amount is zero",
            Self::TooShort => "maxTimeoutSeconds leaves no time to pay",
        };
        [field, words].concat()
    }
}

impl fmt::Display for Unpayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

/// The terms of an offer, as it names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read<'a> {
    pub(super) scheme: Scheme,
    pub(super) transfer: Transfer,
    pub(super) flow: PaymentFlow,
    pub(super) network: Network,
    pub(super) contract: Address,
    pub(super) amount: Amount,
    pub(super) pay_to: Address,
    pub(super) seconds: u64,
    pub(super) name: Option<&'a str>,
    pub(super) version: Option<&'a str>,
    pub(super) facilitator: Option<Address>,
    pub(super) quote: Option<Peek>,
    pub(super) wider: Option<Opens>,
    pub(super) lasts: Option<u64>,
}

/// What an offer opens besides what was asked for, as its server says it. Text of a stranger's (threat F1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opens {
    /// Its name among the offers, by which a policy wants it.
    pub name: String,
    /// For people; empty where there is none.
    pub title: String,
    /// How many articles; none for a time pass.
    pub count: Option<u64>,
    /// For how long a pass lasts, in seconds from its settlement; of a bundle, how long there is to choose its articles.
    pub seconds: Option<u64>,
}

/// Reads one entry of `accepts`.
pub(super) fn read<'a>(accepted: &'a Value<'_>, generation: Version) -> Result<Read<'a>, Unpayable> {
    use Unpayable::Malformed;
    let v1 = generation == Version::V1;
    let text = |name: &'static str| accepted.get(name).and_then(Value::text).ok_or(Malformed(name));
    let address = |text: &str| hex::read(text).map(Address::new).filter(|address| !address.is_zero());
    let own = accepted.get("extra");
    let extra = |name: &'static str| match own.and_then(|own| own.get(name)) {
        Some(value) => value.text().map(Some).ok_or(Malformed(name)),
        None => Ok(None),
    };
    let scheme = Scheme::read(text("scheme")?).ok_or(Unpayable::Scheme)?;
    let network = text("network")?;
    let network = if v1 {
        Network::from_v1_slug(network)
    } else {
        network.parse().ok()
    };
    let network = network.ok_or(Unpayable::Network)?;
    let transfer = match extra("assetTransferMethod")? {
        Some(name) => Transfer::read(name).ok_or(Unpayable::Transfer)?,
        // upto moves by Permit2 alone, and its servers need not say so
        None if scheme == Scheme::Upto => Transfer::Permit2,
        None => Transfer::Eip3009,
    };
    if (transfer == Transfer::Eip3009 && scheme == Scheme::Upto) || (v1 && transfer != Transfer::Eip3009) {
        return Err(Unpayable::Transfer);
    }
    let flow = match extra("paymentFlow")? {
        Some(name) => PaymentFlow::read(name).ok_or(Unpayable::Flow)?,
        None => PaymentFlow::Authorization,
    };
    let field = if v1 { "maxAmountRequired" } else { "amount" };
    let amount: Amount = text(field)?.parse().map_err(|_| Malformed(field))?;
    if amount == Amount::ZERO {
        return Err(Unpayable::Zero);
    }
    let seconds = accepted.get("maxTimeoutSeconds").and_then(Value::integer);
    let seconds = seconds.ok_or(Malformed("maxTimeoutSeconds"))?;
    if seconds < LEAST_SECONDS {
        return Err(Unpayable::TooShort);
    }
    let facilitator = match scheme {
        Scheme::Exact => None,
        Scheme::Upto => {
            let text = extra("facilitatorAddress")?.ok_or(Unpayable::NoFacilitator)?;
            Some(address(text).ok_or(Malformed("facilitatorAddress"))?)
        }
    };
    let (name, version) = (extra("name")?, extra("version")?);
    if transfer == Transfer::Eip3009 && (name.is_none() || version.is_none()) {
        return Err(Unpayable::NoDomain);
    }
    Ok(Read {
        scheme,
        transfer,
        flow,
        network,
        contract: address(text("asset")?).ok_or(Malformed("asset"))?,
        amount,
        pay_to: address(text("payTo")?).ok_or(Malformed("payTo"))?,
        seconds: seconds.min(MOST_SECONDS),
        name,
        version,
        facilitator,
        quote: own.and_then(|own| own.get("quote")?.text()).and_then(Peek::read),
        // a bundle's own time is the one there is to choose its articles, which stay open for another
        lasts: own.and_then(|own| {
            let pass = own.get("offer").filter(|wider| wider.get("count").is_none());
            pass.and_then(|pass| pass.get("seconds"))
                .or(own.get("accessSeconds"))?
                .integer()
        }),
        wider: own.and_then(|own| opens(own.get("offer")?)),
    })
}

fn opens(wider: &Value<'_>) -> Option<Opens> {
    Some(Opens {
        name: wider.get("name")?.text()?.to_owned(),
        title: wider.get("title").and_then(Value::text).unwrap_or_default().to_owned(),
        count: wider.get("count").and_then(Value::integer),
        seconds: wider.get("seconds").and_then(Value::integer),
    })
}

/// An offer that could be paid, as the server wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Exactly this much, or at most.
    pub scheme: Scheme,
    /// How the token moves.
    pub transfer: Transfer,
    /// When the money moves.
    pub flow: PaymentFlow,
    /// Where.
    pub network: Network,
    /// The token contract.
    pub contract: Address,
    /// Atomic units; for `upto`, at most.
    pub amount: Amount,
    /// Who is paid.
    pub pay_to: Address,
    /// For how long an authorization is signed: at most [`MOST_SECONDS`].
    pub seconds: u64,
    /// The token's EIP-712 domain name, as the server has it.
    pub name: Option<String>,
    /// The token's EIP-712 domain version, as the server has it.
    pub version: Option<String>,
    /// `upto`: who will settle.
    pub facilitator: Option<Address>,
    /// Our own servers' quote.
    pub quote: Option<Peek>,
    /// The time pass or the bundle that it is for (`extra.offer`); none for what was asked for alone.
    pub wider: Option<Opens>,
    /// For how many seconds what is bought stays open, where the server says it.
    pub lasts: Option<u64>,
    /// The server's own bytes, for `accepted`.
    pub raw: String,
}

impl Offer {
    fn new(raw: &str, read: Read<'_>) -> Self {
        Self {
            scheme: read.scheme,
            transfer: read.transfer,
            flow: read.flow,
            network: read.network,
            contract: read.contract,
            amount: read.amount,
            pay_to: read.pay_to,
            seconds: read.seconds,
            name: read.name.map(ToOwned::to_owned),
            version: read.version.map(ToOwned::to_owned),
            facilitator: read.facilitator,
            quote: read.quote,
            wider: read.wider,
            lasts: read.lasts,
            raw: raw.to_owned(),
        }
    }
}

/// A 402 that cannot be read; nothing of it is ever paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OffersError {
    /// Neither `PAYMENT-REQUIRED` nor a v1 body.
    Missing,
    /// Larger than [`MAX_HEADER_BYTES`](crate::x402::MAX_HEADER_BYTES) or [`MAX_BODY_BYTES`], or more
    /// than 32 offers.
    TooLarge,
    /// The header is not base64.
    NotBase64,
    /// Not one JSON object with distinct keys.
    NotJson,
    /// Another `x402Version` than the place goes with.
    Version,
    /// No list of offers in it.
    Malformed,
}

impl OffersError {
    /// A stable word for programs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Missing => "no-offers",
            Self::TooLarge => "offers-too-large",
            Self::NotBase64 => "offers-not-base64",
            Self::NotJson => "offers-not-json",
            Self::Version => "unsupported-x402-version",
            Self::Malformed => "offers-malformed",
        }
    }
}

impl OffersError {
    /// What it says.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Missing => "the answer has neither PAYMENT-REQUIRED nor a v1 body",
            Self::TooLarge => "the answer's offers are too large",
            Self::NotBase64 => "PAYMENT-REQUIRED is not base64",
            Self::NotJson => "the offers are not a JSON object with distinct keys",
            Self::Version => "the offers are of an x402 version that does not go with their place",
            Self::Malformed => "the answer has no list of offers",
        }
    }
}

impl fmt::Display for OffersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl core::error::Error for OffersError {}

impl From<DecodeError> for OffersError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge => Self::TooLarge,
            DecodeError::NotBase64 => Self::NotBase64,
            _ => Self::NotJson,
        }
    }
}

/// What a 402 says.
///
/// ```
/// use farthing::client::{Offers, Unpayable, Version};
/// let body = r#"{"x402Version":1,"error":"X-PAYMENT header is required","accepts":[
///     {"scheme":"exact","network":"base-sepolia","maxAmountRequired":"10000","resource":"https://n.example/a",
///      "description":"A story","mimeType":"","payTo":"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
///      "maxTimeoutSeconds":60,"asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e",
///      "extra":{"name":"USDC","version":"2"}},
///     {"scheme":"stream","network":"base-sepolia"}]}"#;
/// let offers = Offers::read(None, body).unwrap();
/// assert_eq!(offers.version, Version::V1);
/// assert_eq!(offers.entries[0].as_ref().unwrap().amount.to_string(), "10000");
/// assert_eq!(offers.entries[1], Err(Unpayable::Scheme));
/// assert_eq!(offers.description.as_deref(), Some("A story"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offers {
    /// Of the protocol.
    pub version: Version,
    /// The server's word on why; its refusal where a payment was sent.
    pub error: String,
    /// What is sold: its URL. A claim of the server's, signed by nobody.
    pub url: Option<String>,
    /// What is sold, for people. Text of a stranger's (threat F1).
    pub description: Option<String>,
    /// `accepts` in the server's order.
    pub entries: Vec<Result<Offer, Unpayable>>,
    /// `resource` byte for byte, to be echoed; v2 only.
    pub(super) resource: Option<String>,
    /// `extensions` byte for byte, to be echoed; v2 only.
    pub(super) extensions: Option<String>,
}

impl Offers {
    /// Reads `PAYMENT-REQUIRED`, or a body of version 1 where that header is missing: the order of
    /// `@x402/core` 2.27. A header that cannot be read is an error, not a reason to look at the body.
    pub fn read(header: Option<&str>, body: &str) -> Result<Self, OffersError> {
        match header {
            Some(header) => Self::from_json(&decode(header)?, Version::V2),
            None if body.len() > MAX_BODY_BYTES => Err(OffersError::TooLarge),
            None if !body.trim_ascii_start().starts_with('{') => Err(OffersError::Missing),
            None => match Self::from_json(body, Version::V1) {
                // a problem document or a page's own data, not an offer
                Err(OffersError::Version) => Err(OffersError::Missing),
                other => other,
            },
        }
    }

    fn from_json(json: &str, version: Version) -> Result<Self, OffersError> {
        let required = parse_nested(json, MAX_ANNOUNCED_DEPTH).map_err(|_| OffersError::NotJson)?;
        let number = if version == Version::V1 { 1 } else { 2 };
        if required.get("x402Version").and_then(Value::integer) != Some(number) {
            return Err(OffersError::Version);
        }
        let accepts = required.get("accepts").and_then(Value::items).ok_or(OffersError::Malformed)?;
        if accepts.len() > MAX_OFFERS {
            return Err(OffersError::TooLarge);
        }
        let echo = |name| required.get(name).filter(|_| version == Version::V2);
        // v1 says what is sold in every offer
        let about = echo("resource").or_else(|| accepts.first().filter(|_| version == Version::V1));
        let said = |name| about?.get(name)?.text().map(ToOwned::to_owned);
        Ok(Self {
            version,
            error: required.get("error").and_then(Value::text).unwrap_or_default().to_owned(),
            url: said(if version == Version::V1 { "resource" } else { "url" }),
            description: said("description"),
            entries: accepts
                .iter()
                .map(|one| read(one, version).map(|read| Offer::new(one.raw(), read)))
                .collect(),
            resource: echo("resource").map(|value| value.raw().to_owned()),
            extensions: echo("extensions").map(|value| value.raw().to_owned()),
        })
    }
}
