//! `settlement` and `payments`: who settles, with which secrets, how deep, how often.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use proptest::prelude::*;

use super::super::{Config, SecretForm, Settler};
use crate::{money::Amount, x402::Network};

const OTHER: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

/// A config on Base and Polygon with this `settlement`, and more of the file; or its mistakes, a line each.
fn config(settlement: &str, more: &str) -> Result<Config, String> {
    let text = format!(
        r#"{{
            "site": "https://news.example", "origin": "dns", "payTo": {{"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"}},
            "money": "real", "networks": ["eip155:8453", "eip155:137", {{"network": "eip155:8453", "transfer": "permit2"}}],
            "settlement": {settlement}, "routes": [{{"match": "/x", "price": "$1"}}], {more}
        }}"#
    );
    Config::parse(&text).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

/// With these facilitators, and endpoints for both networks.
fn settled_by(facilitators: &str) -> Result<Config, String> {
    let rpc = r#"{"eip155:8453": ["https://a.example"], "eip155:137": ["https://b.example"]}"#;
    config(&format!(r#"{{"facilitators": {facilitators}, "rpc": {rpc}}}"#), "")
}

/// With these confirmations, and an endpoint for Polygon.
fn confirmed(confirmations: &str) -> Result<Config, String> {
    let settlement = format!(
        r#"{{"facilitators": [{{"url": "https://f.example"}}], "rpc": {{"eip155:137": ["https://b.example"]}}, "confirmations": {confirmations}}}"#
    );
    config(&settlement, "")
}

#[test]
fn every_kind_of_settler_is_read_in_order() {
    let config = settled_by(&format!(
        r#"[
            {{"url": "https://f.example/x402/", "headers": {{"Authorization": "F_TOKEN", "x-site": "SITE_2"}}}},
            {{"url": "https://api.cdp.coinbase.com/platform/v2/x402", "coinbase": "CDP_KEY", "address": "{OTHER}", "contractWallets": true}},
            {{"direct": "GAS_KEY"}},
        ]"#
    ))
    .unwrap();
    let settlement = config.settlement;
    let headers = Vec::from([
        ("authorization".to_owned(), "F_TOKEN".to_owned()),
        ("x-site".to_owned(), "SITE_2".to_owned()),
    ]);
    assert_eq!(
        settlement.facilitators,
        [
            Settler::Facilitator {
                url: "https://f.example/x402".into(),
                headers,
                coinbase: None,
                metered: false,
                contract_wallets: false,
            },
            Settler::Facilitator {
                url: "https://api.cdp.coinbase.com/platform/v2/x402".into(),
                headers: Vec::new(),
                coinbase: Some("CDP_KEY".into()),
                metered: true,
                contract_wallets: true,
            },
            Settler::Direct {
                secret: "GAS_KEY".into()
            },
        ]
    );
    let secrets: Vec<_> = settlement.secrets();
    let told: Vec<(&str, &str, SecretForm)> = secrets
        .iter()
        .map(|secret| (secret.at.as_str(), secret.name, secret.form))
        .collect();
    assert_eq!(
        told,
        [
            (
                "settlement.facilitators[0].headers.authorization",
                "F_TOKEN",
                SecretForm::Header
            ),
            ("settlement.facilitators[0].headers.x-site", "SITE_2", SecretForm::Header),
            ("settlement.facilitators[1].coinbase", "CDP_KEY", SecretForm::Coinbase),
            ("settlement.facilitators[2].direct", "GAS_KEY", SecretForm::Key),
        ]
    );
    assert!(config.routes[0].contract_wallets);
    // what the gate writes, the ledger reads
    let json = serde_json::to_string(&settlement).unwrap();
    assert!(!json.contains('\n'));
    assert_eq!(serde_json::from_str::<super::super::Settlement>(&json).unwrap(), settlement);
}

#[test]
fn an_attempt_begins_with_its_own_settler_and_asks_each_once() {
    let config = settled_by(&format!(
        r#"[{{"url": "https://a.example"}}, {{"url": "https://b.example", "address": "{OTHER}"}},
            {{"direct": "GAS"}}, {{"url": "https://c.example", "contractWallets": true}}, {{"url": "https://d.example", "address": "{}"}}]"#,
        OTHER.to_lowercase()
    ))
    .unwrap();
    let names = |metered, contract, attempt| -> String {
        let settlers = config.settlement.settlers(metered, contract, attempt);
        let names: Vec<String> = settlers
            .iter()
            .map(|settler| settler.name().replace(".example", ""))
            .collect();
        names.join(" ")
    };
    for (attempt, order) in [
        (0, "a b direct c d"),
        (1, "a b direct c d"),
        (2, "b direct c d a"),
        (3, "direct c d a b"),
        (5, "d a b direct c"),
        (6, "a b direct c d"),
        (u32::MAX, "d a b direct c"),
    ] {
        assert_eq!(names(false, false, attempt), order, "{attempt}");
    }
    // a metered payment is signed for one address
    assert_eq!(names(true, false, 1), "b d");
    assert_eq!(names(true, false, 2), "d b");
    assert_eq!(names(false, true, 1), "c");
    assert_eq!(names(false, true, 7), "c");
    assert_eq!(names(true, true, 1), "");
    let nobody = settled_by(r#"[{"direct": "GAS"}]"#).unwrap().settlement;
    assert!(nobody.settlers(true, false, 1).is_empty() && nobody.settlers(false, true, 3).is_empty());
}

#[test]
fn a13_depths_rise_with_the_price() {
    let config = confirmed(
        r#"{"eip155:137": [{"from": "$0", "blocks": 1}, {"from": "$0.000001", "blocks": 2}, {"from": "$1", "blocks": 3}, {"from": "$1.000000000000000001", "blocks": 4}], "eip155:8453": 0}"#,
    )
    .unwrap();
    let polygon: Network = "eip155:137".parse().unwrap();
    let depth = |amount: &str, decimals| config.settlement.confirmations(polygon, amount.parse().unwrap(), decimals);
    for (amount, decimals, blocks) in [
        ("0", 6, 1),
        ("1", 6, 2),
        ("999999", 6, 2),
        ("1000000", 6, 3),
        ("1000001", 6, 4),
        ("999999999999", 18, 1),
        ("1000000000000", 18, 2),
        ("1000000000000000000", 18, 3),
        ("1000000000000000001", 18, 4),
        ("1", 0, 3),
        ("2", 0, 4),
        (
            "115792089237316195423570985008687907853269984665640564039457584007913129639935",
            6,
            4,
        ),
        (
            "115792089237316195423570985008687907853269984665640564039457584007913129639935",
            0,
            4,
        ),
    ] {
        assert_eq!(depth(amount, decimals), blocks, "{amount} {decimals}");
    }
    let of = |network: &str| config.settlement.confirmations(network.parse().unwrap(), Amount::ZERO, 6);
    assert_eq!((of("eip155:8453"), of("eip155:1")), (0, 0));
    let flat = confirmed(r#"{"eip155:137": 10000}"#).unwrap().settlement;
    assert_eq!(flat.confirmations(polygon, "1".parse().unwrap(), 6), 10_000);
}

proptest! {
    #[test]
    fn a13_a_higher_price_never_lies_less_deep_where_depths_rise(a in any::<u64>(), b in any::<u64>(), decimals in 0_u8..=18) {
        let config = confirmed(r#"{"eip155:137": [{"from": "$0", "blocks": 0}, {"from": "$0.05", "blocks": 2}, {"from": "$100", "blocks": 9}]}"#).unwrap();
        let depth = |amount: u64| config.settlement.confirmations("eip155:137".parse().unwrap(), amount.to_string().parse().unwrap(), decimals);
        prop_assert!(depth(a.min(b)) <= depth(a.max(b)));
    }
}

#[test]
fn limits_have_defaults() {
    let plain = settled_by(r#"[{"url": "https://f.example"}]"#).unwrap();
    assert_eq!(plain.settlement.settlements_per_day, 20_000);
    assert!(!plain.paused && plain.settlement.confirmations.is_empty());
    let one = r#"{"facilitators": [{"url": "https://f.example"}], "settlementsPerDay": 1}"#;
    let paused = config(one, r#""payments": "paused""#).unwrap();
    assert_eq!((paused.settlement.settlements_per_day, paused.paused), (1, true));
    assert!(!config(one, r#""payments": "on""#).unwrap().paused);
}

#[test]
fn b10_each_mistake_in_settling_has_its_own_sentence() {
    let secret = "must be the name of a secret of the Worker, not the secret";
    for (facilitators, says) in [
        ("[]", "settlement.facilitators: name at least one"),
        ("{}", "settlement.facilitators: is missing, or is not a list"),
        (
            r#"[{"direct": "GAS", "url": "https://f.example"}]"#,
            "settlement.facilitators[0].url: is not known here; known are direct",
        ),
        (
            r#"[{"url": "https://f.example", "uri": "https://f.example"}]"#,
            "settlement.facilitators[0].uri: is not known here; known are url, headers, coinbase",
        ),
        (r#"[{"coinbase": "CDP"}]"#, "settlement.facilitators[0].url: is missing"),
        (
            r#"[{"url": "https://f.example", "headers": {}}]"#,
            "settlement.facilitators[0].headers: must be an object of 1 to 8 headers",
        ),
        (
            r#"[{"url": "https://f.example", "headers": ["X"]}]"#,
            "settlement.facilitators[0].headers: must be an object of 1 to 8 headers",
        ),
        (
            r#"[{"url": "https://f.example", "headers": {"a b": "X"}}]"#,
            "settlement.facilitators[0].headers: a header's name is",
        ),
        (
            r#"[{"url": "https://f.example", "headers": {"Host": "X"}}]"#,
            "settlement.facilitators[0].headers.Host: is a header that farthing or the connection sets",
        ),
        (
            r#"[{"url": "https://f.example", "headers": {"x-a": "X", "X-A": "X"}}]"#,
            "settlement.facilitators[0].headers.X-A: stands twice",
        ),
        (
            r#"[{"url": "https://f.example", "coinbase": "X", "headers": {"Authorization": "X"}}]"#,
            "settlement.facilitators[0].headers.Authorization: is made for every call by \"coinbase\"",
        ),
        (r#"[{"url": "https://f.example", "coinbase": 7}]"#, secret),
        (r#"[{"url": "https://f.example", "coinbase": "cdp_key"}]"#, secret),
        (r#"[{"direct": ""}]"#, secret),
        (r#"[{"direct": "1X"}]"#, secret),
        (
            r#"[{"direct": "FARTHING_KEYS"}]"#,
            "settlement.facilitators[0].direct: names one of farthing's own settings",
        ),
    ] {
        let told = settled_by(facilitators).unwrap_err();
        assert!(told.contains(says) && told.lines().count() == 1, "{facilitators}: {told}");
    }
    let told = settled_by("[7]").unwrap_err();
    assert!(told.starts_with("settlement.facilitators[0]: must be an object"), "{told}");
    let many = format!("[{}]", [r#"{"url": "https://f.example"}"#; 9].join(","));
    assert_eq!(settled_by(&many).unwrap_err(), "settlement.facilitators: name at most 8");
    let headers: Vec<String> = (0..9).map(|n| format!(r#""x-{n}": "X""#)).collect();
    let told = settled_by(&format!(
        r#"[{{"url": "https://f.example", "headers": {{{}}}}}]"#,
        headers.join(",")
    ))
    .unwrap_err();
    assert!(told.contains("1 to 8 headers"), "{told}");
    let told = confirmed("{}").map(drop).and_then(|()| {
        config(
            r#"{"facilitators": [{"direct": "GAS"}], "rpc": {"eip155:137": ["https://b.example"]}}"#,
            "",
        )
        .map(drop)
    });
    assert_eq!(
        told.unwrap_err(),
        "settlement.facilitators[0].direct: needs an endpoint for eip155:8453 in settlement.rpc to send transactions to"
    );
    let plain = r#""facilitators": [{"url": "https://f.example"}]"#;
    for (member, more, says) in [
        (
            "\"settlementsPerDay\": 0",
            "",
            "settlement.settlementsPerDay: must be a whole number from 1 to 10000000",
        ),
        ("\"settlementsPerDay\": 10000001", "", "settlement.settlementsPerDay: must be"),
        ("\"settlementsPerDay\": \"1\"", "", "settlement.settlementsPerDay: must be"),
        (
            "\"timeoutSeconds\": 0",
            "",
            "settlement.timeoutSeconds: must be a whole number from 1 to 60",
        ),
        (
            "\"timeoutSeconds\": 1",
            "\"payments\": \"off\"",
            "payments: must be \"on\" or \"paused\"",
        ),
        (
            "\"timeoutSeconds\": 1",
            "\"payments\": true",
            "payments: must be \"on\" or \"paused\"",
        ),
    ] {
        let told = config(&format!("{{{plain}, {member}}}"), more).unwrap_err();
        assert!(told.starts_with(says) && told.lines().count() == 1, "{member} {more}: {told}");
    }
}

#[test]
fn b10_each_mistake_in_confirmations_has_its_own_sentence() {
    let at = "settlement.confirmations[\"eip155:137\"]";
    for (confirmations, says) in [
        ("3", "settlement.confirmations: must be an object"),
        (r#"{"polygon": 3}"#, "settlement.confirmations[\"polygon\"]: not"),
        (
            r#"{"eip155:1": 3}"#,
            "settlement.confirmations[\"eip155:1\"]: this network is not among",
        ),
        (
            r#"{"eip155:8453": 1}"#,
            "settlement.confirmations[\"eip155:8453\"]: needs an endpoint for this network in settlement.rpc",
        ),
        (
            r#"{"eip155:137": "3"}"#,
            &format!("{at}: must be a number of blocks from 0 to 10000"),
        ),
        (r#"{"eip155:137": 10001}"#, &format!("{at}: must be a number of blocks")),
        (r#"{"eip155:137": -1}"#, &format!("{at}: must be a number of blocks")),
        (r#"{"eip155:137": []}"#, &format!("{at}: the list is empty")),
        (r#"{"eip155:137": [3]}"#, &format!("{at}[0]: must be an object")),
        (
            r#"{"eip155:137": [{"from": "$0"}]}"#,
            &format!("{at}[0].blocks: must be a number of blocks"),
        ),
        (
            r#"{"eip155:137": [{"from": "$1", "blocks": 1}]}"#,
            &format!("{at}[0].from: the first is from \"$0\""),
        ),
        (
            r#"{"eip155:137": [{"from": "$0", "blocks": 0}, {"from": "1 USDC", "blocks": 1}]}"#,
            &format!("{at}[1].from: must be a price like \"$1\""),
        ),
        (
            r#"{"eip155:137": [{"from": "$0", "blocks": 0}, {"from": "$0", "blocks": 1}]}"#,
            &format!("{at}[1].from: must be a price"),
        ),
        (
            r#"{"eip155:137": [{"from": "$0", "blocks": 0}, {"from": "$2", "blocks": 1}, {"from": "$2.0", "blocks": 2}]}"#,
            &format!("{at}[2].from: must be more than that of the entry before it"),
        ),
        (
            r#"{"eip155:137": [{"from": "$0", "blocks": 0, "price": "$1"}]}"#,
            &format!("{at}[0].price: is not known here; known are from, blocks"),
        ),
    ] {
        let told = confirmed(confirmations).unwrap_err();
        assert!(told.contains(says), "{confirmations}: {told}");
    }
}

#[test]
fn g1_what_stands_where_a_secrets_name_should_is_never_shown() {
    for facilitators in [
        r#"[{"direct": "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"}]"#,
        r#"[{"direct": {"key": "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"}}]"#,
        r#"[{"url": "https://f.example", "coinbase": "id:59c6995e"}]"#,
        r#"[{"url": "https://f.example", "headers": {"authorization": "Bearer 59c6995e"}}]"#,
        r#"[{"url": "https://f.example", "headers": {"Bearer 59c6995e": "TOKEN"}}]"#,
    ] {
        let told = settled_by(facilitators).unwrap_err();
        assert!(!told.contains("59c6995e"), "{told}");
    }
    // and of a secret that is not there, not even the name
    for form in [SecretForm::Header, SecretForm::Coinbase, SecretForm::Key] {
        assert_ne!(form.fault(true), form.fault(false));
    }
}
