//! `networks`: which assets are taken, on which networks, moved how, and to whom.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use alloy_primitives::{Address, B256};

use super::{
    check::{Check, place},
    settler::MOST_DECIMALS,
};
use crate::{
    evm::{Asset, Domain, Transfer, hex},
    json::Value,
    money::{Amount, is_symbol},
    x402::{
        Network,
        v2::{Extra, PaymentRequirements, Scheme},
    },
};

/// The members of an entry.
pub(super) const ENTRY_KEYS: &[&str] = &[
    "network",
    "asset",
    "transfer",
    "payTo",
    "separator",
    "own",
    "name",
    "version",
    "decimals",
    "symbol",
];
/// Those that describe a token of the publisher's own.
const OWN_KEYS: &[&str] = &["name", "version", "decimals", "symbol"];
/// How a mistake about a domain ends.
const RUN_CHECK: &str = "run `npx farthing check --rpc`, and put the \"separator\" it prints into this entry";

/// One way to be paid: an asset, how it moves, who gets it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) network: Network,
    pub(super) contract: Address,
    pub(super) symbol: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) decimals: u8,
    pub(super) transfer: Transfer,
    /// Whether an offer by Permit2 tells the token's domain.
    pub(super) permit: bool,
    /// A token that only the publisher vouches for.
    pub(super) own: bool,
    pub(super) pay_to: Address,
}

impl Entry {
    fn of(asset: &Asset, pay_to: Address) -> Self {
        Self {
            network: asset.network,
            contract: asset.contract,
            symbol: asset.symbol.to_owned(),
            name: asset.name.to_owned(),
            version: asset.version.to_owned(),
            decimals: asset.decimals,
            transfer: asset.transfer,
            // x402-rs 2.0 pays by Permit2 only where the domain is told
            permit: asset.permit || asset.transfer == Transfer::Eip3009,
            own: false,
            pay_to,
        }
    }

    /// Whether the token's own domain is signed or told as the entry has it, so that a wrong one would matter.
    fn tells_domain(&self) -> bool {
        self.transfer == Transfer::Eip3009 || self.permit
    }

    /// Its offer, but for what belongs to a route; metered payments move by Permit2 alone.
    pub(super) fn offer(&self, scheme: Scheme, amount: Amount) -> PaymentRequirements {
        let transfer = match scheme {
            Scheme::Exact => self.transfer,
            Scheme::Upto => Transfer::Permit2,
        };
        let (name, version) = if transfer == Transfer::Eip3009 || self.permit {
            (self.name.clone(), self.version.clone())
        } else {
            Default::default()
        };
        PaymentRequirements {
            scheme,
            network: self.network,
            amount,
            asset: self.contract,
            pay_to: self.pay_to,
            max_timeout_seconds: super::MAX_TIMEOUT_SECONDS,
            extra: Extra {
                name,
                version,
                transfer,
                decimals: self.decimals,
                ..Extra::default()
            },
        }
    }

    fn domain(&self) -> Domain<'_> {
        Domain {
            name: &self.name,
            version: &self.version,
            network: self.network,
            contract: self.contract,
        }
    }

    fn is(&self, other: &Self) -> bool {
        (self.network, self.contract, self.transfer) == (other.network, other.contract, other.transfer)
    }
}

impl Check {
    pub(super) fn networks(&mut self, list: Option<&Value<'_>>, pay_to: Address) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let items = self.items("networks", list);
        if items.is_empty() && list.is_some() {
            self.wrong("networks", "name at least one network, like \"eip155:8453\"");
        }
        for (index, item) in items.iter().enumerate() {
            let at = format!("networks[{index}]");
            let Some(entry) = self.entry(&at, item, pay_to) else {
                continue;
            };
            if entries.iter().any(|seen| seen.is(&entry)) {
                let Entry {
                    symbol,
                    network,
                    transfer,
                    ..
                } = &entry;
                self.wrong(&at, format!("{symbol} on {network} by {} stands twice", transfer.name()));
            } else {
                entries.push(entry);
            }
        }
        entries
    }

