//! Structured fields (RFC 9651, formerly 8941) as far as message signatures need them: dictionaries of items and inner lists.
//!
//! Only the canonical spelling of a value is read, so that what is written again is what was signed. Decimals, dates and display
//! strings are refused, and so is every name that stands twice.

use alloc::{string::String, vec::Vec};

/// The longest field that is read, in bytes.
pub const MAX_FIELD_BYTES: usize = 4096;
/// The most members of a dictionary.
const MAX_MEMBERS: usize = 8;
/// The most items of a list, and parameters of an item.
const MAX_ITEMS: usize = 32;

/// The field is not one of these, or not in the canonical spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldError;

/// A value without parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bare<'a> {
    /// Up to 15 digits.
    Integer(i64),
    /// A text between quotes, its escapes as they were written.
    Text(&'a str),
    /// A word without quotes.
    Token(&'a str),
    /// Bytes, as their base64.
    Bytes(&'a str),
    /// True or false.
    Flag(bool),
}

/// Names with values, in order.
pub type Parameters<'a> = Vec<(&'a str, Bare<'a>)>;

/// A value and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The value.
    pub bare: Bare<'a>,
    /// Its parameters.
    pub parameters: Parameters<'a>,
}

/// A member of a dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member<'a> {
    /// One item.
    Item(Item<'a>),
    /// Items in parentheses, and the parameters of the list.
    List(Vec<Item<'a>>, Parameters<'a>),
}

/// Reads a dictionary.
///
/// ```
/// use farthing::crawl::field::{Bare, Member, dictionary};
/// let members = dictionary(r#"sig1=("@authority" "a";key="b"  );created=1;tag="x", n=?0"#).unwrap();
/// let (name, Member::List(items, parameters)) = &members[0] else { panic!() };
/// assert_eq!((*name, items.len(), parameters[0]), ("sig1", 2, ("created", Bare::Integer(1))));
/// let mut text = String::new();
/// members[0].1.write(&mut text);
/// assert_eq!(text, r#"("@authority" "a";key="b");created=1;tag="x""#);
/// assert!(dictionary("a=1, a=2").is_err());
/// assert!(dictionary("a=01").is_err());
/// ```
pub fn dictionary(text: &str) -> Result<Vec<(&str, Member<'_>)>, FieldError> {
    let mut reader = Reader::new(text)?;
    let mut members: Vec<(&str, Member<'_>)> = Vec::new();
    loop {
        let name = reader.key()?;
        if members.len() >= MAX_MEMBERS || members.iter().any(|(other, _)| *other == name) {
            return Err(FieldError);
        }
        let member = match reader.eat('=') {
            true => reader.member()?,
            false => Member::Item(Item {
                bare: Bare::Flag(true),
                parameters: reader.parameters()?,
            }),
        };
        members.push((name, member));
        reader.skip(&[' ', '\t']);
        if reader.rest.is_empty() {
            return Ok(members);
        }
        if !reader.eat(',') {
            return Err(FieldError);
        }
        reader.skip(&[' ', '\t']);
    }
}

/// Reads a field of one item.
pub fn item(text: &str) -> Result<Item<'_>, FieldError> {
    let mut reader = Reader::new(text)?;
    let item = reader.item()?;
    if reader.rest.is_empty() { Ok(item) } else { Err(FieldError) }
}

impl<'a> Member<'a> {
    /// Its canonical spelling.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Item(item) => item.write(out),
            Self::List(items, parameters) => {
                out.push('(');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    item.write(out);
                }
                out.push(')');
                write_parameters(parameters, out);
            }
        }
    }

    /// The value, if it is one item.
    pub fn item(&self) -> Option<&Item<'a>> {
        match self {
            Self::Item(item) => Some(item),
            Self::List(..) => None,
        }
    }
}

impl<'a> Item<'a> {
    /// Its canonical spelling.
    pub fn write(&self, out: &mut String) {
        write_bare(self.bare, out);
        write_parameters(&self.parameters, out);
    }

    /// Its value, if that is a text.
    pub fn text(&self) -> Option<&'a str> {
        match self.bare {
            Bare::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A parameter.
    pub fn parameter(&self, name: &str) -> Option<Bare<'a>> {
        parameter(&self.parameters, name)
    }
}

/// The parameter of this name.
pub fn parameter<'a>(parameters: &Parameters<'a>, name: &str) -> Option<Bare<'a>> {
    parameters.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
}

