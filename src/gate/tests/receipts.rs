//! `/.farthing/receipts/:id`: who is asked, what is told, and what never is.

use super::{extensions::gate_with, *};
use crate::{
    access::{Keys, receipt_id},
    ledger::Refused,
};

const SITE: &str = "https://news.example";

fn at(id: &str) -> String {
    format!("{SITE}/.farthing/receipts/{id}")
}

fn id() -> String {
    receipt_id::issue(&test_keys(), SITE, Payer::new(7).address(), [5; 12]).unwrap()
}

/// Asked with GET.
fn asked(gate: &Gate, url: &str) -> Decision {
    let request = Request {
        method: "GET",
        url,
        ..Request::default()
    };
    gate.decide(&request, NOW, [1; 16])
}

fn told(gate: &Gate, url: &str, reply: &str) -> Answer {
    let request = Request {
        method: "GET",
        url,
        ..Request::default()
    };
    match gate.next(&request, reply, NOW, [1; 16]) {
        Next::Answer(answer) => answer,
        other => panic!("{other:?}"),
    }
}

fn standing(state: &str, more: &str) -> String {
    let payer = Payer::new(7).address();
    format!(
        r#"{{"state":"{state}","resource":"{URL}","network":"eip155:84532","asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "payer":"{payer}","payTo":"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC","amount":"50000","seen":1795000000{more}}}"#
    )
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn an_id_leads_to_the_payers_object_and_a_payment_gets_one() {
    let gate = gate();
    let payer = Payer::new(7);
    let intent = pay(&gate, URL, &encode(&payer.payment(&offer(&gate, URL, 1), 3))).unwrap();
    assert_eq!(intent.receipt.len(), receipt_id::LENGTH);
    let Decision::Ledger(call) = asked(&gate, &at(&intent.receipt)) else {
        panic!()
    };
    assert_eq!(call.object, format!("{SITE}|{:x}", payer.address()));
    assert_eq!(
        (call.call, call.body),
        ("receipt", format!(r#"{{"receipt":"{}"}}"#, intent.receipt))
    );
    assert!(
        !intent
            .receipt
            .to_lowercase()
            .contains(&format!("{:x}", payer.address())[2..10])
    );
}

#[test]
fn b8_an_id_that_is_not_ours_asks_nobody() {
    let gate = gate();
    let strange = |keys: &str, site| {
        let keys = Keys::parse(keys).unwrap();
        receipt_id::issue(&keys, site, Payer::new(7).address(), [5; 12]).unwrap()
    };
    let other = "c:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM";
    for bad in [
        String::new(),
        "x".into(),
        "A".repeat(56),
        id()[..55].into(),
        format!("{}/", id()),
        format!("{}%41", &id()[..55]),
        strange(other, SITE),
        strange(KEYS, "https://blog.example"),
    ] {
        assert_eq!(problem_of(&answer(asked(&gate, &at(&bad)))), "no-such-endpoint", "{bad}");
    }
    // with a key that is no longer the first it is still found
    let old = KEYS.split(',').nth(1).unwrap();
    assert!(matches!(asked(&gate, &at(&strange(old, SITE))), Decision::Ledger(_)));
    let url = at(&id());
    let post = Request {
        method: "POST",
        url: &url,
        ..Request::default()
    };
    assert_eq!(answer(gate.decide(&post, NOW, [1; 16])).status, 405);
    let unready = Gate::new(SAMPLE, "", "", "", false);
    assert_eq!(problem_of(&answer(asked(&unready, &url))), "not-configured");
}

#[test]
fn s1_what_is_told_is_a_document_and_never_the_article() {
    let gate = gate();
    let url = at(&id());
    let tx = format!("0x{}", "cd".repeat(32));
    let pending = told(&gate, &url, &standing("pending", r#","retryAfter":7"#));
    assert_eq!((pending.status, header(&pending, "Retry-After")), (200, Some("7")));
    assert_eq!(header(&pending, "Cache-Control"), Some("private, no-store"));
    assert_eq!(header(&pending, "Content-Type"), Some("application/json"));
    assert_eq!(
        body(&pending),
        json!({
            "id": id(), "state": "pending", "resource": URL, "network": "eip155:84532",
            "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "payTo": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
            "amount": "50000", "firstSeen": "2026-11-18T11:06:40Z", "retryAfter": 7
        })
    );
    let settled = told(
        &gate,
        &url,
        &standing("settled", &format!(r#","transaction":"{tx}","settledAt":1795000002"#)),
    );
    let document = body(&settled);
    assert_eq!(
        (&document["transaction"], &document["settledAt"]),
        (&json!(tx), &json!("2026-11-18T11:06:42Z"))
    );
    assert_eq!((document.get("extensions"), document.get("retryAfter")), (None, None));
    let refused = told(&gate, &url, &standing("refused", r#","reason":"insufficient_funds""#));
    assert_eq!(body(&refused)["reason"], "insufficient_funds");
    // whatever else the object says, nothing is delivered from here
    let grant = Grant {
        resource: URL.into(),
        payer: Payer::new(7).address(),
        receipt: id(),
        transaction: tx,
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
    for reply in [
        serde_json::to_string(&Reply::Deliver(grant)).unwrap(),
        r#"{"fetch":{"key":"k","fence":1}}"#.into(),
        "garbage".into(),
        String::new(),
    ] {
        assert_eq!(problem_of(&told(&gate, &url, &reply)), "internal");
    }
    let unknown = serde_json::to_string(&Reply::refuse(Problem::NoSuchEndpoint, "")).unwrap();
    assert_eq!(problem_of(&told(&gate, &url, &unknown)), "no-such-endpoint");
    // the object did not answer
    let away = serde_json::to_string(&Reply::pending("", 2)).unwrap();
    let away = told(&gate, &url, &away);
    assert_eq!((away.status, header(&away, "Retry-After")), (503, Some("2")));
    // a standing is no answer to who asks for the article
    assert_eq!(problem_of(&told(&gate, URL, &standing("settled", ""))), "internal");
}

#[test]
fn g6_a_settled_one_is_signed_where_the_publisher_wants_it() {
    let tx = format!("0x{}", "cd".repeat(32));
    let gate = gate_with(r#"{"receipts": true}"#, "false");
    let settled = standing("settled", &format!(r#","transaction":"{tx}","settledAt":1795000002"#));
    let document = body(&told(&gate, &at(&id()), &settled));
    assert_eq!(
        document["extensions"]["offer-receipt"]["info"]["receipt"]["payload"],
        json!({
            "version": 1, "network": "eip155:84532", "resourceUrl": URL, "payer": Payer::new(7).address().to_checksum(None),
            "issuedAt": NOW, "transaction": tx
        })
    );
    let pending = body(&told(&gate, &at(&id()), &standing("pending", "")));
    assert_eq!(pending.get("extensions"), None);
}

#[test]
fn a_pending_answer_says_where_to_ask() {
    let gate = gate();
    let pending = |receipt| {
        serde_json::to_string(&Reply::Refuse(Refused {
            problem: "settlement-pending".into(),
            resource: URL.into(),
            reason: None,
            retry_after: Some(3),
            receipt,
        }))
        .unwrap()
    };
    let answer = told(&gate, URL, &pending(Some(id())));
    assert_eq!(problem_of(&answer), "settlement-pending");
    assert_eq!(body(&answer)["statusUrl"], at(&id()));
    let link = format!("<{}>; rel=\"status\"", at(&id()));
    assert_eq!(header(&answer, "Link"), Some(link.as_str()));
    assert_eq!(
        (header(&answer, "Retry-After"), header(&answer, "PAYMENT-RESPONSE")),
        (Some("3"), None)
    );
    let answer = told(&gate, URL, &pending(None));
    assert_eq!((body(&answer).get("statusUrl"), header(&answer, "Link")), (None, None));
}
