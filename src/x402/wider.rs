//! What an offer opens besides the article it is made at: a time pass over a section or a site, or a bundle of articles.
//!
//! It stands in `extra.offer` of a requirement, for clients to show and to choose by. Clients that know nothing of it take the first
//! entry of `accepts`, which never has one.

use alloc::{borrow::ToOwned, string::String};

use serde::{Deserialize, Serialize};

use crate::json::Value;

/// A wider offer.
/// ```
/// use farthing::{json, x402::Wider};
/// let text = r#"{"name":"ten","title":"Ten articles","count":10,"seconds":2592000}"#;
/// let wider = Wider::read(&json::parse(text).unwrap()).unwrap();
/// assert_eq!((wider.name.as_str(), wider.count, wider.seconds), ("ten", Some(10), 2_592_000));
/// assert_eq!(serde_json::to_string(&wider).unwrap(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wider {
    /// The publisher's name for it: lower-case letters, digits and hyphens.
    pub name: String,
    /// One line for people; empty where nobody is told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// How many articles it opens, each for as long as one that was bought alone; none opens all that it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// For how long it lasts, in seconds from its settlement; of a bundle, how long there is to choose the articles.
    pub seconds: u64,
}

impl Wider {
    /// Reads one; none if it is not one.
    pub fn read(value: &Value<'_>) -> Option<Self> {
        let text = |name| value.text_at(name);
        let count = match value.get("count") {
            Some(count) => Some(u32::try_from(count.integer()?).ok()?),
            None => None,
        };
        Some(Self {
            name: text("name")?.to_owned(),
            title: text("title").unwrap_or_default().to_owned(),
            count,
            seconds: value.get("seconds")?.integer()?,
        })
    }
}
