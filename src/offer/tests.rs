//! Payments held against offers: both transfer methods, metered ones, contract wallets, old prices.

mod mutations;

use alloc::{collections::BTreeSet, format, string::String};

use base64::{Engine, engine::general_purpose::STANDARD};
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};

use super::{
    matching::{Against, Version, facilitator_request},
    *,
};
use crate::{
    access::keys::test_keys,
    evm::{Address, Authorization, B256, Permit, Transfer, U256, hex},
    money::Amount,
    problem::Problem,
    route::config::tests::routes,
    x402::{
        Network,
        v2::{PaymentFlow, ResourceInfo, Scheme},
    },
};

const NOW: u64 = 1_795_000_000;
const URL: &str = "https://n.example/articles/x";
const FACILITATOR: Address = Address::repeat_byte(0xfa);

/// A route with every way to pay: EIP-3009, Permit2, metered.
fn route() -> Route {
    let mut route = routes(&[("/articles/*", "$0.05")]).remove(0);
    let mut permit2 = route.offers[0].clone();
    permit2.extra.transfer = Transfer::Permit2;
    let mut upto = permit2.clone();
    upto.scheme = Scheme::Upto;
    upto.extra.facilitator = Some(FACILITATOR);
    upto.extra.decimals = 6;
    route.offers.extend([permit2, upto]);
    route
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn address(key: &SigningKey) -> Address {
    crate::evm::signature::address_of(key.verifying_key().as_affine()).unwrap()
}

fn sign(key: &SigningKey, digest: B256) -> String {
    let (signature, id) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + id.to_byte());
    hex::print(&bytes)
}

fn permit(offer: &PaymentRequirements, from: Address) -> Permit {
    Permit {
        from,
        token: offer.asset,
        amount: offer.amount,
        spender: Permit::proxy(offer.scheme),
        nonce: B256::from(U256::MAX),
        deadline: NOW + 300,
        to: offer.pay_to,
        facilitator: offer.extra.facilitator,
        valid_after: 0,
    }
}

fn payment(offer: &PaymentRequirements, permit: &Permit, key: &SigningKey) -> Value {
    let signature = sign(key, permit.digest(offer.network));
    json!({"x402Version": 2, "accepted": offer, "payload": {"signature": signature, "permit2Authorization": permit}})
}

fn check(route: &Route, payment: &Value) -> Result<Payment, Problem> {
    check_at(route, payment, Version::V2, NOW)
}

fn check_at(route: &Route, payment: &Value, version: Version, now: u64) -> Result<Payment, Problem> {
    let keys = test_keys();
    let against = Against {
        route,
        resource: URL,
        keys: &keys,
        now,
    };
    let header = STANDARD.encode(payment.to_string());
    against.check(version, &header).map_err(|refusal| refusal.problem)
}

fn fresh(route: &Route, now: u64) -> Vec<PaymentRequirements> {
    offers(route, URL, &test_keys(), now, [5; 16])
}

#[test]
fn a16_no_two_offers_of_an_answer_share_a_tag() {
    let mut route = route();
    route.offers = core::iter::repeat_n(route.offers[0].clone(), 300).collect();
    for random in [[0; 16], [0xff; 16], [0x5a; 16]] {
        let tags: BTreeSet<_> = offers(&route, URL, &test_keys(), NOW, random)
            .iter()
            .map(|offer| quote::tag_of(offer.extra.quote.as_deref().unwrap()).unwrap())
            .collect();
        assert_eq!(tags.len(), 300);
    }
}

