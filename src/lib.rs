//! The pure core of farthing: x402 payments for articles.
//!
//! Everything farthing decides is decided here: which resource a request names and what it costs
//! ([`route`]), the offer a reader gets ([`offer`]), what a payment header says and whether it
//! answers that offer ([`x402`], [`evm`]), what becomes of a payment ([`ledger`]), who may read
//! again without paying ([`access`]), which program asks ([`crawl`]) and the steps of a paying reader ([`client`]). [`gate`] puts
//! them in the order of a request.
//!
//! Nothing here performs I/O, reads a clock or draws a random number: time and random bytes come
//! in as arguments, and what has to be done goes out as data. The Worker and the browser widget
//! are thin shells around it.
//!
//! Money is an integer number of an asset's atomic units ([`money::Amount`]); there are no floats.
#![forbid(unsafe_op_in_unsafe_fn)]
#![cfg_attr(
    not(any(
        feature = "edge",
        feature = "widget",
        feature = "client",
        feature = "key",
        feature = "tools"
    )),
    forbid(unsafe_code)
)]
#![cfg_attr(
    any(
        feature = "edge",
        feature = "widget",
        feature = "client",
        feature = "key",
        feature = "tools"
    ),
    deny(unsafe_code)
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test that overflows fails"))]

extern crate alloc;

pub mod access;
#[cfg(any(
    feature = "edge",
    feature = "widget",
    feature = "client",
    feature = "key",
    feature = "tools"
))]
pub mod bindings;
pub mod client;
pub mod crawl;
pub mod evm;
pub mod gate;
pub mod json;
pub mod ledger;
pub mod money;
pub mod offer;
pub mod problem;
mod radix64;
pub mod route;
pub mod sender;
pub mod time;
pub mod trim;
pub mod x402;

/// How many cases a property is tried on: so many, or as many as `PROPTEST_CASES` says.
#[cfg(test)]
pub(crate) fn cases(many: u32) -> proptest::test_runner::Config {
    let config = proptest::test_runner::Config::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => proptest::test_runner::Config { cases: many, ..config },
    }
}
