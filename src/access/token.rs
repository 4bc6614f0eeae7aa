//! The one token format: `v1.kid.payload.mac`, without an algorithm field (threat E6).
//!
//! `payload` and `mac` are base64url without padding; the MAC is HMAC-SHA-256 over
//! `v1.kid.payload` and, where the purpose has one, a context that the token does not carry.
//! ```
//! use farthing::access::{Keys, Purpose, token};
//! let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
//! let text = token::seal(&keys, Purpose::Pass, b"what it says", b"what it is for").unwrap();
//! assert!(text.starts_with("v1.k1."));
//! assert_eq!(token::open(&keys, Purpose::Pass, &text, b"what it is for").as_deref(), Some(&b"what it says"[..]));
//! assert_eq!(token::open(&keys, Purpose::Pass, &text, b"something else"), None);
//! assert_eq!(token::open(&keys, Purpose::Quote, &text, b"what it is for"), None);
//! ```

use alloc::{format, string::String, vec::Vec};
use base64::{
    Engine,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig},
    },
};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Keys, Purpose};
use crate::{money::split_at_byte, radix64};

const TEXT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);
/// Longer texts are not looked at.
const MAX_LENGTH: usize = 512;

fn mac(key: &[u8; 32], signed: &str, context: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(signed.as_bytes());
    // a zero byte cannot stand in the text before it
    mac.update(&[0]);
    mac.update(context);
    Some(mac)
}

/// Makes a token with the signing key; none only if there is no key.
pub fn seal(keys: &Keys, purpose: Purpose, payload: &[u8], context: &[u8]) -> Option<String> {
    let (kid, key) = keys.signing(purpose)?;
    let signed = format!("v1.{kid}.{}", TEXT.encode(payload));
    let tag = mac(key, &signed, context)?.finalize().into_bytes();
    Some(format!("{signed}.{}", TEXT.encode(tag)))
}

/// The payload of a token whose MAC holds, and since when, in Unix seconds, what is issued under its key counts.
pub(super) fn open_dated(keys: &Keys, purpose: Purpose, token: &str, context: &[u8]) -> Option<(Vec<u8>, u64)> {
    let (kid, payload, tag) = split(token)?;
    let key = keys.of(kid, purpose)?;
    let signed = token.get(..token.len().checked_sub(tag.len())?.checked_sub(1)?)?;
    let tag = TEXT.decode(tag).ok()?;
    // constant time: threat G2
    mac(key, signed, context)?.verify_slice(&tag).ok()?;
    Some((TEXT.decode(payload).ok()?, keys.since(kid)))
}

/// The payload of a token whose MAC holds.
pub fn open(keys: &Keys, purpose: Purpose, token: &str, context: &[u8]) -> Option<Vec<u8>> {
    open_dated(keys, purpose, token, context).map(|(payload, _)| payload)
}

/// The payload of a token whoever made it.
pub fn peek(token: &str) -> Option<Vec<u8>> {
    // a client reads no more of a token than this
    let (version, rest) = split_at_byte(token, b'.')?;
    let (_, rest) = split_at_byte(rest, b'.')?;
    let (payload, tag) = split_at_byte(rest, b'.')?;
    let whole = token.len() <= MAX_LENGTH && version == "v1" && split_at_byte(tag, b'.').is_none();
    whole.then(|| radix64::read(payload, true))?
}

fn split(token: &str) -> Option<(&str, &str, &str)> {
    if token.len() > MAX_LENGTH {
        return None;
    }
    let mut parts = token.split('.');
    let (version, kid, payload, tag) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (version == "v1" && parts.next().is_none()).then_some((kid, payload, tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::keys::test_keys;

    #[test]
    fn e6_any_changed_byte_breaks_a_token() {
        let keys = test_keys();
        let token = seal(&keys, Purpose::Pass, b"payload", b"context").unwrap();
        assert_eq!(open(&keys, Purpose::Pass, &token, b"context").unwrap(), b"payload");
        for i in 0..token.len() {
            for with in 1..=255u8 {
                let mut bytes = token.clone().into_bytes();
                bytes[i] ^= with;
                if let Ok(text) = String::from_utf8(bytes) {
                    assert_eq!(open(&keys, Purpose::Pass, &text, b"context"), None, "{text}");
                }
            }
        }
        for i in 0..token.len() {
            assert_eq!(open(&keys, Purpose::Pass, &token[..i], b"context"), None);
        }
        assert_eq!(open(&keys, Purpose::Handle, &token, b"context"), None, "another purpose");
        assert_eq!(open(&keys, Purpose::Pass, &token, b"contexT"), None, "another context");
        let none = token.replace("v1.", "v0.");
        assert_eq!(open(&keys, Purpose::Pass, &none, b"context"), None);
        assert_eq!(open(&keys, Purpose::Pass, &format!("{token}."), b"context"), None);
        assert_eq!(open(&keys, Purpose::Pass, &format!("{token}="), b"context"), None);
    }

    #[test]
    fn c4_a_token_has_four_parts_one_version_and_at_most_512_bytes() {
        let keys = test_keys();
        assert_eq!(peek("v1.a.AA.AA"), Some([0].into()));
        for bad in ["v1.a.AA", "v1.a.AA.AA.AA", "v1.a.AA.AA.", "v2.a.AA.AA", ".a.AA.AA"] {
            assert_eq!(peek(bad), None, "{bad}");
        }
        let longest = seal(&keys, Purpose::Pass, &[7; 347], b"").unwrap();
        assert_eq!(longest.len(), MAX_LENGTH);
        assert_eq!(open(&keys, Purpose::Pass, &longest, b""), Some([7; 347].into()));
        let longer = seal(&keys, Purpose::Pass, &[7; 348], b"").unwrap();
        assert_eq!((open(&keys, Purpose::Pass, &longer, b""), peek(&longer)), (None, None));
        let longer = seal(&keys, Purpose::Pass, &[7; 400], b"").unwrap();
        assert_eq!(open(&keys, Purpose::Pass, &longer, b""), None);
    }

    #[test]
    fn g4_old_keys_verify_and_dropped_keys_do_not() {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let old = format!("b:{}", URL_SAFE_NO_PAD.encode([2; 32]));
        let token = seal(&Keys::parse(&old).unwrap(), Purpose::Pass, b"x", b"").unwrap();
        assert!(open(&test_keys(), Purpose::Pass, &token, b"").is_some());
        let new = Keys::parse(&format!("c:{}", URL_SAFE_NO_PAD.encode([3; 32]))).unwrap();
        assert_eq!(open(&new, Purpose::Pass, &token, b""), None);
    }
}
