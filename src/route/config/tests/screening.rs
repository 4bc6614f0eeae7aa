//! Whose payments are not taken, and who is asked about the others.

use super::*;
use crate::evm::Address;

fn read(screening: &str) -> Result<Config, String> {
    let text = SAMPLE.replace("\"routes\":", &format!("\"screening\": {screening}, \"routes\":"));
    Config::parse(&text).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn b13_an_account_is_denied_however_it_is_written() {
    let [low, high] = [0x11_u8, 0xee].map(Address::repeat_byte);
    let mixed = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
    let list = format!(r#"{{"deny": ["{high:#x}", "{mixed}", "0x{}", "{low:#x}"]}}"#, "AB".repeat(20));
    let config = read(&list).unwrap();
    assert_eq!(config.denied, [high, mixed.parse().unwrap(), Address::repeat_byte(0xab), low]);
    assert_eq!(config.settlement.screener, None);
    let thousand: Vec<String> = (1..=1000).map(|n| format!("\"0x{n:040x}\"")).collect();
    assert_eq!(
        read(&format!(r#"{{"deny": [{}]}}"#, thousand.join(",")))
            .unwrap()
            .denied
            .len(),
        1000
    );
}

#[test]
fn a_service_is_asked_with_secrets_and_waited_for_as_the_config_has_it() {
    let screener = |text| read(text).unwrap().settlement.screener.unwrap();
    let plain = screener(r#"{"url": "https://s.example/check/", "whenUnreachable": "refuse"}"#);
    assert_eq!((plain.url.as_str(), plain.auth().as_str()), ("https://s.example/check", ""));
    assert_eq!(
        (plain.lets_through, plain.cache_seconds, plain.timeout_seconds),
        (false, 3600, 3)
    );
    let all = r#"{"url": "http://127.0.0.1:9/x", "headers": {"X-Key": "A", "authorization": "B"}, "whenUnreachable": "allow", "cacheSeconds": 86400, "timeoutSeconds": 10}"#;
    let config = read(all).unwrap();
    let secrets: Vec<String> = config
        .secrets()
        .iter()
        .map(|secret| format!("{} {}", secret.at, secret.name))
        .collect();
    assert!(secrets.contains(&"screening.headers.x-key A".into()), "{secrets:?}");
    let screener = config.settlement.screener.unwrap();
    assert_eq!(
        (screener.auth().as_str(), screener.host()),
        ("x-key A,authorization B", "127.0.0.1:9")
    );
    assert!(screener.lets_through);
}

#[test]
fn b13_each_mistake_about_screening_has_its_own_sentence() {
    let with = |member: &str| format!(r#"{{"url": "https://s.example", "whenUnreachable": "refuse", {member}}}"#);
    let many: Vec<String> = (1..=1001).map(|n| format!("\"0x{n:040x}\"")).collect();
    for (text, says) in [
        ("7".to_string(), "screening: must be an object"),
        ("{}".to_string(), "screening: screens nobody: give \"deny\" or \"url\""),
        (r#"{"allow": []}"#.to_string(), "screening.allow: is not known here"),
        (
            r#"{"deny": "0x"}"#.to_string(),
            "screening.deny: is missing, or is not a list",
        ),
        (r#"{"deny": [7]}"#.to_string(), "screening.deny: must list texts"),
        (
            r#"{"deny": ["0x12"]}"#.to_string(),
            "screening.deny[0]: \"0x12\" is not an address",
        ),
        (
            format!(r#"{{"deny": ["0x{}"]}}"#, "0".repeat(40)),
            "screening.deny[0]: \"0x0000000000000000000000000000000000000000\" is not an address",
        ),
        (
            r#"{"deny": ["0x3c44CdDdB6a900fa2b585dd299e03d12FA4293BC"]}"#.to_string(),
            "screening.deny[0]: the checksum of",
        ),
        (
            format!(r#"{{"deny": [{}]}}"#, many.join(",")),
            "screening.deny: may list 1000 accounts",
        ),
        (
            r#"{"url": "https://s.example"}"#.to_string(),
            "screening.whenUnreachable: must be \"refuse\" or \"allow\"",
        ),
        (
            r#"{"url": "https://s.example", "whenUnreachable": true}"#.to_string(),
            "screening.whenUnreachable: must be",
        ),
        (
            r#"{"deny": [], "whenUnreachable": "allow"}"#.to_string(),
            "screening.whenUnreachable: is about the service that \"url\" names",
        ),
        (
            r#"{"deny": [], "headers": {"x-a": "A"}}"#.to_string(),
            "screening.headers: is about the service",
        ),
        (
            r#"{"url": "http://10.0.0.1/", "whenUnreachable": "refuse"}"#.to_string(),
            "screening.url: \"http://10.0.0.1\" is not an https://",
        ),
        (
            r#"{"url": "https://me:pw@s.example/?key=1", "whenUnreachable": "refuse"}"#.to_string(),
            "screening.url: \"https://s.example\" is not an https://",
        ),
        (
            with(r#""cacheSeconds": 0"#),
            "screening.cacheSeconds: must be a whole number from 1 to 86400",
        ),
        (with(r#""cacheSeconds": 86401"#), "screening.cacheSeconds: must be"),
        (
            with(r#""timeoutSeconds": 11"#),
            "screening.timeoutSeconds: must be a whole number from 1 to 10",
        ),
        (with(r#""timeoutSeconds": "3""#), "screening.timeoutSeconds: must be"),
        (
            with(r#""headers": {"authorization": "Bearer abc"}"#),
            "screening.headers.authorization: must be the name of a secret",
        ),
        (
            with(r#""headers": {"authorization": "FARTHING_KEYS"}"#),
            "screening.headers.authorization: names one of farthing's own settings",
        ),
    ] {
        let told = read(&text).unwrap_err();
        assert!(told.contains(says), "{text}: {told}");
        assert!(!told.contains("Bearer abc") && !told.contains("pw"), "{told}");
    }
}
