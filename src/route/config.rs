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
use serde::Deserialize;

use super::rule::{Pattern, Route};
use crate::{
    evm::{Asset, hex},
    money::Price,
    x402::{
        Network,
        v2::{EXACT, Extra, PaymentRequirements},
    },
};

/// How long a client may take between the offer and the settlement, in seconds; the official
/// servers' default, and what clients that stamp before a slow wallet prompt need.
pub const MAX_TIMEOUT_SECONDS: u64 = 300;
/// The default of `settlement.timeoutSeconds`: longer than a block and its propagation, shorter
/// than a client's patience.
const SETTLE_SECONDS: u64 = 20;

/// Where the content comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(default, rename = "$schema")]
    _schema: Option<String>,
    site: String,
    origin: OriginFile,
    pay_to: PayTo,
    networks: Vec<String>,
    settlement: SettlementFile,
    routes: Vec<RouteFile>,
    #[serde(default)]
    demo: Option<Demo>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected {\"url\": \"https://…\"}, {\"service\": \"BINDING\"}, {\"assets\": \"BINDING\"} or \"dns\"")]
enum OriginFile {
    Word(String),
    Named(OriginNamed),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum OriginNamed {
    Url(String),
    Service(String),
    Assets(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayTo {
    eip155: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SettlementFile {
    facilitators: Vec<Facilitator>,
    #[serde(default)]
    rpc: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    timeout_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Facilitator {
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteFile {
    r#match: String,
    price: String,
    #[serde(default)]
    access: Option<String>,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Demo {
    script: String,
}

impl Config {
    /// Reads and checks a config file: JSON with comments and trailing commas.
    ///
    /// Either a config without any mistake, or all mistakes that can be told apart.
    pub fn parse(text: &str) -> Result<Self, Vec<ConfigError>> {
        let whole = |message: String| Vec::from([ConfigError { at: String::new(), message }]);
        let mut json = text.to_owned();
        json_strip_comments::strip(&mut json).map_err(|_| whole("a comment is not closed".into()))?;
        let file: File = serde_json::from_str(&json).map_err(|error| whole(format!("the config file cannot be read: {error}")))?;
        let mut check = Check::default();
        let config = check.config(file);
        match config {
            Some(config) if check.errors.is_empty() => Ok(config),
            _ => Err(check.errors),
        }
    }
}

#[derive(Default)]
struct Check {
    errors: Vec<ConfigError>,
}

impl Check {
    fn wrong(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.errors.push(ConfigError {
            at: at.into(),
            message: message.into(),
        });
    }

    /// An absolute URL without user, query and fragment: https, or http on this machine (threat D8).
    fn url(&mut self, at: &str, text: &str) -> String {
        let bare = text.strip_suffix('/').unwrap_or(text);
        let rest = bare
            .strip_prefix("https://")
            .or_else(|| bare.strip_prefix("http://").filter(|rest| is_loopback(host_of(rest))));
        let fine = rest.is_some_and(|rest| !host_of(rest).is_empty() && !rest.contains(['@', '?', '#', ' ', '\\', '"', '<', '>']));
        if !fine {
            self.wrong(at, format!("\"{text}\" is not an https:// address (http:// only for 127.0.0.1 and localhost)"));
        }
        bare.to_owned()
    }

    fn config(&mut self, file: File) -> Option<Config> {
        let site = self.url("site", &file.site);
        if site.splitn(4, '/').nth(3).is_some() {
            self.wrong("site", "give the origin alone, like \"https://news.example\", without a path");
        }
        let origin = match file.origin {
            OriginFile::Word(word) if word == "dns" => Origin::Dns,
            OriginFile::Word(word) => {
                self.wrong("origin", format!("\"{word}\" is not known: write \"dns\" or {{\"url\": \"https://…\"}}"));
                Origin::Dns
            }
            OriginFile::Named(OriginNamed::Url(url)) => Origin::Url(self.url("origin.url", &url)),
            OriginFile::Named(OriginNamed::Service(name)) => Origin::Service(name),
            OriginFile::Named(OriginNamed::Assets(name)) => Origin::Assets(name),
        };
        if origin == Origin::Url(site.clone()) {
            self.wrong("origin.url", "is the site itself, so the Worker would call itself: name the server behind it, or write \"dns\"");
        }
        let pay_to = self.payee(&file.pay_to.eip155);
        let assets = self.assets(&file.networks);
        let settlement = self.settlement(file.settlement, &assets);
        let mut routes = Vec::new();
        for (index, route) in file.routes.into_iter().enumerate() {
            let at = format!("routes[{index}]");
            if let Some(route) = self.route(&at, route, pay_to, &assets) {
                routes.push(route);
            }
        }
        let demo_script = file.demo.map(|demo| demo.script);
        if demo_script.as_ref().is_some_and(|path| !path.starts_with('/') || path.contains(['"', '<', '>', '&'])) {
            self.wrong("demo.script", "must be a path on the site, like \"/demo-wallet.js\"");
        }
        Some(Config { site, origin, settlement, routes, demo_script })
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
            self.wrong("payTo.eip155", format!("the checksum of \"{text}\" (EIP-55) is wrong: is a digit mistyped?"));
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
                Ok(None) => self.wrong(at, format!("{text} is not supported; known are eip155:8453 (Base) and eip155:84532 (Base Sepolia)")),
                Err(error) => self.wrong(at, format!("\"{text}\" is {error}")),
            }
        }
        assets
    }

    fn settlement(&mut self, file: SettlementFile, assets: &[&'static Asset]) -> Settlement {
        if file.facilitators.is_empty() {
            self.wrong("settlement.facilitators", "name at least one: {\"url\": \"https://…\"}");
        }
        let mut facilitators = Vec::new();
        for (index, facilitator) in file.facilitators.iter().enumerate() {
            facilitators.push(self.url(&format!("settlement.facilitators[{index}].url"), &facilitator.url));
        }
        let mut rpc = BTreeMap::new();
        for (text, urls) in file.rpc {
            let at = format!("settlement.rpc[\"{text}\"]");
            let urls: Vec<String> = urls.iter().map(|url| self.url(&at, url)).collect();
            match text.parse::<Network>() {
                Ok(network) if assets.iter().any(|asset| asset.network == network) => {
                    if urls.is_empty() {
                        self.wrong(at, "the list is empty: give an address or leave the network out");
                    }
                    rpc.insert(network, urls);
                }
                Ok(_) => self.wrong(at, "this network is not among \"networks\""),
                Err(error) => self.wrong(at, error.to_string()),
            }
        }
        let timeout_seconds = file.timeout_seconds.unwrap_or(SETTLE_SECONDS);
        if !(1..=60).contains(&timeout_seconds) {
            self.wrong("settlement.timeoutSeconds", "must be from 1 to 60");
        }
        Settlement { facilitators, rpc, timeout_seconds }
    }

    fn route(&mut self, at: &str, file: RouteFile, pay_to: Address, assets: &[&'static Asset]) -> Option<Route> {
        if !file.r#match.starts_with('/') {
            self.wrong(format!("{at}.match"), format!("\"{}\" must start with a slash", file.r#match));
        }
        if file.r#match.starts_with("/.farthing/") {
            self.wrong(format!("{at}.match"), "/.farthing/ is farthing's own");
        }
        let access = match file.access.as_deref() {
            None => Access::Owned(30 * DAY),
            Some("once") => Access::Once,
            Some(text) => duration(text).map(Access::Owned).unwrap_or_else(|| {
                self.wrong(format!("{at}.access"), format!("\"{text}\" is neither \"once\" nor a duration like \"30d\", \"12h\" or \"45m\""));
                Access::Once
            }),
        };
        let price: Price = match file.price.parse() {
            Ok(price) => price,
            Err(error) => {
                self.wrong(format!("{at}.price"), format!("\"{}\": {error}", file.price));
                return None;
            }
        };
        let mut offers = Vec::new();
        if price != Price::Free {
            for asset in assets {
                match price.in_units_of(asset.decimals) {
                    Ok(amount) => offers.push(PaymentRequirements {
                        scheme: EXACT.to_owned(),
                        network: asset.network,
                        amount,
                        asset: asset.contract,
                        pay_to,
                        max_timeout_seconds: MAX_TIMEOUT_SECONDS,
                        extra: Extra {
                            name: asset.name.to_owned(),
                            version: asset.version.to_owned(),
                            quote: None,
                        },
                    }),
                    Err(error) => self.wrong(format!("{at}.price"), format!("\"{}\" in {}: {error}", file.price, asset.symbol)),
                }
            }
        }
        let shown = match (&price, assets.first()) {
            (Price::Dollars { .. }, Some(asset)) => price.in_units_of(asset.decimals).map(|amount| amount.to_decimal(asset.decimals)).unwrap_or_default(),
            _ => String::new(),
        };
        Some(Route {
            pattern: Pattern::new(&file.r#match),
            offers,
            access,
            description: file.description,
            price: shown,
        })
    }
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
    let number: u64 = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
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
        let list: Vec<String> = list.iter().map(|(path, price)| format!(r#"{{"match":"{path}","price":"{price}"}}"#)).collect();
        let text = SAMPLE.replace(r#"{"match": "/articles/*", "price": "$0.05", "access": "30d", "description": "One article",},"#, &list.join(","));
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
    }

    #[test]
    fn b10_each_mistake_has_its_own_sentence() {
        let with = |from: &str, to: &str| {
            assert!(SAMPLE.contains(from), "{from}");
            let errors = Config::parse(&SAMPLE.replace(from, to)).unwrap_err();
            errors.iter().map(|e| e.to_string()).collect::<Vec<_>>().join("\n")
        };
        for (from, to, says) in [
            ("https://news.example\"", "news.example\"", "site: \"news.example\" is not an https://"),
            ("https://news.example\"", "http://news.example\"", "site: \"http://news.example\" is not an https://"),
            ("https://news.example\"", "https://news.example/blog\"", "site: give the origin alone"),
            ("https://origin.news.example", "https://news.example", "origin.url: is the site itself"),
            (r#"{"url": "https://origin.news.example"}"#, "\"cloud\"", "origin: \"cloud\" is not known"),
            (r#"{"url": "https://origin.news.example"}"#, "7", "expected {\"url\""),
            ("0x3C44", "0x3c44", "checksum"),
            ("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "0x12", "payTo.eip155: \"0x12\" is not an address"),
            ("[\"eip155:84532\"]", "[\"eip155:1\"]", "networks[0]: eip155:1 is not supported"),
            ("[\"eip155:84532\"]", "[\"base\"]", "networks[0]: \"base\" is not an EVM network"),
            ("[\"eip155:84532\"]", "[]", "networks: name at least one"),
            ("[\"eip155:84532\"]", "[\"eip155:84532\",\"eip155:84532\"]", "networks[1]: eip155:84532 stands twice"),
            ("{\"eip155:84532\": [", "{\"eip155:8453\": [", "settlement.rpc[\"eip155:8453\"]: this network is not among"),
            ("https://facilitator.example/", "ftp://x", "settlement.facilitators[0].url"),
            ("\"$0.05\"", "\"5 cents\"", "routes[0].price: \"5 cents\": write a price like"),
            ("\"$0.05\"", "\"$0.0000001\"", "more digits after the point"),
            ("\"$0.05\"", "\"$0\"", "a price of zero is written"),
            ("\"30d\"", "\"a month\"", "routes[0].access: \"a month\" is neither"),
            ("/articles/*", "articles/*", "routes[0].match: \"articles/*\" must start"),
            ("\"match\"", "\"path\"", "unknown field `path`"),
            ("// a comment", "/* open", "cannot be read"),
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
        for host in ["10.0.0.1", "localhost.evil.example", "127.0.0.1.evil.example", "169.254.169.254", ""] {
            assert!(!is_loopback(host));
        }
    }
}
