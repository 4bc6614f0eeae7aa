//! An account's records, and that they go: who may, and what was signed for what.

use super::*;
use crate::{
    access::sign_in::{message, personal_hash},
    json::parse,
    x402::extension::sign_in::{Proof, unsigned},
};

const EXPORT: &str = "https://news.example/.farthing/export";
const ERASE: &str = "https://news.example/.farthing/erase";

fn asked<'a>(url: &'static str, sign_in: Option<&'a str>) -> Request<'a> {
    Request {
        method: if url.contains("erase") { "POST" } else { "GET" },
        url,
        sign_in,
        ..request(url)
    }
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

/// The challenge of an answer, signed.
fn prove(payer: &Payer, challenge: &Value, change: &dyn Fn(&mut Proof<'_>)) -> String {
    let address = payer.address().to_checksum(None);
    let text = unsigned(&parse(&challenge.to_string()).unwrap(), &address, |_| true).unwrap();
    let value = parse(&text).unwrap();
    let mut proof = Proof::read(&value).unwrap();
    change(&mut proof);
    let signature = payer.0.sign(personal_hash(&message(&proof, 84532, &address))).unwrap();
    proof.signature = &signature;
    crate::radix64::write(proof.json().as_bytes())
}

fn challenge(gate: &Gate, url: &'static str) -> Value {
    let answer = answer(gate.decide(&asked(url, None), NOW, [1; 16]));
    assert_eq!((answer.status, problem_of(&answer).as_str()), (401, "account-proof-required"));
    assert_eq!(header(&answer, "WWW-Authenticate"), Some("sign-in-with-x"));
    assert!(header(&answer, "Cache-Control").unwrap().contains("no-store"));
    body(&answer)["extensions"]["sign-in-with-x"].clone()
}

#[test]
fn e12_each_deed_has_a_challenge_that_names_it_twice() {
    let gate = gate();
    let payer = Payer::new(7);
    for (url, says) in [(EXPORT, "Get a copy"), (ERASE, "cannot be undone")] {
        let challenge = challenge(&gate, url);
        assert_eq!(
            (&challenge["info"]["uri"], &challenge["info"]["domain"]),
            (&json!(url), &json!("news.example"))
        );
        let statement = challenge["info"]["statement"].as_str().unwrap();
        assert!(
            statement.contains(says) && crate::access::sign_in::is_statement(statement),
            "{statement}"
        );
        let proof = prove(&payer, &challenge, &|_| {});
        let Decision::Ledger(call) = gate.decide(&asked(url, Some(&proof)), NOW, [2; 16]) else {
            panic!("{url}")
        };
        assert_eq!(call.object, object_name("https://news.example", payer.address()));
        assert!(url.ends_with(call.call));
        let question: Value = serde_json::from_str(&call.body).unwrap();
        assert_eq!(question["payer"], payer.address().to_checksum(None));
        assert_eq!(
            (&question["nonce"], &question["until"]),
            (&challenge["info"]["nonce"], &json!(NOW + 300))
        );
    }
}

#[test]
fn e12_a_proof_of_anything_else_does_neither() {
    let gate = gate();
    let payer = Payer::new(7);
    let refused = |url: &'static str, proof: &str, now: u64| {
        let answer = answer(gate.decide(&asked(url, Some(proof)), now, [2; 16]));
        // and every refusal brings what would be right
        if answer.status == 401 {
            assert_eq!(body(&answer)["extensions"]["sign-in-with-x"]["info"]["uri"], url);
        }
        problem_of(&answer)
    };
    let (export, erase) = (challenge(&gate, EXPORT), challenge(&gate, ERASE));
    let invalid = "account-proof-invalid";
    assert_eq!(refused(ERASE, &prove(&payer, &export, &|_| {}), NOW), invalid);
    assert_eq!(refused(EXPORT, &prove(&payer, &erase, &|_| {}), NOW), invalid);
    assert_eq!(
        refused(ERASE, &payer.sign_in(&gate, &|_| {}), NOW),
        invalid,
        "signed in to an article"
    );
    let (one, other) = (
        erase["info"]["statement"].as_str().unwrap(),
        export["info"]["statement"].as_str().unwrap(),
    );
    assert_ne!(one, other);
    let all = [EXPORT, ERASE];
    for change in [
        &(|proof: &mut Proof<'_>| proof.uri = EXPORT) as &dyn Fn(&mut Proof<'_>),
        &|proof| proof.statement = Some("Open what you have paid for."),
        &|proof| proof.statement = None,
        &|proof| proof.resources = Some(all.to_vec()),
        &|proof| proof.domain = "blog.example",
        &|proof| proof.expiration_time = Some("2099-01-01T00:00:00Z"),
    ] {
        assert_eq!(refused(ERASE, &prove(&payer, &erase, change), NOW), invalid);
    }
    let good = prove(&payer, &erase, &|_| {});
    assert_eq!(refused(ERASE, &good, NOW + 301), invalid, "too late");
    assert_eq!(refused(ERASE, "x", NOW), "sign-in-malformed");
    // another account's name over it
    let theirs = Payer::new(8).address().to_checksum(None);
    assert_eq!(
        refused(
            ERASE,
            &prove(&payer, &erase, &|proof| proof.address =
                alloc::boxed::Box::leak(theirs.clone().into())),
            NOW
        ),
        invalid
    );
    // a site that keeps who paid says so to who signs, and what was signed before does not count there
    let keeps = Gate::new(
        &SAMPLE.replace("\"routes\":", "\"erase\": \"keep-books\", \"routes\":"),
        KEYS,
        "",
        "",
        false,
    );
    assert!(
        challenge(&keeps, ERASE)["info"]["statement"]
            .as_str()
            .unwrap()
            .contains("keeps the payments")
    );
    let answer = answer(keeps.decide(&asked(ERASE, Some(&good)), NOW, [2; 16]));
    assert_eq!(problem_of(&answer), invalid);
}

#[test]
fn a9_a_contract_account_is_refused_in_a_sentence() {
    let gate = gate();
    let erase = challenge(&gate, ERASE);
    let proof = prove(&Payer::new(7), &erase, &|_| {});
    let json = crate::x402::decode(&proof).unwrap();
    let long = crate::radix64::write(json.replace("\"}", &["ab".repeat(100).as_str(), "\"}"].concat()).as_bytes());
    let answer = answer(gate.decide(&asked(ERASE, Some(&long)), NOW, [2; 16]));
    assert_eq!(problem_of(&answer), "account-proof-invalid");
    assert!(answer.body.contains("contract wallets"), "{}", answer.body);
}

#[test]
fn e8_pages_of_other_origins_have_no_part_in_it_whatever_cors_says() {
    for cors in ["\"*\"", "[\"https://blog.example\"]"] {
        let config = SAMPLE.replace("\"routes\":", &["\"cors\": ", cors, ", \"routes\":"].concat());
        let gate = Gate::new(&config, KEYS, "", "", false);
        for url in [EXPORT, ERASE] {
            let preflight = Request {
                method: "OPTIONS",
                url,
                more: "origin: https://blog.example\naccess-control-request-method: POST",
                ..request(url)
            };
            let refused = answer(gate.decide(&preflight, NOW, [1; 16]));
            assert_eq!(
                (refused.status, header(&refused, "Access-Control-Allow-Headers")),
                (405, None)
            );
            let asked = Request {
                more: "origin: https://blog.example",
                ..asked(url, None)
            };
            assert_eq!(
                header(&answer(gate.decide(&asked, NOW, [1; 16])), "Access-Control-Allow-Origin"),
                None
            );
        }
    }
}

#[test]
fn one_method_each_and_no_query_but_the_place_where_an_export_goes_on() {
    let gate = gate();
    for (method, url, status) in [
        ("POST", "https://news.example/.farthing/export", 405),
        ("GET", "https://news.example/.farthing/erase", 405),
        ("HEAD", "https://news.example/.farthing/export", 405),
        ("DELETE", "https://news.example/.farthing/erase", 405),
        ("GET", "https://news.example/.farthing/export?after=0.12", 401),
        ("GET", "https://news.example/.farthing/export?after=9", 400),
        ("GET", "https://news.example/.farthing/export?after=1.-1", 400),
        ("GET", "https://news.example/.farthing/export?payer=0x", 400),
        ("POST", "https://news.example/.farthing/erase?after=0.1", 400),
        ("GET", "https://news.example/.farthing/exports", 404),
    ] {
        let asked = Request { method, ..request(url) };
        assert_eq!(answer(gate.decide(&asked, NOW, [1; 16])).status, status, "{method} {url}");
    }
}

#[test]
fn what_the_ledger_says_is_told_and_what_it_does_not_say_is_a_problem() {
    let gate = gate();
    let next = |url: &'static str, reply: &str| match gate.next(&asked(url, Some("x")), reply, NOW, [3; 16]) {
        Next::Answer(answer) => answer,
        other => panic!("{other:?}"),
    };
    let said = next(EXPORT, r#"{"account":"0x01","payments":[]}"#);
    assert_eq!(said.status, 200);
    assert!(header(&said, "Cache-Control").unwrap().contains("no-store"));
    let said = body(&said);
    assert_eq!(
        (&said["site"], &said["account"]),
        (&json!("https://news.example"), &json!("0x01"))
    );
    let used = next(ERASE, r#"{"refuse":{"problem":"account-proof-used","resource":""}}"#);
    assert_eq!(problem_of(&used), "account-proof-used");
    assert_eq!(body(&used)["extensions"]["sign-in-with-x"]["info"]["uri"], ERASE);
    for reply in [
        "",
        "x",
        r#"{"refuse":{"problem":"settlement-pending","resource":""}}"#,
        r#"{"fetch":{"key":"k","fence":1}}"#,
    ] {
        assert_eq!(problem_of(&next(ERASE, reply)), "records-unavailable", "{reply}");
    }
}
