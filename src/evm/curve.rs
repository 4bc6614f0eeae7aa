//! secp256k1 in little code, for whoever downloads it to see whose a signature is: the tests hold it equal to `k256`, which everything
//! else uses. Made for public data alone: how long it takes depends on the numbers, so no key may ever come here.
//!
//! `k256` would be 3 kB more for every reader. What an error here could do: keep a good payment from being sent, or send one that the
//! facilitator and the token's contract, which look at the signature themselves, refuse.

use alloy_primitives::{Address, keccak256};

use super::signature::SignatureError;

/// A number below 2^256, its most significant digit first: numbers compare as their digits do.
type Number = [u32; 8];

const ONE: Number = [0, 0, 0, 0, 0, 0, 0, 1];

/// What is counted in, above half of 2^256.
struct Modulus {
    /// One less than it: times this is a change of sign.
    minus_one: Number,
    /// What is missing to 2^256, which is therefore the same.
    missing: Number,
}

/// The field's prime, 2^256 - 2^32 - 977.
const FIELD: Modulus = Modulus {
    minus_one: [!0, !0, !0, !0, !0, !0, 0xffff_fffe, 0xffff_fc2e],
    missing: [0, 0, 0, 0, 0, 0, 1, 0x3d1],
};

/// The number of the curve's points.
const ORDER: Modulus = Modulus {
    minus_one: [!0, !0, !0, 0xffff_fffe, 0xbaae_dce6, 0xaf48_a03b, 0xbfd2_5e8c, 0xd036_4140],
    missing: [0, 0, 0, 1, 0x4551_2319, 0x50b7_5fc4, 0x402d_a173, 0x2fc9_bebf],
};

/// The lower half of the order ends here (EIP-2).
const HALF_ORDER: Number = [0x7fff_ffff, !0, !0, !0, 0x5d57_6e73, 0x57a4_501d, 0xdfe9_2f46, 0x681b_20a0];

// Exponents: a prime less two makes a number its inverse; a quarter of what follows this prime, which is 3 modulo 4, makes a square its root.
const FIELD_MINUS_TWO: Number = [!0, !0, !0, !0, !0, !0, 0xffff_fffe, 0xffff_fc2d];
const ORDER_MINUS_TWO: Number = [!0, !0, !0, 0xffff_fffe, 0xbaae_dce6, 0xaf48_a03b, 0xbfd2_5e8c, 0xd036_413f];
const ROOT: Number = [0x3fff_ffff, !0, !0, !0, !0, !0, 0xffff_ffff, 0xbfff_ff0c];

const fn small(number: u32) -> Number {
    [0, 0, 0, 0, 0, 0, 0, number]
}

/// The address whose key signed this digest: what [`Signature::recover`](super::Signature::recover) says.
pub(super) fn recover(r: &[u8; 32], s: &[u8; 32], odd: bool, digest: &[u8; 32]) -> Result<Address, SignatureError> {
    let [r, s, digest] = [r, s, digest].map(read);
    if !ORDER.holds(&r) || !ORDER.holds(&s) {
        return Err(SignatureError::NotOnCurve);
    }
    if s > HALF_ORDER {
        return Err(SignatureError::HighS);
    }
    // Q = (s R - z G) / r, SEC 1 version 2.0 section 4.1.6
    let inverse = ORDER.power(&r, &ORDER_MINUS_TWO);
    let of_point = ORDER.product(&s, &inverse);
    let of_generator = ORDER.product(&ORDER.negative(&digest), &inverse);
    let key = Point::with(r, odd).and_then(|point| point.times(&of_point, &GENERATOR, &of_generator).coordinates());
    let digits = key.ok_or(SignatureError::NotOnCurve)?;
    let mut bytes = [0; 64];
    for (bytes, digit) in bytes.as_chunks_mut().0.iter_mut().zip(digits.as_flattened()) {
        *bytes = digit.to_be_bytes();
    }
    Ok(Address::from_word(keccak256(bytes)))
}

fn read(bytes: &[u8; 32]) -> Number {
    let mut number = ONE;
    for (digit, bytes) in number.iter_mut().zip(bytes.as_chunks().0) {
        *digit = u32::from_be_bytes(*bytes);
    }
    number
}

