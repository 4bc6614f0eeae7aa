//! The way of a request, with real signatures and without anything outside.

mod cors;
mod counted;
mod crawlers;
mod desk;
mod extensions;
mod goods;
mod mine;
mod money;
mod paused;
mod receipts;
mod refunds;
mod revoked;
mod screening;
mod subscribers;
mod supported;
mod teaser;
mod wider;

use alloc::{format, string::String, vec::Vec};
use std::vec;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::*;
use crate::{
    access::{Pass, cookie, keys::test_keys},
    evm::{Asset, Authorization, B256, Key, hex},
    ledger::{Grant, Intent, Reply, Shelf},
    offer::{self, matching::Version},
    route::config::tests::SAMPLE,
    x402::Network,
};

const NOW: u64 = 1_795_000_000;
const URL: &str = "https://news.example/articles/x";
const KEYS: &str = "a:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE,b:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";

fn gate() -> Gate {
    Gate::new(
        SAMPLE,
        KEYS,
        "<h1>{{title}}</h1>{{price}} {{offer}}{{demo}}",
        "default-src 'none'",
        false,
    )
}

fn request(url: &'static str) -> Request<'static> {
    Request {
        method: "GET",
        url,
        ..Request::default()
    }
}

fn answer(decision: Decision) -> Answer {
    match decision {
        Decision::Answer(answer) => answer,
        other => panic!("{other:?}"),
    }
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer
        .headers
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.as_str())
}

fn problem_of(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["status"], answer.status);
    let slug = body["type"]
        .as_str()
        .unwrap()
        .strip_prefix(crate::problem::TYPE_BASE)
        .unwrap()
        .to_owned();
    assert_eq!(Problem::from_slug(&slug).unwrap().status(), answer.status);
    slug
}

fn decoded(text: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
}

/// The first offer of a fresh 402.
fn offer(gate: &Gate, url: &'static str, random: u8) -> Value {
    let answer = answer(gate.decide(&request(url), NOW, [random; 16]));
    decoded(header(&answer, "PAYMENT-REQUIRED").unwrap())["accepts"][0].clone()
}

struct Payer(Key);

impl Payer {
    fn new(byte: u8) -> Self {
        Self(Key::from_bytes(&[byte; 32]).unwrap())
    }

    fn address(&self) -> Address {
        self.0.address()
    }

    fn authorization(&self, offer: &Value, nonce: u8) -> Authorization {
        Authorization {
            from: self.address(),
            to: hex::read(offer["payTo"].as_str().unwrap()).map(Address::new).unwrap(),
            value: offer["amount"].as_str().unwrap().parse().unwrap(),
            valid_after: 0,
            valid_before: NOW + 300,
            nonce: B256::repeat_byte(nonce),
        }
    }

    fn sign(&self, authorization: &Authorization) -> String {
        let digest = authorization.digest(&Asset::default_of(Network::BASE_SEPOLIA).unwrap().domain());
        self.0.sign(digest).unwrap()
    }

    fn payment(&self, offer: &Value, nonce: u8) -> Value {
        let authorization = self.authorization(offer, nonce);
        let signature = self.sign(&authorization);
        json!({"x402Version": 2, "accepted": offer, "payload": {"signature": signature, "authorization": authorization}})
    }
}

fn encode(payment: &Value) -> String {
    STANDARD.encode(payment.to_string())
}

/// The intent of a payment that is claimed, or the slug of the problem it is refused with.
fn pay(gate: &Gate, url: &'static str, header: &str) -> Result<Intent, String> {
    let request = Request {
        payment: Some(header),
        ..request(url)
    };
    match gate.decide(&request, NOW, [9; 16]) {
        Decision::Ledger(call) => {
            assert_eq!(call.call, "claim");
            Ok(serde_json::from_str(&call.body).unwrap())
        }
        other => Err(problem_of(&answer(other))),
    }
}

#[test]
fn a_402_offers_the_article_to_both_generations() {
    let answer = answer(gate().decide(&request(URL), NOW, [1; 16]));
    assert_eq!(answer.status, 402);
    assert_eq!(header(&answer, "Cache-Control"), Some("private, no-store"));
    let required = decoded(header(&answer, "PAYMENT-REQUIRED").unwrap());
    assert_eq!(required["x402Version"], 2);
    assert_eq!(required["resource"]["url"], URL);
    let offer = &required["accepts"][0];
    let mut fields: Vec<&String> = offer.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(
        fields,
        ["amount", "asset", "extra", "maxTimeoutSeconds", "network", "payTo", "scheme"]
    );
    assert_eq!(offer["amount"], "50000");
    assert_eq!(offer["asset"], "0x036CbD53842c5426634e7929541eC2318f3dCF7e");
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["x402Version"], 1);
    let v1 = &body["accepts"][0];
    assert_eq!(
        (&v1["network"], &v1["maxAmountRequired"], &v1["resource"], &v1["mimeType"]),
        (&json!("base-sepolia"), &json!("50000"), &json!(URL), &json!(""))
    );
}

