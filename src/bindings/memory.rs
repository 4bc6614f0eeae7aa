//! What the plain modules begin with: a buffer that JavaScript writes into, and a text that it reads.

#![allow(
    unsafe_code,
    reason = "the attribute that exports a function under its own name is called unsafe; there is no unsafe block"
)]

use alloc::{string::String, vec::Vec};
use core::cell::RefCell;
use std::thread_local;

thread_local! {
    /// What a call is about, as JavaScript wrote it.
    pub(super) static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// What came of the last call.
    pub(super) static OUTPUT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The address of a buffer of at least this many bytes, valid until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn buffer(length: usize) -> *const u8 {
    INPUT.with_borrow_mut(|input| {
        if input.len() < length {
            input.resize(length, 0);
        }
        input.as_ptr()
    })
}

/// The address of the last call's output.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    OUTPUT.with_borrow(|output| output.as_ptr())
}

/// The length of the last call's output.
#[unsafe(no_mangle)]
pub extern "C" fn output_length() -> usize {
    OUTPUT.with_borrow(String::len)
}
