//! `settlement`: who settles, where the chain is asked, how deep a payment has to lie, how much of it there may be.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec::Vec};
use alloy_primitives::Address;

use super::{
    check::{Check, place},
    networks::Entry,
    settler::{Depth, MOST_DECIMALS, Settlement, Settler},
};
use crate::{
    json::Value,
    money::{Amount, Price},
    x402::Network,
};

pub(super) const SETTLEMENT_KEYS: &[&str] = &["facilitators", "rpc", "confirmations", "settlementsPerDay", "timeoutSeconds"];
pub(super) const FACILITATOR_KEYS: &[&str] = &["url", "headers", "coinbase", "address", "contractWallets"];
/// The member of a settler that is the Worker itself.
pub(super) const DIRECT_KEYS: &[&str] = &["direct"];
/// The members of one step of `confirmations`.
pub(super) const DEPTH_KEYS: &[&str] = &["from", "blocks"];

/// The default of `settlement.timeoutSeconds`: longer than a block and its propagation, shorter
/// than a client's patience.
const SETTLE_SECONDS: u64 = 20;
/// The default of `settlement.settlementsPerDay`.
const SETTLEMENTS_PER_DAY: u64 = 20_000;
/// The most settlements of a day that can be asked for.
const MOST_SETTLEMENTS: u64 = 10_000_000;
/// The deepest a payment may have to lie: more than half an hour on the fastest of the table's chains.
const MOST_BLOCKS: u64 = 10_000;
/// The most settlers: a payment that nobody wants asks all of them.
const MOST_SETTLERS: usize = 8;
/// The most headers of one facilitator.
const MOST_HEADERS: usize = 8;
/// Headers that are ours or the connection's own.
pub(super) const OUR_HEADERS: [&str; 8] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "transfer-encoding",
    "upgrade",
];

/// What the routes have to know of those who settle.
#[derive(Debug, Default)]
pub(super) struct Facilitator {
    /// Who will settle metered payments.
    pub(super) address: Option<Address>,
    /// Whether any of them verifies signatures that only a contract can check.
    pub(super) contract_wallets: bool,
}

impl Check {
    pub(super) fn settlement(&mut self, file: Option<&Value<'_>>, entries: &[Entry]) -> (Settlement, Facilitator) {
        let mut settlement = Settlement {
            facilitators: Vec::new(),
            rpc: BTreeMap::new(),
            confirmations: BTreeMap::new(),
            settlements_per_day: SETTLEMENTS_PER_DAY,
            timeout_seconds: SETTLE_SECONDS,
            screener: None,
        };
        let Some(file) = file else {
            self.wrong("settlement", "is missing: {\"facilitators\": [{\"url\": \"https://…\"}]}");
            return (settlement, Facilitator::default());
        };
        self.object("settlement", file, SETTLEMENT_KEYS);
        settlement.rpc = self.rpc(file.get("rpc"), entries);
        let address;
        (settlement.facilitators, address) = self.settlers(file.get("facilitators"), entries, &settlement.rpc);
        settlement.confirmations = self.confirmations(file.get("confirmations"), entries, &settlement.rpc);
        if let Some(value) = file.get("settlementsPerDay") {
            match value.integer() {
                Some(number @ 1..=MOST_SETTLEMENTS) => settlement.settlements_per_day = number,
                _ => self.wrong("settlement.settlementsPerDay", "must be a whole number from 1 to 10000000"),
            }
        }
        if let Some(value) = file.get("timeoutSeconds") {
            match value.integer() {
                Some(seconds @ 1..=60) => settlement.timeout_seconds = seconds,
                _ => self.wrong("settlement.timeoutSeconds", "must be a whole number from 1 to 60"),
            }
        }
        let facilitator = Facilitator {
            address,
            contract_wallets: !settlement.settlers(false, true, 1).is_empty(),
        };
        (settlement, facilitator)
    }

    fn settlers(
        &mut self,
        list: Option<&Value<'_>>,
        entries: &[Entry],
        rpc: &BTreeMap<Network, Vec<String>>,
    ) -> (Vec<Settler>, Option<Address>) {
        let at = "settlement.facilitators";
        let items = self.items(at, list);
        if list.and_then(Value::items).is_some_and(<[_]>::is_empty) {
            self.wrong(at, "name at least one: {\"url\": \"https://…\"}");
        }
        if items.len() > MOST_SETTLERS {
            self.wrong(at, format!("name at most {MOST_SETTLERS}"));
        }
        let mut settlers = Vec::new();
        let mut metered_by = None;
        for (index, item) in items.iter().enumerate() {
            let at = format!("{at}[{index}]");
            let settler = match item.get("direct") {
                Some(_) => self.direct(&at, item, entries, rpc),
                None => self.facilitator(&at, item, &mut metered_by),
            };
            settlers.extend(settler);
        }
        (settlers, metered_by)
    }

