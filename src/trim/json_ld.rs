//! What a page tells machines about itself in JSON-LD, put right: that it is not free, which part of it, and nothing of that part.

use alloc::{format, string::String};

use super::CLASS;
use crate::json::{self, MAX_ANNOUNCED_DEPTH, Value};

/// The members that say what is not free, of a schema.org CreativeWork
/// (<https://developers.google.com/search/docs/appearance/structured-data/paywalled-content>).
pub(super) fn members() -> String {
    format!(
        "\"isAccessibleForFree\":false,\"hasPart\":{{\"@type\":\"WebPageElement\",\"isAccessibleForFree\":false,\"cssSelector\":\".{CLASS}\"}}"
    )
}

/// The text with every article in it described, and whether there was one; none if it is not JSON. Texts that `leaks` are left out.
pub(super) fn describe(text: &str, leaks: &dyn Fn(&str) -> bool) -> Option<(String, bool)> {
    let value = json::parse_nested(text, MAX_ANNOUNCED_DEPTH).ok()?;
    let mut out = String::with_capacity(text.len());
    let mut described = false;
    write(&value, leaks, &mut out, &mut described);
    Some((out, described))
}

fn is_article(value: &Value<'_>) -> bool {
    let named = |value: &Value<'_>| {
        let name = value.text().unwrap_or_default();
        name.ends_with("Article") || ["BlogPosting", "Report", "Review"].iter().any(|other| name.ends_with(other))
    };
    let kind = value.get("@type");
    kind.is_some_and(|kind| named(kind) || kind.items().is_some_and(|items| items.iter().any(named)))
}

fn write(value: &Value<'_>, leaks: &dyn Fn(&str) -> bool, out: &mut String, described: &mut bool) {
    if let Some(all) = value.members() {
        let article = is_article(value);
        let mut first = true;
        let mut part = |out: &mut String| {
            if !first {
                out.push(',');
            }
            first = false;
        };
        out.push('{');
        for (key, value) in all {
            let ours = article && matches!(key.as_ref(), "isAccessibleForFree" | "hasPart" | "articleBody");
            if ours || is_leaf(value) && leaks(value.raw()) {
                continue;
            }
            part(out);
            // it stands in a script
            out.push_str(&serde_json::to_string(key).unwrap_or_default().replace('<', "\\u003c"));
            out.push(':');
            write(value, leaks, out, described);
        }
        if article {
            part(out);
            out.push_str(&members());
            *described = true;
        }
        out.push('}');
    } else if let Some(items) = value.items() {
        out.push('[');
        let kept = items.iter().filter(|item| !(is_leaf(item) && leaks(item.raw())));
        for (index, item) in kept.enumerate() {
            if index > 0 {
                out.push(',');
            }
            write(item, leaks, out, described);
        }
        out.push(']');
    } else {
        out.push_str(value.raw());
    }
}

fn is_leaf(value: &Value<'_>) -> bool {
    value.text().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_are_described_and_what_leaks_is_left_out() {
        let leaks = |text: &str| text.contains("secret");
        let ours = members();
        for (text, want, described) in [
            (
                r#" {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "A \u00e9 <", "articleBody": "b", "isAccessibleForFree": true, "n": 1.50} "#,
                format!(r#"{{"@context":"https://schema.org","@type":"NewsArticle","headline":"A \u00e9 <","n":1.50,{ours}}}"#),
                true,
            ),
            (
                r#"{"@graph": [{"@type": ["WebPage", "Article"], "hasPart": []}, {"@type": "WebSite", "about": "a secret", "l": ["x", "secret"]}]}"#,
                format!(r#"{{"@graph":[{{"@type":["WebPage","Article"],{ours}}},{{"@type":"WebSite","l":["x"]}}]}}"#),
                true,
            ),
            (
                r#"{"@type": "BreadcrumbList", "\u003c/script>": null}"#,
                r#"{"@type":"BreadcrumbList","\u003c/script>":null}"#.into(),
                false,
            ),
            (r#"{"@type": "Report"}"#, format!(r#"{{"@type":"Report",{ours}}}"#), true),
            ("[]", "[]".into(), false),
        ] {
            assert_eq!(describe(text, &leaks), Some((want, described)), "{text}");
        }
        assert_eq!(describe("{'@type': 'Article'}", &leaks), None);
    }
}
