//! The strict JSON reader against `serde_json`: what it reads, the other reads, to the same value.

use farthing::json::{self, MAX_DEPTH};
use serde_json::Value;

pub(super) fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    match json::parse(text) {
        Ok(value) => {
            assert_eq!(value.raw(), text.trim_matches([' ', '\t', '\n', '\r']));
            let theirs: Result<Value, _> = serde_json::from_str(text);
            match theirs {
                Ok(theirs) => same(&value, &theirs, MAX_DEPTH),
                // the one thing it may refuse: a number beyond all floats
                Err(error) => assert!(error.to_string().contains("number out of range"), "{error}"),
            }
        }
        Err(error) => assert!(error.offset <= text.len()),
    }
}

fn same(ours: &json::Value<'_>, theirs: &Value, depth: u8) {
    match theirs {
        Value::Null => assert_eq!(ours.raw(), "null"),
        Value::Bool(value) => assert_eq!(ours.bool(), Some(*value)),
        Value::Number(number) => {
            assert!(ours.text().is_none() && ours.items().is_none() && ours.members().is_none());
            assert_eq!(ours.raw().parse::<serde_json::Number>().unwrap(), *number);
            if let Some(integer) = ours.integer() {
                assert_eq!(number.as_u64(), Some(integer));
            }
        }
        Value::String(text) => assert_eq!(ours.text(), Some(text.as_str())),
        Value::Array(list) => {
            let items = ours.items().unwrap();
            assert!(depth > 0 && items.len() == list.len());
            for (ours, theirs) in items.iter().zip(list) {
                same(ours, theirs, depth - 1);
            }
        }
        Value::Object(map) => {
            let members = ours.members().unwrap();
            // equal in number: no key stood twice
            assert!(depth > 0 && members.len() == map.len());
            for (key, ours) in members {
                same(ours, &map[key.as_ref()], depth - 1);
            }
        }
    }
}
