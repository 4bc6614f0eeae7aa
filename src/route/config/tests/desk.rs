//! `desk`: whom Access lets in, and a password for development runs.

use alloc::{
    format,
    string::{String, ToString},
};

use super::super::{Config, Desk};
use crate::access::jwt::KeySource;

fn desk(value: &str) -> Result<Desk, String> {
    let text = format!(
        r#"{{
            "site": "https://news.example", "origin": "dns", "payTo": {{"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"}},
            "networks": ["eip155:84532"], "settlement": {{"facilitators": [{{"url": "https://f.example"}}]}},
            "routes": [{{"match": "/x", "price": "$1"}}], "desk": {value}
        }}"#
    );
    Config::parse(&text)
        .map(|config| config.desk)
        .map_err(|errors| errors.first().map(ToString::to_string).unwrap_or_default())
}

#[test]
fn the_team_names_its_keys_and_the_audience_what_they_are_for() {
    let access = desk(r#"{"access": {"team": "https://news.cloudflareaccess.com", "audience": "4714"}}"#)
        .unwrap()
        .access
        .unwrap();
    assert_eq!(
        access.keys,
        KeySource::Set("https://news.cloudflareaccess.com/cdn-cgi/access/certs".into())
    );
    assert_eq!(
        (
            access.issuer.as_str(),
            access.audience.as_deref(),
            access.algorithms.as_slice()
        ),
        ("https://news.cloudflareaccess.com", Some("4714"), &["RS256".into()][..])
    );
    // neither a cookie, which another site's page could have a browser send, nor a claim that anybody could choose
    assert_eq!((access.cookie, access.claims.len()), (None, 0));
}

#[test]
fn what_lets_everybody_in_or_nobody_is_a_mistake_with_its_place() {
    for (value, place) in [
        (
            r#"{"access": {"team": "https://news.cloudflareaccess.com"}}"#,
            "desk.access.audience",
        ),
        (
            r#"{"access": {"team": "https://news.cloudflareaccess.com", "audience": ""}}"#,
            "desk.access.audience",
        ),
        (
            &format!(
                r#"{{"access": {{"team": "https://t.example", "audience": "{}"}}}}"#,
                "a".repeat(129)
            ),
            "desk.access.audience",
        ),
        (r#"{"access": {"team": "news", "audience": "4714"}}"#, "desk.access.team"),
        (
            r#"{"access": {"team": "http://news.example", "audience": "4714"}}"#,
            "desk.access.team",
        ),
        (
            r#"{"access": {"team": "https://news.example/", "audience": "4714"}}"#,
            "desk.access.team",
        ),
        (
            r#"{"access": {"team": "https://user@news.example", "audience": "4714"}}"#,
            "desk.access.team",
        ),
        // threat D8: only names of the public DNS are asked for keys
        (
            r#"{"access": {"team": "https://10.0.0.1", "audience": "4714"}}"#,
            "desk.access.team",
        ),
        (
            r#"{"access": {"team": "https://keys.internal", "audience": "4714"}}"#,
            "desk.access.team",
        ),
        (
            r#"{"access": {"team": "https://news.example", "audience": "4714", "x": 1}}"#,
            "desk.access.x",
        ),
        (r#"{"password": "secret"}"#, "desk.password"),
        (r#"{"passwordHash": "secret"}"#, "desk.passwordHash"),
        (r#"{"passwordHash": 5}"#, "desk.passwordHash"),
        (r#"{"retention": 0}"#, "desk.retention"),
        (r#"{"retention": 3651}"#, "desk.retention"),
        (r#"{"retention": "400"}"#, "desk.retention"),
        ("true", "desk"),
    ] {
        let error = desk(value).unwrap_err();
        assert!(error.starts_with(&format!("{place}: ")), "{value}: {error}");
    }
    assert_eq!(desk("{}").unwrap(), Desk::default(), "closed");
    let kept = desk(r#"{"retention": 30}"#).unwrap();
    assert_eq!((kept.retention, kept.is_open(), Desk::default().retention), (30, false, 400));
}
