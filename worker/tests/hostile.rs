//! Reviewer's reproductions.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::all, clippy::indexing_slicing, clippy::unwrap_used, missing_docs)]

use std::{cell::Cell, rc::Rc};

use farthing::access::Pass;
use farthing_worker::{Effect, Host, Object, Result, Step};
use rusqlite::{Connection, types::ValueRef};

const T0: u64 = 1_795_000_000;
const DAY: u64 = 24 * 60 * 60;

#[derive(Debug)]
struct Storage(Connection, Rc<Cell<u64>>);

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
        self.1.get()
    }
    fn wake(&self) {}
    fn say(&self, _: &str) {}
}

const PAYER: &str = "0x0202020202020202020202020202020202020202";
const X: &str = "eip155:84532";
const Y: &str = "eip155:8453";
const ARTICLE: &str = "https://news.example/articles/x";

struct World {
    object: Object,
    now: Rc<Cell<u64>>,
    n: u32,
    settles: Cell<u32>,
    revoked: Vec<String>,
    report: Option<String>,
}

impl World {
    fn new() -> Self {
        let settings = serde_json::json!({
            "facilitators": [{"facilitator": {
                "url": "https://one.example", "headers": [], "coinbase": null, "metered": false, "contractWallets": true,
            }}],
            "rpc": {}, "confirmations": {}, "settlementsPerDay": 10_000_000, "timeoutSeconds": 20,
        });
        farthing_worker::configure(Some(serde_json::from_value(settings).unwrap()));
        let now = Rc::new(Cell::new(T0));
        let object = Object::open(Storage(Connection::open_in_memory().unwrap(), now.clone()));
        Self { object, now, n: 0, settles: Cell::new(0), revoked: vec![], report: None }
    }

    fn call(&mut self, call: &str, body: &str) -> serde_json::Value {
        let mut body = body.to_owned();
        if !self.revoked.is_empty() && matches!(call, "claim" | "owned" | "signIn" | "spend") {
            let digests: String = self.revoked.iter().map(|id| alloy_hex(&Pass::receipt_digest(id))).collect();
            body = format!("{{\"revoked\":\"{digests}\",{}", &body[1..]);
        }
        self.n += 1;
        let id = self.n;
        let mut step = self.object.start(id, call, &body);
        loop {
            step = match step {
                Step::Waits(Effect::Post { url, .. }) if url.ends_with("/verify") => {
                    self.object.resume(id, Ok(format!("200\n{{\"isValid\":true,\"payer\":\"{PAYER}\"}}")))
                }
                Step::Waits(Effect::Post { url, body, .. }) if url.ends_with("/settle") => {
                    self.settles.set(self.settles.get() + 1);
                    let network = if body.contains("#Y#") { Y } else { X };
                    let tx = format!("0x{:064x}", self.settles.get());
                    self.object.resume(id, Ok(format!(
                        "200\n{{\"success\":true,\"payer\":\"{PAYER}\",\"transaction\":\"{tx}\",\"network\":\"{network}\"}}"
                    )))
                }
                Step::Waits(Effect::Call { call, body, .. }) if call == "lease" => self.object.resume(id, Ok(body)),
                Step::Waits(_) => self.object.resume(id, Ok(String::new())),
                Step::Ended(reply) => {
                    let reply = reply.unwrap();
                    return serde_json::from_str(&reply).unwrap_or(serde_json::Value::Null);
                }
            };
        }
    }

