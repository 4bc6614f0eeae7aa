//! `settlement`: who settles, where the chain is asked, how long it may take.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use alloy_primitives::Address;

use super::{
    Settlement,
    check::{Check, place},
    networks::Entry,
};
use crate::{json::Value, x402::Network};

pub(super) const SETTLEMENT_KEYS: &[&str] = &["facilitators", "rpc", "timeoutSeconds"];
pub(super) const FACILITATOR_KEYS: &[&str] = &["url", "address", "contractWallets"];

/// The default of `settlement.timeoutSeconds`: longer than a block and its propagation, shorter
/// than a client's patience.
const SETTLE_SECONDS: u64 = 20;

/// What the routes have to know of the facilitator that is used.
#[derive(Debug, Default)]
pub(super) struct Facilitator {
    /// Who will settle metered payments.
    pub(super) address: Option<Address>,
    /// Whether it verifies signatures that only a contract can check.
    pub(super) contract_wallets: bool,
}

impl Check {
    pub(super) fn settlement(&mut self, file: Option<&Value<'_>>, entries: &[Entry]) -> (Settlement, Facilitator) {
        let mut settlement = Settlement {
            facilitators: Vec::new(),
            rpc: BTreeMap::new(),
            timeout_seconds: SETTLE_SECONDS,
        };
        let mut first = None;
        let Some(file) = file else {
            self.wrong("settlement", "is missing: {\"facilitators\": [{\"url\": \"https://…\"}]}");
            return (settlement, Facilitator::default());
        };
        self.object("settlement", file, SETTLEMENT_KEYS);
        let facilitators = self.items("settlement.facilitators", file.get("facilitators"));
        if facilitators.is_empty() {
            self.wrong("settlement.facilitators", "name at least one: {\"url\": \"https://…\"}");
        }
        for (index, facilitator) in facilitators.iter().enumerate() {
            let at = format!("settlement.facilitators[{index}]");
            self.object(&at, facilitator, FACILITATOR_KEYS);
            if let Some(url) = self.text(&at, facilitator, "url") {
                settlement.facilitators.push(self.url(&place(&at, "url"), &url));
            }
            let read = Facilitator {
                address: self.address_if_any(&at, facilitator, "address"),
                contract_wallets: self.flag(&at, facilitator, "contractWallets"),
            };
            first.get_or_insert(read);
        }
        if file.get("rpc").is_some_and(|rpc| rpc.members().is_none()) {
            self.wrong("settlement.rpc", "must be an object like {\"eip155:8453\": [\"https://…\"]}");
        }
        for (text, urls) in file.get("rpc").and_then(Value::members).unwrap_or_default() {
            let at = format!("settlement.rpc[\"{text}\"]");
            let urls = self.texts(&at, Some(urls));
            let urls: Vec<String> = urls.iter().map(|url| self.url(&at, url)).collect();
            match text.parse::<Network>() {
                Ok(network) if entries.iter().any(|entry| entry.network == network) => {
                    if urls.is_empty() {
                        self.wrong(&at, "the list is empty: give an address or leave the network out");
                    }
                    settlement.rpc.insert(network, urls);
                }
                Ok(_) => self.wrong(&at, "this network is not among \"networks\""),
                Err(error) => self.wrong(&at, format!("{error}")),
            }
        }
        if let Some(value) = file.get("timeoutSeconds") {
            match value.integer() {
                Some(seconds @ 1..=60) => settlement.timeout_seconds = seconds,
                _ => self.wrong("settlement.timeoutSeconds", "must be a whole number from 1 to 60"),
            }
        }
        (settlement, first.unwrap_or_default())
    }
}
