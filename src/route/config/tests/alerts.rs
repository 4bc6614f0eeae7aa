//! Who is told what wants somebody's eyes.

use super::*;

fn read(alerts: &str) -> Result<Config, String> {
    let text = SAMPLE.replace("\"routes\":", &format!("\"alerts\": {alerts}, \"routes\":"));
    Config::parse(&text).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn webhooks_have_an_address_and_a_secret_each() {
    let alerts =
        r#"{"webhooks": [{"url": "https://a.example/x/", "secret": "A"}, {"url": "http://localhost:1/", "secret": "B"}]}"#;
    let config = read(alerts).unwrap();
    let pair = |url: &str, secret: &str| (url.to_string(), secret.to_string());
    assert_eq!(
        config.alerts.webhooks,
        [pair("https://a.example/x", "A"), pair("http://localhost:1", "B")]
    );
    assert_eq!(config.alerts.unknown_minutes, 10);
    let last = config.secrets().pop().unwrap();
    assert_eq!(
        (last.at.as_str(), last.name, last.form),
        ("alerts.webhooks[1].secret", "B", SecretForm::Webhook)
    );
    assert_eq!(Config::parse(SAMPLE).unwrap().alerts.webhooks, []);
}

#[test]
fn d8_each_mistake_about_alerts_has_its_own_sentence() {
    let hook = |url: &str| format!(r#"{{"webhooks": [{{"url": "{url}", "secret": "A"}}]}}"#);
    let minutes =
        |text: &str| format!(r#"{{"webhooks": [{{"url": "https://a.example", "secret": "A"}}], "unknownMinutes": {text}}}"#);
    let five = [r#"{"url": "https://a.example", "secret": "A"}"#; 5].join(",");
    for (text, says) in [
        ("{}".to_string(), "alerts.webhooks: is missing"),
        (r#"{"webhooks": []}"#.to_string(), "alerts.webhooks: name 1 to 4"),
        (format!(r#"{{"webhooks": [{five}]}}"#), "alerts.webhooks: name 1 to 4"),
        (
            hook("http://10.0.0.1/x"),
            "alerts.webhooks[0].url: \"http://10.0.0.1\" is not an https://",
        ),
        (
            hook("https://a.example/?key=1"),
            "alerts.webhooks[0].url: \"https://a.example\" is not",
        ),
        (
            hook("https://me@a.example/"),
            "alerts.webhooks[0].url: \"https://a.example\" is not",
        ),
        (
            r#"{"webhooks": [{"url": "https://a.example", "secret": "whsec_abc"}]}"#.to_string(),
            "alerts.webhooks[0].secret: must be the name of a secret",
        ),
        (minutes("0"), "alerts.unknownMinutes: must be a whole number from 1 to 1440"),
        (minutes("1441"), "alerts.unknownMinutes: must be"),
        (minutes("\"5\""), "alerts.unknownMinutes: must be"),
        (
            r#"{"mail": 1}"#.to_string(),
            "alerts.mail: is not known here; known are webhooks, unknownMinutes",
        ),
    ] {
        let told = read(&text).unwrap_err();
        assert!(told.contains(says), "{text}: {told}");
        assert!(!told.contains("whsec_abc"), "{told}");
    }
}