    /// Sends a fresh payment; what it is answered with in the end, and whether it was charged.
    fn pay(&mut self, receipt: &str, network: &str, seconds: u64, contract: bool) -> (String, bool) {
        let before = self.settles.get();
        let nonce = format!("0x{:064x}", 0x1000 + self.n);
        let mark = if network == Y { "#Y#" } else { "" };
        let intent = serde_json::json!({
            "resource": ARTICLE, "seconds": seconds, "version": 2, "network": network,
            "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": PAYER,
            "payTo": "0x0303030303030303030303030303030303030303", "amount": "50000",
            "nonce": nonce, "validBefore": self.now.get() + 300,
            "digest": nonce, "secret": true, "tagged": true, "address": "", "receipt": receipt,
            "request": format!("{{\"m\":\"{mark}\"}}"), "verify": contract, "contract": contract,
        });
        let reply = self.call("claim", &intent.to_string());
        let reply = if let Some(fetch) = reply.get("fetch") {
            let key = fetch["key"].as_str().unwrap().to_owned();
            self.report.get_or_insert(key);
            self.call("settle", &fetch.to_string())
        } else {
            reply
        };
        if let Some(report) = reply["deliver"]["report"].as_str() { self.report.get_or_insert_with(|| report.to_owned()); }
        let said = reply["deliver"]["receipt"].as_str().map_or_else(|| reply.to_string(), ToOwned::to_owned);
        (said, self.settles.get() > before)
    }

    fn owned(&mut self) -> String {
        let body = serde_json::json!({"resource": ARTICLE, "seconds": 30 * DAY});
        let reply = self.call("owned", &body.to_string());
        reply["deliver"]["receipt"].as_str().map_or_else(|| reply.to_string(), ToOwned::to_owned)
    }
    fn later(&self, seconds: u64) {
        self.now.set(self.now.get() + seconds);
    }
}

fn alloy_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn contract_on_two_chains() {
    let mut w = World::new();
    println!("X buys:            {:?}", w.pay("RX1", X, 30 * DAY, true));
    w.later(60);
    println!("X again (owned):   {:?}", w.pay("RX2", X, 30 * DAY, true));
    w.later(60);
    println!("Y (other owner):   {:?}", w.pay("RY1", Y, 30 * DAY, true));
    w.later(60);
    println!("X again:           {:?}", w.pay("RX3", X, 30 * DAY, true));
    w.later(60);
    println!("Y again:           {:?}", w.pay("RY2", Y, 30 * DAY, true));
}

#[test]
fn contract_on_two_chains_shorter_access() {
    let mut w = World::new();
    println!("X buys 365d:       {:?}", w.pay("RX1", X, 365 * DAY, true));
    for i in 0..3 {
        w.later(60);
        println!("Y buys 30d:        {:?}", w.pay(&format!("RY{i}"), Y, 30 * DAY, true));
    }
}

#[test]
fn revoke_rebuy_revoke_undo() {
    let mut w = World::new();
    println!("buys R1: {:?}", w.pay("R1", X, 30 * DAY, false));
    w.revoked = vec!["R1".into()];
    w.later(60);
    println!("R1 revoked; owned: {}", w.owned());
    println!("pays again: {:?}", w.pay("R2", X, 30 * DAY, false));
    // the operator finds that R1 was revoked by mistake: refunds and revokes R2, gives R1 back
    w.revoked = vec!["R2".into()];
    w.later(60);
    println!("R1 undone, R2 revoked; owned: {}", w.owned());
    println!("pays a third time: {:?}", w.pay("R3", X, 30 * DAY, false));
}

#[test]
fn revoked_row_written_again_after_the_second_purchase() {
    // R1 for 365 d; the publisher sells 30 d by now; the body of P1 ends, or is reported, late
    let mut w = World::new();
    let nonce = format!("0x{:064x}", 0x1000 + w.n);
    println!("buys R1 for 365d: {:?}", w.pay("R1", X, 365 * DAY, false));
    let key = format!("{X}:0x036cbd53842c5426634e7929541ec2318f3dcf7e:{PAYER}:{nonce}");
    let key = w.report.clone().unwrap_or(key);
    println!("key {key}");
    w.revoked = vec!["R1".into()];
    w.later(30);
    println!("pays R2 for 30d: {:?}; owned: {}", w.pay("R2", X, 30 * DAY, false), w.owned());
    w.later(5);
    w.call("delivered", &key);
    println!("P1 reported as delivered; owned: {}", w.owned());
    println!("pays R3 for 30d: {:?}; owned: {}", w.pay("R3", X, 30 * DAY, false), w.owned());
}

