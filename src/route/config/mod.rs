//! The publisher's config file: what it becomes, and every mistake in it as a sentence of its own.

mod alerts;
mod ask;
mod cache;
mod check;
mod cors;
mod crawlers;
mod desk;
mod extensions;
mod given;
mod money;
mod networks;
mod offers;
mod origin;
mod paths;
mod prices;
mod revocation;
mod routes;
mod screening;
mod settlement;
mod settler;
mod subscribers;
mod teaser;
#[cfg(test)]
pub(crate) mod tests;

use core::fmt;

use alloc::{borrow::ToOwned, string::String, vec::Vec};

pub use alerts::Alerts;
pub use ask::Ask;
pub(crate) use check::is_loopback;
pub use cors::Cors;
pub use crawlers::{Policy, Treatment, Who};
pub use desk::Desk;
pub use extensions::{Extensions, Identifiers};
pub use given::{Free, Gifts};
pub use revocation::Revocation;
pub(crate) use routes::shown_as;
pub use screening::Screener;
pub use settler::{Depth, Secret, SecretForm, Settlement, Settler};
pub use subscribers::{Subscribers, Word};
pub use teaser::Teaser;

use super::rule::Route;
use crate::{access::jwt, evm::Address, json};
use check::Check;

/// How long a client may take between the offer and the settlement, in seconds; the official
/// servers' default, and what clients that stamp before a slow wallet prompt need.
pub const MAX_TIMEOUT_SECONDS: u64 = 300;

/// Where the content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The host behind the Worker's own route.
    Dns,
    /// Another server.
    Url(String),
    /// A service binding of the Worker.
    Service(String),
    /// A static assets binding of the Worker.
    Assets(String),
    /// A function in the Worker itself, which it was made with.
    Handler,
    /// An R2 bucket bound to the Worker: the path is the key.
    Bucket(String),
}

/// What a payment buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The article, for this many seconds.
    Owned(u64),
    /// One answer.
    Once,
}

/// A checked config.
///
/// ```
/// use farthing::route::Config;
/// let config = Config::parse(r#"{
///     "site": "https://news.example",
///     "origin": "dns",
///     "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
///     "money": "real",
///     "networks": ["eip155:8453", {"network": "eip155:137", "transfer": "permit2"}],
///     "settlement": {"facilitators": [{"url": "https://facilitator.example"}]},
///     "routes": [{"match": "/articles/*", "price": "$0.05", "prices": {"eip155:137": "$0.04"}}],
/// }"#).unwrap();
/// let amounts: Vec<_> = config.routes[0].offers.iter().map(|offer| offer.amount.to_string()).collect();
/// assert_eq!(amounts, ["50000", "40000"]);
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// Canonical origin of resource URLs, without a trailing slash.
    pub site: String,
    /// Where the content comes from.
    pub origin: Origin,
    /// Headers by which the origin knows us, in lower case, each with the name of the secret that is its value.
    pub origin_headers: Vec<(String, String)>,
    /// Whether no new payment is taken; what was paid before stays open.
    pub paused: bool,
    /// In which language pages of ours speak, by its ISO 639-1 code.
    pub language: &'static str,
    /// What the Worker writes to its log: `errors`, `all` or `none`.
    pub logs: &'static str,
    /// Whether the books keep who paid also where a payer has the rest erased: some publishers' law wants that.
    pub keeps_books: bool,
    /// How payments are settled.
    pub settlement: Settlement,
    /// The rules, in order.
    pub routes: Vec<Route>,
    /// A script for the 402 page of the local demo; honoured only there.
    pub demo_script: Option<String>,
    /// What x402 is spoken besides payments.
    pub extensions: Extensions,
    /// Whose pages may read our answers.
    pub cors: Cors,
    /// Who reads for nothing because they pay elsewhere.
    pub subscribers: Subscribers,
    /// What every reader gets for nothing.
    pub meter: Option<Free>,
    /// Links that open an article for others.
    pub gifts: Option<Gifts>,
    /// What opens nothing any more.
    pub revocation: Revocation,
    /// Who may see the publisher's own pages.
    pub desk: Desk,
    /// Who is told what wants somebody's eyes.
    pub alerts: Alerts,
    /// Accounts that may not pay.
    pub denied: Vec<Address>,
}

/// One mistake in the config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where, like `routes[2].price`; empty for the file as a whole.
    pub at: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.at, self.message)
        }
    }
}

impl core::error::Error for ConfigError {}

impl Config {
    /// The secrets that the config names, with their places, as often as it names them.
    pub fn secrets(&self) -> Vec<Secret<'_>> {
        let mut secrets = self.settlement.secrets();
        secrets.extend(self.origin_headers.iter().map(|(header, name)| Secret {
            at: ["origin.headers.", header].concat(),
            name,
            form: SecretForm::Header,
        }));
        if let Some(jwt::KeySource::Secret(name)) = self.subscribers.jwt.as_ref().map(|jwt| &jwt.keys) {
            secrets.push(Secret {
                at: "subscribers.jwt.secret".into(),
                name,
                form: SecretForm::Shared,
            });
        }
        secrets.extend(self.alerts.webhooks.iter().enumerate().map(|(index, (_, name))| Secret {
            at: alloc::format!("alerts.webhooks[{index}].secret"),
            name,
            form: SecretForm::Webhook,
        }));
        secrets
    }

    /// Reads and checks a config file: JSON with comments and trailing commas.
    ///
    /// Either a config without any mistake, or all mistakes that can be told apart.
    pub fn parse(text: &str) -> Result<Self, Vec<ConfigError>> {
        let whole = |message: String| {
            Vec::from([ConfigError {
                at: String::new(),
                message,
            }])
        };
        let mut plain = text.to_owned();
        // comments become spaces, so that offsets stay true
        json_strip_comments::strip(&mut plain).map_err(|_| whole("a comment is not closed".into()))?;
        let file = json::parse(&plain).map_err(|error| {
            let before = plain.get(..error.offset).unwrap_or(&plain);
            let line = before.matches('\n').count().saturating_add(1);
            whole(alloc::format!("line {line}: {}", error.what))
        })?;
        let mut check = Check::default();
        let config = check.config(&file);
        if check.errors.is_empty() {
            Ok(config)
        } else {
            Err(check.errors)
        }
    }
}
