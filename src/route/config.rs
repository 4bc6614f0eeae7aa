//! The publisher's config file: its schema, and one clear sentence per mistake.

use core::fmt;

use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::{
    extensions::Extensions,
    rule::{Pattern, Route},
};
use crate::{
    evm::{Asset, hex},
    json::{self, Value},
    money::Price,
    x402::{
        Network,
        v2::{Extra, PaymentRequirements, Scheme},
    },
};

/// How long a client may take between the offer and the settlement, in seconds; the official
/// servers' default, and what clients that stamp before a slow wallet prompt need.
pub const MAX_TIMEOUT_SECONDS: u64 = 300;
/// The default of `settlement.timeoutSeconds`: longer than a block and its propagation, shorter
/// than a client's patience.
const SETTLE_SECONDS: u64 = 20;

/// Where the content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The host behind the Worker's own route.
    Dns,
    /// Another server.
    Url(String),
    /// A service binding of the Worker.
    Service(String),
    /// A static assets binding of the Worker.
    Assets(String),
}

/// How payments are settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settlement {
    /// Facilitator base URLs without a trailing slash; the first is used.
    pub facilitators: Vec<String>,
    /// JSON-RPC endpoints per network.
    pub rpc: BTreeMap<Network, Vec<String>>,
    /// How long one settle call may take.
    pub timeout_seconds: u64,
}

/// What a payment buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The article, for this many seconds.
    Owned(u64),
    /// One answer.
    Once,
}

/// A checked config.
#[derive(Clone, Debug)]
pub struct Config {
    /// Canonical origin of resource URLs, without a trailing slash.
    pub site: String,
    /// Where the content comes from.
    pub origin: Origin,
    /// How payments are settled.
    pub settlement: Settlement,
    /// The rules, in order.
    pub routes: Vec<Route>,
    /// A script for the 402 page of the local demo; honoured only there.
    pub demo_script: Option<String>,
    /// What x402 is spoken besides payments.
    pub extensions: Extensions,
}

/// One mistake in the config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where, like `routes[2].price`; empty for the file as a whole.
    pub at: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.at, self.message)
        }
    }
}

impl core::error::Error for ConfigError {}

impl Config {
    /// Reads and checks a config file: JSON with comments and trailing commas.
    ///
    /// Either a config without any mistake, or all mistakes that can be told apart.
    pub fn parse(text: &str) -> Result<Self, Vec<ConfigError>> {
        let whole = |message: String| {
            Vec::from([ConfigError {
                at: String::new(),
                message,
            }])
        };
        let mut plain = text.to_owned();
        // comments become spaces, so that offsets stay true
        json_strip_comments::strip(&mut plain).map_err(|_| whole("a comment is not closed".into()))?;
        let file = json::parse(&plain).map_err(|error| {
            let before = plain.get(..error.offset).unwrap_or(&plain);
            let line = before.matches('\n').count().saturating_add(1);
            whole(format!("line {line}: {}", error.what))
        })?;
        let mut check = Check::default();
        let config = check.config(&file);
        if check.errors.is_empty() {
            Ok(config)
        } else {
            Err(check.errors)
        }
    }
}

#[derive(Default)]
pub(super) struct Check {
    errors: Vec<ConfigError>,
}

