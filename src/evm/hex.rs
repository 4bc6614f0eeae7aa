//! Hexadecimal wire values: fixed length, `0x` in front, any letter case (threat C6).
//! ```
//! use farthing::evm::hex;
//! assert_eq!(hex::read::<2>("0xAb01"), Some([0xab, 1]));
//! assert_eq!(hex::print(&[0xab, 1]), "0xab01");
//! // another length, another prefix
//! assert_eq!(hex::read::<2>("0xab"), None);
//! assert_eq!(hex::read::<2>("0Xab01"), None);
//! ```

use alloc::{borrow::Cow, string::String};

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Deserializer, de};

/// Reads exactly `N` bytes from `0x` and `2 N` hex digits.
pub fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes, text).then_some(bytes)
}

/// One copy for all lengths.
fn fill(bytes: &mut [u8], text: &str) -> bool {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let Some(([b'0', b'x'], pairs)) = pairs.split_first() else {
        return false;
    };
    let fits = rest.is_empty() && pairs.len() == bytes.len();
    fits && bytes.iter_mut().zip(pairs).all(|(byte, [high, low])| {
        let value = digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4) | low);
        *byte = value.unwrap_or_default();
        value.is_some()
    })
}

/// The value of a hex digit of either case.
pub(crate) const fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit & 15),
        b'a'..=b'f' | b'A'..=b'F' => Some((digit & 15).wrapping_add(9)),
        _ => None,
    }
}

/// Prints bytes as `0x` and lower-case digits.
pub fn print(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_add(1).saturating_mul(2));
    text += "0x";
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            let base = if digit < 10 { b'0' } else { b'a'.wrapping_sub(10) };
            text.push(char::from(digit.wrapping_add(base)));
        }
    }
    text
}

/// For `#[serde(with)]`: a 20-byte address, read in any case, written with its EIP-55 checksum.
pub mod address {
    use core::cell::RefCell;
    use std::thread_local;

    use alloc::{rc::Rc, vec::Vec};
    use serde::Serializer;

    use super::*;

    /// Reads an address.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        read(&text)
            .map(Address::new)
            .ok_or_else(|| de::Error::custom("not an address"))
    }

    /// Writes an address.
    pub fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&checksummed(*address))
    }

    /// So many addresses are kept with their checksums: a site's tokens and payees, and the payer of the moment.
    const KEPT: usize = 8;

    thread_local! {
        static CHECKSUMMED: RefCell<Vec<(Address, Rc<str>)>> = const { RefCell::new(Vec::new()) };
    }

    /// The text of an address. A checksum is a whole Keccak-256, and every answer has the same few of them.
    fn checksummed(address: Address) -> Rc<str> {
        CHECKSUMMED.with_borrow_mut(|kept| {
            if let Some((_, text)) = kept.iter().find(|(other, _)| *other == address) {
                return Rc::clone(text);
            }
            if kept.len() == KEPT {
                kept.remove(0);
            }
            let text: Rc<str> = address.to_checksum_buffer(None).as_str().into();
            kept.push((address, Rc::clone(&text)));
            text
        })
    }
}

/// For `#[serde(with)]`: a 32-byte word.
pub mod word {
    use super::*;
    use serde::Serializer;

    /// Reads a word.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<B256, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        read(&text)
            .map(B256::new)
            .ok_or_else(|| de::Error::custom("not 32 bytes of hex"))
    }

    /// Writes a word.
    pub fn serialize<S: Serializer>(word: &B256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&print(word.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c6_one_value_has_one_reading() {
        assert_eq!(read::<2>("0xAbCd"), read::<2>("0xabcd"));
        for bad in [
            "abcd", "0xabc", "0xabcde", "0xabcdef", "0xabcg", "0x", "0X00aa", "0x0xab", "0x0xabcd", " 0xabcd", "0xabcd0x",
        ] {
            assert_eq!(read::<2>(bad), None, "{bad}");
        }
    }
}
