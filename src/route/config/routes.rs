//! `routes`: the price list.

use alloc::{format, string::String, vec::Vec};

use super::{
    Access,
    check::{Check, place},
    crawlers::Terms,
    networks::Entry,
    offers::Sold,
    settlement::Facilitator,
};
use crate::{
    evm::Transfer,
    json::Value,
    money::Amount,
    route::rule::Route,
    x402::v2::{PaymentFlow, PaymentRequirements, Scheme},
};

/// The members of a route.
pub(super) const ROUTE_KEYS: &[&str] = &[
    "match",
    "price",
    "prices",
    "access",
    "description",
    "scheme",
    "flow",
    "payTo",
    "recent",
    "listing",
    "teaser",
    "except",
    "methods",
    "parts",
    "query",
    "passQuery",
    "freeFrom",
    "offers",
    "crawlers",
    "cache",
    "subscribers",
    "ask",
    "meter",
];
/// The members of a recent price.
pub(super) const RECENT_KEYS: &[&str] = &["price", "prices", "until"];

pub(super) const DAY: u64 = 24 * 60 * 60;

/// What the file says for all routes.
pub(super) struct Shared<'a, 'b> {
    pub(super) entries: &'a [Entry],
    pub(super) facilitator: &'a Facilitator,
    pub(super) table: &'a [Sold],
    pub(super) crawlers: Option<&'a Value<'b>>,
    pub(super) cache: Option<u32>,
}

impl Check {
    pub(super) fn route(&mut self, at: &str, file: &Value<'_>, shared: &Shared<'_, '_>) -> Option<Route> {
        let Shared {
            entries,
            facilitator,
            table,
            crawlers,
            cache,
        } = *shared;
        self.object(at, file, ROUTE_KEYS);
        let pattern = self.member_pattern(at, file);
        let description = self.text_if_any(at, file, "description").unwrap_or_default();
        let scheme = self.scheme(at, file, facilitator);
        let access = self.access(at, file, scheme);
        let flow = self.flow(at, file, scheme);
        let pay_to = file.get("payTo").map(|value| self.pay_to(&place(at, "payTo"), value));
        let amounts = self.prices(at, file, entries).ok()?;
        let free = amounts.is_none();
        self.of_free_alone(at, file, free);
        // metered payments move by Permit2 alone, which moves any token: each asset once
        let again = |index: usize, entry: &Entry| {
            let same = |other: &Entry| (other.network, other.contract) == (entry.network, entry.contract);
            scheme == Scheme::Upto && entries.iter().take(index).any(same)
        };
        let offer_by = |entry: &Entry, scheme, amount| {
            let mut offer = entry.offer(scheme, amount);
            offer.pay_to = pay_to.unwrap_or(offer.pay_to);
            offer.extra.flow = flow;
            offer.extra.access_seconds = match access {
                Access::Owned(seconds) => Some(seconds),
                Access::Once => None,
            };
            offer.extra.facilitator = facilitator.address.filter(|_| scheme == Scheme::Upto);
            offer
        };
        let offer = |entry: &Entry, amount| offer_by(entry, scheme, amount);
        let recent = self.recent(at, file, entries, free || scheme == Scheme::Upto, offer);
        let offered = both(entries, amounts.unwrap_or_default()).filter(|(index, entry, _)| !again(*index, entry));
        let offered: Vec<(usize, &Entry, Amount)> = offered.collect();
        let (price, symbol) = match offered.first() {
            Some((_, entry, amount)) => (shown(entry, *amount), entry.symbol.clone()),
            None => Default::default(),
        };
        let mut route = Route {
            pattern: pattern?,
            except: self.patterns(at, file, "except"),
            methods: self.methods(at, file, free),
            parts: self.parts(at, file, access),
            query: self.keys(at, file, "query"),
            pass_query: self.keys(at, file, "passQuery").unwrap_or_default(),
            free_from: self.time(at, file, "freeFrom"),
            offers: offered.iter().map(|(_, entry, amount)| offer(entry, *amount)).collect(),
            wider: Vec::new(),
            recent,
            contract_wallets: facilitator.contract_wallets,
            access,
            teaser: self.teaser(at, file, free),
            cache: self.cache(at, Some(file)).or(cache).filter(|_| !free).unwrap_or_default(),
            description,
            price,
            symbol,
            crawlers: Vec::new(),
            subscribers: file.get("subscribers").is_none() || self.flag(at, file, "subscribers"),
            ask: None,
            metered: file.get("meter").is_none() || self.flag(at, file, "meter"),
            listing: self.listing(
                at,
                file.get("listing"),
                file.get("match").and_then(Value::text).unwrap_or_default(),
            ),
        };
        let terms = Terms {
            entries: offered.iter().map(|(_, entry, _)| (*entry).clone()).collect(),
            amounts: offered.iter().map(|(_, _, amount)| *amount).collect(),
            offer: offer_by,
        };
        route.ask = self.ask(at, file, &route, &terms.entries);
        route.crawlers = self.policies(at, file.get("crawlers"), crawlers, &route, &terms);
        // those who pay a price of their own buy single articles
        route.wider = self.wider(at, file, table, entries, &route, flow);
        Some(route)
    }

