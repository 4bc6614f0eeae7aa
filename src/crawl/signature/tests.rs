//! Signatures against the published vectors, and every fault once.

use super::*;
use crate::cases;
use alloc::{format, string::ToString};
use proptest::prelude::*;
use serde_json::Value;

const NOW: u64 = 1_800_000_000;
const KEY: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
const SIGNATURE: &str = "sig=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==:";

/// A request's headers, of which tests change one or the other.
#[derive(Clone)]
struct Sent(Vec<(String, String)>);

impl Sent {
    fn new(components: &str, parameters: &str) -> Self {
        Self(Vec::from([
            ("signature-agent".to_string(), "sig=\"https://agent.example\"".to_string()),
            ("signature-input".to_string(), format!("sig=({components}){parameters}")),
            ("signature".to_string(), SIGNATURE.to_string()),
        ]))
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name.to_string(), value.to_string()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self
    }

    fn claim_at(&self, now: u64) -> Result<Option<Claim>, Fault> {
        let field = |name: &str| {
            self.0
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, value)| value.as_str())
        };
        let message = Message {
            method: "GET",
            url: "https://news.example/articles/x?a=b",
            field: &field,
        };
        claim(&message, Some(now), false, &|host| host == "agent.example")
    }

    fn claim(&self) -> Result<Option<Claim>, Fault> {
        self.claim_at(NOW)
    }
}

const COVERED: &str = r#""@authority" "signature-agent";key="sig""#;

fn parameters() -> String {
    format!(
        r#";created={NOW};expires={};keyid="{KEY}";alg="ed25519";nonce="bm9uY2U0dGhpcw==";tag="web-bot-auth""#,
        NOW + 60
    )
}

fn sent() -> Sent {
    Sent::new(COVERED, &parameters())
}

fn changed(from: &str, to: &str) -> Result<Option<Claim>, Fault> {
    let text = parameters();
    assert!(text.contains(from), "{from}");
    Sent::new(COVERED, &text.replace(from, to)).claim()
}

