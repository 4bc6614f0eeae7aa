//! A directory of keys: a JSON Web Key Set (RFC 7517), of which only Ed25519 keys count (RFC 8037).

use alloc::{format, string::String, vec::Vec};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::json::{self, MAX_ANNOUNCED_DEPTH, Value};

/// The longest directory that is read, in bytes.
pub const MAX_DIRECTORY_BYTES: usize = 64 * 1024;
/// The most keys that are looked at.
pub const MAX_KEYS: usize = 32;
/// The key whose private half stands in RFC 9421, appendix B.1.4, by its thumbprint: whoever signs with it is nobody.
pub const TEST_KEY: &str = "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";

/// A key that signatures may be checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentKey {
    /// What signatures call it.
    pub thumbprint: String,
    /// The public key's 32 bytes, base64url.
    pub x: String,
    /// Unix seconds from which it counts.
    pub not_before: u64,
    /// Unix seconds from which it does not count any more.
    pub expires: u64,
}

/// The thumbprint of an Ed25519 key (RFC 7638 with the members of RFC 8037, appendix A.3): SHA-256, base64url.
///
/// ```
/// use farthing::crawl::directory::thumbprint;
/// // RFC 8037, appendix A.3
/// assert_eq!(thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
/// ```
pub fn thumbprint(x: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(
        "{{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"{x}\"}}"
    )))
}

/// The keys of a directory; none where it is not one. What is not a key for signatures is left out, and so is one whose `kid` is
/// not its thumbprint, or whose private half was published along with it.
///
/// ```
/// use farthing::crawl::directory::keys;
/// let text = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, {"kty": "RSA"}]}"#;
/// let keys = keys(text).unwrap();
/// assert_eq!((keys.len(), keys[0].expires), (1, u64::MAX));
/// ```
pub fn keys(text: &str) -> Option<Vec<AgentKey>> {
    if text.len() > MAX_DIRECTORY_BYTES {
        return None;
    }
    let file = json::parse_nested(text, MAX_ANNOUNCED_DEPTH).ok()?;
    let listed = file.get("keys")?.items()?;
    Some(listed.iter().take(MAX_KEYS).filter_map(key).collect())
}

fn key(jwk: &Value<'_>) -> Option<AgentKey> {
    let text = |name: &str| jwk.get(name).map(|value| value.text().unwrap_or_default());
    let is = |name: &str, wanted: &[&str]| text(name).is_none_or(|text| wanted.contains(&text));
    let time = |name: &str, absent| jwk.get(name).map_or(Some(absent), Value::integer);
    let x = text("x")?;
    let usable = text("kty") == Some("OKP")
        && text("crv") == Some("Ed25519")
        && is("use", &["sig"])
        && is("alg", &["EdDSA", "Ed25519", "ed25519"])
        && jwk.get("d").is_none()
        && URL_SAFE_NO_PAD.decode(x).is_ok_and(|bytes| bytes.len() == 32);
    let thumbprint = thumbprint(x);
    let own = is("kid", &[&thumbprint]);
    (usable && own).then_some(AgentKey {
        thumbprint,
        x: x.into(),
        not_before: time("nbf", 0)?,
        expires: time("exp", u64::MAX)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const X: &str = "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs";

    fn one(members: &str) -> Option<AgentKey> {
        let text = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{X}"{members}}}]}}"#);
        keys(&text).unwrap().into_iter().next()
    }

    #[test]
    fn the_key_of_rfc_9421_has_the_thumbprint_of_the_draft() {
        assert_eq!(thumbprint(X), TEST_KEY);
        assert_eq!(one("").unwrap().thumbprint, TEST_KEY);
        let kid = format!(r#","kid":"{TEST_KEY}","use":"sig","alg":"EdDSA","nbf":5,"exp":9,"x5c":[["a"]]"#);
        let key = one(&kid).unwrap();
        assert_eq!((key.x.as_str(), key.not_before, key.expires), (X, 5, 9));
    }

    #[test]
    fn d11_what_is_no_key_for_signatures_is_left_out() {
        for members in [
            r#","use":"enc""#,
            r#","alg":"ES256""#,
            r#","kid":"test-key-ed25519""#,
            r#","kid":7"#,
            r#","d":"n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU""#,
            r#","nbf":"now""#,
            r#","exp":1.5"#,
        ] {
            assert_eq!(one(members), None, "{members}");
        }
        for text in [
            r#"{"keys":[{"kty":"EC","crv":"Ed25519","x":"AA"}]}"#,
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}"#,
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519"}, 7, null]}"#,
        ] {
            assert_eq!(keys(text), Some(Vec::new()), "{text}");
        }
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, "<html>"] {
            assert_eq!(keys(text), None, "{text}");
        }
        let many = alloc::vec![format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"}}"#); 100].join(",");
        assert_eq!(keys(&format!(r#"{{"keys":[{many}]}}"#)).unwrap().len(), MAX_KEYS);
        assert_eq!(keys(&(r#"{"keys":[]}"#.to_string() + &" ".repeat(MAX_DIRECTORY_BYTES))), None);
    }
}
