//! Whether a payment header answers our own offer: everything that can be refused without asking
//! anybody is refused here, before any request leaves (threats A3 to A9, C5).
//!
//! | checked here | problem |
//! |---|---|
//! | size, base64, strict JSON | `payment-header-too-large`, `payment-not-base64`, `payment-not-json` |
//! | version of the header's generation | `unsupported-x402-version` |
//! | required fields and their types | `payment-malformed` |
//! | scheme, network, asset of the echoed offer | `scheme-`, `network-`, `asset-not-offered` |
//! | payee and amount, echoed and signed | `recipient-mismatch`, `amount-mismatch` |
//! | the quote, where the price is not today's | `offer-unknown`, `price-changed` |
//! | window against the clock | `authorization-expired`, `-not-yet-valid`, `-too-long` |
//! | signature: 65 bytes, low s, by `from` | `signature-invalid`, `signature-unsupported` |
//!
//! What only others know (balance, used nonce, a contract wallet) is asked at settlement.

use alloc::{string::String, vec::Vec};
use sha2::{Digest, Sha256};

use super::Quote;
use crate::{
    access::Keys,
    evm::{Asset, Authorization, Signature, hex, signature::SignatureError},
    json::{self, Value},
    money::Amount,
    problem::Problem,
    route::Route,
    x402::{
        DecodeError, Network, decode,
        v1::PaymentPayloadV1,
        v2::{self, Accepted, EXACT, ExactPayload, PaymentPayload, PaymentRequirements},
    },
};

/// The reference facilitators want at least six seconds left (`@x402/evm` 2.27).
pub const LEAST_SECONDS_LEFT: u64 = 6;
/// How far a payer's clock may be ahead of ours.
pub const SKEW_SECONDS: u64 = 30;

/// Which generation of the protocol a payment came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `X-PAYMENT`.
    V1,
    /// `PAYMENT-SIGNATURE`.
    V2,
}

impl Version {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// A payment that answers our offer; its signature is the payer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Generation.
    pub version: Version,
    /// Our own offer, which it answers; this goes to the facilitator, not the client's echo.
    pub offer: PaymentRequirements,
    /// What was signed.
    pub authorization: Authorization,
    /// The signature as it came.
    pub signature: String,
    /// Digest of the header, to tell a repeated request.
    pub digest: [u8; 32],
    /// The header carries an unexpired secret of ours (a MAC'd quote), which is on no chain: whoever
    /// repeats it is who sent it first (threat A16).
    pub secret: bool,
    /// The nonce starts with that quote's tag: it was made for this offer and nothing else.
    pub tagged: bool,
    /// Set when it may only look up what is known of it, never begin anything: the reason.
    pub late: Option<Problem>,
}

/// Why a payment is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind.
    pub problem: Problem,
    /// What exactly, where the kind alone does not say.
    pub detail: Option<&'static str>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, detail: None }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge => Problem::PaymentHeaderTooLarge,
            DecodeError::NotBase64 => Problem::PaymentNotBase64,
            DecodeError::NotJson => Problem::PaymentNotJson,
            DecodeError::Malformed => Problem::PaymentMalformed,
        }
        .into()
    }
}

/// What a payment is held against.
#[derive(Clone, Copy, Debug)]
pub struct Against<'a> {
    /// The route of the requested resource.
    pub route: &'a Route,
    /// The requested resource, canonical.
    pub resource: &'a str,
    /// The site's keys.
    pub keys: &'a Keys,
    /// Unix seconds.
    pub now: u64,
}