#[test]
fn bases_are_those_of_the_published_vectors() {
    let file: Value = serde_json::from_str(include_str!("../../../tests/vectors/web-bot-auth.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let field = |name: &str| vector["headers"][name].as_str();
        let message = Message {
            method: text("method"),
            url: text("url"),
            field: &field,
        };
        let members = dictionary(field("signature-input").unwrap()).unwrap();
        let [(label, member)] = members.as_slice() else { panic!() };
        let Member::List(components, _) = member else { panic!() };
        assert_eq!(base(&message, components, member).unwrap(), text("base"), "{}", text("name"));
        if let Some(header) = field("signature-agent") {
            let host = agent_of(label, components, Some(header), false).unwrap();
            assert_eq!(host, Some(("signature-agent.test".into(), true)));
        }
    }
}

#[test]
fn a_signature_claims_who_when_and_over_what() {
    let claim = sent().claim().unwrap().unwrap();
    assert_eq!(
        (claim.host.as_str(), claim.key.as_str(), claim.expires),
        ("agent.example", KEY, NOW + 60)
    );
    assert_eq!(claim.nonce, "bm9uY2U0dGhpcw==");
    assert_eq!(
        claim.base,
        format!(
            "\"@authority\": news.example\n\"signature-agent\";key=\"sig\": \"https://agent.example\"\n\"@signature-params\": ({COVERED}){}",
            parameters()
        )
    );
}

#[test]
fn every_component_has_its_value() {
    let components =
        r#""@method" "@scheme" "@target-uri" "@path" "@request-target" "@query" "signature-agent" "date" "d";key="b""#;
    let sent = Sent::new(components, &parameters())
        .with("date", " now, then\t")
        .with("d", "a=1, b=( 2);c , e");
    let claim = sent.claim().unwrap().unwrap();
    let lines: Vec<&str> = claim.base.lines().collect();
    assert_eq!(
        lines[..9],
        [
            "\"@method\": GET",
            "\"@scheme\": https",
            "\"@target-uri\": https://news.example/articles/x?a=b",
            "\"@path\": /articles/x",
            "\"@request-target\": /articles/x?a=b",
            "\"@query\": ?a=b",
            "\"signature-agent\": sig=\"https://agent.example\"",
            "\"date\": now, then",
            "\"d\";key=\"b\": (2);c",
        ]
    );
    for (url, authority, path, query) in [
        ("https://News.Example:443/x", "news.example", "/x", "?"),
        ("https://news.example:8443", "news.example:8443", "/", "?"),
        ("http://news.example:80/?", "news.example", "/", "?"),
        ("http://news.example:443/%41?q?r", "news.example:443", "/%41", "?q?r"),
    ] {
        let message = Message {
            method: "GET",
            url,
            field: &|_| None,
        };
        for (name, want) in [("\"@authority\"", authority), ("\"@path\"", path), ("\"@query\"", query)] {
            let mut out = String::new();
            value(&message, &field::item(name).unwrap(), &mut out).unwrap();
            assert_eq!(out, want, "{url} {name}");
        }
    }
}

#[test]
fn what_is_no_agents_signature_is_not_looked_at() {
    let nobody = Ok(None);
    assert_eq!(sent().without("signature").without("signature-input").claim(), nobody);
    assert_eq!(changed("web-bot-auth", "other"), nobody);
    assert_eq!(changed(";tag=\"web-bot-auth\"", ""), nobody);
    // who is in no policy is held to nothing
    let stranger = sent().with("signature-agent", "sig=\"https://stranger.example\"");
    assert_eq!(stranger.claim_at(NOW + 9999), nobody);
    for other in [
        "sig=\"https://agent.example/card\";type=cimd",
        "sig=\"https://agent.example\";type=jwks_uri",
        "sig=\"http://agent.example\"",
        "sig=\"https://10.0.0.1\"",
        "sig=\"http://127.0.0.1:8080\"",
    ] {
        assert_eq!(sent().with("signature-agent", other).claim(), nobody, "{other}");
    }
    assert_eq!(
        Sent::new("\"@authority\"", &parameters()).without("signature-agent").claim(),
        nobody
    );
}

#[test]
fn of_several_signatures_the_one_of_a_known_agent_counts() {
    let other = format!("other=(\"@authority\" \"signature-agent\";key=\"other\"){}", parameters());
    let both = sent()
        .with(
            "signature-agent",
            "other=\"https://stranger.example\", sig=\"https://agent.example\"",
        )
        .with("signature-input", &format!("{other}, sig=({COVERED}){}", parameters()))
        .with("signature", &format!("{}, {SIGNATURE}", SIGNATURE.replace("sig", "other")));
    assert_eq!(both.claim().unwrap().unwrap().host, "agent.example");
    // the label may be another than the member's name
    let relabelled = sent()
        .with("signature-input", &format!("b=({COVERED}){}", parameters()))
        .with("signature", &SIGNATURE.replace("sig", "b"));
    assert_eq!(relabelled.claim().unwrap().unwrap().host, "agent.example");
    // older drafts
    let old = Sent::new(r#""@authority" "signature-agent""#, &parameters()).with("signature-agent", "\"https://agent.example\"");
    assert!(
        old.claim()
            .unwrap()
            .unwrap()
            .base
            .contains("\"signature-agent\": \"https://agent.example\"\n")
    );
}

#[test]
fn d11_every_fault_has_its_own_name() {
    for (from, to, want) in [
        (format!("created={NOW};"), String::new(), Fault::NoTimes),
        (format!("expires={}", NOW + 60), "x=1".into(), Fault::NoTimes),
        (format!("created={NOW}"), "created=-1".into(), Fault::NoTimes),
        (format!("created={NOW}"), format!("created=\"{NOW}\""), Fault::NoTimes),
        (
            format!("created={NOW}"),
            format!("created={}", NOW + SKEW_SECONDS + 1),
            Fault::NotYet,
        ),
        (format!("expires={}", NOW + 60), format!("expires={NOW}"), Fault::Expired),
        (
            format!("expires={}", NOW + 60),
            format!("expires={}", NOW + MAX_SECONDS + 1),
            Fault::TooLong,
        ),
        (format!("created={NOW}"), "created=0".into(), Fault::TooLong),
        (KEY.into(), "test-key-ed25519".into(), Fault::Key),
        (KEY.into(), TEST_KEY.into(), Fault::Key),
        (format!("keyid=\"{KEY}\";"), String::new(), Fault::Key),
        ("nonce=\"bm9uY2U0dGhpcw==\";".into(), String::new(), Fault::NoNonce),
        ("bm9uY2U0dGhpcw==".into(), "short".into(), Fault::NoNonce),
        ("bm9uY2U0dGhpcw==".into(), "a".repeat(129), Fault::NoNonce),
        ("ed25519".into(), "rsa-pss-sha512".into(), Fault::Algorithm),
        ("\"ed25519\"".into(), "ed25519".into(), Fault::Algorithm),
    ] {
        assert_eq!(changed(&from, &to), Err(want), "{from} -> {to}");
    }
    for (components, want) in [
        (r#""signature-agent";key="sig""#, Fault::NoAuthority),
        (r#""@authority";req "signature-agent";key="sig""#, Fault::NoAuthority),
        (r#""@authority""#, Fault::NoAgent),
        (r#""@authority" "signature-agent";key="other""#, Fault::Absent),
        (r#""@authority" "signature-agent";key=sig"#, Fault::NoAgent),
        (r#""@authority" "signature-agent";key="sig" "date""#, Fault::Absent),
        (r#""@authority" "signature-agent";key="sig" "@authority""#, Fault::Component),
        (r#""@authority" "signature-agent";key="sig" "@status""#, Fault::Component),
        (
            r#""@authority" "signature-agent";key="sig" "@query-param";name="a""#,
            Fault::Component,
        ),
        (r#""@authority" "signature-agent";key="sig";bs"#, Fault::Component),
        (r#""@authority" "signature-agent";key="sig" 7"#, Fault::Component),
    ] {
        assert_eq!(Sent::new(components, &parameters()).claim(), Err(want), "{components}");
    }
    for (name, value) in [
        ("signature-input", "sig"),
        ("signature-input", "sig=\"x\""),
        ("signature-input", "sig=(\"@authority\""),
        ("signature", "sig=x"),
        ("signature", "other=:AAAA:"),
        ("signature", "sig=(:AAAA:)"),
        ("signature", ""),
        ("signature-agent", "sig=("),
        ("signature-agent", "sig=(\"https://agent.example\")"),
        ("signature-agent", "sig=https"),
        ("signature-agent", "\"https://agent.example"),
    ] {
        assert_eq!(sent().with(name, value).claim(), Err(Fault::Malformed), "{name}: {value}");
    }
    for name in ["signature", "signature-input"] {
        assert_eq!(sent().without(name).claim(), Err(Fault::Malformed), "{name}");
    }
    assert_eq!(sent().without("signature-agent").claim(), Err(Fault::Absent));
    assert_eq!(sent().with("signature", "sig=:AAAA:").claim(), Err(Fault::Algorithm));
    let foreign = Sent::new(r#""@authority" "signature-agent";key="sig" "date""#, &parameters());
    assert_eq!(foreign.with("date", "día").claim(), Err(Fault::Component));
}

#[test]
fn d11_headers_about_money_are_covered_or_nothing_counts() {
    for name in MONEY {
        assert_eq!(sent().with(name, "x").claim(), Err(Fault::Uncovered), "{name}");
        let covered = format!("{COVERED} \"{name}\"");
        let claim = Sent::new(&covered, &parameters()).with(name, "x").claim().unwrap().unwrap();
        assert!(claim.base.contains(&format!("\n\"{name}\": x\n")));
        // removed on the way
        assert_eq!(Sent::new(&covered, &parameters()).claim(), Err(Fault::Absent));
        // a part of it is not the whole
        let part = format!("{COVERED} \"{name}\";key=\"a\"");
        assert_eq!(
            Sent::new(&part, &parameters()).with(name, "a=1").claim(),
            Err(Fault::Uncovered)
        );
    }
}

#[test]
fn d11_times_are_looked_at_to_the_second() {
    assert!(sent().claim_at(NOW + 59).is_ok());
    assert_eq!(sent().claim_at(NOW + 60), Err(Fault::Expired));
    assert!(sent().claim_at(NOW - SKEW_SECONDS).is_ok());
    assert_eq!(sent().claim_at(NOW - SKEW_SECONDS - 1), Err(Fault::NotYet));
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn d11_no_header_adds_a_line_to_the_base(value in "[ -~]{0,20}", name in "[a-z]{1,8}") {
        let components = format!("{COVERED} \"{name}\"");
        if let Ok(Some(claim)) = Sent::new(&components, &parameters()).with(&name, &value).claim() {
            prop_assert_eq!(claim.base.lines().count(), 4);
            let last = claim.base.lines().last().unwrap();
            prop_assert_eq!(last, format!("\"@signature-params\": ({components}){}", parameters()));
        }
    }

    #[test]
    fn c1_whatever_comes_is_a_claim_or_a_fault(input in "[ -~]{0,80}", signature in "[ -~]{0,40}", agent in "[ -~]{0,40}") {
        let sent = sent();
        let _ = sent.clone().with("signature-input", &input).claim();
        let _ = sent.clone().with("signature", &signature).claim();
        let _ = sent.with("signature-agent", &agent).claim();
    }
}