/// `a * b + c`, the upper half first.
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a product of two digits leaves room for two more"
)]
#[allow(clippy::as_conversions, reason = "the lower half is what is meant")]
fn wide(a: &Number, b: &Number, c: &Number) -> (Number, Number) {
    let (mut upper, mut lower) = (small(0), *c);
    for (place, a) in a.iter().rev().enumerate() {
        // most digits of the constants; half of the time that a reader waits
        if *a == 0 {
            continue;
        }
        let mut carry = 0_u64;
        let sum = lower.iter_mut().rev().chain(upper.iter_mut().rev());
        for (digit, b) in sum.skip(place).zip(b.iter().rev().chain(&[0])) {
            carry += u64::from(*a) * u64::from(*b) + u64::from(*digit);
            *digit = carry as u32;
            carry >>= 32;
        }
    }
    (upper, lower)
}

fn bits(number: &Number) -> impl Iterator<Item = bool> {
    number
        .iter()
        .flat_map(|digit| (0..32).rev().map(move |place| digit >> place & 1 == 1))
}

impl Modulus {
    /// `a * b + c`.
    fn sum(&self, a: &Number, b: &Number, c: &Number) -> Number {
        let (mut upper, mut lower) = wide(a, b, c);
        while upper != small(0) {
            (upper, lower) = wide(&self.missing, &upper, &lower);
        }
        if lower > self.minus_one {
            (_, lower) = wide(&ONE, &self.missing, &lower);
        }
        lower
    }

    fn product(&self, a: &Number, b: &Number) -> Number {
        self.sum(a, b, &small(0))
    }

    fn negative(&self, a: &Number) -> Number {
        self.product(&self.minus_one, a)
    }

    fn power(&self, base: &Number, exponent: &Number) -> Number {
        let mut power = ONE;
        for bit in bits(exponent) {
            power = self.product(&power, &power);
            if bit {
                power = self.product(&power, base);
            }
        }
        power
    }

    /// Whether a number stands for itself, and is not zero.
    fn holds(&self, number: &Number) -> bool {
        *number != small(0) && *number <= self.minus_one
    }
}

/// A point `(x / z, y / z)`; at infinity where `z` is zero.
#[derive(Clone, Copy)]
struct Point {
    x: Number,
    y: Number,
    z: Number,
}

const INFINITY: Point = Point {
    x: [0; 8],
    y: ONE,
    z: [0; 8],
};

const GENERATOR: Point = Point {
    x: [
        0x79be_667e,
        0xf9dc_bbac,
        0x55a0_6295,
        0xce87_0b07,
        0x029b_fcdb,
        0x2dce_28d9,
        0x59f2_815b,
        0x16f8_1798,
    ],
    y: [
        0x483a_da77,
        0x26a3_c465,
        0x5da4_fbfc,
        0x0e11_08a8,
        0xfd17_b448,
        0xa685_5419,
        0x9c47_d08f,
        0xfb10_d4b8,
    ],
    z: ONE,
};

impl Point {
    /// Of two points on the curve, the one whose `y` is odd or not.
    fn with(x: Number, odd: bool) -> Option<Self> {
        // y^2 = x^3 + 7
        let square = FIELD.sum(&FIELD.product(&x, &x), &x, &small(7));
        let y = FIELD.power(&square, &ROOT);
        let [.., last] = y;
        let other = (last & 1 == 1) != odd;
        let point = Self {
            x,
            y: if other { FIELD.negative(&y) } else { y },
            z: ONE,
        };
        (FIELD.product(&y, &y) == square).then_some(point)
    }

