//! Signatures of programs: structured fields, what a signature claims, and what the gate makes of a request that has one.
//!
//! Lines: `Signature-Input`, `Signature`, `Signature-Agent`, then further headers as `name: value`.

use std::sync::OnceLock;

use farthing::{
    crawl::{self, Message, agent, directory, field, signature},
    gate::{Decision, Gate, Request},
};

use super::world::{self, ARTICLE, NOW, RANDOM};

const POLICIES: &str =
    r#""crawlers": {"agent.example": "$0.01", "free.example": "free", "bad.example": "refuse", "*": "$0.02"}, "routes":"#;

fn gate() -> &'static Gate {
    static GATE: OnceLock<Gate> = OnceLock::new();
    let config = world::CONFIG.replace("\"routes\":", POLICIES);
    GATE.get_or_init(|| Gate::new(&config, &world::secret(), "", "", false))
}

pub(super) fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    fields(text);
    let _ = directory::keys(text);
    // the platform refuses these in its own parser
    if text.contains(|c: char| c.is_control() && c != '\n') {
        return;
    }
    let mut headers: Vec<(&str, &str)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match ["signature-input", "signature", "signature-agent"].get(index) {
            Some(_) if line.is_empty() => {}
            Some(name) => headers.push((name, line)),
            None => headers.extend(line.split_once(": ").filter(|(name, _)| {
                let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                !name.is_empty() && name.bytes().all(fine)
            })),
        }
    }
    let find = |name: &str| headers.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    claimed(&find);
    decided(&headers, &find);
}

/// What is read is written the same from then on.
fn fields(text: &str) {
    for line in text.lines() {
        for (_, member) in field::dictionary(line).unwrap_or_default() {
            let mut once = String::new();
            member.write(&mut once);
            let again = format!("a={once}");
            let again = field::dictionary(&again).unwrap();
            assert_eq!(again[0].1, member, "{once}");
        }
    }
}

fn claimed<'a>(find: &'a dyn Fn(&str) -> Option<&'a str>) {
    let message = Message {
        method: "GET",
        url: ARTICLE,
        field: find,
    };
    let Ok(Some(claim)) = crawl::claim(&message, Some(NOW), false, &|_| true) else {
        return;
    };
    assert!(agent::is_public_name(&claim.host) && agent::directory_of(&claim.host).starts_with("https://"));
    assert!(claim.expires > NOW && claim.expires <= NOW + signature::SKEW_SECONDS + signature::MAX_SECONDS);
    assert!(claim.key.len() == 43 && claim.key != directory::TEST_KEY && (8..=128).contains(&claim.nonce.len()));
    let mut lines: Vec<&str> = claim.base.split('\n').collect();
    let last = lines.pop().unwrap().strip_prefix("\"@signature-params\": (").unwrap();
    assert!(claim.base.is_ascii() && last.contains(";tag=\"web-bot-auth\""));
    // threat D11: every line is a component's, and money is among them
    assert!(lines.iter().all(|line| line.starts_with('"')));
    assert!(
        lines
            .iter()
            .any(|line| *line == "\"@authority\": news.example" || *line == format!("\"@target-uri\": {ARTICLE}"))
    );
    for name in signature::MONEY {
        let value = find(name).map(|value| format!("\"{name}\": {}", value.trim_matches(' ')));
        assert!(value.is_none_or(|line| lines.contains(&line.as_str())), "{name}");
    }
}

fn decided<'a>(headers: &[(&str, &str)], find: &dyn Fn(&str) -> Option<&'a str>) {
    let present = |name: &str| find(name).map_or_else(String::new, |value| format!("={value}"));
    let known = ["payment-signature", "x-payment", "sign-in-with-x"];
    let wanted = gate().wanted_headers();
    let mut lines = format!(
        "GET\n{ARTICLE}\n*/*\n\n{}\n{}\n=192.0.2.1\n{}",
        present(known[0]),
        present(known[1]),
        present(known[2])
    );
    for (name, value) in headers.iter().filter(|(name, _)| !known.contains(name)) {
        let mark = if wanted.contains(name) { "" } else { "~" };
        lines.push_str(&format!("\n{mark}{name}: {value}"));
    }
    let request = Request::from_lines(&lines).unwrap();
    match gate().decide(&request, NOW, RANDOM) {
        Decision::Teaser(_) | Decision::Token(_) | Decision::Peek(_) | Decision::Ask(_) | Decision::List | Decision::Desk => {
            panic!("no config here has one")
        }
        // threats D8, D10: nobody is believed before, and only public names are asked
        Decision::Forward { .. } | Decision::Free | Decision::FreeAs(_) | Decision::Asset(_) => panic!("free"),
        Decision::Answer(answer) => world::assert_clean(&answer.headers),
        Decision::Ledger(call) => assert!(call.call == "claim" || call.call == "signIn"),
        Decision::Verify(verify) => {
            let host = &verify.claim.host;
            assert_eq!(verify.directory, format!("https://{host}{}", agent::DIRECTORY_PATH));
            assert_eq!(
                verify.named,
                ["agent.example", "free.example", "bad.example"].contains(&host.as_str())
            );
            for (verdict, opens) in [
                ("wrong", false),
                ("replayed", false),
                ("unknown", false),
                ("verified", host == "free.example"),
            ] {
                let lines = format!("{lines}\n=agent: {verdict}");
                let decision = gate().decide(&Request::from_lines(&lines).unwrap(), NOW, RANDOM);
                assert_eq!(matches!(decision, Decision::Forward { .. }), opens, "{verdict}");
            }
        }
    }
}
