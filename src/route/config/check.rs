//! What all parts of the config are read with: members, texts, lists, addresses, URLs; and the file's
//! own level.

use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::String,
    vec::Vec,
};
use alloy_primitives::Address;

use super::{Config, ConfigError, Origin, routes::Shared};
use crate::{evm::hex, json::Value};

/// The members of the file.
pub(super) const FILE_KEYS: &[&str] = &[
    "$schema",
    "site",
    "origin",
    "payTo",
    "networks",
    "money",
    "payments",
    "language",
    "logs",
    "settlement",
    "offers",
    "routes",
    "extensions",
    "cors",
    "crawlers",
    "subscribers",
    "meter",
    "gifts",
    "revocation",
    "desk",
    "alerts",
    "screening",
    "erase",
    "demo",
];
/// The languages that pages of ours speak: the files of `www/locales`.
const LANGUAGES: &[&str] = &["ar", "de", "en", "es", "fr", "ja", "pt", "zh"];
/// The members of `payTo`.
pub(super) const PAY_TO_KEYS: &[&str] = &["eip155"];
/// The members of `demo`.
pub(super) const DEMO_KEYS: &[&str] = &["script"];

/// Collects mistakes; what cannot be read is replaced by something harmless, so that the next mistake is
/// found as well.
#[derive(Default)]
pub(super) struct Check {
    pub(super) errors: Vec<ConfigError>,
}

/// A member's place, like `settlement.rpc`.
pub(super) fn place<'a>(at: &'a str, name: &'a str) -> Cow<'a, str> {
    if at.is_empty() {
        Cow::Borrowed(name)
    } else {
        Cow::Owned([at, ".", name].concat())
    }
}

impl Check {
    pub(super) fn wrong(&mut self, at: &str, message: impl Into<String>) {
        self.errors.push(ConfigError {
            at: at.to_owned(),
            message: message.into(),
        });
    }

    /// A mistake in a member.
    pub(super) fn wrong_member(&mut self, at: &str, name: &str, message: impl Into<String>) {
        self.wrong(&place(at, name), message);
    }

    /// An absolute URL without user, query and fragment: https, or http on this machine (threat D8).
    pub(super) fn url(&mut self, at: &str, text: &str) -> String {
        let bare = text.strip_suffix('/').unwrap_or(text);
        let rest = bare
            .strip_prefix("https://")
            .or_else(|| bare.strip_prefix("http://").filter(|rest| is_loopback(host_of(rest))));
        let fine =
            rest.is_some_and(|rest| !host_of(rest).is_empty() && !rest.contains(['@', '?', '#', ' ', '\\', '"', '<', '>']));
        if !fine {
            // all but the host may be a secret, and the health page is public
            let (scheme, rest) = text.split_once("://").unwrap_or_default();
            let rest = if rest.is_empty() { text } else { rest };
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = host.rsplit('@').next().unwrap_or_default();
            let separator = if scheme.is_empty() { "" } else { "://" };
            self.wrong(
                at,
                format!("\"{scheme}{separator}{host}\" is not an https:// address without user and query (http:// only for 127.0.0.1 and localhost)"),
            );
        }
        bare.to_owned()
    }

    /// The members of an object that may have only these.
    pub(super) fn object(&mut self, at: &str, value: &Value<'_>, known: &[&str]) {
        let Some(members) = value.members() else {
            self.wrong(at, "must be an object: { … }");
            return;
        };
        for (key, _) in members {
            if !known.contains(&key.as_ref()) {
                self.wrong_member(at, key, format!("is not known here; known are {}", known.join(", ")));
            }
        }
    }

    /// A member that has to be there and be a string; none, and told, if it is not.
    pub(super) fn text(&mut self, at: &str, object: &Value<'_>, name: &str) -> Option<String> {
        let text = object.get(name).and_then(Value::text).map(ToOwned::to_owned);
        if text.is_none() {
            self.wrong_member(at, name, "is missing, or is not a text in double quotes");
        }
        text
    }

    /// A member that may be missing and is a string otherwise.
    pub(super) fn text_if_any(&mut self, at: &str, object: &Value<'_>, name: &str) -> Option<String> {
        object.get(name).and_then(|_| self.text(at, object, name))
    }

    /// A member that says yes or no; no if it is missing.
    pub(super) fn flag(&mut self, at: &str, object: &Value<'_>, name: &str) -> bool {
        object.get(name).is_some_and(|value| {
            value.bool().unwrap_or_else(|| {
                self.wrong_member(at, name, "must be true or false");
                false
            })
        })
    }

