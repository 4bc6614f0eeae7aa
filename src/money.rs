//! Amounts in atomic units and the prices publishers write.

use core::{fmt, str::FromStr};

use alloc::{
    borrow::{Cow, ToOwned},
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
        let places = usize::from(decimals);
        let mut digits = self.digits();
        while digits.len() <= places {
            digits.insert(0, '0');
        }
        let (whole, fraction) = digits
            .split_at_checked(digits.len().saturating_sub(places))
            .unwrap_or_default();
        let fraction = without_trailing_zeros(fraction);
        let point = if fraction.is_empty() { "" } else { "." };
        [whole, point, fraction].concat()
    }

    /// The number of atomic units, in digits. `Display` brings 5 kB along for a reader to download.
    pub(crate) fn digits(self) -> String {
        digits(&mut self.word())
    }

    /// The number of atomic units as a word of the chain's: the highest byte first.
    pub(crate) fn word(self) -> [u8; 32] {
        let mut word = [0; 32];
        let (parts, _) = word.as_chunks_mut();
        for (part, limb) in parts.iter_mut().rev().zip(self.0.as_limbs()) {
            *part = limb.to_be_bytes();
        }
        word
    }

    /// Reads what [`word`](Self::word) writes.
    pub(crate) fn from_word(word: [u8; 32]) -> Self {
        let mut limbs = [0; 4];
        let (parts, _) = word.as_chunks();
        for (part, limb) in parts.iter().rev().zip(&mut limbs) {
            *limb = u64::from_be_bytes(*part);
        }
        Self(U256::from_limbs(limbs))
    }
}

/// A number in digits.
pub(crate) fn decimal(number: u64) -> String {
    digits(&mut number.to_be_bytes())
}

/// The digits of a number of so many bytes, the first of them the highest; they are zero afterwards.
fn digits(number: &mut [u8]) -> String {
    let mut text = String::new();
    loop {
        let mut rest = 0_u16;
        for byte in number.iter_mut() {
            let part = (rest << 8) | u16::from(*byte);
            [_, *byte] = (part / 10).to_be_bytes();
            rest = part % 10;
        }
        let [_, digit] = rest.to_be_bytes();
        text.insert(0, char::from(digit | b'0'));
        if number.iter().all(|byte| *byte == 0) {
            return text;
        }
    }
}

fn without_trailing_zeros(mut digits: &str) -> &str {
    while let Some(rest) = digits.strip_suffix("0") {
        digits = rest;
    }
    digits
}

/// Both sides of the first of these bytes, which is ASCII: `split_once` brings a search along that is
/// larger than what it is for.
pub(crate) fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|b| b == byte)?;
    Some((text.get(..at)?, text.get(at.checked_add(1)?..)?))
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = !text.is_empty()
            && text.len() <= 78
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text == "0" || !text.starts_with("0"));
        if !plain {
            return Err(AmountError);
        }
        let mut number = [0; 32];
        for digit in text.bytes() {
            let mut carry = u16::from(digit & 15);
            for byte in number.iter_mut().rev() {
                let sum = carry.wrapping_add(u16::from(*byte).wrapping_mul(10));
                [_, *byte] = sum.to_be_bytes();
                carry = sum >> 8;
            }
            if carry > 0 {
                return Err(AmountError);
            }
        }
        Ok(Self::from_word(number))
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
/// A dollar price is that many whole units of whatever asset it is asked in, exactly; a price with a
/// symbol is for assets of that symbol alone.
///
/// ```
/// use farthing::money::Price;
/// let price: Price = "$0.05".parse().unwrap();
/// assert_eq!(price.in_units_of(6).unwrap().to_string(), "50000");
/// assert!("$0.0000001".parse::<Price>().unwrap().in_units_of(6).is_err());
/// assert!("five cents".parse::<Price>().is_err());
///
/// let price: Price = "0.05 USDT".parse().unwrap();
/// assert!(price.in_asset("USDT", 6).is_ok());
/// assert!(price.in_asset("USDC", 6).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Price {
    /// No payment is asked.
    Free,
    /// A number of dollars.
    Dollars(Decimal),
    /// A number of whole units of the assets of this symbol.
    Tokens(Decimal, String),
}

