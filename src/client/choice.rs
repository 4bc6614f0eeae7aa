//! Which offer of a `PAYMENT-REQUIRED` to take, and what the page's author allows (threats A5, F3).

use core::fmt;

use alloc::{borrow::ToOwned, string::String};

use alloy_primitives::Address;
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    access::token,
    evm::{Asset, asset::ASSETS, hex},
    json::{Value, parse},
    money::{Amount, Price},
    x402::{Network, v2::Scheme},
};

/// An authorization is never valid for longer than this, whatever an offer asks for.
const MOST_SECONDS: u64 = 3600;
/// Facilitators want at least six seconds left when it arrives (`@x402/evm` 2.27).
const LEAST_SECONDS: u64 = 10;

/// What the page's author allows to be paid; an offer outside is refused before a wallet opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    max_price: Option<Price>,
    pay_to: Option<Address>,
    network: Option<Network>,
}

/// A pin that cannot be read; paying is refused, for nobody knows what it was to forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinsError;

impl fmt::Display for PinsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write pins like max-price=\"$0.10\", pay-to=\"0x…\", network=\"eip155:8453\"")
    }
}

impl core::error::Error for PinsError {}

impl Pins {
    /// Reads the element's attributes; a missing one allows everything.
    ///
    /// ```
    /// use farthing::client::Pins;
    /// assert!(Pins::read(Some("$0.10"), None, Some("eip155:8453")).is_ok());
    /// assert!(Pins::read(Some("cheap"), None, None).is_err());
    /// ```
    pub fn read(max_price: Option<&str>, pay_to: Option<&str>, network: Option<&str>) -> Result<Self, PinsError> {
        let max_price: Option<Price> = max_price.map(str::parse).transpose().map_err(|_| PinsError)?;
        let symbol = max_price.as_ref().and_then(Price::symbol);
        if symbol.is_some_and(|symbol| ASSETS.iter().all(|asset| asset.symbol != symbol)) {
            return Err(PinsError);
        }
        let network = network.map(str::parse).transpose().map_err(|_| PinsError)?;
        let pay_to = match pay_to {
            Some(text) => Some(Address::new(hex::read(text).ok_or(PinsError)?)),
            None => None,
        };
        Ok(Self {
            max_price,
            pay_to,
            network,
        })
    }

    fn allow(&self, offer: &Offer) -> bool {
        let cheap_enough = match &self.max_price {
            // a pin finer than the asset's smallest unit allows nothing
            Some(price) => price
                .in_asset(offer.asset.symbol, offer.asset.decimals)
                .is_ok_and(|most| offer.amount <= most),
            None => true,
        };
        cheap_enough
            && self.pay_to.is_none_or(|pin| pin == offer.pay_to)
            && self.network.is_none_or(|pin| pin == offer.asset.network)
    }
}

/// An offer that can be paid here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// The server's own bytes, for `accepted`.
    pub(super) raw: String,
    /// The server's `resource`, echoed as well.
    pub(super) resource: Option<String>,
    pub(super) asset: &'static Asset,
    pub(super) amount: Amount,
    pub(super) pay_to: Address,
    pub(super) seconds: u64,
    pub(super) quote: Option<Peek>,
}

/// What our own quotes show to a client, which cannot check their MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peek {
    /// The first half of the nonce.
    pub(super) tag: [u8; 16],
    /// The server's clock when it made the offer, Unix seconds.
    pub(super) issued: u64,
    /// Until when the price holds.
    pub(super) expires: u64,
}

impl Peek {
    fn read(text: &str) -> Option<Self> {
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

/// Why no offer was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoOffer {
    /// Unreadable, or nothing that can be paid here.
    Unknown,
    /// Something could be paid, but the page's author forbids it.
    Pinned,
}

/// The first entry of `accepts` that can be paid here and that the pins allow.
pub(super) fn choose(header: &str, pins: &Pins) -> Result<Offer, NoOffer> {
    let json = STANDARD
        .decode(header)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or(NoOffer::Unknown)?;
    let required = parse(&json).map_err(|_| NoOffer::Unknown)?;
    if required.get("x402Version").and_then(Value::integer) != Some(2) {
        return Err(NoOffer::Unknown);
    }
    let accepts = required.get("accepts").and_then(Value::items).unwrap_or_default();
    let mut offers = accepts
        .iter()
        .filter_map(|accepted| read(accepted, required.get("resource")))
        .peekable();
    offers.peek().ok_or(NoOffer::Unknown)?;
    offers.find(|offer| pins.allow(offer)).ok_or(NoOffer::Pinned)
}

fn read(accepted: &Value<'_>, resource: Option<&Value<'_>>) -> Option<Offer> {
    let text = |name| accepted.get(name)?.text();
    let network = text("network")?.parse().ok()?;
    let asset = Asset::find(network, hex::read(text("asset")?)?.into())?;
    let amount: Amount = text("amount")?.parse().ok()?;
    let seconds = accepted.get("maxTimeoutSeconds")?.integer()?;
    let extra = |name| accepted.get("extra")?.get(name)?.text();
    // the domain is the token's own, not the page's word: threat A5
    let payable = text("scheme") == Some(Scheme::Exact.name())
        && extra("assetTransferMethod").is_none_or(|method| method == "eip3009")
        && extra("name") == Some(asset.name)
        && extra("version") == Some(asset.version)
        && amount > Amount::ZERO
        && seconds >= LEAST_SECONDS;
    payable.then_some(Offer {
        raw: accepted.raw().to_owned(),
        resource: resource.map(|value| value.raw().to_owned()),
        asset,
        amount,
        pay_to: Address::new(hex::read(text("payTo")?)?),
        seconds: seconds.min(MOST_SECONDS),
        quote: extra("quote").and_then(Peek::read),
    })
}
