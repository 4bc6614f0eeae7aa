//! The x402 wire format: what the headers and bodies say, without any judgement about it.
//!
//! Version 2 lives in [`v2`], version 1 in [`v1`], what may come on top in [`extension`]; what all
//! share is here. Reading is strict (threats C1 to C6), writing is canonical: standard base64 with
//! padding over compact JSON.

pub mod extension;
pub mod facilitator;
pub mod header;
pub mod network;
pub mod reason;
mod strict;
pub mod v1;
pub mod v2;
mod wider;

pub use network::Network;
pub(crate) use strict::with_member;
pub use strict::{DecodeError, MAX_HEADER_BYTES, decode, encode, encode_with};
pub use wider::Wider;
