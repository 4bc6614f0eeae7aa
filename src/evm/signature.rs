//! secp256k1 signatures over a digest: reading them strictly, and whose they are.

use core::fmt;

use alloy_primitives::{Address, B256, keccak256};
use k256::{
    AffinePoint, EncodedPoint, FieldBytes, ProjectivePoint, Scalar, U256 as Limbs,
    elliptic_curve::{
        PrimeField,
        ops::{Invert, LinearCombination, Reduce},
        point::DecompressPoint,
        scalar::IsHigh,
        sec1::ToEncodedPoint,
        subtle::Choice,
    },
};

use super::{curve, hex};

/// A 65-byte signature: `r`, `s` in the lower half of the order, and the parity of `R`.
/// ```
/// use farthing::evm::{B256, Key, Signature, signature::SignatureError};
/// let key = Key::from_bytes(&[7; 32]).unwrap();
/// let text = key.sign(B256::repeat_byte(1)).unwrap();
/// let signature = Signature::parse(&text).unwrap();
/// assert_eq!(signature.recover(B256::repeat_byte(1)), Ok(key.address()));
/// // another digest, another signer
/// assert_ne!(signature.recover(B256::repeat_byte(2)), Ok(key.address()));
/// // longer ones are a contract wallet's
/// assert_eq!(Signature::parse(&format!("{text}00")), Err(SignatureError::Contract));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    r: [u8; 32],
    s: [u8; 32],
    odd: bool,
}

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not hex, or shorter than 65 bytes, or `v` is none of 0, 1, 27 and 28.
    Malformed,
    /// Longer than 65 bytes: a contract wallet's (ERC-1271 or ERC-6492, threat A9).
    Contract,
    /// `s` is in the upper half of the group order: a malleable twin (EIP-2, threat A8).
    HighS,
    /// `r` or `s` is zero or not below the group order, or no curve point has this `r`.
    NotOnCurve,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not 65 bytes of hex ending in 00, 01, 1b or 1c",
            Self::Contract => "longer than 65 bytes: a contract wallet's signature",
            Self::HighS => "s is in the upper half of the group order",
            Self::NotOnCurve => "r and s name no public key",
        })
    }
}

impl core::error::Error for SignatureError {}

impl Signature {
    /// Reads `0x` and 130 hex digits: `r`, `s`, `v`.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let Some(bytes) = hex::read::<65>(text) else {
            let digits = text.strip_prefix("0x").ok_or(SignatureError::Malformed)?;
            let is_hex = digits.len().is_multiple_of(2) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            return Err(if is_hex && digits.len() > 130 {
                SignatureError::Contract
            } else {
                SignatureError::Malformed
            });
        };
        let [pair @ .., v] = bytes;
        let odd = match v {
            0 | 27 => false,
            1 | 28 => true,
            _ => return Err(SignatureError::Malformed),
        };
        match pair.as_chunks::<32>() {
            ([r, s], _) => Ok(Self { r: *r, s: *s, odd }),
            _ => Err(SignatureError::Malformed),
        }
    }

    /// `r`, `s`, and `v` as contracts want it: 27 or 28.
    pub const fn parts(&self) -> ([u8; 32], [u8; 32], u8) {
        (self.r, self.s, if self.odd { 28 } else { 27 })
    }

    /// The address whose key signed this digest.
    ///
    /// Written out on the curve arithmetic of `k256` instead of its `recover_from_prehash`, which
    /// verifies what it has just recovered and takes twice as long; the tests hold the two equal.
    /// All of it is public data, so nothing here needs constant time. A reader downloads another, in less code.
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "arithmetic modulo the group order cannot overflow"
    )]
    pub fn recover(&self, digest: B256) -> Result<Address, SignatureError> {
        if cfg!(feature = "own-curve") {
            return curve::recover(&self.r, &self.s, self.odd, &digest.0);
        }
        let r = scalar(self.r).ok_or(SignatureError::NotOnCurve)?;
        let s = scalar(self.s).ok_or(SignatureError::NotOnCurve)?;
        if bool::from(s.is_high()) {
            return Err(SignatureError::HighS);
        }
        // R has x = r: x = r + n is below the field's prime for one r in 2^128, and no wallet signs so.
        let point = Option::<AffinePoint>::from(AffinePoint::decompress(
            &FieldBytes::from(self.r),
            Choice::from(u8::from(self.odd)),
        ))
        .ok_or(SignatureError::NotOnCurve)?;
        let small = cfg!(feature = "client");
        let inverse = if small { r.invert() } else { r.invert_vartime() };
        let inverse = Option::<Scalar>::from(inverse).ok_or(SignatureError::NotOnCurve)?;
        // Q = (s R - z G) / r, SEC 1 version 2.0 section 4.1.6
        let point = ProjectivePoint::from(point);
        let z = <Scalar as Reduce<Limbs>>::reduce_bytes(&FieldBytes::from(digest.0));
        let (of_generator, of_point) = (-(inverse * z), inverse * s);
        let key = if small {
            // by what signing brings along anyway
            ProjectivePoint::GENERATOR * of_generator + point * of_point
        } else {
            ProjectivePoint::lincomb(&ProjectivePoint::GENERATOR, &of_generator, &point, &of_point)
        };
        address_of(&key.to_affine()).ok_or(SignatureError::NotOnCurve)
    }
}

