//! What EVM chains prescribe: addresses, assets, typed data, signatures, and how to read a chain.

pub mod asset;
pub mod authorization;
pub mod chain;
pub mod hex;
pub mod signature;

pub use alloy_primitives::{Address, B256, U256};
pub use asset::Asset;
pub use authorization::Authorization;
pub use signature::Signature;