    fn entry(&mut self, at: &str, item: &Value<'_>, pay_to: Address) -> Option<Entry> {
        let mut separator = None;
        let (mut entry, verified) = match item.text() {
            Some(text) => {
                let asset = self.default_asset(at, text)?;
                (Entry::of(asset, pay_to), asset.verified)
            }
            None => {
                if item.members().is_none() {
                    self.wrong(at, "must be a text like \"eip155:8453\", or an object: { … }");
                    return None;
                }
                self.object(at, item, ENTRY_KEYS);
                let text = self.text(at, item, "network")?;
                let network = self.network(&place(at, "network"), &text)?;
                separator = self.separator(at, item);
                if self.flag(at, item, "own") {
                    (self.own_token(at, item, network, pay_to)?, false)
                } else {
                    let asset = self.known_token(at, item, network)?;
                    (Entry::of(asset, pay_to), asset.verified)
                }
            }
        };
        if item.members().is_some() {
            self.transfer(at, item, &mut entry);
            if let Some(address) = self.address_if_any(at, item, "payTo") {
                entry.pay_to = address;
            }
        }
        self.verified(at, &entry, verified, separator);
        Some(entry)
    }

    fn network(&mut self, at: &str, text: &str) -> Option<Network> {
        let network = text.parse();
        if let Err(error) = &network {
            self.wrong(at, format!("\"{text}\" is {error}"));
        }
        network.ok()
    }

