//! Whether a payment header answers our own offer: everything that can be refused without asking
//! anybody is refused here, before any request leaves (threats A3 to A9, C5).
//!
//! | checked here, in this order | problem |
//! |---|---|
//! | size (16 KiB), base64, strict JSON | `payment-header-too-large`, `payment-not-base64`, `payment-not-json` |
//! | version of the header's generation | `unsupported-x402-version` |
//! | required fields, their types and spellings | `payment-malformed` |
//! | scheme, network, asset, transfer method of the chosen offer | `scheme-`, `network-`, `asset-`, `transfer-not-offered` |
//! | payee and amount of the echo | `recipient-mismatch`, `amount-mismatch` |
//! | the rest of the echo and its quote, where they are not today's | `offer-unknown`, `price-changed`, `quote-expired` |
//! | what was signed: kind of authorization, token, spender, facilitator | `transfer-not-offered`, `asset-not-offered`, `spender-mismatch` |
//! | payee and amount that were signed | `recipient-mismatch`, `amount-mismatch` |
//! | window against the clock | `authorization-expired`, `-not-yet-valid`, `-too-long` |
//! | signature: 65 bytes, low s, by `from` | `signature-invalid`, `signature-unsupported` |
//!
//! What only others know is asked of them: whether the nonce is used, the balance covers the amount,
//! Permit2 has an allowance (at settlement), and, where the publisher accepts contract wallets,
//! whether a contract takes the signature (before the claim).

use alloc::{string::String, vec::Vec};
use sha2::{Digest, Sha256};

