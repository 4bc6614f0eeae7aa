//! A secp256k1 key that signs digests: for receipts, and for clients that hold their own key.

use core::fmt;

use alloc::string::String;
use alloy_primitives::{Address, B256};
use k256::ecdsa::SigningKey;

use super::{hex, signature::address_of};

/// A private key.
///
/// ```
/// use farthing::evm::{B256, Key, Signature};
/// let key = Key::new(&[7; 32]).unwrap();
/// let digest = B256::repeat_byte(1);
/// let signature = Signature::parse(&key.sign(digest).unwrap()).unwrap();
/// assert_eq!(signature.recover(digest).ok(), key.address());
/// assert!(Key::new(&[0; 32]).is_none());
/// ```
#[derive(Clone)]
pub struct Key(SigningKey);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // never the key itself (threat G1)
        write!(f, "Key({})", self.address().unwrap_or_default())
    }
}

impl Key {
    /// The key with these 32 bytes; none for zero and for what is not below the group order.
    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        SigningKey::from_bytes(bytes.into()).ok().map(Self)
    }

    /// Whose signatures these are.
    pub fn address(&self) -> Option<Address> {
        address_of(self.0.verifying_key().as_affine())
    }

    /// Signs a digest: 65 bytes of hex with `s` in the lower half and `v` 27 or 28; the nonce is that of
    /// RFC 6979.
    pub fn sign(&self, digest: B256) -> Option<String> {
        let (signature, id) = self.0.sign_prehash_recoverable(digest.as_slice()).ok()?;
        // x = r + n for one point in 2^128; there is no v for those on Ethereum
        let v = if id.is_x_reduced() {
            return None;
        } else {
            27_u8.checked_add(u8::from(id.is_y_odd()))?
        };
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(v);
        Some(hex::print(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::Signature;
    use alloc::format;
    use proptest::prelude::*;

    #[test]
    fn keys_are_scalars() {
        const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let order: [u8; 32] = hex::read(ORDER).unwrap();
        let mut below = order;
        below[31] -= 1;
        assert!(Key::new(&below).is_some());
        assert!(Key::new(&order).is_none() && Key::new(&[0xff; 32]).is_none() && Key::new(&[0; 32]).is_none());
        let key = Key::new(&[7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), format!("Key({})", key.address().unwrap()));
    }

    proptest! {
        #[test]
        fn what_a_key_signs_recovers_to_its_address(key: [u8; 32], digest: [u8; 32]) {
            let Some(key) = Key::new(&key) else { return Ok(()) };
            let signature = key.sign(digest.into()).unwrap();
            prop_assert_eq!(Signature::parse(&signature).unwrap().recover(digest.into()).ok(), key.address());
        }
    }

    #[test]
    fn digests_beyond_the_order_are_signed() {
        for digest in [B256::repeat_byte(0xff), B256::ZERO] {
            for key in [[1; 32], [0x7f; 32], [0xfe; 32]] {
                let key = Key::new(&key).unwrap();
                let signature = Signature::parse(&key.sign(digest).unwrap()).unwrap();
                assert_eq!(signature.recover(digest).ok(), key.address());
            }
        }
    }
}