#[test]
fn permits_pay_offers_that_ask_for_them() {
    let (route, key) = (route(), key(7));
    let all = fresh(&route, NOW);
    for offer in &all[1..] {
        let paid = check(&route, &payment(offer, &permit(offer, address(&key)), &key)).unwrap();
        assert!(paid.secret && !paid.tagged && !paid.unverified && paid.late.is_none());
        assert_eq!(paid.signed.payer(), address(&key));
        assert_eq!(paid.offer.scheme, offer.scheme);
        let info = ResourceInfo {
            url: URL,
            description: "",
            mime_type: "",
        };
        let body: Value = serde_json::from_slice(&facilitator_request(&paid, &info)).unwrap();
        let sent = &body["paymentPayload"]["payload"];
        assert_eq!(sent["permit2Authorization"], json!(permit(offer, address(&key))));
        assert!(sent.get("authorization").is_none());
        assert_eq!(body["paymentRequirements"]["extra"]["assetTransferMethod"], "permit2");
        assert!(!body.to_string().contains("quote"), "the quote is between the payer and us");
    }
}

#[test]
fn a3_every_field_of_a_permit_counts() {
    let (route, key) = (route(), key(7));
    let from = address(&key);
    for (index, own_spender) in [(1, Permit::proxy(Scheme::Upto)), (2, Permit::proxy(Scheme::Exact))] {
        let offer = fresh(&route, NOW).swap_remove(index);
        let good = permit(&offer, from);
        let other = Address::repeat_byte(9);
        let cases = [
            (Permit { from: other, ..good }, Problem::SignatureInvalid),
            (Permit { token: other, ..good }, Problem::AssetNotOffered),
            (
                Permit {
                    amount: Amount::from_atomic(U256::from(49_999)),
                    ..good
                },
                Problem::AmountMismatch,
            ),
            (
                Permit {
                    amount: Amount::from_atomic(U256::from(50_001)),
                    ..good
                },
                Problem::AmountMismatch,
            ),
            (Permit { spender: other, ..good }, Problem::SpenderMismatch),
            (
                Permit {
                    spender: own_spender,
                    ..good
                },
                Problem::SpenderMismatch,
            ),
            (
                Permit {
                    facilitator: Some(other),
                    ..good
                },
                Problem::SpenderMismatch,
            ),
            (Permit { to: other, ..good }, Problem::RecipientMismatch),
            (
                Permit {
                    valid_after: NOW + 1,
                    ..good
                },
                Problem::AuthorizationNotYetValid,
            ),
            (
                Permit {
                    deadline: NOW + 331,
                    ..good
                },
                Problem::AuthorizationTooLong,
            ),
        ];
        for (changed, problem) in cases {
            // signed as changed: the terms decide, not the signature
            assert_eq!(check(&route, &payment(&offer, &changed, &key)), Err(problem), "{changed:?}");
        }
        // changed after signing: the signature decides
        let mut moved = payment(&offer, &good, &key);
        moved["payload"]["permit2Authorization"]["nonce"] = json!("1");
        assert_eq!(check(&route, &moved), Err(Problem::SignatureInvalid));
        let late = Permit {
            deadline: NOW + 5,
            ..good
        };
        let late = check(&route, &payment(&offer, &late, &key)).unwrap();
        assert_eq!(late.late, Some(Problem::AuthorizationExpired));
    }
}

#[test]
fn one_kind_of_authorization_never_stands_for_the_other() {
    let (route, key) = (route(), key(7));
    let all = fresh(&route, NOW);
    let authorization = Authorization {
        from: address(&key),
        to: all[0].pay_to,
        value: all[0].amount,
        valid_after: 0,
        valid_before: NOW + 300,
        nonce: B256::repeat_byte(3),
    };
    let signature = sign(&key, authorization.digest(&all[0].domain()));
    let permit = permit(&all[1], address(&key));
    for offer in &all[1..] {
        let wrong =
            json!({"x402Version": 2, "accepted": offer, "payload": {"signature": signature, "authorization": authorization}});
        assert_eq!(check(&route, &wrong), Err(Problem::TransferNotOffered));
    }
    let wrong = payment(&all[0], &permit, &key);
    assert_eq!(check(&route, &wrong), Err(Problem::TransferNotOffered));
    let mut both = payment(&all[1], &permit, &key);
    both["payload"]["authorization"] = json!(authorization);
    assert_eq!(check(&route, &both), Err(Problem::PaymentMalformed));
    // an echo of exact for a permit of upto, and the other way round
    let crossed = json!({"x402Version": 2, "accepted": all[2], "payload": payment(&all[1], &permit, &key)["payload"]});
    assert_eq!(check(&route, &crossed), Err(Problem::SpenderMismatch));
    let mut unknown = payment(&all[1], &permit, &key);
    unknown["accepted"]["extra"]["assetTransferMethod"] = json!("erc7710");
    assert_eq!(check(&route, &unknown), Err(Problem::TransferNotOffered));
}