    fn scheme(&mut self, at: &str, file: &Value<'_>, facilitator: &Facilitator) -> Scheme {
        let Some(text) = self.text_if_any(at, file, "scheme") else {
            return Scheme::Exact;
        };
        let scheme = Scheme::read(&text);
        match scheme {
            Some(Scheme::Upto) if facilitator.address.is_none() => self.wrong_member(
                at,
                "scheme",
                "\"upto\" is settled by the one that the payer signs for: give one of settlement.facilitators its \"address\" (`npx farthing check --rpc` prints it)",
            ),
            Some(_) => {}
            None => self.wrong_member(at, "scheme", format!("\"{text}\" is neither \"exact\" nor \"upto\"")),
        }
        scheme.unwrap_or_default()
    }

    fn access(&mut self, at: &str, file: &Value<'_>, scheme: Scheme) -> Access {
        let access = match file.get("access").map(|access| access.text().unwrap_or(access.raw())) {
            None if scheme == Scheme::Upto => Access::Once,
            None => Access::Owned(30 * DAY),
            Some("once") => Access::Once,
            Some(text) => duration(text).map(Access::Owned).unwrap_or_else(|| {
                self.wrong_member(
                    at,
                    "access",
                    format!("\"{text}\" is neither \"once\" nor a duration like \"30d\", \"12h\" or \"45m\""),
                );
                Access::Once
            }),
        };
        if scheme == Scheme::Upto && access != Access::Once {
            self.wrong_member(
                at,
                "access",
                "what is metered is paid for each time: leave it out, or write \"once\"",
            );
        }
        access
    }

    fn flow(&mut self, at: &str, file: &Value<'_>, scheme: Scheme) -> PaymentFlow {
        let Some(text) = self.text_if_any(at, file, "flow") else {
            return PaymentFlow::default();
        };
        let flow = PaymentFlow::read(&text);
        match flow {
            Some(PaymentFlow::Upfront) if scheme == Scheme::Upto => {
                self.wrong_member(at, "flow", "what is metered cannot be paid before it is known: leave it out");
            }
            Some(_) => {}
            None => self.wrong_member(at, "flow", format!("\"{text}\" is neither \"authorization\" nor \"upfront\"")),
        }
        flow.unwrap_or_default()
    }

    /// Prices that are still taken from clients that cannot hold a quote: those of v1.
    fn recent(
        &mut self,
        at: &str,
        file: &Value<'_>,
        entries: &[Entry],
        pointless: bool,
        offer: impl Fn(&Entry, Amount) -> PaymentRequirements,
    ) -> Vec<(PaymentRequirements, u64)> {
        let Some(list) = file.get("recent") else {
            return Vec::new();
        };
        let at = place(at, "recent");
        if pointless {
            self.wrong(&at, "is for exact prices, and this route has none");
            return Vec::new();
        }
        let mut recent = Vec::new();
        for (index, item) in self.items(&at, Some(list)).iter().enumerate() {
            let at = format!("{at}[{index}]");
            self.object(&at, item, RECENT_KEYS);
            if item.get("until").is_none() {
                self.wrong_member(&at, "until", "is missing: until when is this price still taken?");
            }
            let until = self.time(&at, item, "until");
            match self.prices(&at, item, entries) {
                Ok(Some(amounts)) => {
                    let v1 = both(entries, amounts).filter(|(_, entry, _)| entry.transfer == Transfer::Eip3009);
                    recent.extend(v1.filter_map(|(_, entry, amount)| Some((offer(entry, amount), until?))));
                }
                Ok(None) => self.wrong_member(&at, "price", "cannot be \"free\": nobody paid nothing"),
                Err(()) => {}
            }
        }
        recent
    }
}

/// The entries that something is offered in, their numbers, and how much.
fn both(entries: &[Entry], amounts: Vec<Option<Amount>>) -> impl Iterator<Item = (usize, &Entry, Amount)> {
    let both = entries.iter().enumerate().zip(amounts);
    both.filter_map(|((index, entry), amount)| Some((index, entry, amount?)))
}

/// The price as people read it: dollars, or units of a token that only the publisher knows.
pub(super) fn shown(entry: &Entry, amount: Amount) -> String {
    let usual = if entry.own {
        ["0 ", &entry.symbol].concat()
    } else {
        "$0".into()
    };
    shown_as(&usual, amount, entry.decimals)
}

/// Another price in the form of one that is shown already.
pub(crate) fn shown_as(price: &str, amount: Amount, decimals: u8) -> String {
    let number = amount.to_decimal(decimals);
    if let Some((_, symbol)) = price.split_once(' ') {
        return format!("{number} {symbol}");
    }
    // with at least two digits after the point, as prices are written
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    format!("${whole}.{fraction:0<2}")
}

pub(super) fn duration(text: &str) -> Option<u64> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 60 * 60,
        b'd' => DAY,
        _ => return None,
    };
    let number: u64 = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
    // ten years: longer is a mistake, and fits every cookie
    number.checked_mul(unit).filter(|seconds| (1..=3650 * DAY).contains(seconds))
}
