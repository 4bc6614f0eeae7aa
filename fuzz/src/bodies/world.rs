//! The one site, payer and moment that all inputs are about, so that a committed input keeps its meaning.

use std::sync::OnceLock;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use farthing::{
    access::{Keys, sign_in},
    evm::{Address, Authorization, B256, Permit, Signed, Transfer, hex},
    gate::Gate,
    json::Value,
    offer,
    route::{Config, Matched, Route, rule},
    x402::{Network, extension::sign_in::Proof, v2::Scheme},
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
    "money": "real", "networks": ["eip155:84532", "eip155:8453"],
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

/// The route of [`ARTICLE`] with every way to pay: on two networks by EIP-3009, by Permit2, metered. One price of old holds
/// for v1 clients, another does not any more.
pub(super) fn route() -> &'static Route {
    static ROUTE: OnceLock<Route> = OnceLock::new();
    ROUTE.get_or_init(|| {
        let Matched::Priced(route, _) = rule::decide(&config().routes, "GET", "/articles/x") else {
            panic!("the article is priced");
        };
        let mut route = route.clone();
        let mut permit2 = route.offers[0].clone();
        permit2.extra.transfer = Transfer::Permit2;
        let mut upto = permit2.clone();
        upto.scheme = Scheme::Upto;
        upto.extra.facilitator = Some(Address::repeat_byte(0xfa));
        let recent = |amount: &str, until| {
            let mut offer = route.offers[0].clone();
            offer.amount = amount.parse().unwrap();
            (offer, until)
        };
        route.recent = vec![recent("40000", NOW + 60), recent("30000", NOW - 1)];
        route.offers.extend([permit2, upto]);
        route
    })
}

/// The same where contracts may pay.
pub(super) fn route_for_contracts() -> &'static Route {
    static ROUTE: OnceLock<Route> = OnceLock::new();
    ROUTE.get_or_init(|| {
        let mut route = route().clone();
        route.contract_wallets = true;
        route
    })
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
pub(super) fn sign(digest: B256) -> String {
    let (signature, id) = payer_key().sign_prehash_recoverable(digest.as_slice()).unwrap();
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + id.to_byte());
    hex::print(&bytes)
}

/// The quotes that an input can name: of the article's first two offers today, of the same two long ago, of another
/// article; of the article's permits by both schemes today, and of the metered one long ago.
pub(super) fn quotes() -> &'static [String; 8] {
    static QUOTES: OnceLock<[String; 8]> = OnceLock::new();
    QUOTES.get_or_init(|| {
        let at = |resource, now| {
            let offers = offer::offers(route(), resource, keys(), now, RANDOM);
            offers.into_iter().map(|offer| offer.extra.quote.unwrap()).collect::<Vec<_>>()
        };
        let today = at(ARTICLE, NOW - 60);
        let old = at(ARTICLE, NOW - 86_400);
        let other = at("https://news.example/articles/y", NOW - 60);
        [
            &today[0], &today[1], &old[0], &old[1], &other[0], &today[2], &today[3], &old[3],
        ]
        .map(Clone::clone)
    })
}

/// Puts the payer, the quotes and, last, the signature of what the text itself says into a text, so that a fuzzer which
/// changes the text still signs what it says: `$PAYER`, `$Q0` to `$Q7`, `$SIG`.
pub(super) fn fill(text: &str) -> String {
    let mut text = text.replace("$PAYER", &payer().to_checksum(None));
    for (index, quote) in quotes().iter().enumerate() {
        text = text.replace(&format!("$Q{index}"), quote);
    }
    if text.contains("$NONCE") {
        let nonce = sign_in::nonce(keys(), SITE.trim_start_matches("https://"), NOW, [7; 4]);
        text = text.replace("$NONCE", &nonce.unwrap());
    }
    if text.contains("$SIG") {
        let signature = digest_of(&text).map(sign).unwrap_or_default();
        text = text.replace("$SIG", &signature);
    }
    text
}

fn digest_of(text: &str) -> Option<B256> {
    let json = farthing::json::parse(text).ok()?;
    if let Ok(proof) = Proof::read(&json) {
        let network: Network = proof.chain_id.parse().ok()?;
        let message = sign_in::message(&proof, network.chain_id(), &payer().to_checksum(None));
        return Some(sign_in::personal_hash(&message));
    }
    let payload = json.get("payload")?;
    let signed = match payload.get("authorization") {
        Some(json) => Signed::Eip3009(Authorization::read(json)?),
        None => Signed::Permit2(Permit::read(payload.get("permit2Authorization")?)?),
    };
    let accepted = json.get("accepted").and_then(|accepted| accepted.get("network"));
    let network: Network = match accepted.and_then(Value::text) {
        Some(text) => text.parse().ok()?,
        None => Network::from_v1_slug(json.get("network").and_then(Value::text)?)?,
    };
    let offer = route().offers.iter().find(|offer| offer.network == network)?;
    Some(signed.digest(&offer.domain()))
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