#[test]
fn revoked_row_written_between_claim_and_settle() {
    let mut w = World::new();
    println!("buys R1 for 365d: {:?}", w.pay("R1", X, 365 * DAY, false));
    let first = w.report.clone().unwrap();
    w.revoked = vec!["R1".into()];
    for i in 2..4 {
        w.later(30);
        let nonce = format!("0x{:064x}", 0x9000 + i);
        let intent = serde_json::json!({
            "resource": ARTICLE, "seconds": 30 * DAY, "version": 2, "network": X,
            "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": PAYER,
            "payTo": "0x0303030303030303030303030303030303030303", "amount": "50000",
            "nonce": nonce, "validBefore": w.now.get() + 300, "digest": nonce, "secret": true, "tagged": true,
            "address": "", "receipt": format!("R{i}"), "request": "{}",
        });
        let fetch = w.call("claim", &intent.to_string());
        assert!(fetch.get("fetch").is_some(), "{fetch}");
        if i == 2 {
            // the first article's body ends now
            w.call("delivered", &first);
        }
        let settled = w.call("settle", &fetch["fetch"].to_string());
        println!("P{i} settled: {}; owned: {}", settled["deliver"]["receipt"], w.owned());
    }
}

#[test]
fn a_bundle_that_opened_what_was_revoked_and_was_revoked_itself() {
    let mut w = World::new();
    println!("buys R1: {:?}", w.pay("R1", X, 30 * DAY, false));
    w.revoked = vec!["R1".into()];
    w.later(5);
    let nonce = format!("0x{:064x}", 0x9000);
    let other = "https://news.example/articles/y";
    let intent = serde_json::json!({
        "resource": other, "seconds": 30 * DAY, "version": 2, "network": X, "offer": {"name": "ten", "count": 10, "seconds": 30 * DAY},
        "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": PAYER,
        "payTo": "0x0303030303030303030303030303030303030303", "amount": "400000",
        "nonce": nonce, "validBefore": w.now.get() + 300, "digest": nonce, "secret": true, "tagged": true,
        "address": "", "receipt": "B", "request": "{}",
    });
    let fetch = w.call("claim", &intent.to_string());
    w.call("settle", &fetch["fetch"].to_string());
    let spend = serde_json::json!({"resource": ARTICLE, "bundles": ["ten"], "seconds": 30 * DAY});
    println!("spends on it: {}", w.call("spend", &spend.to_string())["deliver"]["receipt"]);
    w.revoked = vec!["B".into()];
    println!("R1 given back, B revoked; owned: {}", w.owned());
}

#[test]
fn left_after_a_revoked_bundle() {
    let mut w = World::new();
    for (i, article) in ["y", "z"].into_iter().enumerate() {
        let nonce = format!("0x{:064x}", 0x9000 + i);
        let intent = serde_json::json!({
            "resource": format!("https://news.example/articles/{article}"), "seconds": 30 * DAY, "version": 2, "network": X,
            "offer": {"name": "ten", "count": 10, "seconds": 30 * DAY},
            "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": PAYER,
            "payTo": "0x0303030303030303030303030303030303030303", "amount": "400000",
            "nonce": nonce, "validBefore": w.now.get() + 300, "digest": nonce, "secret": true, "tagged": true,
            "address": "", "receipt": format!("B{i}"), "request": "{}",
        });
        let fetch = w.call("claim", &intent.to_string());
        let settled = w.call("settle", &fetch["fetch"].to_string());
        println!("B{i}: left {}", settled["deliver"]["left"]);
        w.revoked = vec!["B0".into()];
    }
}
