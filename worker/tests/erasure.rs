//! What is left of an account once it wanted everything erased, and what comes of it afterwards (threat G7; S3, S8): the real object over a
//! real SQLite, and the books in another.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that looks beside its world fails"
)]

use std::{cell::Cell, rc::Rc};

use farthing::access::{Keys, Marks};
use farthing_worker::{Effect, Host, Object, Result, Step};
use rusqlite::{Connection, types::ValueRef};
use serde_json::{Value, json};

const BEGIN: u64 = 1_795_000_000;
const DAY: u64 = 24 * 60 * 60;
const PAYER: &str = "0x0202020202020202020202020202020202020202";
const NETWORK: &str = "eip155:84532";
const ARTICLE: &str = "https://news.example/articles/x";
const OTHER: &str = "https://news.example/articles/y";

#[derive(Debug)]
struct Storage(Rc<Connection>, Rc<Cell<u64>>);

fn run(database: &Connection, sql: &str, values: &[&str]) -> Result<Vec<String>> {
    let fail = |error: rusqlite::Error| error.to_string();
    let mut statement = database.prepare(sql).map_err(fail)?;
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

impl Host for Storage {
    fn sql(&self, sql: &str, values: &[&str]) -> Result<Vec<String>> {
        run(&self.0, sql, values)
    }
    fn now(&self) -> u64 {
        self.1.get()
    }
    fn wake(&self) {}
    fn say(&self, _: &str) {}
    fn has_books(&self) -> bool {
        true
    }
    fn clear(&self) {
        for table in run(&self.0, "SELECT name FROM sqlite_master WHERE type = 'table'", &[]).unwrap() {
            run(&self.0, &format!("DROP TABLE {table}"), &[]).unwrap();
        }
    }
}

struct World {
    object: Object,
    ledger: Rc<Connection>,
    books: Connection,
    now: Rc<Cell<u64>>,
    calls: u32,
    charges: u32,
    /// Whether facilitators answer.
    deaf: bool,
    /// Whether the books do.
    bookless: bool,
    /// What was sent to the books, to be sent again.
    sent: Vec<(String, String)>,
    bodies: Vec<Value>,
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
        let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
        farthing_worker::configure_marks(Some(Marks::new(&keys)));
        let now = Rc::new(Cell::new(BEGIN));
        let ledger = Rc::new(Connection::open_in_memory().unwrap());
        Self {
            object: Object::open(Storage(Rc::clone(&ledger), Rc::clone(&now))),
            ledger,
            books: Connection::open_in_memory().unwrap(),
            now,
            calls: 0,
            charges: 0,
            deaf: false,
            bookless: false,
            sent: Vec::new(),
            bodies: Vec::new(),
        }
    }

    fn wait(&self, seconds: u64) {
        self.now.set(self.now.get() + seconds);
    }

    fn call(&mut self, call: &str, body: &str) -> Value {
        self.wait(1);
        self.calls += 1;
        let id = self.calls;
        let mut step = self.object.start(id, call, body);
        loop {
            let answer = match step {
                Step::Waits(Effect::Post { .. }) if self.deaf => Err("nobody".into()),
                Step::Waits(Effect::Post { .. }) => {
                    self.charges += 1;
                    let transaction = format!("0x{:064x}", 0xabc0 + self.charges);
                    let said = json!({"success": true, "payer": PAYER, "transaction": transaction, "network": NETWORK});
                    Ok(format!("200\n{said}"))
                }
                Step::Waits(Effect::Books { .. }) if self.bookless => Err("D1_ERROR: not now".into()),
                Step::Waits(Effect::Books { sql, value }) => {
                    if sql.starts_with("INSERT") {
                        self.sent.push((sql.clone(), value.clone()));
                    }
                    let values: &[&str] = if value.is_empty() { &[] } else { &[&value] };
                    run(&self.books, &sql, values).map(|lines| lines.join("\n"))
                }
                Step::Waits(Effect::Call { call, body, .. }) if call == "lease" => Ok(body),
                Step::Waits(Effect::Wait(seconds)) => {
                    self.wait(seconds.into());
                    Ok(String::new())
                }
                Step::Waits(_) => Ok(String::new()),
                Step::Ended(reply) => {
                    let reply = reply.unwrap();
                    return serde_json::from_str(&reply).unwrap_or(Value::String(reply));
                }
            };
            step = self.object.resume(id, answer);
        }
    }

    fn alarm(&mut self, seconds: u64) {
        self.wait(seconds);
        self.call("alarm", "");
    }

    fn intent(&self, article: &str) -> Value {
        let nonce = format!("0x{:064x}", 0xdef0 + self.calls + 1);
        json!({
            "resource": article, "seconds": 30 * DAY, "version": 2, "network": NETWORK,
            "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": PAYER,
            "payTo": "0x0303030303030303030303030303030303030303", "amount": "50000",
            "nonce": nonce, "validBefore": self.now.get() + 300, "digest": nonce, "secret": true, "tagged": true,
            "address": "0xad", "identifier": "pay_0123456789abcdef", "receipt": format!("receipt{}", self.calls), "request": "{}",
        })
    }

    /// Pays: what was sent, and the answer.
    fn pay(&mut self, article: &str) -> (Value, Value) {
        let mut intent = self.intent(article);
        intent["identifier"] = json!(format!("pay_0123456789abcde{}", self.calls));
        let claimed = self.call("claim", &intent.to_string());
        let reply = self.call("settle", &claimed["fetch"].to_string());
        self.bodies.push(intent.clone());
        (intent, reply)
    }

    fn mine(&mut self, call: &str, keeps_books: bool) -> Value {
        self.calls += 1;
        let nonce = format!("{:032x}", self.calls);
        self.proven(call, &nonce, keeps_books)
    }

    fn proven(&mut self, call: &str, nonce: &str, keeps_books: bool) -> Value {
        let body = json!({"payer": PAYER, "nonce": nonce, "until": self.now.get() + 300, "keepsBooks": keeps_books});
        self.call(call, &body.to_string())
    }

    /// Everything that stands in a database, as one text.
    fn dump(database: &Connection) -> String {
        let mut all = String::new();
        for table in run(database, "SELECT name FROM sqlite_master WHERE type = 'table'", &[]).unwrap() {
            let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    all.push_str(&format!("{table}: {:?}\n", row.get_ref(column).unwrap()));
                    if let ValueRef::Text(text) = row.get_ref(column).unwrap() {
                        all.push_str(&String::from_utf8_lossy(text));
                    }
                }
            }
        }
        all.to_ascii_lowercase()
    }

    /// Nothing anywhere leads to the account or to what it paid.
    fn nothing_names_it(&self) {
        for (place, text) in [("ledger", Self::dump(&self.ledger)), ("books", Self::dump(&self.books))] {
            assert!(!text.contains(&PAYER[2..]), "{place}: {text}");
            assert!(!text.contains("0000abc"), "{place} has a transaction: {text}");
            assert!(!text.contains("0000def"), "{place} has a nonce: {text}");
            assert!(!text.contains("receipt1") && !text.contains("pay_0"), "{place}: {text}");
        }
    }

    fn sums(&self) -> Vec<String> {
        let sql = "SELECT resource || ' ' || settled_at / 86400 || ' ' || count(*) || ' ' || sum(CAST(charged AS INTEGER)) FROM payment \
                   WHERE state = 'settled' GROUP BY resource, settled_at / 86400 ORDER BY 1";
        run(&self.books, sql, &[]).unwrap()
    }
}