fn write_bare(bare: Bare<'_>, out: &mut String) {
    use alloc::string::ToString;
    match bare {
        Bare::Integer(number) => out.push_str(&number.to_string()),
        Bare::Text(text) => out.extend(["\"", text, "\""]),
        Bare::Token(text) => out.push_str(text),
        Bare::Bytes(text) => out.extend([":", text, ":"]),
        Bare::Flag(true) => out.push_str("?1"),
        Bare::Flag(false) => out.push_str("?0"),
    }
}

fn write_parameters(parameters: &Parameters<'_>, out: &mut String) {
    for (name, value) in parameters {
        out.extend([";", name]);
        if *value != Bare::Flag(true) {
            out.push('=');
            write_bare(*value, out);
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Result<Self, FieldError> {
        let fine = text.len() <= MAX_FIELD_BYTES && text.is_ascii();
        let rest = text.trim_matches(' ');
        fine.then_some(Self { rest }).ok_or(FieldError)
    }

    fn eat(&mut self, c: char) -> bool {
        let after = self.rest.strip_prefix(c);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn skip(&mut self, chars: &[char]) {
        self.rest = self.rest.trim_start_matches(chars);
    }

    /// What comes before the first character that is none of these.
    fn take(&mut self, of: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !of(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// What comes before this character, which is left out.
    fn until(&mut self, c: char) -> Result<&'a str, FieldError> {
        let (taken, rest) = self.rest.split_once(c).ok_or(FieldError)?;
        self.rest = rest;
        Ok(taken)
    }

    fn key(&mut self) -> Result<&'a str, FieldError> {
        let key = self.take(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c));
        let fine = key.starts_with(|c: char| c.is_ascii_lowercase() || c == '*');
        fine.then_some(key).ok_or(FieldError)
    }

    fn member(&mut self) -> Result<Member<'a>, FieldError> {
        if !self.eat('(') {
            return self.item().map(Member::Item);
        }
        let mut items = Vec::new();
        loop {
            let before = self.rest;
            self.skip(&[' ']);
            if self.eat(')') {
                return Ok(Member::List(items, self.parameters()?));
            }
            let apart = items.is_empty() || before.len() > self.rest.len();
            if !apart || items.len() >= MAX_ITEMS {
                return Err(FieldError);
            }
            items.push(self.item()?);
        }
    }

    fn item(&mut self) -> Result<Item<'a>, FieldError> {
        Ok(Item {
            bare: self.bare()?,
            parameters: self.parameters()?,
        })
    }

    fn parameters(&mut self) -> Result<Parameters<'a>, FieldError> {
        let mut parameters: Parameters<'a> = Vec::new();
        while self.eat(';') {
            self.skip(&[' ']);
            let name = self.key()?;
            if parameters.len() >= MAX_ITEMS || parameter(&parameters, name).is_some() {
                return Err(FieldError);
            }
            let value = match self.eat('=') {
                // what is true is written by its name alone
                true => self.bare().and_then(|value| match value {
                    Bare::Flag(true) => Err(FieldError),
                    value => Ok(value),
                })?,
                false => Bare::Flag(true),
            };
            parameters.push((name, value));
        }
        Ok(parameters)
    }

    fn bare(&mut self) -> Result<Bare<'a>, FieldError> {
        match self.rest.chars().next() {
            Some('"') => {
                self.eat('"');
                self.text().map(Bare::Text)
            }
            Some(':') => {
                self.eat(':');
                let text = self.until(':')?;
                // the decoder refuses what is not canonical
                super::bytes(text).map(|_| Bare::Bytes(text)).ok_or(FieldError)
            }
            Some('?') => {
                self.eat('?');
                let one = self.eat('1');
                (one || self.eat('0')).then_some(Bare::Flag(one)).ok_or(FieldError)
            }
            Some(c) if c == '-' || c.is_ascii_digit() => self.integer(),
            Some(c) if c == '*' || c.is_ascii_alphabetic() => Ok(Bare::Token(
                self.take(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c)),
            )),
            _ => Err(FieldError),
        }
    }

    fn integer(&mut self) -> Result<Bare<'a>, FieldError> {
        let minus = self.eat('-');
        let digits = self.take(|c| c.is_ascii_digit());
        let canonical = !digits.is_empty() && digits.len() <= 15 && (!digits.starts_with('0') || digits == "0" && !minus);
        // a point would make it a decimal
        if !canonical || self.rest.starts_with('.') {
            return Err(FieldError);
        }
        let number: i64 = digits.parse().map_err(|_| FieldError)?;
        Ok(Bare::Integer(if minus { number.saturating_neg() } else { number }))
    }

    fn text(&mut self) -> Result<&'a str, FieldError> {
        let mut escaped = false;
        let whole = self.rest;
        for (at, c) in whole.char_indices() {
            match c {
                '"' | '\\' if escaped => escaped = false,
                _ if escaped => return Err(FieldError),
                '\\' => escaped = true,
                '"' => {
                    let (text, rest) = whole.split_at_checked(at).ok_or(FieldError)?;
                    self.rest = rest.strip_prefix('"').unwrap_or_default();
                    return Ok(text);
                }
                ' '..='~' => {}
                _ => return Err(FieldError),
            }
        }
        Err(FieldError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};
    use proptest::prelude::*;

    fn written(text: &str) -> Option<String> {
        let mut out = String::new();
        for (index, (name, member)) in dictionary(text).ok()?.into_iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            out.push_str(name);
            match member {
                Member::Item(Item {
                    bare: Bare::Flag(true),
                    parameters,
                }) => write_parameters(&parameters, &mut out),
                member => {
                    out.push('=');
                    member.write(&mut out);
                }
            }
        }
        Some(out)
    }

    #[test]
    fn what_is_canonical_is_written_as_it_was() {
        for text in [
            r#"sig1=("@authority");created=1735689600;keyid="a\"b\\";alg="ed25519""#,
            "a=:AAEC:",
            "a, b;c;d=?0",
            r#"a=(), b=(1 -2 tok/en:x "");q=*"#,
            "agent2=\"https://signature-agent.test\";type=jwks_uri",
        ] {
            assert_eq!(written(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn white_space_is_where_the_grammar_has_it() {
        assert_eq!(
            written("  a=( \"b\"   \"c\" ); d=1 \t, b=2 ").as_deref(),
            Some("a=(\"b\" \"c\");d=1, b=2")
        );
        for text in [
            "a =1",
            "a= 1",
            "a=(\"b\"\"c\")",
            "a=1 ;b",
            "a;b =1",
            "a=(\"b\"\t\"c\")",
            "a=1,",
            ",a=1",
            "a=1 b=2",
            "",
        ] {
            assert_eq!(written(text), None, "{text}");
        }
    }

    #[test]
    fn c1_other_spellings_and_doubles_are_refused() {
        for text in [
            "a=01",
            "a=-0",
            "a=1.5",
            "a=1e3",
            "a=1234567890123456",
            "a=\"x",
            "a=\"x\\n\"",
            "a=\"é\"",
            "a=\"\u{7f}\"",
            "a=:AAE:",
            "a=:AAF=:",
            "a=:A-_C:",
            "a=:AAEC",
            "a=?2",
            "a;b=?1",
            "a=@1",
            "a=%\"x\"",
            "A=1",
            "1=1",
            "a=1, a=2",
            "a;b=1;b=2",
            "a=((1))",
            "a=(1",
            "a=1\n",
        ] {
            assert_eq!(written(text), None, "{text}");
        }
        let many = |count: usize, one: &str, between: &str| alloc::vec![one; count].join(between);
        assert!(item(&format!("1{}", many(MAX_ITEMS + 1, "", ";a"))).is_err());
        assert!(dictionary(&format!("a=({})", many(MAX_ITEMS, "1", " "))).is_ok());
        assert!(dictionary(&format!("a=({})", many(MAX_ITEMS + 1, "1", " "))).is_err());
        let names = |count: usize| (0..count).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join(",");
        assert!(dictionary(&names(MAX_MEMBERS)).is_ok() && dictionary(&names(MAX_MEMBERS + 1)).is_err());
        let long = |length: usize| format!("a=\"{}\"", "x".repeat(length - 4));
        assert!(dictionary(&long(MAX_FIELD_BYTES)).is_ok() && dictionary(&long(MAX_FIELD_BYTES + 1)).is_err());
    }

    proptest! {
        #![proptest_config(crate::cases(2000))]

        #[test]
        fn whatever_is_read_is_written_the_same_from_then_on(text in "[ -~\t]{0,60}") {
            if let Some(once) = written(&text) {
                prop_assert_eq!(written(&once), Some(once.clone()));
            }
        }

        #[test]
        fn c1_likely_texts_are_read_or_refused(text in r#"([a-c](=(\(("[@a-z-]{1,5}"(;[a-c](="x")?)? ?){0,3}\)|[0-9-]{1,4}|"[ !#\\"-~]{0,5}"|:[A-Z]{4}:|\?[01]|[a-z*]{1,3}))?(;[a-c](=[0-9a-z"]{1,3})?){0,2}(, ?)?){1,3}"#) {
            if let Some(once) = written(&text) {
                prop_assert_eq!(written(&once), Some(once.clone()));
            }
        }

        #[test]
        fn integers_come_back(number in -999_999_999_999_999i64..=999_999_999_999_999) {
            let text = number.to_string();
            prop_assert_eq!(item(&text).unwrap().bare, Bare::Integer(number));
        }
    }
}
