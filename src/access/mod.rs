//! Who may read without paying again, and who may ask: keys, MAC'd tokens, the pass of one article, the
//! handle of one reader, the id of one receipt; and the tokens of a login that is the publisher's own.

pub mod cookie;
pub mod jwt;
pub mod keys;
pub mod pass;
pub mod receipt_id;
pub mod sign_in;
pub mod token;

pub use keys::{Keys, KeysError, Purpose};
pub use pass::{Handle, Pass};

#[cfg(test)]
mod tests;
