//! Tokens, quotes, passes, handles and the cookies that carry them.
//!
//! The first byte chooses: a text that somebody sends; a payload under our own MAC, whose every reader must take it or leave
//! it whole; a cookie header.

use farthing::{
    access::{Handle, Keys, Pass, Purpose, cookie, token},
    offer::{Quote, quote::tag_of},
};

use super::world::{self, ARTICLE, NOW, SITE};

const PURPOSES: [Purpose; 5] = [Purpose::Quote, Purpose::Pass, Purpose::Handle, Purpose::Tag, Purpose::Address];

pub(super) fn run(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    match choice % 4 {
        0 => stranger(&String::from_utf8_lossy(rest)),
        1 => payload(rest),
        2 => cookies(&String::from_utf8_lossy(rest)),
        _ => {
            if let Ok(keys) = Keys::parse(&String::from_utf8_lossy(rest)) {
                let sealed = token::seal(&keys, Purpose::Pass, b"x", b"y").unwrap();
                assert_eq!(token::open(&keys, Purpose::Pass, &sealed, b"y").as_deref(), Some(&b"x"[..]));
                assert_eq!(token::open(world::keys(), Purpose::Pass, &sealed, b"y"), None);
            }
        }
    }
}

/// Nobody makes a token without a key: none of these opens. The corpus holds tokens of ours for other contexts.
fn stranger(text: &str) {
    let text = &world::fill(text);
    for purpose in PURPOSES {
        assert_eq!(token::open(world::keys(), purpose, text, b"some context"), None);
    }
    assert_eq!(Pass::open(world::keys(), ARTICLE, text, NOW), None);
    assert_eq!(Handle::open(world::keys(), SITE, text, NOW), None);
    let offer = &world::route().offers[0];
    if let Some(quote) = Quote::open(world::keys(), text, ARTICLE, offer) {
        // the two that were made for this offer, in the one spelling they have
        assert!([0, 2].iter().any(|index| world::quotes()[*index] == *text));
        assert_eq!(tag_of(text), Some(quote.tag));
    }
    if let Some(peeked) = token::peek(text) {
        assert!(peeked.len() < text.len());
    }
}

fn payload(bytes: &[u8]) {
    for purpose in PURPOSES {
        let sealed = token::seal(world::keys(), purpose, bytes, b"context").unwrap();
        let opened = token::open(world::keys(), purpose, &sealed, b"context");
        // only what is short enough to be read is ever made
        assert!(opened.as_deref() == Some(bytes) || sealed.len() > 512);
        assert_eq!(token::open(world::keys(), purpose, &sealed, b"another"), None);
        // one bit of any byte
        let at = bytes
            .iter()
            .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()))
            % sealed.len();
        let mut other = sealed.clone().into_bytes();
        other[at] ^= 1 << (at % 7);
        if let Ok(other) = String::from_utf8(other) {
            assert_eq!(token::open(world::keys(), purpose, &other, b"context"), None);
        }
    }
    let keys = world::keys();
    let as_pass = token::seal(keys, Purpose::Pass, bytes, ARTICLE.as_bytes()).unwrap();
    if let Some(pass) = Pass::open(keys, ARTICLE, &as_pass, NOW) {
        assert!(pass.expires > NOW);
        assert_eq!(pass.seal(keys, ARTICLE), Some(as_pass.clone()), "one spelling");
        assert_eq!(Pass::open(keys, ARTICLE, &as_pass, pass.expires), None);
        assert_eq!(Handle::open(keys, ARTICLE, &as_pass, NOW), None);
    }
    let as_handle = token::seal(keys, Purpose::Handle, bytes, SITE.as_bytes()).unwrap();
    if let Some(handle) = Handle::open(keys, SITE, &as_handle, NOW) {
        assert_eq!(handle.seal(keys, SITE), Some(as_handle.clone()), "one spelling");
        assert_eq!(Handle::open(keys, SITE, &as_handle, handle.expires), None);
        assert_eq!(Pass::open(keys, SITE, &as_handle, NOW), None);
    }
}

fn cookies(header: &str) {
    for name in [cookie::PASS, cookie::HANDLE] {
        let values: Vec<_> = cookie::values(header, name).collect();
        assert!(values.len() <= 8);
        for value in values {
            assert!(!value.contains(';') && header.contains(&format!("{name}={value}")));
            stranger(value);
        }
    }
}