#[test]
fn a9_contract_wallets_are_passed_on_only_where_the_publisher_says_so() {
    let (mut route, key) = (route(), key(7));
    let offer = fresh(&route, NOW).swap_remove(0);
    let authorization = Authorization {
        from: Address::repeat_byte(0xcc),
        to: offer.pay_to,
        value: offer.amount,
        valid_after: 0,
        valid_before: NOW + 300,
        nonce: B256::repeat_byte(3),
    };
    let owner = sign(&key, authorization.digest(&offer.domain()));
    // ERC-6492: the wrapped signature ends in its magic
    let magic = "6492".repeat(16);
    let wrapped = format!("0x{}{magic}", "ab".repeat(224));
    let pay = |signature: &str| json!({"x402Version": 2, "accepted": offer, "payload": {"signature": signature, "authorization": authorization}});
    assert_eq!(check(&route, &pay(&wrapped)), Err(Problem::SignatureUnsupported));
    assert_eq!(check(&route, &pay(&owner)), Err(Problem::SignatureInvalid));
    route.contract_wallets = true;
    assert!(check(&route, &pay(&wrapped)).unwrap().unverified);
    assert!(check(&route, &pay(&owner)).unwrap().unverified);
    // what no contract could mean is still refused here
    for bad in [
        "0x",
        "0xabc",
        &format!("0x{}", "zz".repeat(100)),
        &format!("0x{}", "ab".repeat(64)),
    ] {
        assert_eq!(check(&route, &pay(bad)), Err(Problem::SignatureInvalid), "{bad}");
    }
    let mut others = authorization;
    others.to = Address::repeat_byte(1);
    let others = json!({"x402Version": 2, "accepted": offer, "payload": {"signature": wrapped, "authorization": others}});
    assert_eq!(check(&route, &others), Err(Problem::RecipientMismatch));
}

#[test]
fn a4_old_terms_hold_for_their_time_and_say_what_changed() {
    let (mut route, key) = (route(), key(7));
    let offer = fresh(&route, NOW).swap_remove(1);
    let paid = payment(&offer, &permit(&offer, address(&key)), &key);
    let expired = NOW + quote::QUOTE_SECONDS;
    // same terms: an old quote costs nobody anything
    assert_eq!(check_at(&route, &paid, Version::V2, NOW + 200).unwrap().late, None);
    route.offers[1].amount = Amount::from_atomic(U256::from(60_000));
    assert_eq!(check_at(&route, &paid, Version::V2, NOW + 200).unwrap().late, None);
    assert_eq!(
        check_at(&route, &paid, Version::V2, expired).unwrap().late,
        Some(Problem::PriceChanged)
    );
    route.offers[1].amount = offer.amount;
    route.offers[1].pay_to = Address::repeat_byte(0x77);
    assert_eq!(
        check_at(&route, &paid, Version::V2, expired).unwrap().late,
        Some(Problem::QuoteExpired)
    );
    // without a quote of ours the terms are today's or nothing
    let mut bare = paid.clone();
    bare["accepted"]["extra"].as_object_mut().unwrap().remove("quote");
    assert_eq!(check(&route, &bare), Err(Problem::RecipientMismatch));
    route.offers[1].pay_to = offer.pay_to;
    route.offers[1].extra.flow = PaymentFlow::Upfront;
    assert_eq!(check(&route, &paid), Err(Problem::OfferUnknown));
}