    fn direct(&mut self, at: &str, item: &Value<'_>, entries: &[Entry], rpc: &BTreeMap<Network, Vec<String>>) -> Option<Settler> {
        self.object(at, item, DIRECT_KEYS);
        for (index, entry) in entries.iter().enumerate() {
            let again = entries.iter().take(index).any(|seen| seen.network == entry.network);
            if !rpc.contains_key(&entry.network) && !again {
                let message = format!(
                    "needs an endpoint for {} in settlement.rpc to send transactions to",
                    entry.network
                );
                self.wrong_member(at, "direct", message);
            }
        }
        let secret = self.secret(&place(at, "direct"), item.get("direct"))?;
        Some(Settler::Direct { secret })
    }

    /// Metered payments are signed for one address, the first that a facilitator is given.
    fn facilitator(&mut self, at: &str, item: &Value<'_>, metered_by: &mut Option<Address>) -> Option<Settler> {
        self.object(at, item, FACILITATOR_KEYS);
        let url = self.text(at, item, "url").map(|url| self.url(&place(at, "url"), &url));
        let coinbase = item
            .get("coinbase")
            .map(|value| self.secret(&place(at, "coinbase"), Some(value)));
        let headers = self.headers(&place(at, "headers"), item.get("headers"), &OUR_HEADERS, coinbase.is_some());
        let address = self.address_if_any(at, item, "address");
        let metered = address.is_some_and(|address| *metered_by.get_or_insert(address) == address);
        let contract_wallets = self.flag(at, item, "contractWallets");
        Some(Settler::Facilitator {
            url: url?,
            headers,
            coinbase: coinbase.flatten(),
            metered,
            contract_wallets,
        })
    }

    /// Headers whose values are secrets, but for some that are not free.
    pub(super) fn headers(&mut self, at: &str, value: Option<&Value<'_>>, taken: &[&str], signed: bool) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = Vec::new();
        let Some(value) = value else {
            return headers;
        };
        let members = value.members().unwrap_or_default();
        if members.is_empty() || members.len() > MOST_HEADERS {
            self.wrong(
                at,
                format!("must be an object of 1 to {MOST_HEADERS} headers, like {{\"authorization\": \"FACILITATOR_TOKEN\"}}"),
            );
        }
        for (name, value) in members {
            let lower = name.to_ascii_lowercase();
            let letters = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            // what is no name may be a secret in the wrong place: it is not shown
            if name.is_empty() || name.len() > 64 || !name.bytes().all(letters) {
                self.wrong(at, "a header's name is 1 to 64 letters, digits, - . and _");
                continue;
            }
            let at = place(at, name);
            if taken.contains(&lower.as_str()) {
                self.wrong(&at, "is a header that farthing or the connection sets");
            }
            if signed && lower == "authorization" {
                self.wrong(&at, "is made for every call by \"coinbase\": leave one of them out");
            }
            if headers.iter().any(|(seen, _)| *seen == lower) {
                self.wrong(&at, "stands twice");
            }
            if let Some(secret) = self.secret(&at, Some(value)) {
                headers.push((lower, secret));
            }
        }
        headers
    }

    /// The name of a secret. What stands there instead may be the secret itself: it is never shown (threat G1).
    pub(super) fn secret(&mut self, at: &str, value: Option<&Value<'_>>) -> Option<String> {
        let name = value.and_then(Value::text).unwrap_or_default();
        let letters = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let plain = name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(letters);
        if !plain {
            self.wrong(
                at,
                "must be the name of a secret of the Worker, not the secret: up to 64 capital letters, digits and _, like \"FACILITATOR_TOKEN\"",
            );
            return None;
        }
        if name.starts_with("FARTHING_") {
            self.wrong(
                at,
                "names one of farthing's own settings, which nobody else may get: choose another name",
            );
            return None;
        }
        Some(name.to_owned())
    }