use super::Quote;
use crate::{
    access::Keys,
    evm::{Permit, Signature, Signed, Transfer, hex, signature::SignatureError},
    json::{self, Value},
    money::Amount,
    problem::Problem,
    route::Route,
    x402::{
        DecodeError, Network, decode,
        v1::PaymentPayloadV1,
        v2::{self, Accepted, EvmPayload, PaymentPayload, PaymentRequirements, Scheme},
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
    pub signed: Signed,
    /// The signature as it came.
    pub signature: String,
    /// Digest of the header, to tell a repeated request.
    pub digest: [u8; 32],
    /// The header carries an unexpired secret of ours (a MAC'd quote), which is on no chain: whoever
    /// repeats it is who sent it first (threat A16).
    pub secret: bool,
    /// The nonce starts with that quote's tag: it was made for this offer and nothing else.
    pub tagged: bool,
    /// Whether only a contract can tell if the payer signed (ERC-1271, ERC-6492): the facilitator has to
    /// verify the payment before anything is believed of it (threat A14).
    pub unverified: bool,
    /// The extensions that the client sent, as it wrote them; what they say is the gate's to judge.
    pub extensions: Option<String>,
    /// What the facilitator is told in `extensions`, JSON; empty for nothing.
    pub told: String,
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
/// ```
/// use farthing::{access::Keys, offer::matching::{Against, Version}, problem::Problem, route::Config};
/// let config = Config::parse(r#"{
///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
///     "networks": ["eip155:84532"], "settlement": {"facilitators": [{"url": "https://x402.org/facilitator"}]},
///     "routes": [{"match": "/articles/*", "price": "$0.05"}]
/// }"#).unwrap();
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let against = Against { route: &config.routes[0], resource: "https://news.example/articles/x", keys: &keys, now: 1_800_000_000 };
/// let refused = against.check(Version::V2, "not base64!").unwrap_err();
/// assert_eq!(refused.problem, Problem::PaymentNotBase64);
/// // {"x402Version":1}, in the other version's header
/// let refused = against.check(Version::V2, "eyJ4NDAyVmVyc2lvbiI6MX0=").unwrap_err();
/// assert_eq!(refused.problem, Problem::UnsupportedVersion);
/// ```
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
                (self.offer_v1(&payment)?, payment.payload, None, None)
            }
        };
        check_kind(&payload.signed, &offer)?;
        let window = self.check_terms(&payload.signed, &offer)?;
        let unverified = check_signature(&payload, &offer, self.route.contract_wallets)?;
        let nonce = payload.signed.nonce();
        Ok(Payment {
            version,
            digest: Sha256::digest(header.as_bytes()).into(),
            secret: quote.is_some(),
            tagged: quote.is_some_and(|quote| nonce.starts_with(&quote.tag)),
            signed: payload.signed,
            signature: payload.signature.into(),
            offer,
            unverified,
            extensions: json.get("extensions").map(|value| value.raw().into()),
            told: String::new(),
            late: late.or(window),
        })
    }

    /// Our offer that a v1 payment answers. It cannot echo a quote, so the amount it signed may be a
    /// recent one (threat A4).
    fn offer_v1(&self, payment: &PaymentPayloadV1<'_>) -> Result<PaymentRequirements, Problem> {
        if payment.scheme != Some(Scheme::Exact.name()) {
            return Err(Problem::SchemeNotOffered);
        }
        let network = payment.network.and_then(Network::from_v1_slug);
        let told = |offer: &&PaymentRequirements| {
            Some(offer.network) == network && offer.scheme == Scheme::Exact && offer.extra.transfer == Transfer::Eip3009
        };
        let today = self.route.offers.iter().find(told).ok_or(Problem::NetworkNotOffered)?;
        let signed = payment.payload.signed.amount();
        let recent = self
            .route
            .recent
            .iter()
            .find(|(offer, until)| offer.amount == signed && offer.asset == today.asset && told(&offer) && self.now < *until);
        let wider = || {
            let mut ways = self.route.ways(self.resource).filter(|offer| offer.extra.offer.is_some());
            ways.find(|offer| offer.amount == signed && offer.asset == today.asset && told(offer))
        };
        Ok(match recent {
            _ if signed == today.amount => today,
            Some((offer, _)) => offer,
            // told apart by what it costs: no two offers of a route cost the same
            None => wider().unwrap_or(today),
        }
        .clone())
    }

    /// Today's offer that an echo is about: the one with its scheme, network, asset and transfer method.
    fn configured(&self, accepted: &Accepted<'_>) -> Result<&PaymentRequirements, Problem> {
        let scheme = accepted.scheme.and_then(Scheme::read);
        let network: Option<Network> = accepted.network.and_then(|text| text.parse().ok());
        let asset = accepted.asset.and_then(hex::read::<20>);
        let transfer = match accepted.transfer {
            Some(name) => Transfer::read(name),
            None => Some(Transfer::Eip3009),
        };
        let amount: Option<Amount> = accepted.amount.and_then(|text| text.parse().ok());
        // a wider offer by its name; or, from who echoes no more than the terms, by what it costs
        let meant = |offer: &&PaymentRequirements| match (&accepted.offer, &offer.extra.offer) {
            (Some(echo), Some(wider)) => echo.as_ref().is_some_and(|echo| echo.name == wider.name),
            (Some(_), None) => false,
            (None, None) => true,
            (None, Some(_)) => accepted.quote.is_none() && Some(offer.amount) == amount,
        };
        let mut kept: Vec<&PaymentRequirements> = self.route.ways(self.resource).filter(meant).collect();
        if kept.is_empty() {
            return Err(Problem::OfferUnknown);
        }
        let mut narrow = |problem, fits: &dyn Fn(&PaymentRequirements) -> bool| {
            kept.retain(|offer| fits(offer));
            if kept.is_empty() { Err(problem) } else { Ok(()) }
        };
        narrow(Problem::SchemeNotOffered, &|offer| Some(offer.scheme) == scheme)?;
        narrow(Problem::NetworkNotOffered, &|offer| Some(offer.network) == network)?;
        narrow(Problem::AssetNotOffered, &|offer| Some(offer.asset.0.0) == asset)?;
        narrow(Problem::TransferNotOffered, &|offer| Some(offer.extra.transfer) == transfer)?;
        let same = kept.iter().find(|offer| Some(offer.amount) == amount);
        same.or(kept.first()).copied().ok_or(Problem::OfferUnknown)
    }

    /// Our offer that a v2 echo selects: today's, or the one a quote of ours still holds.
    fn offer_v2(&self, accepted: &Accepted<'_>) -> Result<(PaymentRequirements, Option<Quote>, Option<Problem>), Problem> {
        let today = self.configured(accepted)?;
        // an echo without one of these, or with one that cannot be read, is no echo of ours (threat A3)
        let pay_to = accepted.pay_to.and_then(hex::read::<20>).ok_or(Problem::RecipientMismatch)?;
        let amount: Option<Amount> = accepted.amount.and_then(|text| text.parse().ok());
        let amount = amount.ok_or(Problem::AmountMismatch)?;
        let seconds = accepted.max_timeout_seconds.ok_or(Problem::OfferUnknown)?;
        let facilitator = match accepted.facilitator {
            Some(text) => Some(hex::read::<20>(text).ok_or(Problem::OfferUnknown)?.into()),
            None => None,
        };
        let flow = accepted.flow.unwrap_or(v2::PaymentFlow::Authorization.name());
        let same = accepted.name.unwrap_or_default() == today.extra.name
            && accepted.version.unwrap_or_default() == today.extra.version
            && flow == today.extra.flow.name();
        if !same {
            return Err(Problem::OfferUnknown);
        }
        let mut offer = today.clone();
        offer.amount = amount;
        offer.extra.facilitator = facilitator;
        offer.pay_to = pay_to.into();
        offer.max_timeout_seconds = seconds;
        // as long and as much as was promised, by a quote that holds it
        if let Some(seconds) = accepted.access_seconds {
            offer.extra.access_seconds = Some(seconds.ok_or(Problem::OfferUnknown)?);
        }
        if let (Some(wider), Some(Some(echo))) = (&mut offer.extra.offer, &accepted.offer) {
            (wider.count, wider.seconds) = (echo.count, echo.seconds);
        }
        let text = accepted.quote;
        let quote = text.and_then(|text| Quote::open(self.keys, text, self.resource, &offer));
        let is_today = offer == *today;
        // what was to stay open and is answered once by now: nothing new begins with such a quote
        let ended = offer.extra.access_seconds.is_some() && today.extra.access_seconds.is_none();
        offer.extra.quote = quote.and(text).map(Into::into);
        match quote {
            _ if is_today => Ok((offer, quote, None)),
            Some(held) if self.now < held.expires && !ended => Ok((offer, quote, None)),
            // ours once, but the terms are others now: a payment begun in time may still be joined
            Some(_) if amount != today.amount => Ok((offer, quote, Some(Problem::PriceChanged))),
            Some(_) => Ok((offer, quote, Some(Problem::QuoteExpired))),
            None if pay_to != today.pay_to.0.0 => Err(Problem::RecipientMismatch),
            None if amount != today.amount => Err(Problem::AmountMismatch),
            None => Err(Problem::OfferUnknown),
        }
    }

    /// Holds the signed terms against the offer and the clock.
    fn check_terms(&self, signed: &Signed, offer: &PaymentRequirements) -> Result<Option<Problem>, Refusal> {
        if signed.payee() != offer.pay_to {
            return Err(Problem::RecipientMismatch.into());
        }
        if signed.amount() != offer.amount {
            return Err(Problem::AmountMismatch.into());
        }
        if signed.valid_after() > self.now {
            return Err(Problem::AuthorizationNotYetValid.into());
        }
        let latest = self
            .now
            .saturating_add(offer.max_timeout_seconds)
            .saturating_add(SKEW_SECONDS);
        if signed.valid_before() > latest {
            return Err(Problem::AuthorizationTooLong.into());
        }
        let expired = signed.valid_before() < self.now.saturating_add(LEAST_SECONDS_LEFT);
        Ok(expired.then_some(Problem::AuthorizationExpired))
    }
}

