//! What is sold under an address: articles, their parts, their queries, and until when.

use super::*;

fn with(members: &str) -> Gate {
    let config = SAMPLE.replace("\"price\":", &format!("{members}, \"price\":"));
    let gate = Gate::new(&config, KEYS, "", "", false);
    assert!(gate.config().is_some(), "{:?}", gate.health());
    gate
}

fn good<'a>(gate: &'a Gate, url: &'a str) -> Good<'a> {
    match gate.route("GET", url) {
        Routed::Look(Target::Priced(good)) => good,
        other => panic!("{other:?}"),
    }
}

#[test]
fn d6_the_query_is_what_the_route_says_it_is() {
    let gate = with(r#""query": ["id"], "passQuery": ["_rsc"]"#);
    let asked = |query: &'static str| {
        let url = format!("{URL}{query}");
        let good = good(&gate, &url);
        (good.resource.clone(), good.path.clone())
    };
    for query in ["", "?", "?utm=1&x402=paid", "?ID=3", "?id[]=3"] {
        assert_eq!(asked(query), (URL.to_owned(), "/articles/x".to_owned()), "{query}");
    }
    let three = format!("{URL}?id=3");
    for query in ["?id=3", "?utm=1&id=3", "?%69d=%33&utm"] {
        assert_eq!(asked(query), (three.clone(), "/articles/x?id=3".to_owned()), "{query}");
    }
    assert_eq!(asked("?_rsc=a&id=3"), (three, "/articles/x?id=3&_rsc=a".to_owned()));
    assert_eq!(asked("?_rsc=a"), (URL.to_owned(), "/articles/x?_rsc=a".to_owned()));
    for url in [
        "https://news.example/articles/x?id=3&id=4",
        "https://news.example/articles/x?_rsc=%zz",
    ] {
        assert_eq!(
            problem_of(&answer(gate.decide(&request(url), NOW, [1; 16]))),
            "ambiguous-query",
            "{url}"
        );
    }
}

