//! Pages of other origins.

use super::*;

fn gate_for(cors: &str) -> Gate {
    let config = SAMPLE.replacen('{', &format!("{{\"cors\": {cors},"), 1);
    let gate = Gate::new(&config, KEYS, "", "", false);
    assert!(gate.config().is_some(), "{:?}", gate.health());
    gate
}

const LIST: &str = r#"["https://blog.example", "http://127.0.0.1:8080"]"#;

fn seen(answer: &Answer) -> (Option<&str>, bool) {
    let vary = header(answer, "Vary").unwrap_or_default();
    (header(answer, "Access-Control-Allow-Origin"), vary.ends_with("Origin"))
}

#[test]
fn e5_only_listed_origins_may_read_and_none_with_credentials() {
    let gate = gate_for(LIST);
    for (origin, may) in [
        ("https://blog.example", true),
        ("http://127.0.0.1:8080", true),
        ("null", false),
        ("https://blog.example.evil.example", false),
        ("https://evil-blog.example", false),
        ("https://blog.example:8443", false),
        ("http://blog.example", false),
        ("https://BLOG.example", false),
        ("https://blog.example/", false),
        ("", false),
        // the site's own pages need no leave
        ("https://news.example", false),
    ] {
        let more = format!("origin: {origin}");
        let request = Request {
            more: &more,
            ..request(URL)
        };
        let answer = answer(gate.decide(&request, NOW, [1; 16]));
        assert_eq!(answer.status, 402);
        assert_eq!(seen(&answer), (may.then_some(origin), true), "{origin}");
        assert_eq!(header(&answer, "Access-Control-Allow-Credentials"), None);
        let exposed = header(&answer, "Access-Control-Expose-Headers").unwrap_or_default();
        assert_eq!(exposed.starts_with("PAYMENT-REQUIRED, PAYMENT-RESPONSE"), may);
        assert_eq!(seen(&gate.undelivered(&request, 500, false)).0.is_some(), may);
    }
    let none = answer(gate.decide(&request(URL), NOW, [1; 16]));
    assert_eq!(seen(&none), (None, true), "a cache keeps answers apart");
    let off = super::gate();
    assert!(off.wanted_headers().is_empty());
    let silent = answer(off.decide(&request(URL), NOW, [1; 16]));
    assert_eq!(seen(&silent), (None, false));
}

#[test]
fn e5_everybody_may_read_where_the_publisher_says_so() {
    let gate = gate_for("\"*\"");
    let request = Request {
        more: "origin: https://any.example",
        ..request(URL)
    };
    assert_eq!(seen(&answer(gate.decide(&request, NOW, [1; 16]))).0, Some("*"));
}

#[test]
fn preflights_are_answered_as_official_clients_send_them() {
    let gate = gate_for(LIST);
    let ask = |origin: &str, method: &str, url: &'static str| {
        let more = format!("origin: {origin}\naccess-control-request-method: {method}");
        let request = Request {
            method: "OPTIONS",
            more: &more,
            ..request(url)
        };
        answer(gate.decide(&request, NOW, [1; 16]))
    };
    let fine = ask("https://blog.example", "GET", URL);
    assert_eq!((fine.status, seen(&fine).0), (204, Some("https://blog.example")));
    let allowed = header(&fine, "Access-Control-Allow-Headers").unwrap().to_ascii_lowercase();
    for name in [
        "payment-signature",
        "x-payment",
        "sign-in-with-x",
        "access-control-expose-headers",
        "farthing-pass",
    ] {
        assert!(allowed.contains(name), "{name}");
    }
    assert_eq!(header(&fine, "PAYMENT-REQUIRED"), None);
    // redirects are no answer to a preflight
    assert_eq!(
        ask("https://blog.example", "GET", "https://news.example/%61rticles/x").status,
        204
    );
    let strange = ask("https://evil.example", "GET", URL);
    assert_eq!((strange.status, seen(&strange).0), (204, None));
    assert_eq!(header(&strange, "Access-Control-Allow-Headers"), None);
}

