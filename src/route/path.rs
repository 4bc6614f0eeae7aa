//! One spelling per article: canonical paths, and the many spellings some server might serve.
//!
//! Two readings of every path. [`canonical`] is the one spelling that can be granted. [`folded`]
//! over-approximates what any common server may make of the path; what
//! matches a priced rule only when folded is protected and never forwarded (threat D1).

use alloc::{borrow::Cow, string::String, vec::Vec};

/// What one path is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// The canonical spelling.
    Canonical,
    /// Means the same on every server as its canonical spelling: redirect there.
    Redirect,
    /// Servers disagree on what it names: refuse.
    Ambiguous,
}

/// Splits an absolute URL into origin, path and query; none where a host has any byte that a host
/// cannot have, or is not followed by a path.
///
/// The platform does not normalise: a `Host` header of `evil?` would move the path into the query
/// for one reader and leave it a path for the next (threat D2).
pub fn split(url: &str) -> Option<(&str, &str, &str)> {
    let url = url.split('#').next()?;
    let after_scheme = url.find("://")?.checked_add(3)?;
    let rest = url.get(after_scheme..)?;
    let host_end = rest.find('/')?;
    let host = rest.get(..host_end)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if host.is_empty() || !host.bytes().all(plain) {
        return None;
    }
    let origin = url.get(..after_scheme.checked_add(host_end)?)?;
    let target = rest.get(host_end..)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Some((origin, path, query))
}

