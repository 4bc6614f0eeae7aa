//! What the facilitator's answers prove.

use super::*;

#[test]
fn a15_answers_prove_what_they_say_only_if_they_fit() {
    let (row, _) = settling();
    let payer = row.intent.payer;
    let read = |status, body: &str| read_settlement(&row, status, body);
    let done = Settlement::Done { transaction: TX.into() };
    let success = |network: &str, transaction: &str, payer: &str| {
        format!(r#"{{"success":true,"transaction":"{transaction}","network":"{network}","payer":{payer}}}"#)
    };
    let own = format!("\"{payer}\"");
    assert_eq!(read(200, &success("eip155:84532", TX, &own)), done);
    assert_eq!(read(200, &success("base-sepolia", TX, "null")), done);
    assert_eq!(
        read(500, &success("eip155:84532", TX, &own.to_lowercase())),
        done,
        "the body counts at any status"
    );
    for bad in [
        success("eip155:8453", TX, &own),
        success("eip155:84532", "", &own),
        success("eip155:84532", "0x12", &own),
        success("eip155:84532", TX, "\"0x0000000000000000000000000000000000000001\""),
        "{}".to_owned(),
        "[]".to_owned(),
        String::new(),
        "<html>".to_owned(),
        r#"{"success":"true"}"#.to_owned(),
        r#"{"success":false}"#.to_owned(),
        r#"{"success":false,"errorReason":"invalid_exact_evm_nonce_already_used","transaction":""}"#.to_owned(),
        r#"{"success":false,"errorReason":"settlement_pending","transaction":""}"#.to_owned(),
        r#"{"success":false,"errorReason":"settle_exact_node_failure","transaction":""}"#.to_owned(),
        r#"{"success":false,"errorReason":"settle_exact_evm_transaction_confirmation_timed_out","transaction":""}"#.to_owned(),
        r#"{"success":false,"errorReason":"never heard of","transaction":""}"#.to_owned(),
        r#"{"success":false,"errorReason":"invalid_exact_evm_transaction_failed","transaction":""}"#.to_owned(),
        format!(r#"{{"success":false,"errorReason":"insufficient_funds","transaction":"{TX}"}}"#),
    ] {
        assert_eq!(read(200, &bad), Settlement::Unclear, "{bad}");
    }
    let refused =
        r#"{"success":false,"errorReason":"invalid_exact_evm_insufficient_balance","transaction":"","errorMessage":"long text"}"#;
    assert_eq!(
        read(200, refused),
        Settlement::Refused {
            reason: "invalid_exact_evm_insufficient_balance".into()
        }
    );
    assert_eq!(
        read(400, refused),
        Settlement::Refused {
            reason: "invalid_exact_evm_insufficient_balance".into()
        }
    );
    assert_eq!(read(502, refused), Settlement::Unclear);
    let text = r#"{"success":false,"errorReason":"The contract function \"transferWithAuthorization\" reverted with the following reason:\nERC20: transfer amount exceeds balance\n\nContract Call: bytes32 nonce","transaction":""}"#;
    assert_eq!(
        read(200, text),
        Settlement::Refused {
            reason: "insufficient_funds".into()
        }
    );
    assert_eq!(
        read(
            200,
            &text.replace("transfer amount exceeds balance", "authorization is used or canceled")
        ),
        Settlement::Unclear
    );
    let strange = r#"{"success":false,"errorReason":"invalid_x\r\nSet-Cookie: a","transaction":""}"#;
    assert_eq!(
        read(200, strange),
        Settlement::Refused {
            reason: "refused".into()
        }
    );
}

#[test]
fn b7_the_next_is_asked_only_where_this_one_certainly_sent_nothing() {
    for status in 100..=599 {
        let lets = matches!(status, 401 | 402 | 403 | 404 | 405 | 407 | 415 | 429);
        for body in ["", "{}", "<html>", r#"{"error":"no"}"#, r#"{"success":"false"}"#] {
            assert_eq!(passes_on(status, body), lets, "{status} {body}");
        }
        // whoever speaks of a settlement is taken at his word
        for body in [
            r#"{"success":true,"transaction":"","network":"eip155:84532"}"#,
            r#"{"success":false}"#,
            r#"{"success":false,"errorReason":"rate_limited","transaction":""}"#,
            r#"{"success":false,"errorReason":"insufficient_funds","transaction":""}"#,
            r#"{"success":false,"errorReason":"invalid_exact_evm_payload_authorization_from_address_kyt","transaction":""}"#,
            r#"{"success":false,"errorReason":"invalid_exact_evm_signature","transaction":""}"#,
            r#"{"success":false,"errorReason":"settle_exact_node_failure","transaction":""}"#,
            r#"{"success":false,"errorReason":"network_timeout","transaction":""}"#,
            r#"{"success":false,"errorReason":"never heard of this network","transaction":""}"#,
            r#"{"success":false,"errorReason":"unsupported_scheme","transaction":"0x12"}"#,
        ] {
            assert!(!passes_on(status, body), "{status} {body}");
        }
        for reason in [
            "unsupported_scheme",
            "unsupported_payload_type",
            "invalid_scheme",
            "invalid_network",
            "invalid_x402_version",
            "invalid_exact_evm_network_mismatch",
            "upto_unauthorized_facilitator",
        ] {
            let body = format!(r#"{{"success":false,"errorReason":"{reason}"}}"#);
            assert_eq!(passes_on(status, &body), status < 500, "{status} {body}");
        }
    }
}

#[test]
fn the_recorded_answers_of_the_official_facilitator_are_told_apart() {
    let path = format!("{}/tests/vectors/facilitator-answers.json", env!("CARGO_MANIFEST_DIR"));
    let recording: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut seen = 0;
    for exchange in recording["exchanges"].as_array().unwrap() {
        if exchange["request"]["path"] != "/settle" {
            continue;
        }
        let name = exchange["case"].as_str().unwrap();
        let payer = crate::evm::hex::read(
            exchange["request"]["decoded"]["body"]["paymentPayload"]["payload"]["authorization"]["from"]
                .as_str()
                .unwrap_or_default(),
        );
        let mut row = won();
        row.intent.payer = payer.map(Address::new).unwrap_or_default();
        let status = u16::try_from(exchange["response"]["status"].as_u64().unwrap()).unwrap();
        let answer = read_settlement(&row, status, exchange["response"]["body"].as_str().unwrap());
        let want = match name.trim_start_matches("settle: ") {
            "good" => "done",
            "used nonce"
            | "wrong token name, signed with it"
            | "unknown network"
            | "unknown scheme"
            | "empty object"
            | "not JSON" => "unclear",
            _ => "refused",
        };
        let got = match answer {
            Settlement::Done { .. } => "done",
            Settlement::Refused { .. } => "refused",
            Settlement::Unclear => "unclear",
        };
        assert_eq!(got, want, "{name}");
        seen += 1;
    }
    assert!(seen > 10);
}

#[test]
fn problems_named_by_replies_exist() {
    for reply in [
        Reply::pending("r", 1),
        Reply::rejected("r", "insufficient_funds", None),
        Reply::rejected("r", "x", None),
    ] {
        let Reply::Refuse(refused) = reply else { panic!() };
        assert!(Problem::from_slug(&refused.problem).is_some());
    }
}