    /// The sum of any two points, equal ones and infinity among them: the complete formulas of Renes, Costello and Batina
    /// (IACR 2015/1060, section 2) for a curve `y^2 = x^3 + 7`.
    fn plus(&self, other: &Self) -> Self {
        let crossed = |a: &Number, b: &Number, c: &Number, d: &Number| FIELD.sum(a, b, &FIELD.product(c, d));
        let xy = crossed(&self.x, &other.y, &other.x, &self.y);
        let yz = crossed(&self.y, &other.z, &other.y, &self.z);
        let xz = crossed(&self.x, &other.z, &other.x, &self.z);
        let xx3 = FIELD.product(&small(3), &FIELD.product(&self.x, &other.x));
        let yy = FIELD.product(&self.y, &other.y);
        let zz21 = FIELD.product(&small(21), &FIELD.product(&self.z, &other.z));
        let more = FIELD.sum(&ONE, &zz21, &yy);
        let less = FIELD.sum(&FIELD.minus_one, &zz21, &yy);
        let xz21 = FIELD.product(&small(21), &xz);
        Self {
            x: crossed(&xy, &less, &FIELD.negative(&yz), &xz21),
            y: crossed(&more, &less, &xx3, &xz21),
            z: crossed(&yz, &more, &xx3, &xy),
        }
    }

    /// The sum of this point and another, each so many times.
    fn times(&self, times: &Number, other: &Self, times_other: &Number) -> Self {
        let mut sum = INFINITY;
        for (once, once_other) in bits(times).zip(bits(times_other)) {
            sum = sum.plus(&sum);
            for (point, wanted) in [(self, once), (other, once_other)] {
                if wanted {
                    sum = sum.plus(point);
                }
            }
        }
        sum
    }

