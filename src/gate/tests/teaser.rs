//! Who gets the publisher's page without its premium part, and what else they get where it is not to be had.

use super::*;
use crate::trim::CLASS;

fn gate(teaser: &str) -> Gate {
    let config = SAMPLE.replacen("\"price\": \"$", &format!("\"teaser\": {teaser}, \"price\": \"$"), 1);
    Gate::new(&config, KEYS, "own {{title}}", "default-src 'none'", false)
}

fn reader() -> Request<'static> {
    Request {
        accept: "text/html",
        ..request(URL)
    }
}

fn selected() -> Gate {
    gate(r#"{"selector": ".premium"}"#)
}

const CALL: (&str, &str) = ("/articles/x", ".premium");

fn page(premium: &str) -> String {
    format!("<article><p>Free.</p><!--n(-->{premium}<!--n)--></article>")
}

#[test]
fn pages_are_for_people_and_for_those_who_show_them() {
    let gate = selected();
    assert!(gate.wanted_headers().contains(&"user-agent"));
    assert!(!super::gate().wanted_headers().contains(&"user-agent"));
    let call = |request: &Request<'_>| match gate.decide(request, NOW, [1; 16]) {
        Decision::Teaser(call) => Some((call.path, call.selector)),
        Decision::Answer(answer) => {
            assert_eq!(answer.status, 402);
            None
        }
        other => panic!("{other:?}"),
    };
    let wanted = Some((CALL.0.to_owned(), CALL.1.to_owned()));
    assert_eq!(call(&reader()), wanted);
    assert_eq!(
        call(&Request {
            method: "HEAD",
            ..reader()
        }),
        wanted
    );
    assert_eq!(
        call(&Request {
            method: "POST",
            ..reader()
        }),
        None
    );
    for (agent, want) in [("Slackbot-LinkExpanding 1.0", &wanted), ("node", &None), ("", &None)] {
        let more = format!("user-agent: {agent}");
        let request = Request {
            accept: "*/*",
            more: &more,
            ..request(URL)
        };
        assert_eq!(&call(&request), want, "{agent}");
    }
}

#[test]
fn a_known_reader_who_does_not_own_the_page_gets_the_teaser() {
    let refused = r#"{"refuse":{"problem":"payment-required","resource":""}}"#;
    let next = selected().next(&reader(), refused, NOW, [1; 16]);
    assert!(
        matches!(next, Next::Teaser(TeaserCall { path, .. }) if path == "/articles/x"),
        "a reader"
    );
    let next = selected().next(&request(URL), refused, NOW, [1; 16]);
    assert!(matches!(next, Next::Answer(answer) if answer.status == 402), "a program");
}

#[test]
fn the_card_stands_where_the_premium_part_was() {
    let premium = "<p class=premium>It was the keeper's wife who saw it first, and she told nobody for a week.</p>".repeat(5);
    let html = page(&premium);
    let fetched = Fetched {
        nonce: "n",
        policy: "script-src 'nonce-abc'",
        html: &html,
        ..Fetched::default()
    };
    let (answer, trimmed) = selected().trimmed(&reader(), &fetched, NOW, [1; 16]);
    assert!(trimmed);
    assert_eq!(answer.status, 200);
    let card = format!("<farthing-paywall class=\"{CLASS}\" mode=\"teaser\" price=\"$0.05\"");
    assert!(answer.body.starts_with(
        "<article><p>Free.</p><script type=\"module\" src=\"https://news.example/.farthing/page.js\" nonce=\"abc\">"
    ));
    assert!(answer.body.contains(&card), "{}", answer.body);
    assert!(answer.body.ends_with("</farthing-paywall></article>"));
    assert!(!answer.body.contains("keeper"));
    assert_eq!(
        header(&answer, "Content-Security-Policy"),
        Some("script-src 'nonce-abc' https://news.example/.farthing/ 'wasm-unsafe-eval'")
    );
    assert_eq!(header(&answer, "Cache-Control"), Some("private, no-store"));
    assert_eq!(decoded(header(&answer, "PAYMENT-REQUIRED").unwrap())["resource"]["url"], URL);
}

#[test]
fn f9_our_own_page_comes_instead_and_says_why() {
    let short = page("<p>Secret.</p>");
    for (fetched, why) in [
        (
            Fetched {
                fault: "the page is not HTML",
                html: "secret",
                ..Fetched::default()
            },
            "the page is not HTML",
        ),
        (
            Fetched {
                nonce: "n",
                html: &short,
                ..Fetched::default()
            },
            "the premium part has less than fifty words",
        ),
    ] {
        let (answer, trimmed) = selected().trimmed(&reader(), &fetched, NOW, [1; 16]);
        assert!(!trimmed);
        assert_eq!((answer.status, header(&answer, "Farthing-Teaser")), (402, Some(why)));
        assert!(answer.body.starts_with("own ") && !answer.body.to_lowercase().contains("secret"));
    }
    // and nothing at all where nobody asked for a teaser
    let (answer, trimmed) = super::gate().trimmed(&reader(), &Fetched::default(), NOW, [1; 16]);
    assert!(!trimmed);
    assert_eq!(answer.status, 500);
}

#[test]
fn our_own_page_has_the_status_that_the_route_says() {
    let gate = gate(r#"{"status": 200}"#);
    let own = answer(gate.decide(&reader(), NOW, [1; 16]));
    assert_eq!((own.status, own.body.starts_with("own ")), (200, true));
    assert!(header(&own, "PAYMENT-REQUIRED").is_some());
    assert_eq!(answer(gate.decide(&request(URL), NOW, [1; 16])).status, 402);
}
