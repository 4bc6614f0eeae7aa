//! The config as publishers write it: read, refused with a sentence, turned into offers.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{check::is_loopback, *};

mod alerts;
mod desk;
mod networks;
mod origin;
mod paths;
mod prices;
mod schema;
mod screening;
mod settlement;
mod subscribers;

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

/// The routes of the sample with another list.
pub(crate) fn rules(list: &str) -> Vec<Route> {
    parse("[\"eip155:84532\"]", list).unwrap().routes
}

/// A config with these entries and routes, and a facilitator that settles metered payments; or its
/// mistakes, a line each.
fn parse(networks: &str, routes: &str) -> Result<Config, String> {
    let text = format!(
        r#"{{
            "site": "https://news.example",
            "origin": "dns",
            "payTo": {{"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"}},
            "money": "real",
            "networks": {networks},
            "settlement": {{"facilitators": [{{"url": "https://f.example", "address": "0x90F79bf6EB2c4f870365E785982E1f101E93b906"}}]}},
            "routes": {routes},
        }}"#
    );
    Config::parse(&text).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

#[test]
fn the_sample_is_read() {
    let config = Config::parse(SAMPLE).unwrap();
    assert_eq!(config.site, "https://news.example");
    assert_eq!(config.settlement.facilitators.len(), 1);
    assert!(
        matches!(&config.settlement.facilitators[0], Settler::Facilitator { url, .. } if url == "https://facilitator.example")
    );
    assert!(!config.paused);
    assert_eq!(config.settlement.timeout_seconds, 20);
    assert_eq!(config.routes[0].access, Access::Owned(30 * 24 * 60 * 60));
    assert_eq!(config.routes[0].offers[0].amount.to_string(), "50000");
    assert_eq!(config.routes[0].price, "$0.05");
    for (price, shown) in [("$0.1", "$0.10"), ("$2", "$2.00"), ("$0.002", "$0.002")] {
        let config = Config::parse(&SAMPLE.replace("$0.05", price)).unwrap();
        assert_eq!(config.routes[0].price, shown);
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
            "origin: must be one of",
        ),
        (r#"{"url": "https://origin.news.example"}"#, "7", "origin: must be one of"),
        ("0x3C44", "0x3c44", "checksum"),
        (
            "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
            "0x12",
            "payTo.eip155: \"0x12\" is not an address",
        ),
        (
            "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
            "0x0000000000000000000000000000000000000000",
            "payTo.eip155: \"0x0000000000000000000000000000000000000000\" is not an address: 0x and 40 hex digits, not all zero",
        ),
        (
            "[\"eip155:84532\"]",
            "[\"eip155:5\"]",
            "networks[0]: eip155:5 is not in farthing's table",
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
            "networks[1]: USDC on eip155:84532 by eip3009 stands twice",
        ),
        (
            "{\"eip155:84532\": [",
            "{\"eip155:8453\": [",
            "settlement.rpc[\"eip155:8453\"]: this network is not among",
        ),
        (
            "{\"eip155:84532\": [\"https://rpc.example\"]}",
            "[\"https://rpc.example\"]",
            "settlement.rpc: must be an object",
        ),
        ("https://facilitator.example/", "ftp://x", "settlement.facilitators[0].url"),
        (
            "\"$0.05\"",
            "\"5 cents\"",
            "routes[0].price: \"5 cents\" is in an asset that \"networks\" does not name",
        ),
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

#[test]
fn g1_no_mistake_shows_what_may_be_a_secret() {
    for origin in [
        r#"{"url": "https://user:S3CRET@origin.example/x"}"#,
        r#"{"url": "https://origin.example?key=S3CRET"}"#,
        r#"{"url": "https://origin.example#S3CRET"}"#,
        r#"{"uri": "https://origin.example/S3CRET"}"#,
        r#"{"url": "ftp://origin.example/S3CRET"}"#,
        "\"S3CRET\"",
    ] {
        let text = SAMPLE.replacen(r#"{"url": "https://origin.news.example"}"#, origin, 1);
        assert!(text.contains("S3CRET"), "{text}");
        let errors = Config::parse(&text).unwrap_err();
        assert!(!errors.is_empty());
        for error in errors {
            assert!(!error.to_string().contains("S3CRET"), "{error}");
        }
    }
}
