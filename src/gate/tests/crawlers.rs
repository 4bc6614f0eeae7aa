//! Programs that sign: who is verified, what they pay, and what everybody else pays.

use super::*;
use crate::crawl::price;

pub(super) const POLICIES: &str =
    r#""crawlers": {"agent.example": "$0.01", "free.example": "free", "bad.example": "refuse", "*": "$0.02"}"#;
const KEY: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

fn gate_with(policies: &str) -> Gate {
    let config = SAMPLE.replace("\"routes\":", &format!("{policies}, \"routes\":"));
    Gate::new(
        &config,
        KEYS,
        "<h1>{{title}}</h1>{{price}} {{offer}}",
        "default-src 'none'",
        false,
    )
}

fn crawling() -> Gate {
    gate_with(POLICIES)
}

/// The further lines of a request that this agent signed, over these headers about money as well.
fn signed(host: &str, covered: &str) -> String {
    format!(
        "signature: sig=:{}:\nsignature-input: sig=(\"@authority\" \"signature-agent\";key=\"sig\"{covered});created={NOW};expires={};\
         keyid=\"{KEY}\";nonce=\"bm9uY2U0dGhpcw==\";tag=\"web-bot-auth\"\nsignature-agent: sig=\"https://{host}\"",
        STANDARD.encode([7; 64]),
        NOW + 60
    )
}

fn asking(more: &str) -> Request<'_> {
    Request { more, ..request(URL) }
}

pub(super) fn verified(host: &str, covered: &str) -> String {
    signed(host, covered) + "\n=agent: verified"
}

fn price_of(gate: &Gate, request: &Request<'_>) -> String {
    let answer = answer(gate.decide(request, NOW, [7; 16]));
    assert_eq!(answer.status, 402);
    let amount = decoded(header(&answer, "PAYMENT-REQUIRED").unwrap())["accepts"][0]["amount"].clone();
    format!("{} {}", header(&answer, price::PRICE).unwrap(), amount.as_str().unwrap())
}

