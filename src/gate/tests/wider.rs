//! Time passes and bundles at the gate: what a 402 offers, what a payment of each kind claims, what their cookies open.

use super::*;
use crate::{
    access::Handle,
    ledger::{Left, Shelf},
};

const OFFERS: &str = r#""offers": {"ten": {"title": "Ten <articles>", "count": 10, "for": "30d", "price": "$0.40"},
    "day": {"covers": ["/articles/*"], "for": "24h", "price": "$0.50"}, "sport": {"covers": ["/sport/*"], "for": "1d", "price": "$0.60"}},
    "routes": [{"match": "/articles/dear", "price": "$9", "offers": []},"#;

fn gate() -> Gate {
    let config = SAMPLE.replace("\"routes\": [", OFFERS);
    Gate::new(&config, KEYS, "<h1>{{title}}</h1>{{lead}}", "", false)
}

fn all(gate: &Gate, url: &'static str) -> Vec<Value> {
    let answer = answer(gate.decide(&request(url), NOW, [5; 16]));
    let required = decoded(header(&answer, "PAYMENT-REQUIRED").unwrap());
    required["accepts"].as_array().unwrap().clone()
}

fn paid(gate: &Gate, offer: &Value) -> Result<Intent, String> {
    pay(gate, URL, &encode(&Payer::new(7).payment(offer, 9)))
}

#[test]
fn the_single_article_comes_first_and_each_offer_says_what_it_is() {
    let gate = gate();
    let offers = all(&gate, URL);
    let told: Vec<_> = offers
        .iter()
        .map(|offer| (offer["amount"].as_str().unwrap(), &offer["extra"]["offer"]))
        .collect();
    let ten = json!({"name": "ten", "title": "Ten <articles>", "count": 10, "seconds": 2_592_000});
    let day = json!({"name": "day", "seconds": 86_400});
    assert_eq!(told, [("50000", &Value::Null), ("400000", &ten), ("500000", &day)]);
    // a dear page leaves them out
    assert_eq!(all(&gate, "https://news.example/articles/dear").len(), 1);
    // v1 has them in the same order
    let answer = answer(gate.decide(&request(URL), NOW, [5; 16]));
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let told: Vec<_> = body["accepts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|offer| &offer["maxAmountRequired"])
        .collect();
    assert_eq!(told, ["50000", "400000", "500000"]);
}

#[test]
fn a_payment_claims_the_offer_that_it_answers() {
    let gate = gate();
    for (index, (name, count)) in [(None, None), (Some("ten"), Some(10)), (Some("day"), None)]
        .into_iter()
        .enumerate()
    {
        let offer = &all(&gate, URL)[index];
        let intent = paid(&gate, offer).unwrap();
        assert_eq!(intent.offer.as_ref().map(|offer| offer.name.as_str()), name);
        assert_eq!(intent.offer.as_ref().and_then(|offer| offer.count), count);
        assert_eq!(
            (intent.seconds, &intent.passes[..]),
            (Some(30 * 86_400), &["day".to_owned()][..])
        );
        assert!(intent.secret && !intent.request.contains("quote") && !intent.request.contains("offer"));
        // who echoes the bare terms is told apart by what they pay
        let mut bare = offer.clone();
        bare["extra"]
            .as_object_mut()
            .unwrap()
            .retain(|key, _| key == "name" || key == "version");
        let untagged = paid(&gate, &bare).unwrap();
        assert_eq!((untagged.offer, untagged.secret), (intent.offer, false));
    }
}

#[test]
fn a3_an_echo_makes_no_offer_wider_than_it_is() {
    let gate = gate();
    let offers = all(&gate, URL);
    let mut more = offers[1].clone();
    more["extra"]["offer"]["count"] = json!(1000);
    assert_eq!(paid(&gate, &more).unwrap_err(), "offer-unknown");
    let mut longer = offers[2].clone();
    longer["extra"]["offer"]["seconds"] = json!(99_999_999);
    assert_eq!(paid(&gate, &longer).unwrap_err(), "offer-unknown");
    let mut cheap = offers[0].clone();
    cheap["extra"]["offer"] = offers[1]["extra"]["offer"].clone();
    assert_eq!(paid(&gate, &cheap).unwrap_err(), "amount-mismatch");
    let mut other = offers[1].clone();
    other["extra"]["offer"]["name"] = json!("day");
    assert_eq!(paid(&gate, &other).unwrap_err(), "amount-mismatch");
    for name in [json!("sport"), json!("year"), json!(7)] {
        let mut other = offers[1].clone();
        other["extra"]["offer"]["name"] = name;
        assert_eq!(paid(&gate, &other).unwrap_err(), "offer-unknown");
    }
}

#[test]
fn a4_a_quote_holds_how_much_was_promised() {
    let before = gate();
    let ten = all(&before, URL)[1].clone();
    let config = SAMPLE.replace("\"routes\": [", &OFFERS.replace("\"count\": 10", "\"count\": 5"));
    let after = Gate::new(&config, KEYS, "", "", false);
    let intent = paid(&after, &ten).unwrap();
    assert_eq!((intent.offer.unwrap().count, intent.late), (Some(10), None));
}

#[test]
fn e7_a_time_pass_opens_what_it_covers_and_where_it_is_sold() {
    let gate = gate();
    let keys = test_keys();
    let pass = Pass {
        payer: [1; 16],
        receipt: [2; 16],
        issued: NOW,
        expires: NOW + 60,
    };
    let opens = |url: &'static str, name: &str, token: &str, now| {
        let cookie = format!("{}={token}", cookie::wider(name));
        let request = Request {
            cookie: &cookie,
            ..request(url)
        };
        matches!(gate.decide(&request, now, [0; 16]), Decision::Forward { .. })
    };
    let day = pass.seal_wider(&keys, "https://news.example", "day").unwrap();
    let sport = pass.seal_wider(&keys, "https://news.example", "sport").unwrap();
    assert!(opens(URL, "day", &day, NOW));
    assert!(opens("https://news.example/articles/y", "day", &day, NOW + 59));
    assert!(!opens(URL, "day", &day, NOW + 60));
    assert!(
        !opens("https://news.example/articles/dear", "day", &day, NOW),
        "not sold there"
    );
    assert!(!opens(URL, "sport", &sport, NOW), "not covered");
    assert!(!opens(URL, "day", &sport, NOW), "under another's name");
    let article = pass.seal(&keys, URL).unwrap();
    assert!(!opens(URL, "day", &article, NOW));
    let request = |token: &str| format!("{}={token}", cookie::PASS);
    let cookie = request(&day);
    let asked = Request {
        cookie: &cookie,
        ..super::request(URL)
    };
    assert!(
        !matches!(gate.decide(&asked, NOW, [0; 16]), Decision::Forward { .. }),
        "as an article's own"
    );
}

fn grant(pass: Option<&str>, left: Option<u32>) -> Grant {
    Grant {
        resource: URL.into(),
        payer: Payer::new(7).address(),
        receipt: format!("0x{}", "ab".repeat(16)),
        transaction: "0x01".into(),
        network: Network::BASE_SEPOLIA,
        charged: None,
        metered: false,
        until: Some(NOW + 1000),
        pass: pass.map(Into::into),
        left,
        shelf: Shelf::default(),
        contract: false,
        report: None,
        again: false,
    }
}

fn cookies(headers: &Headers) -> Vec<String> {
    let set = headers.iter().filter(|(name, _)| *name == "Set-Cookie");
    set.map(|(_, value)| {
        let parts: Vec<&str> = value.split("; ").collect();
        format!("{} {}", parts[0].split('=').next().unwrap(), parts[1])
    })
    .collect()
}

#[test]
fn a_grant_by_a_time_pass_sets_its_cookie_for_the_section() {
    let reply = serde_json::to_string(&Reply::Deliver(grant(Some("day"), None))).unwrap();
    let Next::Deliver { headers, .. } = gate().next(&request(URL), &reply, NOW, [0; 16]) else {
        panic!()
    };
    assert_eq!(
        cookies(&headers),
        ["__Secure-farthing-day Path=/articles/", "__Host-farthing Path=/"]
    );
}

const SPEND: &str = "https://news.example/.farthing/spend?path=%2Farticles%2Fx";

fn spend<'a>(method: &'a str, cookie: &'a str, more: &'a str) -> Request<'a> {
    Request {
        method,
        url: SPEND,
        cookie,
        more,
        ..Request::default()
    }
}

