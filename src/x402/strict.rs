//! Base64 and JSON of payment headers, read strictly and written canonically.

use core::fmt;

use alloc::{string::String, vec::Vec};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use serde::{
    Deserialize, Serialize,
    de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor},
};

/// The largest payment header that is looked at (threat C1).
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// The deepest nesting of objects and arrays (threat C4).
pub const MAX_DEPTH: u8 = 8;
/// The most members of one object; real payloads have fewer than 20.
const MAX_MEMBERS: usize = 64;

/// Why a header's bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Longer than [`MAX_HEADER_BYTES`].
    TooLarge,
    /// Neither standard nor URL-safe base64, or with white space, stray bits or wrong padding.
    NotBase64,
    /// Not UTF-8, not one JSON object, a repeated key, or too deep.
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

const LENIENT_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(false);
const READ_STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT_PADDING);
const READ_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT_PADDING);

/// Decodes a payment header to the bytes of one strict JSON object.
///
/// Either base64 alphabet is read, padding may be missing; nothing else is tolerated (threat C3).
/// The JSON may not repeat a key at any level nor nest deeper than [`MAX_DEPTH`] (threat C4), so
/// every parser that reads the returned bytes reads the same values.
///
/// ```
/// use farthing::x402::{decode, DecodeError};
/// assert_eq!(decode("eyJhIjoxfQ==").unwrap(), br#"{"a":1}"#);
/// assert_eq!(decode("eyJhIjoxLCJhIjoyfQ=="), Err(DecodeError::NotJson)); // {"a":1,"a":2}
/// ```
pub fn decode(header: &str) -> Result<Vec<u8>, DecodeError> {
    if header.len() > MAX_HEADER_BYTES {
        return Err(DecodeError::TooLarge);
    }
    if header.is_empty() {
        return Err(DecodeError::NotBase64);
    }
    let url_safe = header.bytes().any(|b| b == b'-' || b == b'_');
    let engine = if url_safe { &READ_URL_SAFE } else { &READ_STANDARD };
    let bytes = engine.decode(header).map_err(|_| DecodeError::NotBase64)?;
    check(&bytes)?;
    Ok(bytes)
}

/// Encodes a value as a payment header: standard base64, padded, over compact JSON.
pub fn encode<T: Serialize>(value: &T) -> String {
    // Serialisation to memory fails only for maps with keys that are not strings; no wire type has one.
    STANDARD.encode(serde_json::to_vec(value).unwrap_or_default())
}

/// Checks that the bytes are one JSON object with distinct keys and bounded depth.
pub(crate) fn check(bytes: &[u8]) -> Result<(), DecodeError> {
    if bytes.first() != Some(&b'{') {
        return Err(DecodeError::NotJson);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Walk(MAX_DEPTH)
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|_| DecodeError::NotJson)
}

/// Walks any JSON value, keeping nothing but the keys of the objects it stands in.
struct Walk(u8);

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with distinct keys")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while seq.next_element_seed(Self(below))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let below = self.below()?;
        let mut keys: Vec<Key<'de>> = Vec::new();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            if keys.len() >= MAX_MEMBERS || keys.iter().any(|seen| seen.0 == key.0) {
                return Err(de::Error::custom("repeated key"));
            }
            keys.push(key);
            map.next_value_seed(Self(below))?;
        }
        Ok(())
    }
}

impl Walk {
    fn below<E: de::Error>(&self) -> Result<u8, E> {
        self.0.checked_sub(1).ok_or_else(|| E::custom("too deep"))
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] alloc::borrow::Cow<'a, str>);

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
        assert_eq!(decode(&at), Err(DecodeError::NotJson));
        assert_eq!(decode(&(at + "A")), Err(DecodeError::TooLarge));
    }

    #[test]
    fn c3_base64_has_two_alphabets_and_nothing_more() {
        let json = r#"{"a":"???>>>~~~"}"#;
        let standard = header(json);
        assert!(standard.contains('/') || standard.contains('+'));
        assert_eq!(decode(&standard).unwrap(), json.as_bytes());
        let url_safe = standard.replace('+', "-").replace('/', "_");
        assert_eq!(decode(&url_safe).unwrap(), json.as_bytes());
        assert_eq!(decode(standard.trim_end_matches('=')).unwrap(), json.as_bytes());
        for bad in [format!(" {standard}"), format!("{standard}\n"), format!("{standard},{standard}"), "e30=e30=".into(), "e31".into(), "====".into(), "é".into()] {
            assert_eq!(decode(&bad), Err(DecodeError::NotBase64), "{bad}");
        }
        assert_eq!(decode("-_+/"), Err(DecodeError::NotBase64));
        // {} with non-zero trailing bits
        assert_eq!(decode("e31="), Err(DecodeError::NotBase64));
    }

    #[test]
    fn c4_json_is_strict() {
        for good in [r#"{}"#, r#"{"a":[1,2.5,-3,null,true,"x"]}"#, r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}"#] {
            assert!(decode(&header(good)).is_ok(), "{good}");
        }
        for bad in [
            r#"[]"#, r#""x""#, "1", "null", r#"{"a":1}{"b":2}"#, r#"{"a":1,}"#, r#"{"a":NaN}"#, r#"{'a':1}"#, r#" {"a":1}"#,
            r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":[{"b":1,"b":1}]}"#, "\u{feff}{}", r#"{"a":"\ud800"}"#,
            r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}}"#, r#"{"a":[[[[[[[[]]]]]]]]}"#, "",
        ] {
            assert!(decode(&header(bad)).is_err(), "{bad}");
        }
        assert_eq!(decode(&STANDARD.encode(b"{\"a\":\"\xff\"}")), Err(DecodeError::NotJson));
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".{0,200}") {
            let _ = decode(&text);
            let _ = decode(&STANDARD.encode(&text));
        }
    }
}