/// Whether a server that resolves the path like a link would take its first segment for a host:
/// `//evil/articles/x` is `/articles/x` to it, and so is whatever becomes that by decoding, by
/// resolving dots, or by dropping the white space that URL parsers drop.
pub fn names_a_host(path: &str) -> bool {
    if is_plain(path) {
        return false;
    }
    let mut bytes = decoded(path);
    bytes.retain(|byte| !matches!(byte, b'\t' | b'\n' | b'\r'));
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in bytes.split(|byte| matches!(byte, b'/' | b'\\')).skip(1) {
        match segment {
            b"." => {}
            b".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    matches!(segments.as_slice(), [first, _, ..] if first.is_empty())
}

/// The bytes of a path, decoded until nothing changes.
fn decoded(path: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = path.as_bytes().to_vec();
    for _ in 0..4 {
        let next = decode_once(&bytes);
        if next == bytes {
            break;
        }
        bytes = next;
    }
    bytes
}

/// Whether a path is made only of bytes that every server reads alike, so that it is canonical
/// and, but for letter case and a trailing slash or suffix, its own folding.
fn is_plain(path: &str) -> bool {
    let mut before = 0;
    path.starts_with('/')
        && path.bytes().all(|byte| {
            let fine = matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~')
                || (byte == b'/' && before != b'/' && before != b'.')
                || (byte == b'.' && before != b'/' && before != b'.');
            before = byte;
            fine
        })
        && before != b'.'
}

/// The canonical spelling of a path: percent-escapes of unreserved characters decoded, hex digits
/// in upper case, runs of slashes joined (RFC 3986 section 6.2.2).
///
/// ```
/// use farthing::route::path::{canonical, Spelling};
/// assert_eq!(canonical("/a/%62%2d").0, "/a/b-");
/// assert_eq!(canonical("//a").1, Spelling::Redirect);
/// assert_eq!(canonical("/a%2fb").1, Spelling::Ambiguous);
/// ```
pub fn canonical(path: &str) -> (Cow<'_, str>, Spelling) {
    if is_plain(path) {
        return (Cow::Borrowed(path), Spelling::Canonical);
    }
    let mut out = Vec::with_capacity(path.len());
    let mut ambiguous = !path.starts_with('/');
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let (byte, escaped) = if byte == b'%' {
            let pair = bytes.next().and_then(hex_value).zip(bytes.next().and_then(hex_value));
            let Some((high, low)) = pair else {
                ambiguous = true;
                break;
            };
            (high << 4 | low, true)
        } else {
            (byte, false)
        };
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => out.push(byte),
            b'/' if !escaped => {
                if out.last() != Some(&b'/') {
                    out.push(byte);
                }
            }
            // delimiters that are safe inside a segment keep the form they came in
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' if !escaped => out.push(byte),
            _ => {
                // separators in disguise, parameters, control bytes, a second layer of escapes
                ambiguous |= matches!(byte, b'/' | b'\\' | b';' | b'%' | b'?' | b'#' | 0..=31 | 127);
                out.extend_from_slice(&[b'%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
            }
        }
    }
    // bytes were ASCII or became escapes
    let text = String::from_utf8(out).unwrap_or_default();
    for segment in text.split('/') {
        // dot segments that were escaped, and names that some file systems trim
        ambiguous |= segment.ends_with('.') || segment.ends_with("%20");
    }
    ambiguous |= !utf8_after_decoding(&text);
    let spelling = if ambiguous {
        Spelling::Ambiguous
    } else if text == path {
        Spelling::Canonical
    } else {
        Spelling::Redirect
    };
    (Cow::Owned(text), spelling)
}

/// Scripts that common servers name for every address.
const CONTROLLERS: &[&str] = &["index.php", "app.php", "index.cgi", "index.cfm"];

/// What the most lenient of servers would make of a path: decoded until nothing changes, case
/// folded, parameters cut, every kind of slash one slash, dots resolved.
///
/// ```
/// use farthing::route::path::folded;
/// for other in ["/Articles/X", "/articles//x", "/articles/x/", "/articles%252fx", "/articles\\x",
///               "/index.php/articles/x", "/articles;v=1/x;y", "/articles/./x.", "/b/..%2farticles/x%00.png"] {
///     assert_eq!(folded(other), "/articles/x", "{other}");
/// }
/// ```
pub fn folded(path: &str) -> String {
    let mut bytes = if is_plain(path) {
        path.as_bytes().to_vec()
    } else {
        decoded(path)
    };
    if let Some(end) = bytes.iter().position(|b| *b == 0) {
        bytes.truncate(end);
    }
    let text = String::from_utf8_lossy(&bytes).replace('\\', "/").to_lowercase();
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        let segment = segment.split([';', '?', '#']).next().unwrap_or("");
        match segment.trim_matches(|c: char| c == ' ' || c.is_control()) {
            ".." => {
                segments.pop();
            }
            // nothing is left of a name made of dots and spaces
            segment => segments.extend(Some(segment.trim_end_matches(['.', ' '])).filter(|name| !name.is_empty())),
        }
    }
    // a front controller serves what follows it: /index.php/articles/x (PATH_INFO, RFC 3875)
    if segments.len() > 1 && segments.first().is_some_and(|first| CONTROLLERS.contains(first)) {
        segments.remove(0);
    }
    let mut out = String::with_capacity(text.len());
    for segment in segments {
        out.push('/');
        out.push_str(segment);
    }
    if out.is_empty() {
        out.push('/');
    }
    out
}

/// A folded path without the suffix and the index name that servers supply by themselves.
///
/// ```
/// use farthing::route::path::stem;
/// for other in ["/articles/x", "/articles/x.html", "/articles/x/index.html", "/articles/x/index"] {
///     assert_eq!(stem(other), "/articles/x", "{other}");
/// }
/// ```
pub fn stem(folded: &str) -> &str {
    let suffixes = [".html", ".htm", ".php", ".md", ".json", ".txt"];
    let bare = suffixes
        .iter()
        .find_map(|suffix| folded.strip_suffix(suffix))
        .unwrap_or(folded);
    match bare.strip_suffix("/index") {
        Some("") => "/",
        Some(folder) => folder,
        None => bare,
    }
}

/// The path of an index that is data, without its suffix: what a server gives for the folder is a page, and not this.
///
/// ```
/// use farthing::route::path::without_data_suffix;
/// assert_eq!(without_data_suffix("/index.json"), Some("/index"));
/// assert_eq!(without_data_suffix("/index.html"), None);
/// assert_eq!(without_data_suffix("/tides.json"), None);
/// ```
pub fn without_data_suffix(folded: &str) -> Option<&str> {
    let bare = folded.strip_suffix(".json").or_else(|| folded.strip_suffix(".txt"))?;
    bare.ends_with("/index").then_some(bare)
}

fn decode_once(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let escape = match (first, after) {
            (b'%', [high, low, ..]) => hex_value(*high).zip(hex_value(*low)),
            _ => None,
        };
        let byte = match escape {
            Some((high, low)) => {
                rest = after.get(2..).unwrap_or_default();
                high << 4 | low
            }
            None => *first,
        };
        // overlong two-byte forms of ASCII: C0 80..C1 BF
        match out.last() {
            Some(lead @ (0xc0 | 0xc1)) if byte & 0xc0 == 0x80 => {
                let ascii = (lead & 1) << 6 | byte & 0x3f;
                out.pop();
                out.push(ascii);
            }
            _ => out.push(byte),
        }
    }
    out
}

