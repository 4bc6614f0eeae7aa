//! What is asked for a resource, and whether a payment answers it.

pub mod matching;
pub mod quote;

pub use matching::{Payment, Refusal};
pub use quote::Quote;

use alloc::{string::String, vec::Vec};

use crate::{access::Keys, route::Route, x402::v2::PaymentRequirements};

/// The offers of a route for one resource, each with a quote that holds its price.
///
/// `random` makes the quotes unguessable; it may not be used twice.
/// ```
/// use farthing::{access::Keys, offer::{Quote, offers}, route::Config};
/// let config = Config::parse(r#"{
///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
///     "networks": ["eip155:84532"], "settlement": {"facilitators": [{"url": "https://x402.org/facilitator"}]},
///     "routes": [{"match": "/articles/*", "price": "$0.05"}]
/// }"#).unwrap();
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let page = "https://news.example/articles/x";
/// let [offer] = offers(&config.routes[0], page, &keys, 1_800_000_000, [7; 16]).try_into().unwrap();
/// assert_eq!((offer.network.to_string(), offer.amount.to_string()), ("eip155:84532".into(), "50000".into()));
/// let quote = Quote::open(&keys, offer.extra.quote.as_ref().unwrap(), page, &offer).unwrap();
/// assert_eq!(quote.expires, 1_800_000_000 + 15 * 60);
/// ```
pub fn offers(route: &Route, resource: &str, keys: &Keys, now: u64, random: [u8; 16]) -> Vec<PaymentRequirements> {
    route
        .ways(resource)
        .enumerate()
        .map(|(index, offer)| {
            let mut offer = offer.clone();
            let mut random = random;
            // offers of one answer differ in these bytes, so that no two quotes share a tag
            for (byte, with) in random.iter_mut().zip(index.to_le_bytes()) {
                *byte ^= with;
            }
            let quote = Quote::new(&sold(resource, &offer), now, random, keys);
            offer.extra.quote = quote.and_then(|quote| quote.seal(keys, resource, &offer));
            offer
        })
        .collect()
}

/// What a tag names: the article, and the wider offer where it is sold with one. No address has a space.
fn sold(resource: &str, offer: &PaymentRequirements) -> String {
    match &offer.extra.offer {
        Some(wider) => [resource, " ", &wider.name].concat(),
        None => resource.into(),
    }
}

#[cfg(test)]
mod tests;