    fn rpc(&mut self, value: Option<&Value<'_>>, entries: &[Entry]) -> BTreeMap<Network, Vec<String>> {
        let mut rpc = BTreeMap::new();
        if value.is_some_and(|rpc| rpc.members().is_none()) {
            self.wrong("settlement.rpc", "must be an object like {\"eip155:8453\": [\"https://…\"]}");
        }
        for (text, urls) in value.and_then(Value::members).unwrap_or_default() {
            let at = format!("settlement.rpc[\"{text}\"]");
            let urls = self.texts(&at, Some(urls));
            let urls: Vec<String> = urls.iter().map(|url| self.url(&at, url)).collect();
            let Some(network) = self.taken(&at, text, entries) else {
                continue;
            };
            if urls.is_empty() {
                self.wrong(&at, "the list is empty: give an address or leave the network out");
            }
            rpc.insert(network, urls);
        }
        rpc
    }

    /// A network that is among `networks`.
    fn taken(&mut self, at: &str, text: &str, entries: &[Entry]) -> Option<Network> {
        match text.parse::<Network>() {
            Ok(network) if entries.iter().any(|entry| entry.network == network) => return Some(network),
            Ok(_) => self.wrong(at, "this network is not among \"networks\""),
            Err(error) => self.wrong(at, format!("{error}")),
        }
        None
    }

    fn confirmations(
        &mut self,
        value: Option<&Value<'_>>,
        entries: &[Entry],
        rpc: &BTreeMap<Network, Vec<String>>,
    ) -> BTreeMap<Network, Vec<Depth>> {
        let mut confirmations = BTreeMap::new();
        if value.is_some_and(|value| value.members().is_none()) {
            self.wrong("settlement.confirmations", "must be an object like {\"eip155:8453\": 2}");
        }
        for (text, value) in value.and_then(Value::members).unwrap_or_default() {
            let at = format!("settlement.confirmations[\"{text}\"]");
            let depths = match value.items() {
                Some(items) => self.depths(&at, items),
                None => Vec::from([Depth {
                    from: Amount::ZERO,
                    blocks: self.blocks(&at, Some(value)),
                }]),
            };
            let Some(network) = self.taken(&at, text, entries) else {
                continue;
            };
            if depths.iter().any(|depth| depth.blocks > 0) && !rpc.contains_key(&network) {
                self.wrong(&at, "needs an endpoint for this network in settlement.rpc to count blocks by");
            }
            confirmations.insert(network, depths);
        }
        confirmations
    }

    fn depths(&mut self, at: &str, items: &[Value<'_>]) -> Vec<Depth> {
        let mut depths: Vec<Depth> = Vec::new();
        if items.is_empty() {
            self.wrong(at, "the list is empty: begin with {\"from\": \"$0\", \"blocks\": 0}");
        }
        for (index, item) in items.iter().enumerate() {
            let at = format!("{at}[{index}]");
            self.object(&at, item, DEPTH_KEYS);
            let blocks = self.blocks(&place(&at, "blocks"), item.get("blocks"));
            let text = item.get("from").and_then(Value::text).unwrap_or_default();
            let from = match (index, text) {
                (0, "$0") => Some(Amount::ZERO),
                (0, _) => None,
                _ => text
                    .parse::<Price>()
                    .ok()
                    .filter(|price| matches!(price, Price::Dollars(_)))
                    .and_then(|price| price.in_units_of(MOST_DECIMALS).ok()),
            };
            match (from, depths.last()) {
                (None, None) if index == 0 => self.wrong_member(&at, "from", "the first is from \"$0\""),
                (None, _) => self.wrong_member(&at, "from", "must be a price like \"$1\", without a symbol"),
                (Some(from), Some(before)) if from <= before.from => {
                    self.wrong_member(&at, "from", "must be more than that of the entry before it");
                }
                (Some(_), _) => {}
            }
            depths.push(Depth {
                from: from.unwrap_or(Amount::ZERO),
                blocks,
            });
        }
        depths
    }

    fn blocks(&mut self, at: &str, value: Option<&Value<'_>>) -> u32 {
        match value.and_then(Value::integer) {
            Some(blocks @ 0..=MOST_BLOCKS) => u32::try_from(blocks).unwrap_or_default(),
            _ => {
                self.wrong(at, format!("must be a number of blocks from 0 to {MOST_BLOCKS}"));
                0
            }
        }
    }
}