fn utf8_after_decoding(path: &str) -> bool {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        match bytes.next().and_then(hex_value).zip(bytes.next().and_then(hex_value)) {
            Some((high, low)) => out.push(high << 4 | low),
            None => return false,
        }
    }
    core::str::from_utf8(&out).is_ok()
}

pub(super) const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

pub(super) const fn hex_digit(value: u8) -> u8 {
    if value < 10 {
        b'0'.wrapping_add(value)
    } else {
        b'A'.wrapping_add(value).wrapping_sub(10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_split_without_surprises() {
        assert_eq!(split("https://a.example/b?c#d"), Some(("https://a.example", "/b", "c")));
        assert_eq!(split("http://[::1]:80/?a/b"), Some(("http://[::1]:80", "/", "a/b")));
        for bad in [
            "/relative",
            "http://127.0.0.1:80",
            "https://a.example?x",
            "http://evil?/b",
            "http://evil#/b",
            "http:///b",
            "http://u@h/b",
            "http://a b/c",
        ] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }

    #[test]
    fn d1_spellings() {
        use Spelling::*;
        for (path, text, spelling) in [
            ("/articles/x", "/articles/x", Canonical),
            ("/articles/x/", "/articles/x/", Canonical),
            ("/a.b-c_d~e/f.html", "/a.b-c_d~e/f.html", Canonical),
            ("/%C3%A9t%C3%A9", "/%C3%A9t%C3%A9", Canonical),
            ("/%c3%a9", "/%C3%A9", Redirect),
            ("/%61rticles/x", "/articles/x", Redirect),
            ("/articles//x", "/articles/x", Redirect),
            ("//articles/x", "/articles/x", Redirect),
            ("/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,=", Canonical),
        ] {
            assert_eq!(canonical(path), (Cow::Borrowed(text), spelling), "{path}");
        }
        for path in [
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a;b",
            "/a%3bb",
            "/a%00",
            "/a%0a",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%2561",
            "/a.",
            "/a%20",
            "/a./b",
            "/%2e%2e/a",
            "/./a",
            "/%c0%af",
            "/%ff",
            "a",
        ] {
            assert_eq!(canonical(path).1, Ambiguous, "{path}");
        }
    }

    #[test]
    fn d1_paths_that_name_a_host() {
        for path in [
            "//evil/x",
            "/\\evil/x",
            "\\\\evil/x",
            "/.//evil/x",
            "/x/..//evil/x",
            "/%5cevil/x",
            "/%2fevil/x",
            "/%252fevil/x",
            "/%09/evil/x",
            "/./\\evil",
            "///x",
        ] {
            assert!(names_a_host(path), "{path}");
        }
        for path in ["/", "/x", "/x//y", "/x/", "/%09x", "/x/%2f", "/./x"] {
            assert!(!names_a_host(path), "{path}");
        }
    }

    #[test]
    fn d1_a_name_of_dots_alone_folds_to_nothing() {
        for path in ["/articles/.../x", "/articles/. ./x", "/articles/....%20/x", "/.../articles/x"] {
            assert_eq!(folded(path), "/articles/x", "{path}");
        }
    }

    proptest! {
        #[test]
        fn d2_canonical_is_stable(path in "(/|%|2|f|F|e|5|c|C|\\.|;|a|B|\\\\| |é|%2e|%2F|%25|%c3%a9){0,12}") {
            let path = format!("/{path}");
            let (text, spelling) = canonical(&path);
            if spelling != Spelling::Ambiguous {
                prop_assert_eq!(canonical(&text).1, Spelling::Canonical);
                prop_assert_eq!(folded(&text), folded(&path));
            }
        }

        #[test]
        fn d1_folding_is_stable_and_total(path in ".{0,40}") {
            let once = folded(&path);
            prop_assert!(once.starts_with('/'));
            prop_assert!(!once.contains("//"));
        }

        #[test]
        fn d1_every_escape_of_a_path_folds_to_it(mask in proptest::collection::vec(0u8..4, 11)) {
            let plain = "/articles/x";
            let mut out = String::new();
            for (byte, how) in plain.bytes().zip(&mask) {
                match how {
                    0 => out.push(char::from(byte)),
                    1 => out.push_str(&format!("%{byte:02x}")),
                    2 => out.push_str(&format!("%25{byte:02X}")),
                    _ => out.push(char::from(byte).to_ascii_uppercase()),
                }
            }
            prop_assert_eq!(folded(&out), plain);
        }
    }
}