#[test]
fn a_gate_without_policies_wants_nothing_and_looks_at_nothing() {
    assert!(gate().wanted_headers().is_empty());
    let more = verified("agent.example", "");
    let answer = answer(gate().decide(&asking(&more), NOW, [7; 16]));
    assert_eq!((answer.status, header(&answer, price::PRICE)), (402, None));
    assert_eq!(
        crawling().wanted_headers(),
        [
            "signature",
            "signature-input",
            "signature-agent",
            "crawler-max-price",
            "crawler-exact-price"
        ]
    );
    assert!(
        gate_with(r#""crawlers": {"unverified": "refuse"}"#)
            .wanted_headers()
            .contains(&"user-agent")
    );
}

#[test]
fn a_signature_is_asked_about_before_anything_is_believed() {
    let gate = crawling();
    for (host, named) in [("agent.example", true), ("free.example", true), ("stranger.example", false)] {
        let Decision::Verify(verify) = gate.decide(&asking(&signed(host, "")), NOW, [7; 16]) else {
            panic!()
        };
        assert_eq!(
            verify.directory,
            format!("https://{host}/.well-known/http-message-signatures-directory")
        );
        assert_eq!(
            (verify.named, verify.claim.host.as_str(), verify.claim.expires),
            (named, host, NOW + 60)
        );
    }
    // a config without "*" has no business with strangers, and no site asks itself
    let named = gate_with(r#""crawlers": {"agent.example": "free"}"#);
    for (gate, host) in [(&named, "stranger.example"), (&gate, "news.example"), (&gate, "127.0.0.1:80")] {
        assert_eq!(price_of(gate, &asking(&signed(host, ""))), "USD 0.05 50000", "{host}");
    }
}

#[test]
fn d10_each_pays_what_the_policy_says_and_only_once_verified() {
    let gate = crawling();
    assert_eq!(price_of(&gate, &asking("user-agent: Googlebot/2.1")), "USD 0.05 50000");
    assert_eq!(price_of(&gate, &asking(&verified("agent.example", ""))), "USD 0.01 10000");
    assert_eq!(price_of(&gate, &asking(&verified("stranger.example", ""))), "USD 0.02 20000");
    let more = verified("free.example", "");
    for (method, opens) in [("GET", true), ("HEAD", true), ("POST", false)] {
        let request = Request { method, ..asking(&more) };
        let decision = gate.decide(&request, NOW, [7; 16]);
        assert_eq!(
            matches!(&decision, Decision::Forward { path, .. } if path == "/articles/x"),
            opens,
            "{method}"
        );
    }
    let refused = answer(gate.decide(&asking(&verified("bad.example", "")), NOW, [7; 16]));
    assert_eq!((problem_of(&refused).as_str(), refused.status), ("agent-refused", 403));
    assert_eq!(
        (header(&refused, price::ERROR), header(&refused, price::PRICE)),
        (Some("CrawlerForbidden"), None)
    );
}

#[test]
fn d11_what_does_not_hold_is_refused_and_says_why() {
    let gate = crawling();
    for (verdict, slug) in [
        ("wrong", "agent-signature-invalid"),
        ("unknown", "agent-signature-invalid"),
        ("replayed", "agent-signature-used"),
    ] {
        let more = format!("{}\n=agent: {verdict}", signed("free.example", ""));
        let refused = answer(gate.decide(&asking(&more), NOW, [7; 16]));
        assert_eq!((problem_of(&refused).as_str(), refused.status), (slug, 400));
        assert_eq!(header(&refused, price::ERROR), Some("InvalidSignature"));
    }
    let more = signed("free.example", "");
    let late = answer(gate.decide(&asking(&more), NOW + 60, [7; 16]));
    assert_eq!(problem_of(&late), "agent-signature-invalid");
    assert!(late.body.contains("has expired"), "{}", late.body);
    // what was verified in time may be worked on after
    let more = verified("free.example", "");
    assert!(matches!(
        gate.decide(&asking(&more), NOW + 60, [7; 16]),
        Decision::Forward { .. }
    ));
    for more in [
        signed("free.example", "").replace("signature: ", "x: "),
        signed("free.example", "").replace("signature-input: ", "x: "),
    ] {
        assert_eq!(
            problem_of(&answer(gate.decide(&asking(&more), NOW, [7; 16]))),
            "agent-signature-invalid"
        );
    }
}

#[test]
fn d11_a_payment_beside_a_signature_is_covered_or_refused() {
    let gate = crawling();
    let more = verified("agent.example", "");
    let bare = Request {
        payment: Some("e30="),
        ..asking(&more)
    };
    assert_eq!(
        problem_of(&answer(gate.decide(&bare, NOW, [7; 16]))),
        "agent-header-not-covered"
    );
    let price = signed("agent.example", "") + "\ncrawler-max-price: USD 1";
    assert_eq!(
        problem_of(&answer(gate.decide(&asking(&price), NOW, [7; 16]))),
        "agent-header-not-covered"
    );
    let more = signed("agent.example", " \"payment-signature\"");
    let covered = Request {
        payment: Some("e30="),
        ..asking(&more)
    };
    let Decision::Verify(verify) = gate.decide(&covered, NOW, [7; 16]) else {
        panic!()
    };
    assert!(verify.claim.base.contains("\n\"payment-signature\": e30=\n"));
    // removed on the way
    assert_eq!(
        problem_of(&answer(gate.decide(&asking(&more), NOW, [7; 16]))),
        "agent-signature-invalid"
    );
}

#[test]
fn an_agent_whose_keys_cannot_be_had_is_anybody() {
    let gate = crawling();
    let more = format!("{}\n=agent: unreachable", signed("free.example", ""));
    let refused = answer(gate.decide(&asking(&more), NOW, [7; 16]));
    assert_eq!(
        (problem_of(&refused).as_str(), header(&refused, price::ERROR)),
        ("agent-unverified", Some("StrongAuthRequired"))
    );
    assert_eq!(header(&refused, price::PRICE), Some("USD 0.05"));
    let covering = format!("{}\n=agent: unreachable", signed("free.example", " \"payment-signature\""));
    let payment = encode(&Payer::new(3).payment(&offer(&gate, URL, 7), 1));
    let request = Request {
        payment: Some(&payment),
        ..asking(&covering)
    };
    assert!(matches!(gate.decide(&request, NOW, [9; 16]), Decision::Ledger(call) if call.call == "claim"));
    let strict = gate_with(r#""crawlers": {"free.example": "free", "unverified": "refuse"}"#);
    assert_eq!(
        problem_of(&answer(strict.decide(&asking(&more), NOW, [7; 16]))),
        "agent-refused"
    );
    assert_eq!(
        problem_of(&answer(strict.decide(&asking("user-agent: GPTBot/1.2"), NOW, [7; 16]))),
        "agent-refused"
    );
    assert_eq!(
        price_of(&strict, &asking("user-agent: Mozilla/5.0 Firefox/140.0")),
        "USD 0.05 50000"
    );
    let dearer = gate_with(r#""crawlers": {"unverified": "$0.10"}"#);
    assert_eq!(price_of(&dearer, &asking("user-agent: GPTBot/1.2")), "USD 0.10 100000");
}

#[test]
fn d10_the_quote_of_an_agents_price_is_nobody_elses() {
    let gate = crawling();
    let ask = verified("agent.example", "");
    let answer_of = answer(gate.decide(&asking(&ask), NOW, [7; 16]));
    let cheap = decoded(header(&answer_of, "PAYMENT-REQUIRED").unwrap())["accepts"][0].clone();
    assert_eq!(cheap["amount"], "10000");
    let payment = encode(&Payer::new(3).payment(&cheap, 1));
    // the price of a page, in a quote that its own audience may show
    assert_eq!(pay(&gate, URL, &payment).unwrap_err(), "amount-mismatch");
    let pays = |host: &str| {
        let more = verified(host, " \"payment-signature\"");
        let request = Request {
            payment: Some(&payment),
            ..asking(&more)
        };
        match gate.decide(&request, NOW, [9; 16]) {
            Decision::Ledger(call) => serde_json::from_str::<Intent>(&call.body).unwrap().amount.to_string(),
            Decision::Answer(answer) => problem_of(&answer),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(pays("agent.example"), "10000");
    assert_eq!(pays("stranger.example"), "amount-mismatch");
}

#[test]
fn offers_of_pay_per_crawl_are_held_against_the_price() {
    let gate = crawling();
    let said = |more: &str| {
        let answer = answer(gate.decide(&asking(more), NOW, [7; 16]));
        (
            problem_of_any(&answer),
            header(&answer, price::ERROR).unwrap_or("-").to_owned(),
            header(&answer, price::PRICE).is_some(),
        )
    };
    for (more, slug, error, price) in [
        ("crawler-max-price: USD 0.05", "payment-required", "-", true),
        ("crawler-exact-price: USD 0.05", "payment-required", "-", true),
        (
            "crawler-max-price: USD 0.04",
            "crawler-price-too-low",
            "InvalidCrawlerMaxPrice",
            true,
        ),
        (
            "crawler-exact-price: USD 0.06",
            "crawler-price-other",
            "InvalidCrawlerExactPrice",
            true,
        ),
        (
            "crawler-exact-price: 0.05",
            "crawler-price-malformed",
            "InvalidCrawlerPriceValue",
            false,
        ),
        (
            "crawler-exact-price: USD 1\ncrawler-max-price: USD 1",
            "crawler-price-conflict",
            "ConflictingPriceHeaders",
            false,
        ),
    ] {
        assert_eq!(said(more), (slug.to_owned(), error.to_owned(), price), "{more}");
    }
    let agreed = answer(gate.decide(&asking("crawler-max-price: USD 1"), NOW, [7; 16]));
    assert!(agreed.body.contains("The price is agreed on"));
    let payment = encode(&Payer::new(3).payment(&offer(&gate, URL, 7), 1));
    for (more, claims) in [("crawler-max-price: USD 0.05", true), ("crawler-max-price: USD 0.01", false)] {
        let request = Request {
            payment: Some(&payment),
            ..asking(more)
        };
        assert_eq!(
            matches!(gate.decide(&request, NOW, [9; 16]), Decision::Ledger(_)),
            claims,
            "{more}"
        );
    }
}

fn problem_of_any(answer: &Answer) -> String {
    match serde_json::from_str::<Value>(&answer.body).unwrap()["error"].as_str() {
        Some(error) => error.to_owned(),
        None => problem_of(answer),
    }
}

#[test]
fn what_was_charged_is_said_in_dollars() {
    let gate = crawling();
    let grant = |charged: Option<&str>| Grant {
        resource: URL.to_owned(),
        payer: Payer::new(3).address(),
        receipt: "r".to_owned(),
        transaction: "0x12".to_owned(),
        network: Network::BASE_SEPOLIA,
        charged: charged.map(|amount| amount.parse().unwrap()),
        metered: false,
        until: None,
        pass: None,
        left: None,
        shelf: Shelf::default(),
        contract: false,
        report: None,
        again: false,
    };
    let told = |gate: &Gate, charged| {
        let reply = serde_json::to_string(&Reply::Deliver(grant(charged))).unwrap();
        let Next::Deliver { headers, .. } = gate.next(&request(URL), &reply, NOW, [9; 16]) else {
            panic!()
        };
        headers
            .into_iter()
            .find(|(name, _)| *name == price::CHARGED)
            .map(|(_, value)| value)
    };
    assert_eq!(told(&gate, Some("50000")).as_deref(), Some("USD 0.05"));
    assert_eq!(told(&gate, Some("12345")).as_deref(), Some("USD 0.012345"));
    // paid for before: nothing was charged now
    assert_eq!(told(&gate, None), None);
    assert_eq!(told(&super::gate(), Some("50000")), None);
}

#[test]
fn programs_are_told_what_costs() {
    let own = |gate: &Gate| answer(gate.decide(&request("https://news.example/.farthing/llms.txt"), NOW, [7; 16]));
    let told = own(&crawling());
    assert_eq!(
        (told.status, header(&told, "Content-Type")),
        (200, Some("text/plain; charset=utf-8"))
    );
    assert!(told.body.starts_with("# news.example\n"));
    assert!(told.body.contains("- `/articles/*`: $0.05. One article\n") && !told.body.contains("agent.example"));
    assert_eq!(own(&gate()).status, 404);
}
