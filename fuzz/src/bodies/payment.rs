//! A payment header, end to end: base64, JSON, both versions, matching, the signature.
//!
//! The first byte says what the rest is: an even number a header as it comes, an odd one JSON that is filled in and encoded;
//! the next bit is the version, the next whether contracts may pay.

use farthing::{
    evm::{Address, Permit, Signature, Signed, Transfer, hex},
    offer::{
        Payment, Quote,
        matching::{Against, SKEW_SECONDS, Version, facilitator_request},
    },
    problem::Problem,
    x402::{decode, v2::ResourceInfo},
};
use serde_json::Value;

use super::world::{self, ARTICLE, NOW};

pub(super) fn run(data: &[u8]) {
    let Some((mode, text)) = world::split(data) else { return };
    let header = if mode & 1 == 0 {
        text.to_owned()
    } else {
        world::base64(&world::fill(text))
    };
    let version = if mode & 2 == 0 { Version::V2 } else { Version::V1 };
    let against = Against {
        route: if mode & 4 == 0 {
            world::route()
        } else {
            world::route_for_contracts()
        },
        resource: ARTICLE,
        keys: world::keys(),
        now: NOW,
    };
    let verdict = against.check(version, &header);
    assert_eq!(verdict, against.check(version, &header), "the same twice");
    if let Ok(json) = decode(&header) {
        // one spelling, but for the alphabet and the padding
        let again = world::base64(&json);
        let standard = header.replace('-', "+").replace('_', "/");
        assert_eq!(again.trim_end_matches('='), standard.trim_end_matches('='));
    }
    if let Ok(payment) = verdict {
        accepted(&payment, &against, version, &header);
    }
}

/// What is accepted is what we would have offered, signed by who pays, and says the same to another reader of JSON.
fn accepted(payment: &Payment, against: &Against<'_>, version: Version, header: &str) {
    let offer = &payment.offer;
    let signed = &payment.signed;
    assert_eq!(payment.version, version);
    assert_eq!((signed.payee(), signed.amount()), (offer.pay_to, offer.amount));
    assert_eq!(signed.transfer(), offer.extra.transfer);
    assert!(signed.valid_after() <= NOW);
    assert!(signed.valid_before() <= NOW + offer.max_timeout_seconds + SKEW_SECONDS);
    assert!(payment.late.is_some() || signed.valid_before() >= NOW + 6);
    if let Signed::Permit2(permit) = signed {
        assert_eq!((permit.token, permit.spender), (offer.asset, Permit::proxy(offer.scheme)));
        assert_eq!(permit.facilitator, offer.extra.facilitator);
    }
    let signer = Signature::parse(&payment.signature).and_then(|signature| signature.recover(signed.digest(&offer.domain())));
    // threats A9, A14: only where contracts may pay, and then it says so
    assert_eq!(signer != Ok(signed.payer()), payment.unverified);
    assert!(!payment.unverified || against.route.contract_wallets);

    let mut plain = offer.clone();
    let quote = plain.extra.quote.take();
    let recent = |(offer, until): &(_, u64)| version == Version::V1 && *offer == plain && NOW < *until;
    let ours = world::route().offers.contains(&plain) || world::route().recent.iter().any(recent);
    let held = quote
        .as_deref()
        .and_then(|text| Quote::open(world::keys(), text, ARTICLE, &plain));
    assert!(ours || held.is_some(), "never offered: {offer:?}");
    assert_eq!(payment.secret, held.is_some());
    assert!(payment.late.is_some() || ours || held.is_some_and(|quote| NOW < quote.expires));
    assert!(!payment.tagged || held.is_some_and(|quote| signed.nonce().starts_with(&quote.tag)));

    let theirs: Value = serde_json::from_str(&decode(header).unwrap()).unwrap();
    let address = |value: &Value| hex::read(value.as_str().unwrap()).map(Address::new).unwrap();
    match signed.transfer() {
        Transfer::Eip3009 => {
            let said = &theirs["payload"]["authorization"];
            assert_eq!(
                (address(&said["from"]), address(&said["to"])),
                (signed.payer(), signed.payee())
            );
            assert_eq!(said["value"], signed.amount().to_string());
            assert_eq!(said["validAfter"], signed.valid_after().to_string());
            assert_eq!(said["validBefore"], signed.valid_before().to_string());
        }
        Transfer::Permit2 => {
            let said = &theirs["payload"]["permit2Authorization"];
            assert_eq!(
                (address(&said["from"]), address(&said["witness"]["to"])),
                (signed.payer(), signed.payee())
            );
            assert_eq!(said["permitted"]["amount"], signed.amount().to_string());
            assert_eq!(said["witness"]["validAfter"], signed.valid_after().to_string());
            assert_eq!(said["deadline"], signed.valid_before().to_string());
        }
    }
    assert_eq!(theirs["payload"]["signature"], payment.signature);
    match version {
        Version::V2 => {
            let accepted = &theirs["accepted"];
            assert_eq!(accepted["network"], offer.network.to_string());
            assert_eq!(accepted["amount"], offer.amount.to_string());
            assert_eq!(address(&accepted["asset"]), offer.asset);
            assert_eq!(accepted["scheme"], offer.scheme.name());
        }
        Version::V1 => assert_eq!(theirs["network"], offer.network.v1_slug().unwrap()),
    }

    let info = ResourceInfo {
        url: ARTICLE,
        description: "One article",
        mime_type: "",
    };
    let request = facilitator_request(payment, &info);
    let text = String::from_utf8(request).unwrap();
    let request = farthing::json::parse(&text).expect("strict JSON");
    let terms = request.get("paymentRequirements").unwrap();
    assert!(!text.contains("quote"), "the quote stays here");
    assert_eq!(
        hex::read(terms.get("payTo").unwrap().text().unwrap()).map(Address::new),
        Some(signed.payee())
    );

    // another article: the same money, but none of its secrets
    let elsewhere = Against {
        resource: "https://news.example/articles/z",
        ..*against
    };
    if let Ok(elsewhere) = elsewhere.check(version, header) {
        assert!(!elsewhere.secret && !elsewhere.tagged);
    }
    // and later nothing new begins
    let later = Against {
        now: NOW + 100_000,
        ..*against
    };
    match later.check(version, header) {
        Ok(payment) => assert!(payment.late.is_some()),
        // its price is of the past by now
        Err(refusal) => assert_eq!((version, refusal.problem), (Version::V1, Problem::AmountMismatch)),
    }
}
