//! Prices of a route: by asset, by network, in atomic units, for a while.

use super::parse;
use crate::{
    money::Amount,
    x402::v2::{PaymentFlow, Scheme},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use proptest::prelude::*;

/// USDC by EIP-3009 and Permit2 on Base, two tokens on Celo, one of 18 decimals on MegaETH.
const NETWORKS: &str = r#"["eip155:8453", {"network": "eip155:8453", "transfer": "permit2"}, "eip155:42220",
    {"network": "eip155:42220", "asset": "USDT"}, "eip155:4326"]"#;

fn amounts(networks: &str, route: &str) -> Result<Vec<String>, String> {
    let config = parse(networks, &format!(r#"[{{"match": "/x", {route}}}]"#))?;
    Ok(config.routes[0].offers.iter().map(|offer| offer.amount.to_string()).collect())
}

#[test]
fn the_most_specific_price_holds() {
    for (route, want) in [
        (
            r#""price": "$0.05""#,
            ["50000", "50000", "50000", "50000", "50000000000000000"].as_slice(),
        ),
        (r#""price": "0.05 USDC""#, &["50000", "50000", "50000"]),
        (r#""price": "0.05 MegaUSD""#, &["50000000000000000"]),
        (
            r#""price": "0.05 USDC", "prices": {"eip155:4326": "$0.07"}"#,
            &["50000", "50000", "50000", "70000000000000000"],
        ),
        (
            r#""price": "$0.05", "prices": {"eip155:42220": "$0.04", "eip155:42220/USDT": "0.03 USDT"}"#,
            &["50000", "50000", "40000", "30000", "50000000000000000"],
        ),
        (
            r#""price": "$0.05", "prices": {"eip155:42220/0x48065FBBE25f71c9282ddf5e1cd6d6a887483d5e": {"atomic": "7"}}"#,
            &["50000", "50000", "50000", "7", "50000000000000000"],
        ),
        (
            r#""price": {"atomic": "50000"}, "prices": {"eip155:4326/MegaUSD": {"atomic": "1"}}"#,
            &["50000", "50000", "50000", "50000", "1"],
        ),
    ] {
        assert_eq!(amounts(NETWORKS, route).unwrap(), want, "{route}");
    }
}

#[test]
fn people_read_the_first_offer() {
    for (route, shown, symbol) in [
        (r#""price": "$0.05""#, "$0.05", "USDC"),
        (r#""price": "0.1 USDT""#, "$0.10", "USDT"),
        (
            r#""price": {"atomic": "1"}, "prices": {"eip155:4326": "$1"}"#,
            "$0.000001",
            "USDC",
        ),
        (r#""price": "$1", "prices": {"eip155:8453": "$0.04"}"#, "$0.04", "USDC"),
        (r#""price": "free""#, "", ""),
    ] {
        let config = parse(NETWORKS, &format!(r#"[{{"match": "/x", {route}}}]"#)).unwrap();
        let route = &config.routes[0];
        assert_eq!((route.price.as_str(), route.symbol.as_str()), (shown, symbol));
    }
}

#[test]
fn b10_each_mistake_in_a_price_has_its_own_sentence() {
    for (route, says) in [
        (r#""access": "1d""#, "routes[0].price: is missing"),
        (r#""price": 5"#, "routes[0].price: \"5\": write a price like"),
        (r#""price": "0.05""#, "routes[0].price: \"0.05\": write a price like"),
        (r#""price": "$0""#, "routes[0].price: \"$0\": a price of zero"),
        (
            r#""price": "1 EURC""#,
            "routes[0].price: \"1 EURC\" is in an asset that \"networks\" does not name",
        ),
        (
            r#""price": "$0.0000001""#,
            "routes[0].price: \"$0.0000001\" in USDC: the price has more digits",
        ),
        (
            r#""price": {"atomic": "50000"}"#,
            "routes[0].price.atomic: is for assets with different numbers of decimals",
        ),
        (
            r#""price": {"atomic": 50000}"#,
            "routes[0].price.atomic: is missing, or is not a text",
        ),
        (r#""price": {"atomic": "0"}"#, "routes[0].price.atomic: a price of zero"),
        (
            r#""price": {"atomic": "05"}"#,
            "routes[0].price.atomic: \"05\" is not an amount",
        ),
        (
            r#""price": {"units": "5"}"#,
            "routes[0].price.units: is not known here; known are atomic\nrouts",
        ),
        (r#""price": "$1", "prices": []"#, "routes[0].prices: must be an object"),
        (
            r#""price": "$1", "prices": {"eip155:1": "$1"}"#,
            "routes[0].prices[\"eip155:1\"]: names nothing in",
        ),
        (
            r#""price": "$1", "prices": {"base": "$1"}"#,
            "routes[0].prices[\"base\"]: names nothing in",
        ),
        (
            r#""price": "$1", "prices": {"eip155:8453/USDT": "$1"}"#,
            "routes[0].prices[\"eip155:8453/USDT\"]: names nothing in",
        ),
        (
            r#""price": "$1", "prices": {"eip155:8453": "free"}"#,
            "routes[0].prices[\"eip155:8453\"]: a price of nothing",
        ),
        (
            r#""price": "$1", "prices": {"eip155:8453": "1 USDT"}"#,
            "routes[0].prices[\"eip155:8453\"]: \"1 USDT\" in USDC: the price is in another asset",
        ),
        (
            r#""price": "$1", "prices": {"eip155:8453/USDC": "$1", "eip155:8453/0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913": "$2"}"#,
            "routes[0].prices[\"eip155:8453/0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913\"]: names an asset that another key names",
        ),
        (
            r#""price": "free", "prices": {"eip155:8453": "$1"}"#,
            "routes[0].prices: what is free has no other prices",
        ),
        (
            r#""price": "$1", "scheme": "batch""#,
            "routes[0].scheme: \"batch\" is neither",
        ),
        (r#""price": "$1", "flow": "escrow""#, "routes[0].flow: \"escrow\" is neither"),
        (
            r#""price": "$1", "scheme": "upto", "flow": "upfront""#,
            "routes[0].flow: what is metered",
        ),
        (
            r#""price": "$1", "scheme": "upto", "access": "1d""#,
            "routes[0].access: what is metered",
        ),
        (
            r#""price": "$1", "payTo": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC""#,
            "routes[0].payTo: must be an object",
        ),
        (
            r#""price": "$1", "recent": {}"#,
            "routes[0].recent: is missing, or is not a list",
        ),
        (
            r#""price": "$1", "recent": [{"price": "$2"}]"#,
            "routes[0].recent[0].until: is missing",
        ),
        (
            r#""price": "$1", "recent": [{"price": "$2", "until": "tomorrow"}]"#,
            "routes[0].recent[0].until: \"tomorrow\" is not a time",
        ),
        (
            r#""price": "$1", "recent": [{"price": "2", "until": "2026-11-22T00:00:00Z"}]"#,
            "routes[0].recent[0].price: \"2\": write a price",
        ),
        (
            r#""price": "$1", "recent": [{"price": "free", "until": "2026-11-22T00:00:00Z"}]"#,
            "routes[0].recent[0].price: cannot be",
        ),
        (r#""price": "free", "recent": []"#, "routes[0].recent: is for exact prices"),
        (
            r#""price": "$1", "scheme": "upto", "recent": []"#,
            "routes[0].recent: is for exact prices",
        ),
    ] {
        let told = amounts(NETWORKS, route).unwrap_err();
        let says = says.split('\n').next().unwrap();
        assert!(told.starts_with(says), "{route}: {told}");
    }
}

#[test]
fn metered_routes_name_who_settles() {
    let sample = super::SAMPLE.replace(r#""access": "30d""#, r#""scheme": "upto""#);
    let told = super::Config::parse(&sample).unwrap_err();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].at, "routes[0].scheme");
    assert!(told[0].message.contains("one of settlement.facilitators"), "{}", told[0]);
    let sample = sample.replace(
        r#"{"url": "https://facilitator.example/"}"#,
        r#"{"url": "https://a.example", "address": "0x90F79bf6EB2c4f870365E785982E1f101E93b906"}, {"url": "https://b.example", "contractWallets": true}"#,
    );
    let config = super::Config::parse(&sample).unwrap();
    assert_eq!(config.routes[0].offers[0].scheme, Scheme::Upto);
    assert!(config.routes[0].contract_wallets, "one that verifies is enough");
    let sample = super::SAMPLE.replace(r#"example/"}"#, r#"example/", "contractWallets": true}"#);
    assert!(super::Config::parse(&sample).unwrap().routes[0].contract_wallets);
    let sample = super::SAMPLE.replace(
        r#"example/"}"#,
        r#"example/", "address": "0x90f79bf6EB2c4f870365E785982E1f101E93b906"}"#,
    );
    let told = super::Config::parse(&sample).unwrap_err();
    assert!(
        told[0]
            .to_string()
            .starts_with("settlement.facilitators[0].address: the checksum"),
        "{}",
        told[0]
    );
}

#[test]
fn a_route_may_pay_somebody_else_and_be_paid_first() {
    let networks = r#"["eip155:84532", {"network": "eip155:43113", "payTo": "0x90F79bf6EB2c4f870365E785982E1f101E93b906"}]"#;
    let route = |more: &str| {
        let config = parse(networks, &format!(r#"[{{"match": "/x", "price": "$1"{more}}}]"#)).unwrap();
        config.routes.into_iter().next().unwrap()
    };
    let payees = |more: &str| -> Vec<String> { route(more).offers.iter().map(|offer| offer.pay_to.to_string()).collect() };
    assert_eq!(
        payees(""),
        [
            "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
            "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
        ]
    );
    let author = r#", "payTo": {"eip155": "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"}"#;
    assert_eq!(payees(author), ["0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"; 2]);
    let flow = |more: &str| route(more).offers[0].extra.flow;
    assert_eq!(flow(""), PaymentFlow::Authorization);
    assert_eq!(flow(r#", "flow": "authorization""#), PaymentFlow::Authorization);
    assert_eq!(flow(r#", "flow": "upfront""#), PaymentFlow::Upfront);
}

#[test]
fn a4_recent_prices_are_kept_for_what_v1_can_pay() {
    let config = parse(
        NETWORKS,
        r#"[{"match": "/x", "price": "$0.05", "recent": [
            {"price": "$0.03", "until": "2026-11-22T00:00:00Z"},
            {"price": "$0.02", "prices": {"eip155:42220/USDT": "$0.01"}, "until": "2026-11-21T12:00:00+02:00"}]}]"#,
    )
    .unwrap();
    let told: Vec<_> = config.routes[0]
        .recent
        .iter()
        .map(|(offer, until)| (offer.network.chain_id(), offer.amount.to_string(), *until))
        .collect();
    let (first, second) = (1_795_305_600, 1_795_255_200);
    assert_eq!(
        told,
        [
            (8453, "30000".to_string(), first),
            (42220, "30000".to_string(), first),
            (42220, "30000".to_string(), first),
            (8453, "20000".to_string(), second),
            (42220, "20000".to_string(), second),
            (42220, "10000".to_string(), second),
        ]
    );
    let offer = &config.routes[0].recent[0].0;
    assert_eq!(offer.asset, config.routes[0].offers[0].asset);
    assert_eq!(offer.extra, config.routes[0].offers[0].extra);
}

fn text_of(units: u64, decimals: u8) -> String {
    format!("${}", Amount::from_atomic(crate::evm::U256::from(units)).to_decimal(decimals))
}

proptest! {
    #![proptest_config(crate::cases(64))]

    /// Whatever is written for an asset, its network and the route, each offer asks for exactly one of the three.
    #[test]
    fn a6_overrides_are_exact_and_the_most_specific_one_wins(
        route in 1u64..1_000_000_000,
        network in proptest::option::of(1u64..1_000_000_000),
        asset in proptest::option::of(1u64..1_000_000_000),
        atomic in any::<bool>(),
    ) {
        let mut prices = Vec::new();
        if let Some(units) = network {
            prices.push(format!(r#""eip155:42220": "{}""#, text_of(units, 6)));
        }
        if let Some(units) = asset {
            let value = if atomic { format!(r#"{{"atomic": "{units}"}}"#) } else { format!(r#""{}""#, text_of(units, 6)) };
            prices.push(format!(r#""eip155:42220/USDT": {value}"#));
        }
        let written = format!(r#""price": "{}", "prices": {{{}}}"#, text_of(route, 6), prices.join(","));
        let celo = network.unwrap_or(route);
        let want = [route, route, celo, asset.unwrap_or(celo)].map(|units| units.to_string());
        let got = amounts(NETWORKS, &written).unwrap();
        prop_assert_eq!(&got[..4], &want[..]);
        // a millionth of a dollar is 10^12 units of 18 decimals
        prop_assert_eq!(&got[4], &format!("{route}000000000000"));
    }

    #[test]
    fn a6_a_token_of_any_decimals_is_priced_to_its_last_unit(units in 1u64.., decimals in 0u8..=18) {
        let networks = format!(
            r#"[{{"network": "eip155:84532", "asset": "0x1111111111111111111111111111111111111111", "symbol": "XYZ",
                 "decimals": {decimals}, "transfer": "permit2", "own": true}}]"#
        );
        let got = amounts(&networks, &format!(r#""price": "{}""#, text_of(units, decimals))).unwrap();
        prop_assert_eq!(got, [units.to_string()]);
    }
}
