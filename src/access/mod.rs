//! Who may read without paying again, and who may ask: keys, MAC'd tokens, the pass of one article, the
//! handle of one reader, the id of one receipt, what is given away; and the tokens of a login that is the publisher's own.

pub mod cookie;
pub mod gift;
pub mod jwt;
pub mod keys;
pub mod mark;
pub mod meter;
pub mod order;
pub mod pass;
pub mod receipt_id;
pub mod sign_in;
pub mod token;

pub use gift::Gift;
pub use keys::{Keys, KeysError, Purpose};
pub use mark::Marks;
pub use meter::Meter;
pub use order::{Name, Order};
pub use pass::{Handle, Pass};

#[cfg(test)]
mod tests;