#[test]
fn g7_what_was_paid_is_gone_but_for_the_sums() {
    let mut world = World::new();
    let (first, reply) = world.pay(ARTICLE);
    assert_eq!(reply["deliver"]["resource"], ARTICLE);
    world.pay(OTHER);
    // what the records are made of was told to the books, and a proof counts once, whatever it was counted for
    world.call("tell", "");
    assert_eq!(world.sums().len(), 2);
    assert_eq!(world.proven("prove", &"1".repeat(32), false), "new");
    assert_eq!(world.proven("prove", &"1".repeat(32), false), "used");
    assert_eq!(
        world.proven("erase", &"1".repeat(32), false)["refuse"]["problem"],
        "account-proof-used"
    );

    let sums = world.sums();
    let answer = world.mine("erase", false);
    assert_eq!(
        (&answer["books"], &answer["erased"]["payments"], &answer["erased"]["owned"]),
        (&json!("anonymised"), &json!(2), &json!(2))
    );
    assert_eq!(answer["kept"], json!([]));
    assert!(answer["passesUntil"].as_str().unwrap().starts_with("2026-12-"), "{answer}");
    world.nothing_names_it();
    assert_eq!(world.sums(), sums);

    // what is told late, or twice, changes nothing: the naive statement, which knows no marks, brings the payer back
    for (sql, value) in world.sent.clone() {
        run(&world.books, &sql, &[&value]).unwrap();
    }
    world.nothing_names_it();
    assert_eq!(world.sums(), sums);
    let (sql, value) = world.sent[0].clone();
    world.books.execute_batch("SAVEPOINT naive").unwrap();
    let from = sql.find("WHERE NOT EXISTS").unwrap();
    let naive = [&sql[..from], "WHERE true ", &sql[sql.find("ON CONFLICT").unwrap()..]].concat();
    run(&world.books, &naive, &[&value]).unwrap();
    assert!(
        World::dump(&world.books).contains(&PAYER[2..]),
        "the attack lands on the naive one"
    );
    world.books.execute_batch("ROLLBACK TO naive").unwrap();

    // the same header again is no new payment, and opens nothing; the article is not owned
    let again = world.call("claim", &first.to_string());
    assert_eq!(again["refuse"]["problem"], "authorization-already-used", "{again}");
    assert_eq!(world.charges, 2);
    assert_eq!(
        world.call("owned", &json!({"resource": ARTICLE}).to_string())["refuse"]["problem"],
        "payment-required"
    );
    // the backstop asks about the transfer: known, though nobody knows by whom
    let key = format!(
        "{NETWORK}/036cbd53842c5426634e7929541ec2318f3dcf7e/{}",
        first["nonce"].as_str().unwrap()
    );
    let stray = |key: &str, transaction: &str| {
        json!({"network": NETWORK, "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e",
            "payTo": "0x0303030303030303030303030303030303030303", "transaction": transaction, "key": key})
        .to_string()
    };
    let none = format!("0x{:064x}", 1);
    assert_eq!(world.call("stray", &stray(&key, &none)), "known");
    assert_eq!(world.call("stray", &stray(&none, &format!("0x{:064x}", 0xabc1))), "known");
    assert_eq!(world.call("stray", &stray(&none, &none)), "strange");

    // and at last nothing is left at all
    world.alarm(2 * DAY);
    world.alarm(2 * DAY);
    assert_eq!(World::dump(&world.ledger), "");
    assert_eq!(world.sums(), sums);
    // new purchases are purchases
    let (_, reply) = world.pay(ARTICLE);
    assert_eq!(reply["deliver"]["resource"], ARTICLE);
}

