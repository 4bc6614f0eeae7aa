//! `bazaar`: what a catalogue of paid resources says about a route, for publishers who want to be in one.
//!
//! The template that stands for all addresses of a route, and what of an address fills it, follow the
//! rules of `@x402/extensions` 2.27 (`isValidRouteTemplate`, `extractDynamicRouteInfo`).

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::Writer;

/// The extension's key.
pub const KEY: &str = "bazaar";
/// How often npm's validator decodes a template before it gives up on it.
const DECODINGS: usize = 5;

/// What a route's listing says; the rest follows from the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// One address that stands for all of the route's, with `:name` segments; none for a single page.
    pub template: Option<String>,
    /// `output`, JSON already: what comes back, by `type` and `example`.
    pub output: Option<String>,
}

impl Listing {
    /// The announcement for one path of the route.
    ///
    /// ```
    /// use farthing::x402::extension::bazaar::Listing;
    /// let listing = Listing { template: Some("/articles/:slug".into()), output: None };
    /// let text = listing.announce("/articles/my-story");
    /// assert!(text.starts_with(r#"{"info":{"input":{"type":"http","method":"GET","pathParams":{"slug":"my-story"}}}"#));
    /// assert!(text.ends_with(r#""routeTemplate":"/articles/:slug"}"#));
    /// ```
    pub fn announce(&self, path: &str) -> String {
        let mut input = Writer::default();
        input.text("type", "http");
        input.text("method", "GET");
        if let Some(template) = &self.template {
            let mut params = Writer::default();
            for (name, value) in path_params(template, path) {
                params.text(name, value);
            }
            input.raw("pathParams", &params.end());
        }
        let mut info = Writer::default();
        info.raw("input", &input.end());
        if let Some(output) = &self.output {
            info.raw("output", output);
        }
        let mut out = Writer::default();
        out.raw("info", &info.end());
        // `const` where npm writes an `enum` of one: an echo nests no deeper than payments may (threat C4)
        out.raw(
            "schema",
            r#"{"type":"object","properties":{"input":{"type":"object","properties":{"type":{"const":"http"},"method":{"const":"GET"}},"required":["type","method"]}},"required":["input"]}"#,
        );
        if let Some(template) = &self.template {
            out.text("routeTemplate", template);
        }
        out.end()
    }
}

/// Whether a text can be a `routeTemplate`: `/` and letters, digits, `_/:.-~%`, which however often it is
/// decoded never holds `..` or `://`.
///
/// ```
/// use farthing::x402::extension::bazaar::is_valid_template;
/// assert!(is_valid_template("/articles/:slug"));
/// assert!(!is_valid_template("/articles/%2e%2e/admin"));
/// assert!(!is_valid_template("articles"));
/// ```
pub fn is_valid_template(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/' | b':' | b'.' | b'-' | b'~' | b'%');
    if !text.starts_with('/') || text.len() < 2 || !text.bytes().all(plain) {
        return false;
    }
    let mut decoded = text.to_owned();
    for _ in 0..DECODINGS {
        let Some(next) = decode_once(&decoded) else {
            return false;
        };
        if next == decoded {
            return !decoded.contains("..") && !decoded.contains("://");
        }
        decoded = next;
    }
    false
}

