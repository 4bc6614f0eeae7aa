//! The quote in an offer's `extra`: it holds a price for a while and lets the stateless edge
//! recognise its own offer (threat A4).
//!
//! The payload is a 16-byte tag, then issue and expiry in Unix seconds (8 bytes each). The tag is
//! one AES-128 block under the publisher's ledger key: 8 bytes of the resource's digest and 8 random
//! bytes, so a nonce that starts with it names the article to the publisher and to nobody else.
//! The MAC covers the resource and every field of the requirement.

use core::fmt::Write;

use aes::{
    Aes128,
    cipher::{BlockDecrypt, BlockEncrypt, KeyInit},
};
use alloc::{string::String, vec::Vec};

use crate::{
    access::{Keys, Purpose, pass::short_digest, token},
    x402::v2::PaymentRequirements,
};

/// How long a price holds, in seconds: time for a slow reader with a slow wallet.
pub const QUOTE_SECONDS: u64 = 15 * 60;

/// What a quote says.
/// ```
/// use farthing::{access::Keys, offer::{Quote, quote::tag_of}, route::Config};
/// let config = Config::parse(r#"{
///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
///     "networks": ["eip155:84532"], "settlement": {"facilitators": [{"url": "https://x402.org/facilitator"}]},
///     "routes": [{"match": "/articles/*", "price": "$0.05"}]
/// }"#).unwrap();
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let (page, offer) = ("https://news.example/articles/x", &config.routes[0].offers[0]);
/// let quote = Quote::new(page, 1_800_000_000, [7; 16], &keys).unwrap();
/// let text = quote.seal(&keys, page, offer).unwrap();
/// assert_eq!(Quote::open(&keys, &text, page, offer), Some(quote));
/// assert_eq!(Quote::open(&keys, &text, "https://news.example/articles/y", offer), None);
/// // a payer's nonce begins with the tag
/// assert_eq!(tag_of(&text), Some(quote.tag));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The ledger tag.
    pub tag: [u8; 16],
    /// Unix seconds of issue.
    pub issued: u64,
    /// Unix seconds after which the price may be another.
    pub expires: u64,
}

impl Quote {
    /// A new quote for a resource; none only if there is no key.
    pub fn new(resource: &str, now: u64, random: [u8; 16], keys: &Keys) -> Option<Self> {
        let (_, key) = keys.signing(Purpose::Tag)?;
        let (key, _) = key.split_first_chunk::<16>()?;
        let named = resource_id(resource);
        let mut block = [0; 16];
        for (to, from) in block.iter_mut().zip(named.iter().chain(random.iter().take(8))) {
            *to = *from;
        }
        let mut block = block.into();
        Aes128::new(key.into()).encrypt_block(&mut block);
        Some(Self {
            tag: block.into(),
            issued: now,
            expires: now.checked_add(QUOTE_SECONDS)?,
        })
    }

    /// The text for `extra.quote` of this offer.
    pub fn seal(&self, keys: &Keys, resource: &str, offer: &PaymentRequirements) -> Option<String> {
        let mut payload = Vec::with_capacity(32);
        payload.extend_from_slice(&self.tag);
        payload.extend_from_slice(&self.issued.to_be_bytes());
        payload.extend_from_slice(&self.expires.to_be_bytes());
        token::seal(keys, Purpose::Quote, &payload, terms(resource, offer).as_bytes())
    }

    /// The quote, if we made it for exactly this offer and resource.
    pub fn open(keys: &Keys, text: &str, resource: &str, offer: &PaymentRequirements) -> Option<Self> {
        let payload = token::open(keys, Purpose::Quote, text, terms(resource, offer).as_bytes())?;
        Self::read(&payload)
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let (tag, rest) = payload.split_first_chunk::<16>()?;
        let (issued, rest) = rest.split_first_chunk::<8>()?;
        let (expires, rest) = rest.split_first_chunk::<8>()?;
        rest.is_empty().then_some(Self {
            tag: *tag,
            issued: u64::from_be_bytes(*issued),
            expires: u64::from_be_bytes(*expires),
        })
    }
}

/// The ledger tag of a quote, for a client, which cannot check it; none if it is not a quote.
pub fn tag_of(text: &str) -> Option<[u8; 16]> {
    Quote::read(&token::peek(text)?).map(|quote| quote.tag)
}

