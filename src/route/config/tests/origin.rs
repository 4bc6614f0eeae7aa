//! Where the content comes from.

use super::*;

fn read(origin: &str) -> Result<Config, String> {
    let text = SAMPLE.replace(r#"{"url": "https://origin.news.example"}"#, origin);
    Config::parse(&text).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

#[test]
fn every_kind_of_origin_is_read() {
    for (text, want) in [
        ("\"dns\"", Origin::Dns),
        (r#"{"dns": true}"#, Origin::Dns),
        (r#"{"url": "https://o.example"}"#, Origin::Url("https://o.example".into())),
        (r#"{"service": "SITE"}"#, Origin::Service("SITE".into())),
        (r#"{"assets": "PAGES"}"#, Origin::Assets("PAGES".into())),
        (r#"{"bucket": "MEDIA"}"#, Origin::Bucket("MEDIA".into())),
    ] {
        assert_eq!(read(text).unwrap().origin, want, "{text}");
    }
}

#[test]
fn d7_an_origin_knows_us_by_a_secret() {
    for text in [
        r#"{"url": "https://o.example", "headers": {"X-Origin-Key": "ORIGIN_KEY"}}"#,
        r#"{"dns": true, "headers": {"X-Origin-Key": "ORIGIN_KEY"}}"#,
    ] {
        let config = read(text).unwrap();
        assert_eq!(
            config.origin_headers,
            [("x-origin-key".to_string(), "ORIGIN_KEY".to_string())]
        );
        let last = config.secrets().pop().unwrap();
        assert_eq!((last.at.as_str(), last.name), ("origin.headers.x-origin-key", "ORIGIN_KEY"));
    }
    for (text, says) in [
        (r#"{"url": "https://o.example", "dns": true}"#, "origin: must be one of"),
        (r#"{"headers": {"x-a": "A"}}"#, "origin: must be one of"),
        (r#"{"dns": false}"#, "origin: must be one of"),
        (r#"{"dns": true, "headers": {}}"#, "origin.headers: must be an object of 1 to"),
        (
            r#"{"dns": true, "headers": {"Cookie": "A"}}"#,
            "origin.headers.Cookie: is a header that farthing",
        ),
        (r#"{"dns": true, "headers": {"x-a": "s3cret"}}"#, "origin.headers.x-a"),
        (
            r#"{"bucket": "MEDIA", "headers": {"x-a": "A"}}"#,
            "origin.headers: are for servers",
        ),
    ] {
        let said = read(text).unwrap_err();
        assert!(said.starts_with(says) && !said.contains("s3cret"), "{text}: {said}");
    }
}
