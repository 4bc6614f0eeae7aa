//! Arguments of operations.

use farthing::evm::hex;
use serde_json::Value;

/// A string that has to be there.
pub(crate) fn text<'a>(request: &'a Value, name: &str) -> Result<&'a str, String> {
    optional(request, name)?.ok_or_else(|| format!("{name} is missing"))
}

/// A string, or null or nothing.
pub(crate) fn optional<'a>(request: &'a Value, name: &str) -> Result<Option<&'a str>, String> {
    match request.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} is not a string")),
    }
}

/// A whole number that has to be there.
pub(crate) fn integer(request: &Value, name: &str) -> Result<u64, String> {
    request
        .get(name)
        .and_then(Value::as_u64)
        .ok_or_else(|| format!("{name} is not a whole number"))
}

/// Bytes as hex that have to be there.
pub(crate) fn bytes<const N: usize>(request: &Value, name: &str) -> Result<[u8; N], String> {
    hex::read(text(request, name)?).ok_or_else(|| format!("{name} is not {N} bytes of hex"))
}

/// Any number of bytes as hex that have to be there.
pub(crate) fn any_bytes(request: &Value, name: &str) -> Result<Vec<u8>, String> {
    let digits = text(request, name)?
        .strip_prefix("0x")
        .ok_or_else(|| format!("{name} is not hex"))?;
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).unwrap_or_default();
            u8::from_str_radix(pair, 16).map_err(|_| format!("{name} is not hex"))
        })
        .collect()
}

/// Anything that can be read from a string.
pub(crate) fn parsed<T: std::str::FromStr>(request: &Value, name: &str) -> Result<T, String> {
    text(request, name)?.parse().map_err(|_| format!("{name} cannot be read"))
}
