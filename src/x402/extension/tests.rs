//! The rules of the echo, one by one; that they are npm's is shown in `tests/conformance`.

use alloc::{format, string::String};

use super::*;
use crate::json::parse;
use proptest::prelude::*;

const ANNOUNCED: &str = r#"{
    "payment-identifier": {"info": {"required": false}, "schema": {"type": "object"}},
    "sign-in-with-x": {"info": {"domain": "a", "nonce": "1", "issuedAt": "2", "expirationTime": "3", "resources": ["x", "y"]}},
    "bazaar": {"info": {"input": {"type": "http", "pathParams": {"a": "b"}}, "output": {"example": [1, 2.5, {"z": null}]}}},
    "builder-code": {"info": {"a": "app", "s": ["one", "two"]}},
    "bare": {"x": 1}
}"#;

fn check(echo: &str) -> Result<(), String> {
    let (announced, echo) = (parse(ANNOUNCED).unwrap(), parse(echo).unwrap());
    check_echo(Some(&announced), Some(&echo)).map_err(Into::into)
}

#[test]
fn all_of_it_nothing_of_it_and_more_than_it_are_fine() {
    for fine in [
        ANNOUNCED,
        "{}",
        "null",
        "[]",
        r#"{"payment-identifier":{"info":{"required":false,"id":"x"}}}"#,
        r#"{"payment-identifier":{"info":{"required":false},"schema":"whatever"}}"#,
        r#"{"somebody-elses":{"info":7}}"#,
        r#"{"sign-in-with-x":{"info":{"domain":"a","resources":["x","y"]}}}"#,
        r#"{"sign-in-with-x":{"info":{"domain":"a","nonce":"9","resources":["x","y"]}}}"#,
        r#"{"bazaar":{"info":{"output":{"more":1,"example":[1,2.5,{"z":null}]},"input":{"pathParams":{"a":"b","c":"d"},"type":"http"}}}}"#,
        r#"{"builder-code":{"info":{"s":["two","mine","one"],"a":"app"}}}"#,
        r#"{"bare":{"x":1,"y":2}}"#,
        r#"{"bare":{"info":{"x":1}}}"#,
    ] {
        assert_eq!(check(fine), Ok(()), "{fine}");
    }
    assert_eq!(check_echo(None, parse(r#"{"a":{}}"#).ok().as_ref()), Ok(()));
}

#[test]
fn what_is_deleted_or_overwritten_is_named() {
    for (wrong, key) in [
        (r#"{"payment-identifier":{"info":{"id":"x"}}}"#, "payment-identifier"),
        (r#"{"payment-identifier":{"info":{"required":true}}}"#, "payment-identifier"),
        (r#"{"payment-identifier":{"info":{"required":null}}}"#, "payment-identifier"),
        (
            r#"{"payment-identifier":{"info":{"required":"false"}}}"#,
            "payment-identifier",
        ),
        (r#"{"payment-identifier":null}"#, "payment-identifier"),
        (
            r#"{"sign-in-with-x":{"info":{"domain":"b","resources":["x","y"]}}}"#,
            "sign-in-with-x",
        ),
        (
            r#"{"sign-in-with-x":{"info":{"domain":"a","resources":["x"]}}}"#,
            "sign-in-with-x",
        ),
        (
            r#"{"sign-in-with-x":{"info":{"domain":"a","resources":["y","x"]}}}"#,
            "sign-in-with-x",
        ),
        (
            r#"{"bazaar":{"info":{"output":{"example":[1,2.5,{}]},"input":{"pathParams":{"a":"b"},"type":"http"}}}}"#,
            "bazaar",
        ),
        (r#"{"builder-code":{"info":{"a":"app","s":["one"]}}}"#, "builder-code"),
        (r#"{"builder-code":{"info":{"a":"other","s":["one","two"]}}}"#, "builder-code"),
        (
            r#"{"builder-code":{"info":{"a":"app","s":["one","two","3","4","5","6","7","8","9","10","11"]}}}"#,
            "builder-code",
        ),
    ] {
        assert_eq!(check(wrong), Err(key.into()), "{wrong}");
    }
    // a server that announces nothing about it does not let a client speak for it either
    let echo = parse(r#"{"builder-code":{"info":{"a":"app"}}}"#).unwrap();
    assert_eq!(check_echo(None, Some(&echo)), Err(BUILDER_CODE));
}

#[test]
fn what_differs_from_answer_to_answer_is_not_compared() {
    for (key, moving) in [
        (sign_in::KEY, &["nonce", "issuedAt", "expirationTime"][..]),
        (receipt::KEY, &["offers"]),
        (identifier::KEY, &[]),
    ] {
        for name in ["nonce", "issuedAt", "expirationTime", "offers", "resources"] {
            let texts = ["1", "2"].map(|value| format!(r#"{{"{key}":{{"info":{{"{name}":"{value}"}}}}}}"#));
            let [announced, echo] = texts.each_ref().map(|text| parse(text).unwrap());
            let fine = check_echo(Some(&announced), Some(&echo)).is_ok();
            assert_eq!(fine, moving.contains(&name), "{key} {name}");
        }
    }
}

#[test]
fn only_numbers_of_one_spelling_are_announced() {
    for (text, fine) in [
        (
            r#"[0, 7, -7, 123456789012345, 1.5, -0.000001, 0.123, true, null, "1e5", {"a": [10]}]"#,
            true,
        ),
        (r#"{"a": [1234567890123456]}"#, false),
        ("1e5", false),
        ("1E5", false),
        ("1.5e3", false),
        ("-1e5", false),
        ("0.00001", true),
        ("1.0", false),
        ("1.50", false),
        ("-0", false),
        ("-0.0", false),
        ("0.0000001", false),
        ("0.12345678901234567", false),
    ] {
        assert_eq!(can_be_echoed(&parse(text).unwrap()), fine, "{text}");
    }
}

#[test]
fn a_client_keeps_what_the_server_says() {
    let merged = |server: &str, client: &str| {
        let (server, client) = (parse(server).unwrap(), parse(client).unwrap());
        merge(Some(&server), Some(&client)).unwrap()
    };
    assert_eq!(
        merged(
            r#"{"a":{"info":{"x":1,"n":null},"schema":{}},"b":7}"#,
            r#"{"a":{"info":{"x":2,"n":3,"y":[4]},"z":5},"b":8,"c":9}"#
        ),
        r#"{"a":{"info":{"x":1,"n":null,"y":[4]},"schema":{},"z":5},"b":8,"c":9}"#
    );
    assert_eq!(
        merged(
            r#"{"builder-code":{"info":{"a":"app","s":["one"]}}}"#,
            r#"{"builder-code":{"info":{"a":"me","s":["two","one"]}}}"#
        ),
        r#"{"builder-code":{"info":{"a":"app","s":["two","one"]}}}"#
    );
    assert_eq!(
        merged(
            r#"{"builder-code":{"info":{"s":"one"}}}"#,
            r#"{"builder-code":{"info":{"s":["two"]}}}"#
        ),
        r#"{"builder-code":{"info":{"s":["two","one"]}}}"#
    );
    let value = parse(ANNOUNCED).unwrap();
    assert_eq!(merge(Some(&value), None).as_deref(), Some(ANNOUNCED));
    assert_eq!(merge(None, Some(&value)).as_deref(), Some(ANNOUNCED));
}

#[test]
fn lists_grow_under_one_name_of_one_extension() {
    let verdict = |announced: &str, echo: &str| {
        let (announced, echo) = (parse(announced).unwrap(), parse(echo).unwrap());
        check_echo(Some(&announced), Some(&echo)).is_ok()
    };
    let code = |info: &str| format!(r#"{{"builder-code":{{"info":{info}}}}}"#);
    let ten = r#"["1","2","3","4","5","6","7","8","9","one"]"#;
    for (ours, theirs, fine) in [
        (r#""one""#, r#"["two","one"]"#, true),
        (r#"["one"]"#, r#""one""#, true),
        (r#"["one"]"#, r#""two""#, false),
        (r#""one""#, r#""two""#, false),
        (r#""one""#, r#""one""#, true),
        (r#"["one"]"#, ten, true),
        ("[]", "[]", true),
        ("[]", "null", false),
        ("[]", r#"{"x":1}"#, false),
        (r#"[{"x":1}]"#, r#"{"x":1}"#, false),
    ] {
        let list = |value: &str| code(&format!(r#"{{"s":{value}}}"#));
        assert_eq!(verdict(&list(ours), &list(theirs)), fine, "{ours} {theirs}");
        // any other list, of this extension or another's, is the server's alone
        let others = |value: &str| [list(value).replace("\"s\"", "\"t\""), list(value).replace("builder", "other")];
        for (ours, theirs) in others(ours).iter().zip(others(theirs)) {
            assert_eq!(verdict(ours, &theirs), ours == &theirs, "{ours} {theirs}");
        }
    }
}

#[test]
fn what_is_the_same_has_the_same_members_and_items() {
    let values = [
        "[]",
        "[1]",
        "[1,2]",
        "[2,1]",
        "[{}]",
        r#"[{"z":null}]"#,
        r#"[{"z":null,"y":1}]"#,
        r#"[{"z":1}]"#,
        r#"[{"y":1}]"#,
        r#"["1"]"#,
        r#"[[1]]"#,
        "[true]",
        "[false]",
        "[null]",
        r#"["null"]"#,
    ];
    for ours in values {
        for theirs in values {
            let (one, other) = (parse(ours).unwrap(), parse(theirs).unwrap());
            assert_eq!(same(&one, &other), ours == theirs, "{ours} {theirs}");
        }
    }
    let (one, other) = (
        parse(r#"[{"a":"x","b":2}]"#).unwrap(),
        parse(r#"[ { "b" : 2, "a" : "\u0078" } ]"#).unwrap(),
    );
    assert!(same(&one, &other), "order and spelling of strings say nothing");
}

#[test]
fn where_one_side_has_no_members_one_side_is_kept() {
    let merged = |server: &str, client: &str| {
        let (server, client) = (parse(server).unwrap(), parse(client).unwrap());
        merge(Some(&server), Some(&client)).unwrap()
    };
    for (server, client, both) in [
        (r#"{"a":{"x":1}}"#, r#"{"a":7}"#, r#"{"a":7}"#),
        (r#"{"a":7}"#, r#"{"a":{"x":1}}"#, r#"{"a":{"x":1}}"#),
        (r#"{"a":{"n":7}}"#, r#"{"a":{"n":{"x":1}}}"#, r#"{"a":{"n":7}}"#),
        (r#"{"a":{"n":{"x": 1}}}"#, r#"{"a":{"n":7}}"#, r#"{"a":{"n":{"x": 1}}}"#),
        (r#"{"a":{"s":["one"]}}"#, r#"{"a":{"s":["two"]}}"#, r#"{"a":{"s":["one"]}}"#),
        (
            r#"{"builder-code":{"s":["one","one"],"t":["a"]}}"#,
            r#"{"builder-code":{"s":"two","t":["b"]}}"#,
            r#"{"builder-code":{"s":["two","one"],"t":["a"]}}"#,
        ),
        (
            r#"{"builder-code":{"s":"one"}}"#,
            r#"{"builder-code":{"s":"two"}}"#,
            r#"{"builder-code":{"s":"one"}}"#,
        ),
        (
            r#"{"builder-code":{"s":["one"]}}"#,
            r#"{"builder-code":{"s":null}}"#,
            r#"{"builder-code":{"s":["one"]}}"#,
        ),
    ] {
        assert_eq!(merged(server, client), both, "{server} {client}");
    }
}

#[test]
fn objects_and_lists_are_written_with_commas_between() {
    assert_eq!(announce(&[]), "");
    assert_eq!(announce(&[("a", "1")]), r#"{"a":1}"#);
    assert_eq!(announce(&[("a", "1"), ("\"", "[]")]), r#"{"a":1,"\"":[]}"#);
    assert_eq!(quoted_list([]), "[]");
    assert_eq!(quoted_list(["a", "", "\\"]), r#"["a","","\\"]"#);
    let mut writer = Writer::default();
    writer.some_text("a", None);
    writer.some_text("b", Some("c"));
    writer.text("d", "\n");
    assert_eq!(writer.end(), r#"{"b":"c","d":"\n"}"#);
    assert_eq!(Writer::default().end(), "{}");
}

fn any_info() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[a-c]{0,2}".prop_map(serde_json::Value::String),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::Array),
            proptest::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(crate::cases(4000))]
    #[test]
    fn what_our_client_echoes_our_server_takes(server in any_info(), client in any_info()) {
        let text = |info: &serde_json::Value| format!(r#"{{"k":{{"info":{info}}}}}"#);
        let (server, client) = (text(&server), text(&client));
        let (server, client) = (parse(&server).unwrap(), parse(&client).unwrap());
        let echo = merge(Some(&server), Some(&client)).unwrap();
        let echo = parse(&echo).unwrap();
        prop_assert_eq!(check_echo(Some(&server), Some(&echo)), Ok(()));
    }
}
