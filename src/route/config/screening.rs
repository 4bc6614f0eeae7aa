//! `screening`: whose payments are not taken, and who is asked about the others.

use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::{
    check::{Check, place},
    settlement::OUR_HEADERS,
    settler::joined,
};
use crate::{evm::Address, json::Value};

/// The members of `screening`.
pub(super) const SCREENING_KEYS: &[&str] = &["deny", "url", "headers", "whenUnreachable", "cacheSeconds", "timeoutSeconds"];

/// The most accounts that `deny` lists: they are compared with at each payment, and travel with the Worker.
const MOST_DENIED: usize = 1_000;
/// For how long an answer counts if nothing is said, and the longest, in seconds.
const CACHE_SECONDS: u64 = 60 * 60;
const MOST_CACHE_SECONDS: u64 = 24 * 60 * 60;
/// How long the service may take if nothing is said, and the longest, in seconds: the reader waits for it.
const PATIENCE_SECONDS: u64 = 3;
const MOST_PATIENCE_SECONDS: u64 = 10;

/// A service that says of accounts whether they may pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Screener {
    /// Its address.
    pub url: String,
    /// What is sent with every call: a header's name, and the name of the Worker's secret that holds its value.
    pub headers: Vec<(String, String)>,
    /// Whether payments are let through while it does not answer.
    pub lets_through: bool,
    /// For how long an answer counts.
    pub cache_seconds: u64,
    /// How long it may take.
    pub timeout_seconds: u64,
}

impl Screener {
    /// What the shim adds to a call, as [`Settler::auth`](super::Settler::auth) has it.
    ///
    /// ```
    /// use farthing::route::Config;
    /// let config = Config::parse(r#"{
    ///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
    ///     "networks": ["eip155:84532"], "routes": [], "settlement": {"facilitators": [{"url": "https://f.example"}]},
    ///     "screening": {"url": "https://screen.example/check", "headers": {"Authorization": "SCREENING"}, "whenUnreachable": "refuse"}
    /// }"#).unwrap();
    /// let screener = config.settlement.screener.unwrap();
    /// assert_eq!((screener.auth().as_str(), screener.host(), screener.lets_through), ("authorization SCREENING", "screen.example", false));
    /// ```
    pub fn auth(&self) -> String {
        joined(self.headers.iter().map(|(header, secret)| (header.as_str(), secret)))
    }

    /// What it is called in logs.
    pub fn host(&self) -> &str {
        self.url.split('/').nth(2).unwrap_or_default()
    }
}

impl Check {
    /// The accounts that may not pay, and who is asked about the others.
    pub(super) fn screening(&mut self, value: Option<&Value<'_>>) -> (Vec<Address>, Option<Screener>) {
        let at = "screening";
        let Some(value) = value else {
            return (Vec::new(), None);
        };
        self.object(at, value, SCREENING_KEYS);
        let denied = self.denied(value.get("deny"));
        if value.get("url").is_some() {
            return (denied, self.screener(at, value));
        }
        // what is set and means nothing is a mistake: somebody believes that payers are screened
        for key in SCREENING_KEYS.iter().skip(2).filter(|key| value.get(key).is_some()) {
            self.wrong_member(at, key, "is about the service that \"url\" names, and there is none");
        }
        if value.get("deny").is_none() {
            self.wrong(at, "screens nobody: give \"deny\" or \"url\"");
        }
        (denied, None)
    }

    fn denied(&mut self, list: Option<&Value<'_>>) -> Vec<Address> {
        let at = "screening.deny";
        if list.is_none() {
            return Vec::new();
        }
        let texts = self.texts(at, list);
        if texts.len() > MOST_DENIED {
            self.wrong(
                at,
                format!("may list {MOST_DENIED} accounts: a service can know more of them, see \"url\""),
            );
            return Vec::new();
        }
        let mut denied = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            denied.push(self.address(&format!("{at}[{index}]"), text));
        }
        denied
    }

    fn screener(&mut self, at: &str, value: &Value<'_>) -> Option<Screener> {
        let url = self.text(at, value, "url").map(|url| self.url(&place(at, "url"), &url));
        let headers = self.headers(&place(at, "headers"), value.get("headers"), &OUR_HEADERS, false);
        let lets_through = match value.get("whenUnreachable").and_then(Value::text) {
            Some("allow") => true,
            Some("refuse") => false,
            _ => {
                self.wrong_member(
                    at,
                    "whenUnreachable",
                    "must be \"refuse\" or \"allow\": what becomes of payments while the service does not answer is for you to say",
                );
                false
            }
        };
        let cache_seconds = self
            .seconds(at, value, "cacheSeconds", MOST_CACHE_SECONDS)
            .unwrap_or(CACHE_SECONDS);
        let timeout_seconds = self.seconds(at, value, "timeoutSeconds", MOST_PATIENCE_SECONDS);
        Some(Screener {
            url: url?,
            headers,
            lets_through,
            cache_seconds,
            timeout_seconds: timeout_seconds.unwrap_or(PATIENCE_SECONDS),
        })
    }

    /// A member that may be missing, and is a number of seconds from 1 otherwise.
    fn seconds(&mut self, at: &str, object: &Value<'_>, name: &str, most: u64) -> Option<u64> {
        let seconds = object.get(name)?.integer().filter(|seconds| (1..=most).contains(seconds));
        if seconds.is_none() {
            self.wrong_member(at, name, format!("must be a whole number from 1 to {most}"));
        }
        seconds
    }
}