    fn default_asset(&mut self, at: &str, text: &str) -> Option<&'static Asset> {
        let network = self.network(at, text)?;
        let asset = Asset::default_of(network);
        if asset.is_none() {
            self.wrong(
                at,
                format!("{text} is not in farthing's table (www/docs/configuration.md); a token of your own has to be described, with \"own\": true"),
            );
        }
        asset
    }

    /// `asset`, as a symbol or an address of the table.
    fn known_token(&mut self, at: &str, item: &Value<'_>, network: Network) -> Option<&'static Asset> {
        for key in OWN_KEYS {
            if item.get(key).is_some() {
                self.wrong_member(at, key, "belongs to tokens of your own: leave it out, or add \"own\": true");
            }
        }
        let text = match self.text_if_any(at, item, "asset") {
            Some(text) => text,
            None => return self.default_asset(&place(at, "network"), item.get("network")?.text()?),
        };
        let at = place(at, "asset");
        let found = if text.starts_with("0x") {
            let contract = self.address(&at, &text);
            if contract.is_zero() {
                return None;
            }
            Asset::find(network, contract)
        } else {
            Asset::all_of(network).find(|asset| asset.symbol == text)
        };
        if found.is_none() {
            let mut message = format!("\"{text}\" is not in farthing's table for {network}");
            for (index, asset) in Asset::all_of(network).enumerate() {
                message += if index == 0 { ", which has " } else { ", " };
                message += asset.symbol;
            }
            message += "; a token of your own has to be described, with \"own\": true";
            self.wrong(&at, message);
        }
        found
    }

    /// A token that the publisher describes.
    fn own_token(&mut self, at: &str, item: &Value<'_>, network: Network, pay_to: Address) -> Option<Entry> {
        let before = self.errors.len();
        let contract = self.address_member(at, item, "asset");
        if let Some(known) = Asset::find(network, contract) {
            let message = format!(
                "{} is in farthing's own table: leave \"own\" and its description out",
                known.symbol
            );
            self.wrong_member(at, "asset", message);
        }
        let symbol = self.text(at, item, "symbol");
        if let Some(symbol) = symbol.as_ref().filter(|symbol| !is_symbol(symbol)) {
            self.wrong_member(
                at,
                "symbol",
                format!("\"{symbol}\" is not 1 to 16 letters and digits, a letter first"),
            );
        }
        let decimals = item.get("decimals").and_then(Value::integer);
        let decimals = decimals
            .and_then(|number| u8::try_from(number).ok())
            .filter(|number| *number <= MOST_DECIMALS);
        if decimals.is_none() {
            self.wrong_member(at, "decimals", format!("must be a whole number from 0 to {MOST_DECIMALS}"));
        }
        let transfer = self.text(at, item, "transfer").and_then(|text| Transfer::read(&text));
        // Permit2 moves any token; its domain matters only to clients that approve by EIP-2612
        let nameless = item.get("name").is_none() && item.get("version").is_none();
        let (name, version) = if transfer != Some(Transfer::Eip3009) && nameless {
            Default::default()
        } else {
            (self.domain_text(at, item, "name"), self.domain_text(at, item, "version"))
        };
        (self.errors.len() == before).then(|| Entry {
            network,
            contract,
            symbol: symbol.unwrap_or_default(),
            permit: !name.is_empty() && transfer == Some(Transfer::Permit2),
            name,
            version,
            decimals: decimals.unwrap_or_default(),
            transfer: transfer.unwrap_or_default(),
            own: true,
            pay_to,
        })
    }

    /// The token's `name` or `version`.
    fn domain_text(&mut self, at: &str, item: &Value<'_>, name: &str) -> String {
        let text = self.text(at, item, name);
        if let Some(text) = &text
            && (text.is_empty() || text.len() > 64 || text.contains(char::is_control))
        {
            self.wrong_member(at, name, "must be 1 to 64 bytes without control characters");
        }
        text.unwrap_or_default()
    }

    /// `transfer`: a token with EIP-3009 may be moved by Permit2 as well, not the other way round.
    fn transfer(&mut self, at: &str, item: &Value<'_>, entry: &mut Entry) {
        let Some(text) = self.text_if_any(at, item, "transfer") else {
            return;
        };
        match Transfer::read(&text) {
            Some(Transfer::Permit2) => entry.transfer = Transfer::Permit2,
            Some(Transfer::Eip3009) if entry.transfer == Transfer::Eip3009 => {}
            Some(Transfer::Eip3009) => {
                self.wrong_member(at, "transfer", format!("{} has no EIP-3009: write \"permit2\"", entry.symbol));
            }
            None => self.wrong_member(at, "transfer", format!("\"{text}\" is neither \"eip3009\" nor \"permit2\"")),
        }
    }

    /// What was read from the chain, if the entry says so; none inside where it cannot be one.
    fn separator(&mut self, at: &str, item: &Value<'_>) -> Option<Option<B256>> {
        let text = self.text_if_any(at, item, "separator")?;
        let read = hex::read(&text).map(B256::new);
        if read.is_none() {
            self.wrong_member(at, "separator", "is not 0x and 64 hex digits");
        }
        Some(read)
    }

    /// Real money is only taken by a domain that was read from the chain: by somebody who said so, or by
    /// the publisher (threat A5).
    fn verified(&mut self, at: &str, entry: &Entry, verified: bool, separator: Option<Option<B256>>) {
        let Entry { symbol, network, .. } = entry;
        match separator {
            // that mistake has been told
            Some(None) => {}
            Some(Some(read)) if !entry.name.is_empty() => {
                let ours = entry.domain().separator();
                if read != ours {
                    self.wrong_member(
                        at,
                        "separator",
                        format!(
                            "is not the one of name \"{}\" and version \"{}\", which is {ours}: signatures for {symbol} would be void",
                            entry.name, entry.version
                        ),
                    );
                }
            }
            Some(Some(_)) => self.wrong_member(at, "separator", "says nothing without \"name\" and \"version\""),
            None if !entry.tells_domain() || verified || network.is_test() => {}
            // by Permit2 the domain is no more than a hint, which the publisher gave
            None if entry.own && entry.transfer == Transfer::Permit2 => {}
            None => {
                let name = network.name().unwrap_or("this network");
                self.wrong(
                    at,
                    format!("nobody is known to have read the domain of {symbol} on {name} from the chain: {RUN_CHECK}"),
                );
            }
        }
    }
}