#[test]
fn e10_only_a_page_of_the_site_spends() {
    let gate = gate();
    assert!(gate.wanted_headers().contains(&"sec-fetch-site"));
    assert!(
        !super::gate().wanted_headers().contains(&"sec-fetch-site"),
        "where nothing is spent"
    );
    let handle = Handle {
        payer: Payer::new(7).address(),
        expires: NOW + 60,
    };
    let cookie = format!(
        "{}={}",
        cookie::HANDLE,
        handle.seal(&test_keys(), "https://news.example").unwrap()
    );
    let said = |method: &str, cookie: &str, more: &str| match gate.decide(&spend(method, cookie, more), NOW, [0; 16]) {
        Decision::Ledger(call) => format!("{} {}", call.call, call.body),
        other => {
            let answer = answer(other);
            if answer.status == 405 {
                "405".into()
            } else {
                problem_of(&answer)
            }
        }
    };
    let body = r#"spend {"resource":"https://news.example/articles/x","passes":["day"],"bundles":["ten"],"seconds":2592000}"#;
    assert_eq!(said("POST", &cookie, "sec-fetch-site: same-origin"), body);
    for more in [
        "",
        "sec-fetch-site: cross-site",
        "sec-fetch-site: same-site",
        "sec-fetch-site: none",
    ] {
        assert_eq!(said("POST", &cookie, more), "cross-site", "{more}");
    }
    for method in ["GET", "HEAD", "PUT", "OPTIONS"] {
        assert_eq!(said(method, &cookie, "sec-fetch-site: same-origin"), "405", "{method}");
    }
    assert_eq!(
        said("POST", "", "sec-fetch-site: same-origin"),
        "nothing-left",
        "nobody in particular"
    );
    let dear = Request {
        url: "https://news.example/.farthing/spend?path=/articles/dear",
        ..spend("POST", &cookie, "sec-fetch-site: same-origin")
    };
    assert_eq!(
        problem_of(&answer(gate.decide(&dear, NOW, [0; 16]))),
        "nothing-left",
        "E7: not sold there"
    );
    for url in [
        "/.farthing/spend",
        "/.farthing/spend?path=/",
        "/.farthing/spend?path=/Articles/x",
        "/.farthing/spend?path=//articles/x",
    ] {
        let url = format!("https://news.example{url}");
        let request = Request {
            url: &url,
            ..spend("POST", &cookie, "sec-fetch-site: same-origin")
        };
        assert_eq!(
            problem_of(&answer(gate.decide(&request, NOW, [0; 16]))),
            "no-such-endpoint",
            "{url}"
        );
    }
}

