//! Base64 in little code, as a reader downloads it: the tests hold it equal to the crate that everything else uses.

use alloc::{string::String, vec::Vec};

/// The value of a digit; `url_safe` names the alphabet.
fn value(digit: u8, url_safe: bool) -> Option<u8> {
    let base = match digit {
        b'A'..=b'Z' => 65,
        b'a'..=b'z' => 71,
        b'0'..=b'9' => 252,
        b'+' if !url_safe => return Some(62),
        b'/' if !url_safe => return Some(63),
        b'-' if url_safe => return Some(62),
        b'_' if url_safe => return Some(63),
        _ => return None,
    };
    Some(digit.wrapping_sub(base))
}

/// Reads digits of one alphabet, without padding or stray bits.
pub(crate) fn read(digits: &str, url_safe: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.len());
    let (mut held, mut bits) = (0_u32, 0_u32);
    for digit in digits.bytes() {
        held = (held << 6) | u32::from(value(digit, url_safe)?);
        bits = bits.wrapping_add(6);
        if bits >= 8 {
            bits = bits.wrapping_sub(8);
            let [.., byte] = held.wrapping_shr(bits).to_be_bytes();
            bytes.push(byte);
            held ^= u32::from(byte).wrapping_shl(bits);
        }
    }
    (bits < 6 && held == 0).then_some(bytes)
}

/// Writes bytes in the standard alphabet, padded.
pub(crate) fn write(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut word = 0_u32;
        for place in 0..3 {
            word = (word << 8) | u32::from(group.get(place).copied().unwrap_or_default());
        }
        for place in 0..4 {
            word <<= 6;
            let [digit, ..] = word.to_be_bytes();
            word &= 0xff_ffff;
            text.push(char::from(match digit {
                _ if place > group.len() => b'=',
                0..26 => digit.wrapping_add(65),
                26..52 => digit.wrapping_add(71),
                52..62 => digit.wrapping_sub(4),
                62 => b'+',
                _ => b'/',
            }));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
    };
    use proptest::prelude::*;

    #[test]
    fn digits_are_those_of_their_alphabet() {
        for digit in 0..=127_u8 {
            let text = String::from_utf8(vec![b'A', digit.max(1), b'A', b'A']).unwrap();
            assert_eq!(read(&text, false), STANDARD_NO_PAD.decode(&text).ok(), "{text:?}");
            assert_eq!(read(&text, true), URL_SAFE_NO_PAD.decode(&text).ok(), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(crate::cases(10_000))]
        #[test]
        fn bytes_are_written_and_read_as_by_the_crate(bytes: Vec<u8>) {
            prop_assert_eq!(write(&bytes), STANDARD.encode(&bytes));
            prop_assert_eq!(read(&STANDARD_NO_PAD.encode(&bytes), false), Some(bytes.clone()));
            prop_assert_eq!(read(&URL_SAFE_NO_PAD.encode(&bytes), true), Some(bytes));
        }

        #[test]
        fn texts_are_read_or_refused_as_by_the_crate(text in "[A-Za-z0-9+/_=é -]{0,9}", url_safe: bool) {
            let theirs = if url_safe { URL_SAFE_NO_PAD.decode(&text) } else { STANDARD_NO_PAD.decode(&text) };
            prop_assert_eq!(read(&text, url_safe), theirs.ok());
        }
    }
}
