//! A facilitator's answers. The first byte chooses the HTTP status and what was asked; the rest is the body.

use farthing::{
    evm::{Address, hex},
    ledger::{Intent, Phase, Reply, Row, Settlement, read_settlement, unverified},
    problem::Problem,
    x402::facilitator::{SettleResponse, Supported, VerifyResponse, charged, read_discovery},
};
use serde_json::{Value, json};

use super::world;

const STATUSES: [u16; 8] = [200, 201, 400, 402, 404, 429, 500, 503];

fn intent() -> Intent {
    let zero = Address::ZERO.to_checksum(None);
    serde_json::from_value(json!({
        "resource": world::ARTICLE, "seconds": 60, "version": 2, "network": "eip155:84532", "asset": zero,
        "payer": world::payer().to_checksum(None), "payTo": zero, "amount": "0", "nonce": format!("0x{}", "00".repeat(32)),
        "validBefore": world::NOW, "digest": "", "secret": false, "tagged": false, "address": "", "receipt": "", "request": "",
    }))
    .unwrap()
}

fn row() -> Row {
    Row {
        intent: intent(),
        phase: Phase::Settling { attempt: 1, deadline: 0 },
        fence: 1,
        created: 0,
        floor: None,
        charge: None,
        refused: None,
        answered: None,
        delivered: false,
        busy: 0,
        answers: 0,
        refusals: 0,
    }
}

pub(super) fn run(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let status = STATUSES[usize::from(*choice) % STATUSES.len()];
    let Ok(text) = core::str::from_utf8(body) else { return };
    let body = world::fill(text);
    match choice / 8 % 4 {
        0 => settle(status, &body),
        1 => verify(&body),
        2 => supported(&body),
        _ => discovery(&body),
    }
}

/// What another reader makes of the text, where it has a value to that reader; what proves anything is JSON.
fn said(body: &str) -> Option<Value> {
    let said = world::second_opinion(body.as_bytes()).ok()?;
    Some(said.expect("only JSON proves anything"))
}

fn settle(status: u16, body: &str) {
    if let Some(answer) = SettleResponse::read(body) {
        let again = serde_json::to_string(&answer).unwrap();
        assert_eq!(SettleResponse::read(&again).as_ref(), Some(&answer), "written as it is read");
        let Some(said) = said(body) else { return };
        if let Some(amount) = charged(&answer) {
            assert_eq!(said["amount"], amount.to_string());
        }
    }
    match read_settlement(&row(), status, body) {
        Settlement::Unclear => {}
        // threat A15
        Settlement::Done { transaction } => {
            let Some(said) = said(body) else { return };
            assert_eq!(said["success"], true);
            assert_eq!(said["transaction"], transaction);
            assert!(hex::read::<32>(&transaction).is_some());
            assert!(matches!(said["network"].as_str(), Some("eip155:84532" | "base-sepolia")));
            let payer = said["payer"].as_str().map(|text| hex::read(text).map(Address::new));
            assert!(payer.is_none_or(|payer| payer == Some(world::payer())));
        }
        // nothing can have been broadcast
        Settlement::Refused { reason } => {
            assert!(status < 500);
            assert_plain(&reason);
            let Some(said) = said(body) else { return };
            assert_eq!(said["success"], false);
            assert!(said["transaction"].as_str().unwrap_or_default().is_empty());
        }
    }
}

/// Threat A14: only a clear yes lets a contract wallet's payment go on.
fn verify(body: &str) {
    let answer = VerifyResponse::read(body);
    match unverified(answer.as_ref(), &row().intent) {
        None => assert!(said(body).is_none_or(|said| said["isValid"] == true)),
        Some(Reply::Refuse(refused)) => {
            assert!(Problem::from_slug(&refused.problem).is_some());
            if let Some(reason) = refused.reason {
                assert_plain(&reason);
            }
        }
        Some(other) => panic!("{other:?}"),
    }
}

fn supported(body: &str) {
    let Some(supported) = Supported::read(body) else { return };
    let Some(said) = said(body) else { return };
    let kinds = said["kinds"].as_array().unwrap();
    assert!(supported.kinds.len() <= kinds.len());
    for kind in &supported.kinds {
        assert!(supported.settles(kind.version, kind.scheme, kind.network));
        assert!(
            kinds
                .iter()
                .any(|said| said["scheme"] == kind.scheme.name() && said["x402Version"] == kind.version)
        );
    }
}

fn discovery(body: &str) {
    if let Some((items, _)) = read_discovery(body) {
        for accepted in items.iter().flat_map(|item| &item.accepts) {
            assert!(farthing::json::parse(accepted).is_ok());
        }
    }
}

/// A stranger's text stays out of our headers.
fn assert_plain(reason: &str) {
    assert!((1..=80).contains(&reason.len()));
    assert!(reason.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
}
