//! What one purchase gives is its own: neither another one of the same article, nor one that was taken back, nor one by another contract
//! at the payer's address takes it away (threats A9, E8; S3, S4). The real object over a real SQLite.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that looks beside its world fails"
)]

use std::{cell::Cell, rc::Rc};

use farthing::{access::Pass, evm::hex};
use farthing_worker::{Effect, Host, Object, Result, Step};
use rusqlite::{Connection, types::ValueRef};
use serde_json::{Value, json};

const BEGIN: u64 = 1_795_000_000;
const DAY: u64 = 24 * 60 * 60;

const PAYER: &str = "0x0202020202020202020202020202020202020202";
const HERE: &str = "eip155:84532";
const THERE: &str = "eip155:8453";
const ARTICLE: &str = "https://news.example/articles/x";
const OTHER: &str = "https://news.example/articles/y";

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

/// A payment, and what it buys.
#[derive(Clone, Copy)]
struct Payment {
    receipt: &'static str,
    article: &'static str,
    network: &'static str,
    /// For how many days the article is owned.
    days: u64,
    /// Whether the payer is a contract.
    contract: bool,
    /// A wider offer: its name, how many articles it opens (0: all), and for how many days.
    offer: Option<(&'static str, u64, u64)>,
}

const PAYMENT: Payment = Payment {
    receipt: "",
    article: ARTICLE,
    network: HERE,
    days: 30,
    contract: false,
    offer: None,
};

struct World {
    object: Object,
    now: Rc<Cell<u64>>,
    calls: u32,
    charges: u32,
    revoked: Vec<&'static str>,
}

impl World {
    fn new() -> Self {
        let settings = json!({
            "facilitators": [{"facilitator": {
                "url": "https://one.example", "headers": [], "coinbase": null, "metered": false, "contractWallets": true,
            }}],
            "rpc": {}, "confirmations": {}, "settlementsPerDay": 10_000_000, "timeoutSeconds": 20,
        });
        farthing_worker::configure(Some(serde_json::from_value(settings).unwrap()));
        let now = Rc::new(Cell::new(BEGIN));
        Self {
            object: Object::open(Storage(Connection::open_in_memory().unwrap(), Rc::clone(&now))),
            now,
            calls: 0,
            charges: 0,
            revoked: Vec::new(),
        }
    }

    /// A call of the gate's, half a minute after the one before.
    fn call(&mut self, call: &str, body: &str) -> Value {
        self.now.set(self.now.get() + 30);
        let mut body = body.to_owned();
        if !self.revoked.is_empty() && body.starts_with('{') {
            let digest = |id: &&str| hex::print(&Pass::receipt_digest(id)).trim_start_matches("0x").to_owned();
            let digests: String = self.revoked.iter().map(digest).collect();
            body = format!("{{\"revoked\":\"{digests}\",{}", &body[1..]);
        }
        self.calls += 1;
        let id = self.calls;
        let mut step = self.object.start(id, call, &body);
        loop {
            let answer = match step {
                Step::Waits(Effect::Post { url, .. }) if url.ends_with("/verify") => {
                    format!("200\n{}", json!({"isValid": true, "payer": PAYER}))
                }
                Step::Waits(Effect::Post { body, .. }) => {
                    self.charges += 1;
                    let network = if body.contains(HERE) { HERE } else { THERE };
                    let transaction = format!("0x{:064x}", self.charges);
                    let said = json!({"success": true, "payer": PAYER, "transaction": transaction, "network": network});
                    format!("200\n{said}")
                }
                // the day's settlements
                Step::Waits(Effect::Call { call, body, .. }) if call == "lease" => body,
                Step::Waits(_) => String::new(),
                Step::Ended(reply) => return serde_json::from_str(&reply.unwrap()).unwrap_or_default(),
            };
            step = self.object.resume(id, Ok(answer));
        }
    }

    /// Brings a new payment: what the ledger wants next.
    fn claim(&mut self, payment: Payment) -> Value {
        let nonce = format!("0x{:064x}", self.calls + 1);
        let mut intent = json!({
            "resource": payment.article, "seconds": payment.days * DAY, "version": 2, "network": payment.network,
            "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": PAYER, "passes": ["month"],
            "payTo": "0x0303030303030303030303030303030303030303", "amount": "50000",
            "nonce": nonce, "validBefore": self.now.get() + 300, "digest": nonce, "secret": true, "tagged": true,
            "address": "", "receipt": payment.receipt, "request": format!("{{\"network\":\"{}\"}}", payment.network),
            "verify": payment.contract, "contract": payment.contract,
        });
        if let Some((name, count, days)) = payment.offer {
            intent["offer"] = json!({"name": name, "seconds": days * DAY});
            if count > 0 {
                intent["offer"]["count"] = json!(count);
            }
        }
        self.call("claim", &intent.to_string())
    }