impl Against<'_> {
    /// Reads and checks a payment header of this generation.
    pub fn check(&self, version: Version, header: &str) -> Result<Payment, Refusal> {
        let text = decode(header)?;
        let json = json::parse(&text)
            .ok()
            .filter(|json| json.members().is_some())
            .ok_or(DecodeError::NotJson)?;
        if json.get("x402Version").and_then(Value::integer) != Some(u64::from(version.number())) {
            return Err(Problem::UnsupportedVersion.into());
        }
        let (offer, payload, quote, late) = match version {
            Version::V2 => {
                let payment = PaymentPayload::read(&json)?;
                let (offer, quote, late) = self.offer_v2(&payment.accepted)?;
                (offer, payment.payload, quote, late)
            }
            Version::V1 => {
                let payment = PaymentPayloadV1::read(&json)?;
                let offer = self.configured(payment.scheme, payment.network.and_then(Network::from_v1_slug))?;
                (offer.clone(), payment.payload, None, None)
            }
        };
        let window = self.check_terms(&payload, &offer)?;
        let asset = Asset::find(offer.network, offer.asset).ok_or(Problem::AssetNotOffered)?;
        check_signature(&payload, asset)?;
        let nonce = payload.authorization.nonce;
        Ok(Payment {
            version,
            digest: Sha256::digest(header.as_bytes()).into(),
            secret: quote.is_some(),
            tagged: quote.is_some_and(|quote| nonce.starts_with(&quote.tag)),
            authorization: payload.authorization,
            signature: payload.signature.into(),
            offer,
            late: late.or(window),
        })
    }

    /// The configured offer of a scheme and network.
    fn configured(&self, scheme: Option<&str>, network: Option<Network>) -> Result<&PaymentRequirements, Problem> {
        if scheme != Some(EXACT) {
            return Err(Problem::SchemeNotOffered);
        }
        let network = network.ok_or(Problem::NetworkNotOffered)?;
        self.route
            .offers
            .iter()
            .find(|offer| offer.network == network)
            .ok_or(Problem::NetworkNotOffered)
    }

    /// Our offer that a v2 echo selects: today's, or the one a quote of ours still holds.
    fn offer_v2(&self, accepted: &Accepted<'_>) -> Result<(PaymentRequirements, Option<Quote>, Option<Problem>), Problem> {
        let network = accepted.network.and_then(|text| text.parse().ok());
        let today = self.configured(accepted.scheme, network)?;
        let asset = accepted.asset.and_then(hex::read::<20>);
        if asset != Some(today.asset.0.0) {
            return Err(Problem::AssetNotOffered);
        }
        let pay_to = accepted.pay_to.and_then(hex::read::<20>);
        let amount: Option<Amount> = accepted.amount.and_then(|text| text.parse().ok());
        let amount = amount.ok_or(Problem::AmountMismatch)?;
        if accepted.name != Some(&today.extra.name) || accepted.version != Some(&today.extra.version) {
            return Err(Problem::OfferUnknown);
        }
        let mut offer = today.clone();
        offer.amount = amount;
        if let Some(pay_to) = pay_to {
            offer.pay_to = pay_to.into();
        }
        if let Some(seconds) = accepted.max_timeout_seconds {
            offer.max_timeout_seconds = seconds;
        }
        let text = accepted.quote;
        let quote = text.and_then(|text| Quote::open(self.keys, text, self.resource, &offer));
        let is_today = offer == *today;
        offer.extra.quote = quote.and(text).map(Into::into);
        match quote {
            _ if is_today => Ok((offer, quote, None)),
            Some(held) if self.now < held.expires => Ok((offer, quote, None)),
            // ours once, but the price is another now: a payment begun in time may still be joined
            Some(_) => Ok((offer, quote, Some(Problem::PriceChanged))),
            None if pay_to != Some(today.pay_to.0.0) => Err(Problem::RecipientMismatch),
            None if amount != today.amount => Err(Problem::AmountMismatch),
            None => Err(Problem::OfferUnknown),
        }
    }

    /// Holds the signed terms against the offer and the clock.
    fn check_terms(&self, payload: &ExactPayload<'_>, offer: &PaymentRequirements) -> Result<Option<Problem>, Refusal> {
        let signed = &payload.authorization;
        if signed.to != offer.pay_to {
            return Err(Problem::RecipientMismatch.into());
        }
        if signed.value != offer.amount {
            return Err(Problem::AmountMismatch.into());
        }
        if signed.valid_after > self.now {
            return Err(Problem::AuthorizationNotYetValid.into());
        }
        let latest = self
            .now
            .saturating_add(offer.max_timeout_seconds)
            .saturating_add(SKEW_SECONDS);
        if signed.valid_before > latest {
            return Err(Problem::AuthorizationTooLong.into());
        }
        let expired = signed.valid_before < self.now.saturating_add(LEAST_SECONDS_LEFT);
        Ok(expired.then_some(Problem::AuthorizationExpired))
    }
}

fn check_signature(payload: &ExactPayload<'_>, asset: &Asset) -> Result<(), Refusal> {
    let refuse = |error: SignatureError| match error {
        SignatureError::Contract => Problem::SignatureUnsupported.into(),
        SignatureError::Malformed => Refusal {
            problem: Problem::SignatureInvalid,
            detail: Some("The signature is not 65 bytes of hex with a final byte 00, 01, 1b or 1c."),
        },
        SignatureError::HighS => Refusal {
            problem: Problem::SignatureInvalid,
            detail: Some("The signature's s is in the upper half of the group order; normalise it."),
        },
        SignatureError::NotOnCurve => Problem::SignatureInvalid.into(),
    };
    let signature = Signature::parse(payload.signature).map_err(refuse)?;
    let signer = signature.recover(payload.authorization.digest(asset)).map_err(refuse)?;
    if signer != payload.authorization.from {
        return Err(Problem::SignatureInvalid.into());
    }
    Ok(())
}

/// The body of a facilitator's `/settle` and `/verify`: our offer, the client's signature, both
/// written anew, nothing of the client's own bytes (threat C4).
pub fn facilitator_request(payment: &Payment, resource: &v2::ResourceInfo<'_>) -> Vec<u8> {
    let exact = v2::OutgoingExact {
        signature: &payment.signature,
        authorization: &payment.authorization,
    };
    let mut offer = payment.offer.clone();
    // the quote is between the payer and us: with it, a facilitator's log would be a way in (threat A16)
    offer.extra.quote = None;
    match payment.version {
        Version::V2 => v2::facilitator_request(&offer, resource, exact),
        Version::V1 => crate::x402::v1::facilitator_request(&offer, resource, exact),
    }
}
