//! A private key: a payer's, or the site's that signs receipts.

use core::fmt;

use alloc::{string::String, vec::Vec};

use alloy_primitives::{Address, B256};
use k256::{ecdsa::SigningKey, elliptic_curve::zeroize::Zeroize};

use super::{hex, signature::address_of};

/// A secp256k1 private key. It is overwritten in memory when it is dropped, and never printed.
///
/// ```
/// use farthing::evm::Key;
/// // the second development key of anvil and Hardhat, publicly known
/// let key = Key::from_hex("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d").unwrap();
/// assert_eq!(key.address().to_string(), "0x70997970C51812dc3A010C7d01b50e0d17dc79C8");
/// assert_eq!(format!("{key:?}"), "Key(0x70997970C51812dc3A010C7d01b50e0d17dc79C8)");
/// ```
pub struct Key {
    key: SigningKey,
    address: Address,
}

/// Not 32 bytes of hex, or not a number from 1 to the group order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a private key: write 0x and 64 hex digits")
    }
}

impl core::error::Error for KeyError {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.address)
    }
}

impl Key {
    /// Reads `0x` and 64 hex digits.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let mut bytes = hex::read::<32>(text).ok_or(KeyError)?;
        let key = Self::from_bytes(&bytes);
        bytes.zeroize();
        key
    }

    /// Reads `0x` and 64 hex digits, and overwrites the text.
    pub fn take(text: String) -> Result<Self, KeyError> {
        let key = Self::from_hex(&text);
        text.into_bytes().zeroize();
        key
    }

    /// From 32 bytes, big-endian.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(bytes.into()).map_err(|_| KeyError)?;
        let address = address_of(key.verifying_key().as_affine()).ok_or(KeyError)?;
        Ok(Self { key, address })
    }

    /// Whose signatures these are.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest: 65 bytes of hex with 27 or 28 at the end.
    ///
    /// The nonce is that of RFC 6979, and `s` is in the lower half of the group order (threat A8): the
    /// same digest always gets the same signature.
    pub fn sign(&self, digest: B256) -> Option<String> {
        sign_digest(&self.key, &digest.0)
    }

    /// The same signature as `r`, `s` and whether the point's y is odd.
    pub(crate) fn sign_bare(&self, digest: B256) -> Option<([u8; 64], bool)> {
        sign_bare(&self.key, &digest.0)
    }
}

/// As [`Key::sign`].
pub(crate) fn sign_digest(key: &SigningKey, digest: &[u8; 32]) -> Option<String> {
    let (r_and_s, odd) = sign_bare(key, digest)?;
    let mut bytes: Vec<u8> = r_and_s.to_vec();
    bytes.push(if odd { 28 } else { 27 });
    Some(hex::print(&bytes))
}

fn sign_bare(key: &SigningKey, digest: &[u8; 32]) -> Option<([u8; 64], bool)> {
    let (signature, id) = key.sign_prehash_recoverable(digest).ok()?;
    // x beyond the order, one point in 2^128: there is no v for it on Ethereum
    let odd = Some(id.to_byte()).filter(|id| *id < 2)? == 1;
    Some((signature.to_bytes().into(), odd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::Signature;
    use alloc::format;
    use proptest::prelude::*;

    #[test]
    fn signatures_are_those_of_viem_and_have_a_low_s() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/signing.json");
        let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().unwrap();
            let key = Key::from_hex(text("privateKey")).unwrap();
            assert_eq!(key.address().to_checksum(None), text("signer"));
            let digest = B256::new(hex::read(text("digest")).unwrap());
            let signature = key.sign(digest).unwrap();
            assert_eq!(signature, text("signature"), "{}", vector["label"]);
            assert_eq!(Signature::parse(&signature).unwrap().recover(digest), Ok(key.address()));
        }
        assert_eq!(vectors.len(), 29);
    }

    #[test]
    fn what_is_no_key_is_refused_and_what_is_one_is_not_printed() {
        let order = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        for bad in [
            "",
            "0x",
            &"11".repeat(32),
            &format!("0x{}", "00".repeat(32)),
            order,
            &format!("0x{}", "11".repeat(33)),
        ] {
            assert_eq!(Key::from_hex(bad).err(), Some(KeyError), "{bad}");
        }
        let secret = "11".repeat(32);
        let key = Key::from_hex(&format!("0x{secret}")).unwrap();
        assert!(!format!("{key:?} {key:#?}").contains(&secret[..16]));
    }

    proptest! {
        #[test]
        fn what_a_key_signs_recovers_to_its_address(key: [u8; 32], digest: [u8; 32]) {
            let Ok(key) = Key::from_bytes(&key) else { return Ok(()) };
            let signature = key.sign(digest.into()).unwrap();
            prop_assert_eq!(Signature::parse(&signature).unwrap().recover(digest.into()), Ok(key.address()));
        }
    }

    #[test]
    fn digests_beyond_the_order_are_signed() {
        for digest in [B256::repeat_byte(0xff), B256::ZERO] {
            for key in [[1; 32], [0x7f; 32], [0xfe; 32]] {
                let key = Key::from_bytes(&key).unwrap();
                let signature = Signature::parse(&key.sign(digest).unwrap()).unwrap();
                assert_eq!(signature.recover(digest), Ok(key.address()));
            }
        }
    }
}
