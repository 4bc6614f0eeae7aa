//! Extensions of x402: what a 402 announces besides its offers, and what a client has to echo.
//!
//! A server announces each extension under its key as `{info, schema}` in `extensions` of
//! `PaymentRequired`; a client sends the same back in `extensions` of its payment and may add to `info`.
//! Each extension has a file of its own here, without judgement about what it says.
//!
//! The rules of the echo are those of `@x402/core` 2.27 ([`merge`] is its client, [`check_echo`] its
//! server): clients that send no extensions at all are as welcome as ever.

pub mod bazaar;
pub mod identifier;
pub mod receipt;
pub mod sign_in;
pub mod signatures;

use alloc::string::String;

use crate::json::Value;

/// The `extensions` of a `PaymentRequired`: announcements under their keys, each JSON already; empty
/// without any.
///
/// ```
/// use farthing::x402::extension::{announce, identifier};
/// let text = announce(&[(identifier::KEY, identifier::announce(false))]);
/// assert!(text.starts_with(r#"{"payment-identifier":{"info":{"required":false},"#));
/// assert_eq!(announce(&[]), "");
/// ```
pub fn announce(parts: &[(&str, &str)]) -> String {
    if parts.is_empty() {
        return String::new();
    }
    let mut object = Writer::default();
    for (key, json) in parts {
        object.raw(key, json);
    }
    object.end()
}

/// Fields of `info` that a server makes anew for every answer; an echo may have older ones
/// (`dynamicInfoFields` in `@x402/extensions` 2.27).
fn dynamic_fields(key: &str) -> &'static [&'static str] {
    match key {
        sign_in::KEY => &["nonce", "issuedAt", "expirationTime"],
        receipt::KEY => &["offers"],
        _ => &[],
    }
}

/// The one extension of npm's with rules of its own: `s` is a list that clients add to, `a` is the
/// server's alone (`@x402/core` 2.27, `ADDITIVE_ARRAY_INFO_FIELDS`, `SERVER_OWNED_INFO_FIELDS`).
const BUILDER_CODE: &str = "builder-code";
const BUILDER_CODE_LIST: &str = "s";
const BUILDER_CODE_OWN: &str = "a";
const BUILDER_CODE_MOST: usize = 10;

/// Whether a payment's `extensions` keep what was announced; the first key that does not.
///
/// Only what the client sends is looked at: an extension it leaves out, or all of them, is no
/// mistake. What it sends must hold every field of the announced `info`, unchanged, and may hold more.
///
/// ```
/// use farthing::{json::parse, x402::extension::check_echo};
/// let ours = parse(r#"{"payment-identifier":{"info":{"required":false}}}"#).unwrap();
/// let echo = parse(r#"{"payment-identifier":{"info":{"required":false,"id":"0123456789abcdef"}}}"#).unwrap();
/// assert_eq!(check_echo(Some(&ours), Some(&echo)), Ok(()));
/// let changed = parse(r#"{"payment-identifier":{"info":{"required":true}}}"#).unwrap();
/// assert_eq!(check_echo(Some(&ours), Some(&changed)), Err("payment-identifier"));
/// assert_eq!(check_echo(Some(&ours), None), Ok(()));
/// ```
pub fn check_echo<'a>(announced: Option<&Value<'_>>, echoed: Option<&'a Value<'_>>) -> Result<(), &'a str> {
    for (key, echo) in echoed.and_then(Value::members).unwrap_or_default() {
        let key = key.as_ref();
        let ours = announced.and_then(|announced| member(announced, key)).map(info);
        let theirs = info(echo);
        if ours.is_some_and(|ours| !keeps(key, ours, theirs)) || !leaves_alone(key, ours, theirs) {
            return Err(key);
        }
    }
    Ok(())
}

/// A member, null included: an announced null has to come back.
fn member<'a, 'b>(object: &'a Value<'b>, name: &str) -> Option<&'a Value<'b>> {
    let (_, value) = object.members()?.iter().find(|(key, _)| key == name)?;
    Some(value)
}

