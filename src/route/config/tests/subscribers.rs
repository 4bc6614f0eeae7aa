//! Who pays elsewhere, and what an origin may say.

use super::*;

const KNOWN: &str = r#"{"url": "https://o.example", "headers": {"x-key": "KEY"}}"#;

fn read(origin: &str, site: &str, route: &str) -> Result<Config, String> {
    let text = SAMPLE
        .replace(r#"{"url": "https://origin.news.example"}"#, origin)
        .replace("\"routes\":", &format!("{site} \"routes\":"))
        .replace("\"price\":", &format!("{route} \"price\":"));
    Config::parse(&text).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn subscribers(text: &str) -> Result<Config, String> {
    read(KNOWN, &format!("\"subscribers\": {text},"), "")
}

#[test]
fn a_secret_of_a_login_is_a_secret_of_the_worker() {
    let config = subscribers(r#"{"jwt": {"secret": "LOGIN", "issuer": "x", "cookie": "session"}}"#).unwrap();
    let last = config.secrets().pop().unwrap();
    assert_eq!(
        (last.at.as_str(), last.name, last.form),
        ("subscribers.jwt.secret", "LOGIN", SecretForm::Shared)
    );
    assert_eq!(config.subscribers.jwt.unwrap().algorithms, ["HS256"]);
    let config =
        subscribers(r#"{"jwt": {"jwks": "https://l.example/k", "issuer": "x", "audience": "a", "header": "X-Token"}}"#).unwrap();
    let rules = config.subscribers.jwt.unwrap();
    assert_eq!((rules.algorithms.len(), rules.header.as_deref()), (4, Some("x-token")));
}

#[test]
fn b10_each_mistake_about_subscribers_has_its_own_sentence() {
    let jwt = |more: &str| format!(r#"{{"jwt": {{"issuer": "x", "audience": "a", "cookie": "session", {more}}}}}"#);
    let set = |more: &str| jwt(&format!(r#""jwks": "https://l.example/k", {more}"#));
    let word = |header: &str, cookies: &str| format!(r#"{{"originHeader": "{header}", "whenCookie": {cookies}}}"#);
    for (text, says) in [
        ("{}".to_string(), "subscribers: says nobody"),
        (
            r#"{"originHeader": "Farthing-Access"}"#.into(),
            "subscribers: \"originHeader\" and \"whenCookie\" go together",
        ),
        (
            r#"{"whenCookie": ["abc"]}"#.into(),
            "subscribers: \"originHeader\" and \"whenCookie\" go together",
        ),
        (
            word("Set-Cookie", "[\"abc\"]"),
            "subscribers.originHeader: must be the name of a header that is there for this alone",
        ),
        (word("Cache-Control", "[\"abc\"]"), "subscribers.originHeader"),
        (word("a b", "[\"abc\"]"), "subscribers.originHeader"),
        (word("Farthing-Access", "[]"), "subscribers.whenCookie: must list 1 to 16"),
        (word("Farthing-Access", "[\"*\"]"), "subscribers.whenCookie: must list"),
        (word("Farthing-Access", "[\"a*b\"]"), "subscribers.whenCookie: must list"),
        (
            word("Farthing-Access", "[\"__Host-farthing\"]"),
            "subscribers.whenCookie: must list",
        ),
        (word("Farthing-Access", "[\"a=b\"]"), "subscribers.whenCookie: must list"),
        (
            jwt(r#""claims": {"a": ["b"]}"#),
            "subscribers.jwt: must say where the keys are",
        ),
        (set(r#""secret": "LOGIN""#), "subscribers.jwt: must say where the keys are"),
        (
            jwt(r#""jwks": "http://l.example/k""#),
            "subscribers.jwt.jwks: is not the https:// address",
        ),
        (jwt(r#""jwks": "https://10.0.0.1/k""#), "subscribers.jwt.jwks"),
        (jwt(r#""jwks": "https://localhost/k""#), "subscribers.jwt.jwks"),
        (jwt(r#""jwks": "https://metadata.internal/k""#), "subscribers.jwt.jwks"),
        (jwt(r#""jwks": "https://a@l.example/k""#), "subscribers.jwt.jwks"),
        (jwt(r#""jwks": "https://l.example/k?a=b""#), "subscribers.jwt.jwks"),
        (
            set(r#""algorithms": ["none"]"#),
            "subscribers.jwt.algorithms: must list some of RS256",
        ),
        (
            set(r#""algorithms": ["HS256"]"#),
            "subscribers.jwt.algorithms: must list some of RS256",
        ),
        (set(r#""algorithms": []"#), "subscribers.jwt.algorithms"),
        (
            jwt(r#""secret": "LOGIN", "algorithms": ["RS256"]"#),
            "subscribers.jwt.algorithms: must list some of HS256",
        ),
        (set(r#""claims": {}"#), "subscribers.jwt.claims: must be an object"),
        (
            set(r#""claims": {"plan": []}"#),
            "subscribers.jwt.claims.plan: must list 1 to 16",
        ),
        (set(r#""header": "cookie""#), "subscribers.jwt.header: is not the name"),
        (set(r#""issuer2": "x""#), "subscribers.jwt.issuer2: is not known here"),
        (
            r#"{"jwt": {"jwks": "https://l.example/k", "issuer": "x", "cookie": "session"}}"#.into(),
            "subscribers.jwt: takes every token of this issuer",
        ),
        (
            r#"{"jwt": {"jwks": "https://l.example/k", "issuer": "x", "audience": "a"}}"#.into(),
            "subscribers.jwt: must say where a token comes",
        ),
        (
            r#"{"jwt": {"jwks": "https://l.example/k", "audience": "a", "cookie": "session"}}"#.into(),
            "subscribers.jwt.issuer: is missing",
        ),
    ] {
        let said = subscribers(&text).unwrap_err();
        assert!(said.starts_with(says), "{text}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let secret = subscribers(r#"{"jwt": {"secret": "s3cret", "issuer": "x", "cookie": "session"}}"#).unwrap_err();
    assert!(
        secret.starts_with("subscribers.jwt.secret: must be the name") && !secret.contains("s3cret"),
        "{secret}"
    );
}

#[test]
fn d7_an_origin_is_believed_only_where_it_can_tell_us_apart() {
    let word = r#""subscribers": {"originHeader": "Farthing-Access", "whenCookie": ["abc"]},"#;
    let ask = r#""ask": {"freeFrom": true},"#;
    for origin in ["\"dns\"", r#"{"url": "https://o.example"}"#] {
        let said = read(origin, word, "").unwrap_err();
        assert!(
            said.starts_with("subscribers.originHeader: needs an origin that can tell"),
            "{said}"
        );
        let said = read(origin, "", ask).unwrap_err();
        assert!(said.starts_with("routes[0].ask: needs an origin that can tell"), "{said}");
    }
    for origin in [
        KNOWN,
        r#"{"service": "SITE"}"#,
        "\"handler\"",
        r#"{"dns": true, "headers": {"x-key": "KEY"}}"#,
    ] {
        read(origin, word, ask).unwrap();
    }
    let said = read(r#"{"assets": "A"}"#, word, ask).unwrap_err();
    assert!(said.starts_with("subscribers.originHeader: needs a server"), "{said}");
    read(r#"{"bucket": "B"}"#, "", ask).unwrap();
}

#[test]
fn what_an_origin_may_say_has_bounds_and_payees() {
    let full = r#""ask": {"price": {"min": "$0.01", "max": "$1"}, "payTo": {"jane": {"eip155": "0x1111111111111111111111111111111111111111"}}, "remember": "1h"},"#;
    let config = read(KNOWN, "", full).unwrap();
    let ask = config.routes[0].ask.as_ref().unwrap();
    assert_eq!(
        (ask.prices.len(), ask.payees.len(), ask.remember, ask.meta),
        (1, 1, 3600, false)
    );
    // revenue is looked for at each of them, from the least price on
    let tokens: Vec<_> = config
        .tokens()
        .iter()
        .map(|token| (token.pay_to.to_string(), token.least.to_string()))
        .collect();
    assert_eq!(tokens.len(), 2);
    assert!(tokens.iter().all(|(_, least)| least == "10000"), "{tokens:?}");
    for (text, says) in [
        ("{}", "routes[0].ask: asks for nothing"),
        ("7", "routes[0].ask: must be an object"),
        (r#"{"price": {"min": "$0.01"}}"#, "routes[0].ask.price.max: is missing"),
        (
            r#"{"price": {"min": "free", "max": "$1"}}"#,
            "routes[0].ask.price.min: is missing, or is not in dollars",
        ),
        (
            r#"{"price": {"min": "$2", "max": "$1"}}"#,
            "routes[0].ask.price: \"min\" is more",
        ),
        (
            r#"{"price": {"min": "$0.0000001", "max": "$1"}}"#,
            "routes[0].ask.price.min: \"$0.0000001\" in USDC",
        ),
        (r#"{"payTo": {}}"#, "routes[0].ask.payTo: must be an object"),
        (
            r#"{"payTo": {"a b": {"eip155": "0x1111111111111111111111111111111111111111"}}}"#,
            "routes[0].ask.payTo.a b: is no name",
        ),
        (
            r#"{"payTo": {"jane": "0x1111111111111111111111111111111111111111"}}"#,
            "routes[0].ask.payTo.jane",
        ),
        (r#"{"freeFrom": "yes"}"#, "routes[0].ask.freeFrom: must be true or false"),
        (
            r#"{"freeFrom": true, "remember": "9s"}"#,
            "routes[0].ask.remember: \"9s\" is not a time",
        ),
        (r#"{"freeFrom": true, "remember": "2d"}"#, "routes[0].ask.remember"),
        (
            r#"{"author": true, "freeFrom": true}"#,
            "routes[0].ask.author: is not known here",
        ),
    ] {
        let said = read(KNOWN, "", &format!("\"ask\": {text},")).unwrap_err();
        assert!(said.starts_with(says), "{text}: {said}");
    }
    let prices = r#""prices": {"eip155:84532": "$0.04"}, "ask": {"price": {"min": "$0.01", "max": "$1"}},"#;
    assert!(
        read(KNOWN, "", prices)
            .unwrap_err()
            .starts_with("routes[0].ask.price: is in dollars")
    );
    let free = |more: &str| {
        let text = SAMPLE.replace("\"price\": \"$0.05\"", &format!("\"price\": \"free\", {more}"));
        Config::parse(&text).unwrap_err()[0].to_string()
    };
    assert!(free(r#""ask": {"freeFrom": true}"#).starts_with("routes[0].ask: is for pages that cost something"));
    assert!(free("\"subscribers\": true").starts_with("routes[0].subscribers: is for pages that cost something"));
}