#[test]
fn s3_what_is_under_way_stays_until_its_outcome_is_known() {
    let mut world = World::new();
    world.pay(OTHER);
    world.deaf = true;
    let (open, reply) = world.pay(ARTICLE);
    assert_eq!(reply["refuse"]["problem"], "settlement-pending", "{reply}");
    world.alarm(3);
    let answer = world.mine("erase", false);
    assert_eq!(
        (&answer["kept"][0]["receipt"], &answer["kept"][0]["why"]),
        (&open["receipt"], &json!("under-way"))
    );
    assert_eq!(
        (answer["kept"].as_array().unwrap().len(), &answer["erased"]["payments"]),
        (1, &json!(1))
    );
    // the books still say of it what is known, of it alone
    let named = |world: &World| {
        run(
            &world.books,
            &format!("SELECT state FROM payment WHERE payer = '{PAYER}'"),
            &[],
        )
        .unwrap()
    };
    assert_eq!(named(&world), ["unknown"]);
    // the same payment joins its row, and is the first and only one that is charged
    world.deaf = false;
    let before = world.charges;
    let mut settled = world.call("claim", &open.to_string());
    for _ in 0..20 {
        if settled["refuse"]["problem"] == "settlement-pending" {
            world.wait(5);
            settled = world.call("claim", &open.to_string());
        }
    }
    assert_eq!(
        (settled["deliver"]["resource"].as_str(), world.charges),
        (Some(ARTICLE), before + 1),
        "{settled}"
    );
    // then it goes as well, by the alarm alone
    world.alarm(10);
    world.alarm(10);
    world.nothing_names_it();
    assert_eq!(world.sums().len(), 2);
    assert_eq!(
        world.call("claim", &open.to_string())["refuse"]["problem"],
        "authorization-already-used"
    );
    assert_eq!(world.charges, before + 1);
}

