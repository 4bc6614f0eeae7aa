//! `alerts`: who is told when something wants somebody's eyes, and what the Worker watches for it.

use alloc::{format, string::String, vec::Vec};

use super::{
    Config,
    check::{Check, place},
};
use crate::{json::Value, route::Route};

/// The members of `alerts`.
pub(super) const ALERTS_KEYS: &[&str] = &["webhooks", "unknownMinutes"];
/// The members of one webhook.
pub(super) const WEBHOOK_KEYS: &[&str] = &["url", "secret"];

const MOST_WEBHOOKS: usize = 4;
/// The alarms try for some minutes before anybody has to look.
const UNKNOWN_MINUTES: u64 = 10;
const MOST_MINUTES: u64 = 1_440;

/// Who is told, and from when on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// Addresses, each with the name of the secret that what goes there is signed with.
    pub webhooks: Vec<(String, String)>,
    /// For how many minutes a payment's outcome may be unknown.
    pub unknown_minutes: u64,
}

impl Check {
    pub(super) fn alerts(&mut self, value: Option<&Value<'_>>) -> Alerts {
        let mut alerts = Alerts::default();
        let Some(value) = value else {
            return alerts;
        };
        self.object("alerts", value, ALERTS_KEYS);
        let list = "alerts.webhooks";
        let items = self.items(list, value.get("webhooks"));
        if items.is_empty() || items.len() > MOST_WEBHOOKS {
            self.wrong(list, format!("name 1 to {MOST_WEBHOOKS}"));
        }
        for (index, item) in items.iter().enumerate() {
            let at = &format!("{list}[{index}]");
            self.object(at, item, WEBHOOK_KEYS);
            let url = self.text(at, item, "url").map(|url| self.url(&place(at, "url"), &url));
            let secret = self.secret(&place(at, "secret"), item.get("secret"));
            alerts.webhooks.extend(url.zip(secret));
        }
        alerts.unknown_minutes = match value.get("unknownMinutes").map(Value::integer) {
            None => UNKNOWN_MINUTES,
            Some(Some(minutes @ 1..=MOST_MINUTES)) => minutes,
            Some(_) => {
                self.wrong(
                    "alerts.unknownMinutes",
                    format!("must be a whole number from 1 to {MOST_MINUTES}"),
                );
                UNKNOWN_MINUTES
            }
        };
        alerts
    }
}

impl Config {
    /// What is watched, a line each, its parts with tabs between: `site` and `unknown` (minutes), a `webhook` with its address and
    /// secret, an `rpc` with its network and address, a `sale` with its route, its price as people read it, and what is asked:
    /// network, asset, amount, payee.
    ///
    /// ```
    /// use farthing::route::Config;
    /// let config = Config::parse(r#"{
    ///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
    ///     "networks": ["eip155:84532"], "routes": [{"match": "/a/*", "price": "$0.05"}],
    ///     "settlement": {"facilitators": [{"url": "https://f.example"}]},
    ///     "alerts": {"webhooks": [{"url": "https://mail.example/hook", "secret": "ALERTS"}]},
    /// }"#).unwrap();
    /// assert_eq!(config.watched(), "site\thttps://news.example\nunknown\t10\nwebhook\thttps://mail.example/hook\tALERTS\n\
    ///     sale\t/a/*\t$0.05\teip155:84532\t0x036CbD53842c5426634e7929541eC2318f3dCF7e\t50000\t0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\n");
    /// ```
    pub fn watched(&self) -> String {
        let mut text = String::new();
        let mut line = |parts: &[&str]| {
            for (index, part) in parts.iter().enumerate() {
                text.push_str(if index > 0 { "\t" } else { "" });
                text.push_str(part);
            }
            text.push('\n');
        };
        line(&["site", &self.site]);
        line(&["unknown", &format!("{}", self.alerts.unknown_minutes)]);
        for (url, secret) in &self.alerts.webhooks {
            line(&["webhook", url, secret]);
        }
        for (network, urls) in &self.settlement.rpc {
            for url in urls {
                line(&["rpc", &format!("{network}"), url]);
            }
        }
        for route in &self.routes {
            let pattern = route.pattern.text();
            for (offer, pay_to, amount) in Route::asked(route) {
                let (network, asset) = (format!("{}", offer.network), format!("{}", offer.asset));
                let (amount, pay_to) = (format!("{amount}"), format!("{pay_to}"));
                line(&["sale", &pattern, &route.price, &network, &asset, &amount, &pay_to]);
            }
        }
        text
    }
}
