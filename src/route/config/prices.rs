//! `price` and `prices`: how much of which asset.

use alloc::{format, string::String, vec::Vec};

use super::{
    check::{Check, place},
    networks::Entry,
};
use crate::{
    evm::{Address, hex},
    json::Value,
    money::{Amount, Price, PriceError},
    x402::Network,
};

/// The member of a price in atomic units.
pub(super) const ATOMIC_KEYS: &[&str] = &["atomic"];

/// A price as it is written.
enum Asked {
    Price(Price),
    Atomic(Amount),
}

/// A price and where it stands.
struct Placed {
    at: String,
    text: String,
    asked: Asked,
}

/// Whom a key of `prices` is about: a network, and perhaps one asset there.
enum Scope {
    Network(Network),
    Symbol(Network, String),
    Contract(Network, Address),
}

impl Scope {
    /// `eip155:137`, `eip155:42220/USDT` or `eip155:42220/0x…`.
    fn read(key: &str) -> Option<Self> {
        let (network, asset) = match key.split_once('/') {
            Some((network, asset)) => (network, Some(asset)),
            None => (key, None),
        };
        let network = network.parse().ok()?;
        Some(match asset {
            None => Self::Network(network),
            Some(text) => match hex::read(text) {
                Some(bytes) => Self::Contract(network, bytes.into()),
                None => Self::Symbol(network, text.into()),
            },
        })
    }

    const fn is_one_asset(&self) -> bool {
        !matches!(self, Self::Network(_))
    }

    fn covers(&self, entry: &Entry) -> bool {
        match self {
            Self::Network(network) => entry.network == *network,
            Self::Symbol(network, symbol) => entry.network == *network && entry.symbol == *symbol,
            Self::Contract(network, contract) => entry.network == *network && entry.contract == *contract,
        }
    }
}

impl Check {
    /// The amounts of an object's `price` and `prices` in each entry: none where nothing is offered in it.
    /// None as a whole where it is free; an error where the mistake has been told.
    pub(super) fn prices(&mut self, at: &str, object: &Value<'_>, entries: &[Entry]) -> Result<Option<Vec<Option<Amount>>>, ()> {
        let Some(value) = object.get("price") else {
            self.wrong_member(
                at,
                "price",
                "is missing: write a price like \"$0.05\", \"0.05 USDC\" or \"free\"",
            );
            return Err(());
        };
        let base = self.price(place(at, "price").into(), value);
        let overrides = self.overrides(at, object, entries)?;
        let base = base?;
        if matches!(base.asked, Asked::Price(Price::Free)) && !overrides.is_empty() {
            self.wrong_member(at, "prices", "what is free has no other prices");
        }
        self.amounts(&base, &overrides, entries)
    }

    /// The amounts of one price in each entry, as [`prices`](Self::prices) has them.
    pub(super) fn priced(&mut self, at: &str, value: &Value<'_>, entries: &[Entry]) -> Result<Option<Vec<Option<Amount>>>, ()> {
        let base = self.price(at.into(), value)?;
        self.amounts(&base, &[], entries)
    }

    /// Whether a value is a price at all; told, if not.
    pub(super) fn is_price(&mut self, at: &str, value: &Value<'_>) {
        // told by the reader
        let _ = self.price(at.into(), value);
    }

    fn amounts(
        &mut self,
        base: &Placed,
        overrides: &[(Scope, Placed)],
        entries: &[Entry],
    ) -> Result<Option<Vec<Option<Amount>>>, ()> {
        if matches!(base.asked, Asked::Price(Price::Free)) {
            return Ok(None);
        }
        let before = self.errors.len();
        let mut amounts = Vec::new();
        for entry in entries {
            let (price, named) = match override_of(overrides, entry) {
                Some(price) => (price, true),
                None => (base, false),
            };
            let amount = match &price.asked {
                Asked::Atomic(amount) => Ok(*amount),
                Asked::Price(price) => price.in_asset(&entry.symbol, entry.decimals),
            };
            match amount {
                Err(PriceError::OtherAsset) if !named => amounts.push(None),
                // the same mistake is told once, however many assets it is one for
                Err(error) if !self.errors.iter().any(|told| told.at == price.at) => {
                    self.wrong(&price.at, format!("\"{}\" in {}: {error}", price.text, entry.symbol));
                }
                Err(_) => {}
                Ok(amount) => amounts.push(Some(amount)),
            }
        }
        for price in overrides.iter().map(|(_, price)| price).chain([base]) {
            self.same_decimals(price, overrides, base, entries);
        }
        if self.errors.len() > before {
            return Err(());
        }
        if !entries.is_empty() && amounts.iter().all(Option::is_none) {
            let message = "is in an asset that \"networks\" does not name: write a price like \"$0.05\" or \"0.05 USDC\"";
            self.wrong(&base.at, format!("\"{}\" {message}", base.text));
            return Err(());
        }
        Ok(Some(amounts))
    }

