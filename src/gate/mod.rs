//! The way of a request through everything that is decided without waiting for anybody.
//!
//! [`Gate::route`] looks at the URL alone, so that free traffic leaves at once; [`Gate::decide`]
//! looks at the few headers that matter; [`Gate::next`] turns the ledger's reply into the next
//! step. The Worker's shim does what they say and decides nothing.

mod answer;
mod decide;
mod extensions;
mod follow;
mod health;
mod page;
mod receipts;
mod refuse;
mod request;
mod supported;
mod teaser;

pub use answer::{Answer, Headers};
pub use request::Request;
pub use teaser::{Fetched, TeaserCall};

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use crate::{
    access::{Keys, KeysError},
    evm::Address,
    problem::Problem,
    route::{
        Config, ConfigError, Matched, Route,
        config::{SecretForm, is_loopback},
        path, rule,
    },
    x402::v2::ResourceInfo,
};

/// The well-known prefix.
pub const PREFIX: &str = "/.farthing/";

/// The gate of one site.
/// ```
/// use farthing::gate::{Decision, Gate, Request, Routed};
/// let config = r#"{
///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
///     "networks": ["eip155:84532"], "settlement": {"facilitators": [{"url": "https://x402.org/facilitator"}]},
///     "routes": [{"match": "/articles/*", "price": "$0.05"}]
/// }"#;
/// let gate = Gate::new(config, "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE", "", "", false);
/// assert!(matches!(gate.route("https://news.example/"), Routed::Free));
/// let request = Request { method: "GET", url: "https://news.example/articles/x", ..Request::default() };
/// let Decision::Answer(answer) = gate.decide(&request, 1_800_000_000, [7; 16]) else { panic!() };
/// assert_eq!(answer.status, 402);
/// assert!(answer.headers.iter().any(|(name, _)| *name == "PAYMENT-REQUIRED"));
/// ```
#[derive(Debug)]
pub struct Gate {
    config: Result<Config, Vec<ConfigError>>,
    keys: Result<Keys, KeysError>,
    page: page::Template,
    /// What facilitators said that does not go with the config.
    notes: Vec<String>,
    /// A development run: loopback hosts stand for the site, the demo's script is honoured.
    local: bool,
}

/// What the URL alone says.
#[derive(Debug)]
pub enum Routed<'a> {
    /// Free: hand the request on as it is.
    Free,
    /// Ours, priced or wrong: the headers matter.
    Look(Target<'a>),
}

/// What a request is for.
#[derive(Debug)]
pub enum Target<'a> {
    /// A priced resource.
    Priced(Good<'a>),
    /// A file or endpoint under the well-known prefix.
    Own(&'a str),
    /// The answer is known whatever the headers say.
    Redirect(String),
    /// Likewise.
    Wrong(Problem),
}

/// What is sold under a URL.
#[derive(Debug)]
pub struct Good<'a> {
    /// Its price.
    pub route: &'a Route,
    /// The canonical URL by which it is paid for and owned.
    pub resource: String,
    /// The canonical path, with what of the query counts: all that the origin is told.
    pub path: String,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Answer this.
    Answer(Answer),
    /// Serve this file of ours.
    Asset(String),
    /// Forward to the origin under the canonical path and add these headers to its answer.
    Forward {
        /// Canonical path.
        path: String,
        /// To set on the answer.
        headers: Headers,
    },
    /// Ask the payer's ledger.
    Ledger(LedgerCall),
    /// Fetch the origin's page, mark what has to be marked, and hand it to [`Gate::trimmed`].
    Teaser(TeaserCall),
}

/// A question to a payer's ledger.
#[derive(Debug, PartialEq, Eq)]
pub struct LedgerCall {
    /// Name of the object: site and payer.
    pub object: String,
    /// `claim`, `owned`, `signIn` or `receipt`.
    pub call: &'static str,
    /// JSON.
    pub body: String,
}

/// What to do after the ledger's reply.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Answer this.
    Answer(Answer),
    /// Fetch the origin under this path; tell the ledger whether it can be delivered.
    Fetch {
        /// Canonical path.
        path: String,
        /// For the ledger: the authorization and its fence, as JSON.
        owner: String,
    },
    /// Deliver the origin's answer with these headers.
    Deliver {
        /// Canonical path, should it still have to be fetched.
        path: String,
        /// To set on the answer.
        headers: Headers,
        /// The authorization to report as delivered.
        report: Option<String>,
    },
    /// As [`Decision::Teaser`].
    Teaser(TeaserCall),
}

impl Gate {
    /// A gate for this config, secret and 402 page.
    pub fn new(config: &str, keys: &str, html: &str, csp: &str, local: bool) -> Self {
        Self {
            config: Config::parse(config),
            keys: Keys::parse(keys),
            page: page::Template::new(html, csp),
            notes: Vec::new(),
            local,
        }
    }

    /// The checked config.
    pub fn config(&self) -> Option<&Config> {
        self.config.as_ref().ok()
    }

