//! Reading JSON strictly: every key once, bounded depth, numbers left as they are written.
//!
//! `serde_json` cannot refuse a key that repeats inside a part nobody asked for (threat C4), and
//! reading through it is a quarter of the gate's size. Writing goes through it.

use core::fmt;

use alloc::{borrow::Cow, string::String, vec::Vec};

/// The deepest nesting of objects and arrays; real payments and configs nest four deep.
pub const MAX_DEPTH: u8 = 8;
/// The deepest nesting of what other servers announce: the JSON schemas of extensions nest a dozen deep.
pub const MAX_ANNOUNCED_DEPTH: u8 = 32;
/// The most members of one object.
const MAX_MEMBERS: usize = 64;

/// A JSON value and its own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    raw: &'a str,
    kind: Kind<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind<'a> {
    Null,
    Bool(bool),
    Number,
    Text(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Where and why a text is not strict JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Byte offset.
    pub offset: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.offset)
    }
}

impl core::error::Error for Error {}

/// Reads one value and nothing after it but white space.
///
/// ```
/// use farthing::json::parse;
/// let value = parse(r#"{"a": [1, "b\u00e9", null]}"#).unwrap();
/// assert_eq!(value.get("a").unwrap().items().unwrap()[1].text(), Some("bé"));
/// assert_eq!(value.get("a").unwrap().raw(), r#"[1, "b\u00e9", null]"#);
/// assert!(parse(r#"{"a": 1, "\u0061": 2}"#).is_err());
/// ```
pub fn parse(text: &str) -> Result<Value<'_>, Error> {
    parse_nested(text, MAX_DEPTH)
}

/// Like [`parse`], for texts that may nest this deep.
///
/// ```
/// use farthing::json::{MAX_ANNOUNCED_DEPTH, parse, parse_nested};
/// let deep = "[[[[[[[[[[]]]]]]]]]]";
/// assert!(parse(deep).is_err());
/// assert!(parse_nested(deep, MAX_ANNOUNCED_DEPTH).is_ok());
/// ```
pub fn parse_nested(text: &str, depth: u8) -> Result<Value<'_>, Error> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let value = reader.value(depth)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.wrong("something follows the value"));
    }
    Ok(value)
}

