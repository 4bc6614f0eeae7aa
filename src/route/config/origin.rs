//! `origin`: where the content comes from, and how it knows that it is us who ask.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use super::{Origin, check::Check};
use crate::json::Value;

/// The members of an origin that is an object, of which one says where it is.
pub(super) const ORIGIN_KEYS: &[&str] = &["url", "dns", "service", "assets", "bucket", "headers", "cache"];
const FORMS: &str = "\"dns\", {\"url\": \"https://…\"}, {\"service\": \"BINDING\"}, {\"assets\": \"BINDING\"}, {\"bucket\": \"BINDING\"}, or \"handler\" for paywall(config, handler)";
/// What the connection, the gate and conditional requests use.
const OUR_HEADERS: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "cookie",
    "range",
    "accept",
    "content-type",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "payment-signature",
    "x-payment",
    "sign-in-with-x",
];

impl Check {
    /// Where the content comes from, and the headers that go there: each with the name of the secret that is its value.
    pub(super) fn origin(&mut self, value: Option<&Value<'_>>) -> (Origin, Vec<(String, String)>) {
        let nowhere = (Origin::Dns, Vec::new());
        let Some(value) = value else {
            self.wrong("origin", ["is missing: ", FORMS].concat());
            return nowhere;
        };
        match value.text() {
            Some("dns") => return nowhere,
            Some("handler") => return (Origin::Handler, Vec::new()),
            _ => {}
        }
        let members = value.members().unwrap_or_default();
        let known = members.iter().all(|(key, _)| ORIGIN_KEYS.contains(&key.as_ref()));
        let mut places = members.iter().filter(|(key, _)| key != "headers" && key != "cache");
        let origin = match (places.next(), places.next()) {
            (Some((key, place)), None) if known => match (key.as_ref(), place.text(), place.bool()) {
                ("url", Some(text), _) => Some(Origin::Url(self.url("origin.url", text))),
                ("service", Some(text), _) => Some(Origin::Service(text.to_owned())),
                ("assets", Some(text), _) => Some(Origin::Assets(text.to_owned())),
                ("bucket", Some(text), _) => Some(Origin::Bucket(text.to_owned())),
                ("dns", _, Some(true)) => Some(Origin::Dns),
                _ => None,
            },
            _ => None,
        };
        let Some(origin) = origin else {
            self.wrong("origin", ["must be one of ", FORMS].concat());
            return nowhere;
        };
        let headers = self.headers("origin.headers", value.get("headers"), OUR_HEADERS, false);
        if !headers.is_empty() && matches!(origin, Origin::Assets(_) | Origin::Bucket(_)) {
            self.wrong(
                "origin.headers",
                "are for servers: nobody else reaches a binding, leave them out",
            );
        }
        (origin, headers)
    }
}
