//! Unix seconds as decimal strings; over 64 bits is refused (threat A7).

use serde::Serializer;

/// Reads digits without a leading zero.
pub(super) fn read(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// For `#[serde(serialize_with)]`.
pub(super) fn serialize<S: Serializer>(time: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
