//! Which offers of a `PAYMENT-REQUIRED` a card can pay, and what the page's author allows (threats A5, F3).

use core::fmt;

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use alloy_primitives::Address;

use super::offers::{LEAST_SECONDS, MOST_SECONDS, Peek};
use crate::{
    evm::{Asset, Transfer, asset::ASSETS, hex},
    json::{MAX_ANNOUNCED_DEPTH, Value, parse_nested},
    money::{Amount, Price, decimal},
    x402::{
        Network, Wider, decode,
        extension::{identifier, sign_in},
        v2::Scheme,
    },
};

/// More offers than this are not shown.
const MOST_OFFERS: usize = 12;

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

/// What a `PAYMENT-REQUIRED` has for a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Required {
    /// As served, but the first single article first.
    pub(super) offers: Vec<CardOffer>,
    /// The server's `resource`, echoed as it came.
    pub(super) resource: Option<String>,
    /// Whether the server refuses payments without a name (extension `payment-identifier`).
    pub(super) named: bool,
}

/// An offer that can be paid here: by an EIP-3009 authorization, in an asset of our table.
///
/// Offers by Permit2 are left to programs ([`Policy`](super::Policy)): a reader would have to send a
/// transaction first, and no wallet of a reader's can do that without paying for gas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CardOffer {
    /// Names it on this device, from one page to the next: network and token, and what else is bought.
    pub(super) id: String,
    /// The server's own bytes, for `accepted`.
    pub(super) raw: String,
    pub(super) asset: &'static Asset,
    pub(super) amount: Amount,
    pub(super) pay_to: Address,
    pub(super) seconds: u64,
    pub(super) quote: Option<Peek>,
    /// What it opens besides the article; none for the article alone.
    pub(super) wider: Option<Wider>,
    /// For how long, in seconds, as far as the server says.
    pub(super) lasts: Option<u64>,
}

impl CardOffer {
    /// The same for offers that sell the same to a reader for the same payee, whatever the price.
    pub(super) fn mark(&self) -> String {
        let count = self.wider.as_ref().and_then(|wider| wider.count).unwrap_or_default();
        let (lasts, payee) = (self.lasts.unwrap_or_default(), hex::print(self.pay_to.as_slice()));
        [&*self.id, "/", &payee, "/", &decimal(lasts), "/", &decimal(count.into())].concat()
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

/// What the JSON of a header says.
pub(super) fn read<T>(header: &str, what: impl FnOnce(&Value<'_>) -> Option<T>) -> Option<T> {
    let json = decode(header).ok()?;
    what(&parse_nested(&json, MAX_ANNOUNCED_DEPTH).ok()?)
}

/// The entries of `accepts` that can be paid here and that the pins allow.
pub(super) fn choose(header: &str, pins: &Pins) -> Result<Required, NoOffer> {
    let (payable, required) = read(header, |required| {
        (required.get("x402Version")?.integer()? == 2).then_some(())?;
        let all = required.get("accepts")?.items()?.iter().filter_map(card_offer);
        let mut payable = false;
        let mut offers: Vec<CardOffer> = Vec::new();
        for offer in all {
            payable = true;
            if !pins.allow(&offer) || offers.iter().any(|other| other.id == offer.id) {
                continue;
            }
            // the article comes first: what else is on offer is shown beside it
            let first = offer.wider.is_none() && offers.first().is_none_or(|first| first.wider.is_some());
            offers.insert(if first { 0 } else { offers.len() }, offer);
        }
        offers.truncate(MOST_OFFERS);
        let named = || announced(required, identifier::KEY)?.get("info")?.get("required")?.bool();
        let required = Required {
            offers,
            resource: required.get("resource").map(|value| value.raw().to_owned()),
            named: named() == Some(true),
        };
        Some((payable, required))
    })
    .ok_or(NoOffer::Unknown)?;
    match required.offers.first() {
        Some(_) => Ok(required),
        None if payable => Err(NoOffer::Pinned),
        None => Err(NoOffer::Unknown),
    }
}

fn announced<'a, 'b>(required: &'a Value<'b>, key: &str) -> Option<&'a Value<'b>> {
    required.get("extensions")?.get(key)
}

/// The reason that a server gives for a refusal, where it gives it beside its offers: the official ones do.
pub(super) fn reason(header: &str) -> Option<String> {
    read(header, |required| required.text_at("error").map(ToOwned::to_owned))
}

/// What an account would sign for the challenge of a `PAYMENT-REQUIRED` (extension `sign-in-with-x`): the
/// JSON of a proof whose signature is still empty.
pub(super) fn challenge(header: &str, account: &str) -> Option<String> {
    read(header, |required| {
        sign_in::unsigned(announced(required, sign_in::KEY)?, account, |_| true)
    })
}

/// Reads what [`offers`](super::offers) reads, as far as a card can pay it, in a third of the code: a
/// reader downloads this. The tests hold the two equal.
pub(super) fn card_offer(accepted: &Value<'_>) -> Option<CardOffer> {
    let text = |name| accepted.text_at(name);
    let caip2 = text("network")?;
    let network = caip2.parse().ok()?;
    let asset = Asset::find(network, hex::read(text("asset")?)?.into())?;
    let amount: Amount = text("amount")?.parse().ok()?;
    let pay_to = Address::new(hex::read(text("payTo")?)?);
    let seconds = accepted.get("maxTimeoutSeconds")?.integer()?;
    let given = accepted.get("extra")?;
    let extra = |name| given.text_at(name);
    let is_or_missing = |name, value| given.get(name).is_none() || extra(name) == Some(value);
    // the domain is the token's own, not the page's word: threat A5
    let payable = asset.transfer == Transfer::Eip3009
        && text("scheme") == Some(Scheme::Exact.name())
        && is_or_missing("assetTransferMethod", "eip3009")
        && (is_or_missing("paymentFlow", "authorization") || extra("paymentFlow") == Some("upfront"))
        && extra("name") == Some(asset.name)
        && extra("version") == Some(asset.version)
        && amount > Amount::ZERO
        && !pay_to.is_zero()
        && seconds >= LEAST_SECONDS;
    // one that is not told in full cannot be shown, and is not the article alone either
    let wider = match given.get("offer").filter(|offer| offer.get("name").is_some()) {
        Some(offer) => Some(Wider::read(offer)?),
        None => None,
    };
    let mut id = [caip2, "/", &hex::print(asset.contract.as_slice())].concat();
    if let Some(wider) = &wider {
        id += "/";
        id += &wider.name;
    }
    payable.then_some(CardOffer {
        id,
        raw: accepted.raw().to_owned(),
        asset,
        amount,
        pay_to,
        seconds: seconds.min(MOST_SECONDS),
        quote: extra("quote").and_then(Peek::read),
        lasts: wider
            .as_ref()
            .map(|wider| wider.seconds)
            .or_else(|| given.get("accessSeconds")?.integer()),
        wider,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{
        offers::{self, Version},
        tests::{any_change, requirement},
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
            let card = card_offer(&json);
            let program = offers::read(&json, Version::V2).ok().filter(|read| {
                let asset = Asset::find(read.network, read.contract);
                read.scheme == Scheme::Exact
                    && read.transfer == Transfer::Eip3009
                    && asset.is_some_and(|asset| asset.transfer == Transfer::Eip3009 && read.name == Some(asset.name) && read.version == Some(asset.version))
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
