//! Where the storage fails the ledger says nothing, and least of all that nothing was ever paid (S7).

use std::cell::Cell;
use std::rc::Rc;

use farthing_worker::{Host, Object, Result, Step};

/// A storage with tables in which every statement fails, until it is well.
#[derive(Debug)]
struct Storage {
    well: Rc<Cell<bool>>,
}

impl Host for Storage {
    fn sql(&self, sql: &str, _: &[&str]) -> Result<Vec<String>> {
        match (self.well.get(), sql.contains("sqlite_master")) {
            (false, _) => Err("the storage failed".into()),
            (true, true) => Ok(vec!["payment,owned,note".to_owned()]),
            (true, false) => Ok(Vec::new()),
        }
    }
    fn now(&self) -> u64 {
        1_795_000_000
    }
    fn wake(&self) {}
    fn say(&self, _: &str) {}
}

#[test]
fn s7_a_ledger_that_cannot_look_for_its_tables_takes_nobody_for_new() {
    let well = Rc::new(Cell::new(false));
    let mut object = Object::open(Storage { well: Rc::clone(&well) });
    let question = r#"{"resource":"https://news.example/articles/x"}"#;
    for call in 1..3 {
        assert!(matches!(object.start(call, "owned", question), Step::Ended(Err(_))));
    }
    well.set(true);
    let Step::Ended(Ok(reply)) = object.start(3, "owned", question) else {
        panic!("it does not recover");
    };
    assert!(reply.contains("payment-required"), "{reply}");
}
