//! The widget's core as a browser runs it: events in and effects out as text, real curve arithmetic.
#![cfg(target_arch = "wasm32")]
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use base64::{Engine, engine::general_purpose::STANDARD};
use farthing::{
    bindings::widget::{begin, send},
    evm::{Address, Authorization, asset::ASSETS, hex},
    json::parse,
};
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const NOW: u64 = 1_800_000_000;

fn offer() -> String {
    let accepted = json!({
        "scheme": "exact", "network": "eip155:84532", "amount": "50000", "asset": ASSETS[1].contract.to_string(),
        "payTo": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "maxTimeoutSeconds": 300, "extra": {"name": "USDC", "version": "2"},
    });
    STANDARD.encode(json!({"x402Version": 2, "resource": {"url": "https://n.example/a"}, "accepts": [accepted]}).to_string())
}

struct Reader {
    flow: u32,
    key: SigningKey,
}

impl Reader {
    fn new() -> Self {
        Self {
            flow: begin(r#"{"price":"$0.05","maxPrice":"$0.10"}"#).unwrap(),
            key: SigningKey::from_slice(&[7; 32]).unwrap(),
        }
    }

    fn address(&self) -> String {
        let point = self.key.verifying_key().to_encoded_point(false);
        Address::from_raw_public_key(&point.as_bytes()[1..]).to_checksum(None)
    }

    fn send(&self, mut event: Value) -> Value {
        event["now"] = NOW.into();
        serde_json::from_str(&send(self.flow, &event.to_string())).unwrap()
    }

    fn wallet(&self, outcome: &Value, text: &str) -> Value {
        self.send(json!({"type": "wallet", "turn": outcome["effects"][0]["turn"], "text": text}))
    }

    fn answer(&self, turn: &Value, status: u16) -> Value {
        self.send(json!({"type": "answer", "turn": turn, "status": status, "required": offer(), "date": NOW}))
    }

    fn pay(&self) -> Value {
        self.send(json!({"type": "pay", "wallets": 1, "random": hex::print(&[9; 32]), "seen": "$0.05"}))
    }

    /// Signs what the wallet was asked to sign.
    fn sign(&self, outcome: &Value) -> String {
        let typed: Value = serde_json::from_str(outcome["effects"][0]["params"][1].as_str().unwrap()).unwrap();
        let message = typed["message"].to_string();
        let authorization = Authorization::read(&parse(&message).unwrap()).unwrap();
        let (signature, id) = self
            .key
            .sign_prehash_recoverable(authorization.digest(&ASSETS[1].domain()).as_slice())
            .unwrap();
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(27 + id.to_byte());
        hex::print(&bytes)
    }

    fn to_signature(&self) -> Value {
        let quoting = self.pay();
        let connecting = self.answer(&quoting["effects"][0]["turn"], 402);
        assert_eq!(connecting["effects"][0]["method"], "eth_requestAccounts");
        let chain = self.wallet(&connecting, &self.address());
        self.wallet(&chain, "0x14a34")
    }
}

fn kinds(outcome: &Value) -> Vec<&str> {
    outcome["effects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|effect| effect["do"].as_str().unwrap())
        .collect()
}

#[wasm_bindgen_test]
fn a_reader_pays_and_the_payment_is_kept_until_it_is_resolved() {
    let reader = Reader::new();
    let signing = reader.to_signature();
    assert_eq!(signing["view"]["stage"], "signing");
    assert_eq!(signing["effects"][0]["params"][0], reader.address());
    let sent = reader.wallet(&signing, &reader.sign(&signing));
    assert_eq!(kinds(&sent), ["keep", "fetch", "wait"]);
    assert_eq!(sent["effects"][0]["text"], sent["effects"][1]["payment"]);
    assert_eq!(
        sent["view"]["offer"],
        json!({"price": "0.05", "symbol": "USDC", "network": "Base Sepolia", "payTo": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "test": true})
    );
    let pending = reader.answer(&sent["effects"][1]["turn"], 503);
    assert_eq!(
        (kinds(&pending), &pending["view"]["stage"]),
        (vec!["wait"], &json!("pending"))
    );
    let again = reader.send(json!({"type": "woke", "turn": pending["effects"][0]["turn"]}));
    assert_eq!(again["effects"][0]["payment"], sent["effects"][1]["payment"]);
    let opened = reader.answer(&again["effects"][0]["turn"], 200);
    assert_eq!(
        (kinds(&opened), &opened["view"]["stage"]),
        (vec!["forget", "open"], &json!("unlocked"))
    );
}

#[wasm_bindgen_test]
fn f2_a_signature_by_another_key_is_not_sent() {
    let reader = Reader::new();
    let signing = reader.to_signature();
    let other = Reader {
        key: SigningKey::from_slice(&[8; 32]).unwrap(),
        ..reader
    };
    let refused = other.wallet(&signing, &other.sign(&signing));
    assert_eq!(
        (kinds(&refused), &refused["view"]["notice"]),
        (vec![], &json!("unsupported-wallet"))
    );
}

#[wasm_bindgen_test]
fn cards_of_one_page_do_not_know_each_other() {
    let (one, other) = (Reader::new(), Reader::new());
    one.to_signature();
    assert_eq!(other.send(json!({"type": "cancel"}))["view"]["stage"], "idle");
    assert_eq!(one.send(json!({"type": "cancel"}))["view"]["notice"], "offer");
}

#[wasm_bindgen_test]
fn nonsense_changes_nothing() {
    let reader = Reader::new();
    for nonsense in [
        "",
        "{",
        "[]",
        "null",
        r#"{"type":"x"}"#,
        r#"{"type":"pay","random":"0x12"}"#,
        r#"{"type":"wallet","turn":-1}"#,
        r#"{"type":"answer","turn":99999999999}"#,
    ] {
        let outcome: Value = serde_json::from_str(&send(reader.flow, nonsense)).unwrap();
        assert_eq!(
            (kinds(&outcome), &outcome["view"]["notice"]),
            (vec![], &json!("offer")),
            "{nonsense}"
        );
    }
    assert_eq!(send(u32::MAX, r#"{"type":"intent"}"#), "");
    assert_eq!(
        begin(r#"{"maxPrice":"cheap"}"#),
        None,
        "a pin that cannot be read allows nothing"
    );
}
