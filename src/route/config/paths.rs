//! Which requests a route is about: paths, methods, parts, the keys of the query, and until when it costs.

use alloc::{format, string::String, vec::Vec};

use super::{
    Access,
    check::{Check, place},
};
use crate::{
    json::Value,
    route::{
        pattern::{Part, Pattern},
        query,
    },
    time,
};

const READ_DIFFERENTLY: &str = "is read differently by different servers: leave out ; \\ %2F and trailing dots";
/// The methods of RFC 9110 and RFC 5789, but for those that are never the publisher's: HEAD and OPTIONS go with GET, and
/// CONNECT and TRACE do not reach a Worker.
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];

impl Check {
    /// The route's own pattern.
    pub(super) fn member_pattern(&mut self, at: &str, file: &Value<'_>) -> Option<Pattern> {
        let text = self.text(at, file, "match")?;
        self.pattern(&place(at, "match"), &text)
    }

    /// A list of patterns, if it is there.
    pub(super) fn patterns(&mut self, at: &str, file: &Value<'_>, name: &str) -> Vec<Pattern> {
        let texts = self.texts_if_any(at, file, name).unwrap_or_default();
        let at = place(at, name);
        let read = texts
            .iter()
            .enumerate()
            .map(|(index, text)| self.pattern(&format!("{at}[{index}]"), text));
        read.flatten().collect()
    }

    fn pattern(&mut self, at: &str, text: &str) -> Option<Pattern> {
        if !self.is_ours_to_name(at, text) {
            return None;
        }
        let compiled = Pattern::new(text);
        if compiled.is_none() {
            self.wrong(at, format!("\"{text}\" {READ_DIFFERENTLY}"));
        }
        compiled
    }

    fn is_ours_to_name(&mut self, at: &str, text: &str) -> bool {
        let own = text.starts_with("/.farthing/");
        if own {
            self.wrong(at, "/.farthing/ is farthing's own");
        } else if !text.starts_with('/') {
            self.wrong(at, format!("\"{text}\" must start with a slash"));
        }
        !own && text.starts_with('/')
    }

    /// Templates of parts.
    pub(super) fn parts(&mut self, at: &str, file: &Value<'_>, access: Access) -> Vec<Part> {
        let texts = self.texts_if_any(at, file, "parts").unwrap_or_default();
        let article = file.get("match").and_then(Value::text).unwrap_or_default();
        if !texts.is_empty() && access == Access::Once {
            self.wrong_member(
                at,
                "parts",
                "open with an article that is owned, and here every call pays: give \"access\" a duration",
            );
        }
        let at = place(at, "parts");
        let mut parts = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let at = format!("{at}[{index}]");
            if !self.is_ours_to_name(&at, text) {
                continue;
            }
            let part = Part::new(text, article);
            if part.is_none() {
                self.wrong(
                    &at,
                    format!("\"{text}\" does not say which article it belongs to, or {READ_DIFFERENTLY}: write {{1}} for what the first * of \"match\" stands for, {{2}} for the second"),
                );
            }
            parts.extend(part);
        }
        parts
    }

    /// The methods that a route is for; none means all.
    pub(super) fn methods(&mut self, at: &str, file: &Value<'_>, free: bool) -> Vec<String> {
        let texts = self.texts_if_any(at, file, "methods").unwrap_or_default();
        for text in &texts {
            if !METHODS.contains(&text.as_str()) {
                self.wrong_member(
                    at,
                    "methods",
                    format!("\"{text}\" is none of {}; HEAD and OPTIONS go with GET", METHODS.join(", ")),
                );
            }
        }
        if !free && !texts.is_empty() && !texts.iter().any(|text| text == "GET") {
            self.wrong_member(at, "methods", "need \"GET\", which is what can be paid for");
        }
        texts
    }

    /// Keys of the query.
    pub(super) fn keys(&mut self, at: &str, file: &Value<'_>, name: &str) -> Option<Vec<String>> {
        let texts = self.texts_if_any(at, file, name)?;
        for text in &texts {
            if !query::is_key(text) {
                self.wrong_member(
                    at,
                    name,
                    format!("\"{text}\" is no key: letters, digits, - _ . ~, and escapes like %5B for everything else"),
                );
            }
        }
        Some(texts)
    }

    /// A time, if it is there.
    pub(super) fn time(&mut self, at: &str, file: &Value<'_>, name: &str) -> Option<u64> {
        let text = self.text_if_any(at, file, name)?;
        let time = time::read(&text);
        if time.is_none() {
            self.wrong_member(at, name, format!("\"{text}\" is not a time like \"2026-11-22T00:00:00Z\""));
        }
        time
    }

    /// What says nothing where nothing is asked.
    pub(super) fn of_free_alone(&mut self, at: &str, file: &Value<'_>, free: bool) {
        for name in ["parts", "passQuery", "freeFrom", "subscribers"] {
            if free && file.get(name).is_some() {
                self.wrong_member(at, name, "is for pages that cost something, and these are free: leave it out");
            }
        }
    }

    fn texts_if_any(&mut self, at: &str, file: &Value<'_>, name: &str) -> Option<Vec<String>> {
        let list = file.get(name)?;
        Some(self.texts(&place(at, name), Some(list)))
    }
}
