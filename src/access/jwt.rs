//! Tokens of the publisher's own login: JSON Web Tokens (RFC 7519) in the compact form of RFC 7515. What one has to say is decided
//! here; whether its signature holds, by whoever has the key. Nothing in a token says which key, where it is, or how it is used.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::json::{self, Value};

/// Longer tokens are not looked at, in bytes; a cookie has room for 4096.
pub const LONGEST: usize = 4096;
/// How far another server's clock may be ahead of ours, in seconds.
const SKEW_SECONDS: u64 = 60;
/// The longest `kid`, in bytes.
const LONGEST_KID: usize = 128;

/// The algorithms of RFC 7518 and RFC 8037 that a token may be signed with.
pub const PUBLIC: &[&str] = &["RS256", "RS512", "ES256", "EdDSA"];
/// The one with a secret that both sides know.
pub const SHARED: &str = "HS256";

/// Where the keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The address of a JSON Web Key Set (RFC 7517).
    Set(String),
    /// The name of the Worker's secret.
    Secret(String),
}

/// Which tokens count.
///
/// ```
/// use farthing::access::jwt::{KeySource, Rules};
/// let rules = Rules {
///     keys: KeySource::Secret("LOGIN".into()), issuer: "https://news.example".into(), audience: None, cookie: Some("session".into()),
///     header: None, algorithms: vec!["HS256".into()], claims: vec![("plan".into(), vec!["digital".into(), "staff".into()])],
/// };
/// // {"alg":"HS256"}.{"iss":"https://news.example","exp":1800000000,"plan":["digital"]}
/// let token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJodHRwczovL25ld3MuZXhhbXBsZSIsImV4cCI6MTgwMDAwMDAwMCwicGxhbiI6WyJkaWdpdGFsIl19.c2ln";
/// let claim = rules.claim(token, 1_799_999_999).unwrap();
/// assert_eq!((claim.algorithm.as_str(), claim.signature.as_str()), ("HS256", "c2ln"));
/// assert_eq!(rules.claim(token, 1_800_000_000), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Where the keys are.
    pub keys: KeySource,
    /// What `iss` has to be.
    pub issuer: String,
    /// What `aud` has to be or to have in it.
    pub audience: Option<String>,
    /// The cookie that a token comes in.
    pub cookie: Option<String>,
    /// The request header that a token comes in, in lower case; with or without `Bearer` before it.
    pub header: Option<String>,
    /// Of [`PUBLIC`], or [`SHARED`] alone.
    pub algorithms: Vec<String>,
    /// Claims, each with the values of which it has to be or to have one.
    pub claims: Vec<(String, Vec<String>)>,
}

/// A token that says all it has to, if its signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// One of the rules'.
    pub algorithm: String,
    /// Which key of the set; empty if it does not say.
    pub key: String,
    /// What is signed: everything up to the last point.
    pub signed: String,
    /// Base64, of the standard alphabet.
    pub signature: String,
}

impl Rules {
    /// Reads a token at this Unix second; none if it is not one that counts.
    pub fn claim(&self, token: &str, now: u64) -> Option<Claim> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let [header, payload] = [decoded(header)?, decoded(payload)?];
        let header = json::parse(&header).ok()?;
        let algorithm = header.get("alg")?.text()?;
        // what says that more has to be understood is not understood (RFC 7515, section 4.1.11)
        if header.get("crit").is_some() || !self.algorithms.iter().any(|own| own == algorithm) {
            return None;
        }
        let key = match header.get("kid") {
            Some(key) => key.text()?,
            None => "",
        };
        if key.len() > LONGEST_KID || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        let payload = json::parse(&payload).ok()?;
        self.takes(&payload, now).then_some(())?;
        Some(Claim {
            algorithm: algorithm.to_owned(),
            key: key.to_owned(),
            signed: signed.to_owned(),
            signature: STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).ok().filter(|bytes| !bytes.is_empty())?),
        })
    }

    fn takes(&self, payload: &Value<'_>, now: u64) -> bool {
        let latest = now.saturating_add(SKEW_SECONDS);
        let begun = |name| match payload.get(name) {
            Some(time) => time.integer().is_some_and(|time| time <= latest),
            None => true,
        };
        let has = |name: &str, wanted: &dyn Fn(&str) -> bool| match payload.get(name) {
            Some(value) => {
                let texts = value.items().unwrap_or(core::slice::from_ref(value));
                texts.iter().filter_map(Value::text).any(wanted)
            }
            None => false,
        };
        payload.get("exp").and_then(Value::integer).is_some_and(|end| now < end)
            && begun("nbf")
            && begun("iat")
            && payload.get("iss").and_then(Value::text) == Some(&self.issuer)
            && self
                .audience
                .as_ref()
                .is_none_or(|audience| has("aud", &|text| text == audience))
            && self
                .claims
                .iter()
                .all(|(name, values)| has(name, &|text| values.iter().any(|value| value == text)))
    }
}