    /// The request headers that the gate wants to see beside those that every gate looks at, in lower case.
    pub fn wanted_headers(&self) -> Vec<&'static str> {
        let teasers = self
            .config()
            .is_some_and(|config| config.routes.iter().any(|route| route.teaser.is_some()));
        if teasers { ["user-agent"].into() } else { Vec::new() }
    }

    /// Takes note of named secrets that the Worker does not have, or that cannot be what they should: by their place,
    /// and whether they are missing. A config with one of them is as good as none (threat B10).
    ///
    /// ```
    /// use farthing::gate::{Gate, Routed, Target};
    /// use farthing::problem::Problem;
    /// let config = r#"{
    ///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
    ///     "networks": ["eip155:84532"], "routes": [{"match": "/articles/*", "price": "$0.05"}],
    ///     "settlement": {"facilitators": [{"url": "https://f.example", "headers": {"authorization": "TOKEN"}}]}
    /// }"#;
    /// let mut gate = Gate::new(config, "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE", "", "", false);
    /// gate.lacks(&[("settlement.facilitators[0].headers.authorization", true)]);
    /// let url = "https://news.example/articles/x";
    /// assert!(matches!(gate.route(url), Routed::Look(Target::Wrong(Problem::NotConfigured))));
    /// assert!(gate.health().body.contains("a secret that this Worker does not have"));
    /// ```
    pub fn lacks(&mut self, faults: &[(&str, bool)]) {
        let Ok(config) = &self.config else {
            return;
        };
        let secrets = config.settlement.secrets();
        let faults: Vec<ConfigError> = faults
            .iter()
            .map(|(at, missing)| {
                let form = secrets
                    .iter()
                    .find(|secret| secret.at == *at)
                    .map_or(SecretForm::Header, |secret| secret.form);
                ConfigError {
                    at: (*at).to_owned(),
                    message: form.fault(*missing).to_owned(),
                }
            })
            .collect();
        if !faults.is_empty() {
            self.config = Err(faults);
        }
    }

    /// What the URL alone says.
    pub fn route<'a>(&'a self, url: &'a str) -> Routed<'a> {
        let Some((origin, path, _)) = path::split(url) else {
            return Routed::Look(Target::Wrong(Problem::AmbiguousPath));
        };
        if let Some(own) = path.strip_prefix(PREFIX) {
            return Routed::Look(Target::Own(own));
        }
        let Ok(config) = &self.config else {
            return Routed::Look(Target::Wrong(Problem::NotConfigured));
        };
        let target = match rule::decide(&config.routes, path) {
            Matched::Free => return Routed::Free,
            Matched::Ambiguous => Target::Wrong(Problem::AmbiguousPath),
            Matched::Redirect(to) => Target::Redirect(to),
            Matched::Priced(_) if !self.is_site(origin) => Target::Wrong(Problem::WrongHost),
            Matched::Priced(_) if self.keys.is_err() => Target::Wrong(Problem::NotConfigured),
            Matched::Priced(route) => Target::Priced(Good {
                route,
                resource: format!("{}{path}", config.site),
                path: path.to_owned(),
            }),
        };
        Routed::Look(target)
    }

    /// Whether a request's origin is the site's (threat D9).
    fn is_site(&self, origin: &str) -> bool {
        let host = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
        let site = self.config.as_ref().ok().and_then(|config| host(&config.site));
        let asked = host(origin);
        asked.is_some() && asked == site || self.local && asked.is_some_and(|host| is_loopback(&host))
    }

    /// Files and endpoints under the well-known prefix.
    fn own(&self, request: &Request<'_>, name: &str) -> Decision {
        if !matches!(request.method, "GET" | "HEAD") {
            return Decision::Answer(Answer::empty(405, [("Allow", "GET, HEAD".to_owned())]));
        }
        match name {
            "health" => Decision::Answer(self.health()),
            "receipts-key" => Decision::Answer(
                self.receipt_signers()
                    .unwrap_or_else(|| self.problem(request, Problem::NoSuchEndpoint.into())),
            ),
            "farthing.js" | "farthing.wasm" => Decision::Asset(format!("/{name}")),
            _ if name.starts_with(receipts::FOLDER) => self.ask_receipt(request, name),
            _ => Decision::Answer(self.problem(request, Problem::NoSuchEndpoint.into())),
        }
    }
}

/// What a request is asking for.
struct Asked<'a> {
    route: &'a Route,
    resource: &'a str,
    path: &'a str,
    keys: &'a Keys,
    now: u64,
    random: [u8; 16],
}

impl<'a> Asked<'a> {
    fn new(good: &'a Good<'_>, keys: &'a Keys, now: u64, random: [u8; 16]) -> Self {
        Self {
            route: good.route,
            resource: &good.resource,
            path: &good.path,
            keys,
            now,
            random,
        }
    }

    /// The path that cookies for it are limited to.
    fn cookie_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    fn info(&self) -> ResourceInfo<'a> {
        ResourceInfo {
            url: self.resource,
            description: &self.route.description,
            mime_type: "",
        }
    }
}

/// The name of a payer's object at a site: one per payer, so that payments of one payer meet.
/// ```
/// use farthing::{evm::Address, gate::object_name};
/// assert_eq!(object_name("https://news.example", Address::ZERO), "https://news.example|0000000000000000000000000000000000000000");
/// ```
pub fn object_name(site: &str, payer: Address) -> String {
    format!("{site}|{payer:x}")
}

#[cfg(test)]
mod tests;