#[test]
fn g7_what_is_bought_after_an_erasure_is_not_erased_with_what_was_still_under_way() {
    let mut world = World::new();
    world.deaf = true;
    let (open, _) = world.pay(ARTICLE);
    world.alarm(3);
    let answer = world.mine("erase", false);
    assert_eq!(answer["kept"][0]["receipt"], open["receipt"]);
    // then the account buys something else, which settles at once, and is in the books by its name
    world.deaf = false;
    world.wait(2);
    let (later, reply) = world.pay(OTHER);
    assert_eq!(reply["deliver"]["resource"], OTHER);
    for _ in 0..20 {
        if world.call("claim", &open.to_string())["deliver"]["resource"] == ARTICLE {
            break;
        }
        world.wait(5);
    }
    world.alarm(10);
    world.alarm(10);
    let named = format!("SELECT receipt FROM payment WHERE payer = '{PAYER}'");
    assert_eq!(
        run(&world.books, &named, &[]).unwrap(),
        [later["receipt"].as_str().unwrap()],
        "the one that was given up is gone, and no other"
    );
    assert_eq!(
        world.call("owned", &json!({"resource": OTHER}).to_string())["deliver"]["resource"],
        OTHER
    );
    assert!(!World::dump(&world.ledger).contains(open["nonce"].as_str().unwrap()));
    // a day later its row is retired, and an erasure takes it as well
    world.alarm(2 * DAY);
    assert_eq!(run(&world.books, &named, &[]).unwrap().len(), 1);
    world.mine("erase", false);
    world.nothing_names_it();
}

#[test]
fn who_pays_again_with_what_was_given_up_wants_what_it_buys() {
    let mut world = World::new();
    let intent = world.intent(ARTICLE);
    let claimed = world.call("claim", &intent.to_string());
    let answer = world.mine("erase", false);
    assert_eq!(answer["kept"][0]["why"], "under-way");
    // the site could not deliver, and nothing was sent: gone at the next alarm, unless it is sent again
    world.call("release", &claimed["fetch"].to_string());
    let claimed = world.call("claim", &intent.to_string());
    let reply = world.call("settle", &claimed["fetch"].to_string());
    assert_eq!(reply["deliver"]["resource"], ARTICLE);
    world.alarm(10);
    world.alarm(10);
    let owned = world.call("owned", &json!({"resource": ARTICLE}).to_string());
    assert_eq!(owned["deliver"]["resource"], ARTICLE, "{owned}");
}

#[test]
fn g7_books_that_do_not_answer_are_changed_when_they_do() {
    let mut world = World::new();
    world.pay(ARTICLE);
    world.alarm(3);
    let sums = world.sums();
    // before anything: nothing is begun
    world.bookless = true;
    let body = json!({"payer": PAYER, "nonce": "7".repeat(32), "until": world.now.get() + 300, "keepsBooks": false}).to_string();
    world.calls += 1;
    let step = world.object.start(world.calls, "erase", &body);
    assert!(matches!(step, Step::Waits(Effect::Books { .. })));
    let step = world.object.resume(world.calls, Err("D1_ERROR: not now".into()));
    let mut last = step;
    while let Step::Waits(_) = last {
        last = world.object.resume(world.calls, Ok(String::new()));
    }
    assert!(matches!(last, Step::Ended(Err(_))), "{last:?}");
    assert!(World::dump(&world.ledger).contains(&PAYER[2..]));
    // in the middle: what was begun goes on by itself
    world.calls += 1;
    let id = world.calls;
    let mut step = world.object.start(id, "erase", &body);
    loop {
        let answer = match step {
            Step::Waits(Effect::Books { sql, value }) if !sql.starts_with("UPDATE") => {
                let values: &[&str] = if value.is_empty() { &[] } else { &[&value] };
                run(&world.books, &sql, values).map(|lines| lines.join("\n"))
            }
            Step::Waits(Effect::Books { .. }) => Err("D1_ERROR: not now".into()),
            Step::Waits(_) => Ok(String::new()),
            Step::Ended(reply) => {
                let reply: Value = serde_json::from_str(&reply.unwrap()).unwrap();
                assert_eq!(reply["books"], "pending");
                break;
            }
        };
        step = world.object.resume(id, answer);
    }
    assert!(World::dump(&world.books).contains(&PAYER[2..]));
    world.alarm(30);
    world.bookless = false;
    world.alarm(31);
    world.nothing_names_it();
    assert_eq!(world.sums(), sums);
}

#[test]
fn a_publisher_who_has_to_keep_the_books_keeps_them_and_nothing_else() {
    let mut world = World::new();
    world.pay(ARTICLE);
    world.alarm(3);
    let before = World::dump(&world.books);
    let answer = world.mine("erase", true);
    assert_eq!(answer["books"], "kept");
    assert_eq!(World::dump(&world.books), before);
    assert!(!World::dump(&world.ledger).contains(&PAYER[2..]));
}

#[test]
fn b8_strangers_leave_nothing_behind() {
    let mut world = World::new();
    for _ in 0..3 {
        assert_eq!(world.proven("erase", &"5".repeat(32), false)["account"], PAYER);
    }
    assert_eq!(World::dump(&world.ledger), "");
    assert_eq!(World::dump(&world.books), "");
}
