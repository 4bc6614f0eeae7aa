//! Entries of `networks`, and the separators that real money asks for.

use super::{SAMPLE, parse};
use crate::{
    evm::{Asset, Transfer, asset::ASSETS},
    route::{Config, ConfigError},
    x402::{
        Network,
        v2::{PaymentRequirements, Scheme},
    },
};
use alloc::{format, string::ToString, vec::Vec};

const ROUTE: &str = r#"[{"match": "/x", "price": "$0.05"}]"#;
/// A token that is in nobody's table.
const OWN: &str = r#""asset": "0x1111111111111111111111111111111111111111", "symbol": "XYZ", "decimals": 6, "own": true"#;

fn offers(networks: &str) -> Vec<PaymentRequirements> {
    parse(networks, ROUTE).unwrap().routes.remove(0).offers
}

#[test]
fn entries_are_networks_assets_and_ways_to_move_them_in_their_order() {
    let offers = offers(
        r#"["eip155:8453", {"network": "eip155:42220", "asset": "USDT"}, {"network": "eip155:8453", "transfer": "permit2"},
            {"network": "eip155:42220", "asset": "0xD2ab3C9A02DBBAB236BfEC45D1d755DF4267F771",
             "payTo": "0x90F79bf6EB2c4f870365E785982E1f101E93b906"}, "eip155:4326"]"#,
    );
    let told: Vec<_> = offers
        .iter()
        .map(|offer| {
            (
                offer.network.chain_id(),
                offer.amount.to_string(),
                offer.extra.name.as_str(),
                offer.extra.transfer,
                offer.extra.decimals,
                offer.pay_to.to_string().get(..6).unwrap().to_string(),
            )
        })
        .collect();
    let (ours, other) = ("0x3C44".to_string(), "0x90F7".to_string());
    assert_eq!(
        told,
        [
            (8453, "50000".into(), "USD Coin", Transfer::Eip3009, 6, ours.clone()),
            (42220, "50000".into(), "Tether USD", Transfer::Eip3009, 6, ours.clone()),
            (8453, "50000".into(), "USD Coin", Transfer::Permit2, 6, ours.clone()),
            (42220, "50000".into(), "Tether America USD", Transfer::Eip3009, 6, other),
            (4326, "50000000000000000".into(), "MegaUSD", Transfer::Permit2, 18, ours),
        ]
    );
    let written = serde_json::to_string(&offers).unwrap();
    assert!(!written.contains("decimals"), "decimals are ours to know: {written}");
}