#[test]
fn a4_how_long_it_opens_is_promised_with_the_price() {
    let (mut route, key) = (route(), key(7));
    let offer = fresh(&route, NOW).swap_remove(1);
    let paid = |route: &Route, offer: &PaymentRequirements, now| {
        check_at(route, &payment(offer, &permit(offer, address(&key)), &key), Version::V2, now)
    };
    let opens = |payment: &Payment| payment.offer.extra.access_seconds;
    let month = offer.extra.access_seconds;
    assert_eq!(month, Some(30 * 86_400));
    for offer in &mut route.offers {
        offer.extra.access_seconds = Some(60);
    }
    let held = paid(&route, &offer, NOW + 100).unwrap();
    assert_eq!((opens(&held), held.late), (month, None));
    // a payer's own word is nobody's promise
    let mut longer = fresh(&route, NOW).swap_remove(1);
    assert_eq!(opens(&paid(&route, &longer, NOW).unwrap()), Some(60));
    longer.extra.access_seconds = month;
    assert_eq!(paid(&route, &longer, NOW).unwrap_err(), Problem::OfferUnknown);
    // a month is not sold any more: what was begun is joined, and nobody is charged a month's price for one answer
    for offer in &mut route.offers {
        offer.extra.access_seconds = None;
    }
    assert_eq!(paid(&route, &offer, NOW + 100).unwrap().late, Some(Problem::QuoteExpired));
}

#[test]
fn a4_an_echo_says_in_what_it_is_not_our_offer() {
    let (route, key) = (route(), key(7));
    let offer = fresh(&route, NOW).swap_remove(1);
    let paid = payment(&offer, &permit(&offer, address(&key)), &key);
    let expired = NOW + quote::QUOTE_SECONDS;
    assert_eq!(quote::QUOTE_SECONDS, 900);
    // terms that are still today's need no quote: the signed window alone is over
    assert_eq!(
        check_at(&route, &paid, Version::V2, expired).unwrap().late,
        Some(Problem::AuthorizationExpired)
    );
    let mut bare = paid.clone();
    bare["accepted"]["extra"].as_object_mut().unwrap().remove("quote");
    assert!(!check(&route, &bare).unwrap().secret);
    for (pointer, to, problem) in [
        ("/payTo", json!(hex::print(&[9; 20])), Problem::RecipientMismatch),
        ("/amount", json!("49999"), Problem::AmountMismatch),
        ("/maxTimeoutSeconds", json!(299), Problem::OfferUnknown),
        (
            "/extra/facilitatorAddress",
            json!(hex::print(&[9; 20])),
            Problem::OfferUnknown,
        ),
        ("/extra/name", json!("USD Coin"), Problem::OfferUnknown),
        ("/extra/version", json!("1"), Problem::OfferUnknown),
        ("/extra/paymentFlow", json!("upfront"), Problem::OfferUnknown),
        ("/scheme", json!("deferred"), Problem::SchemeNotOffered),
        ("/network", json!("eip155:8453"), Problem::NetworkNotOffered),
        ("/asset", json!(hex::print(&[9; 20])), Problem::AssetNotOffered),
    ] {
        for whole in [&paid, &bare] {
            let mut changed = whole.clone();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            changed["accepted"].pointer_mut(parent).unwrap()[name] = to.clone();
            assert_eq!(check(&route, &changed), Err(problem), "{pointer}");
        }
    }
}