impl Check {
    pub(super) fn wrong(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.errors.push(ConfigError {
            at: at.into(),
            message: message.into(),
        });
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
            // what follows the host may be a secret, and the health page is public
            let shown: Vec<&str> = text.splitn(4, '/').take(3).collect();
            let shown = shown.join("/");
            self.wrong(
                at,
                format!("\"{shown}\" is not an https:// address (http:// only for 127.0.0.1 and localhost)"),
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
                let at = if at.is_empty() {
                    String::from(key.as_ref())
                } else {
                    format!("{at}.{key}")
                };
                self.wrong(at, format!("is not known here; known are {}", known.join(", ")));
            }
        }
    }

    /// A member that has to be there and be a string; empty if it is not.
    pub(super) fn text(&mut self, at: &str, object: &Value<'_>, name: &str) -> String {
        let text = object.get(name).and_then(Value::text).map(ToOwned::to_owned);
        text.unwrap_or_else(|| {
            let at = if at.is_empty() {
                name.to_owned()
            } else {
                format!("{at}.{name}")
            };
            self.wrong(at, "is missing, or is not a text in double quotes");
            String::new()
        })
    }

    /// The elements of a member that has to be an array.
    fn items<'a, 'b>(&mut self, at: &str, value: Option<&'a Value<'b>>) -> &'a [Value<'b>] {
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

    fn config(&mut self, file: &Value<'_>) -> Config {
        self.object(
            "",
            file,
            &[
                "$schema",
                "site",
                "origin",
                "payTo",
                "networks",
                "settlement",
                "routes",
                "extensions",
                "demo",
            ],
        );
        let site = self.text("", file, "site");
        let site = self.url("site", &site);
        if site.splitn(4, '/').nth(3).is_some() {
            self.wrong("site", "give the origin alone, like \"https://news.example\", without a path");
        }
        let origin = self.origin(file.get("origin"));
        if origin == Origin::Url(site.clone()) {
            self.wrong(
                "origin.url",
                "is the site itself, so the Worker would call itself: name the server behind it, or write \"dns\"",
            );
        }
        let pay_to = match file.get("payTo") {
            Some(pay_to) => {
                self.object("payTo", pay_to, &["eip155"]);
                let text = self.text("payTo", pay_to, "eip155");
                self.payee(&text)
            }
            None => {
                self.wrong("payTo", "is missing: {\"eip155\": \"0x…\"}");
                Address::ZERO
            }
        };
        let networks = self.texts("networks", file.get("networks"));
        let assets = self.assets(&networks);
        let settlement = self.settlement(file.get("settlement"), &assets);
        let mut routes = Vec::new();
        for (index, route) in self.items("routes", file.get("routes")).iter().enumerate() {
            let at = format!("routes[{index}]");
            routes.extend(self.route(&at, route, pay_to, &assets));
        }
        let demo_script = file.get("demo").map(|demo| {
            self.object("demo", demo, &["script"]);
            self.text("demo", demo, "script")
        });
        if demo_script
            .as_ref()
            .is_some_and(|path| !path.starts_with('/') || path.contains(['"', '<', '>', '&']))
        {
            self.wrong("demo.script", "must be a path on the site, like \"/demo-wallet.js\"");
        }
        Config {
            site,
            origin,
            settlement,
            routes,
            demo_script,
            extensions: self.extensions(file.get("extensions")),
        }
    }

    fn origin(&mut self, value: Option<&Value<'_>>) -> Origin {
        let forms = "{\"url\": \"https://…\"}, {\"service\": \"BINDING\"}, {\"assets\": \"BINDING\"} or \"dns\"";
        let Some(value) = value else {
            self.wrong("origin", format!("is missing: {forms}"));
            return Origin::Dns;
        };
        if value.text() == Some("dns") {
            return Origin::Dns;
        }
        match value.members() {
            Some([(key, place)]) if place.text().is_some() => {
                let place = place.text().unwrap_or_default();
                match key.as_ref() {
                    "url" => return Origin::Url(self.url("origin.url", place)),
                    "service" => return Origin::Service(place.to_owned()),
                    "assets" => return Origin::Assets(place.to_owned()),
                    _ => {}
                }
            }
            _ => {}
        }
        self.wrong("origin", format!("{} is not one of {forms}", value.raw()));
        Origin::Dns
    }

    fn payee(&mut self, text: &str) -> Address {
        let address = hex::read(text).map(Address::new).unwrap_or_default();
        if address.is_zero() {
            self.wrong("payTo.eip155", format!("\"{text}\" is not an address: 0x and 40 hex digits"));
            return address;
        }
        let digits = text.trim_start_matches("0x");
        let mixed = digits.bytes().any(|b| b.is_ascii_uppercase()) && digits.bytes().any(|b| b.is_ascii_lowercase());
        if mixed && address.to_checksum(None) != text {
            self.wrong(
                "payTo.eip155",
                format!("the checksum of \"{text}\" (EIP-55) is wrong: is a digit mistyped?"),
            );
        }
        address
    }

    fn assets(&mut self, networks: &[String]) -> Vec<&'static Asset> {
        if networks.is_empty() {
            self.wrong("networks", "name at least one network, like \"eip155:8453\"");
        }
        let mut assets: Vec<&'static Asset> = Vec::new();
        for (index, text) in networks.iter().enumerate() {
            let at = format!("networks[{index}]");
            match text.parse::<Network>().map(Asset::default_of) {
                Ok(Some(asset)) if assets.contains(&asset) => self.wrong(at, format!("{text} stands twice")),
                Ok(Some(asset)) => assets.push(asset),
                Ok(None) => self.wrong(
                    at,
                    format!("{text} is not supported; known are eip155:8453 (Base) and eip155:84532 (Base Sepolia)"),
                ),
                Err(error) => self.wrong(at, format!("\"{text}\" is {error}")),
            }
        }
        assets
    }

    fn settlement(&mut self, file: Option<&Value<'_>>, assets: &[&'static Asset]) -> Settlement {
        let mut settlement = Settlement {
            facilitators: Vec::new(),
            rpc: BTreeMap::new(),
            timeout_seconds: SETTLE_SECONDS,
        };
        let Some(file) = file else {
            self.wrong("settlement", "is missing: {\"facilitators\": [{\"url\": \"https://…\"}]}");
            return settlement;
        };
        self.object("settlement", file, &["facilitators", "rpc", "timeoutSeconds"]);
        let facilitators = self.items("settlement.facilitators", file.get("facilitators"));
        if facilitators.is_empty() {
            self.wrong("settlement.facilitators", "name at least one: {\"url\": \"https://…\"}");
        }
        for (index, facilitator) in facilitators.iter().enumerate() {
            let at = format!("settlement.facilitators[{index}]");
            self.object(&at, facilitator, &["url"]);
            let url = self.text(&at, facilitator, "url");
            settlement.facilitators.push(self.url(&format!("{at}.url"), &url));
        }
        for (text, urls) in file.get("rpc").and_then(Value::members).unwrap_or_default() {
            let at = format!("settlement.rpc[\"{text}\"]");
            let urls = self.texts(&at, Some(urls));
            let urls: Vec<String> = urls.iter().map(|url| self.url(&at, url)).collect();
            match text.parse::<Network>() {
                Ok(network) if assets.iter().any(|asset| asset.network == network) => {
                    if urls.is_empty() {
                        self.wrong(at, "the list is empty: give an address or leave the network out");
                    }
                    settlement.rpc.insert(network, urls);
                }
                Ok(_) => self.wrong(at, "this network is not among \"networks\""),
                Err(error) => self.wrong(at, error.to_string()),
            }
        }
        if let Some(value) = file.get("timeoutSeconds") {
            match value.integer() {
                Some(seconds @ 1..=60) => settlement.timeout_seconds = seconds,
                _ => self.wrong("settlement.timeoutSeconds", "must be a whole number from 1 to 60"),
            }
        }
        settlement
    }

    fn route(&mut self, at: &str, file: &Value<'_>, pay_to: Address, assets: &[&'static Asset]) -> Option<Route> {
        self.object(at, file, &["match", "price", "access", "description", "listing"]);
        let pattern = self.text(at, file, "match");
        let price_text = self.text(at, file, "price");
        if !pattern.starts_with('/') {
            self.wrong(format!("{at}.match"), format!("\"{pattern}\" must start with a slash"));
        }
        if pattern.starts_with("/.farthing/") {
            self.wrong(format!("{at}.match"), "/.farthing/ is farthing's own");
        }
        let description = file
            .get("description")
            .map(|_| self.text(at, file, "description"))
            .unwrap_or_default();
        let compiled = Pattern::new(&pattern);
        if compiled.is_none() {
            self.wrong(
                format!("{at}.match"),
                format!("\"{pattern}\" is read differently by different servers: leave out ; \\ %2F and trailing dots"),
            );
        }
        let access = match file.get("access").map(|access| access.text().unwrap_or(access.raw())) {
            None => Access::Owned(30 * DAY),
            Some("once") => Access::Once,
            Some(text) => duration(text).map(Access::Owned).unwrap_or_else(|| {
                self.wrong(
                    format!("{at}.access"),
                    format!("\"{text}\" is neither \"once\" nor a duration like \"30d\", \"12h\" or \"45m\""),
                );
                Access::Once
            }),
        };
        let price: Price = match price_text.parse() {
            Ok(price) => price,
            Err(error) => {
                self.wrong(format!("{at}.price"), format!("\"{price_text}\": {error}"));
                return None;
            }
        };
        let mut offers = Vec::new();
        if price != Price::Free {
            for asset in assets {
                match price.in_units_of(asset.decimals) {
                    Ok(amount) => offers.push(PaymentRequirements {
                        scheme: Scheme::Exact,
                        network: asset.network,
                        amount,
                        asset: asset.contract,
                        pay_to,
                        max_timeout_seconds: MAX_TIMEOUT_SECONDS,
                        extra: Extra {
                            name: asset.name.to_owned(),
                            version: asset.version.to_owned(),
                            transfer: asset.transfer,
                            decimals: asset.decimals,
                            ..Extra::default()
                        },
                    }),
                    Err(error) => self.wrong(
                        format!("{at}.price"),
                        format!("\"{price_text}\" in {}: {error}", asset.symbol),
                    ),
                }
            }
        }
        let shown = match (&price, assets.first()) {
            (Price::Dollars { .. }, Some(asset)) => price
                .in_units_of(asset.decimals)
                .map(|amount| in_cents(&amount.to_decimal(asset.decimals)))
                .unwrap_or_default(),
            _ => String::new(),
        };
        Some(Route {
            pattern: compiled?,
            offers,
            recent: Vec::new(),
            contract_wallets: false,
            access,
            description,
            price: shown,
            listing: self.listing(at, file.get("listing"), &pattern),
        })
    }
}

