//! What a contract wallet owns counts on its own chain alone, whatever the same address owns on others (threat A9).

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that looks beside its world fails"
)]

use std::cell::Cell;

use farthing_worker::{Effect, Host, Object, Result, Step};
use rusqlite::{Connection, types::ValueRef};

const NOW: u64 = 1_795_000_000;
const MONTH: u64 = 30 * 24 * 60 * 60;

#[derive(Debug)]
struct Storage(Connection);

impl Host for Storage {
    fn sql(&self, sql: &str, values: &[&str]) -> Result<Vec<String>> {
        let fail = |error: rusqlite::Error| error.to_string();
        let mut statement = self.0.prepare(sql).map_err(fail)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(fail)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(fail)? {
            all.push(match row.get_ref(0).map_err(fail)? {
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                _ => "null".to_owned(),
            });
        }
        Ok(all)
    }
    fn now(&self) -> u64 {
        NOW
    }
    fn wake(&self) {}
    fn say(&self, _: &str) {}
}

const PAYER: &str = "0x0202020202020202020202020202020202020202";
const HERE: &str = "eip155:84532";
const ELSEWHERE: &str = "eip155:8453";

/// A wider offer that somebody at the payer's address bought.
fn bought(storage: &Connection, receipt: &str, count: u32, network: &str, until: u64) {
    let body = serde_json::json!({
        "payer": PAYER, "resource": "https://news.example/articles/y", "receipt": receipt, "transaction": "0x01",
        "network": network, "until": until, "pass": "month",
    });
    let name = if count == 0 { "month" } else { "ten" };
    let row = (receipt, name, count, until, body.to_string());
    storage.execute("INSERT INTO wider VALUES (?, ?, ?, ?, ?)", row).unwrap();
}

/// The receipt of what a payment of the contract's is answered with, or the call of the settlement that it leads to.
fn pays(storage: Connection, offer: Option<serde_json::Value>) -> String {
    let settings = serde_json::json!({
        "facilitators": [{"facilitator": {
            "url": "https://one.example", "headers": [], "coinbase": null, "metered": false, "contractWallets": true,
        }}],
        "rpc": {}, "confirmations": {}, "settlementsPerDay": 10_000_000, "timeoutSeconds": 20,
    });
    farthing_worker::configure(Some(serde_json::from_value(settings).unwrap()));
    let mut intent = serde_json::json!({
        "resource": "https://news.example/articles/x", "seconds": MONTH, "version": 2, "network": HERE,
        "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": PAYER, "passes": ["month"],
        "payTo": "0x0303030303030303030303030303030303030303", "amount": "50000",
        "nonce": "0x0404040404040404040404040404040404040404040404040404040404040404", "validBefore": NOW + 300,
        "digest": "d", "secret": true, "tagged": true, "address": "", "receipt": "r", "request": "{}",
        "verify": true, "contract": true,
    });
    if let Some(offer) = offer {
        intent["offer"] = offer;
    }
    let mut object = Object::open(Storage(storage));
    let mut step = object.start(1, "claim", &intent.to_string());
    let verified = Cell::new(false);
    loop {
        step = match step {
            Step::Waits(Effect::Post { url, .. }) => {
                assert_eq!(url, "https://one.example/verify");
                verified.set(true);
                object.resume(1, Ok(format!("200\n{{\"isValid\":true,\"payer\":\"{PAYER}\"}}")))
            }
            // the day's settlements
            Step::Waits(Effect::Call { call, body, .. }) if call == "lease" => object.resume(1, Ok(body)),
            Step::Waits(_) => object.resume(1, Ok(String::new())),
            Step::Ended(reply) => {
                assert!(verified.get(), "nothing is believed of a contract unasked");
                let reply: serde_json::Value = serde_json::from_str(&reply.unwrap()).unwrap();
                let receipt = reply["deliver"]["receipt"].as_str();
                return receipt.map_or_else(|| reply.to_string(), ToOwned::to_owned);
            }
        };
    }
}

/// A storage with the tables of wider offers.
fn storage() -> Connection {
    let storage = Connection::open_in_memory().unwrap();
    let tables = "CREATE TABLE wider (receipt TEXT PRIMARY KEY, name TEXT NOT NULL, count INTEGER NOT NULL, until INTEGER NOT NULL, body TEXT NOT NULL);
        CREATE TABLE opened (receipt TEXT NOT NULL, resource TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (receipt, resource)) WITHOUT ROWID";
    storage.execute_batch(tables).unwrap();
    storage
}

#[test]
fn a9_a_time_pass_of_this_chain_opens_beside_a_longer_one_of_another() {
    let both = storage();
    bought(&both, "longer, elsewhere", 0, ELSEWHERE, NOW + 2 * MONTH);
    bought(&both, "here", 0, HERE, NOW + MONTH);
    assert_eq!(pays(both, None), "here");
    let other = storage();
    bought(&other, "elsewhere", 0, ELSEWHERE, NOW + MONTH);
    assert!(
        pays(other, None).contains("\"fetch\""),
        "what another contract bought opens nothing"
    );
}

#[test]
fn a9_a_bundle_of_this_chain_opens_beside_one_of_another() {
    let offer = serde_json::json!({"name": "ten", "count": 10, "seconds": MONTH});
    let both = storage();
    bought(&both, "sooner over, elsewhere", 10, ELSEWHERE, NOW + MONTH);
    bought(&both, "here", 10, HERE, NOW + 2 * MONTH);
    assert_eq!(pays(both, Some(offer.clone())), "here");
    let other = storage();
    bought(&other, "elsewhere", 10, ELSEWHERE, NOW + MONTH);
    assert!(pays(other, Some(offer)).contains("\"fetch\""));
}
