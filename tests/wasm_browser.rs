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
    access::sign_in::personal_hash,
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
    let accepted = |amount: &str, more: Value| {
        let mut extra = json!({"name": "USDC", "version": "2"});
        extra["offer"] = more;
        json!({
            "scheme": "exact", "network": "eip155:84532", "amount": amount, "asset": ASSETS[1].contract.to_string(),
            "payTo": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "maxTimeoutSeconds": 300, "extra": extra,
        })
    };
    let ten = json!({"name": "ten", "title": "Ten \"articles\"", "count": 10, "seconds": 2_592_000});
    let challenge = json!({
        "info": {
            "domain": "n.example", "uri": "https://n.example/a", "version": "1", "statement": "Open what you have paid for.",
            "nonce": "00112233445566778899aabbccddeeff", "issuedAt": "2027-01-15T08:00:00Z",
        },
        "supportedChains": [{"chainId": "solana:x", "type": "ed25519"}, {"chainId": "eip155:84532", "type": "eip191"}],
    });
    let required = json!({
        "x402Version": 2, "resource": {"url": "https://n.example/a"},
        "accepts": [accepted("50000", Value::Null), accepted("90000", ten)], "extensions": {"sign-in-with-x": challenge},
    });
    STANDARD.encode(required.to_string())
}

struct Reader {
    flow: u32,
    key: SigningKey,
}