/// What a tag names a resource by: the first 8 bytes of a digest of its canonical URL.
pub fn resource_id(resource: &str) -> [u8; 8] {
    let digest = short_digest("farthing resource", resource.as_bytes());
    digest.first_chunk().copied().unwrap_or_default()
}

/// What a tag, or the first half of a nonce, names under each of the publisher's keys. Under any but the one
/// it was made with, and for a nonce of another client, that is noise: it is no resource's id.
/// ```
/// use farthing::{access::Keys, offer::{Quote, quote::{named_by, resource_id}}};
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let page = "https://news.example/articles/x";
/// let tag = Quote::new(page, 1_800_000_000, [7; 16], &keys).unwrap().tag;
/// assert!(named_by(&keys, tag).any(|id| id == resource_id(page)));
/// ```
pub fn named_by(keys: &Keys, tag: [u8; 16]) -> impl Iterator<Item = [u8; 8]> {
    keys.all(Purpose::Tag).filter_map(move |(_, key)| {
        let (key, _) = key.split_first_chunk::<16>()?;
        let mut block = tag.into();
        Aes128::new(key.into()).decrypt_block(&mut block);
        let block: [u8; 16] = block.into();
        block.first_chunk().copied()
    })
}

/// What the MAC covers besides the token: one line per field, none can contain a line break.
fn terms(resource: &str, offer: &PaymentRequirements) -> String {
    let mut text = String::with_capacity(256);
    // writing to a String cannot fail
    let _ = write!(
        text,
        "{resource}\n{}\n{}\n{}\n{:x}\n{:x}\n{}\n{}\n{}\n{}\n{}\n",
        offer.scheme.name(),
        offer.network,
        offer.amount,
        offer.asset,
        offer.pay_to,
        offer.max_timeout_seconds,
        offer.extra.name,
        offer.extra.version,
        offer.extra.transfer.name(),
        offer.extra.flow.name(),
    );
    if let Some(facilitator) = offer.extra.facilitator {
        let _ = write!(text, "{facilitator:x}");
    }
    // for how long it opens is promised with the price
    if let Some(seconds) = offer.extra.access_seconds {
        let _ = write!(text, "\naccess {seconds}");
    }
    // a price for one agent is nobody else's (threat D10)
    if let Some(audience) = &offer.extra.audience {
        text.extend(["\n", audience]);
    }
    // how much of it is sold is held like its price
    if let Some(wider) = &offer.extra.offer {
        let _ = write!(
            text,
            "\noffer {} {} {}",
            wider.name,
            wider.count.unwrap_or_default(),
            wider.seconds
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::keys::test_keys,
        evm::{Address, Transfer},
        money::Amount,
        route::config::tests::routes,
        x402::{
            Network,
            v2::{PaymentFlow, Scheme},
        },
    };
    use proptest::prelude::*;
    use std::sync::OnceLock;

    #[test]
    fn a4_a_quote_is_for_one_offer_of_one_resource() {
        let keys = test_keys();
        let routes = routes(&[("/articles/*", "$0.05"), ("/dear", "$1")]);
        let offer = &routes[0].offers[0];
        let quote = Quote::new("https://n.example/articles/x", 100, [7; 16], &keys).unwrap();
        let text = quote.seal(&keys, "https://n.example/articles/x", offer).unwrap();
        assert_eq!(Quote::open(&keys, &text, "https://n.example/articles/x", offer), Some(quote));
        assert_eq!(Quote::open(&keys, &text, "https://n.example/articles/y", offer), None);
        assert_eq!(
            Quote::open(&keys, &text, "https://n.example/articles/x", &routes[1].offers[0]),
            None
        );
        assert_eq!(tag_of(&text), Some(quote.tag));
        assert_eq!(tag_of("v1.a.AAAA.AAAA"), None);
    }

    #[test]
    fn a4_every_field_of_an_offer_is_under_the_mac() {
        let keys = test_keys();
        let offer = routes(&[("/articles/*", "$0.05")])[0].offers[0].clone();
        let quote = Quote::new("https://n.example/x", 100, [7; 16], &keys).unwrap();
        let text = quote.seal(&keys, "https://n.example/x", &offer).unwrap();
        let changes: [fn(&mut PaymentRequirements); 13] = [
            |offer| offer.scheme = Scheme::Upto,
            |offer| offer.network = Network::BASE,
            |offer| offer.amount = Amount::ZERO,
            |offer| offer.asset = Address::ZERO,
            |offer| offer.pay_to = Address::ZERO,
            |offer| offer.max_timeout_seconds = 301,
            |offer| offer.extra.name.push('2'),
            |offer| offer.extra.version.clear(),
            |offer| offer.extra.transfer = Transfer::Permit2,
            |offer| offer.extra.flow = PaymentFlow::Upfront,
            |offer| offer.extra.facilitator = Some(Address::repeat_byte(1)),
            // nobody is not the zero address
            |offer| offer.extra.facilitator = Some(Address::ZERO),
            |offer| core::mem::swap(&mut offer.extra.name, &mut offer.extra.version),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut other = offer.clone();
            change(&mut other);
            assert_ne!(other, offer, "{index}");
            assert_eq!(Quote::open(&keys, &text, "https://n.example/x", &other), None, "{index}");
        }
        // the quote itself and what is never on the wire are not
        let mut same = offer.clone();
        same.extra.quote = Some(text.clone());
        same.extra.decimals = 9;
        assert_eq!(Quote::open(&keys, &text, "https://n.example/x", &same), Some(quote));
    }

    proptest! {
        #![proptest_config(crate::cases(10_000))]
        #[test]
        fn a4_a_quote_reads_as_it_was_sealed(tag: [u8; 16], issued: u64, expires: u64, path in "[a-z/]{0,12}", other in "[a-z/]{0,12}") {
            let keys = test_keys();
            static OFFER: OnceLock<PaymentRequirements> = OnceLock::new();
            let offer = OFFER.get_or_init(|| routes(&[("/articles/*", "$0.05")])[0].offers[0].clone());
            let quote = Quote { tag, issued, expires };
            let text = quote.seal(&keys, &path, offer).unwrap();
            prop_assert_eq!(Quote::open(&keys, &text, &path, offer), Some(quote));
            prop_assert_eq!(Quote::open(&keys, &text, &other, offer).is_some(), other == path);
            prop_assert_eq!(tag_of(&text), Some(tag));
        }
    }

    #[test]
    fn tags_look_random_and_name_the_resource_under_the_key() {
        let keys = test_keys();
        let a = Quote::new("https://n.example/a", 1, [1; 16], &keys).unwrap().tag;
        let b = Quote::new("https://n.example/a", 1, [2; 16], &keys).unwrap().tag;
        assert_ne!(a[..8], b[..8]);
        let key = keys.signing(Purpose::Tag).unwrap().1;
        let (key, _) = key.split_first_chunk::<16>().unwrap();
        let mut block = a.into();
        Aes128::new(key.into()).decrypt_block(&mut block);
        let block: [u8; 16] = block.into();
        assert_eq!(block[..8], short_digest("farthing resource", b"https://n.example/a")[..8]);
        assert_eq!(block[8..], [1; 8]);
    }

    proptest! {
        #![proptest_config(crate::cases(10_000))]
        #[test]
        fn s8_a_tag_names_its_resource_to_who_has_the_key(random: [u8; 16], strange: [u8; 16], path in "/[a-z]{0,9}", other in "/[a-z]{0,9}") {
            let keys = test_keys();
            let tag = Quote::new(&path, 1, random, &keys).unwrap().tag;
            let names = |keys: &Keys, tag, path: &str| named_by(keys, tag).any(|id| id == resource_id(path));
            prop_assert!(names(&keys, tag, &path));
            prop_assert_eq!(names(&keys, tag, &other), other == path);
            // a nonce that was not made from a quote, a key that made none
            prop_assert!(!names(&keys, strange, &path));
            let elsewhere = Keys::parse("a:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM").unwrap();
            prop_assert!(!names(&elsewhere, tag, &path));
        }
    }

    #[test]
    fn g4_a_tag_of_the_old_key_still_names_its_resource() {
        let old = Keys::parse("b:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI").unwrap();
        let tag = Quote::new("/x", 1, [1; 16], &old).unwrap().tag;
        assert_eq!(named_by(&test_keys(), tag).position(|id| id == resource_id("/x")), Some(1));
    }
}
