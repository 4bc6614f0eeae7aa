//! Money that is worth nothing is called so.

use super::*;

/// The page for people, with these networks.
fn page(networks: &str) -> (String, Gate) {
    let config = SAMPLE.replacen(r#""networks": ["eip155:84532"]"#, networks, 1);
    let gate = Gate::new(&config, KEYS, "{{card}}", "default-src 'none'", false);
    let request = Request {
        accept: "text/html",
        ..request(URL)
    };
    (answer(gate.decide(&request, NOW, [1; 16])).body, gate)
}

fn warned(gate: &Gate) -> bool {
    gate.health()
        .body
        .contains("a test network beside real money: whoever pays there reads for nothing")
}

#[test]
fn a_page_that_takes_test_money_says_so_and_another_does_not() {
    let (html, gate) = page(r#""networks": ["eip155:84532"]"#);
    assert!(html.contains(" test-network>"), "{html}");
    assert!(!warned(&gate));
    let (html, gate) = page(r#""money": "real", "networks": ["eip155:8453", "eip155:84532"]"#);
    assert!(!html.contains("test-network"));
    assert!(warned(&gate), "who pays in test money reads what others pay for");
    let (_, gate) = page(r#""money": "real", "networks": ["eip155:84532", "eip155:8453"]"#);
    assert!(warned(&gate));
}