#[test]
fn a7_the_window_holds_from_its_first_to_its_last_second() {
    let (route, key) = (route(), key(7));
    let offer = fresh(&route, NOW).swap_remove(1);
    let verdict = |valid_after, deadline| {
        let permit = Permit {
            valid_after,
            deadline,
            ..permit(&offer, address(&key))
        };
        check(&route, &payment(&offer, &permit, &key)).map(|paid| paid.late)
    };
    let late = Some(Problem::AuthorizationExpired);
    for (after, before, holds) in [
        (0, NOW + 300, Ok(None)),
        (NOW - 1, NOW + 300, Ok(None)),
        (NOW, NOW + 300, Ok(None)),
        (NOW + 1, NOW + 300, Err(Problem::AuthorizationNotYetValid)),
        (u64::MAX, NOW + 300, Err(Problem::AuthorizationNotYetValid)),
        (0, 0, Ok(late)),
        (0, NOW, Ok(late)),
        (0, NOW + 5, Ok(late)),
        (0, NOW + 6, Ok(None)),
        (0, NOW + 7, Ok(None)),
        (0, NOW + 330, Ok(None)),
        (0, NOW + 331, Err(Problem::AuthorizationTooLong)),
        (0, u64::MAX, Err(Problem::AuthorizationTooLong)),
    ] {
        assert_eq!(verdict(after, before), holds, "{after} {before}");
    }
}

#[test]
fn a4_v1_pays_the_present_price_or_a_recent_one() {
    let (mut route, key) = (route(), key(7));
    let old = route.offers[0].clone();
    let pay = |amount: u64| {
        let authorization = Authorization {
            from: address(&key),
            to: old.pay_to,
            value: Amount::from_atomic(U256::from(amount)),
            valid_after: 0,
            valid_before: NOW + 300,
            nonce: B256::repeat_byte(3),
        };
        let signature = sign(&key, authorization.digest(&old.domain()));
        json!({"x402Version": 1, "scheme": "exact", "network": "base-sepolia",
            "payload": {"signature": signature, "authorization": authorization}})
    };
    route.offers[0].amount = Amount::from_atomic(U256::from(70_000));
    let check = |route: &Route, amount, now| check_at(route, &pay(amount), Version::V1, now);
    assert_eq!(check(&route, 50_000, NOW), Err(Problem::AmountMismatch));
    assert_eq!(check(&route, 70_000, NOW).unwrap().offer.amount, route.offers[0].amount);
    route.recent.push((old.clone(), NOW + 60));
    assert_eq!(check(&route, 50_000, NOW + 59).unwrap().offer.amount, old.amount);
    assert_eq!(check(&route, 50_000, NOW + 60), Err(Problem::AmountMismatch));
    assert_eq!(check(&route, 70_000, NOW).unwrap().offer.amount, route.offers[0].amount);
    // of several recent prices the one that was signed, and of this way to pay
    let mut others = [old.clone(), old.clone(), old.clone()];
    others[0].amount = Amount::from_atomic(U256::from(40_000));
    others[1].asset = Address::repeat_byte(9);
    others[2].network = Network::BASE;
    let mut several = route.clone();
    several.recent = others
        .into_iter()
        .map(|offer| (offer, NOW + 600))
        .chain([(old.clone(), NOW + 60)])
        .collect();
    assert_eq!(check(&several, 50_000, NOW).unwrap().offer, old);
    assert_eq!(check(&several, 50_000, NOW + 60), Err(Problem::AmountMismatch));
    assert_eq!(check(&several, 60_000, NOW), Err(Problem::AmountMismatch));
    // no network but the offered one, no scheme but exact
    for (member, other, problem) in [
        ("network", "base", Problem::NetworkNotOffered),
        ("network", "eip155:84532", Problem::NetworkNotOffered),
        ("scheme", "upto", Problem::SchemeNotOffered),
    ] {
        let mut payment = pay(70_000);
        payment[member] = json!(other);
        assert_eq!(check_at(&route, &payment, Version::V1, NOW), Err(problem), "{other}");
    }
    // today's terms come first where an old price is today's again
    route.recent.push((route.offers[0].clone(), NOW + 60));
    route.recent[1].0.max_timeout_seconds = 100;
    assert_eq!(check(&route, 70_000, NOW).unwrap().offer, route.offers[0]);
    // v1 knows nothing of permits
    route.offers.remove(0);
    assert_eq!(check(&route, 50_000, NOW), Err(Problem::NetworkNotOffered));
}
