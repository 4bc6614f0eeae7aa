//! The little JSON that a client reads and writes: members of an offer as slices of its text, and
//! flat objects for the shell.
//!
//! With a general library a reader's browser would download half as much again; nothing here needs
//! a number, an escape or a tree. What is not strict JSON is not read (threat C4).

use alloc::string::String;

/// Real offers nest four deep.
const MAX_DEPTH: u8 = 8;

/// The one member of this name, as text; none if the object is malformed, or has it twice.
pub(crate) fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut found = None;
    let mut reader = Reader { rest: object };
    reader.items(b'{', b'}', |reader| {
        let key = reader.take(Reader::string)?;
        reader.expect(b':')?;
        let value = reader.take(|reader| reader.value(MAX_DEPTH))?;
        if unquote(key)? == name {
            if found.is_some() {
                return None;
            }
            found = Some(value);
        }
        Some(())
    })?;
    reader.rest.is_empty().then_some(found)?
}

/// Calls with the text of each element; none if it is not an array.
pub(crate) fn elements<'a>(array: &'a str, mut each: impl FnMut(&'a str)) -> Option<()> {
    let mut reader = Reader { rest: array };
    reader.items(b'[', b']', |reader| {
        each(reader.take(|reader| reader.value(MAX_DEPTH))?);
        Some(())
    })?;
    reader.rest.is_empty().then_some(())
}

/// The member as a string without escapes.
pub(crate) fn text<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    unquote(member(object, name)?)
}

fn unquote(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains('\\')).then_some(inner)
}

/// An object that is being written, member by member.
#[derive(Debug)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        if self.0.len() > 1 {
            self.0 += ",";
        }
        quote(&mut self.0, name);
        self.0 += ":";
        self.0 += json;
    }

    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.raw(name, "");
        quote(&mut self.0, text);
    }

    pub(crate) fn end(mut self) -> String {
        self.0 += "}";
        self.0
    }
}

/// Writes a string with its quotes.
pub(crate) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // none of the texts written here has control characters; a space keeps the JSON valid
            '\0'..' ' => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// What is left to read.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.peek()? == byte).then_some(())?;
        self.skip(1)?;
        self.space();
        Some(())
    }

    /// The text that this step reads.
    fn take(&mut self, step: impl FnOnce(&mut Self) -> Option<()>) -> Option<&'a str> {
        let before = self.rest;
        step(self)?;
        before.get(..before.len().checked_sub(self.rest.len())?)
    }

    /// Items between brackets, with commas between them.
    fn items(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(open)?;
        if self.peek()? != close {
            loop {
                item(self)?;
                self.space();
                if self.peek()? == close {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.skip(1)
    }

    fn string(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        let mut bytes = self.rest.bytes().enumerate().skip(1);
        loop {
            match bytes.next()? {
                (at, b'"') => return self.skip(at.checked_add(1)?),
                (_, b'\\') => match bytes.next()?.1 {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' if bytes.by_ref().take(4).filter(|(_, b)| b.is_ascii_hexdigit()).count() == 4 => {}
                    _ => return None,
                },
                (_, b) if b < b' ' => return None,
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let digits = |text: &'a str| {
            let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
            (rest.len() < text.len()).then_some(rest)
        };
        let whole = self.rest.strip_prefix('-').unwrap_or(self.rest);
        let mut rest = digits(whole)?;
        if whole.starts_with('0') && whole.len().saturating_sub(rest.len()) > 1 {
            return None;
        }
        if let Some(fraction) = rest.strip_prefix('.') {
            rest = digits(fraction)?;
        }
        if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
            rest = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))?;
        }
        self.rest = rest;
        Some(())
    }

    fn value(&mut self, depth: u8) -> Option<()> {
        let below = depth.checked_sub(1)?;
        match self.peek()? {
            b'{' => self.items(b'{', b'}', |reader| {
                reader.string()?;
                reader.expect(b':')?;
                reader.value(below)
            }),
            b'[' => self.items(b'[', b']', |reader| reader.value(below)),
            b'"' => self.string(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn members_are_found_with_their_own_bytes() {
        let object = "{ \"a\" : {\"b\":[1, 2.50,{}]} ,\n\"c\":\"d\\u00e9\", \"e\":\"f\",\"g\":null}";
        assert_eq!(member(object, "a"), Some(r#"{"b":[1, 2.50,{}]}"#));
        assert_eq!(text(object, "e"), Some("f"));
        assert_eq!(text(object, "c"), None, "escapes are not read");
        assert_eq!(member(object, "b"), None, "of the inner object");
        let mut seen = Vec::new();
        elements("[1,[2,3],\"4\"]", |text| seen.push(text)).unwrap();
        assert_eq!(seen, ["1", "[2,3]", "\"4\""]);
        assert_eq!(elements("[]", |_| panic!()), Some(()));
    }

    #[test]
    fn c4_what_is_not_strict_json_is_not_read() {
        for bad in [
            "", "{", "{}", "[]", "null", r#"{"a":1,}"#, r#"{"a":1}x"#, r#"{"a":1 "b":2}"#, r#"{"a":01}"#, r#"{"a":1.}"#, r#"{"a":.5}"#,
            r#"{"a":+1}"#, r#"{"a":NaN}"#, r#"{"a":1,"a":2}"#, r#"{a:1}"#, r#"{'a':1}"#, "{\"a\":\"\n\"}", r#"{"a":1,"b":"\x"}"#,
            r#"{"a":1,"b":[[[[[[[[[]]]]]]]]]}"#, r#"{"a":1,"b":tru}"#, r#"{"a":1,"b":"}"#,
        ] {
            assert_eq!(member(bad, "a"), None, "{bad}");
        }
    }

    #[test]
    fn objects_are_written_as_serde_json_reads_them() {
        let mut object = Object::new();
        object.text("a", "b\"\\é");
        object.raw("c", "[1]");
        object.text("d", "\n");
        let text = object.end();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), serde_json::json!({"a": "b\"\\é", "c": [1], "d": " "}));
        assert_eq!(Object::new().end(), "{}");
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::sample::select(vec![0.5, -2.25, 1e30, 1.5e-7]).prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-e]{1,2}", inner, 0..5).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn it_agrees_with_serde_json(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            match &value {
                Value::Object(members) => {
                    for name in ["a", "b", "ab", "e"] {
                        let read = member(&text, name).map(|text| serde_json::from_str::<Value>(text).unwrap());
                        prop_assert_eq!(read.as_ref(), members.get(name));
                    }
                }
                Value::Array(items) => {
                    let mut read = Vec::new();
                    elements(&text, |text| read.push(serde_json::from_str::<Value>(text).unwrap())).unwrap();
                    prop_assert_eq!(&read, items);
                }
                _ => prop_assert_eq!(member(&text, "a"), None),
            }
        }

        #[test]
        fn what_it_reads_serde_json_reads_too(text in r#"[{}\[\]":,a0-9.eE+\\u \n-]{0,24}"#) {
            let object = format!("{{\"a\":{text}}}");
            if let Some(found) = member(&object, "a") {
                prop_assert!(serde_json::from_str::<Value>(found).is_ok() || found.contains("\\u") || found.contains(['e', 'E']), "{}", found);
            }
        }
    }
}