    /// `"$0.05"`, `"0.05 USDC"`, `"free"` or `{"atomic": "50000"}`.
    fn price(&mut self, at: String, value: &Value<'_>) -> Result<Placed, ()> {
        let (at, text, asked) = if value.members().is_some() {
            self.object(&at, value, ATOMIC_KEYS);
            let text = self.text(&at, value, "atomic").ok_or(())?;
            let asked = match text.parse() {
                Ok(Amount::ZERO) => Err(format!("{}", PriceError::Zero)),
                Ok(amount) => Ok(Asked::Atomic(amount)),
                Err(error) => Err(format!("\"{text}\" is {error}")),
            };
            (place(&at, "atomic").into_owned(), text, asked)
        } else {
            let text = value.text().unwrap_or(value.raw());
            let read = value.text().map_or(Err(PriceError::Form), str::parse);
            (
                at,
                text.into(),
                read.map(Asked::Price).map_err(|error| format!("\"{text}\": {error}")),
            )
        };
        match asked {
            Ok(asked) => Ok(Placed { at, text, asked }),
            Err(message) => {
                self.wrong(&at, message);
                Err(())
            }
        }
    }

    fn overrides(&mut self, at: &str, object: &Value<'_>, entries: &[Entry]) -> Result<Vec<(Scope, Placed)>, ()> {
        let Some(value) = object.get("prices") else {
            return Ok(Vec::new());
        };
        let at = place(at, "prices");
        let Some(members) = value.members() else {
            self.wrong(&at, "must be an object like {\"eip155:137\": \"$0.04\"}");
            return Err(());
        };
        let mut all: Vec<(Scope, Placed)> = Vec::new();
        let before = self.errors.len();
        for (key, value) in members {
            let at = format!("{at}[\"{key}\"]");
            let scope = Scope::read(key).filter(|scope| entries.iter().any(|entry| scope.covers(entry)));
            let Ok(price) = self.price(at.clone(), value) else {
                continue;
            };
            let Some(scope) = scope else {
                self.wrong(
                    &at,
                    "names nothing in \"networks\": write a network, or one and its asset, like \"eip155:42220/USDT\"",
                );
                continue;
            };
            if matches!(price.asked, Asked::Price(Price::Free)) {
                self.wrong(
                    &at,
                    "a price of nothing cannot stand beside one: leave the network out of \"networks\"",
                );
            }
            let twice = |(other, _): &(Scope, Placed)| {
                let both = scope.is_one_asset() && other.is_one_asset();
                both && entries.iter().any(|entry| scope.covers(entry) && other.covers(entry))
            };
            if all.iter().any(twice) {
                self.wrong(&at, "names an asset that another key names as well");
            }
            all.push((scope, price));
        }
        if self.errors.len() > before { Err(()) } else { Ok(all) }
    }

    /// Atomic units mean something only in assets with the same number of decimals.
    fn same_decimals(&mut self, price: &Placed, overrides: &[(Scope, Placed)], base: &Placed, entries: &[Entry]) {
        if !matches!(price.asked, Asked::Atomic(_)) {
            return;
        }
        let mut decimals = entries
            .iter()
            .filter(|entry| override_of(overrides, entry).unwrap_or(base).at == price.at)
            .map(|entry| entry.decimals);
        let first = decimals.next();
        if decimals.any(|other| Some(other) != first) {
            self.wrong(
                &price.at,
                "is for assets with different numbers of decimals: give each its own in \"prices\"",
            );
        }
    }
}

/// The price that names the entry's asset, or else its network.
fn override_of<'a>(overrides: &'a [(Scope, Placed)], entry: &Entry) -> Option<&'a Placed> {
    let find = |one_asset| {
        overrides
            .iter()
            .find(|(scope, _)| scope.is_one_asset() == one_asset && scope.covers(entry))
    };
    find(true).or_else(|| find(false)).map(|(_, price)| price)
}