#[test]
fn who_spent_gets_the_pass_and_hears_how_many_are_left() {
    let gate = gate();
    let reply = serde_json::to_string(&Reply::Deliver(grant(None, Some(9)))).unwrap();
    let request = spend("POST", "", "sec-fetch-site: same-origin");
    let next = |request: &Request<'_>, reply: &str| match gate.next(request, reply, NOW, [0; 16]) {
        Next::Answer(answer) => answer,
        other => panic!("{other:?}"),
    };
    let program = next(&request, &reply);
    let body: Value = serde_json::from_str(&program.body).unwrap();
    assert_eq!(
        (program.status, &body["left"], &body["resource"]),
        (200, &json!(9), &json!(URL))
    );
    assert_eq!(header(&program, "Farthing-Left"), Some("9"));
    assert_eq!(
        cookies(&program.headers),
        ["__Secure-farthing Path=/articles/x", "__Host-farthing Path=/"]
    );
    let reader = Request {
        accept: "text/html",
        ..request
    };
    let page = next(&reader, &reply);
    assert_eq!((page.status, header(&page, "Location")), (303, Some("/articles/x")));
    // and only for what was asked for
    let other = Grant {
        resource: "https://news.example/articles/y".into(),
        ..grant(None, Some(9))
    };
    assert_eq!(
        next(&request, &serde_json::to_string(&Reply::Deliver(other)).unwrap()).status,
        500
    );
}

#[test]
fn a_reader_with_articles_left_is_shown_how_to_open_one() {
    let gate = gate();
    let left = Reply::Left(Left {
        resource: URL.into(),
        payer: Payer::new(7).address(),
        left: 7,
    });
    let left = serde_json::to_string(&left).unwrap();
    let reader = Request {
        accept: "text/html",
        ..request(URL)
    };
    let Next::Answer(page) = gate.next(&reader, &left, NOW, [0; 16]) else {
        panic!()
    };
    assert_eq!((page.status, header(&page, "Farthing-Left")), (402, Some("7")));
    assert!(
        page.body
            .contains(r#"<form method="post" action="/.farthing/spend?path=/articles/x">"#),
        "{}",
        page.body
    );
    assert!(page.body.contains("You have 7 articles left"));
    let fresh = answer(gate.decide(&reader, NOW, [0; 16]));
    assert!(!fresh.body.contains("<form"));
    // who proved the account gets the handle, and an offer
    let program = Request {
        sign_in: Some("x"),
        ..request(URL)
    };
    let Next::Answer(told) = gate.next(&program, &left, NOW, [0; 16]) else {
        panic!()
    };
    assert_eq!((told.status, problem_of(&told).as_str()), (402, "not-owned"));
    assert_eq!(cookies(&told.headers), ["__Host-farthing Path=/"]);
}

#[test]
fn what_is_bought_opens_for_who_pays_another_price_for_an_article() {
    let config = SAMPLE.replace("\"routes\": [", OFFERS).replace(
        "\"price\": \"$0.05\"",
        "\"price\": \"$0.05\", \"crawlers\": {\"programs\": \"$0.06\"}",
    );
    let gate = Gate::new(&config, KEYS, "<h1>{{title}}</h1>{{lead}}", "", false);
    let pass = Pass {
        payer: [1; 16],
        receipt: [2; 16],
        issued: NOW,
        expires: NOW + 100,
    };
    let token = pass.seal_wider(&test_keys(), "https://news.example", "day").unwrap();
    let cookie = format!("{}={token}", cookie::wider("day"));
    // no browser says so: a program, which buys single articles for six cents
    let program = Request {
        cookie: &cookie,
        ..request(URL)
    };
    assert!(matches!(gate.decide(&program, NOW, [5; 16]), Decision::Forward { .. }));
    let single = all(&gate, URL);
    assert_eq!((single.len(), single[0]["amount"].as_str()), (1, Some("60000")));
    let intent = paid(&gate, &single[0]).unwrap();
    assert_eq!(intent.passes, ["day"], "the ledger looks for it before it charges");
}