#[test]
fn a5_real_money_is_taken_only_by_a_domain_that_was_read() {
    for asset in ASSETS {
        let network = asset.network;
        let entry = |more: &str| format!(r#"[{{"network": "{network}", "asset": "{}"{more}}}]"#, asset.symbol);
        let told = parse(&entry(""), ROUTE);
        let signs_or_tells = asset.transfer == Transfer::Eip3009 || asset.permit;
        if asset.verified || network.is_test() || !signs_or_tells {
            assert!(told.is_ok(), "{} on {network}: {told:?}", asset.symbol);
        } else {
            let told = told.unwrap_err();
            let name = asset.network_name();
            let says = format!(
                "networks[0]: nobody is known to have read the domain of {} on {name} from the chain: run `npx farthing check --rpc`",
                asset.symbol
            );
            assert!(told.starts_with(&says), "{told}");
        }
        let ours = asset.domain().separator();
        assert!(parse(&entry(&format!(r#", "separator": "{ours}""#)), ROUTE).is_ok());
        // what was read is never ignored, not even where nothing has to be read
        let other = format!(r#", "separator": "0x{}""#, "ab".repeat(32));
        let told = parse(&entry(&other), ROUTE).unwrap_err();
        assert!(told.starts_with("networks[0].separator: is not the one of name"), "{told}");
        assert!(told.contains(&ours.to_string()));
    }
}

#[test]
fn tokens_of_ones_own_are_described_in_full() {
    let entry = |network: &str, more: &str| format!(r#"[{{"network": "{network}", {OWN}, {more}}}]"#);
    let eip3009 = r#""transfer": "eip3009", "name": "X Y Z", "version": "1""#;
    let permit2 = r#""transfer": "permit2""#;
    let told = parse(&entry("eip155:8453", eip3009), ROUTE).unwrap_err();
    assert!(
        told.starts_with("networks[0]: nobody is known to have read the domain of XYZ on Base"),
        "{told}"
    );
    let told = parse(&entry("eip155:5", eip3009), ROUTE).unwrap_err();
    assert!(
        told.contains("XYZ on this network"),
        "an unknown network is real money: {told}"
    );
    let domain = crate::evm::Domain {
        name: "X Y Z",
        version: "1",
        network: Network::BASE,
        contract: "0x1111111111111111111111111111111111111111".parse().unwrap(),
    };
    let separator = format!(r#"{eip3009}, "separator": "{}""#, domain.separator());
    assert!(parse(&entry("eip155:8453", &separator), ROUTE).is_ok());
    assert!(
        parse(&entry("eip155:137", &separator), ROUTE).is_err(),
        "another chain, another separator"
    );

    for network in ["eip155:84532", "eip155:31337", "eip155:1337"] {
        let offers = offers(&entry(network, eip3009));
        assert_eq!(offers[0].extra.name, "X Y Z");
        assert_eq!(offers[0].domain().name, "X Y Z");
    }
    let config = parse(&entry("eip155:8453", permit2), ROUTE).unwrap();
    let offer = &config.routes[0].offers[0];
    assert_eq!((offer.extra.name.as_str(), offer.extra.version.as_str()), ("", ""));
    assert_eq!(config.routes[0].price, "0.05 XYZ");
    assert_eq!(config.routes[0].symbol, "XYZ");
    let offers = offers(&entry("eip155:8453", r#""transfer": "permit2", "name": "X", "version": "1""#));
    assert_eq!(offers[0].extra.name, "X", "named, so approved by EIP-2612");
}

#[test]
fn b10_each_mistake_in_an_entry_has_its_own_sentence() {
    let own = |more: &str| format!(r#"{{"network": "eip155:84532", {OWN}, {more}}}"#);
    let without = |part: &str| {
        own(r#""transfer": "permit2""#)
            .replace(part, r#""own": true"#)
            .replacen(r#""own": true, "#, "", 1)
    };
    for (entry, says) in [
        ("7", "networks[0]: must be a text like"),
        (r#""solana:x""#, "networks[0]: \"solana:x\" is not an EVM network"),
        (r#""eip155:5""#, "networks[0]: eip155:5 is not in farthing's table"),
        ("{}", "networks[0].network: is missing"),
        (r#"{"network": ""}"#, "networks[0].network: \"\" is not an EVM network"),
        (
            r#"{"network": "eip155:5"}"#,
            "networks[0].network: eip155:5 is not in farthing's table",
        ),
        (
            r#"{"network": "base"}"#,
            "networks[0].network: \"base\" is not an EVM network",
        ),
        (
            r#"{"network": "eip155:8453", "chain": 1}"#,
            "networks[0].chain: is not known here; known are network, asset",
        ),
        (
            r#"{"network": "eip155:42220", "asset": "cUSD"}"#,
            "networks[0].asset: \"cUSD\" is not in farthing's table for eip155:42220, which has USDC, USDT, USAT;",
        ),
        (
            r#"{"network": "eip155:8453", "asset": "usdc"}"#,
            "networks[0].asset: \"usdc\" is not in",
        ),
        (
            r#"{"network": "eip155:8453", "asset": "0x12"}"#,
            "networks[0].asset: \"0x12\" is not an address",
        ),
        (
            r#"{"network": "eip155:8453", "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e"}"#,
            "networks[0].asset: \"0x036CbD53842c5426634e7929541eC2318f3dCF7e\" is not in farthing's table for eip155:8453",
        ),
        (
            r#"{"network": "eip155:8453", "transfer": "erc7710"}"#,
            "networks[0].transfer: \"erc7710\" is neither",
        ),
        (
            r#"{"network": "eip155:4326", "transfer": "eip3009"}"#,
            "networks[0].transfer: MegaUSD has no EIP-3009",
        ),
        (
            r#"{"network": "eip155:8453", "payTo": "0x3c44CdDdB6a900fa2b585dd299e03d12FA4293BC"}"#,
            "networks[0].payTo: the checksum",
        ),
        (
            r#"{"network": "eip155:8453", "payTo": {}}"#,
            "networks[0].payTo: is missing, or is not an address",
        ),
        (
            r#"{"network": "eip155:36900", "separator": "0x12"}"#,
            "networks[0].separator: is not 0x and 64 hex digits",
        ),
        (
            r#"{"network": "eip155:8453", "name": "USDC"}"#,
            "networks[0].name: belongs to tokens of your own",
        ),
        (
            r#"{"network": "eip155:8453", "own": "yes"}"#,
            "networks[0].own: must be true or false",
        ),
        (
            &own(r#""transfer": "eip3009", "version": "1""#),
            "networks[0].name: is missing",
        ),
        (
            &own(r#""transfer": "eip3009", "name": "X""#),
            "networks[0].version: is missing",
        ),
        (
            &own(r#""transfer": "eip3009", "name": "", "version": "1""#),
            "networks[0].name: must be 1 to 64 bytes",
        ),
        (
            &own(r#""transfer": "permit2", "name": "X""#),
            "networks[0].version: is missing",
        ),
        (
            &own(r#""transfer": "permit2", "separator": "0x1111111111111111111111111111111111111111111111111111111111111111""#),
            "networks[0].separator: says nothing without",
        ),
        (
            &own(r#""transfer": "eip3009", "name": "X\u0007", "version": "1""#),
            "networks[0].name: must be 1 to 64 bytes",
        ),
        (
            &own(r#""payTo": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC""#),
            "networks[0].transfer: is missing",
        ),
        (
            &without(r#""decimals": 6"#),
            "networks[0].decimals: must be a whole number from 0 to 18",
        ),
        (
            &own(r#""transfer": "permit2""#).replace(": 6", ": 19"),
            "networks[0].decimals: must be a whole number from 0 to 18",
        ),
        (&without(r#""symbol": "XYZ""#), "networks[0].symbol: is missing"),
        (
            &own(r#""transfer": "permit2""#).replace("XYZ", "<b>"),
            "networks[0].symbol: \"<b>\" is not 1 to 16",
        ),
        (
            &own(r#""transfer": "permit2""#).replace(
                "0x1111111111111111111111111111111111111111",
                "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            ),
            "networks[0].asset: USDC is in farthing's own table",
        ),
    ] {
        let told = parse(&format!("[{entry}]"), ROUTE).unwrap_err();
        assert!(told.starts_with(says), "{entry}: {told}");
        assert_eq!(told.lines().count(), 1, "{entry}: {told}");
    }
    let twice = parse(
        r#"["eip155:8453", {"network": "eip155:8453", "asset": "USDC", "transfer": "eip3009"}]"#,
        ROUTE,
    );
    assert_eq!(twice.unwrap_err(), "networks[1]: USDC on eip155:8453 by eip3009 stands twice");
}

#[test]
fn metered_routes_offer_each_asset_once_by_permit2() {
    let networks = r#"["eip155:84532", {"network": "eip155:84532", "transfer": "permit2"}, "eip155:31611"]"#;
    let config = parse(networks, r#"[{"match": "/x", "price": "$1", "scheme": "upto"}]"#).unwrap();
    let route = &config.routes[0];
    assert_eq!(route.access, super::Access::Once);
    let told: Vec<_> = route
        .offers
        .iter()
        .map(|offer| {
            (
                offer.network.chain_id(),
                offer.scheme,
                offer.extra.transfer,
                offer.extra.name.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (84532, Scheme::Upto, Transfer::Permit2, "USDC"),
            (31611, Scheme::Upto, Transfer::Permit2, "Mezo USD")
        ]
    );
    for offer in &route.offers {
        assert_eq!(
            offer.extra.facilitator.unwrap().to_string(),
            "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
        );
    }
    let exact = &parse(networks, r#"[{"match": "/x", "price": "$1"}]"#).unwrap().routes[0];
    assert_eq!(exact.offers.len(), 3);
    assert!(exact.offers.iter().all(|offer| offer.extra.facilitator.is_none()));
}

#[test]
fn the_default_of_every_network_can_be_asked_for_by_its_name_alone() {
    for asset in ASSETS {
        let first = Asset::default_of(asset.network).unwrap();
        let entry = format!(
            r#"[{{"network": "{}", "separator": "{}"}}]"#,
            asset.network,
            first.domain().separator()
        );
        assert_eq!(offers(&entry)[0].asset, first.contract);
    }
}

#[test]
fn real_money_is_taken_only_where_the_file_says_so() {
    let with = |money: &str, networks: &str| {
        let text = SAMPLE
            .replace(r#", "rpc": {"eip155:84532": ["https://rpc.example"]}"#, "")
            .replace(
                r#""networks": ["eip155:84532"]"#,
                &format!(r#"{money}"networks": {networks}"#),
            );
        let lines = |errors: Vec<ConfigError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        Config::parse(&text).map(drop).map_err(lines)
    };
    let test = r#""money": "test", "#;
    let real = r#""money": "real", "#;
    let own = format!(r#"[{{"network": "eip155:5", {OWN}, "transfer": "permit2"}}]"#);
    for word in ["", test] {
        assert_eq!(with(word, r#"["eip155:84532", "eip155:51"]"#), Ok(()));
        let told = with(word, r#"["eip155:84532", "eip155:8453", "eip155:137"]"#).unwrap_err();
        let says = "money: eip155:8453 (Base) takes real money: write \"money\": \"real\" if that is meant, \
                    or name a test network, like \"eip155:84532\"";
        assert_eq!(told, says);
        let told = with(word, &own).unwrap_err();
        assert!(
            told.starts_with("money: eip155:5 (not a test network that farthing knows)"),
            "{told}"
        );
    }
    for networks in [
        r#"["eip155:8453"]"#,
        r#"["eip155:84532"]"#,
        r#"["eip155:84532", "eip155:8453"]"#,
        &own,
    ] {
        assert_eq!(with(real, networks), Ok(()));
    }
    for word in [r#""money": "Real", "#, r#""money": true, "#, r#""money": "", "#] {
        let told = with(word, r#"["eip155:84532"]"#).unwrap_err();
        assert_eq!(told, "money: must be \"test\" or \"real\"");
    }
}
