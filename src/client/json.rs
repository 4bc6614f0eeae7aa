//! Flat JSON objects, written member by member.
//!
//! `serde_json` writes as well, at three kilobytes more for a reader's browser to download.

use alloc::string::String;

/// An object that is being written, member by member.
#[derive(Debug)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        if self.0.len() > 1 {
            self.0 += ",";
        }
        quote(&mut self.0, name);
        self.0 += ":";
        self.0 += json;
    }

    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.raw(name, "");
        quote(&mut self.0, text);
    }

    pub(crate) fn end(mut self) -> String {
        self.0 += "}";
        self.0
    }
}

/// An array of what is JSON already.
#[cfg(any(feature = "client", feature = "widget"))]
pub(crate) fn list(items: impl Iterator<Item = String>) -> String {
    let mut list = String::from("[");
    for item in items {
        if list.len() > 1 {
            list += ",";
        }
        list += &item;
    }
    list + "]"
}

/// Writes a string with its quotes.
pub(crate) fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| matches!(b, b'"' | b'\\' | 0..32)) {
        let (plain, odd) = rest.split_at_checked(at).unwrap_or_default();
        let (odd, after) = odd.split_at_checked(1).unwrap_or_default();
        // none of the texts written here has control characters; a space keeps the JSON valid
        let escaped = match odd {
            "\"" => "\\\"",
            "\\" => "\\\\",
            _ => " ",
        };
        *out += plain;
        *out += escaped;
        rest = after;
    }
    *out += rest;
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_written_as_they_are_read() {
        let mut object = Object::new();
        object.text("a", "b\"\\é");
        object.raw("c", "[1]");
        object.text("d", "\n");
        let text = object.end();
        let value = crate::json::parse(&text).unwrap();
        assert_eq!(value.get("a").unwrap().text(), Some("b\"\\é"));
        assert_eq!(value.get("c").unwrap().raw(), "[1]");
        assert_eq!(value.get("d").unwrap().text(), Some(" "));
        assert_eq!(Object::new().end(), "{}");
    }
}
