//! The Worker's WebAssembly: the gate's exports, and the ledger as a Cloudflare Durable Object, one per site and payer.
//!
//! Every decision is the core's (`farthing::ledger`), taken in one synchronous step between
//! reading and writing SQLite; this crate waits, asks facilitators and chains, and keeps alarms.
//! It does so wherever a [`Host`] answers it and its effects are done: in the Worker that is the shim.
mod ask;
mod books;
mod budget;
mod calls;
mod config;
mod direct;
#[cfg(target_arch = "wasm32")]
pub mod exports;
mod ledger;
mod mine;
mod object;
mod platform;
mod quota;
mod rows;
mod scan;
mod sender;

pub use config::{Site, configure, configure_marks, configure_site};
pub use object::{Object, Step};
pub use platform::{Effect, Failure, Host, Result};
