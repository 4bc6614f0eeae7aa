//! `sign-in-with-x`: the challenge in a 402, and the proof in the `SIGN-IN-WITH-X` header.
//!
//! Only the wire form (`@x402/extensions` 2.27, `SIWxPayloadSchema`); whether a proof holds is decided in
//! [`access::sign_in`](crate::access::sign_in).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{Writer, quoted_list};
use crate::{
    client::json::Object,
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
            chain.text("chainId", &network.to_string());
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
pub struct Proof<'a> {
    /// Host that asked.
    pub domain: &'a str,
    /// Who signs.
    pub address: &'a str,
    /// One sentence.
    pub statement: Option<&'a str>,
    /// What it is about.
    pub uri: &'a str,
    /// `1`.
    pub version: &'a str,
    /// CAIP-2.
    pub chain_id: &'a str,
    /// `eip191`.
    pub kind: &'a str,
    /// The challenge's.
    pub nonce: &'a str,
    /// RFC 3339.
    pub issued_at: &'a str,
    /// RFC 3339.
    pub expiration_time: Option<&'a str>,
    /// RFC 3339.
    pub not_before: Option<&'a str>,
    /// Free text.
    pub request_id: Option<&'a str>,
    /// URLs.
    pub resources: Option<Vec<&'a str>>,
    /// Hex.
    pub signature: &'a str,
}

impl<'a> Proof<'a> {
    /// Reads a decoded header.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] unless every field has its type and the required ones are there.
    pub fn read(json: &'a Value<'_>) -> Result<Self, DecodeError> {
        let some = |name: &str| match json.get(name) {
            None => Ok(None),
            Some(value) => value.text().map(Some).ok_or(DecodeError::Malformed),
        };
        let text = |name: &str| some(name)?.ok_or(DecodeError::Malformed);
        let resources = match json.get("resources") {
            None => None,
            Some(list) => {
                let texts = list.items().and_then(|items| items.iter().map(Value::text).collect());
                Some(texts.ok_or(DecodeError::Malformed)?)
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

    /// The JSON that the header carries, in base64.
    pub fn json(&self) -> String {
        let mut out = Writer::default();
        for (name, text) in [
            ("domain", Some(self.domain)),
            ("address", Some(self.address)),
            ("statement", self.statement),
            ("uri", Some(self.uri)),
            ("version", Some(self.version)),
            ("chainId", Some(self.chain_id)),
            ("type", Some(self.kind)),
            ("nonce", Some(self.nonce)),
            ("issuedAt", Some(self.issued_at)),
            ("expirationTime", self.expiration_time),
            ("notBefore", self.not_before),
            ("requestId", self.request_id),
        ] {
            out.some_text(name, text);
        }
        if let Some(resources) = &self.resources {
            out.raw("resources", &quoted_list(resources.iter().copied()));
        }
        out.text("signature", self.signature);
        out.end()
    }
}

/// What a client is going to sign: the announced challenge, for one account on the first of its chains
/// that the client knows; the JSON of a [`Proof`] whose signature is still empty. None if it is no
/// challenge, or for other chains or kinds of account.
pub fn unsigned(challenge: &Value<'_>, address: &str, knows: impl Fn(Network) -> bool) -> Option<String> {
    let fits = |chain: &&Value<'_>| {
        let known = chain.text_at("chainId").and_then(|id| id.parse().ok());
        known.is_some_and(&knows) && chain.text_at("type") == Some(EIP191)
    };
    let chain = challenge.get("supportedChains")?.items()?.iter().find(fits)?;
    let mut all = Object::new();
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
    Some(all.end())
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
        let proof = unsigned(&value, "0xabc", |network| network == Network::BASE).unwrap();
        let proof = parse(&proof).unwrap();
        let proof = Proof::read(&proof).unwrap();
        assert_eq!(proof.chain_id, "eip155:8453");
        assert_eq!(proof.domain, CHALLENGE.domain);
        assert_eq!(proof.statement, CHALLENGE.statement);
        assert_eq!(proof.resources.as_deref(), Some(&[CHALLENGE.uri][..]));
        assert_eq!(Proof::read(&parse(&proof.json()).unwrap()).as_ref(), Ok(&proof));
        assert_eq!(unsigned(&value, "0xabc", |_| false), None);
    }

    #[test]
    fn c5_a_proof_has_all_its_fields_and_their_types() {
        let value = CHALLENGE.announce();
        let whole = unsigned(&parse(&value).unwrap(), "0xabc", |_| true).unwrap();
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
            let without = without.to_string();
            let value = parse(&without).unwrap();
            assert_eq!(Proof::read(&value).is_err(), required.contains(&name.as_str()), "{name}");
        }
    }
}
