//! What is counted for the desk: of whom, and how what they got was opened.

use super::*;
use crate::ledger::Audience;

fn with(more: &str) -> Gate {
    let hash = "ab".repeat(32);
    let config = SAMPLE.replacen(
        '{',
        &format!(r#"{{"desk": {{"passwordHash": "{hash}", "retention": 90}},{more}"#),
        1,
    );
    let gate = Gate::new(&config, KEYS, "<h1>{{title}}</h1>", "", false);
    assert!(gate.config().is_some(), "{}", gate.health().body);
    gate
}

fn who(more: &str, accept: &str) -> Audience {
    let request = Request {
        accept,
        more,
        ..request(URL)
    };
    with("").counted(&request, NOW).unwrap().who
}

#[test]
fn a_crawler_is_one_by_its_signature_or_its_own_words_and_a_reader_by_what_browsers_send() {
    const HTML: &str = "text/html,*/*;q=0.8";
    for (more, accept, expected) in [
        ("user-agent: Mozilla/5.0 (compatible; GPTBot/1.2)", HTML, Audience::Crawler),
        ("sec-fetch-site: none\n=agent: verified", HTML, Audience::Crawler),
        ("sec-fetch-site: none\n=agent: wrong", HTML, Audience::Reader),
        ("user-agent: Mozilla/5.0", HTML, Audience::Reader),
        ("sec-fetch-site: same-origin", "*/*", Audience::Reader),
        ("user-agent: node", "*/*", Audience::Program),
        ("", "", Audience::Program),
    ] {
        assert_eq!(who(more, accept), expected, "{more} {accept}");
    }
}

#[test]
fn a_pass_is_a_return_but_for_the_page_that_comes_after_the_payment() {
    let gate = with("");
    let keys = test_keys();
    let opened = |issued| {
        let pass = Pass {
            payer: [1; 16],
            receipt: [2; 16],
            issued,
            expires: NOW + 1000,
        };
        let cookie = format!("{}={}", cookie::PASS, pass.seal(&keys, URL).unwrap());
        let request = Request {
            cookie: &cookie,
            ..request(URL)
        };
        gate.counted(&request, NOW).unwrap().how
    };
    assert_eq!((opened(NOW - 59), opened(NOW - 60)), ("", "returned"));
    let nothing = gate.counted(&request(URL), NOW).unwrap();
    assert_eq!((nothing.route.as_str(), nothing.how), ("/articles/*", ""));
    assert_eq!(gate.counted(&request("https://news.example/about"), NOW), None);
    assert_eq!(gate.kept_days(), Some(90));
    assert_eq!(super::gate().kept_days(), None);
}

#[test]
fn what_a_policy_lets_in_is_told_apart() {
    let gate = with(&format!("{},", crawlers::POLICIES));
    for (host, how) in [("free.example", "allowed"), ("agent.example", ""), ("bad.example", "")] {
        let more = crawlers::verified(host, "");
        let request = Request {
            more: &more,
            ..request(URL)
        };
        let counted = gate.counted(&request, NOW).unwrap();
        assert_eq!((counted.who, counted.how), (Audience::Crawler, how), "{host}");
    }
}

#[test]
fn e10_a_word_is_taken_from_the_site_s_own_pages_and_from_those_that_may_read() {
    let url = "https://news.example/.farthing/counted";
    let status = |gate: &Gate, method, more| {
        let request = Request {
            method,
            more,
            ..request(url)
        };
        answer(gate.decide(&request, NOW, [1; 16])).status
    };
    let gate = with("");
    assert_eq!(status(&gate, "POST", "sec-fetch-site: same-origin"), 204);
    assert_eq!(status(&gate, "POST", "origin: https://news.example"), 204);
    for more in [
        "",
        "sec-fetch-site: cross-site\norigin: https://evil.example",
        "sec-fetch-site: none",
        "origin: null",
    ] {
        assert_eq!(status(&gate, "POST", more), 403, "{more}");
    }
    assert_eq!(status(&gate, "GET", "sec-fetch-site: same-origin"), 405);
    assert_eq!(status(&super::gate(), "POST", "sec-fetch-site: same-origin"), 404);
    let open = with(r#""cors": ["https://blog.example"],"#);
    assert_eq!(
        status(&open, "POST", "sec-fetch-site: cross-site\norigin: https://blog.example"),
        204
    );
    assert_eq!(
        status(&open, "POST", "sec-fetch-site: cross-site\norigin: https://evil.example"),
        403
    );
}

#[test]
fn a_payment_says_who_pays_only_where_that_is_counted() {
    for (gate, expected) in [(with(""), Some(Audience::Program)), (gate(), None)] {
        let header = encode(&Payer::new(7).payment(&offer(&gate, URL, 1), 9));
        assert_eq!(pay(&gate, URL, &header).unwrap().audience, expected);
    }
}
