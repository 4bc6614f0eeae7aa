//! A secp256k1 key that signs digests: for receipts, and for clients that hold their own key.

use core::fmt;

use alloc::string::String;
use alloy_primitives::{Address, B256};
use hmac::{Hmac, Mac};
use k256::{
    FieldBytes, ProjectivePoint, Scalar, U256 as Limbs,
    elliptic_curve::{
        PrimeField,
        ops::{Invert, LinearCombination, Reduce},
        scalar::IsHigh,
        sec1::ToEncodedPoint,
    },
};
use sha2::Sha256;

use super::{
    hex,
    signature::{address_of, scalar},
};

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
pub struct Key(Scalar);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // never the key itself (threat G1)
        write!(f, "Key({})", self.address().unwrap_or_default())
    }
}

impl Key {
    /// The key with these 32 bytes; none for zero and for what is not below the group order.
    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        scalar(*bytes).map(Self)
    }

    /// Whose signatures these are.
    pub fn address(&self) -> Option<Address> {
        address_of(&times_generator(&self.0).to_affine())
    }

    /// Signs a digest: 65 bytes of hex with `s` in the lower half and `v` 27 or 28.
    ///
    /// Written out on the curve arithmetic of `k256` like [`Signature::recover`](super::Signature::recover),
    /// which the gate holds anyway: its `ecdsa` is as much code again. The tests hold the two equal, bit
    /// by bit, for the nonce follows from key and digest (RFC 6979). Whatever depends on the key or the
    /// nonce takes the same time for all of them, as in `k256`.
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "arithmetic modulo the group order cannot overflow"
    )]
    pub fn sign(&self, digest: B256) -> Option<String> {
        let z = <Scalar as Reduce<Limbs>>::reduce_bytes(&FieldBytes::from(digest.0));
        let k = self.nonce(&z)?;
        let point = times_generator(&k).to_affine().to_encoded_point(false);
        let x = *point.x()?;
        let r = <Scalar as Reduce<Limbs>>::reduce_bytes(&x);
        let inverse = Option::<Scalar>::from(Invert::invert(&k))?;
        let s = inverse * (z + r * self.0);
        let high = bool::from(s.is_high());
        let s = if high { -s } else { s };
        // x = r + n for one point in 2^128; there is no v for those on Ethereum
        let usual = x == r.to_repr() && !bool::from(r.is_zero()) && !bool::from(s.is_zero());
        let odd = point.y()?.last()? & 1 == 1;
        let mut bytes = [0; 65];
        let v = [if odd == high { 27 } else { 28 }];
        for (to, from) in bytes.iter_mut().zip(r.to_repr().iter().chain(&s.to_repr()).chain(&v)) {
            *to = *from;
        }
        usual.then(|| hex::print(&bytes))
    }

    /// RFC 6979 section 3.2 with HMAC-SHA-256.
    fn nonce(&self, z: &Scalar) -> Option<Scalar> {
        let (x, h) = (self.0.to_repr(), z.to_repr());
        let mut key = [0; 32];
        let mut v = [1; 32];
        for round in [0, 1] {
            key = hmac(&key, &[&v, &[round], &x, &h])?;
            v = hmac(&key, &[&v])?;
        }
        // the first is below the order but for one in 2^128
        for _ in 0..4 {
            v = hmac(&key, &[&v])?;
            if let Some(k) = scalar(v) {
                return Some(k);
            }
            key = hmac(&key, &[&v, &[0]])?;
            v = hmac(&key, &[&v])?;
        }
        None
    }
}

#[inline(never)]
fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}

/// One multiplication by the function that recovery needs for two.
fn times_generator(scalar: &Scalar) -> ProjectivePoint {
    let generator = ProjectivePoint::GENERATOR;
    ProjectivePoint::lincomb(&generator, scalar, &generator, &Scalar::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::Signature;
    use alloc::format;
    use k256::ecdsa::SigningKey;
    use proptest::prelude::*;

    fn stock(key: &SigningKey, digest: &[u8]) -> String {
        let (signature, id) = key.sign_prehash_recoverable(digest).unwrap();
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(27 + id.to_byte());
        hex::print(&bytes)
    }

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
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn signatures_are_those_of_stock_k256(key: [u8; 32], digest: [u8; 32]) {
            let Ok(theirs) = SigningKey::from_slice(&key) else { return Ok(()) };
            let ours = Key::new(&key).unwrap();
            prop_assert_eq!(ours.address(), address_of(theirs.verifying_key().as_affine()));
            let signature = ours.sign(digest.into()).unwrap();
            prop_assert_eq!(&signature, &stock(&theirs, &digest));
            prop_assert_eq!(Signature::parse(&signature).unwrap().recover(digest.into()).ok(), ours.address());
        }
    }

    #[test]
    fn digests_beyond_the_order_are_signed() {
        // k256 feeds such a digest to the nonce unreduced, RFC 6979 (bits2octets) reduces it first
        for digest in [B256::repeat_byte(0xff), B256::ZERO] {
            for key in [[1; 32], [0x7f; 32], [0xfe; 32]] {
                let key = Key::new(&key).unwrap();
                let signature = Signature::parse(&key.sign(digest).unwrap()).unwrap();
                assert_eq!(signature.recover(digest).ok(), key.address());
            }
        }
    }
}
