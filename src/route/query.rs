//! Which keys of a query count. All others reach neither the decision nor the origin (threat D6).

use alloc::{string::String, vec::Vec};

use super::path::{hex_digit, hex_value};

/// A query of the listed keys alone, in the order of the list, each pair in one spelling; none where a listed key stands twice, or is
/// spelled so that servers disagree on it.
///
/// ```
/// use farthing::route::query::canonical;
/// let keys = ["id".into(), "page".into()];
/// assert_eq!(canonical("utm=1&page=2&id=%61%2fb", &keys).unwrap(), "id=a%2Fb&page=2");
/// assert_eq!(canonical("utm=1", &keys).unwrap(), "");
/// assert_eq!(canonical("id=1&id=2", &keys), None);
/// assert_eq!(canonical("id=%zz", &keys), None);
/// ```
pub fn canonical(query: &str, keys: &[String]) -> Option<String> {
    if query.is_empty() || keys.is_empty() {
        return Some(String::new());
    }
    let mut pairs: Vec<(String, Option<&str>)> = Vec::new();
    for pair in query.split('&') {
        let (key, value) = match pair.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (pair, None),
        };
        // a key that nobody can read is no listed one
        pairs.extend(plain(key).map(|key| (key, value)));
    }
    let mut out = String::new();
    for key in keys {
        let mut found = pairs.iter().filter(|(other, _)| other == key);
        let Some((_, value)) = found.next() else { continue };
        if found.next().is_some() {
            return None;
        }
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(key);
        if let Some(value) = value {
            out.push('=');
            out.push_str(&plain(value)?);
        }
    }
    Some(out)
}

/// One spelling: unreserved characters and the plus as they are, everything else as escapes in upper case; none for an escape that
/// is not one.
fn plain(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let (byte, escaped) = match byte {
            b'%' => (hex_value(bytes.next()?)? << 4 | hex_value(bytes.next()?)?, true),
            byte => (byte, false),
        };
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => out.push(char::from(byte)),
            b'+' if !escaped => out.push('+'),
            _ => {
                for digit in [b'%', hex_digit(byte >> 4), hex_digit(byte & 15)] {
                    out.push(char::from(digit));
                }
            }
        }
    }
    Some(out)
}

/// Whether a text can stand in a list of keys: it is spelled as a query would be here.
pub fn is_key(text: &str) -> bool {
    !text.is_empty() && plain(text).as_deref() == Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    fn keys() -> [String; 2] {
        ["a".into(), "b".into()]
    }

    #[test]
    fn d6_only_what_is_listed_in_one_spelling() {
        for (query, want) in [
            ("", Some("")),
            ("a", Some("a")),
            ("a=", Some("a=")),
            ("b=2&a=1", Some("a=1&b=2")),
            ("%61=1", Some("a=1")),
            ("A=1", Some("")),
            ("a[]=1", Some("")),
            ("a=x+y%2B%20", Some("a=x+y%2B%20")),
            ("a=1;b=2", Some("a=1%3Bb%3D2")),
            ("a=1=2", Some("a=1%3D2")),
            ("a=é", Some("a=%C3%A9")),
            ("c=%zz&a=1", Some("a=1")),
            ("%zz=1&a=1", Some("a=1")),
            ("a=1&%61=2", None),
            ("a&a", None),
            ("a=%", None),
            ("a=%4", None),
        ] {
            assert_eq!(canonical(query, &keys()).as_deref(), want, "{query}");
        }
        assert!(is_key("page") && is_key("_rsc"));
        assert!(!is_key("") && !is_key("a[]") && !is_key("%61"));
    }

    proptest! {
        #[test]
        fn d6_unknown_keys_change_nothing(query in "([a-d]|%|=|&|\\+|%6[1-4]|é){0,16}", unknown in "[c-z]{1,3}(=[a-z%]{0,4})?") {
            let one = canonical(&query, &keys());
            for other in [format!("{unknown}&{query}"), format!("{query}&{unknown}")] {
                prop_assert_eq!(canonical(&other, &keys()), one.clone());
            }
            if let Some(text) = one {
                prop_assert_eq!(canonical(&text, &keys()), Some(text));
            }
        }
    }
}
