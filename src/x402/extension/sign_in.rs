//! `sign-in-with-x`: the challenge in a 402, and the proof in the `SIGN-IN-WITH-X` header.
//!
//! Only the wire form (`@x402/extensions` 2.27, `SIWxPayloadSchema`); whether a proof holds is decided in
//! [`access::sign_in`](crate::access::sign_in).

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use super::{Writer, quoted, quoted_list};
use crate::{
    json::Value,
    x402::{DecodeError, Network},
};

/// The extension's key.
pub const KEY: &str = "sign-in-with-x";
/// The kind of signature that wallets with a key of their own make (EIP-191).
pub const EIP191: &str = "eip191";

/// What is announced: sign this, and prove that you have paid.
#[derive(Clone, Debug)]
pub struct Challenge<'a> {
    /// Host of the site, with its port.
    pub domain: &'a str,
    /// Canonical URL of the resource.
    pub uri: &'a str,
    /// One sentence that the wallet shows.
    pub statement: Option<&'a str>,
    /// 32 hex digits.
    pub nonce: &'a str,
    /// RFC 3339.
    pub issued_at: &'a str,
    /// RFC 3339.
    pub expiration_time: &'a str,
    /// Where the account may be.
    pub chains: &'a [Network],
}

impl Challenge<'_> {
    /// The announcement.
    pub fn announce(&self) -> String {
        let mut info = Writer::default();
        info.text("domain", self.domain);
        info.text("uri", self.uri);
        info.text("version", "1");
        info.some_text("statement", self.statement);
        info.text("nonce", self.nonce);
        info.text("issuedAt", self.issued_at);
        info.text("expirationTime", self.expiration_time);
        info.raw("resources", &quoted_list([self.uri]));
        let mut chains = String::from("[");
        for network in self.chains {
            if chains.len() > 1 {
                chains.push(',');
            }
            let mut chain = Writer::default();
            chain.text("chainId", &alloc::string::ToString::to_string(network));
            chain.text("type", EIP191);
            chains.push_str(&chain.end());
        }
        chains.push(']');
        let mut out = Writer::default();
        out.raw("info", &info.end());
        out.raw("supportedChains", &chains);
        out.raw(
            "schema",
            r#"{"type":"object","required":["domain","address","uri","version","chainId","type","nonce","issuedAt","signature"]}"#,
        );
        out.end()
    }
}

/// What was signed, as its client says; each text as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Host that asked.
    pub domain: String,
    /// Who signs.
    pub address: String,
    /// One sentence.
    pub statement: Option<String>,
    /// What it is about.
    pub uri: String,
    /// `1`.
    pub version: String,
    /// CAIP-2.
    pub chain_id: String,
    /// `eip191`.
    pub kind: String,
    /// The challenge's.
    pub nonce: String,
    /// RFC 3339.
    pub issued_at: String,
    /// RFC 3339.
    pub expiration_time: Option<String>,
    /// RFC 3339.
    pub not_before: Option<String>,
    /// Free text.
    pub request_id: Option<String>,
    /// URLs.
    pub resources: Option<Vec<String>>,
    /// Hex.
    pub signature: String,
}

impl Proof {
    /// Reads a decoded header.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] unless every field has its type and the required ones are there.
    pub fn read(json: &Value<'_>) -> Result<Self, DecodeError> {
        let some = |name: &str| match json.get(name) {
            None => Ok(None),
            Some(value) => value.text().map(|text| Some(text.to_owned())).ok_or(DecodeError::Malformed),
        };
        let text = |name: &str| some(name)?.ok_or(DecodeError::Malformed);
        let resources = match json.get("resources") {
            None => None,
            Some(list) => {
                let items = list.items().ok_or(DecodeError::Malformed)?;
                let texts = items.iter().map(|item| item.text().map(ToOwned::to_owned));
                Some(texts.collect::<Option<_>>().ok_or(DecodeError::Malformed)?)
            }
        };
        Ok(Self {
            domain: text("domain")?,
            address: text("address")?,
            statement: some("statement")?,
            uri: text("uri")?,
            version: text("version")?,
            chain_id: text("chainId")?,
            kind: text("type")?,
            nonce: text("nonce")?,
            issued_at: text("issuedAt")?,
            expiration_time: some("expirationTime")?,
            not_before: some("notBefore")?,
            request_id: some("requestId")?,
            resources,
            signature: text("signature")?,
        })
    }

