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
    access::sign_in::{message, personal_hash},
    evm::hex,
    json::{Value, parse},
    radix64,
    x402::{Network, extension::sign_in::Proof},
};

/// What the wallet is asked to sign, and what is sent with the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignIn {
    payer: Address,
    /// EIP-4361.
    text: String,
    /// The JSON of the proof; its last member, the signature, is empty.
    proof: String,
}

impl SignIn {
    /// For the challenge of this `PAYMENT-REQUIRED`; none if there is no challenge, or one for another
    /// site than the resource's: a page could have its readers sign in elsewhere by it (threat F3).
    pub(super) fn read(header: &str, host: &str, payer: Address) -> Option<Self> {
        let account = checksummed(&payer);
        let proof = challenge(header, &account)?;
        let value = parse(&proof).ok()?;
        let read = Proof::read(&value).ok()?;
        let rest = read.uri.strip_prefix("http")?;
        let rest = rest
            .strip_prefix('s')
            .unwrap_or(rest)
            .strip_prefix("://")?
            .strip_prefix(host)?;
        let here = !host.is_empty() && read.domain == host && matches!(rest.as_bytes().first(), None | Some(b'/' | b'?' | b'#'));
        // a line break in a field would be another field to whoever reads the text in the wallet
        let plain = value.members()?.iter().all(|(_, value)| is_plain(value));
        let network: Network = read.chain_id.parse().ok()?;
        let text = message(&read, network.chain_id(), &account);
        (here && plain).then_some(Self { payer, text, proof })
    }

    /// The parameters of `personal_sign`; the account is spelled as the wallet spelled it.
    pub(super) fn params(&self, account: &str) -> String {
        let mut params = ["[\"", &hex::print(self.text.as_bytes()), "\","].concat();
        json::quote(&mut params, account);
        params += "]";
        params
    }

    /// The content of `SIGN-IN-WITH-X`, if the signature is the account's over exactly this text (threat F2).
    pub(super) fn seal(&self, signature: &str) -> Result<String, NotTheirs> {
        by_key(signature, personal_hash(&self.text), self.payer)?;
        let open = self.proof.strip_suffix("\"}").unwrap_or_default();
        Ok(radix64::write([open, &for_chain(signature), "\"}"].concat().as_bytes()))
    }
}

fn is_plain(value: &Value<'_>) -> bool {
    let text = value.text().unwrap_or_default();
    text.bytes().all(|b| !b.is_ascii_control()) && value.items().unwrap_or_default().iter().all(is_plain)
}
