//! Which offer of a `PAYMENT-REQUIRED` to take, and what the page's author allows (threats A5, F3).

use core::fmt;

use alloc::{borrow::ToOwned, string::String};

use alloy_primitives::Address;

use super::offers::{LEAST_SECONDS, MOST_SECONDS, Peek};
use crate::{
    evm::{Asset, asset::ASSETS, hex},
    json::{MAX_ANNOUNCED_DEPTH, Value, parse_nested},
    money::{Amount, Price},
    x402::{Network, decode, extension::identifier, v2::Scheme},
};

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

    fn allow(&self, offer: &CardOffer) -> bool {
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

/// An offer that can be paid here: by an EIP-3009 authorization, in an asset of our table.
///
/// Offers by Permit2 are left to programs ([`Policy`](super::Policy)): a reader would have to send a
/// transaction first, and no wallet of a reader's can do that without paying for gas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CardOffer {
    /// The server's own bytes, for `accepted`.
    pub(super) raw: String,
    /// The server's `resource`, echoed as well.
    pub(super) resource: Option<String>,
    pub(super) asset: &'static Asset,
    pub(super) amount: Amount,
    pub(super) pay_to: Address,
    pub(super) seconds: u64,
    pub(super) quote: Option<Peek>,
    /// Whether the server refuses payments without a name (extension `payment-identifier`).
    pub(super) named: bool,
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
pub(super) fn choose(header: &str, pins: &Pins) -> Result<CardOffer, NoOffer> {
    let json = decode(header).map_err(|_| NoOffer::Unknown)?;
    let required = parse_nested(&json, MAX_ANNOUNCED_DEPTH).map_err(|_| NoOffer::Unknown)?;
    if required.get("x402Version").and_then(Value::integer) != Some(2) {
        return Err(NoOffer::Unknown);
    }
    let accepts = required.get("accepts").and_then(Value::items).unwrap_or_default();
    let named = required.get("extensions").and_then(|announced| {
        let info = announced.get(identifier::KEY)?.get("info")?;
        info.get("required")?.bool()
    });
    let mut offers = accepts
        .iter()
        .filter_map(|accepted| card_offer(accepted, required.get("resource"), named == Some(true)))
        .peekable();
    offers.peek().ok_or(NoOffer::Unknown)?;
    offers.find(|offer| pins.allow(offer)).ok_or(NoOffer::Pinned)
}

/// Reads what [`offers`](super::offers) reads, as far as a card can pay it, in a third of the code: a
/// reader downloads this. The tests hold the two equal.
fn card_offer(accepted: &Value<'_>, resource: Option<&Value<'_>>, named: bool) -> Option<CardOffer> {
    let text = |name| accepted.get(name)?.text();
    let network = text("network")?.parse().ok()?;
    let asset = Asset::find(network, hex::read(text("asset")?)?.into())?;
    let amount: Amount = text("amount")?.parse().ok()?;
    let pay_to = Address::new(hex::read(text("payTo")?)?);
    let seconds = accepted.get("maxTimeoutSeconds")?.integer()?;
    let extra = |name| accepted.get("extra")?.get(name);
    let is = |name, value| extra(name).and_then(Value::text) == Some(value);
    let is_or_missing = |name, value| extra(name).is_none() || is(name, value);
    // the domain is the token's own, not the page's word: threat A5
    let payable = text("scheme") == Some(Scheme::Exact.name())
        && is_or_missing("assetTransferMethod", "eip3009")
        && (is_or_missing("paymentFlow", "authorization") || is("paymentFlow", "upfront"))
        && is("name", asset.name)
        && is("version", asset.version)
        // a card sells the article: a wider offer would be another price than the one it shows
        && extra("offer").and_then(|wider| wider.get("name")).is_none()
        && amount > Amount::ZERO
        && !pay_to.is_zero()
        && seconds >= LEAST_SECONDS;
    payable.then_some(CardOffer {
        raw: accepted.raw().to_owned(),
        resource: resource.map(|value| value.raw().to_owned()),
        asset,
        amount,
        pay_to,
        seconds: seconds.min(MOST_SECONDS),
        quote: extra("quote").and_then(Value::text).and_then(Peek::read),
        named,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{
            offers::{Version, read},
            tests::{any_change, requirement},
        },
        evm::Transfer,
    };
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::cases(10_000))]
        #[test]
        fn a_card_reads_an_offer_as_a_program_does(changes in proptest::collection::vec(any_change(), 0..3)) {
            let mut offer = requirement("50000");
            for (field, value) in changes {
                crate::client::tests::set(&mut offer, field, value);
            }
            let text = offer.to_string();
            let json = crate::json::parse(&text).unwrap();
            let card = card_offer(&json, None, false);
            let program = read(&json, Version::V2).ok().filter(|read| {
                let asset = Asset::find(read.network, read.contract);
                read.scheme == Scheme::Exact
                    && read.transfer == Transfer::Eip3009
                    && asset.is_some_and(|asset| read.name == Some(asset.name) && read.version == Some(asset.version))
            });
            prop_assert_eq!(card.is_some(), program.is_some(), "{}", text);
            if let (Some(card), Some(program)) = (card, program) {
                let terms = (card.asset.network, card.asset.contract, card.amount, card.pay_to, card.seconds, card.quote);
                prop_assert_eq!(
                    terms,
                    (program.network, program.contract, program.amount, program.pay_to, program.seconds, program.quote)
                );
            }
        }
    }
}