impl<'a> Value<'a> {
    /// The member of this name; null counts as absent.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let (_, value) = self.members()?.iter().find(|(key, _)| key == name)?;
        (!matches!(value.kind, Kind::Null)).then_some(value)
    }

    /// The content of the member of this name, if that is a string.
    #[inline(never)]
    pub fn text_at(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// The members of an object, in order.
    pub fn members(&self) -> Option<&[(Cow<'a, str>, Self)]> {
        match &self.kind {
            Kind::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The elements of an array.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The content of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number that is written as an integer from 0 to 2^64 - 1.
    pub fn integer(&self) -> Option<u64> {
        match self.kind {
            Kind::Number => self.raw.parse().ok(),
            _ => None,
        }
    }

    /// True or false.
    pub const fn bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The value's own text, byte for byte.
    pub const fn raw(&self) -> &'a str {
        self.raw
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    const fn wrong(&self, what: &'static str) -> Error {
        // neither a card nor a paying program shows them, and would download them all
        let what = if cfg!(any(feature = "widget", feature = "client")) {
            ""
        } else {
            what
        };
        Error { offset: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over the next byte; only called where it is ASCII or inside a string's run.
    const fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.step();
        }
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step();
        }
    }

    fn value(&mut self, depth: u8) -> Result<Value<'a>, Error> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'"') => Kind::Text(self.string()?),
            Some(b'{') => self.object(self.deeper(depth)?)?,
            Some(b'[') => self.array(self.deeper(depth)?)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(_) => return Err(self.wrong("a value was expected")),
            None => return Err(self.wrong("the text ends too early")),
        };
        let raw = self.text.get(start..self.at).unwrap_or_default();
        Ok(Value { raw, kind })
    }

    fn deeper(&self, depth: u8) -> Result<u8, Error> {
        depth.checked_sub(1).ok_or_else(|| self.wrong("nested too deep"))
    }

    fn word(&mut self, word: &str, kind: Kind<'a>) -> Result<Kind<'a>, Error> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.wrong("a value was expected"));
        }
        self.at = self.at.saturating_add(word.len());
        Ok(kind)
    }

    fn digits(&mut self) -> Result<(), Error> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.wrong("a digit was expected"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.step();
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Kind<'a>, Error> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(Kind::Number)
    }

    fn array(&mut self, depth: u8) -> Result<Kind<'a>, Error> {
        let mut items = Vec::new();
        self.step();
        self.space();
        if self.eat(b']') {
            return Ok(Kind::Array(items));
        }
        loop {
            self.space();
            items.push(self.value(depth)?);
            self.space();
            if self.eat(b']') {
                return Ok(Kind::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.wrong("a comma or ] was expected"));
            }
        }
    }

    fn object(&mut self, depth: u8) -> Result<Kind<'a>, Error> {
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        self.step();
        self.space();
        if self.eat(b'}') {
            return Ok(Kind::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key in double quotes was expected"));
            }
            let key = self.string()?;
            if members.len() >= MAX_MEMBERS || members.iter().any(|(seen, _)| *seen == key) {
                return Err(self.wrong("a key stands twice, or there are too many"));
            }
            self.space();
            if !self.eat(b':') {
                return Err(self.wrong("a colon was expected"));
            }
            self.space();
            members.push((key, self.value(depth)?));
            self.space();
            if self.eat(b'}') {
                return Ok(Kind::Object(members));
            }
            if !self.eat(b',') {
                return Err(self.wrong("a comma or } was expected"));
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.step();
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut run = start;
        loop {
            let piece = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
            match self.peek() {
                None => return Err(self.wrong("a string is not closed")),
                Some(0..=31) => return Err(self.wrong("a control character stands in a string")),
                Some(b'"') => {
                    let last = piece(run, self.at);
                    self.step();
                    return Ok(match owned {
                        None => Cow::Borrowed(last),
                        Some(mut text) => {
                            text.push_str(last);
                            Cow::Owned(text)
                        }
                    });
                }
                Some(b'\\') => {
                    let mut text = owned.take().unwrap_or_default();
                    text.push_str(piece(run, self.at));
                    self.step();
                    text.push(self.escape()?);
                    owned = Some(text);
                    run = self.at;
                }
                Some(_) => self.step(),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let plain = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.step();
                return self.unicode();
            }
            _ => return Err(self.wrong("an unknown escape")),
        };
        self.step();
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, Error> {
        let first = self.unit()?;
        let low = match first {
            0xd800..=0xdbff if self.eat(b'\\') && self.eat(b'u') => Some(self.unit()?),
            _ => None,
        };
        let code = match (first, low) {
            // RFC 8259 section 7: 20 bits in two halves, counted from U+10000
            (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => ((first & 0x3ff) << 10 | low & 0x3ff).saturating_add(0x10000),
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| self.wrong("half a surrogate pair"))
    }

    fn unit(&mut self) -> Result<u32, Error> {
        let end = self.at.saturating_add(4);
        let digits = self.text.as_bytes().get(self.at..end);
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let unit = digits.and_then(|digits| digits.iter().try_fold(0, |unit, byte| Some(unit << 4 | digit(byte)?)));
        let unit = unit.ok_or_else(|| self.wrong("four hex digits were expected"))?;
        self.at = end;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(value: &Value<'_>) -> serde_json::Value {
        match &value.kind {
            Kind::Array(items) => items.iter().map(plain).collect(),
            Kind::Object(members) => members.iter().map(|(key, value)| (key.to_string(), plain(value))).collect(),
            Kind::Text(text) => serde_json::Value::String(text.to_string()),
            _ => serde_json::from_str(value.raw).unwrap(),
        }
    }

    #[test]
    fn c4_what_is_not_strict_is_not_read() {
        for good in [
            r#"{}"#,
            " [1, 2.5e-3, -0, true, false, null] ",
            r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
            r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}"#,
        ] {
            assert_eq!(
                plain(&parse(good).unwrap()),
                serde_json::from_str::<serde_json::Value>(good).unwrap()
            );
        }
        for bad in [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "[,1]",
            r#"{"a":1,}"#,
            r#"{"a"}"#,
            r#"{a:1}"#,
            "{'a':1}",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "NaN",
            "Infinity",
            "tru",
            "nul",
            "1 2",
            "{}{}",
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"b":1,"b":1}]}"#,
            "\u{feff}{}",
            r#""\ud800""#,
            r#""\ud800\u0041""#,
            r#""\udc00""#,
            r#""\u00g0""#,
            r#""\x""#,
            "\"\n\"",
            "\"a",
            r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}}"#,
            "[[[[[[[[[]]]]]]]]]",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("18446744073709551615").unwrap().integer(), Some(u64::MAX));
        for not in ["18446744073709551616", "1.0", "1e2", "-1", "\"1\""] {
            assert_eq!(parse(not).unwrap().integer(), None);
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,12}".prop_map(serde_json::Value::String),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::Array),
                proptest::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn c4_it_reads_what_serde_json_writes(value in any_json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let read = parse(&text).unwrap();
            prop_assert_eq!(plain(&read), value);
            prop_assert_eq!(read.raw(), text.as_str());
        }

        #[test]
        fn c4_what_it_reads_serde_json_reads_alike(text in r#"[{}\[\]":,a0-9.eE+\\u \n-]{0,24}"#) {
            if let Ok(value) = parse(&text) {
                if let Ok(theirs) = serde_json::from_str::<serde_json::Value>(&text) {
                    if !text.contains(['.', 'e', 'E']) {
                        prop_assert_eq!(plain(&value), theirs);
                    }
                } else {
                    prop_assert!(text.contains(['e', 'E']), "{}", text);
                }
            }
        }
    }
}