/// A positive decimal number, as its digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// Before the point, without leading zeros.
    whole: String,
    /// After the point, without trailing zeros.
    fraction: String,
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
    /// The price is in assets of another symbol.
    OtherAsset,
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "write a price like \"$0.05\", \"0.05 USDC\" or \"free\"",
            Self::Zero => "a price of zero is written \"free\"",
            Self::TooFine => "the price has more digits after the point than the asset's decimals",
            Self::TooLarge => "the price is too large",
            Self::OtherAsset => "the price is in another asset",
        })
    }
}

impl core::error::Error for PriceError {}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole)?;
        if !self.fraction.is_empty() {
            f.write_str(".")?;
            f.write_str(&self.fraction)?;
        }
        Ok(())
    }
}

/// As it is read, with no digit more than needed.
///
/// ```
/// use farthing::money::Price;
/// assert_eq!("$0.050".parse::<Price>().unwrap().to_string(), "$0.05");
/// ```
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free => f.write_str("free"),
            Self::Dollars(number) => write!(f, "${number}"),
            Self::Tokens(number, symbol) => write!(f, "{number} {symbol}"),
        }
    }
}

/// Whether a text can be an asset's symbol: 1 to 16 letters, digits, points, dashes and underscores, the
/// first of them a letter.
///
/// ```
/// use farthing::money::is_symbol;
/// assert!(is_symbol("USDC.e"));
/// assert!(!is_symbol("$"));
/// ```
pub fn is_symbol(text: &str) -> bool {
    text.len() <= 16
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim_ascii();
        if text == "free" {
            return Ok(Self::Free);
        }
        if let Some(number) = text.strip_prefix("$") {
            return number.parse().map(Self::Dollars);
        }
        let (number, symbol) = split_at_byte(text, b' ')
            .filter(|(_, symbol)| is_symbol(symbol))
            .ok_or(PriceError::Form)?;
        Ok(Self::Tokens(number.parse()?, symbol.to_owned()))
    }
}

impl FromStr for Decimal {
    type Err = PriceError;

    fn from_str(number: &str) -> Result<Self, Self::Err> {
        let (whole, fraction) = split_at_byte(number, b'.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.len() <= 40 && part.bytes().all(|b| b.is_ascii_digit());
        let leading = whole.len() > 1 && whole.starts_with("0");
        if !digits(whole) || !digits(fraction) || leading {
            return Err(PriceError::Form);
        }
        let fraction = without_trailing_zeros(fraction);
        if whole == "0" && fraction.is_empty() {
            return Err(PriceError::Zero);
        }
        Ok(Self {
            whole: whole.to_owned(),
            fraction: fraction.to_owned(),
        })
    }
}

impl Decimal {
    fn in_units_of(&self, decimals: u8) -> Result<Amount, PriceError> {
        let Self { whole, fraction } = self;
        if fraction.len() > usize::from(decimals) {
            return Err(PriceError::TooFine);
        }
        let mut digits = if whole == "0" { String::new() } else { whole.clone() };
        for place in 0..usize::from(decimals) {
            let digit = fraction.as_bytes().get(place).copied().unwrap_or(b'0');
            if digit != b'0' || !digits.is_empty() {
                digits.push(char::from(digit));
            }
        }
        digits.parse().map_err(|_| PriceError::TooLarge)
    }
}

impl Price {
    /// The price in atomic units of an asset with this many decimals, whatever its symbol.
    pub fn in_units_of(&self, decimals: u8) -> Result<Amount, PriceError> {
        match self {
            Self::Free => Ok(Amount::ZERO),
            Self::Dollars(number) | Self::Tokens(number, _) => number.in_units_of(decimals),
        }
    }

    /// The symbol of the assets it is in, if it names one.
    pub fn symbol(&self) -> Option<&str> {
        match self {
            Self::Tokens(_, symbol) => Some(symbol),
            _ => None,
        }
    }