#[test]
fn e8_a_page_of_another_origin_gets_a_pass_of_its_own_and_no_cookie() {
    let gate = gate_for(LIST);
    let grant = Grant {
        resource: URL.into(),
        payer: Payer::new(7).address(),
        receipt: format!("0x{}", "ab".repeat(16)),
        transaction: String::new(),
        network: Network::BASE_SEPOLIA,
        charged: None,
        metered: false,
        until: Some(NOW + 30 * 24 * 60 * 60),
        pass: None,
        left: None,
        shelf: Shelf::default(),
        contract: false,
        report: None,
        again: false,
    };
    let reply = serde_json::to_string(&Reply::Deliver(grant)).unwrap();
    let from = |more| Request { more, ..request(URL) };
    let Next::Deliver { headers, .. } = gate.next(&from("origin: https://blog.example"), &reply, NOW, [0; 16]) else {
        panic!()
    };
    let named = |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    assert_eq!(named("Set-Cookie"), None);
    let pass = named("Farthing-Pass").unwrap();

    let opens = |gate: &Gate, origin: &str, url: &'static str, now| {
        let more = format!("origin: {origin}\nfarthing-pass: {pass}");
        let request = Request {
            more: &more,
            ..request(url)
        };
        matches!(gate.decide(&request, now, [0; 16]), Decision::Forward { .. })
    };
    assert!(opens(&gate, "https://blog.example", URL, NOW));
    assert!(opens(&gate, "https://blog.example", URL, NOW + 86_399));
    assert!(!opens(&gate, "https://blog.example", URL, NOW + 86_400), "a day at most");
    assert!(!opens(&gate, "http://127.0.0.1:8080", URL, NOW), "another page's");
    assert!(!opens(&gate, "https://blog.example", "https://news.example/articles/y", NOW));
    assert!(
        !opens(&gate_for(r#"["http://127.0.0.1:8080"]"#), "https://blog.example", URL, NOW),
        "not listed any more"
    );
    let cookies = format!("{}={pass}", cookie::PASS);
    let as_cookie = Request {
        cookie: &cookies,
        ..request(URL)
    };
    assert_eq!(answer(gate.decide(&as_cookie, NOW, [0; 16])).status, 402, "never as a cookie");
    let token = Pass {
        payer: [1; 16],
        receipt: [2; 16],
        issued: NOW,
        expires: NOW + 60,
    }
    .seal(&test_keys(), URL)
    .unwrap();
    let more = format!("origin: https://blog.example\nfarthing-pass: {token}");
    let cookie_as_pass = Request {
        more: &more,
        ..request(URL)
    };
    assert_eq!(
        answer(gate.decide(&cookie_as_pass, NOW, [0; 16])).status,
        402,
        "nor the other way round"
    );

    let Next::Deliver { headers, .. } = gate.next(&from("origin: https://news.example"), &reply, NOW, [0; 16]) else {
        panic!()
    };
    assert!(headers.iter().any(|(name, _)| *name == "Set-Cookie"), "the site's own page");
}

#[test]
fn the_preflight_of_a_free_method_is_the_origins() {
    let config = SAMPLE.replacen('{', &format!("{{\"cors\": {LIST},"), 1).replace(
        "\"routes\": [",
        "\"routes\": [{\"match\": \"/articles/*\", \"methods\": [\"POST\"], \"price\": \"free\"},",
    );
    let gate = Gate::new(&config, KEYS, "", "", false);
    let ask = |method: &str| {
        let more = format!("origin: https://blog.example\naccess-control-request-method: {method}");
        let request = Request {
            method: "OPTIONS",
            more: &more,
            ..request(URL)
        };
        assert!(matches!(gate.route("OPTIONS", URL), Routed::Look(_)));
        gate.decide(&request, NOW, [1; 16])
    };
    assert_eq!(ask("POST"), Decision::Free);
    assert_eq!(answer(ask("GET")).status, 204);
}
