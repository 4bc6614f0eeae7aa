//! What EVM chains prescribe: addresses, assets, typed data, signatures, and how to read a chain.

pub mod asset;
pub mod authorization;
mod call;
pub mod chain;
mod curve;
mod domain;
pub mod hex;
pub mod key;
pub mod permit2;
mod seconds;
pub mod signature;
mod signed;
mod transaction;

pub use alloy_primitives::{Address, B256, U256};
pub use asset::Asset;
pub use authorization::Authorization;
pub use call::Call;
pub use domain::Domain;
pub use key::Key;
pub use permit2::Permit;
pub use signature::Signature;
pub use signed::{Signed, Transfer};
pub use transaction::{Sealed, Transaction};

#[cfg(test)]
mod tests;