    /// The elements of a member that has to be an array.
    pub(super) fn items<'a, 'b>(&mut self, at: &str, value: Option<&'a Value<'b>>) -> &'a [Value<'b>] {
        value.and_then(Value::items).unwrap_or_else(|| {
            self.wrong(at, "is missing, or is not a list: [ … ]");
            &[]
        })
    }

    pub(super) fn texts(&mut self, at: &str, value: Option<&Value<'_>>) -> Vec<String> {
        let items = self.items(at, value);
        if items.iter().any(|item| item.text().is_none()) {
            self.wrong(at, "must list texts in double quotes");
        }
        items.iter().filter_map(Value::text).map(ToOwned::to_owned).collect()
    }

    /// An address that is not zero; mixed case has to be a right EIP-55 checksum.
    pub(super) fn address(&mut self, at: &str, text: &str) -> Address {
        let address = hex::read(text).map(Address::new).unwrap_or_default();
        if address.is_zero() {
            self.wrong(
                at,
                format!("\"{text}\" is not an address: 0x and 40 hex digits, not all zero"),
            );
            return address;
        }
        let digits = text.trim_start_matches("0x");
        let mixed = digits.bytes().any(|b| b.is_ascii_uppercase()) && digits.bytes().any(|b| b.is_ascii_lowercase());
        if mixed && address.to_checksum(None) != text {
            self.wrong(
                at,
                format!("the checksum of \"{text}\" (EIP-55) is wrong: is a digit mistyped?"),
            );
        }
        address
    }

    /// A member that has to be there and be an address; zero if it is not.
    pub(super) fn address_member(&mut self, at: &str, object: &Value<'_>, name: &str) -> Address {
        match object.get(name).and_then(Value::text) {
            Some(text) => self.address(&place(at, name), text),
            None => {
                self.wrong_member(at, name, "is missing, or is not an address in double quotes");
                Address::ZERO
            }
        }
    }

    /// A member that may be missing and is an address otherwise.
    pub(super) fn address_if_any(&mut self, at: &str, object: &Value<'_>, name: &str) -> Option<Address> {
        object.get(name).map(|_| self.address_member(at, object, name))
    }

    /// `{"eip155": "0x…"}`.
    pub(super) fn pay_to(&mut self, at: &str, value: &Value<'_>) -> Address {
        self.object(at, value, PAY_TO_KEYS);
        self.address_member(at, value, "eip155")
    }

    pub(super) fn config(&mut self, file: &Value<'_>) -> Config {
        self.object("", file, FILE_KEYS);
        let site = self.text("", file, "site").map(|site| self.url("site", &site));
        let site = site.unwrap_or_default();
        if site.splitn(4, '/').nth(3).is_some() {
            self.wrong("site", "give the origin alone, like \"https://news.example\", without a path");
        }
        let (origin, origin_headers) = self.origin(file.get("origin"));
        if origin == Origin::Url(site.clone()) {
            self.wrong(
                "origin.url",
                "is the site itself, so the Worker would call itself: name the server behind it, or write \"dns\"",
            );
        }
        let pay_to = match file.get("payTo") {
            Some(pay_to) => self.pay_to("payTo", pay_to),
            None => {
                self.wrong("payTo", "is missing: {\"eip155\": \"0x…\"}");
                Address::ZERO
            }
        };
        let paused = match file.get("payments") {
            None => false,
            Some(value) => match value.text() {
                Some("on") => false,
                Some("paused") => true,
                _ => {
                    self.wrong("payments", "must be \"on\" or \"paused\"");
                    false
                }
            },
        };
        let logs = match file.get("logs").map(Value::text) {
            None => "errors",
            Some(Some("errors")) => "errors",
            Some(Some("all")) => "all",
            Some(Some("none")) => "none",
            Some(_) => {
                self.wrong("logs", "must be \"errors\", \"all\" or \"none\"");
                "errors"
            }
        };
        let keeps_books = match file.get("erase").map(Value::text) {
            None | Some(Some("anonymise")) => false,
            Some(Some("keep-books")) => true,
            Some(_) => {
                self.wrong("erase", "must be \"anonymise\" or \"keep-books\"");
                false
            }
        };
        let language = match file.get("language").map(Value::text) {
            None => Some(&"en"),
            Some(text) => LANGUAGES.iter().find(|known| Some(**known) == text),
        };
        if language.is_none() {
            self.wrong(
                "language",
                "must be one of \"ar\", \"de\", \"en\", \"es\", \"fr\", \"ja\", \"pt\" and \"zh\"",
            );
        }
        let entries = self.networks(file.get("networks"), pay_to);
        self.money(file.get("money"), &entries);
        let (mut settlement, facilitator) = self.settlement(file.get("settlement"), &entries);
        let denied;
        (denied, settlement.screener) = self.screening(file.get("screening"));
        self.crawlers("crawlers", file.get("crawlers"));
        let cache = self.cache("origin", file.get("origin"));
        let table = self.offers(file.get("offers"), &entries);
        let mut routes = Vec::new();
        for (index, route) in self.items("routes", file.get("routes")).iter().enumerate() {
            let at = format!("routes[{index}]");
            let shared = Shared {
                entries: &entries,
                facilitator: &facilitator,
                table: &table,
                crawlers: file.get("crawlers"),
                cache,
            };
            routes.extend(self.route(&at, route, &shared));
        }
        let demo_script = file.get("demo").and_then(|demo| {
            self.object("demo", demo, DEMO_KEYS);
            self.text("demo", demo, "script")
        });
        if demo_script
            .as_ref()
            .is_some_and(|path| !path.starts_with('/') || path.contains(['"', '<', '>', '&']))
        {
            self.wrong("demo.script", "must be a path on the site, like \"/demo-wallet.js\"");
        }
        let known = !origin_headers.is_empty();
        let subscribers = self.subscribers(file.get("subscribers"), &origin, known);
        self.asks_somebody(&routes, &origin, known);
        Config {
            site,
            origin,
            origin_headers,
            paused,
            language: language.unwrap_or(&"en"),
            logs,
            keeps_books,
            settlement,
            routes,
            demo_script,
            extensions: self.extensions(file.get("extensions")),
            cors: self.cors(file.get("cors")),
            subscribers,
            meter: self.meter(file.get("meter")),
            gifts: self.gifts(file.get("gifts")),
            revocation: self.revocation(file.get("revocation")),
            desk: self.desk(file.get("desk")),
            alerts: self.alerts(file.get("alerts")),
            denied,
        }
    }
}

fn host_of(rest: &str) -> &str {
    rest.split('/').next().unwrap_or_default()
}

/// Whether a host, with or without a port, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}