    /// Pays: the receipt by which the article goes out, and whether that was charged; and the row's key, if there is one.
    fn pays(&mut self, payment: Payment) -> (String, bool, Option<String>) {
        let before = self.charges;
        let claimed = self.claim(payment);
        let reply = match claimed.get("fetch") {
            Some(fetch) => self.call("settle", &fetch.to_string()),
            None => claimed.clone(),
        };
        let key = claimed["fetch"]["key"].as_str().map(ToOwned::to_owned);
        (receipt(&reply), self.charges > before, key)
    }

    /// Pays, and is charged.
    fn buys(&mut self, payment: Payment) -> String {
        let (receipt, charged, key) = self.pays(payment);
        assert_eq!((receipt.as_str(), charged), (payment.receipt, true));
        key.unwrap()
    }

    /// Pays, and keeps the money: it is owned by this receipt.
    fn keeps(&mut self, payment: Payment, by: &str) {
        let (receipt, charged, _) = self.pays(payment);
        assert_eq!((receipt.as_str(), charged), (by, false));
    }

    /// By which receipt the article opens, for who proves the account.
    fn owned(&mut self) -> String {
        let reply = self.call("owned", &json!({"resource": ARTICLE, "passes": ["month"]}).to_string());
        receipt(&reply)
    }
}

fn receipt(reply: &Value) -> String {
    let receipt = reply["deliver"]["receipt"].as_str();
    receipt.map_or_else(|| reply.to_string(), ToOwned::to_owned)
}

#[test]
fn a9_contracts_at_one_address_on_two_chains_own_what_each_has_bought() {
    for days in [30, 365] {
        let mut world = World::new();
        let here = Payment {
            contract: true,
            ..PAYMENT
        };
        let there = Payment { network: THERE, ..here };
        // the site sold for longer when the first was bought
        world.buys(Payment {
            receipt: "here",
            days,
            ..here
        });
        world.keeps(here, "here");
        world.buys(Payment {
            receipt: "there",
            ..there
        });
        for _ in 0..3 {
            world.keeps(here, "here");
            world.keeps(there, "there");
        }
    }
}

#[test]
fn a9_wider_offers_of_two_chains_open_beside_each_other() {
    for (offer, count) in [("month", 0), ("ten", 10)] {
        let mut world = World::new();
        let bought = |receipt, network, article, days| Payment {
            receipt,
            network,
            article,
            contract: true,
            offer: Some((offer, count, days)),
            ..PAYMENT
        };
        // neither the longer of the passes nor the bundle that is sooner over
        let elsewhere = if count == 0 { 90 } else { 10 };
        world.buys(bought("there", THERE, OTHER, elsewhere));
        world.buys(bought("here", HERE, OTHER, 30));
        world.keeps(bought("", HERE, ARTICLE, 30), "here");
        world.keeps(bought("", THERE, ARTICLE, elsewhere), "there");
    }
}

#[test]
fn e8_what_was_taken_back_and_is_given_back_opens_whatever_was_bought_meanwhile() {
    let mut world = World::new();
    world.buys(Payment {
        receipt: "first",
        ..PAYMENT
    });
    world.revoked = vec!["first"];
    assert!(world.owned().contains("payment-required"));
    world.buys(Payment {
        receipt: "second",
        ..PAYMENT
    });
    assert_eq!(world.owned(), "second");
    world.revoked = vec!["second"];
    assert_eq!(world.owned(), "first");
    world.keeps(PAYMENT, "first");
}

#[test]
fn e8_a_bundle_that_opened_what_was_taken_back_leaves_it_when_it_is_taken_back_itself() {
    let mut world = World::new();
    world.buys(Payment {
        receipt: "article",
        ..PAYMENT
    });
    world.revoked = vec!["article"];
    world.buys(Payment {
        receipt: "bundle",
        article: OTHER,
        offer: Some(("ten", 10, 30)),
        ..PAYMENT
    });
    let question = json!({"resource": ARTICLE, "bundles": ["ten"], "seconds": 30 * DAY}).to_string();
    assert_eq!(receipt(&world.call("spend", &question)), "bundle");
    assert_eq!(world.owned(), "bundle");
    world.revoked = vec!["bundle"];
    assert_eq!(world.owned(), "article");
}

#[test]
fn s4_the_row_of_a_longer_purchase_that_was_taken_back_takes_nothing_from_the_second() {
    // its answer ends before the second is settled, or after that
    for late in [false, true] {
        let mut world = World::new();
        let first = world.buys(Payment {
            receipt: "first",
            days: 365,
            ..PAYMENT
        });
        world.revoked = vec!["first"];
        let fetch = world.claim(Payment {
            receipt: "second",
            ..PAYMENT
        });
        if !late {
            world.call("delivered", &first);
        }
        let settled = world.call("settle", &fetch["fetch"].to_string());
        if late {
            world.call("delivered", &first);
        }
        assert_eq!(receipt(&settled), "second");
        assert_eq!(world.owned(), "second");
        world.keeps(PAYMENT, "second");
        assert_eq!(world.charges, 2);
    }
}
