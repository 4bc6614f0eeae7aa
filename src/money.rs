//! Amounts in atomic units and the prices publishers write.

use core::{fmt, str::FromStr};

use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::String,
};
use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount of an asset in its atomic units (for USDC: millionths of a dollar).
///
/// On the wire it is a decimal string without sign, leading zeros or exponent
/// (x402 specification section 5.1.2, stricter where the text is silent: threat A6).
///
/// ```
/// use farthing::money::Amount;
/// assert_eq!("50000".parse::<Amount>().unwrap().to_string(), "50000");
/// assert!("050000".parse::<Amount>().is_err());
/// assert!("1e4".parse::<Amount>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(U256);

/// The text is not a decimal integer of at most 78 digits without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmountError;

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an amount in atomic units: digits only, no leading zero")
    }
}

impl core::error::Error for AmountError {}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);

    /// An amount of this many atomic units.
    pub const fn from_atomic(units: U256) -> Self {
        Self(units)
    }

    /// The number of atomic units.
    pub const fn atomic(self) -> U256 {
        self.0
    }

    /// The amount as a decimal number of whole units, with trailing zeros cut.
    ///
    /// ```
    /// use farthing::money::Amount;
    /// assert_eq!("50000".parse::<Amount>().unwrap().to_decimal(6), "0.05");
    /// assert_eq!("2000000".parse::<Amount>().unwrap().to_decimal(6), "2");
    /// ```
    pub fn to_decimal(self, decimals: u8) -> String {
        let digits = format!("{}", self.0);
        let places = usize::from(decimals);
        let padded = format!("{digits:0>width$}", width = places.saturating_add(1));
        let (whole, fraction) = padded.split_at(padded.len().saturating_sub(places));
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            whole.to_owned()
        } else {
            format!("{whole}.{fraction}")
        }
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = !text.is_empty()
            && text.len() <= 78
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        if !plain {
            return Err(AmountError);
        }
        U256::from_str_radix(text, 10).map(Self).map_err(|_| AmountError)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A price as a publisher writes it: `"$0.05"`, `"0.05 USDC"` or `"free"`.
///
/// A dollar price is exact in any dollar-denominated asset that has enough decimals.
///
/// ```
/// use farthing::money::Price;
/// let price: Price = "$0.05".parse().unwrap();
/// assert_eq!(price.in_units_of(6).unwrap().to_string(), "50000");
/// assert!("$0.0000001".parse::<Price>().unwrap().in_units_of(6).is_err());
/// assert!("five cents".parse::<Price>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Price {
    /// No payment is asked.
    Free,
    /// A number of dollars, as digits before and after the point.
    Dollars {
        /// Digits before the point, without leading zeros.
        whole: String,
        /// Digits after the point, without trailing zeros.
        fraction: String,
    },
}

/// Why a price could not be read or expressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PriceError {
    /// Not of a known form.
    Form,
    /// Zero: `"free"` has to be said in words.
    Zero,
    /// More digits after the point than the asset has decimals.
    TooFine,
    /// More than 256 bits of atomic units.
    TooLarge,
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "write a price like \"$0.05\", \"0.05 USDC\" or \"free\"",
            Self::Zero => "a price of zero is written \"free\"",
            Self::TooFine => "the price has more digits after the point than the asset's decimals",
            Self::TooLarge => "the price is too large",
        })
    }
}

impl core::error::Error for PriceError {}

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text == "free" {
            return Ok(Self::Free);
        }
        let number = match text.strip_prefix('$') {
            Some(rest) => rest,
            None => text.strip_suffix("USDC").ok_or(PriceError::Form)?.trim_end(),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.len() <= 40 && part.bytes().all(|b| b.is_ascii_digit());
        let leading = whole.len() > 1 && whole.starts_with('0');
        if !digits(whole) || !digits(fraction) || leading {
            return Err(PriceError::Form);
        }
        let fraction = fraction.trim_end_matches('0');
        if whole == "0" && fraction.is_empty() {
            return Err(PriceError::Zero);
        }
        Ok(Self::Dollars {
            whole: whole.to_owned(),
            fraction: fraction.to_owned(),
        })
    }
}

impl Price {
    /// The price in atomic units of a dollar asset with this many decimals.
    pub fn in_units_of(&self, decimals: u8) -> Result<Amount, PriceError> {
        let Self::Dollars { whole, fraction } = self else {
            return Ok(Amount::ZERO);
        };
        if fraction.len() > usize::from(decimals) {
            return Err(PriceError::TooFine);
        }
        let digits = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
        let digits = digits.trim_start_matches('0');
        digits.parse().map_err(|_| PriceError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a6_amounts_have_one_spelling() {
        for bad in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            "1.0",
            "1e4",
            " 1",
            "1 ",
            "0x1",
            "١",
            &"9".repeat(79),
        ] {
            assert_eq!(bad.parse::<Amount>(), Err(AmountError), "{bad:?}");
        }
        let largest = U256::MAX.to_string();
        assert_eq!(largest.parse::<Amount>().unwrap().to_string(), largest);
        // one more than 2^256-1 has 78 digits as well
        assert!(
            "115792089237316195423570985008687907853269984665640564039457584007913129639936"
                .parse::<Amount>()
                .is_err()
        );
    }

    #[test]
    fn prices_are_exact_in_six_and_eighteen_decimals() {
        for (text, six) in [
            ("$0.05", "50000"),
            ("0.05 USDC", "50000"),
            ("$1", "1000000"),
            ("$12.345678", "12345678"),
            ("$0.000001", "1"),
        ] {
            assert_eq!(
                text.parse::<Price>().unwrap().in_units_of(6).unwrap().to_string(),
                six,
                "{text}"
            );
        }
        assert_eq!(
            "$0.05".parse::<Price>().unwrap().in_units_of(18).unwrap().to_string(),
            "50000000000000000"
        );
        assert_eq!(
            "$0.0000001".parse::<Price>().unwrap().in_units_of(6),
            Err(PriceError::TooFine)
        );
        assert_eq!("$0.00".parse::<Price>(), Err(PriceError::Zero));
        for bad in [
            "0.05", "$", "$.05", "$5.", "$00.05", "$-1", "$1,000", "$1e3", "€1", "1 EUR", "$ 1",
        ] {
            assert_eq!(bad.parse::<Price>(), Err(PriceError::Form), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a6_decimal_text_and_atomic_units_agree(units in 1u128.., decimals in 0u8..20) {
            let amount = Amount::from_atomic(U256::from(units));
            let text = format!("${}", amount.to_decimal(decimals));
            prop_assert_eq!(text.parse::<Price>().unwrap().in_units_of(decimals).unwrap(), amount);
        }
    }
}
