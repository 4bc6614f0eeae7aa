//! Signing in: a payer who lost cookie and device proves the account with one signature, for free.
//!
//! The challenge's nonce carries its own proof of origin, so that nothing is stored for strangers:
//! 4 bytes of issue time, 4 random bytes, and 8 bytes of a MAC over both and the site's host. The text
//! that the wallet signs is EIP-4361, byte for byte as `@x402/extensions` 2.27 builds it, under EIP-191.
//! What the account may then read is the ledger's to say; a nonce is used up there.
//!
//! Nothing in a proof is taken at its word but the account, so two texts cannot be read as one: the
//! challenge is written again from the nonce and the site's own config, as offers are (threat A3).

use core::fmt;

use alloc::{string::String, vec::Vec};
use alloy_primitives::{hex, keccak256};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Keys, Purpose};
use crate::{
    evm::{self, Address, B256, Signature, signature::SignatureError},
    money::decimal,
    time,
    x402::{
        Network,
        extension::sign_in::{EIP191, Proof},
    },
};

/// How old a challenge may be, in seconds: npm's default, and as long as an impatient reader looks for
/// a wallet.
pub const MAX_AGE_SECONDS: u64 = 5 * 60;
/// How far the clocks of two of our own machines may differ, in seconds.
const SKEW_SECONDS: u64 = 30;

/// The 16 bytes of a challenge's nonce.
pub type Nonce = [u8; 16];

/// What a proof is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The site's keys.
    pub keys: &'a Keys,
    /// The site's host, with its port.
    pub host: &'a str,
    /// The requested resource, canonical.
    pub resource: &'a str,
    /// What the wallet shows.
    pub statement: &'a str,
    /// Where the account may be.
    pub chains: &'a [Network],
    /// Unix seconds.
    pub now: u64,
}

/// Who signed, and what has to be used up before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The account.
    pub payer: Address,
    /// The challenge's nonce.
    pub nonce: Nonce,
    /// Unix seconds after which the nonce is void by itself.
    pub until: u64,
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInError {
    /// The nonce is not one of this site's, or too old.
    Nonce,
    /// It is for another site or resource, or says something else that the challenge did not.
    Changed,
    /// An account of another kind, on a network that is not offered, or misspelled.
    Account,
    /// A contract's signature, which cannot be checked here (threat A9).
    Contract,
    /// Another account's signature, or none at all.
    Signature,
}

impl SignInError {
    /// What is wrong, in one sentence.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Nonce => "The nonce is not one of this site's, or is too old; sign the challenge of this answer.",
            Self::Changed => "The proof is not this page's challenge unchanged; sign the challenge of this answer.",
            Self::Account => "Sign as eip191 with an account on one of supportedChains.",
            Self::Contract => "Signatures of contract wallets are not accepted for signing in.",
            Self::Signature => "The signature is not by the account in address.",
        }
    }
}

impl fmt::Display for SignInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl core::error::Error for SignInError {}

fn mac(key: &[u8; 32], host: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(body);
    mac.update(host.as_bytes());
    Some(mac)
}

/// A new nonce for a host, as 32 hex digits; none without a key, or after the year 2106.
///
/// `random` only keeps the challenges of one second apart; what cannot be forged is the MAC.
pub fn nonce(keys: &Keys, host: &str, now: u64, random: [u8; 4]) -> Option<String> {
    let (_, key) = keys.signing(Purpose::SignIn)?;
    let mut bytes = Vec::with_capacity(16);
    bytes.extend_from_slice(&u32::try_from(now).ok()?.to_be_bytes());
    bytes.extend_from_slice(&random);
    let tag = mac(key, host, &bytes)?.finalize().into_bytes();
    bytes.extend_from_slice(tag.get(..8)?);
    Some(hex::encode(bytes))
}

/// A nonce of ours for this host, and its Unix seconds of issue; any key of the site may have made it.
pub fn open_nonce(keys: &Keys, host: &str, text: &str) -> Option<(Nonce, u64)> {
    // one spelling: a nonce that is used up in lower case may not return in upper case
    let plain = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut nonce = Nonce::default();
    plain.then(|| hex::decode_to_slice(text, &mut nonce).ok())??;
    let (body, tag) = nonce.split_first_chunk::<8>()?;
    let (issued, _) = body.split_first_chunk::<4>()?;
    // constant time: threat G2
    let ours = |(_, key): (&str, &[u8; 32])| mac(key, host, body).is_some_and(|mac| mac.verify_truncated_left(tag).is_ok());
    keys.all(Purpose::SignIn)
        .any(ours)
        .then_some((nonce, u64::from(u32::from_be_bytes(*issued))))
}