#[test]
fn e7_a_pass_opens_the_query_it_was_bought_for() {
    let gate = with(r#""query": ["id"]"#);
    let pass = Pass {
        payer: [1; 16],
        receipt: [2; 16],
        issued: NOW,
        expires: NOW + 60,
    };
    let token = pass.seal(&test_keys(), "https://news.example/articles/x?id=3").unwrap();
    let cookies = format!("{}={token}", cookie::PASS);
    let open = |url| {
        let request = Request {
            cookie: &cookies,
            ..request(url)
        };
        matches!(gate.decide(&request, NOW, [0; 16]), Decision::Forward { path, .. } if path == "/articles/x?id=3")
    };
    assert!(open("https://news.example/articles/x?id=3"));
    assert!(open("https://news.example/articles/x?utm=1&id=3"));
    assert!(!open("https://news.example/articles/x?id=4"));
    assert!(!open("https://news.example/articles/x"));
}

#[test]
fn a_part_is_paid_for_as_its_article_and_opens_with_it() {
    let gate = with(r#""parts": ["/media/{1}/*", "/data/{1}.json"]"#);
    let part = "https://news.example/media/x/a.mp3?v=2";
    let found = good(&gate, part);
    assert_eq!((found.resource.as_str(), found.path.as_str()), (URL, "/media/x/a.mp3"));
    let unpaid = answer(gate.decide(&request(part), NOW, [1; 16]));
    assert_eq!(unpaid.status, 402);
    let required = decoded(header(&unpaid, "PAYMENT-REQUIRED").unwrap());
    assert_eq!(required["resource"]["url"], URL);

    let pass = Pass {
        payer: [1; 16],
        receipt: [2; 16],
        issued: NOW,
        expires: NOW + 60,
    };
    let cookies = format!("{}={}", cookie::PASS, pass.seal(&test_keys(), URL).unwrap());
    let opened = |url| {
        let request = Request {
            cookie: &cookies,
            ..request(url)
        };
        match gate.decide(&request, NOW, [0; 16]) {
            Decision::Forward { path, .. } => path,
            other => answer(other).status.to_string(),
        }
    };
    assert_eq!(opened(part), "/media/x/a.mp3");
    assert_eq!(opened("https://news.example/data/x.json"), "/data/x.json");
    assert_eq!(opened("https://news.example/media/y/a.mp3"), "402");

    let grant = Grant {
        resource: URL.into(),
        payer: Payer::new(7).address(),
        receipt: format!("0x{}", "ab".repeat(16)),
        transaction: String::new(),
        network: Network::BASE_SEPOLIA,
        charged: None,
        metered: false,
        until: Some(NOW + 10_000),
        pass: None,
        left: None,
        shelf: Shelf::default(),
        contract: false,
        report: None,
        again: false,
    };
    let reply = serde_json::to_string(&Reply::Deliver(grant)).unwrap();
    let paths = |url| {
        let Next::Deliver { path, headers, .. } = gate.next(&request(url), &reply, NOW, [0; 16]) else {
            panic!()
        };
        let passes = headers.into_iter().filter(|(_, value)| value.starts_with(cookie::PASS));
        let limits = passes.map(|(_, value)| value.split("; ").skip(1).take(2).collect::<Vec<_>>().join(" "));
        (path, limits.collect::<Vec<_>>())
    };
    let article = "Path=/articles/x Max-Age=10000";
    assert_eq!(paths(URL).1, [article]);
    let (path, limits) = paths(part);
    assert_eq!(path, "/media/x/a.mp3");
    assert_eq!(limits, [article, "Path=/media/x Max-Age=600"]);
    assert_eq!(
        paths("https://news.example/data/x.json").1,
        [article, "Path=/data/x.json Max-Age=600"]
    );
}

#[test]
fn a_page_is_free_from_its_time_on() {
    let gate = with(r#""freeFrom": "2026-11-22T00:00:00Z""#);
    let from = 1_795_305_600;
    let at = |now| gate.decide(&request(URL), now, [1; 16]);
    assert_eq!(answer(at(from - 1)).status, 402);
    assert_eq!(at(from), Decision::FreeAs("/articles/x".into()));
    // d6: what does not count reaches no origin, which may serve another page for it
    let other = Request {
        url: "https://news.example/articles/x?rest_route=/wp/v2/posts&utm=1",
        ..request(URL)
    };
    assert_eq!(gate.decide(&other, from, [1; 16]), Decision::FreeAs("/articles/x".into()));
}

#[test]
fn d3_a_method_that_nobody_sells_is_refused_with_those_that_are() {
    let gate = with(r#""methods": ["GET", "POST"]"#);
    let refused = answer(gate.decide(
        &Request {
            method: "DELETE",
            ..request(URL)
        },
        NOW,
        [1; 16],
    ));
    assert_eq!(problem_of(&refused), "method-not-taken");
    assert_eq!(header(&refused, "Allow"), Some("GET, POST, HEAD, OPTIONS"));
}

#[test]
fn d6_a_free_route_hands_on_the_keys_it_names() {
    let config = SAMPLE.replace(
        "\"routes\": [",
        "\"routes\": [{\"match\": \"/*\", \"except\": [\"/articles/*\"], \"price\": \"free\", \"query\": [\"s\"]},",
    );
    let gate = Gate::new(&config, KEYS, "", "", false);
    assert!(matches!(gate.route("GET", "https://news.example/about"), Routed::Free));
    for (query, want) in [
        ("?s=1&feed=rss2", "/about?s=1"),
        ("?p=17", "/about"),
        ("?s=%41", "/about?s=A"),
    ] {
        let url = format!("https://news.example/about{query}");
        assert!(
            matches!(gate.route("GET", &url), Routed::FreeAs(path) if path == want),
            "{query}"
        );
    }
    assert!(matches!(
        gate.route("GET", "https://news.example/about?s=1&s=2"),
        Routed::Look(Target::Wrong(Problem::AmbiguousQuery))
    ));
}

#[test]
fn e9_the_forty_first_article_takes_the_place_of_the_first() {
    let gate = gate();
    let cookies = |shelf| {
        let grant = Grant {
            resource: URL.into(),
            payer: Payer::new(7).address(),
            receipt: format!("0x{}", "ab".repeat(16)),
            transaction: String::new(),
            network: Network::BASE_SEPOLIA,
            charged: None,
            metered: false,
            until: Some(NOW + 10_000),
            pass: None,
            left: None,
            shelf,
            contract: false,
            report: None,
            again: false,
        };
        let reply = serde_json::to_string(&Reply::Deliver(grant)).unwrap();
        let Next::Deliver { headers, .. } = gate.next(&request(URL), &reply, NOW, [0; 16]) else {
            panic!()
        };
        let passes = headers.into_iter().filter(|(_, value)| value.starts_with(cookie::PASS));
        passes.map(|(_, value)| value).collect::<Vec<_>>()
    };
    let [only] = cookies(Shelf::default()).try_into().unwrap();
    assert!(only.contains("Max-Age=10000"), "{only}");
    let first = |text: &str| Shelf {
        aged: false,
        last: Some(text.into()),
    };
    let [own, gone] = cookies(first("https://news.example/articles/first?id=3")).try_into().unwrap();
    assert!(own.contains("Max-Age=10000"), "{own}");
    assert_eq!(
        gone,
        "__Secure-farthing=; Path=/articles/first; Max-Age=0; Secure; HttpOnly; SameSite=Lax"
    );
    // another page of the same path has the same cookie
    assert_eq!(cookies(first("https://news.example/articles/x?id=3")).len(), 1);
    let aged = Shelf { aged: true, last: None };
    let [short] = cookies(aged).try_into().unwrap();
    assert!(short.contains("Max-Age=600"), "{short}");
}
