//! The gate inside real workerd: the same decisions as on the host, from the same vectors.
#![cfg(target_arch = "wasm32")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test"
)]

use farthing::{
    evm::{Address, Asset, Authorization, Signature, hex},
    gate::{Decision, Gate, Request, Routed},
    json::{self, Value},
    x402::{self, Network},
};
use wasm_bindgen_test::wasm_bindgen_test;

const SIGNING: &str = include_str!("vectors/signing.json");
const RECORDED: &str = include_str!("vectors/v2-exact-eip3009.json");
const KEYS: &str = "a:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
const CONFIG: &str = r#"{
    "site": "http://127.0.0.1:4021",
    "origin": "dns",
    "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
    "networks": ["eip155:84532"],
    "settlement": {"facilitators": [{"url": "http://127.0.0.1:4022"}]},
    "routes": [{"match": "/paid", "price": "$0.01", "access": "once"}]
}"#;

fn text<'a>(value: &'a Value<'_>, name: &str) -> &'a str {
    value.get(name).and_then(Value::text).unwrap()
}

#[wasm_bindgen_test]
fn signatures_recover_to_their_signers() {
    let file: serde_json::Value = serde_json::from_str(SIGNING).unwrap();
    let mut seen = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let data = &vector["typedData"];
        let network = Network::from_chain_id(data["domain"]["chainId"].as_u64().unwrap());
        let contract = hex::read(data["domain"]["verifyingContract"].as_str().unwrap()).map(Address::new);
        let Some(asset) = contract.and_then(|contract| Asset::find(network, contract)) else {
            continue;
        };
        let message = data["message"].to_string();
        let Some(authorization) = Authorization::read(&json::parse(&message).unwrap()) else {
            continue;
        };
        let digest = authorization.digest(&asset.domain());
        assert_eq!(hex::print(digest.as_slice()), vector["digest"].as_str().unwrap());
        let signer = Signature::parse(vector["signature"].as_str().unwrap())
            .unwrap()
            .recover(digest)
            .unwrap();
        assert_eq!(signer.to_checksum(None), vector["signer"].as_str().unwrap());
        seen += 1;
    }
    assert!(seen >= 8);
}

#[wasm_bindgen_test]
fn a_recorded_payment_is_claimed_and_a_forged_one_is_not() {
    let file: serde_json::Value = serde_json::from_str(RECORDED).unwrap();
    let header = file["exchanges"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|exchange| exchange["request"]["headers"]["payment-signature"].as_str())
        .unwrap();
    let decoded = x402::decode(header).unwrap();
    let payment = json::parse(&decoded).unwrap();
    let authorization = payment
        .get("payload")
        .and_then(|payload| payload.get("authorization"))
        .unwrap();
    let now = text(authorization, "validBefore").parse::<u64>().unwrap() - 60;
    let gate = Gate::new(CONFIG, KEYS, "", "", false);
    let url = "http://127.0.0.1:4021/paid";
    assert!(matches!(gate.route("GET", url), Routed::Look(_)));
    assert!(matches!(gate.route("GET", "http://127.0.0.1:4021/free"), Routed::Free));
    let decide = |header: &str| {
        gate.decide(
            &Request {
                method: "GET",
                url,
                payment: Some(header),
                ..Request::default()
            },
            now,
            [7; 16],
        )
    };
    assert!(matches!(decide(header), Decision::Ledger(call) if call.call == "claim"));
    let forged = decoded.replace(text(authorization, "nonce"), &format!("0x{}", "00".repeat(32)));
    let forged = x402::encode(&serde_json::from_str::<serde_json::Value>(&forged).unwrap());
    assert!(
        matches!(decide(&forged), Decision::Answer(answer) if answer.status == 402 && answer.body.contains("signature-invalid"))
    );
}
