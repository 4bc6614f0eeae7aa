//! Signing in: a payer who lost cookie and device proves the account with one signature, for free.
//!
//! The challenge's nonce carries its own proof of origin, so that nothing is stored for strangers:
//! 4 bytes of issue time, 4 random bytes, and 8 bytes of a MAC over both and the site's host. The text
//! that the wallet signs is EIP-4361, byte for byte as `@x402/extensions` 2.27 builds it, under EIP-191.
//! What the account may then read is the ledger's to say; a nonce is used up there.

use core::fmt::{self, Write};

use alloc::{format, string::String, vec::Vec};
use alloy_primitives::{hex, keccak256};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Keys, Purpose};
use crate::{
    evm::{self, Address, B256, Signature, signature::SignatureError},
    time,
    x402::{Network, extension::sign_in::EIP191, extension::sign_in::Proof},
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
    /// It names another host.
    Domain,
    /// It is about another resource.
    Resource,
    /// A version other than 1, a network that is not offered, or an account of another kind.
    Account,
    /// A text holds what no line of the signed message can.
    Text,
    /// Issued in the future, too long ago, over, or not begun.
    Time,
    /// The nonce is not one of this site's, or too old.
    Nonce,
    /// A contract's signature, which cannot be checked here (threat A9).
    Contract,
    /// Another account's signature, or none at all.
    Signature,
}

impl SignInError {
    /// What is wrong, in one sentence.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Domain => "The signed message names another site; sign the challenge of this answer.",
            Self::Resource => "The signed message is about another page; sign the challenge of this answer.",
            Self::Account => "Sign as eip191, version 1, for one of the chains in supportedChains.",
            Self::Text => "The signed message holds characters that EIP-4361 does not allow.",
            Self::Time => "The signed message is too old or not valid yet; sign the challenge of this answer.",
            Self::Nonce => "The nonce is not one of this site's, or is too old; sign the challenge of this answer.",
            Self::Contract => "Signatures of contract wallets are not accepted here yet.",
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

/// The EIP-4361 text of a proof, its address spelled with the checksum that npm's package puts there.
///
/// ```
/// use farthing::{access::sign_in::message, x402::extension::sign_in::Proof};
/// let proof = Proof {
///     domain: "news.example".into(),
///     uri: "https://news.example/a".into(),
///     version: "1".into(),
///     nonce: "00112233445566778899aabbccddeeff".into(),
///     issued_at: "2026-11-21T10:00:00Z".into(),
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
pub fn message(proof: &Proof, chain_id: u64, address: &str) -> String {
    let mut text = format!(
        "{} wants you to sign in with your Ethereum account:\n{address}\n\n",
        proof.domain
    );
    if let Some(statement) = &proof.statement {
        text.extend([statement, "\n"]);
    }
    // writing to a String cannot fail
    let _ = write!(
        text,
        "\nURI: {}\nVersion: {}\nChain ID: {chain_id}\nNonce: {}\nIssued At: {}",
        proof.uri, proof.version, proof.nonce, proof.issued_at
    );
    for (name, value) in [
        ("Expiration Time", &proof.expiration_time),
        ("Not Before", &proof.not_before),
        ("Request ID", &proof.request_id),
    ] {
        if let Some(value) = value {
            text.extend(["\n", name, ": ", value]);
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
    keccak256(format!("\x19Ethereum Signed Message:\n{}{message}", message.len()))
}

impl Expected<'_> {
    /// Whether a proof holds, and whose it is.
    ///
    /// # Errors
    /// The first of [`SignInError`] that applies.
    pub fn check(&self, proof: &Proof) -> Result<SignedIn, SignInError> {
        if proof.domain != self.host {
            return Err(SignInError::Domain);
        }
        if proof.uri != self.resource {
            return Err(SignInError::Resource);
        }
        // the chain says where a contract's code would be; an account with a key is the same on all of them
        let network = proof.chain_id.parse::<Network>().map_err(|_| SignInError::Account)?;
        let address = address(&proof.address).ok_or(SignInError::Account)?;
        if proof.version != "1" || proof.kind != EIP191 {
            return Err(SignInError::Account);
        }
        if !is_plain(proof) {
            return Err(SignInError::Text);
        }
        self.check_times(proof)?;
        let (nonce, issued) = open_nonce(self.keys, self.host, &proof.nonce)
            .filter(|(_, issued)| self.is_recent(*issued))
            .ok_or(SignInError::Nonce)?;
        let text = message(proof, network.chain_id(), &address.to_checksum(None));
        let signer = Signature::parse(&proof.signature)
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
            until: issued.saturating_add(MAX_AGE_SECONDS),
        })
    }

    fn is_recent(&self, issued: u64) -> bool {
        issued <= self.now.saturating_add(SKEW_SECONDS) && self.now.saturating_sub(issued) <= MAX_AGE_SECONDS
    }

    fn check_times(&self, proof: &Proof) -> Result<(), SignInError> {
        let issued = time::read(&proof.issued_at).filter(|issued| self.is_recent(*issued));
        let bound = |text: &Option<String>, holds: &dyn Fn(u64) -> bool| {
            text.as_ref().is_none_or(|text| time::read(text).is_some_and(holds))
        };
        let fine = issued.is_some()
            && bound(&proof.expiration_time, &|at| self.now <= at)
            && bound(&proof.not_before, &|at| at <= self.now);
        if fine { Ok(()) } else { Err(SignInError::Time) }
    }
}

/// An address as EIP-4361 takes it: with its checksum, or in one case throughout.
fn address(text: &str) -> Option<Address> {
    let address = evm::hex::read(text).map(Address::new)?;
    let digits = text.get(2..)?;
    let mixed = digits.bytes().any(|b| b.is_ascii_lowercase()) && digits.bytes().any(|b| b.is_ascii_uppercase());
    (!mixed || address.to_checksum(None) == text).then_some(address)
}

/// Whether no text can end its line, so that one message has one reading; and whether the statement is
/// made of the characters that EIP-4361 allows.
fn is_plain(proof: &Proof) -> bool {
    let line = |text: &str| text.bytes().all(|b| matches!(b, b' '..=b'~'));
    let resources = proof.resources.iter().flatten().map(String::as_str);
    let rest = [&proof.request_id, &proof.expiration_time, &proof.not_before];
    let rest = rest.into_iter().filter_map(|text| text.as_deref());
    line(&proof.issued_at) && resources.chain(rest).all(line) && proof.statement.as_deref().is_none_or(is_statement)
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
