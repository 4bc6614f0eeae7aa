//! What a policy lets through, whatever a server offers: properties, and one change at a time.

use super::*;
use crate::{
    evm::{Transfer, U256},
    x402::{Network, v2::Scheme},
};
use proptest::prelude::*;

fn read(accepts: &[Value]) -> Offers {
    Offers::read(Some(&required(accepts)), "").unwrap()
}

fn reasons(policy: &Policy, accepts: &[Value]) -> Vec<Refusal> {
    policy.choose(&read(accepts)).unwrap_err().reasons
}

fn up_to(price: &str) -> Policy {
    Policy::up_to(price).unwrap()
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut offer = requirement("50000");
    change(&mut offer);
    offer
}

#[test]
fn offers_that_nobody_can_pay_are_listed_with_the_reason() {
    let offers = [
        changed(|offer| offer["scheme"] = "batch-settlement".into()),
        changed(|offer| offer["network"] = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp".into()),
        changed(|offer| offer["extra"]["assetTransferMethod"] = "erc7710".into()),
        changed(|offer| offer["extra"]["paymentFlow"] = "escrow".into()),
        changed(|offer| offer["extra"] = json!({})),
        changed(|offer| offer["scheme"] = "upto".into()),
        changed(|offer| offer["amount"] = "0".into()),
        changed(|offer| offer["maxTimeoutSeconds"] = 9.into()),
        changed(|offer| offer["payTo"] = "merchant".into()),
        changed(|offer| offer["asset"] = "USD".into()),
        json!("exact"),
    ];
    use Unpayable::*;
    let expected = [
        Scheme,
        Network,
        Transfer,
        Flow,
        NoDomain,
        NoFacilitator,
        Zero,
        TooShort,
        Malformed("payTo"),
        Malformed("asset"),
        Malformed("scheme"),
    ];
    let read = read(&offers);
    let entries: Vec<_> = read.entries.iter().map(|entry| entry.clone().unwrap_err()).collect();
    assert_eq!(entries, expected);
    assert_eq!(
        reasons(&up_to("$1"), &offers),
        expected.map(Refusal::Unpayable),
        "a policy says the same"
    );
}

#[test]
fn what_the_policy_leaves_out_is_refused_with_its_reason() {
    let plain = requirement("50000");
    let permit = changed(|offer| offer["extra"]["assetTransferMethod"] = "permit2".into());
    let upto = changed(|offer| {
        offer["scheme"] = "upto".into();
        offer["extra"]["facilitatorAddress"] = OTHER.into();
    });
    let upfront = changed(|offer| offer["extra"]["paymentFlow"] = "upfront".into());
    let unknown = changed(|offer| offer["asset"] = MEGA.into());
    let payee: Address = PAY_TO.parse().unwrap();
    for (policy, offer, refusal) in [
        (up_to("$0.04"), &plain, Refusal::TooDear),
        (up_to("$0.05").networks(&[Network::BASE]), &plain, Refusal::Network),
        (up_to("$0.05").payees(&[Address::repeat_byte(1)]), &plain, Refusal::Payee),
        (up_to("$0.05").transfers(&[Transfer::Permit2]), &plain, Refusal::Method),
        (up_to("$0.05").transfers(&[Transfer::Eip3009]), &permit, Refusal::Method),
        (up_to("$0.05"), &upto, Refusal::Method),
        (up_to("$0.05").upfront(false), &upfront, Refusal::Upfront),
        (up_to("$0.05"), &unknown, Refusal::Token),
        (up_to("$0.05").listed_only(true), &plain, Refusal::Token),
    ] {
        assert_eq!(reasons(&policy, core::slice::from_ref(offer)), [refusal]);
    }
    for (policy, offer) in [
        (up_to("$0.05"), &plain),
        (up_to("$0.05").payees(&[payee]), &plain),
        (up_to("$0.05"), &permit),
        (up_to("$0.05").upto(true), &upto),
        (up_to("$0.05"), &upfront),
    ] {
        assert!(policy.choose(&read(core::slice::from_ref(offer))).is_ok());
    }
}

#[test]
fn the_owners_order_of_networks_goes_before_the_servers_order() {
    let mainnet = changed(|offer| {
        offer["network"] = "eip155:8453".into();
        offer["asset"] = ASSETS[0].contract.to_string().into();
        offer["extra"]["name"] = "USD Coin".into();
    });
    let upfront = changed(|offer| offer["extra"]["paymentFlow"] = "upfront".into());
    let plain = requirement("40000");
    let offers = read(&[upfront, plain, mainnet]);
    let taken = |policy: &Policy| policy.choose(&offers).unwrap().to_string();
    assert_eq!(
        taken(&up_to("$0.05")),
        format!("0.04 USDC on eip155:84532 to {PAY_TO}"),
        "content before money, then the server's order"
    );
    let preferred = up_to("$0.05").networks(&[Network::BASE, Network::BASE_SEPOLIA]);
    assert_eq!(taken(&preferred), format!("0.05 USDC on eip155:8453 to {PAY_TO}"));
}

#[test]
fn a6_a_token_of_the_owners_is_paid_by_the_owners_word_for_its_decimals() {
    let contract: Address = MEGA.parse().unwrap();
    let token = || Token::new(Network::BASE_SEPOLIA, contract, 18);
    let offer = |amount: &str| {
        changed(|offer| {
            offer["asset"] = MEGA.into();
            offer["amount"] = amount.into();
            offer["extra"] = json!({"name": "MegaUSD", "version": "1", "assetTransferMethod": "permit2", "decimals": 30});
        })
    };
    let cents = offer("30000000000000001");
    assert_eq!(
        reasons(&up_to("$1").token(token()), core::slice::from_ref(&cents)),
        [Refusal::Unlimited]
    );
    let limited = |most: &str| up_to("$1").token(token().most(most).unwrap());
    assert_eq!(reasons(&limited("$0.03"), core::slice::from_ref(&cents)), [Refusal::TooDear]);
    let choice = limited("30000000000000001")
        .choose(&read(core::slice::from_ref(&cents)))
        .unwrap();
    assert_eq!((choice.decimal().as_str(), choice.decimals), ("0.030000000000000001", 18));
    // by EIP-3009 its domain is signed, and then it has to be the owner's
    let mut signed = cents;
    signed["extra"].as_object_mut().unwrap().remove("assetTransferMethod");
    assert_eq!(reasons(&limited("$1"), core::slice::from_ref(&signed)), [Refusal::Domain]);
    let known = |name: &str| up_to("$1").token(token().most("$1").unwrap().domain(name, "1").unwrap());
    assert!(known("MegaUSD").choose(&read(core::slice::from_ref(&signed))).is_ok());
    assert_eq!(reasons(&known("Mega USD"), core::slice::from_ref(&signed)), [Refusal::Domain]);
    // nobody can say that USDC has other decimals
    let wrong = Token::new(Network::BASE_SEPOLIA, base().contract, 18).most("$1").unwrap();
    assert_eq!(reasons(&up_to("$1").token(wrong), &[requirement("50000")]), [Refusal::Token]);
}

#[test]
fn a_policy_that_cannot_be_read_is_an_error_and_allows_nothing() {
    for (json, what) in [
        ("", "JSON"),
        ("[]", "members"),
        ("{}", "max"),
        (r#"{"max":0.1}"#, "max"),
        (r#"{"max":"free"}"#, "max"),
        (r#"{"max":"100000"}"#, "max"),
        (r#"{"max":"$1","networks":[]}"#, "networks"),
        (r#"{"max":"$1","networks":["base"]}"#, "networks"),
        (r#"{"max":"$1","networks":"eip155:8453"}"#, "networks"),
        (r#"{"max":"$1","payees":["0x12"]}"#, "payees"),
        (r#"{"max":"$1","transfers":["erc7710"]}"#, "transfers"),
        (r#"{"max":"$1","upto":"yes"}"#, "upto"),
        (r#"{"max":"$1","tokens":[{}]}"#, "tokens"),
        (
            r#"{"max":"$1","tokens":[{"network":"eip155:1","asset":"0xFAfDdbb3FC7688494971a79cc65DCa3EF82079E7"}]}"#,
            "tokens",
        ),
        (
            r#"{"max":"$1","tokens":[{"network":"eip155:1","asset":"0xFAfDdbb3FC7688494971a79cc65DCa3EF82079E7","decimals":18,"name":"x"}]}"#,
            "tokens",
        ),
        (
            r#"{"max":"$1","tokens":[{"network":"eip155:1","asset":"0xFAfDdbb3FC7688494971a79cc65DCa3EF82079E7","decimals":256}]}"#,
            "tokens",
        ),
        (r#"{"max":"$1","limit":"$2"}"#, "members"),
        (r#"{"max":"$1","max":"$2"}"#, "JSON"),
    ] {
        assert_eq!(Policy::read(json), Err(PolicyError(what)), "{json}");
    }
    assert_eq!(Policy::read(r#"{"max":"$1"}"#), Policy::up_to("$1"));
}

/// A policy that allows exactly `requirement("50000")` and nothing beside it.
fn pinned() -> Policy {
    up_to("$0.05")
        .networks(&[Network::BASE_SEPOLIA])
        .payees(&[PAY_TO.parse().unwrap()])
        .transfers(&[Transfer::Eip3009])
        .upfront(false)
}

/// What a payment says about the money.
fn money(choice: &Choice) -> (Scheme, Transfer, Network, Address, Address, String, String) {
    let (offer, domain) = (&choice.offer, choice.domain());
    (
        offer.scheme,
        offer.transfer,
        offer.network,
        offer.contract,
        offer.pay_to,
        domain.name.to_owned(),
        domain.version.to_owned(),
    )
}

proptest! {
    #![proptest_config(crate::cases(10_000))]

    #[test]
    fn f3_one_change_in_an_offer_never_pays_anybody_else_nor_more_under_a_pinned_policy(
        (field, value) in any_change(),
    ) {
        let plain = pinned().choose(&read(&[requirement("50000")])).unwrap();
        let mut offer = requirement("50000");
        set(&mut offer, field, value);
        if let Ok(choice) = pinned().choose(&read(&[offer])) {
            prop_assert_eq!(money(&choice), money(&plain));
            prop_assert!(choice.offer.amount <= plain.offer.amount);
            prop_assert!(choice.offer.seconds <= MOST_SECONDS);
        }
    }

    #[test]
    fn a_choice_is_never_outside_of_the_policy(
        amounts in proptest::collection::vec("[1-9][0-9]{0,7}", 1..5), at in proptest::collection::vec((0usize..3, 0usize..4, 0usize..2), 5),
        cap in 1u32..100_000_000, networks in proptest::sample::subsequence(vec![Network::BASE, Network::BASE_SEPOLIA], 0..=2),
        pinned_payee: bool, upto: bool,
    ) {
        let payees = [PAY_TO, OTHER];
        let offers: Vec<Value> = amounts.iter().zip(&at).map(|(amount, (place, way, payee))| {
            let asset = [&ASSETS[0], &ASSETS[1], &ASSETS[1]][*place];
            changed(|offer| {
                offer["network"] = asset.network.to_string().into();
                // the third is a token nobody knows there
                offer["asset"] = if *place == 2 { MEGA.into() } else { asset.contract.to_string().into() };
                offer["amount"] = amount.as_str().into();
                offer["payTo"] = payees[*payee].into();
                offer["extra"] = json!({"name": asset.name, "version": asset.version});
                match way {
                    1 => offer["extra"]["assetTransferMethod"] = "permit2".into(),
                    2 => {
                        offer["scheme"] = "upto".into();
                        offer["extra"]["facilitatorAddress"] = OTHER.into();
                    }
                    3 => offer["extra"]["name"] = "Another".into(),
                    _ => {}
                }
            })
        }).collect();
        let price = format!("${}", crate::money::Amount::from_atomic(U256::from(cap)).to_decimal(6));
        let mut policy = up_to(&price).networks(&networks).upto(upto);
        if pinned_payee {
            policy = policy.payees(&[PAY_TO.parse().unwrap()]);
        }
        match policy.choose(&read(&offers)) {
            Ok(choice) => {
                let offer = &choice.offer;
                prop_assert!(offer.amount.atomic() <= U256::from(cap));
                prop_assert!(networks.is_empty() || networks.contains(&offer.network));
                prop_assert!(!pinned_payee || offer.pay_to.to_string() == PAY_TO);
                prop_assert!(upto || offer.scheme == Scheme::Exact);
                let asset = Asset::find(offer.network, offer.contract).unwrap();
                prop_assert_eq!(choice.domain(), asset.domain());
                prop_assert!(offer.name.as_deref() == Some(asset.name));
            }
            // and nothing that is inside is refused
            Err(nothing) => {
                for (offer, reason) in offers.iter().zip(&nothing.reasons) {
                    let amount: u64 = offer["amount"].as_str().unwrap().parse().unwrap();
                    let inside = amount <= u64::from(cap)
                        && (networks.is_empty() || networks.iter().any(|network| network.to_string() == offer["network"]))
                        && (!pinned_payee || offer["payTo"] == PAY_TO)
                        && (upto || offer["scheme"] == "exact")
                        && offer["asset"] != MEGA
                        && offer["extra"]["name"] != "Another";
                    prop_assert!(!inside, "{offer} {reason:?}");
                }
                prop_assert_eq!(nothing.reasons.len(), offers.len());
            }
        }
    }

    #[test]
    fn the_same_terms_in_both_generations_are_the_same_offer(
        amount in "[0-9]{1,20}", seconds in 0u64..10_000, network in 0usize..2, name in "[A-Za-z ]{0,8}", payee in 0usize..2,
    ) {
        let asset = &ASSETS[network];
        let payee = [PAY_TO, OTHER][payee];
        let mut v2 = json!({
            "scheme": "exact", "network": asset.network.to_string(), "amount": amount, "asset": asset.contract.to_string(),
            "payTo": payee, "maxTimeoutSeconds": seconds, "extra": {"name": name, "version": "2"},
        });
        let v1 = json!({"x402Version": 1, "error": "e", "accepts": [{
            "scheme": "exact", "network": asset.network.v1_slug(), "maxAmountRequired": amount, "asset": asset.contract.to_string(),
            "payTo": payee, "maxTimeoutSeconds": seconds, "extra": {"name": name, "version": "2"},
            "resource": "https://n.example/a", "description": "d", "mimeType": "",
        }]}).to_string();
        let one = Offers::read(None, &v1).unwrap();
        let other = read(&[v2.take()]);
        let plain = |offers: &Offers| offers.entries[0].clone().map(|mut offer| {
            offer.raw.clear();
            offer
        }).map_err(|why| match why {
            Unpayable::Malformed("maxAmountRequired") => Unpayable::Malformed("amount"),
            why => why,
        });
        prop_assert_eq!(plain(&one), plain(&other));
        prop_assert_eq!(&one.url, &other.url);
    }

    #[test]
    fn reading_never_panics_and_nothing_is_chosen_from_nonsense(text in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (header, body) in [(Some(text.as_str()), ""), (None, text.as_str())] {
            prop_assert!(Offers::read(header, body).is_err());
        }
        prop_assert!(Offers::read(Some(&STANDARD.encode(bytes)), "").is_err());
    }
}