#[test]
fn people_get_a_page_and_its_texts_are_escaped() {
    let gate = Gate::new(
        &SAMPLE.replace("One article", "<b>&'\\\"{{offer}}"),
        KEYS,
        "<h1>{{title}}</h1>{{price}}",
        "x",
        false,
    );
    let answer = answer(gate.decide(
        &Request {
            accept: "text/html,*/*",
            ..request(URL)
        },
        NOW,
        [1; 16],
    ));
    assert_eq!(answer.status, 402);
    assert_eq!(answer.body, "<h1>&lt;b&gt;&amp;&#39;&quot;{{offer}}</h1>$0.05");
    assert!(header(&answer, "PAYMENT-REQUIRED").is_some());
}

#[test]
fn an_honest_payment_is_claimed() {
    let gate = gate();
    let payer = Payer::new(7);
    let offer = offer(&gate, URL, 1);
    let intent = pay(&gate, URL, &encode(&payer.payment(&offer, 3))).unwrap();
    assert_eq!(intent.payer, payer.address());
    assert_eq!(intent.resource, URL);
    assert!(intent.secret && !intent.tagged && intent.late.is_none());
    let request: Value = serde_json::from_str(&intent.request).unwrap();
    let mut plain = offer.clone();
    for own in ["quote", "accessSeconds"] {
        plain["extra"].as_object_mut().unwrap().remove(own);
    }
    assert_eq!(
        request["paymentRequirements"], plain,
        "A16: the quote stays between the payer and us"
    );
    assert_eq!(request["paymentPayload"]["accepted"], plain);
    // a client that drops what it does not know pays today's price just the same
    assert!(!pay(&gate, URL, &encode(&payer.payment(&plain, 3))).unwrap().secret);
}

#[test]
fn a_nonce_with_the_quotes_tag_is_known_as_made_for_it() {
    let gate = gate();
    let payer = Payer::new(7);
    let offer = offer(&gate, URL, 1);
    let tag = offer::quote::tag_of(offer["extra"]["quote"].as_str().unwrap()).unwrap();
    let mut authorization = payer.authorization(&offer, 0);
    authorization.nonce.0[..16].copy_from_slice(&tag);
    let payment = json!({"x402Version": 2, "accepted": offer, "payload": {"signature": payer.sign(&authorization), "authorization": authorization}});
    assert!(pay(&gate, URL, &encode(&payment)).unwrap().tagged);
}

