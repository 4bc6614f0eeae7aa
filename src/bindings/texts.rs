//! The texts of a call to one of the paying client's modules.

use alloc::{string::String, vec::Vec};

use k256::elliptic_curve::zeroize::Zeroize;

use super::memory::INPUT;

/// The texts of a call, in their order; each is overwritten in the buffer as it is read.
#[derive(Debug, Default)]
pub(super) struct Texts(usize);

impl Texts {
    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let begin = self.0;
        self.0 = begin.saturating_add(length);
        INPUT.with_borrow_mut(|input| {
            let given = input.get_mut(begin..self.0).unwrap_or_default();
            let bytes = given.to_vec();
            given.zeroize();
            bytes
        })
    }

    pub(super) fn next(&mut self, length: usize) -> String {
        String::from_utf8(self.bytes(length)).unwrap_or_default()
    }
}