fn info<'a, 'b>(extension: &'a Value<'b>) -> &'a Value<'b> {
    member(extension, "info").unwrap_or(extension)
}

fn keeps(key: &str, ours: &Value<'_>, theirs: &Value<'_>) -> bool {
    let skipped = dynamic_fields(key);
    match (ours.members(), theirs.members()) {
        (Some(fields), Some(_)) => fields
            .iter()
            .filter(|(name, _)| !skipped.contains(&name.as_ref()))
            .all(|(name, value)| member(theirs, name).is_some_and(|echo| contains(key, name, value, echo))),
        (Some(_), None) => false,
        (None, _) => same(ours, theirs),
    }
}

/// Whether a field's echo holds what was announced: objects may have grown, all else is as it was.
fn contains(key: &str, name: &str, ours: &Value<'_>, theirs: &Value<'_>) -> bool {
    if key == BUILDER_CODE && name == BUILDER_CODE_LIST && (ours.items().is_some() || theirs.items().is_some()) {
        let (Some(ours), Some(theirs)) = (list(ours), list(theirs)) else {
            return false;
        };
        return theirs.len() <= BUILDER_CODE_MOST && ours.iter().all(|item| theirs.iter().any(|echo| same(item, echo)));
    }
    match (ours.members(), theirs.members()) {
        (Some(fields), Some(_)) => fields
            .iter()
            .all(|(name, value)| member(theirs, name).is_some_and(|echo| contains(key, name, value, echo))),
        (Some(_), None) => false,
        (None, _) => same(ours, theirs),
    }
}

/// A list, or a single value as one; none for objects and null.
fn list<'a, 'b>(value: &'a Value<'b>) -> Option<&'a [Value<'b>]> {
    let single = value.members().is_none() && value.raw() != "null";
    value.items().or_else(|| single.then(|| core::slice::from_ref(value)))
}

fn leaves_alone(key: &str, ours: Option<&Value<'_>>, theirs: &Value<'_>) -> bool {
    let own = |value: &Value<'_>| key == BUILDER_CODE && member(value, BUILDER_CODE_OWN).is_some();
    if !own(theirs) {
        return true;
    }
    let ours = ours.and_then(|ours| member(ours, BUILDER_CODE_OWN));
    let theirs = member(theirs, BUILDER_CODE_OWN);
    ours.zip(theirs).is_some_and(|(ours, theirs)| same(ours, theirs))
}

/// Whether two values are the same JSON: members in any order, numbers by value.
fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
    if let (Some(ours), Some(theirs)) = (one.members(), other.members()) {
        return ours.len() == theirs.len()
            && ours
                .iter()
                .all(|(name, value)| member(other, name).is_some_and(|echo| same(value, echo)));
    }
    if let (Some(ours), Some(theirs)) = (one.items(), other.items()) {
        return ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(one, other)| same(one, other));
    }
    if let (Some(ours), Some(theirs)) = (one.text(), other.text()) {
        return ours == theirs;
    }
    // words and numbers, the latter as JavaScript may have rewritten them
    one.raw() == other.raw() || Decimal::of(one.raw()).is_some_and(|ours| Decimal::of(other.raw()) == Some(ours))
}

/// A decimal number: `0.digits * 10^exponent`.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a JSON number; none for other texts, and for exponents that no double has.
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = String::from(whole);
        digits.push_str(fraction);
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let exponent: i16 = plain.then(|| exponent.strip_prefix('+').unwrap_or(exponent).parse().ok())??;
        let significant = digits.trim_start_matches('0');
        let leading = i64::try_from(digits.len().checked_sub(significant.len())?).ok()?;
        let significant = significant.trim_end_matches('0');
        let whole = i64::try_from(whole.len()).ok()?;
        let zero = significant.is_empty();
        Some(Self {
            negative: negative && !zero,
            exponent: if zero {
                0
            } else {
                i64::from(exponent).checked_add(whole)?.checked_sub(leading)?
            },
            digits: significant.into(),
        })
    }

    /// Whether a double holds it, so that JavaScript writes the same number again.
    fn is_plain(&self) -> bool {
        self.digits.len() <= 15 && (-300..=300).contains(&self.exponent)
    }
}

