//! Base64 of payment headers: read strictly, written canonically.

use core::fmt;

use alloc::string::String;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use crate::radix64;

/// The largest payment header that is looked at (threat C1).
pub const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Why a header's bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Longer than [`MAX_HEADER_BYTES`].
    TooLarge,
    /// Neither standard nor URL-safe base64, or with white space, stray bits or wrong padding.
    NotBase64,
    /// Not UTF-8, or not one strict JSON object (see [`json`](crate::json)).
    NotJson,
    /// JSON without the fields that were looked for.
    Malformed,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "over 16384 bytes",
            Self::NotBase64 => "not base64",
            Self::NotJson => "not a JSON object with distinct keys",
            Self::Malformed => "JSON without the expected fields",
        })
    }
}

impl core::error::Error for DecodeError {}

/// Decodes a payment header to the text of its JSON, which is not looked at yet.
///
/// Either base64 alphabet is read, padding may be missing; nothing else is tolerated (threat C3).
///
/// ```
/// use farthing::x402::{decode, DecodeError};
/// assert_eq!(decode("eyJhIjoxfQ==").unwrap(), r#"{"a":1}"#);
/// assert_eq!(decode("eyJhIjoxfQ=="), decode("eyJhIjoxfQ"));
/// assert_eq!(decode("{}"), Err(DecodeError::NotBase64));
/// ```
pub fn decode(header: &str) -> Result<String, DecodeError> {
    if header.len() > MAX_HEADER_BYTES {
        return Err(DecodeError::TooLarge);
    }
    // all of the padding or none: readers disagree on what some of it means
    let digits = match header.strip_suffix("=") {
        Some(digits) if header.len().is_multiple_of(4) => digits.strip_suffix("=").unwrap_or(digits),
        Some(_) => return Err(DecodeError::NotBase64),
        None => header,
    };
    let url_safe = digits.bytes().any(|b| b == b'-' || b == b'_');
    let bytes = radix64::read(digits, url_safe).filter(|bytes| !bytes.is_empty());
    let bytes = bytes.ok_or(DecodeError::NotBase64)?;
    String::from_utf8(bytes).map_err(|_| DecodeError::NotJson)
}

/// Encodes a value as a payment header: standard base64, padded, over compact JSON.
pub fn encode<T: Serialize>(value: &T) -> String {
    // Serialisation to memory fails only for maps with keys that are not strings; no wire type has one.
    STANDARD.encode(serde_json::to_vec(value).unwrap_or_default())
}

/// Encodes a value with one more member, whose value is JSON already; without it if that is empty.
pub fn encode_with<T: Serialize>(value: &T, name: &str, json: &str) -> String {
    STANDARD.encode(with_member(value, name, json))
}

/// The JSON of an object with one more member at its end, whose value is JSON already; without it if that is empty.
pub(crate) fn with_member<T: Serialize>(value: &T, name: &str, json: &str) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_default();
    if !json.is_empty() && text.pop() == Some('}') {
        text.extend([if text.ends_with('{') { "\"" } else { ",\"" }, name, "\":", json, "}"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(json: &str) -> String {
        STANDARD.encode(json)
    }

    #[test]
    fn c1_headers_are_capped_before_they_are_decoded() {
        let at = "A".repeat(MAX_HEADER_BYTES);
        assert_eq!(decode(&at).map(|text| text.len()), Ok(MAX_HEADER_BYTES / 4 * 3));
        assert_eq!(decode(&(at + "A")), Err(DecodeError::TooLarge));
    }

    #[test]
    fn c3_base64_has_two_alphabets_and_nothing_more() {
        let json = r#"{"a":"???>>>~~~"}"#;
        let standard = header(json);
        assert!(standard.contains('/') || standard.contains('+'));
        assert_eq!(decode(&standard).unwrap(), json);
        let url_safe = standard.replace('+', "-").replace('/', "_");
        assert_eq!(decode(&url_safe).unwrap(), json);
        assert_eq!(decode(standard.trim_end_matches('=')).unwrap(), json);
        for bad in [
            format!(" {standard}"),
            format!("{standard}\n"),
            format!("{standard},{standard}"),
            String::new(),
            "e30=e30=".into(),
            "e31".into(),
            "eyJhIjoxfQ=".into(),
            "eyJhIjoxfQ===".into(),
            "eyJhIjoxf=".into(),
            "====".into(),
            "é".into(),
        ] {
            assert_eq!(decode(&bad), Err(DecodeError::NotBase64), "{bad}");
        }
        assert_eq!(decode("-_+/"), Err(DecodeError::NotBase64));
        assert_eq!(decode(&STANDARD.encode(b"{\"a\":\"\xff\"}")), Err(DecodeError::NotJson));
        // {} with non-zero trailing bits
        assert_eq!(decode("e31="), Err(DecodeError::NotBase64));
    }

    #[test]
    fn a_member_that_is_json_already_stands_last() {
        #[derive(Serialize)]
        struct One {
            a: u8,
        }
        assert_eq!(with_member(&One { a: 1 }, "b", "[2]"), r#"{"a":1,"b":[2]}"#);
        #[derive(Serialize)]
        struct None {}
        assert_eq!(with_member(&None {}, "b", "[2]"), r#"{"b":[2]}"#);
        assert_eq!(with_member(&One { a: 1 }, "b", ""), r#"{"a":1}"#);
        assert_eq!(encode_with(&One { a: 1 }, "b", "{}"), header(r#"{"a":1,"b":{}}"#));
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".{0,200}") {
            let _ = decode(&text);
            let _ = decode(&STANDARD.encode(&text));
        }
    }
}
