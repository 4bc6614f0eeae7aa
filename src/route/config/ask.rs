//! `ask` of a route: what the origin may say of each page, and within which bounds it is believed.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::{
    Origin,
    check::{Check, place},
    networks::Entry,
    routes::duration,
};
use crate::{evm::Address, json::Value, money::Amount, route::rule::Route, x402::v2::Scheme};

/// The members of `ask`.
pub(super) const ASK_KEYS: &[&str] = &["price", "payTo", "freeFrom", "meta", "remember"];
/// The members of `ask.price`.
pub(super) const BOUNDS_KEYS: &[&str] = &["min", "max"];

/// How long what the origin said is remembered, in seconds: if nothing is said, and at least and at most.
const USUAL: u64 = 5 * 60;
const LEAST: u64 = 10;
const MOST: u64 = 24 * 60 * 60;

/// What the origin may say of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// A price, for each of the route's offers at least and at most so much; empty if none.
    pub prices: Vec<(Amount, Amount)>,
    /// Who is paid, by name.
    pub payees: Vec<(String, Address)>,
    /// From when on nothing is asked.
    pub free_from: bool,
    /// Whether the page's meta tags say it as well.
    pub meta: bool,
    /// For how many seconds it is remembered.
    pub remember: u64,
}

impl Check {
    /// Reads a route's `ask`; `entries` are those it is offered in.
    pub(super) fn ask(&mut self, at: &str, file: &Value<'_>, route: &Route, entries: &[Entry]) -> Option<Ask> {
        let value = file.get("ask")?;
        if route.is_free() {
            self.wrong_member(
                at,
                "ask",
                "is for pages that cost something, and these are free: leave it out",
            );
            return None;
        }
        let here = place(at, "ask");
        self.object(&here, value, ASK_KEYS);
        if route.offers.iter().any(|offer| offer.scheme == Scheme::Upto) {
            self.wrong(
                &here,
                "is for pages that have a price, and metered ones say what they charge by themselves",
            );
        }
        let prices = self.bounds(&here, value, file, entries);
        let payees = self.payees(&here, value);
        let free_from = self.flag(&here, value, "freeFrom");
        let meta = self.flag(&here, value, "meta");
        if value.get("price").is_none() && value.get("payTo").is_none() && !free_from {
            self.wrong(&here, "asks for nothing: give \"price\", \"payTo\" or \"freeFrom\"");
        }
        let remember = self.text_if_any(&here, value, "remember").map(|text| {
            let seconds = duration(&text).filter(|seconds| (LEAST..=MOST).contains(seconds));
            if seconds.is_none() {
                self.wrong_member(
                    &here,
                    "remember",
                    format!("\"{text}\" is not a time from \"{LEAST}s\" to \"1d\""),
                );
            }
            seconds.unwrap_or(USUAL)
        });
        Some(Ask {
            prices,
            payees,
            free_from,
            meta,
            remember: remember.unwrap_or(USUAL),
        })
    }

    fn bounds(&mut self, at: &str, value: &Value<'_>, route: &Value<'_>, entries: &[Entry]) -> Vec<(Amount, Amount)> {
        let Some(value) = value.get("price") else {
            return Vec::new();
        };
        let at = &place(at, "price");
        self.object(at, value, BOUNDS_KEYS);
        let dollars = |value: Option<&Value<'_>>| {
            value
                .and_then(Value::text)
                .is_some_and(|text| text.trim_start().starts_with('$'))
        };
        if !dollars(route.get("price")) || route.get("prices").is_some() {
            self.wrong(
                at,
                "is in dollars, the same in every asset: write the route's own \"price\" like \"$0.05\", and no \"prices\"",
            );
            return Vec::new();
        }
        let mut bound = |name| {
            let here = place(at, name);
            if !dollars(value.get(name)) {
                self.wrong(&here, "is missing, or is not in dollars, like \"$0.01\"");
                return None;
            }
            self.priced(&here, value.get(name)?, entries).ok()?
        };
        let (Some(least), Some(most)) = (bound("min"), bound("max")) else {
            return Vec::new();
        };
        let both: Vec<(Amount, Amount)> = least.into_iter().flatten().zip(most.into_iter().flatten()).collect();
        if both.iter().any(|(least, most)| least > most) {
            self.wrong(at, "\"min\" is more than \"max\"");
        }
        both
    }

    /// Names, which an origin may say, of addresses, which it may not.
    fn payees(&mut self, at: &str, value: &Value<'_>) -> Vec<(String, Address)> {
        let Some(value) = value.get("payTo") else {
            return Vec::new();
        };
        let at = &place(at, "payTo");
        let members = value.members().unwrap_or_default();
        if members.is_empty() {
            self.wrong(at, "must be an object like {\"jane-doe\": {\"eip155\": \"0x…\"}}");
        }
        let mut payees = Vec::new();
        for (name, value) in members {
            let here = place(at, name);
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
                self.wrong(&here, "is no name: 1 to 64 letters, digits, - _ and .");
            }
            payees.push(((**name).to_owned(), self.pay_to(&here, value)));
        }
        payees
    }

    /// Whom the routes ask has to be who they think it is.
    pub(super) fn asks_somebody(&mut self, routes: &[Route], origin: &Origin, known: bool) {
        if let Some(index) = routes.iter().position(|route| route.ask.is_some()) {
            self.tells_apart(&format!("routes[{index}].ask"), origin, known);
        }
    }
}