/// Whether every number in a value survives JavaScript: at most 15 digits. Anything else, announced,
/// could not be echoed.
pub fn can_be_echoed(value: &Value<'_>) -> bool {
    if let Some(members) = value.members() {
        return members.iter().all(|(_, value)| can_be_echoed(value));
    }
    if let Some(items) = value.items() {
        return items.iter().all(can_be_echoed);
    }
    value.text().is_some() || Decimal::of(value.raw()).is_none_or(|number| number.is_plain())
}

/// What a client sends as `extensions`: all that the server announced, with the client's additions.
///
/// As `mergeExtensions` of `@x402/core` 2.27: objects grow together, and where both have a field the
/// server's stays. None if neither has any.
///
/// ```
/// use farthing::{json::parse, x402::extension::merge};
/// let server = parse(r#"{"a":{"info":{"x":1},"schema":{}},"b":{}}"#).unwrap();
/// let client = parse(r#"{"a":{"info":{"x":2,"y":3}}}"#).unwrap();
/// assert_eq!(merge(Some(&server), Some(&client)).unwrap(), r#"{"a":{"info":{"x":1,"y":3},"schema":{}},"b":{}}"#);
/// assert_eq!(merge(None, None), None);
/// ```
pub fn merge(server: Option<&Value<'_>>, client: Option<&Value<'_>>) -> Option<String> {
    let (server, client) = match (server, client) {
        (Some(server), Some(client)) => (server, client),
        (one, other) => return one.or(other).map(|value| value.raw().into()),
    };
    let mut out = Writer::default();
    for (key, value) in server.members().unwrap_or_default() {
        match member(client, key) {
            Some(added) if value.members().is_some() && added.members().is_some() => out.raw(key, &grown(key, value, added)),
            // nothing that could grow: what the client says stands
            Some(added) => out.raw(key, added.raw()),
            None => out.raw(key, value.raw()),
        }
    }
    for (key, value) in client.members().unwrap_or_default() {
        if member(server, key).is_none() {
            out.raw(key, value.raw());
        }
    }
    Some(out.end())
}

fn grown(key: &str, server: &Value<'_>, client: &Value<'_>) -> String {
    let mut out = Writer::default();
    for (name, value) in server.members().unwrap_or_default() {
        match member(client, name) {
            Some(added) if value.members().is_some() && added.members().is_some() => out.raw(name, &grown(key, value, added)),
            Some(added) => match both(key, name, value, added) {
                Some(list) => out.raw(name, &list),
                None => out.raw(name, value.raw()),
            },
            None => out.raw(name, value.raw()),
        }
    }
    for (name, value) in client.members().unwrap_or_default() {
        if member(server, name).is_none() {
            out.raw(name, value.raw());
        }
    }
    out.end()
}

/// A list that both sides add to: the client's entries first, none twice.
fn both(key: &str, name: &str, server: &Value<'_>, client: &Value<'_>) -> Option<String> {
    if key != BUILDER_CODE || name != BUILDER_CODE_LIST || server.items().is_none() && client.items().is_none() {
        return None;
    }
    let (server, client) = (list(server)?, list(client)?);
    let all = || client.iter().chain(server);
    let mut out = String::from("[");
    for (index, item) in all().enumerate() {
        if all().take(index).any(|seen| same(seen, item)) {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(item.raw());
    }
    out.push(']');
    Some(out)
}

/// A JSON object, written member by member.
#[derive(Debug, Default)]
pub(crate) struct Writer(String);

impl Writer {
    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(json);
    }

    /// A member that is a string.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.raw(name, &quoted(text));
    }

    /// A member that is a string, where there is one.
    pub(crate) fn some_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// The whole object.
    pub(crate) fn end(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

/// A string as JSON, with its quotes.
pub(crate) fn quoted(text: &str) -> String {
    // strings can always be written
    serde_json::to_string(text).unwrap_or_default()
}

/// A list of strings as JSON.
pub(crate) fn quoted_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::from("[");
    for text in texts {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&quoted(text));
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests;
