//! "Already paid?": an account shows that it is the one that has paid, by a signature that moves no money.

use alloc::string::String;

use alloy_primitives::Address;

use super::{
    choice::challenge,
    json,
    payment::{NotTheirs, by_key, for_chain},
    typed::checksummed,
};
use crate::{
    access::sign_in::personal_hash,
    evm::hex,
    json::{Value, parse},
    radix64,
};

/// What the wallet is asked to sign, and what is sent with the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignIn {
    payer: Address,
    /// EIP-4361.
    text: String,
    /// The JSON of the proof; its last member, the signature, is empty.
    proof: String,
}

impl SignIn {
    /// For the challenge of this `PAYMENT-REQUIRED`; none if there is no challenge, or one for another
    /// site than the resource's: a page could have its readers sign in elsewhere by it (threat F3).
    pub(crate) fn read(header: &str, host: &str, payer: Address) -> Option<Self> {
        let account = checksummed(&payer);
        let proof = challenge(header, &account)?;
        let value = parse(&proof).ok()?;
        let domain = value.text_at("domain")?;
        let rest = value.text_at("uri")?.strip_prefix("http")?;
        let rest = rest
            .strip_prefix("s")
            .unwrap_or(rest)
            .strip_prefix("://")?
            .strip_prefix(host)?;
        let on_host = matches!(rest.as_bytes().first(), None | Some(b'/' | b'?' | b'#'));
        // a line break in a field would be another field to whoever reads the text in the wallet
        let plain = value.members()?.iter().all(|(_, value)| is_plain(value));
        let text = message(&value, domain, &account)?;
        (!host.is_empty() && domain == host && on_host && plain).then_some(Self { payer, text, proof })
    }

    /// What is signed.
    #[cfg(feature = "client")]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What a key signs of it.
    #[cfg(feature = "client")]
    pub(crate) fn digest(&self) -> crate::evm::B256 {
        personal_hash(&self.text)
    }

    /// The parameters of `personal_sign`; the account is spelled as the wallet spelled it.
    pub(super) fn params(&self, account: &str) -> String {
        let mut params = ["[\"", &hex::print(self.text.as_bytes()), "\","].concat();
        json::quote(&mut params, account);
        params += "]";
        params
    }

    /// The content of `SIGN-IN-WITH-X`, if the signature is the account's over exactly this text (threat F2).
    pub(crate) fn seal(&self, signature: &str) -> Result<String, NotTheirs> {
        by_key(signature, personal_hash(&self.text), self.payer)?;
        let open = self.proof.strip_suffix("\"}").unwrap_or_default();
        Ok(radix64::write([open, &for_chain(signature), "\"}"].concat().as_bytes()))
    }
}

fn is_plain(value: &Value<'_>) -> bool {
    let text = value.text().unwrap_or_default();
    text.bytes().all(|b| !b.is_ascii_control()) && value.items().unwrap_or_default().iter().all(is_plain)
}

/// What [`access::sign_in::message`](crate::access::sign_in::message) makes of a proof that
/// [`Proof`](crate::x402::extension::sign_in::Proof) reads, in less code: a reader downloads this.
/// The tests hold the two equal.
fn message(proof: &Value<'_>, domain: &str, account: &str) -> Option<String> {
    let mut text = [domain, " wants you to sign in with your Ethereum account:\n", account, "\n\n"].concat();
    let fields = [
        ("", "statement"),
        ("\nURI: ", "uri"),
        ("\nVersion: ", "version"),
        ("\nChain ID: ", "chainId"),
        ("\nNonce: ", "nonce"),
        ("\nIssued At: ", "issuedAt"),
        ("\nExpiration Time: ", "expirationTime"),
        ("\nNot Before: ", "notBefore"),
        ("\nRequest ID: ", "requestId"),
    ];
    for (place, (label, name)) in fields.into_iter().enumerate() {
        let value = match proof.get(name) {
            Some(value) => value.text()?,
            None if matches!(place, 1..=5) => return None,
            None => continue,
        };
        text += label;
        text += value.strip_prefix("eip155:").filter(|_| place == 3).unwrap_or(value);
        if place == 0 {
            text += "\n";
        }
    }
    if let Some(resources) = proof.get("resources") {
        text += "\nResources:";
        for resource in resources.items()? {
            text += "\n- ";
            text += resource.text()?;
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::sign_in,
        x402::{Network, extension::sign_in::Proof},
    };
    use alloc::format;
    use proptest::prelude::*;
    use serde_json::json;

    const NAMES: [&str; 11] = [
        "domain",
        "statement",
        "uri",
        "version",
        "nonce",
        "issuedAt",
        "expirationTime",
        "notBefore",
        "requestId",
        "resources",
        "more",
    ];

    proptest! {
        #![proptest_config(crate::cases(5000))]
        #[test]
        fn a_card_writes_the_text_that_a_server_expects(
            changes in proptest::collection::vec((0..11usize, 0..5usize), 0..4), chain in 1u64..,
        ) {
            let mut proof = json!({
                "domain": "n.example", "statement": "Open it.", "uri": "https://n.example/a", "version": "1", "nonce": "12345678",
                "issuedAt": "2026-11-21T10:00:00Z", "resources": ["a", "b"], "address": "0xab", "type": "eip191", "signature": "",
                "chainId": format!("eip155:{chain}"),
            });
            for (at, what) in changes {
                let values = [json!("x: \"y\""), json!(7), json!(null), json!(["a", 7])];
                match values.get(what) {
                    Some(value) => proof[NAMES[at]] = value.clone(),
                    None => drop(proof.as_object_mut().unwrap().remove(NAMES[at])),
                }
            }
            let text = proof.to_string();
            let value = parse(&text).unwrap();
            let theirs = Proof::read(&value).ok().map(|proof| {
                let network: Network = proof.chain_id.parse().unwrap();
                sign_in::message(&proof, network.chain_id(), "0xAb")
            });
            let ours = value.text_at("domain").and_then(|domain| message(&value, domain, "0xAb"));
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }
}