    /// `x` and `y`; none at infinity.
    fn coordinates(&self) -> Option<[Number; 2]> {
        let inverse = FIELD.power(&self.z, &FIELD_MINUS_TWO);
        (self.z != small(0)).then(|| [&self.x, &self.y].map(|part| FIELD.product(part, &inverse)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;
    use k256::{
        ProjectivePoint, Scalar,
        elliptic_curve::{PrimeField, point::AffineCoordinates, sec1::ToEncodedPoint},
    };
    use proptest::prelude::*;

    fn words(number: &Number) -> U256 {
        number.iter().fold(U256::ZERO, |sum, digit| sum << 32 | U256::from(*digit))
    }

    fn number(value: U256) -> Number {
        read(&value.to_be_bytes())
    }

    fn modulus(of: &Modulus) -> U256 {
        words(&of.minus_one) + U256::from(1)
    }

    /// Numbers about which arithmetic errs, if it does, and any other.
    fn any_number() -> impl Strategy<Value = Number> {
        let mut edges = vec![[!0; 8]];
        for middle in [
            FIELD.minus_one,
            ORDER.minus_one,
            FIELD.missing,
            ORDER.missing,
            HALF_ORDER,
            ONE,
        ] {
            let middle = words(&middle);
            edges.extend([middle - U256::from(1), middle, middle + U256::from(1)].map(number));
        }
        let sparse = prop::array::uniform8(prop_oneof![Just(0), Just(1), Just(!0), any::<u32>()]);
        prop_oneof![2 => prop::sample::select(edges), 1 => sparse, 1 => any::<Number>()]
    }

    fn stock(point: &Point) -> ProjectivePoint {
        let Some([x, y]) = point.coordinates() else {
            return ProjectivePoint::IDENTITY;
        };
        let [x, y] = [x, y].map(|part| k256::FieldBytes::from(words(&part).to_be_bytes::<32>()));
        let encoded = k256::EncodedPoint::from_affine_coordinates(&x, &y, false);
        let point = k256::PublicKey::try_from(encoded).expect("a point on the curve");
        point.to_projective()
    }

    /// A point by its multiple of the generator, its third coordinate not always one.
    fn ours(times: u64, scale: u32) -> Point {
        let point = INFINITY.times(&small(0), &GENERATOR, &number(U256::from(times)));
        let scaled = |part: &Number| FIELD.product(part, &small(scale));
        Point {
            x: scaled(&point.x),
            y: scaled(&point.y),
            z: scaled(&point.z),
        }
    }

    #[test]
    fn constants_are_those_of_the_curve() {
        let (two, four) = (U256::from(2), U256::from(4));
        let (prime, order) = (modulus(&FIELD), modulus(&ORDER));
        assert_eq!(prime, U256::MAX - U256::from(0x1_0000_03d0_u64));
        let stock = Scalar::from_repr((-Scalar::ONE).to_repr()).unwrap().to_repr();
        assert_eq!(order - U256::from(1), U256::from_be_slice(&stock));
        for modulus in [&FIELD, &ORDER] {
            assert_eq!(
                words(&modulus.missing),
                U256::ZERO.wrapping_sub(words(&modulus.minus_one) + U256::from(1))
            );
            assert!(words(&modulus.minus_one) > U256::MAX >> 1);
        }
        assert_eq!(words(&HALF_ORDER), order >> 1);
        assert_eq!(words(&FIELD_MINUS_TWO), prime - two);
        assert_eq!(words(&ORDER_MINUS_TWO), order - two);
        assert_eq!(words(&ROOT), (prime + U256::from(1)) / four);
        let generator = ProjectivePoint::GENERATOR.to_affine();
        assert_eq!(words(&GENERATOR.x), U256::from_be_slice(&generator.x()));
        let encoded = generator.to_encoded_point(false);
        assert_eq!(words(&GENERATOR.y), U256::from_be_slice(&encoded.as_bytes()[33..]));
    }

    proptest! {
        #![proptest_config(crate::cases(20_000))]
        #[test]
        fn numbers_are_counted_as_by_the_crate(a in any_number(), b in any_number(), c in any_number()) {
            for ours in [&FIELD, &ORDER] {
                let modulus = modulus(ours);
                let [a_word, b_word, c_word] = [&a, &b, &c].map(words);
                let product = a_word.mul_mod(b_word, modulus);
                prop_assert_eq!(words(&ours.sum(&a, &b, &c)), product.add_mod(c_word, modulus));
                prop_assert_eq!(words(&ours.product(&a, &b)), product);
                let negative = (modulus - a_word.reduce_mod(modulus)).reduce_mod(modulus);
                prop_assert_eq!(words(&ours.negative(&a)), negative);
                prop_assert_eq!(ours.holds(&a), a_word != U256::ZERO && a_word < modulus);
            }
        }
    }

    proptest! {
        #![proptest_config(crate::cases(300))]
        #[test]
        fn powers_are_those_of_the_crate(a in any_number(), b in any_number()) {
            for ours in [&FIELD, &ORDER] {
                let power = words(&a).pow_mod(words(&b), modulus(ours));
                prop_assert_eq!(words(&ours.power(&a, &b)), power);
            }
        }

        #[test]
        fn points_are_those_of_k256(a in 0..9_u64, b in 0..9_u64, scale in 1..9_u32, far: u64) {
            for (a, b) in [(a, b), (a, far), (far, far)] {
                let (one, other) = (ours(a, scale), ours(b, 1));
                let (g, [a, b]) = (ProjectivePoint::GENERATOR, [a, b].map(Scalar::from));
                prop_assert_eq!(stock(&one), g * a);
                prop_assert_eq!(stock(&one.plus(&other)), g * (a + b));
                let opposite = Point { y: FIELD.negative(&other.y), ..other };
                prop_assert_eq!(stock(&one.plus(&opposite)), g * (a - b));
            }
        }

        #[test]
        fn points_are_found_by_their_x_as_by_k256(x: [u8; 32], odd: bool) {
            use k256::{AffinePoint, elliptic_curve::{point::DecompressPoint, subtle::Choice}};
            let theirs = Option::<AffinePoint>::from(AffinePoint::decompress(&x.into(), Choice::from(u8::from(odd))));
            let found = Point::with(read(&x), odd);
            if FIELD.holds(&read(&x)) {
                prop_assert_eq!(found.map(|point| stock(&point)), theirs.map(ProjectivePoint::from));
            }
        }
    }

    /// With `s = 1` and a digest that is `R`'s own number, the key would be `(R - R) / r`.
    #[test]
    fn a8_no_signature_is_of_a_key_at_infinity() {
        for times in 1..50_u64 {
            let scalar = Scalar::from(times);
            let point = (ProjectivePoint::GENERATOR * scalar).to_affine();
            let odd = bool::from(point.y_is_odd());
            let (r, s) = (point.x().into(), Scalar::ONE.to_repr().into());
            let digest: [u8; 32] = scalar.to_repr().into();
            assert_eq!(recover(&r, &s, odd, &digest), Err(SignatureError::NotOnCurve));
            assert!(recover(&r, &s, !odd, &digest).is_ok());
        }
    }
}
