//! `payment-identifier`: the client's own name for a payment, so that a retry is known as one.
//!
//! The form is that of `@x402/extensions` 2.27; what an identifier means is the ledger's business.

use alloc::string::String;

use super::member;
use crate::{evm::hex, json::Value};

/// The extension's key.
pub const KEY: &str = "payment-identifier";
/// The fewest characters of an identifier.
pub const LEAST: usize = 16;
/// The most characters of an identifier.
pub const MOST: usize = 128;
/// An identifier of this length can hold 128 bits nobody else knows. The clients of npm's package
/// make `pay_` and the 32 hex digits of a random UUID.
pub const PROVING: usize = 32;

/// Why a payment's identifier cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentifierError {
    /// The server wants one and none came.
    Missing,
    /// The extension, or the identifier in it, has not the form it must have.
    Malformed,
}

/// The announcement, with the part of npm's schema that says more than the type.
pub const fn announce(required: bool) -> &'static str {
    macro_rules! announcement {
        ($required:literal) => {
            concat!(
                r#"{"info":{"required":"#,
                $required,
                r#"},"schema":{"type":"object","properties":{"required":{"type":"boolean"},"id":{"type":"string","minLength":16,"maxLength":128,"pattern":"^[a-zA-Z0-9_-]+$"}},"required":["required"]}}"#
            )
        };
    }
    if required {
        announcement!("true")
    } else {
        announcement!("false")
    }
}

/// Whether a text is an identifier: 16 to 128 letters, digits, `_` and `-`.
///
/// ```
/// use farthing::x402::extension::identifier::is_valid;
/// assert!(is_valid("pay_7d5d747be160e280504c099d984bcfe0"));
/// assert!(!is_valid("too-short"));
/// ```
pub fn is_valid(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (LEAST..=MOST).contains(&id.len()) && id.bytes().all(plain)
}

/// Whether who repeats an identifier is who made it: it is long enough not to be guessed, and it is on
/// no chain (threat A16).
pub const fn is_proof(id: &str) -> bool {
    id.len() >= PROVING
}

/// The identifier in the `extensions` of a payment, if it has one.
///
/// ```
/// use farthing::{json::parse, x402::extension::identifier::{IdentifierError, read}};
/// let sent = parse(r#"{"payment-identifier":{"info":{"required":false,"id":"0123456789abcdef"}}}"#).unwrap();
/// assert_eq!(read(Some(&sent), true), Ok(Some("0123456789abcdef")));
/// assert_eq!(read(None, false), Ok(None));
/// assert_eq!(read(None, true), Err(IdentifierError::Missing));
/// ```
///
/// # Errors
/// [`IdentifierError`], also for a malformed one where none is wanted.
pub fn read<'a>(extensions: Option<&'a Value<'_>>, required: bool) -> Result<Option<&'a str>, IdentifierError> {
    let missing = if required { Err(IdentifierError::Missing) } else { Ok(None) };
    let Some(sent) = extensions.and_then(|extensions| extensions.get(KEY)) else {
        return missing;
    };
    let malformed = IdentifierError::Malformed;
    let info = sent.get("info").filter(|info| info.members().is_some()).ok_or(malformed)?;
    info.get("required").and_then(Value::bool).ok_or(malformed)?;
    match member(info, "id") {
        None => missing,
        Some(id) => id.text().filter(|id| is_valid(id)).map(Some).ok_or(malformed),
    }
}

/// A new identifier, in the form of npm's `generatePaymentId`; the bytes may not be used for anything else.
pub fn generate(random: [u8; 16]) -> String {
    let digits = hex::print(&random);
    ["pay_", digits.strip_prefix("0x").unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;
    use alloc::format;
    use proptest::prelude::*;

    fn of(info: &str) -> Result<Option<String>, IdentifierError> {
        let text = format!(r#"{{"payment-identifier":{info}}}"#);
        let value = parse(&text).unwrap();
        read(Some(&value), false).map(|id| id.map(Into::into))
    }

    #[test]
    fn identifiers_have_16_to_128_plain_characters() {
        for length in [16, 17, 127, 128] {
            assert!(is_valid(&"a".repeat(length)));
        }
        for length in [0, 15, 129] {
            assert!(!is_valid(&"a".repeat(length)));
        }
        for bad in [" ", ".", "/", "é", "\n", "+", "=", ":"] {
            assert!(!is_valid(&format!("0123456789abcdef{bad}")), "{bad}");
        }
        assert!(is_proof(&generate([7; 16])) && is_valid(&generate([7; 16])));
        assert!(!is_proof(&"a".repeat(31)));
    }

    #[test]
    fn what_is_there_must_have_the_form() {
        assert_eq!(of("null"), Ok(None));
        assert_eq!(of(r#"{"info":{"required":true}}"#), Ok(None));
        let id = "0123456789abcdef";
        assert_eq!(
            of(&format!(r#"{{"info":{{"required":false,"id":"{id}"}},"schema":7}}"#)),
            Ok(Some(id.into()))
        );
        for bad in [
            "{}",
            "[]",
            "7",
            r#"{"info":null}"#,
            r#"{"info":[]}"#,
            r#"{"info":{}}"#,
            r#"{"info":{"id":"0123456789abcdef"}}"#,
            r#"{"info":{"required":"false","id":"0123456789abcdef"}}"#,
            r#"{"info":{"required":false,"id":null}}"#,
            r#"{"info":{"required":false,"id":7}}"#,
            r#"{"info":{"required":false,"id":""}}"#,
            r#"{"info":{"required":false,"id":"short"}}"#,
        ] {
            assert_eq!(of(bad), Err(IdentifierError::Malformed), "{bad}");
        }
    }

    #[test]
    fn announcements_are_json() {
        for required in [false, true] {
            let value = parse(announce(required)).unwrap();
            assert_eq!(
                value.get("info").unwrap().get("required").and_then(Value::bool),
                Some(required)
            );
        }
    }

    proptest! {
        #[test]
        fn generated_ones_are_valid_and_differ(one: [u8; 16], other: [u8; 16]) {
            prop_assert!(is_valid(&generate(one)));
            prop_assert_eq!(generate(one) == generate(other), one == other);
        }
    }
}
