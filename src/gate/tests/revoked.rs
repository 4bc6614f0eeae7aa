//! What was taken back: passes of every kind, what the ledger is told, orders, and how old a copy of the list may be.

use super::*;
use crate::access::{Handle, Name, Order, receipt_id};

const SITE: &str = "https://news.example";

fn with(revocation: &str) -> Gate {
    let config = SAMPLE.replacen(
        '{',
        &format!(r#"{{"revocation": {revocation}, "cors": ["https://blog.example"],"#),
        1,
    );
    let config = config.replace(
        "\"routes\": [",
        r#""offers": {"day": {"covers": ["/articles/*"], "for": "24h", "price": "$0.50"}}, "routes": ["#,
    );
    let gate = Gate::new(&config, KEYS, "<h1>{{title}}</h1>", "", false);
    assert!(gate.config().is_some(), "{}", gate.health().body);
    gate
}

fn payer() -> Address {
    Address::repeat_byte(7)
}

fn receipt() -> String {
    receipt_id::issue(&test_keys(), SITE, payer(), [1; 12]).unwrap()
}

fn pass() -> Pass {
    Pass {
        payer: Pass::payer_digest(payer()),
        receipt: Pass::receipt_digest(&receipt()),
        issued: NOW - 10,
        expires: NOW + 1000,
    }
}

fn listed(gate: &mut Gate) {
    gate.listed(Some(&Name::of(&pass()).print()), NOW);
}

/// What a request with these comes to: its cookie, and a pass of a page of another origin.
fn asks(gate: &Gate, cookie: &str, more: &str, now: u64) -> Decision {
    let request = Request {
        cookie,
        more,
        ..request(URL)
    };
    gate.decide(&request, now, [1; 16])
}

fn opens(decision: &Decision) -> bool {
    matches!(decision, Decision::Forward { .. })
}

/// Cookies and headers with each kind of pass.
fn shown() -> [(String, String); 3] {
    let keys = test_keys();
    let token = pass().seal(&keys, URL).unwrap();
    let day = pass().seal_wider(&keys, SITE, "day").unwrap();
    let embed = pass().seal_for(&keys, URL, "https://blog.example").unwrap();
    [
        (format!("{}={token}", cookie::PASS), String::new()),
        (format!("{}={day}", cookie::wider("day")), String::new()),
        (String::new(), format!("origin: https://blog.example\nfarthing-pass: {embed}")),
    ]
}

fn handle() -> String {
    let expires = NOW - 10 + Handle::SECONDS;
    let token = Handle { payer: payer(), expires }.seal(&test_keys(), SITE).unwrap();
    format!("{}={token}", cookie::HANDLE)
}

#[test]
fn e8_a_listed_receipt_opens_nothing_by_a_pass_of_any_kind() {
    let naive = with("{}");
    let mut gate = with(r#"{"list": true}"#);
    gate.listed(Some(""), NOW);
    for (cookie, more) in shown() {
        // what a pass says for itself is not enough: where nobody looks at a list, it opens
        assert!(opens(&asks(&naive, &cookie, &more, NOW)));
        assert!(opens(&asks(&gate, &cookie, &more, NOW)));
    }
    listed(&mut gate);
    for (cookie, more) in shown() {
        assert_eq!(answer(asks(&gate, &cookie, &more, NOW)).status, 402, "{cookie}{more}");
    }
    // another purchase is none of it, also where the listed one is shown first
    let other = Pass {
        receipt: [9; 16],
        ..pass()
    };
    let token = other.seal(&test_keys(), URL).unwrap();
    let both = format!("{}; {}={token}", shown()[0].0, cookie::PASS);
    assert!(opens(&asks(&gate, &both, "", NOW)));
    // and what is given back opens again
    gate.listed(Some(""), NOW);
    for (cookie, more) in shown() {
        assert!(opens(&asks(&gate, &cookie, &more, NOW)));
    }
}

#[test]
fn g4_what_a_kid_issued_before_a_time_opens_nothing_at_once() {
    let before = |time: u64| with(&format!(r#"{{"before": {{"a": {time}}}}}"#));
    for (cookie, more) in shown() {
        assert!(opens(&asks(&before(NOW - 10), &cookie, &more, NOW)));
        assert_eq!(
            answer(asks(&before(NOW - 9), &cookie, &more, NOW)).status,
            402,
            "{cookie}{more}"
        );
        assert!(opens(&asks(
            &with(r#"{"before": {"b": 4294967295, "gone": 1}}"#),
            &cookie,
            &more,
            NOW
        )));
    }
    // an old handle gets no new pass: nobody is asked
    assert!(matches!(asks(&before(NOW - 10), &handle(), "", NOW), Decision::Ledger(call) if call.call == "owned"));
    assert_eq!(answer(asks(&before(NOW - 9), &handle(), "", NOW)).status, 402);
}

#[test]
fn a_copy_of_a_minute_is_renewed_before_anything_is_opened_by_it() {
    let mut gate = with(r#"{"list": true}"#);
    let (cookie, _) = &shown()[0];
    assert_eq!(asks(&gate, cookie, "", NOW), Decision::List, "none was ever had");
    assert!(opens(&asks(&gate, cookie, "=list: asked", NOW)), "nor can it be had now");
    gate.listed(Some(""), NOW);
    assert!(opens(&asks(&gate, cookie, "", NOW + 59)));
    assert_eq!(asks(&gate, cookie, "", NOW + 60), Decision::List);
    gate.listed(None, NOW + 60);
    assert!(opens(&asks(&gate, cookie, "", NOW + 119)));
    // a list that cannot be read goes on as it was
    listed(&mut gate);
    assert_eq!(asks(&gate, cookie, "", NOW + 600), Decision::List);
    assert_eq!(answer(asks(&gate, cookie, "=list: asked", NOW + 600)).status, 402);
    for (cookie, more) in [
        (handle(), ""),
        (String::new(), "origin: https://blog.example\nfarthing-pass: x"),
    ] {
        assert_eq!(asks(&gate, &cookie, more, NOW + 600), Decision::List);
    }
    // who shows nothing waits for nobody, and neither does a site without a list
    assert_eq!(answer(asks(&gate, "session=1", "", NOW + 600)).status, 402);
    assert!(opens(&asks(&with("{}"), cookie, "", NOW)));
}

#[test]
fn s2_the_ledger_is_told_what_of_a_payer_counts_as_not_there() {
    let mut gate = with(r#"{"list": true}"#);
    gate.listed(Some(""), NOW);
    let told = |gate: &Gate, decision: Decision| {
        let Decision::Ledger(call) = decision else {
            panic!("{decision:?}")
        };
        let body: Value = serde_json::from_str(&call.body).unwrap();
        let _ = gate;
        (call.call, body["revoked"].clone())
    };
    let payment = encode(&Payer::new(1).payment(&offer(&gate, URL, 1), 7));
    let pays = Request {
        payment: Some(&payment),
        ..request(URL)
    };
    assert_eq!(told(&gate, asks(&gate, &handle(), "", NOW)), ("owned", Value::Null));
    listed(&mut gate);
    let digest = json!(alloy_primitives::hex::encode(pass().receipt));
    assert_eq!(told(&gate, asks(&gate, &handle(), "", NOW)), ("owned", digest.clone()));
    // another payer's ledger hears nothing of it
    assert_eq!(told(&gate, gate.decide(&pays, NOW, [1; 16])), ("claim", Value::Null));
    let own = Pass {
        payer: Pass::payer_digest(Payer::new(1).address()),
        receipt: [4; 16],
        ..pass()
    };
    let more = Pass { receipt: [5; 16], ..own };
    let names = [Name::of(&more).print(), Name::of(&own).print(), Name::of(&pass()).print()].concat();
    gate.listed(Some(&names), NOW);
    let both = json!(["05".repeat(16), "04".repeat(16)].concat());
    assert_eq!(told(&gate, gate.decide(&pays, NOW, [1; 16])), ("claim", both));
    // and the intent is whole
    assert!(pay(&gate, URL, &payment).is_ok());
}

#[test]
fn e8_a_payment_that_was_revoked_is_told_so_when_it_comes_again() {
    let mut gate = with(r#"{"list": true}"#);
    let grant = Grant {
        resource: URL.to_owned(),
        payer: payer(),
        receipt: receipt(),
        transaction: "0x01".into(),
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
    assert!(matches!(gate.next(&request(URL), &reply, NOW, [1; 16]), Next::Deliver { .. }));
    listed(&mut gate);
    let Next::Answer(answer) = gate.next(&request(URL), &reply, NOW, [1; 16]) else {
        panic!()
    };
    assert_eq!(problem_of(&answer), "access-revoked");
    assert!(
        answer
            .headers
            .iter()
            .all(|(name, _)| *name != "Set-Cookie" && *name != "PAYMENT-REQUIRED")
    );
}

#[test]
fn e6_an_order_is_taken_from_who_has_the_keys_and_from_nobody_else() {
    let gate = with(r#"{"list": true}"#);
    let order = Order {
        name: Name::of(&pass()),
        undo: false,
        at: NOW * 1000,
    };
    let send = |gate: &Gate, method, token: &str, now| {
        let more = format!("farthing-order: {token}");
        let request = Request {
            method,
            more: &more,
            ..request("https://news.example/.farthing/revoke")
        };
        gate.decide(&request, now, [1; 16])
    };
    let token = order.seal(&test_keys(), SITE).unwrap();
    let Decision::Ledger(call) = send(&gate, "POST", &token, NOW) else {
        panic!()
    };
    assert_eq!((call.object.as_str(), call.call), ("https://news.example|revoked", "revoke"));
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(body["name"], Name::of(&pass()).print());
    assert_eq!(
        (&body["undo"], &body["at"], &body["most"]),
        (&json!(false), &json!(NOW * 1000), &json!(10_000))
    );
    assert!(
        body["keep"].as_u64().unwrap() < 3650 * 24 * 60 * 60,
        "no longer than what is sold"
    );
    let strange = Keys::parse("a:CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk").unwrap();
    let forged = [
        order.seal(&strange, SITE).unwrap(),
        order.seal(&test_keys(), "https://blog.example").unwrap(),
        pass().seal(&test_keys(), SITE).unwrap(),
        String::new(),
    ];
    for token in &forged {
        assert_eq!(
            problem_of(&answer(send(&gate, "POST", token, NOW))),
            "order-invalid",
            "{token}"
        );
    }
    assert_eq!(problem_of(&answer(send(&gate, "POST", &token, NOW + 301))), "order-invalid");
    assert_eq!(answer(send(&gate, "GET", &token, NOW)).status, 405);
    assert_eq!(
        problem_of(&answer(send(&with("{}"), "POST", &token, NOW))),
        "no-such-endpoint"
    );
    let end = |reply: &str| {
        let request = Request {
            method: "POST",
            ..request("https://news.example/.farthing/revoke")
        };
        match gate.next(&request, reply, NOW, [1; 16]) {
            Next::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    };
    for (reply, body) in [
        (
            r#"{"revoked":3,"on":true,"was":false}"#,
            r#"{"revoked":3,"on":true,"was":false}"#,
        ),
        (r#"{"revoked":3,"was":true}"#, r#"{"revoked":3,"on":false,"was":true}"#),
    ] {
        let answer = end(reply);
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
    }
    assert_eq!(problem_of(&end(r#"{"full":true}"#)), "revocations-full");
    assert_eq!(problem_of(&end("")), "internal");
}

#[test]
fn a_list_is_read_for_what_it_is() {
    let mut gate = with(r#"{"list": true}"#);
    let name = |byte: u8| {
        Name::of(&Pass {
            receipt: [byte; 16],
            ..pass()
        })
        .print()
    };
    let text: String = (0..=255).rev().map(name).collect();
    gate.listed(Some(&text), NOW);
    assert_eq!(text.len(), 256 * 48);
    for byte in 0..=255 {
        assert!(!gate.is_good(&Pass {
            receipt: [byte; 16],
            ..pass()
        }));
    }
    assert!(gate.is_good(&pass()));
    for odd in ["x", "\u{e4}\u{20ac}", &text[1..], &name(1)[..47]] {
        gate.listed(Some(odd), NOW);
        assert!(gate.is_good(&pass()));
    }
    assert_eq!(with(r#"{"list": true}"#).list(), "https://news.example|revoked");
    assert_eq!(with("{}").list(), "");
}