/// The EIP-4361 text of a proof; `address` as npm's package spells it there, with its checksum.
///
/// ```
/// use farthing::{access::sign_in::message, x402::extension::sign_in::Proof};
/// let proof = Proof {
///     domain: "news.example",
///     uri: "https://news.example/a",
///     version: "1",
///     nonce: "00112233445566778899aabbccddeeff",
///     issued_at: "2026-11-21T10:00:00Z",
///     ..Proof::default()
/// };
/// let address = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
/// assert_eq!(
///     message(&proof, 8453, address),
///     "news.example wants you to sign in with your Ethereum account:\n\
///      0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\n\n\n\
///      URI: https://news.example/a\nVersion: 1\nChain ID: 8453\n\
///      Nonce: 00112233445566778899aabbccddeeff\nIssued At: 2026-11-21T10:00:00Z"
/// );
/// ```
pub fn message(proof: &Proof<'_>, chain_id: u64, address: &str) -> String {
    let mut text = String::from(proof.domain);
    text.extend([" wants you to sign in with your Ethereum account:\n", address, "\n\n"]);
    if let Some(statement) = proof.statement {
        text.extend([statement, "\n"]);
    }
    let chain_id = decimal(chain_id);
    for (name, value) in [
        ("\nURI: ", Some(proof.uri)),
        ("\nVersion: ", Some(proof.version)),
        ("\nChain ID: ", Some(chain_id.as_str())),
        ("\nNonce: ", Some(proof.nonce)),
        ("\nIssued At: ", Some(proof.issued_at)),
        ("\nExpiration Time: ", proof.expiration_time),
        ("\nNot Before: ", proof.not_before),
        ("\nRequest ID: ", proof.request_id),
    ] {
        if let Some(value) = value {
            text.extend([name, value]);
        }
    }
    if let Some(resources) = &proof.resources {
        text.push_str("\nResources:");
        for resource in resources {
            text.extend(["\n- ", resource]);
        }
    }
    text
}

/// The hash that a wallet signs for a text (EIP-191, `personal_sign`).
pub fn personal_hash(message: &str) -> B256 {
    let length = u64::try_from(message.len()).unwrap_or(u64::MAX);
    keccak256(["\x19Ethereum Signed Message:\n", &decimal(length), message].concat())
}

impl Expected<'_> {
    /// Whether a proof holds, and whose it is.
    ///
    /// The challenge is made again from the nonce, which carries the time it was issued at, and the proof
    /// has to be that challenge in every field; the client chooses the account alone.
    ///
    /// # Errors
    /// The first of [`SignInError`] that applies.
    pub fn check(&self, proof: &Proof<'_>) -> Result<SignedIn, SignInError> {
        let (nonce, issued) = open_nonce(self.keys, self.host, proof.nonce)
            .filter(|(_, issued)| *issued <= self.now.saturating_add(SKEW_SECONDS))
            .filter(|(_, issued)| self.now.saturating_sub(*issued) <= MAX_AGE_SECONDS)
            .ok_or(SignInError::Nonce)?;
        let until = issued.saturating_add(MAX_AGE_SECONDS);
        let (issued_at, expiration_time) = time::print(issued).zip(time::print(until)).ok_or(SignInError::Nonce)?;
        let network = proof.chain_id.parse::<Network>().ok();
        let network = network.filter(|network| self.chains.contains(network));
        let (network, address) = network.zip(address(proof.address)).ok_or(SignInError::Account)?;
        let ours = Proof {
            domain: self.host,
            statement: Some(self.statement),
            uri: self.resource,
            version: "1",
            kind: EIP191,
            issued_at: &issued_at,
            expiration_time: Some(&expiration_time),
            not_before: None,
            request_id: None,
            resources: Some(Vec::from([self.resource])),
            ..*proof
        };
        if *proof != ours {
            return Err(SignInError::Changed);
        }
        let text = message(&ours, network.chain_id(), &address.to_checksum(None));
        let signer = Signature::parse(proof.signature)
            .and_then(|signature| signature.recover(personal_hash(&text)))
            .map_err(|error| match error {
                SignatureError::Contract => SignInError::Contract,
                _ => SignInError::Signature,
            })?;
        if signer != address {
            return Err(SignInError::Signature);
        }
        Ok(SignedIn {
            payer: signer,
            nonce,
            until,
        })
    }
}

/// An address as EIP-4361 takes it: with its checksum, or in one case throughout.
fn address(text: &str) -> Option<Address> {
    let address = evm::hex::read(text).map(Address::new)?;
    let digits = text.get(2..)?;
    let mixed = digits.bytes().any(|b| b.is_ascii_lowercase()) && digits.bytes().any(|b| b.is_ascii_uppercase());
    (!mixed || address.to_checksum(None) == text).then_some(address)
}

/// Whether a text can be the statement of a message: letters, digits, spaces, and the marks that
/// EIP-4361 takes from URIs.
///
/// ```
/// use farthing::access::sign_in::is_statement;
/// assert!(is_statement("Open what you have paid for."));
/// assert!(!is_statement("100 %"));
/// ```
pub fn is_statement(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b" -._~:/?#[]@!$&'()*+,;=".contains(&b);
    text.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