/// One pass of percent-decoding as `decodeURIComponent` does it; none where that throws.
fn decode_once(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = digit()?.checked_mul(16)?.checked_add(digit()?)?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// The template that npm makes of a pattern with `*`: each segment that is one becomes `:var1`, `:var2`,
/// …; none where no segment is, or where nothing else is left to tell routes apart.
///
/// ```
/// use farthing::x402::extension::bazaar::template_of;
/// assert_eq!(template_of("/articles/*").as_deref(), Some("/articles/:var1"));
/// assert_eq!(template_of("/about"), None);
/// assert_eq!(template_of("/*"), None);
/// ```
pub fn template_of(pattern: &str) -> Option<String> {
    let segments = || pattern.split('/').filter(|segment| !segment.is_empty());
    if !segments().any(|segment| segment == "*") || segments().all(|segment| segment == "*") {
        return None;
    }
    let mut count = 0usize;
    let parts: Vec<String> = pattern
        .split('/')
        .map(|segment| {
            if segment != "*" {
                return segment.to_string();
            }
            count = count.saturating_add(1);
            format!(":var{count}")
        })
        .collect();
    Some(parts.join("/")).filter(|template| is_valid_template(template))
}

/// The name of a segment like `:slug`.
fn param(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix(':')?;
    let start = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    let fine = name.bytes().next().is_some_and(start) && name.bytes().all(|b| start(b) || b.is_ascii_digit());
    fine.then_some(name)
}

/// Whether every `:` of a template begins a whole segment: other forms can be read in several ways.
pub fn has_whole_params(template: &str) -> bool {
    template
        .split('/')
        .all(|segment| !segment.contains(':') || param(segment).is_some())
}

/// What fills the template's segments in a path; nothing where the path has another form.
fn path_params<'a>(template: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    let fits = template.split('/').count() == path.split('/').count()
        && template.split('/').zip(path.split('/')).all(|(wanted, segment)| {
            if param(wanted).is_some() {
                !segment.is_empty()
            } else {
                wanted == segment
            }
        });
    let pairs = template.split('/').zip(path.split('/'));
    let mut found: Vec<(&str, &str)> = Vec::new();
    for (wanted, segment) in pairs.filter(|_| fits) {
        if let Some(name) = param(wanted) {
            // a name that stands twice would be a key that stands twice
            found.retain(|(seen, _)| *seen != name);
            found.push((name, segment));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn templates_cannot_leave_their_site() {
        for good in ["/a", "/a/:b", "/a/:b/c.html", "/%41", "/a~b-c_d", "/a:b", "/a/./b"] {
            assert!(is_valid_template(good), "{good}");
        }
        for bad in [
            "",
            "/",
            "a",
            "//é",
            "/a b",
            "/a?b",
            "/a#b",
            "/..",
            "/a/../b",
            "/%2e%2e",
            "/%252e%252e",
            "/https://x",
            "/https%3A//x",
            "/%",
            "/%4",
            "/%zz",
            "/%ff",
            "/%2525252525252541",
        ] {
            assert!(!is_valid_template(bad), "{bad}");
        }
    }

    #[test]
    fn templates_follow_patterns() {
        for (pattern, template) in [
            ("/a/*/b/*", Some("/a/:var1/b/:var2")),
            ("/a/*", Some("/a/:var1")),
            ("/a/b*", None),
            ("/a/*/b*", None),
            ("/*/*", None),
            ("/", None),
        ] {
            assert_eq!(template_of(pattern).as_deref(), template, "{pattern}");
        }
    }

    #[test]
    fn params_come_from_a_path_of_the_same_form() {
        let all = |template, path| path_params(template, path);
        assert_eq!(all("/a/:b/:c", "/a/x/y"), [("b", "x"), ("c", "y")]);
        assert_eq!(all("/a/:b", "/a/x/y"), []);
        assert_eq!(all("/a/:b", "/a/"), []);
        assert_eq!(all("/a/:b", "/z/x"), []);
        assert_eq!(all("/:a/:a", "/x/y"), [("a", "y")]);
        assert!(has_whole_params("/a/:b") && has_whole_params("/a"));
        assert!(!has_whole_params("/a:b") && !has_whole_params("/:a:b") && !has_whole_params("/:1"));
    }

    #[test]
    fn an_announcement_is_json_that_a_payment_can_nest() {
        let listing = Listing {
            template: Some("/a/:b".into()),
            output: Some(r#"{"type":"text","example":"…"}"#.into()),
        };
        for path in ["/a/x\"y", "/a/x/y"] {
            let text = format!(r#"{{"x402Version":2,"extensions":{{"bazaar":{}}}}}"#, listing.announce(path));
            assert!(parse(&text).is_ok(), "{text}");
        }
        let plain = Listing::default().announce("/");
        assert!(!plain.contains("routeTemplate") && !plain.contains("pathParams"));
    }
}