#[test]
fn a3_every_changed_field_is_refused_without_asking_anybody() {
    let gate = gate();
    let payer = Payer::new(7);
    let good = payer.payment(&offer(&gate, URL, 1), 3);
    let other = json!("0x90F79bf6EB2c4f870365E785982E1f101E93b906");
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/x402Version", json!(1), "unsupported-x402-version"),
        ("/x402Version", json!(3), "unsupported-x402-version"),
        ("/x402Version", json!("2"), "unsupported-x402-version"),
        ("/accepted", json!(null), "payment-malformed"),
        ("/accepted", json!([]), "payment-malformed"),
        ("/accepted/scheme", json!("upto"), "scheme-not-offered"),
        ("/accepted/scheme", json!(null), "scheme-not-offered"),
        ("/accepted/network", json!("eip155:8453"), "network-not-offered"),
        ("/accepted/network", json!("base-sepolia"), "network-not-offered"),
        ("/accepted/asset", other.clone(), "asset-not-offered"),
        ("/accepted/payTo", other.clone(), "recipient-mismatch"),
        ("/accepted/amount", json!("1"), "amount-mismatch"),
        ("/accepted/amount", json!("050000"), "amount-mismatch"),
        ("/accepted/amount", json!("5e4"), "amount-mismatch"),
        ("/accepted/amount", json!(50000), "payment-malformed"),
        ("/accepted/maxTimeoutSeconds", json!(3000), "offer-unknown"),
        ("/accepted/extra/name", json!("USD Coin"), "offer-unknown"),
        ("/accepted/extra/version", json!("1"), "offer-unknown"),
        ("/payload", json!(null), "payment-malformed"),
        ("/payload/signature", json!("0x"), "signature-invalid"),
        (
            "/payload/signature",
            json!(format!("0x{}1b", "11".repeat(64))),
            "signature-invalid",
        ),
        (
            "/payload/signature",
            json!(format!("0x{}", "11".repeat(100))),
            "signature-unsupported",
        ),
        ("/payload/authorization", json!(null), "payment-malformed"),
        ("/payload/authorization/from", other.clone(), "signature-invalid"),
        ("/payload/authorization/from", json!("0x12"), "payment-malformed"),
        ("/payload/authorization/to", other, "recipient-mismatch"),
        ("/payload/authorization/value", json!("49999"), "amount-mismatch"),
        ("/payload/authorization/value", json!("50001"), "amount-mismatch"),
        ("/payload/authorization/value", json!("-1"), "payment-malformed"),
        ("/payload/authorization/validAfter", json!("1"), "signature-invalid"),
        (
            "/payload/authorization/validAfter",
            json!((NOW + 1).to_string()),
            "authorization-not-yet-valid",
        ),
        (
            "/payload/authorization/validBefore",
            json!((NOW + 299).to_string()),
            "signature-invalid",
        ),
        (
            "/payload/authorization/validBefore",
            json!((NOW + 331).to_string()),
            "authorization-too-long",
        ),
        (
            "/payload/authorization/validBefore",
            json!("340282366920938463463374607431768211456"),
            "payment-malformed",
        ),
        (
            "/payload/authorization/nonce",
            json!(format!("0x{}", "04".repeat(32))),
            "signature-invalid",
        ),
        ("/payload/authorization/nonce", json!("0x04"), "payment-malformed"),
    ];
    assert!(pay(&gate, URL, &encode(&good)).is_ok());
    for (path, value, want) in cases {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = value.clone();
        assert_eq!(pay(&gate, URL, &encode(&bad)).unwrap_err(), want, "{path} = {value}");
    }
}

