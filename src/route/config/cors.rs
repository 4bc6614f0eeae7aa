//! `cors`: whose pages may read what is sold here.

use alloc::{format, string::String, vec::Vec};

use super::check::{Check, is_loopback};
use crate::json::Value;

/// Pages that may read our answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cors {
    /// Those of the site alone.
    #[default]
    Off,
    /// Those of these origins, in lower case.
    Origins(Vec<String>),
    /// All.
    All,
}

impl Cors {
    /// Whether pages of this origin may (threat E5): compared whole, `null` never.
    ///
    /// ```
    /// use farthing::route::Cors;
    /// let cors = Cors::Origins(vec!["https://blog.example".into()]);
    /// assert!(cors.allows("https://blog.example"));
    /// for other in ["https://blog.example.evil.example", "https://evil-blog.example", "http://blog.example", "null", ""] {
    ///     assert!(!cors.allows(other), "{other}");
    /// }
    /// ```
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Off => false,
            Self::Origins(list) => list.iter().any(|known| known == origin),
            Self::All => true,
        }
    }
}

impl Check {
    pub(super) fn cors(&mut self, value: Option<&Value<'_>>) -> Cors {
        let Some(value) = value else {
            return Cors::Off;
        };
        if value.text() == Some("*") {
            return Cors::All;
        }
        let mut origins = Vec::new();
        for (index, text) in self.texts("cors", Some(value)).into_iter().enumerate() {
            let host = text.strip_prefix("https://").or_else(|| {
                let local = text.strip_prefix("http://");
                local.filter(|host| is_loopback(host))
            });
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
            if host.is_some_and(|host| !host.is_empty() && host.bytes().all(plain)) {
                origins.push(text);
            } else {
                self.wrong(
                    &format!("cors[{index}]"),
                    format!("\"{text}\" is not an origin as browsers write it, like \"https://blog.example\": lower case, no path, no slash at the end"),
                );
            }
        }
        Cors::Origins(origins)
    }
}
