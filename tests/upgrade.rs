//! What earlier versions stored, member by member, read by today's ledger: a name that changes is noticed here also where nothing that
//! `tests/upgrade/upgrade.test.mjs` does depends on it.

use std::{fs, path::Path};

use farthing::ledger::{Owned, Read, Row};
use serde::Serialize;
use serde_json::Value;

/// What is not there any more, or not the same. A member that is new is nobody's loss.
fn lost(old: &Value, new: &Value, at: &str) -> Vec<String> {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => old
            .iter()
            .flat_map(|(name, value)| {
                let at = format!("{at}.{name}");
                match new.get(name) {
                    Some(new) => lost(value, new, &at),
                    None => vec![format!("{at} is gone")],
                }
            })
            .collect(),
        _ if old == new => Vec::new(),
        _ => vec![format!("{at} was {old} and is {new}")],
    }
}

fn again<T: Read + Serialize>(body: &str, at: &str) -> Vec<String> {
    let read = T::read(body).and_then(|read| serde_json::to_value(&read).ok());
    match (serde_json::from_str(body), read) {
        (Ok(old), Some(new)) => lost(&old, &new, at),
        _ => vec![format!("{at} cannot be read: {body}")],
    }
}

fn bodies(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().filter_map(Value::as_str).collect()
}

#[test]
fn rows_of_every_version_are_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let Ok(text) = fs::read_to_string(entry.unwrap().path().join("expected.json")) else {
            continue;
        };
        let expected: Value = serde_json::from_str(&text).unwrap();
        let (version, rows) = (&expected["version"], &expected["rows"]);
        for body in bodies(&rows["payment"]) {
            assert_eq!(again::<Row>(body, "payment"), Vec::<String>::new(), "{version}");
            seen += 1;
        }
        for table in ["owned", "wider"] {
            for body in bodies(&rows[table]) {
                assert_eq!(again::<Owned>(body, table), Vec::<String>::new(), "{version}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "{seen} rows");
}

#[test]
fn a_name_that_changed_is_noticed() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade/0.1.0/expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let body = bodies(&expected["rows"]["payment"])[0];
    // as a version that called these otherwise would have written them
    let flag = body.replace("\"tagged\":", "\"known\":");
    assert_eq!(again::<Row>(&flag, "payment"), ["payment.intent.known is gone"]);
    let needed = body.replace("\"validBefore\":", "\"until\":");
    assert!(again::<Row>(&needed, "payment")[0].contains("cannot be read"));
}
