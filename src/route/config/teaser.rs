//! `teaser` of a route: what an unpaid reader gets instead of the page.

use alloc::{format, string::String};

use super::check::{Check, place};
use crate::{json::Value, trim::Part};

/// The members of a teaser.
pub(super) const TEASER_KEYS: &[&str] = &["selector", "marker", "paragraphs", "within", "status"];

/// The longest selector, in bytes.
const LONGEST_SELECTOR: usize = 200;
/// The most paragraphs that are free.
const MOST_PARAGRAPHS: u64 = 100;

/// What an unpaid reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Teaser {
    /// What is taken out of the publisher's page; if nothing is named, readers get our own page.
    pub part: Option<Part>,
    /// The status of the page, 200 or 402.
    pub status: u16,
}

impl Check {
    /// Reads a route's `teaser`.
    pub(super) fn teaser(&mut self, at: &str, route: &Value<'_>, free: bool) -> Option<Teaser> {
        let value = route.get("teaser")?;
        let at = &place(at, "teaser");
        if free {
            self.wrong(at, "is for priced pages, and this route is free");
        }
        self.object(at, value, TEASER_KEYS);
        let within = self.selector(at, value, "within");
        let parts = [
            self.selector(at, value, "selector").map(Part::Selector),
            self.marker(at, value).map(Part::Marker),
            self.paragraphs(at, value).map(|count| Part::Paragraphs {
                count,
                within: within.clone().unwrap_or_default(),
            }),
        ];
        let counted = value.get("paragraphs").is_some();
        if counted != value.get("within").is_some() {
            self.wrong(
                at,
                "\"paragraphs\" and \"within\" go together: how many are free, and in which element they are counted",
            );
        }
        let names = TEASER_KEYS.get(..3).unwrap_or_default();
        let named = names.iter().filter(|name| value.get(name).is_some()).count();
        if named > 1 || named == 0 && value.get("status").is_none() {
            self.wrong(
                at,
                "names what is taken out by one of \"selector\", \"marker\" and \"paragraphs\"; or has only a \"status\", for farthing's own page",
            );
        }
        let status = value.get("status").map(|status| match status.integer() {
            Some(200) => 200,
            Some(402) => 402,
            _ => {
                self.wrong_member(at, "status", format!("{} is neither 200 nor 402", status.raw()));
                402
            }
        });
        let part = parts.into_iter().flatten().next();
        Some(Teaser {
            status: status.unwrap_or(if part.is_some() { 200 } else { 402 }),
            part,
        })
    }

    /// A CSS selector of the kind that the runtime's HTMLRewriter knows.
    fn selector(&mut self, at: &str, value: &Value<'_>, name: &str) -> Option<String> {
        let text = self.text_if_any(at, value, name)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" .#>*_-[]=\"'^$|~:()".contains(&byte);
        let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || "*.#[".contains(c));
        if !begins || text.len() > LONGEST_SELECTOR || !text.bytes().all(plain) {
            self.wrong_member(
                at,
                name,
                format!("\"{text}\" is not one CSS selector like \"article .premium\", of at most {LONGEST_SELECTOR} letters and marks, without commas"),
            );
        }
        Some(text)
    }

    fn marker(&mut self, at: &str, value: &Value<'_>) -> Option<String> {
        let text = self.text_if_any(at, value, "marker")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=40).contains(&text.len()) || !text.bytes().all(plain) {
            self.wrong_member(
                at,
                "marker",
                format!("\"{text}\" is not 1 to 40 letters, digits, \"-\" and \"_\""),
            );
        }
        Some(text)
    }

    fn paragraphs(&mut self, at: &str, value: &Value<'_>) -> Option<u64> {
        let count = value.get("paragraphs")?;
        let number = count.integer().filter(|number| (1..=MOST_PARAGRAPHS).contains(number));
        if number.is_none() {
            self.wrong_member(
                at,
                "paragraphs",
                format!("{} is not a number from 1 to {MOST_PARAGRAPHS}", count.raw()),
            );
        }
        Some(number.unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Config, config::tests::SAMPLE};
    use alloc::string::ToString;

    fn teaser(text: &str) -> Result<Option<Teaser>, String> {
        let config = SAMPLE.replacen("\"price\": \"$", &format!("\"teaser\": {text}, \"price\": \"$"), 1);
        assert_ne!(config, SAMPLE);
        let config = Config::parse(&config).map_err(|errors| errors.iter().map(ToString::to_string).collect::<String>())?;
        Ok(config.routes.into_iter().find_map(|route| route.teaser))
    }

    #[test]
    fn a_teaser_says_what_goes_and_with_which_status() {
        for (text, part, status) in [
            (
                r#"{"selector": "article > .premium:not(.free)"}"#,
                Some(Part::Selector("article > .premium:not(.free)".into())),
                200,
            ),
            (
                r#"{"marker": "farthing", "status": 402}"#,
                Some(Part::Marker("farthing".into())),
                402,
            ),
            (
                r#"{"paragraphs": 3, "within": "article"}"#,
                Some(Part::Paragraphs {
                    count: 3,
                    within: "article".into(),
                }),
                200,
            ),
            (r#"{"status": 200}"#, None, 200),
        ] {
            assert_eq!(teaser(text), Ok(Some(Teaser { part, status })), "{text}");
        }
        assert_eq!(Config::parse(SAMPLE).unwrap().routes[0].teaser, None);
    }

    #[test]
    fn every_mistake_in_a_teaser_is_named() {
        for (text, want) in [
            ("3", "teaser: must be an object"),
            ("{}", "names what is taken out by one of"),
            (r#"{"selector": ".a", "marker": "b"}"#, "names what is taken out by one of"),
            (
                r#"{"selector": ".a, .b"}"#,
                "teaser.selector: \".a, .b\" is not one CSS selector",
            ),
            (r#"{"selector": ""}"#, "is not one CSS selector"),
            (r#"{"selector": "> p"}"#, "is not one CSS selector"),
            (r#"{"marker": "a b"}"#, "teaser.marker: \"a b\" is not 1 to 40 letters"),
            (
                r#"{"paragraphs": 0, "within": "article"}"#,
                "teaser.paragraphs: 0 is not a number from 1 to 100",
            ),
            (r#"{"paragraphs": 3}"#, "\"paragraphs\" and \"within\" go together"),
            (
                r#"{"selector": ".a", "within": "article"}"#,
                "\"paragraphs\" and \"within\" go together",
            ),
            (
                r#"{"marker": "a", "status": 403}"#,
                "teaser.status: 403 is neither 200 nor 402",
            ),
            (r#"{"marker": 1}"#, "teaser.marker: is missing, or is not a text"),
            (r#"{"marker": "a", "css": ""}"#, "teaser.css: is not known here"),
        ] {
            let error = teaser(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
