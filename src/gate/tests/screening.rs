//! Accounts that may not pay, and the service that is asked about the others.

use super::*;

fn with(screening: &str) -> Gate {
    let config = SAMPLE.replacen('{', &format!(r#"{{"screening": {screening},"#), 1);
    Gate::new(&config, KEYS, "", "", false)
}

#[test]
fn b13_a_denied_account_begins_nothing_however_its_address_is_written() {
    let payer = Payer::new(1);
    let payment = encode(&payer.payment(&offer(&super::gate(), URL, 1), 7));
    let address = pay(&super::gate(), URL, &payment).unwrap().payer;
    for written in [
        format!("{address:#x}"),
        address.to_checksum(None),
        format!("0x{}", format!("{address:x}").to_ascii_uppercase()),
    ] {
        let gate = with(&format!(r#"{{"deny": ["0x{}", "{written}"]}}"#, "22".repeat(20)));
        // the ledger looks up what it knows, and begins nothing
        assert_eq!(pay(&gate, URL, &payment).unwrap().late.as_deref(), Some("payer-refused"));
        let other = encode(&Payer::new(2).payment(&offer(&gate, URL, 1), 7));
        assert_eq!(pay(&gate, URL, &other).unwrap().late, None);
    }
    // a site without a list, and one with another's
    for screening in [
        r#"{"deny": []}"#,
        r#"{"deny": ["0x2222222222222222222222222222222222222222"]}"#,
    ] {
        assert_eq!(pay(&with(screening), URL, &payment).unwrap().late, None);
    }
    // and it says so, not that another payment would do
    let reply = r#"{"refuse":{"problem":"payer-refused","resource":"https://news.example/articles/x"}}"#;
    let Next::Answer(answer) = super::gate().next(&request(URL), reply, NOW, [1; 16]) else {
        panic!()
    };
    assert_eq!((answer.status, header(&answer, "PAYMENT-REQUIRED")), (403, None));
    assert_eq!(problem_of(&answer), "payer-refused");
}

#[test]
fn who_cannot_be_screened_is_told_when_to_come_back() {
    let reply = r#"{"refuse":{"problem":"screening-unavailable","resource":"https://news.example/articles/x","retryAfter":4}}"#;
    let Next::Answer(answer) = super::gate().next(&request(URL), reply, NOW, [1; 16]) else {
        panic!()
    };
    assert_eq!((answer.status, header(&answer, "Retry-After")), (503, Some("4")));
    assert_eq!(header(&answer, "PAYMENT-REQUIRED"), None);
}

#[test]
fn the_service_is_asked_about_the_site_s_own_account_alone() {
    let mut gate = with(r#"{"url": "https://s.example/x", "headers": {"x-key": "S"}, "whenUnreachable": "refuse"}"#);
    let (screener, question) = gate.screener().unwrap();
    assert_eq!(
        (screener.url.as_str(), screener.auth().as_str()),
        ("https://s.example/x", "x-key S")
    );
    let question: Value = serde_json::from_str(&question).unwrap();
    assert_eq!(question["network"], "eip155:84532");
    assert!(SAMPLE.contains(question["address"].as_str().unwrap()));
    assert!(gate.screens(r#"{"allow": true}"#).is_empty());
    for (answer, says) in [
        (r#"{"allow": false}"#, "screening (s.example) would refuse"),
        ("", "screening (s.example) does not answer"),
        (r#"{"allowed": true}"#, "screening (s.example) does not answer"),
    ] {
        let said = gate.screens(answer);
        assert!(said[0].starts_with(says), "{said:?}");
        let health: Value = serde_json::from_str(&gate.health().body).unwrap();
        assert!(health["warnings"].as_array().unwrap().contains(&json!(said[0])));
        assert_eq!(health["ok"], true);
    }
    assert!(super::gate().screener().is_none());
}
