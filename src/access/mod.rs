//! Who may read without paying again: keys, MAC'd tokens, the pass of one article and the handle
//! of one reader.

pub mod cookie;
pub mod keys;
pub mod pass;
pub mod sign_in;
pub mod token;

pub use keys::{Keys, KeysError, Purpose};
pub use pass::{Handle, Pass};

#[cfg(test)]
mod tests;
