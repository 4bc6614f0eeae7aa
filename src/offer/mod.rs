//! What is asked for a resource, and whether a payment answers it.

pub mod matching;
pub mod quote;

pub use matching::{Payment, Refusal};
pub use quote::Quote;

use alloc::vec::Vec;

use crate::{access::Keys, route::Route, x402::v2::PaymentRequirements};

/// The offers of a route for one resource, each with a quote that holds its price.
///
/// `random` makes the quotes unguessable; it may not be used twice.
pub fn offers(route: &Route, resource: &str, keys: &Keys, now: u64, random: [u8; 16]) -> Vec<PaymentRequirements> {
    route
        .offers
        .iter()
        .enumerate()
        .map(|(index, offer)| {
            let mut offer = offer.clone();
            let mut random = random;
            // offers of one answer differ in these bytes, so that no two quotes share a tag
            for (byte, with) in random.iter_mut().zip(index.to_le_bytes()) {
                *byte ^= with;
            }
            offer.extra.quote = Quote::new(resource, now, random, keys).and_then(|quote| quote.seal(keys, resource, &offer));
            offer
        })
        .collect()
}

#[cfg(test)]
mod tests;
