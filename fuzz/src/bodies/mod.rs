//! One body per target. A body takes any bytes; it panics where a promise of the core is broken, and nowhere else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a broken promise is a panic here"
)]

mod chain;
mod client;
mod config;
mod facilitator;
mod json;
mod path;
mod payment;
mod reply;
mod request;
mod signature_input;
mod token;
mod values;
mod world;

/// What a target does with an input.
pub type Body = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Body)] = &[
    ("payment", payment::run),
    ("client", client::run),
    ("facilitator", facilitator::run),
    ("chain", chain::run),
    ("token", token::run),
    ("path", path::run),
    ("request", request::run),
    ("reply", reply::run),
    ("config", config::run),
    ("signature_input", signature_input::run),
    ("values", values::run),
    ("json", json::run),
];

/// Runs the body of a target.
///
/// # Panics
/// Where a promise is broken, and for a name that is not in [`TARGETS`].
pub fn run(name: &str, data: &[u8]) {
    let (_, body) = TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a target of this name");
    body(data);
}
