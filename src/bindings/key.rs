//! The exports that sign with a private key, for a WebAssembly of its own: nothing that a server sends is ever in
//! the memory where a key is.
//!
//! As in [`client`](super::client), texts cross the border. A key stays inside, one in each instance: whoever has
//! it overwrites the whole memory when it is not wanted any more, since arithmetic leaves copies on the stack.

#![allow(
    unsafe_code,
    reason = "the attribute that exports a function under its own name is called unsafe; there is no unsafe block"
)]

use alloc::string::String;
use core::cell::RefCell;
use std::thread_local;

use k256::{
    ecdsa::SigningKey,
    elliptic_curve::{sec1::ToEncodedPoint, zeroize::Zeroize},
};

use super::{memory::OUTPUT, texts::Texts};
use crate::evm::{hex, key::sign_digest};

thread_local! {
    static KEY: RefCell<Option<SigningKey>> = const { RefCell::new(None) };
}

/// Takes a payer's private key, `0x` and 64 hex digits, and gives the public key, `0x04` and two coordinates (SEC 1,
/// uncompressed), of which the core makes an address; nothing for what is no key.
#[unsafe(export_name = "key")]
pub extern "C" fn take(text: usize) {
    let mut text = Texts::default().bytes(text);
    let key = core::str::from_utf8(&text)
        .ok()
        .and_then(hex::read::<32>)
        .and_then(|mut bytes| {
            let key = SigningKey::from_bytes((&bytes).into()).ok();
            bytes.zeroize();
            key
        });
    text.zeroize();
    let point = key
        .as_ref()
        .map(|key| key.verifying_key().as_affine().to_encoded_point(false));
    KEY.set(key);
    tell(point.map(|point| hex::print(point.as_bytes())));
}

/// The key's signature of a digest, 32 bytes of hex: `0x` and 130 hex digits.
#[unsafe(no_mangle)]
pub extern "C" fn sign(digest: usize) {
    let digest = hex::read(&Texts::default().next(digest));
    tell(KEY.with_borrow(|key| sign_digest(key.as_ref()?, &digest?)));
}

fn tell(told: Option<String>) {
    OUTPUT.set(told.unwrap_or_default());
}