#[test]
fn c5_each_malformed_header_has_its_own_problem() {
    let gate = gate();
    let payer = Payer::new(7);
    let good = encode(&payer.payment(&offer(&gate, URL, 1), 3));
    let repeated = format!("{good}, {good}");
    let large = "A".repeat(16 * 1024 + 1);
    let not_json = STANDARD.encode("hello");
    let twice = STANDARD.encode(r#"{"x402Version":2,"x402Version":2}"#);
    for (header, want) in [
        ("%%%", "payment-not-base64"),
        ("", "payment-not-base64"),
        (not_json.as_str(), "payment-not-json"),
        (twice.as_str(), "payment-not-json"),
        (large.as_str(), "payment-header-too-large"),
        (repeated.as_str(), "payment-header-repeated"),
        ("e30=", "unsupported-x402-version"),
    ] {
        assert_eq!(pay(&gate, URL, header).unwrap_err(), want);
    }
    for (method, want) in [
        ("HEAD", "method-cannot-pay"),
        ("OPTIONS", "method-cannot-pay"),
        ("POST", "method-not-payable"),
        ("PURGE", "method-not-payable"),
    ] {
        let request = Request {
            method,
            payment: Some(&good),
            ..request(URL)
        };
        assert_eq!(problem_of(&answer(gate.decide(&request, NOW, [9; 16]))), want);
    }
    let both = Request {
        payment: Some(&good),
        x_payment: Some(&good),
        ..request(URL)
    };
    assert_eq!(
        problem_of(&answer(gate.decide(&both, NOW, [9; 16]))),
        "payment-header-repeated"
    );
}

#[test]
fn a4_a_quoted_price_holds_for_its_time() {
    let old = gate();
    let new = Gate::new(&SAMPLE.replace("$0.05", "$0.07"), KEYS, "", "", false);
    let payer = Payer::new(7);
    let offer = offer(&old, URL, 1);
    let header = encode(&payer.payment(&offer, 3));
    let intent = pay(&new, URL, &header).unwrap();
    assert_eq!((intent.amount.to_string().as_str(), intent.late), ("50000", None));
    // after the quote's time it may only be looked up
    let late = Request {
        payment: Some(&header),
        ..request(URL)
    };
    let later = NOW + offer::quote::QUOTE_SECONDS;
    let Decision::Ledger(call) = new.decide(&late, later, [9; 16]) else {
        panic!()
    };
    let intent: Intent = serde_json::from_str(&call.body).unwrap();
    assert_eq!(intent.late.as_deref(), Some("price-changed"));
    // and a quote of another article holds nothing
    let elsewhere = "https://news.example/articles/y";
    assert_eq!(pay(&new, elsewhere, &header).unwrap_err(), "amount-mismatch");
}

#[test]
fn a7_the_windows_edges() {
    let gate = gate();
    let payer = Payer::new(7);
    let offer = offer(&gate, URL, 1);
    let with = |valid_after: u64, valid_before: u64| {
        let authorization = Authorization {
            valid_after,
            valid_before,
            ..payer.authorization(&offer, 3)
        };
        let payment = json!({"x402Version": 2, "accepted": offer, "payload": {"signature": payer.sign(&authorization), "authorization": authorization}});
        pay(&gate, URL, &encode(&payment)).map(|intent| intent.late)
    };
    let expired = Some("authorization-expired".to_owned());
    assert_eq!(with(NOW, NOW + 300), Ok(None));
    assert_eq!(with(NOW + 1, NOW + 300), Err("authorization-not-yet-valid".into()));
    assert_eq!(with(0, NOW + 330), Ok(None));
    assert_eq!(with(0, NOW + 331), Err("authorization-too-long".into()));
    assert_eq!(with(0, NOW + 6), Ok(None));
    assert_eq!(with(0, NOW + 5), Ok(expired.clone()));
    assert_eq!(with(0, 0), Ok(expired));
}

#[test]
fn e7_a_pass_forwards_its_article_only() {
    let gate = gate();
    let pass = Pass {
        payer: [1; 16],
        receipt: [2; 16],
        issued: NOW,
        expires: NOW + 60,
    };
    let token = pass.seal(&test_keys(), URL).unwrap();
    let cookies = format!("session=1; {}={token}", cookie::PASS);
    let with = |url, now| {
        gate.decide(
            &Request {
                cookie: &cookies,
                ..request(url)
            },
            now,
            [0; 16],
        )
    };
    assert!(matches!(with(URL, NOW), Decision::Forward { path, .. } if path == "/articles/x"));
    assert_eq!(answer(with("https://news.example/articles/y", NOW)).status, 402);
    assert_eq!(answer(with(URL, NOW + 60)).status, 402);
}

#[test]
fn a_grant_sets_a_pass_for_its_path_and_only_for_what_was_asked() {
    let gate = gate();
    let grant = Grant {
        resource: URL.into(),
        payer: Payer::new(7).address(),
        receipt: format!("0x{}", "ab".repeat(16)),
        transaction: format!("0x{}", "cd".repeat(32)),
        network: Network::BASE_SEPOLIA,
        charged: None,
        metered: false,
        until: Some(NOW + 100),
        pass: None,
        left: None,
        shelf: Shelf::default(),
        contract: false,
        report: None,
        again: false,
    };
    let reply = serde_json::to_string(&Reply::Deliver(grant)).unwrap();
    let Next::Deliver { path, headers, .. } = gate.next(&request(URL), &reply, NOW, [0; 16]) else {
        panic!()
    };
    assert_eq!(path, "/articles/x");
    let cookies: Vec<&String> = headers
        .iter()
        .filter(|(name, _)| *name == "Set-Cookie")
        .map(|(_, value)| value)
        .collect();
    assert!(
        cookies[0].contains("; Path=/articles/x; Max-Age=100; Secure; HttpOnly; SameSite=Lax"),
        "{cookies:?}"
    );
    assert!(cookies[1].starts_with("__Host-farthing=") && cookies[1].contains("; Path=/; "));
    let response = headers
        .iter()
        .find(|(name, _)| *name == "PAYMENT-RESPONSE")
        .map(|(_, value)| decoded(value))
        .unwrap();
    assert_eq!(response["success"], true);
    assert_eq!(response["network"], "eip155:84532");
    // a reply about another resource is never delivered
    let other = gate.next(&request("https://news.example/articles/y"), &reply, NOW, [0; 16]);
    assert!(matches!(other, Next::Answer(answer) if answer.status == 500));
    assert!(matches!(gate.next(&request(URL), "garbage", NOW, [0; 16]), Next::Answer(answer) if answer.status == 500));
}

#[test]
fn d9_another_host_gets_no_offer() {
    let strange = "https://evil.example/articles/x";
    assert_eq!(
        problem_of(&answer(gate().decide(&request(strange), NOW, [1; 16]))),
        "wrong-host"
    );
    let local = Gate::new(SAMPLE, KEYS, "", "", true);
    let here = answer(local.decide(&request("http://127.0.0.1:4020/articles/x"), NOW, [1; 16]));
    assert!(here.body.contains(URL) && !here.body.contains("127.0.0.1"));
    assert_eq!(
        problem_of(&answer(local.decide(&request(strange), NOW, [1; 16]))),
        "wrong-host"
    );
}

#[test]
fn d1_other_spellings_are_redirected_or_refused_and_free_ones_left_alone() {
    let gate = gate();
    let to = |url| match gate.route("GET", url) {
        Routed::Free => "free".to_owned(),
        Routed::FreeAs(path) => format!("free as {path}"),
        Routed::Look(_) => {
            let answer = answer(gate.decide(&request(url), NOW, [1; 16]));
            format!("{} {}", answer.status, header(&answer, "Location").unwrap_or_default())
        }
    };
    assert_eq!(to("https://news.example/%61rticles/x?utm=1"), "308 /articles/x?utm=1");
    assert_eq!(to("https://news.example//articles/x"), "308 /articles/x");
    assert_eq!(to("https://news.example/articles%2fx"), "400 ");
    assert_eq!(to("https://news.example//about"), "308 /about");
    assert_eq!(to("https://evil?/articles/x"), "400 ");
    assert_eq!(to("https://news.example/articles/x?x402=paid"), "402 ");
}

#[test]
fn s7_without_config_or_keys_nothing_priced_is_handed_on() {
    let keyless = Gate::new(SAMPLE, "", "", "", false);
    assert_eq!(
        problem_of(&answer(keyless.decide(&request(URL), NOW, [1; 16]))),
        "not-configured"
    );
    assert!(matches!(keyless.route("GET", "https://news.example/about"), Routed::Free));
    let health: Value = serde_json::from_str(&keyless.health().body).unwrap();
    assert_eq!(health["ok"], true);
    assert!(
        health["warnings"][0]
            .as_str()
            .unwrap()
            .starts_with("FARTHING_KEYS is missing")
    );
    let broken = Gate::new("{", KEYS, "", "", false);
    assert!(matches!(broken.route("GET", "https://news.example/about"), Routed::Look(_)));
    assert_eq!(
        problem_of(&answer(broken.decide(&request("https://news.example/about"), NOW, [1; 16]))),
        "not-configured"
    );
    assert_eq!(broken.health().status, 503);
}

#[test]
fn the_recorded_payments_of_official_clients_are_understood() {
    for (name, version) in [
        ("v2-exact-eip3009", Version::V2),
        ("v2-exact-python", Version::V2),
        ("v2-exact-rust", Version::V2),
        ("v1-exact", Version::V1),
        ("v1-exact-python", Version::V1),
        ("v1-exact-v2-client", Version::V1),
        ("v2-bad-signature", Version::V2),
    ] {
        let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut seen = 0;
        for exchange in recording["exchanges"].as_array().unwrap() {
            let headers = &exchange["request"]["headers"];
            let header = match version {
                Version::V1 => &headers["x-payment"],
                Version::V2 => &headers["payment-signature"],
            };
            let Some(header) = header.as_str() else { continue };
            seen += 1;
            let json = crate::x402::decode(header).unwrap();
            let value: Value = serde_json::from_str(&json).unwrap();
            let before = value["payload"]["authorization"]["validBefore"].as_str().unwrap();
            let now = before.parse::<u64>().unwrap() - 60;
            let gate = Gate::new(
                &SAMPLE
                    .replace("$0.05", "$0.01")
                    .replace("https://news.example", "http://127.0.0.1:4021")
                    .replace("/articles/*", "/paid"),
                KEYS,
                "",
                "",
                false,
            );
            let url = "http://127.0.0.1:4021/paid";
            let request = match version {
                Version::V1 => Request {
                    x_payment: Some(header),
                    ..request(url)
                },
                Version::V2 => Request {
                    payment: Some(header),
                    ..request(url)
                },
            };
            match gate.decide(&request, now, [9; 16]) {
                Decision::Ledger(call) => {
                    assert_ne!(name, "v2-bad-signature");
                    let intent: Intent = serde_json::from_str(&call.body).unwrap();
                    assert_eq!(intent.late, None, "{name}");
                    assert_eq!(intent.version, version.number());
                }
                other => assert_eq!(
                    (name, problem_of(&answer(other)).as_str()),
                    ("v2-bad-signature", "signature-invalid")
                ),
            }
        }
        assert!(seen > 0, "{name}");
    }
}
