//! The one site, payer and moment that all inputs are about, so that a committed input keeps its meaning.

use std::sync::OnceLock;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use farthing::{
    access::Keys,
    evm::{Address, Asset, Authorization, hex},
    gate::Gate,
    json::Value,
    offer,
    route::{Config, Matched, Route, rule},
};
use k256::ecdsa::SigningKey;

/// Unix seconds.
pub(super) const NOW: u64 = 1_800_000_000;
/// The random bytes of every offer.
pub(super) const RANDOM: [u8; 16] = [9; 16];
/// The priced article that inputs are about.
pub(super) const ARTICLE: &str = "https://news.example/articles/x";
/// Canonical origin.
pub(super) const SITE: &str = "https://news.example";

/// The config.
pub(super) const CONFIG: &str = r#"{
    "site": "https://news.example",
    "origin": {"url": "https://origin.news.example"},
    "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
    "networks": ["eip155:84532", "eip155:8453"],
    "settlement": {"facilitators": [{"url": "https://facilitator.example"}], "rpc": {"eip155:84532": ["https://rpc.example"]}},
    "routes": [
        {"match": "/articles/free", "price": "free"},
        {"match": "/articles/*", "price": "$0.05", "description": "One article"},
        {"match": "/calls/*", "price": "$1", "access": "once"},
        {"match": "/caf\u00e9/*.json", "price": "0.002 USDC", "access": "45m"}
    ]
}"#;

/// `FARTHING_KEYS` with two keys; the first signs.
pub(super) fn secret() -> String {
    let key = |byte| URL_SAFE_NO_PAD.encode([byte; 32]);
    format!("a:{},b:{}", key(1), key(2))
}

pub(super) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::parse(&secret()).unwrap())
}

pub(super) fn config() -> &'static Config {
    static CONFIG_READ: OnceLock<Config> = OnceLock::new();
    CONFIG_READ.get_or_init(|| Config::parse(CONFIG).unwrap())
}

pub(super) fn gate() -> &'static Gate {
    static GATE: OnceLock<Gate> = OnceLock::new();
    GATE.get_or_init(|| Gate::new(CONFIG, &secret(), "<!doctype html>{{card}}", "default-src 'none'", false))
}

/// The route of [`ARTICLE`].
pub(super) fn route() -> &'static Route {
    match rule::decide(&config().routes, "/articles/x") {
        Matched::Priced(route) => route,
        other => panic!("{other:?}"),
    }
}

fn payer_key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::from_slice(&[1; 32]).unwrap())
}

/// The account that signs for inputs.
pub(super) fn payer() -> Address {
    static PAYER: OnceLock<Address> = OnceLock::new();
    *PAYER.get_or_init(|| {
        let point = payer_key().verifying_key().to_encoded_point(false);
        Address::from_raw_public_key(&point.as_bytes()[1..])
    })
}

/// A signature by the payer.
pub(super) fn sign(authorization: &Authorization, asset: &Asset) -> String {
    let digest = authorization.digest(asset);
    let (signature, id) = payer_key().sign_prehash_recoverable(digest.as_slice()).unwrap();
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + id.to_byte());
    hex::print(&bytes)
}

/// The quotes that an input can name: of the article's offers on both networks today, of the same two long ago, and of
/// another article.
pub(super) fn quotes() -> &'static [String; 5] {
    static QUOTES: OnceLock<[String; 5]> = OnceLock::new();
    QUOTES.get_or_init(|| {
        let at = |resource, now| {
            let offers = offer::offers(route(), resource, keys(), now, RANDOM);
            offers.into_iter().map(|offer| offer.extra.quote.unwrap()).collect::<Vec<_>>()
        };
        let today = at(ARTICLE, NOW - 60);
        let old = at(ARTICLE, NOW - 86_400);
        let other = at("https://news.example/articles/y", NOW - 60);
        [
            today[0].clone(),
            today[1].clone(),
            old[0].clone(),
            old[1].clone(),
            other[0].clone(),
        ]
    })
}

/// Puts the payer, the quotes and, last, the signature of what the text itself says into a text, so that a fuzzer which
/// changes the text still signs what it says: `$PAYER`, `$Q0` to `$Q4`, `$SIG`.
pub(super) fn fill(text: &str) -> String {
    let mut text = text.replace("$PAYER", &payer().to_checksum(None));
    for (index, quote) in quotes().iter().enumerate() {
        text = text.replace(&format!("$Q{index}"), quote);
    }
    if text.contains("$SIG") {
        let signature = signature_for(&text).unwrap_or_default();
        text = text.replace("$SIG", &signature);
    }
    text
}

fn signature_for(text: &str) -> Option<String> {
    let json = farthing::json::parse(text).ok()?;
    let authorization = Authorization::read(json.get("payload")?.get("authorization")?)?;
    let member = |name| {
        json.get("accepted")
            .and_then(|accepted| accepted.get(name))
            .and_then(Value::text)
    };
    let slug = || json.get("network").and_then(Value::text);
    let network = match member("network") {
        Some(text) => text.parse().ok()?,
        None => farthing::x402::Network::from_v1_slug(slug()?)?,
    };
    let asset = match member("asset").and_then(hex::read) {
        Some(contract) => Asset::find(network, Address::new(contract))?,
        None => Asset::default_of(network)?,
    };
    Some(sign(&authorization, asset))
}

/// Standard base64 with padding.
pub(super) fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// The first byte, and the rest as far as it is text.
pub(super) fn split(data: &[u8]) -> Option<(u8, &str)> {
    let (mode, rest) = data.split_first()?;
    Some((*mode, core::str::from_utf8(rest).ok()?))
}

/// No header may break out of its line.
pub(super) fn assert_clean(headers: &farthing::gate::Headers) {
    for (name, value) in headers {
        assert!(!value.chars().any(|c| c.is_control()), "{name}: {value:?}");
    }
}

/// What another reader makes of a text: a value, none if it is not JSON; an error where only its grammar can be judged,
/// because a part that nobody asked for has no value (half a surrogate pair, a number beyond all floats).
pub(super) fn second_opinion(body: &[u8]) -> Result<Option<serde_json::Value>, ()> {
    match serde_json::from_slice(body) {
        Ok(value) => Ok(Some(value)),
        Err(_) if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() => Err(()),
        Err(_) => Ok(None),
    }
}
