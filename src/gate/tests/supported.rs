//! What facilitators say that they settle, against the config.

use super::*;

const SETTLER: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

fn gate() -> Gate {
    let config = SAMPLE
        .replace(
            r#"{"url": "https://facilitator.example/"}"#,
            &format!(r#"{{"url": "https://a.example"}}, {{"direct": "GAS"}}, {{"url": "https://b.example", "address": "{SETTLER}", "headers": {{"x-y": "TOKEN"}}}}"#),
        )
        .replace(
            r#""routes": ["#,
            r#""routes": [{"match": "/free", "price": "free"}, {"match": "/m", "price": "$1", "scheme": "upto"}, "#,
        );
    Gate::new(&config, KEYS, "", "", false)
}

fn kinds(kinds: &[(u8, &str, &str, &str)]) -> String {
    let kinds: Vec<Value> = kinds
        .iter()
        .map(|(version, scheme, network, address)| {
            json!({"x402Version": version, "scheme": scheme, "network": network, "extra": {"facilitatorAddress": address}})
        })
        .collect();
    json!({ "kinds": kinds }).to_string()
}

#[test]
fn facilitators_alone_are_asked() {
    assert_eq!(
        gate().facilitators(),
        [
            (0, "https://a.example/supported".into(), "".into()),
            (2, "https://b.example/supported".into(), "x-y TOKEN".into())
        ]
    );
    assert!(Gate::new("{}", KEYS, "", "", false).facilitators().is_empty());
}

#[test]
fn what_is_offered_and_not_listed_is_told_and_refuses_nothing() {
    let exact = (2, "exact", "eip155:84532", "");
    let upto = (2, "upto", "eip155:84532", SETTLER);
    let other = (2, "upto", "eip155:84532", "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65");
    for (index, answer, says) in [
        (0, kinds(&[exact]), &[][..]),
        (0, kinds(&[(2, "exact", "eip155:*", "")]), &[]),
        // metered payments are not taken to it
        (0, kinds(&[exact, other]), &[]),
        (
            0,
            kinds(&[(1, "exact", "base-sepolia", "")]),
            &["[0] (a.example) does not list exact payments on eip155:84532"],
        ),
        (0, kinds(&[]), &["[0] (a.example) does not list exact"]),
        (
            0,
            String::new(),
            &["[0] (a.example) does not say at /supported what it settles"],
        ),
        (0, "<html>".into(), &["does not say at /supported"]),
        (2, kinds(&[exact, upto]), &[]),
        (2, kinds(&[exact, (2, "upto", "eip155:84532", "")]), &[]),
        (
            2,
            kinds(&[exact]),
            &["[2] (b.example) does not list upto payments on eip155:84532"],
        ),
        (
            2,
            kinds(&[exact, other]),
            &["[2] (b.example) settles upto payments on eip155:84532 by 0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"],
        ),
        (2, kinds(&[]), &["does not list upto", "does not list exact"]),
        (1, kinds(&[]), &[]),
        (9, kinds(&[]), &[]),
    ] {
        let mut gate = gate();
        for _ in 0..2 {
            let said = gate.supported(index, &answer);
            assert_eq!(said.len(), says.len(), "{answer}: {said:?}");
            for (said, says) in said.iter().zip(says) {
                assert!(said.contains(says), "{said}");
            }
        }
        let health: Value = serde_json::from_str(&gate.health().body).unwrap();
        let warnings: Vec<&str> = health["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(warnings.len(), says.len(), "each once: {warnings:?}");
        assert_eq!(health["ok"], true);
        assert_eq!(answer_of(&gate), 402);
    }
}

fn answer_of(gate: &Gate) -> u16 {
    answer(gate.decide(&request(URL), NOW, [1; 16])).status
}