    /// What a client is going to sign: the announced challenge, for one account on the first of its
    /// chains that the client knows, still without a signature. None if it is no challenge, or for other
    /// chains or kinds of account.
    pub fn answer(challenge: &Value<'_>, address: &str, knows: impl Fn(Network) -> bool) -> Option<Self> {
        let fits = |chain: &&Value<'_>| {
            let known = chain.get("chainId").and_then(Value::text).and_then(|id| id.parse().ok());
            known.is_some_and(&knows) && chain.get("type").and_then(Value::text) == Some(EIP191)
        };
        let chain = challenge.get("supportedChains")?.items()?.iter().find(fits)?;
        let mut all = Writer::default();
        for (name, value) in challenge.get("info")?.members()? {
            // what the account is, and its signature, are the client's to say
            if !matches!(name.as_ref(), "address" | "chainId" | "type" | "signature") {
                all.raw(name, value.raw());
            }
        }
        all.text("address", address);
        all.raw("chainId", chain.get("chainId")?.raw());
        all.text("type", EIP191);
        all.text("signature", "");
        let text = all.end();
        Self::read(&crate::json::parse(&text).ok()?).ok()
    }

    /// The JSON that the header carries, in base64.
    pub fn json(&self) -> String {
        let mut out = Writer::default();
        out.text("domain", &self.domain);
        out.text("address", &self.address);
        out.some_text("statement", self.statement.as_deref());
        out.text("uri", &self.uri);
        out.text("version", &self.version);
        out.text("chainId", &self.chain_id);
        out.text("type", &self.kind);
        out.text("nonce", &self.nonce);
        out.text("issuedAt", &self.issued_at);
        out.some_text("expirationTime", self.expiration_time.as_deref());
        out.some_text("notBefore", self.not_before.as_deref());
        out.some_text("requestId", self.request_id.as_deref());
        if let Some(resources) = &self.resources {
            out.raw("resources", &quoted_list(resources.iter().map(String::as_str)));
        }
        out.raw("signature", &quoted(&self.signature));
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    const CHALLENGE: Challenge<'_> = Challenge {
        domain: "news.example",
        uri: "https://news.example/a",
        statement: Some("Open what you have paid for."),
        nonce: "00112233445566778899aabbccddeeff",
        issued_at: "2026-11-21T10:00:00Z",
        expiration_time: "2026-11-21T10:05:00Z",
        chains: &[Network::BASE_SEPOLIA, Network::BASE],
    };

    #[test]
    fn a_proof_repeats_the_challenge() {
        let text = CHALLENGE.announce();
        let value = parse(&text).unwrap();
        let proof = Proof::answer(&value, "0xabc", |network| network == Network::BASE).unwrap();
        assert_eq!(proof.chain_id, "eip155:8453");
        assert_eq!(proof.domain, CHALLENGE.domain);
        assert_eq!(proof.statement.as_deref(), CHALLENGE.statement);
        assert_eq!(proof.resources.as_deref(), Some(&[CHALLENGE.uri.to_owned()][..]));
        assert_eq!(Proof::read(&parse(&proof.json()).unwrap()), Ok(proof));
        assert_eq!(Proof::answer(&value, "0xabc", |_| false), None);
    }

    #[test]
    fn c5_a_proof_has_all_its_fields_and_their_types() {
        let value = CHALLENGE.announce();
        let whole = Proof::answer(&parse(&value).unwrap(), "0xabc", |_| true).unwrap().json();
        let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
        let required = [
            "domain",
            "address",
            "uri",
            "version",
            "chainId",
            "type",
            "nonce",
            "issuedAt",
            "signature",
        ];
        for (name, _) in whole.as_object().unwrap() {
            for wrong in [
                serde_json::json!(7),
                serde_json::json!({}),
                serde_json::json!([7]),
                serde_json::json!(true),
            ] {
                let mut changed = whole.clone();
                changed[name] = wrong;
                assert!(Proof::read(&parse(&changed.to_string()).unwrap()).is_err(), "{name}");
            }
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(name);
            let read = Proof::read(&parse(&without.to_string()).unwrap());
            assert_eq!(read.is_err(), required.contains(&name.as_str()), "{name}");
        }
    }
}
