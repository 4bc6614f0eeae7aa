//! `"payments": "paused"`, and secrets that are not there.

use super::*;

fn paused() -> Gate {
    let config = SAMPLE.replacen('{', r#"{"payments": "paused","#, 1);
    Gate::new(&config, KEYS, "<h1>{{title}}</h1>{{offer}}", "default-src 'none'", false)
}

#[test]
fn b8_nothing_is_offered_while_payments_are_paused() {
    let gate = paused();
    for accept in ["", "text/html"] {
        let request = Request { accept, ..request(URL) };
        let answer = answer(gate.decide(&request, NOW, [1; 16]));
        assert_eq!(answer.status, 503);
        assert_eq!(header(&answer, "Retry-After"), Some("600"));
        assert!(!answer.body.contains("accepts"), "{}", answer.body);
        if accept.is_empty() {
            assert_eq!(problem_of(&answer), "payments-paused");
            let required = decoded(header(&answer, "PAYMENT-REQUIRED").unwrap());
            assert_eq!(required["accepts"], json!([]));
            assert!(
                required["extensions"]["sign-in-with-x"].is_object(),
                "who has paid may sign in"
            );
        } else {
            assert!(answer.body.contains("This site takes no payments now"));
            assert_eq!(header(&answer, "PAYMENT-REQUIRED"), None);
        }
    }
    // nor where a payment is wrong: a 402 would have it signed again
    let (payer, other) = (Payer::new(1), super::gate());
    let mut wrong = payer.payment(&offer(&other, URL, 1), 7);
    wrong["payload"]["signature"] = json!(format!("0x{}", "11".repeat(65)));
    let header = encode(&wrong);
    let request = Request {
        payment: Some(&header),
        ..request(URL)
    };
    let answer = answer(gate.decide(&request, NOW, [1; 16]));
    assert_eq!(answer.status, 402);
    assert_eq!(
        decoded(super::header(&answer, "PAYMENT-REQUIRED").unwrap())["accepts"],
        json!([])
    );
}

#[test]
fn s4_what_began_before_the_pause_is_brought_to_its_end() {
    let payment = encode(&Payer::new(1).payment(&offer(&super::gate(), URL, 1), 7));
    assert_eq!(pay(&super::gate(), URL, &payment).unwrap().late, None);
    // the ledger joins what it knows, and begins nothing
    assert_eq!(
        pay(&paused(), URL, &payment).unwrap().late.as_deref(),
        Some("payments-paused")
    );
    let reply = r#"{"refuse":{"problem":"payments-paused","resource":"https://news.example/articles/x"}}"#;
    let Next::Answer(answer) = paused().next(&request(URL), reply, NOW, [1; 16]) else {
        panic!()
    };
    assert_eq!((answer.status, header(&answer, "Retry-After")), (503, Some("600")));
}

#[test]
fn e7_passes_and_signing_in_work_while_payments_are_paused() {
    let gate = paused();
    let pass = Pass {
        payer: [1; 16],
        receipt: [2; 16],
        issued: NOW,
        expires: NOW + 60,
    };
    let cookies = format!("{}={}", cookie::PASS, pass.seal(&test_keys(), URL).unwrap());
    let request = Request {
        cookie: &cookies,
        ..request(URL)
    };
    assert!(matches!(gate.decide(&request, NOW, [0; 16]), Decision::Forward { .. }));
    assert!(matches!(gate.route("GET", "https://news.example/"), Routed::Free));
    let proof = Payer::new(1).sign_in(&gate, &|_| {});
    let request = Request {
        sign_in: Some(&proof),
        ..super::request(URL)
    };
    assert!(matches!(gate.decide(&request, NOW, [0; 16]), Decision::Ledger(call) if call.call == "signIn"));
}

#[test]
fn b10_a_secret_that_is_missing_closes_what_is_priced_and_its_name_stays_here() {
    let config = SAMPLE.replace(
        r#"{"url": "https://facilitator.example/"}"#,
        r#"{"url": "https://facilitator.example/", "headers": {"authorization": "HUSH_TOKEN"}}, {"direct": "HUSH_KEY"}"#,
    );
    let gate = || Gate::new(&config, KEYS, "", "", false);
    let (header, key) = (
        "settlement.facilitators[0].headers.authorization",
        "settlement.facilitators[1].direct",
    );
    let mut fine = gate();
    fine.lacks(&[]);
    assert!(matches!(fine.route("GET", URL), Routed::Look(Target::Priced(..))));
    assert_eq!(fine.health().status, 200);
    for (faults, says) in [
        (&[(header, true)][..], &["a secret that this Worker does not have"][..]),
        (&[(header, false)], &["no header's value"]),
        (&[(key, false)], &["64 hex digits"]),
        (&[(header, true), (key, true)], &[header, key]),
    ] {
        let mut gate = gate();
        gate.lacks(faults);
        assert!(matches!(
            gate.route("GET", URL),
            Routed::Look(Target::Wrong(Problem::NotConfigured))
        ));
        assert_eq!(answer(gate.decide(&request(URL), NOW, [0; 16])).status, 503);
        let health = gate.health();
        assert_eq!(health.status, 503);
        for says in says {
            assert!(health.body.contains(says), "{}", health.body);
        }
        assert!(!health.body.contains("HUSH"), "{}", health.body);
        // what was wrong stays wrong
        gate.lacks(&[]);
        assert!(gate.config().is_none());
    }
}