/// A decimal number with at least two digits after the point, as prices are written.
fn in_cents(decimal: &str) -> String {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    format!("{whole}.{fraction:0<2}")
}

const DAY: u64 = 24 * 60 * 60;

fn duration(text: &str) -> Option<u64> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 60 * 60,
        b'd' => DAY,
        _ => return None,
    };
    let digits = text.get(..text.len().checked_sub(1)?)?;
    // parse takes a sign as well
    let number: u64 = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    // ten years: longer is a mistake, and fits every cookie
    number.checked_mul(unit).filter(|seconds| (1..=3650 * DAY).contains(seconds))
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const SAMPLE: &str = r#"{
        // a comment
        "site": "https://news.example",
        "origin": {"url": "https://origin.news.example"},
        "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
        "networks": ["eip155:84532"],
        "settlement": {"facilitators": [{"url": "https://facilitator.example/"}], "rpc": {"eip155:84532": ["https://rpc.example"]}},
        "routes": [{"match": "/articles/*", "price": "$0.05", "access": "30d", "description": "One article",},],
    }"#;

    pub(crate) fn routes(list: &[(&str, &str)]) -> Vec<Route> {
        let list: Vec<String> = list
            .iter()
            .map(|(path, price)| format!(r#"{{"match":"{path}","price":"{price}"}}"#))
            .collect();
        let text = SAMPLE.replace(
            r#"{"match": "/articles/*", "price": "$0.05", "access": "30d", "description": "One article",},"#,
            &list.join(","),
        );
        Config::parse(&text).unwrap().routes
    }

    #[test]
    fn the_sample_is_read() {
        let config = Config::parse(SAMPLE).unwrap();
        assert_eq!(config.site, "https://news.example");
        assert_eq!(config.settlement.facilitators, ["https://facilitator.example"]);
        assert_eq!(config.settlement.timeout_seconds, 20);
        assert_eq!(config.routes[0].access, Access::Owned(30 * DAY));
        assert_eq!(config.routes[0].offers[0].amount.to_string(), "50000");
        assert_eq!(config.routes[0].price, "0.05");
        for (price, shown) in [("$0.1", "0.10"), ("$2", "2.00"), ("$0.002", "0.002")] {
            let config = Config::parse(&SAMPLE.replace("$0.05", price)).unwrap();
            assert_eq!(config.routes[0].price, shown);
        }
    }

    #[test]
    fn durations_are_digits_and_a_unit() {
        assert_eq!(duration("45m"), Some(45 * 60));
        assert_eq!(duration("12h"), Some(12 * 60 * 60));
        assert_eq!(duration("3650d"), Some(3650 * DAY));
        for bad in [
            "",
            "d",
            "0d",
            "+30d",
            "-1d",
            "30",
            "1.5h",
            "3651d",
            "99999999999999999999d",
            "1w",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn b10_each_mistake_has_its_own_sentence() {
        let with = |from: &str, to: &str| {
            assert!(SAMPLE.contains(from), "{from}");
            let errors = Config::parse(&SAMPLE.replace(from, to)).unwrap_err();
            errors.iter().map(|e| e.to_string()).collect::<Vec<_>>().join("\n")
        };
        for (from, to, says) in [
            (
                "https://news.example\"",
                "news.example\"",
                "site: \"news.example\" is not an https://",
            ),
            (
                "https://news.example\"",
                "http://news.example\"",
                "site: \"http://news.example\" is not an https://",
            ),
            (
                "https://news.example\"",
                "https://news.example/blog\"",
                "site: give the origin alone",
            ),
            (
                "https://origin.news.example",
                "https://news.example",
                "origin.url: is the site itself",
            ),
            (
                r#"{"url": "https://origin.news.example"}"#,
                "\"cloud\"",
                "origin: \"cloud\" is not one of",
            ),
            (r#"{"url": "https://origin.news.example"}"#, "7", "origin: 7 is not one of"),
            ("0x3C44", "0x3c44", "checksum"),
            (
                "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
                "0x12",
                "payTo.eip155: \"0x12\" is not an address",
            ),
            (
                "[\"eip155:84532\"]",
                "[\"eip155:1\"]",
                "networks[0]: eip155:1 is not supported",
            ),
            (
                "[\"eip155:84532\"]",
                "[\"base\"]",
                "networks[0]: \"base\" is not an EVM network",
            ),
            ("[\"eip155:84532\"]", "[]", "networks: name at least one"),
            (
                "[\"eip155:84532\"]",
                "[\"eip155:84532\",\"eip155:84532\"]",
                "networks[1]: eip155:84532 stands twice",
            ),
            (
                "{\"eip155:84532\": [",
                "{\"eip155:8453\": [",
                "settlement.rpc[\"eip155:8453\"]: this network is not among",
            ),
            ("https://facilitator.example/", "ftp://x", "settlement.facilitators[0].url"),
            ("\"$0.05\"", "\"5 cents\"", "routes[0].price: \"5 cents\": write a price like"),
            ("\"$0.05\"", "\"$0.0000001\"", "more digits after the point"),
            ("\"$0.05\"", "\"$0\"", "a price of zero is written"),
            ("\"30d\"", "\"a month\"", "routes[0].access: \"a month\" is neither"),
            ("/articles/*", "articles/*", "routes[0].match: \"articles/*\" must start"),
            (
                "\"match\"",
                "\"path\"",
                "routes[0].path: is not known here; known are match, price",
            ),
            ("\"routes\"", "\"rules\"", "routes: is missing"),
            ("30d\"", "30d", "line 8: "),
            ("// a comment", "/* open", "line 2: "),
        ] {
            let said = with(from, to);
            assert!(said.contains(says), "{to}: {said}");
        }
        let two = with("\"$0.05\", \"access\": \"30d\"", "\"x\", \"access\": \"y\"");
        assert_eq!(two.lines().count(), 2, "{two}");
    }

    #[test]
    fn d8_plain_http_only_on_this_machine() {
        for host in ["localhost", "127.0.0.1:8545", "[::1]:80"] {
            assert!(is_loopback(host));
        }
        for host in [
            "10.0.0.1",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "169.254.169.254",
            "",
        ] {
            assert!(!is_loopback(host));
        }
    }
}
