//! Readers who pay elsewhere: when they are asked about, and what an answer opens.

use super::*;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const SUBSCRIBERS: &str = r#""subscribers": {
    "jwt": {"jwks": "https://login.example/jwks.json", "issuer": "i", "audience": "a", "cookie": "session", "header": "Authorization"},
    "originHeader": "Farthing-Access", "whenCookie": ["wordpress_logged_in_*"]}"#;

fn gate_with(site: &str, route: &str) -> Gate {
    let config = SAMPLE
        .replace(
            r#"{"url": "https://origin.news.example"}"#,
            r#"{"url": "https://origin.news.example", "headers": {"x-key": "KEY"}}"#,
        )
        .replace("\"routes\":", &format!("{site}, \"routes\":"))
        .replace("\"price\":", &format!("{route} \"price\":"));
    let gate = Gate::new(&config, KEYS, "{{price}} {{offer}}", "", false);
    assert!(gate.config().is_some(), "{}", gate.health().body);
    gate
}

fn token(claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", part(r#"{"alg":"ES256","kid":"k"}"#), part(claims))
}

fn good() -> String {
    token(&format!(r#"{{"iss":"i","aud":"a","exp":{}}}"#, NOW + 60))
}

fn decide(gate: &Gate, request: &Request<'_>) -> Decision {
    gate.decide(request, NOW, [7; 16])
}

fn is_asked(decision: Decision) -> bool {
    answer(decision).status == 402
}

#[test]
fn a_token_is_asked_about_before_anything_is_believed() {
    let gate = gate_with(SUBSCRIBERS, "");
    assert_eq!(gate.wanted_headers(), ["authorization"]);
    assert_eq!(gate.internal_headers(), ["farthing-access"]);
    let cookie = format!("a=b; session=old; session={}", good());
    let bearer = format!("authorization: Bearer {}", good());
    for more in [
        Request {
            cookie: &cookie,
            ..request(URL)
        },
        Request {
            more: &bearer,
            ..request(URL)
        },
    ] {
        let Decision::Token(token) = decide(&gate, &more) else {
            panic!()
        };
        assert_eq!((token.claim.key.as_str(), token.claim.algorithm.as_str()), ("k", "ES256"));
        for (verdict, opens) in [("verified", true), ("wrong", false), ("unknown", false), ("", false)] {
            let lines = format!("{}\n=token: {verdict}", more.more);
            let lines = lines.trim_start();
            let decision = decide(&gate, &Request { more: lines, ..more });
            if opens {
                let Decision::Forward { headers, .. } = decision else {
                    panic!()
                };
                assert!(headers.contains(&("Cache-Control", "private, no-store".into())));
            } else {
                assert!(is_asked(decision), "{verdict}");
            }
        }
    }
    // and no token that says less is asked about
    let cookie = format!("session={}", token(&format!(r#"{{"iss":"i","exp":{}}}"#, NOW + 60)));
    assert!(is_asked(decide(
        &gate,
        &Request {
            cookie: &cookie,
            ..request(URL)
        }
    )));
    // who pays, pays
    let cookie = format!("session={}", good());
    let paying = Request {
        cookie: &cookie,
        payment: Some("x"),
        ..request(URL)
    };
    assert_eq!(problem_of(&answer(decide(&gate, &paying))), "payment-not-base64");
}

#[test]
fn the_origin_is_asked_about_who_has_a_cookie_of_its_login_and_once() {
    let gate = gate_with(SUBSCRIBERS, "");
    let cookie = "x=y; wordpress_logged_in_5f=jane; __Host-farthing=junk";
    let reader = Request { cookie, ..request(URL) };
    let Decision::Peek(peek) = decide(&gate, &reader) else {
        panic!()
    };
    assert_eq!((peek.path.as_str(), peek.reader.len()), ("/articles/x", 34));
    assert!(peek.headers.contains(&("CDN-Cache-Control", "no-store".into())));
    let other = Request {
        cookie: "wordpress_logged_in_5f=joe",
        ..reader
    };
    let Decision::Peek(second) = decide(&gate, &other) else {
        panic!()
    };
    assert_ne!(peek.reader, second.reader);
    assert!(is_asked(decide(
        &gate,
        &Request {
            more: "=access: paid",
            ..reader
        }
    )));
    assert!(is_asked(decide(
        &gate,
        &Request {
            cookie: "x=y; wordpress_logged_in_5f=",
            ..reader
        }
    )));
    assert!(matches!(
        decide(
            &gate,
            &Request {
                method: "HEAD",
                ..reader
            }
        ),
        Decision::Peek(_)
    ));
    let post = decide(
        &gate,
        &Request {
            method: "POST",
            ..reader
        },
    );
    assert!(matches!(post, Decision::Answer(_)), "{post:?}");
    // a header of a client is no word of ours
    assert!(matches!(
        decide(
            &gate,
            &Request {
                more: "access: free\nfarthing-access: free",
                ..reader
            }
        ),
        Decision::Peek(_)
    ));
}

#[test]
fn a_route_may_be_for_everybody_to_pay() {
    let gate = gate_with(SUBSCRIBERS, "\"subscribers\": false,");
    let cookie = format!("wordpress_logged_in_5f=jane; session={}", good());
    assert!(is_asked(decide(
        &gate,
        &Request {
            cookie: &cookie,
            ..request(URL)
        }
    )));
    let verified = Request {
        cookie: &cookie,
        more: "=token: verified",
        ..request(URL)
    };
    assert!(is_asked(decide(&gate, &verified)));
}

const ASK: &str = r#""ask": {"price": {"min": "$0.01", "max": "$1"}, "payTo": {"jane": {"eip155": "0x1111111111111111111111111111111111111111"}}, "freeFrom": true},"#;

#[test]
fn the_origin_is_asked_before_anything_is_offered() {
    let gate = gate_with("\"cors\": \"*\"", ASK);
    assert_eq!(
        gate.internal_headers(),
        ["farthing-price", "farthing-pay-to", "farthing-free-from"]
    );
    for unanswered in [
        request(URL),
        Request {
            method: "OPTIONS",
            ..request(URL)
        },
        Request {
            payment: Some("x"),
            ..request(URL)
        },
        Request {
            cookie: "__Host-farthing=junk",
            ..request(URL)
        },
        Request {
            sign_in: Some("x"),
            ..request(URL)
        },
    ] {
        let Decision::Ask(question) = decide(&gate, &unanswered) else {
            panic!()
        };
        assert_eq!(
            (question.path.as_str(), question.meta, question.remember),
            ("/articles/x", false, 300)
        );
    }
    let asked = |says: &str| {
        let more = format!("=says: {says}");
        let answer = answer(decide(
            &gate,
            &Request {
                more: &more,
                ..request(URL)
            },
        ));
        let offer = decoded(header(&answer, "PAYMENT-REQUIRED").unwrap())["accepts"][0].clone();
        format!(
            "{} {}",
            offer["amount"].as_str().unwrap(),
            &offer["payTo"].as_str().unwrap()[..6]
        )
    };
    for (says, want) in [
        ("price=0.07;pay-to=jane", "70000 0x1111"),
        ("price=$1", "1000000 0x3C44"),
        ("", "50000 0x3C44"),
        ("price=1.01", "50000 0x3C44"),
        ("price=0.009;pay-to=jane", "50000 0x1111"),
        ("price=free", "50000 0x3C44"),
        ("price=0.0700001", "50000 0x3C44"),
        ("pay-to=0x2222222222222222222222222222222222222222", "50000 0x3C44"),
        ("free-from=2099-01-01T00:00:00Z", "50000 0x3C44"),
    ] {
        assert_eq!(asked(says), want, "{says}");
    }
    let free = Request {
        more: "=says: free-from=2020-01-01T00:00:00Z",
        ..request(URL)
    };
    assert!(matches!(decide(&gate, &free), Decision::FreeAs(_)));
    // who comes back has nothing to be asked
    let pass = Pass {
        payer: [1; 16],
        receipt: [2; 16],
        issued: NOW,
        expires: NOW + 60,
    };
    let cookie = format!("{}={}", cookie::PASS, pass.seal(&test_keys(), URL).unwrap());
    assert!(matches!(
        decide(
            &gate,
            &Request {
                cookie: &cookie,
                ..request(URL)
            }
        ),
        Decision::Forward { .. }
    ));
}

#[test]
fn a4_a_quote_of_what_the_origin_said_outlives_it() {
    let gate = gate_with("\"cors\": \"*\"", ASK);
    let offered = |more: &'static str| {
        let answer = answer(decide(&gate, &Request { more, ..request(URL) }));
        decoded(header(&answer, "PAYMENT-REQUIRED").unwrap())["accepts"][0].clone()
    };
    let payer = Payer::new(7);
    let pay = |offer: &Value, more: &'static str| {
        let header = encode(&payer.payment(offer, 1));
        let paying = Request {
            payment: Some(&header),
            more,
            ..request(URL)
        };
        match decide(&gate, &paying) {
            Decision::Ledger(call) => Ok(serde_json::from_str::<Intent>(&call.body).unwrap().amount.to_string()),
            other => Err(problem_of(&answer(other))),
        }
    };
    let cheap = offered("=says: price=0.02");
    for more in ["=says: price=0.02", "=says: price=0.5;pay-to=jane", "=says: "] {
        assert_eq!(pay(&cheap, more), Ok("20000".into()), "{more}");
    }
    let mut forged = cheap;
    forged["amount"] = "10000".into();
    assert_eq!(pay(&forged, "=says: price=0.02"), Err("amount-mismatch".into()));
}

#[test]
fn d10_programs_never_pay_less_than_people() {
    let gate = gate_with("\"crawlers\": {\"programs\": \"$0.06\", \"unverified\": \"$0.07\"}", ASK);
    let price = |more: &str, accept: &str| {
        let asking = Request {
            more,
            accept,
            ..request(URL)
        };
        let answer = answer(decide(&gate, &asking));
        decoded(header(&answer, "PAYMENT-REQUIRED").unwrap())["accepts"][0]["amount"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for (says, person, program, crawler) in [
        ("", "50000", "60000", "70000"),
        ("price=0.02", "20000", "60000", "70000"),
        ("price=0.5", "500000", "500000", "500000"),
    ] {
        let says = format!("=says: {says}");
        assert_eq!(price(&says, "text/html"), person);
        assert_eq!(price(&format!("sec-fetch-site: none\n{says}"), "*/*"), person);
        assert_eq!(price(&says, "*/*"), program);
        assert_eq!(price(&format!("user-agent: x-bot\n{says}"), "*/*"), crawler);
    }
    let closed = gate_with("\"crawlers\": {\"programs\": \"refuse\"}", "");
    assert_eq!(problem_of(&answer(decide(&closed, &request(URL)))), "agent-refused");
    assert_eq!(
        answer(decide(
            &closed,
            &Request {
                accept: "text/html",
                ..request(URL)
            }
        ))
        .status,
        402
    );
    let paying = Request {
        payment: Some("x"),
        ..request(URL)
    };
    assert_eq!(problem_of(&answer(decide(&closed, &paying))), "payment-not-base64");
}
