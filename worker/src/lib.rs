//! The ledger of farthing as a Cloudflare Durable Object: one per site and payer.
//!
//! Every decision is the core's (`farthing::ledger`), taken in one synchronous step between
//! reading and writing SQLite; this crate waits, asks facilitators and chains, and keeps alarms.
#![allow(
    missing_docs,
    reason = "the object's macro writes undocumented functions; this crate has no Rust users"
)]

mod ask;
mod config;
mod ledger;
mod rows;
mod wait;

pub use config::configure;
pub use ledger::Ledger;
