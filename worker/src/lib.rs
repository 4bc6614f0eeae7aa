//! The ledger of farthing as a Cloudflare Durable Object: one per site and payer.
//!
//! Every decision is the core's (`farthing::ledger`), taken in one synchronous step between
//! reading and writing SQLite; this crate waits, asks facilitators and chains, and keeps alarms.
mod ask;
mod books;
mod budget;
mod config;
mod ledger;
mod platform;
mod rows;
mod scan;

pub use config::configure;
pub use ledger::Ledger;
pub use platform::Platform;