fn scalar(bytes: [u8; 32]) -> Option<Scalar> {
    Option::<Scalar>::from(Scalar::from_repr(bytes.into())).filter(|scalar| !bool::from(scalar.is_zero()))
}

/// The last 20 bytes of the hash of the uncompressed point without its tag; none at infinity.
pub(crate) fn address_of(key: &AffinePoint) -> Option<Address> {
    let point: EncodedPoint = key.to_encoded_point(false);
    let (_, coordinates) = point.as_bytes().split_first_chunk::<1>()?;
    (coordinates.len() == 64).then(|| Address::from_word(keccak256(coordinates)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use k256::ecdsa::{RecoveryId, Signature as Stock, SigningKey, VerifyingKey};
    use proptest::prelude::*;

    fn stock(digest: B256, text: &str) -> Option<Address> {
        let bytes = hex::read::<65>(text)?;
        let signature = Stock::from_slice(&bytes[..64]).ok()?;
        let id = RecoveryId::from_byte(bytes[64] % 27)?;
        let key = VerifyingKey::recover_from_prehash(digest.as_slice(), &signature, id).ok()?;
        address_of(key.as_affine())
    }

    /// Of both that are ours, which say the same.
    fn recovered(signature: &Signature, digest: B256) -> Result<Address, SignatureError> {
        let Signature { r, s, odd } = signature;
        let address = signature.recover(digest);
        assert_eq!(curve::recover(r, s, *odd, &digest.0), address, "{signature:?} {digest}");
        address
    }

    fn ours(digest: B256, text: &str) -> Option<Address> {
        recovered(&Signature::parse(text).ok()?, digest).ok()
    }

    const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

    #[test]
    fn a8_edges_of_r_and_s_are_refused_like_stock_k256_does() {
        let zero = "0".repeat(64);
        let one = format!("{:064x}", 1);
        let half = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
        let above = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1";
        let max = "f".repeat(64);
        for r in [&zero, &one, ORDER, half, above, &max] {
            for s in [&zero, &one, ORDER, half, above, &max] {
                for v in ["00", "01", "1b", "1c"] {
                    for digest in [B256::ZERO, B256::repeat_byte(0xff), B256::with_last_byte(1)] {
                        let text = format!("0x{r}{s}{v}");
                        assert_eq!(ours(digest, &text), stock(digest, &text), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn a8_only_65_bytes_with_a_known_v() {
        let body = "11".repeat(64);
        for v in ["02", "1a", "1d", "ff"] {
            assert_eq!(Signature::parse(&format!("0x{body}{v}")), Err(SignatureError::Malformed));
        }
        assert_eq!(
            Signature::parse(&format!("0x{body}")),
            Err(SignatureError::Malformed),
            "EIP-2098 compact"
        );
        assert_eq!(Signature::parse(&format!("0x{body}1b00")), Err(SignatureError::Contract));
        assert_eq!(Signature::parse(&format!("0x{body}zz")), Err(SignatureError::Malformed));
        assert_eq!(Signature::parse(""), Err(SignatureError::Malformed));
    }

    proptest! {
        #![proptest_config(crate::cases(2000))]
        #[test]
        fn recovery_agrees_with_stock_k256(key: [u8; 32], digest: [u8; 32], flip in 0usize..70, with in 1u8..) {
            let Ok(key) = SigningKey::from_slice(&key) else { return Ok(()) };
            let digest = B256::from(digest);
            let (signature, id) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
            let mut bytes = signature.to_bytes().to_vec();
            bytes.push(27 + id.to_byte());
            let text = hex::print(&bytes);
            prop_assert_eq!(ours(digest, &text), address_of(key.verifying_key().as_affine()));
            // one byte off: whatever it names, both name the same
            if flip < 64 { bytes[flip] ^= with; }
            let text = hex::print(&bytes);
            prop_assert_eq!(ours(digest, &text), stock(digest, &text));
        }

        #[test]
        fn a8_the_twin_with_high_s_is_refused(key: [u8; 32], digest: [u8; 32]) {
            let Ok(key) = SigningKey::from_slice(&key) else { return Ok(()) };
            let (signature, id) = key.sign_prehash_recoverable(&digest).unwrap();
            let twin = Stock::from_scalars(signature.r(), -signature.s()).unwrap();
            let mut bytes = twin.to_bytes().to_vec();
            bytes.push(27 + (id.to_byte() ^ 1));
            let twin = Signature::parse(&hex::print(&bytes)).unwrap();
            prop_assert_eq!(recovered(&twin, B256::from(digest)), Err(SignatureError::HighS));
        }
    }
}