/// Whether this kind of authorization is what the offer asks for.
fn check_kind(signed: &Signed, offer: &PaymentRequirements) -> Result<(), Problem> {
    if signed.transfer() != offer.extra.transfer {
        return Err(Problem::TransferNotOffered);
    }
    if let Signed::Permit2(permit) = signed {
        if permit.token != offer.asset {
            return Err(Problem::AssetNotOffered);
        }
        // only the proxy binds the payee; any other spender could send the money anywhere
        if permit.spender != Permit::proxy(offer.scheme) || permit.facilitator != offer.extra.facilitator {
            return Err(Problem::SpenderMismatch);
        }
    }
    Ok(())
}

/// Whether the payer signed; `true` where only a contract could tell, and contracts may.
fn check_signature(payload: &EvmPayload<'_>, offer: &PaymentRequirements, contracts: bool) -> Result<bool, Refusal> {
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
    let digest = payload.signed.digest(&offer.domain());
    match Signature::parse(payload.signature).and_then(|signature| signature.recover(digest)) {
        Ok(signer) if signer == payload.signed.payer() => Ok(false),
        // longer than a key's, or by a key that is not the payer's own: an owner's of a contract perhaps
        Err(SignatureError::Contract) | Ok(_) if contracts => Ok(true),
        Ok(_) => Err(Problem::SignatureInvalid.into()),
        Err(error) => Err(refuse(error)),
    }
}

/// The body of a facilitator's `/settle` and `/verify`: our offer, the client's signature, both
/// written anew, nothing of the client's own bytes (threat C4).
pub fn facilitator_request(payment: &Payment, resource: &v2::ResourceInfo<'_>) -> Vec<u8> {
    let payload = v2::OutgoingEvm::new(&payment.signature, &payment.signed);
    let mut offer = payment.offer.clone();
    // the quote is between the payer and us: with it, a facilitator's log would be a way in (threat A16)
    offer.extra.quote = None;
    offer.extra.offer = None;
    offer.extra.access_seconds = None;
    match payment.version {
        Version::V2 => v2::facilitator_request(&offer, resource, payload, &payment.told),
        Version::V1 => crate::x402::v1::facilitator_request(&offer, resource, payload),
    }
}