impl Reader {
    fn new() -> Self {
        Self {
            flow: begin(r#"{"price":"$0.05","maxPrice":"$0.10","host":"n.example"}"#).unwrap(),
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
        self.signature(authorization.digest(&ASSETS[1].domain()).as_slice())
    }

    fn signature(&self, digest: &[u8]) -> String {
        let (signature, id) = self.key.sign_prehash_recoverable(digest).unwrap();
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(27 + id.to_byte());
        hex::print(&bytes)
    }

    fn to_signature(&self) -> Value {
        let quoting = self.pay();
        let connecting = self.answer(&quoting["effects"][0]["turn"], 402);
        assert_eq!(connecting["effects"][0]["method"], "eth_requestAccounts");
        let chain = self.wallet(&connecting, &self.address());
        let balance = self.wallet(&chain, "0x14a34");
        assert_eq!(balance["effects"][0]["method"], "eth_call");
        self.wallet(&balance, &format!("0x{:064x}", 90_000))
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
    let id = "eip155:84532/0x036cbd53842c5426634e7929541ec2318f3dcf7e";
    let pay_to = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
    let payee = pay_to.to_lowercase();
    let mark = format!("{id}/{payee}/0/0");
    assert_eq!(
        sent["view"]["offers"],
        json!([
            {"id": id, "mark": mark, "price": "0.05", "symbol": "USDC", "network": "Base Sepolia", "payTo": pay_to, "test": true},
            {
                "id": format!("{id}/ten"), "mark": format!("{id}/ten/{payee}/2592000/10"), "price": "0.09", "symbol": "USDC", "network": "Base Sepolia", "payTo": pay_to, "test": true,
                "wider": {"name": "ten", "title": "Ten \"articles\"", "count": 10},
                "lasts": 2_592_000,
            },
        ])
    );
    assert_eq!(
        (&sent["view"]["chosen"], &sent["view"]["restore"]),
        (&json!(0), &json!(false))
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
fn another_offer_is_chosen_and_its_price_is_what_is_signed() {
    let reader = Reader::new();
    let start = reader.send(json!({"type": "start", "offer": offer(), "at": NOW, "prefer": "eip155:1/0x00"}));
    assert_eq!(
        (&start["view"]["chosen"], &start["view"]["restore"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(reader.send(json!({"type": "choose"}))["view"], start["view"], "which?");
    assert_eq!(reader.send(json!({"type": "choose", "index": 2}))["view"], start["view"]);
    let chosen = reader.send(json!({"type": "choose", "index": 1}));
    assert_eq!((kinds(&chosen), &chosen["view"]["chosen"]), (vec![], &json!(1)));
    let wrong = reader.pay();
    assert_eq!(
        (kinds(&wrong), &wrong["view"]["notice"], &wrong["view"]["before"]),
        (vec![], &json!("price-changed"), &json!("0.05"))
    );
    let mark = &chosen["view"]["offers"][1]["mark"];
    let pay = json!({"type": "pay", "wallets": 1, "random": hex::print(&[9; 32]), "seen": "$0.09", "offer": mark});
    let connecting = reader.send(pay.clone());
    let chain = reader.wallet(&connecting, &reader.address());
    let balance = reader.wallet(&chain, "0x14a34");
    let low = reader.wallet(&balance, &format!("0x{:064x}", 89_999));
    assert_eq!(
        (&low["view"]["notice"], &low["view"]["have"]),
        (&json!("low-balance"), &json!("0.089999"))
    );
    let chain = reader.wallet(&reader.send(pay), &reader.address());
    let signing = reader.wallet(&reader.wallet(&chain, "0x14a34"), "");
    let sent = reader.wallet(&signing, &reader.sign(&signing));
    let payment = STANDARD.decode(sent["effects"][1]["payment"].as_str().unwrap()).unwrap();
    let payment: Value = serde_json::from_slice(&payment).unwrap();
    assert_eq!(
        (
            &payment["accepted"]["extra"]["offer"]["name"],
            &payment["payload"]["authorization"]["value"]
        ),
        (&json!("ten"), &json!("90000"))
    );
}

#[wasm_bindgen_test]
fn who_has_paid_signs_in_for_free() {
    let reader = Reader::new();
    let quoting = reader.send(json!({"type": "restore", "wallets": 1}));
    assert_eq!(
        (kinds(&quoting), &quoting["view"]["stage"]),
        (vec!["fetch"], &json!("quoting"))
    );
    let connecting = reader.answer(&quoting["effects"][0]["turn"], 402);
    let signing = reader.wallet(&connecting, &reader.address().to_lowercase());
    assert_eq!(
        (&signing["effects"][0]["method"], &signing["view"]["notice"]),
        (&json!("personal_sign"), &json!("restore-sign"))
    );
    assert_eq!(signing["effects"][0]["params"][1], reader.address().to_lowercase());
    let text = signing["effects"][0]["params"][0].as_str().unwrap();
    let text: Vec<u8> = (2..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect();
    let text = String::from_utf8(text).unwrap();
    let first = format!(
        "n.example wants you to sign in with your Ethereum account:\n{}\n\n",
        reader.address()
    );
    assert!(text.starts_with(&first), "{text}");
    let proven = reader.wallet(&signing, &reader.signature(personal_hash(&text).as_slice()));
    assert_eq!(
        (kinds(&proven), &proven["view"]["notice"]),
        (vec!["fetch"], &json!("restoring"))
    );
    assert_eq!(proven["effects"][0]["payment"], "");
    let proof = STANDARD.decode(proven["effects"][0]["proof"].as_str().unwrap()).unwrap();
    let proof: Value = serde_json::from_slice(&proof).unwrap();
    assert_eq!(
        (&proof["address"], &proof["chainId"], &proof["type"]),
        (&json!(reader.address()), &json!("eip155:84532"), &json!("eip191"))
    );
    let nothing = reader.answer(&proven["effects"][0]["turn"], 402);
    assert_eq!(
        (kinds(&nothing), &nothing["view"]["notice"], &nothing["view"]["restore"]),
        (vec![], &json!("not-owned"), &json!(true))
    );
}

#[wasm_bindgen_test]
fn f3_a_sign_in_for_another_site_is_refused() {
    let reader = Reader {
        flow: begin(r#"{"host":"other.example"}"#).unwrap(),
        key: SigningKey::from_slice(&[7; 32]).unwrap(),
    };
    let quoting = reader.send(json!({"type": "restore", "wallets": 1}));
    let refused = reader.answer(&quoting["effects"][0]["turn"], 402);
    assert_eq!((kinds(&refused), &refused["view"]["notice"]), (vec![], &json!("no-restore")));
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