    /// The price in atomic units of this asset.
    pub fn in_asset(&self, symbol: &str, decimals: u8) -> Result<Amount, PriceError> {
        match self.symbol() {
            Some(other) if other != symbol => Err(PriceError::OtherAsset),
            _ => self.in_units_of(decimals),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};
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
            "0.05",
            "$",
            "$.05",
            "$5.",
            "$00.05",
            "$-1",
            "$1,000",
            "$1e3",
            "€1",
            "1 €",
            "$ 1",
            "1",
            "1 ",
            "1  USDC",
            "1USDC",
            "USDC 1",
            "1 2USD",
            "$1 USDC",
            "1 USDC USDT",
            "1 AVeryLongSymbolIndeed",
            "FREE",
            "٣ USDC",
        ] {
            assert_eq!(bad.parse::<Price>(), Err(PriceError::Form), "{bad}");
        }
    }

    #[test]
    fn a_price_with_a_symbol_is_for_that_asset_alone() {
        let price: Price = "0.05 USDC.e".parse().unwrap();
        assert_eq!(price.in_asset("USDC.e", 6).unwrap().to_string(), "50000");
        assert_eq!(price.in_asset("USDC", 6), Err(PriceError::OtherAsset));
        assert_eq!(price.in_asset("usdc.e", 6), Err(PriceError::OtherAsset));
        let price: Price = "$0.05".parse().unwrap();
        assert_eq!(price.in_asset("USDC", 6), price.in_asset("mUSD", 6));
        assert_eq!("free".parse::<Price>().unwrap().in_asset("USDC", 6), Ok(Amount::ZERO));
    }

    proptest! {
        #![proptest_config(crate::cases(10_000))]
        #[test]
        fn words_and_digits_are_those_of_the_number(word: [u8; 32], low: u64) {
            for number in [U256::from_be_bytes(word), U256::from(low)] {
                let amount = Amount::from_atomic(number);
                prop_assert_eq!(amount.word(), number.to_be_bytes::<32>());
                prop_assert_eq!(Amount::from_word(amount.word()), amount);
                prop_assert_eq!(amount.digits(), number.to_string());
                prop_assert_eq!(amount.digits().parse(), Ok(amount));
            }
            prop_assert_eq!(decimal(low), low.to_string());
        }

        #[test]
        fn a6_decimal_text_and_atomic_units_agree(units in 1u128.., decimals in 0u8..=18) {
            let amount = Amount::from_atomic(U256::from(units));
            let number = amount.to_decimal(decimals);
            prop_assert_eq!(format!("${number}").parse::<Price>().unwrap().in_units_of(decimals).unwrap(), amount);
            prop_assert_eq!(format!("{number} mUSD").parse::<Price>().unwrap().in_asset("mUSD", decimals).unwrap(), amount);
        }

        #[test]
        fn a6_more_decimals_are_a_power_of_ten_more_units(units in 1u64.., decimals in 0u8..=18, more in 0u8..=18) {
            let price: Price = format!("${}", Amount::from_atomic(U256::from(units)).to_decimal(decimals)).parse().unwrap();
            let fewer = price.in_units_of(decimals).unwrap().atomic();
            let finer = price.in_units_of(decimals + more).unwrap().atomic();
            prop_assert_eq!(finer, fewer * U256::from(10).pow(U256::from(more)));
        }

        #[test]
        fn a6_what_an_asset_cannot_express_is_refused_never_rounded(digits in "[0-9]{1,24}", decimals in 0u8..=18) {
            if let Ok(price) = format!("$1.{digits}").parse::<Price>() {
                let fits = digits.trim_end_matches('0').len() <= usize::from(decimals);
                prop_assert_eq!(price.in_units_of(decimals).is_ok(), fits);
                if !fits {
                    prop_assert_eq!(price.in_units_of(decimals), Err(PriceError::TooFine));
                }
            }
        }

        #[test]
        fn a6_a_price_has_one_spelling(text in "(\\$|)[0-9]{1,3}(\\.[0-9]{0,3})?( USD[CT]?)?|free") {
            if let Ok(price) = text.parse::<Price>() {
                let printed = price.to_string();
                prop_assert_eq!(&printed.parse::<Price>().unwrap(), &price);
                prop_assert!(printed.len() <= text.len());
                prop_assert_eq!(printed.parse::<Price>().unwrap().to_string(), printed);
            }
        }

        #[test]
        fn reading_a_price_never_panics(text in ".{0,24}") {
            let _ = text.parse::<Price>();
        }
    }
}