fn decoded(part: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec};
    use proptest::prelude::*;

    const NOW: u64 = 1_795_000_000;
    const GOOD: &str =
        r#"{"iss":"https://i.example","aud":["a","b"],"exp":1795000001,"nbf":1795000060,"iat":1795000000,"plan":"digital"}"#;
    const HEAD: &str = r#"{"alg":"ES256","kid":"k-1","typ":"JWT"}"#;

    fn rules() -> Rules {
        Rules {
            keys: KeySource::Set("https://i.example/jwks.json".into()),
            issuer: "https://i.example".into(),
            audience: Some("b".into()),
            cookie: Some("session".into()),
            header: None,
            algorithms: vec!["ES256".into(), "EdDSA".into()],
            claims: vec![("plan".into(), vec!["digital".into(), "staff".into()])],
        }
    }

    fn token(head: &str, payload: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(head), part(payload), URL_SAFE_NO_PAD.encode([1; 64]))
    }

    fn takes(head: &str, payload: &str) -> bool {
        rules().claim(&token(head, payload), NOW).is_some()
    }

    #[test]
    fn what_a_token_says_and_what_is_to_be_checked() {
        let text = token(HEAD, GOOD);
        let claim = rules().claim(&text, NOW).unwrap();
        assert_eq!((claim.algorithm.as_str(), claim.key.as_str()), ("ES256", "k-1"));
        assert!(text.starts_with(&format!("{}.", claim.signed)));
        assert_eq!(STANDARD.decode(claim.signature).unwrap(), [1; 64]);
        assert!(takes(r#"{"alg":"EdDSA"}"#, GOOD));
        assert!(takes(HEAD, &GOOD.replace(r#"["a","b"]"#, "\"b\"")));
        assert!(takes(HEAD, &GOOD.replace("\"digital\"", "[7, \"x\", \"staff\"]")));
    }

    #[test]
    fn e6_no_algorithm_but_those_of_the_rules() {
        for head in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":""}"#,
            r#"{"alg":"HS256","kid":"k-1"}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"es256"}"#,
            r#"{"alg":["ES256"]}"#,
            r#"{"kid":"k-1"}"#,
            r#"{"alg":"ES256","alg":"ES256"}"#,
            r#"{"alg":"ES256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"ES256","kid":7}"#,
            r#"{"alg":"ES256","kid":"a\nb"}"#,
            "[]",
            "",
        ] {
            assert!(!takes(head, GOOD), "{head}");
        }
    }

    #[test]
    fn e6_every_claim_counts_and_counts_once() {
        for (from, to) in [
            (r#""exp":1795000001"#, r#""exp":1795000000"#),
            (r#""exp":1795000001,"#, ""),
            (r#""exp":1795000001"#, r#""exp":"1795000001""#),
            (r#""exp":1795000001"#, r#""exp":null"#),
            (r#""exp":1795000001"#, r#""exp":1e12"#),
            (r#""exp":1795000001"#, r#""exp":1,"exp":1795000001"#),
            ("1795000060", "1795000061"),
            (r#""iat":1795000000"#, r#""iat":1795000061"#),
            (r#""nbf":1795000060"#, r#""nbf":"soon""#),
            ("https://i.example", "https://i.example/"),
            (r#""iss":"https://i.example""#, r#""iss":["https://i.example"]"#),
            (r#""iss":"https://i.example","#, ""),
            (r#"["a","b"]"#, r#"["a"]"#),
            (r#""aud":["a","b"],"#, ""),
            (r#"["a","b"]"#, r#"{"b":"b"}"#),
            ("\"digital\"", "\"free\""),
            ("\"digital\"", "[]"),
            (r#","plan":"digital""#, ""),
            (r#""plan":"digital""#, r#""plan":"digital","plan":"free""#),
            (r#""plan":"digital""#, r#""plan":"free","\u0070lan":"digital""#),
        ] {
            let payload = GOOD.replace(from, to);
            assert_ne!(payload, GOOD, "{from}");
            assert!(!takes(HEAD, &payload), "{payload}");
        }
    }

    #[test]
    fn e6_one_spelling_and_no_more_than_a_cookie_holds() {
        let text = token(HEAD, GOOD);
        for bad in [
            format!("{text}="),
            format!(" {text}"),
            format!("{text}.x"),
            text.replacen('.', "=.", 1),
            text.rsplit_once('.').unwrap().0.to_owned(),
            format!("{}.", text.rsplit_once('.').unwrap().0),
            token(
                HEAD,
                &GOOD.replace("\"digital\"", &format!("\"digital\",\"x\":\"{}\"", "x".repeat(LONGEST))),
            ),
            String::new(),
            "..".into(),
        ] {
            assert_eq!(rules().claim(&bad, NOW), None, "{bad}");
        }
    }

    proptest! {
        #![proptest_config(crate::cases(2000))]

        #[test]
        fn e6_no_text_is_too_odd(text in "[A-Za-z0-9_.=-]{0,60}", head in ".{0,40}", payload in ".{0,80}") {
            prop_assert_eq!(rules().claim(&text, NOW), None);
            prop_assert_eq!(rules().claim(&token(&head, &payload), NOW), None);
        }
    }
}
