//! Entries about refunds: who may write one, and what becomes of the books' answer.

use super::*;
use crate::access::{Marks, order::Entry, receipt_id};

const SITE: &str = "https://news.example";
const REFUND: &str = "https://news.example/.farthing/refund";

fn asks(method: &str, order: &str, now: u64) -> Decision {
    let more = format!("farthing-order: {order}");
    let request = Request {
        method,
        more: &more,
        ..request(REFUND)
    };
    gate().decide(&request, now, [1; 16])
}

fn entry(receipt: &str) -> String {
    format!(r#"{{"receipt":"{receipt}"}}"#)
}

#[test]
fn e6_an_entry_about_a_receipt_of_this_site_goes_to_the_books_and_no_other() {
    let keys = test_keys();
    let id = receipt_id::issue(&keys, SITE, Address::repeat_byte(7), [1; 12]).unwrap();
    let order = Entry::seal(&keys, SITE, &entry(&id), NOW * 1000).unwrap();
    let Decision::Ledger(call) = asks("POST", &order, NOW) else {
        panic!("it is ours")
    };
    assert_eq!((call.object.as_str(), call.call), ("", "refund"));
    // with what would stand in the books, had its payer had it erased: by each key that there is
    let marks = json!(Marks::new(&keys).all(&id));
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(body, json!({"receipt": id, "marks": marks}));
    assert_eq!(answer(asks("GET", &order, NOW)).status, 405);
    let sealed = |site: &str, text: &str| Entry::seal(&keys, site, text, NOW * 1000).unwrap();
    for (order, now) in [
        (order.clone(), NOW + 301),
        (order.clone(), NOW - 301),
        (String::new(), NOW),
        (sealed("https://blog.example", &entry(&id)), NOW),
        (sealed(SITE, &entry(&"A".repeat(56))), NOW),
        (sealed(SITE, "{}"), NOW),
        (sealed(SITE, "x"), NOW),
        (order.replace("receipt", "Receipt"), NOW),
    ] {
        let refused = answer(asks("POST", &order, now));
        assert_eq!(refused.status, 403, "{order}");
        assert!(refused.body.contains("order-invalid"));
    }
}

#[test]
fn what_the_books_say_is_answered_and_what_they_do_not_is_a_problem() {
    let request = Request {
        method: "POST",
        ..request(REFUND)
    };
    let said = |reply: &str| match gate().next(&request, reply, NOW, [1; 16]) {
        Next::Answer(answer) => (answer.status, answer.body),
        other => panic!("{other:?}"),
    };
    let reply = r#"{"refunds":[],"added":false}"#;
    assert_eq!(said(reply), (200, reply.into()));
    for (reply, status) in [
        (r#"{"refuse":{"problem":"no-books","resource":""}}"#, 422),
        (r#"{"refuse":{"problem":"refund-conflict","resource":""}}"#, 422),
        ("", 500),
        ("{}", 500),
    ] {
        assert_eq!(said(reply).0, status, "{reply}");
    }
}
