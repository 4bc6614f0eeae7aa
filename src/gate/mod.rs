//! The way of a request through everything that is decided without waiting for anybody.
//!
//! [`Gate::route`] looks at the URL alone, so that free traffic leaves at once; [`Gate::decide`]
//! looks at the few headers that matter; [`Gate::next`] turns the ledger's reply into the next
//! step. The Worker's shim does what they say and decides nothing.

mod answer;
mod card;
mod cors;
mod counted;
mod crawlers;
mod decide;
mod desk;
mod extensions;
mod follow;
mod gifts;
mod health;
mod llms;
mod meter;
mod mine;
mod page;
mod receipts;
mod refunds;
mod refuse;
mod request;
mod revoked;
mod says;
mod shelf;
mod subscribers;
mod supported;
mod teaser;
mod wider;

pub use answer::{Answer, Headers};
pub use counted::Counted;
pub use crawlers::Verify;
pub use gifts::gift_url;
pub use request::Request;
pub use says::Question;
pub use subscribers::{Peek, Token};
pub use teaser::{Fetched, TeaserCall};

use alloc::{borrow::ToOwned, boxed::Box, format, string::String, vec::Vec};

use crate::{
    access::{Keys, KeysError},
    evm::Address,
    problem::Problem,
    route::{
        Config, ConfigError, Matched, Route,
        config::{SecretForm, is_loopback},
        path, query,
        rule::{self, path_of},
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
/// assert!(matches!(gate.route("GET", "https://news.example/"), Routed::Free));
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
    /// What was revoked, as far as it is known here.
    list: revoked::List,
    /// A development run: loopback hosts stand for the site, the demo's script is honoured.
    local: bool,
}

/// What the URL alone says.
#[derive(Debug)]
pub enum Routed<'a> {
    /// Free: hand the request on as it is.
    Free,
    /// Free: hand the request on under this path and query.
    FreeAs(String),
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
    /// Its method is none of those that this route is for, nor of any other.
    Method(&'a Route),
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
    /// The path that a pass for it is limited to, if it is a part of the article and not the article itself.
    pub part: Option<String>,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// The preflight of a method that is free: hand the request on.
    Free,
    /// Free by now: hand the request on under the canonical path and query (threat D6).
    FreeAs(String),
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
    /// Check a program's signature, and ask again with a line that says what came of it.
    Verify(Box<Verify>),
    /// Check a token of the publisher's login, and ask again likewise.
    Token(Box<Token>),
    /// Ask the origin about this reader: deliver its answer with these headers if it says that they read for nothing, and ask again
    /// without it otherwise.
    Peek(Box<Peek>),
    /// Ask the origin what it says of a page, and ask again with a line that says it.
    Ask(Box<Question>),
    /// Get the list of what was revoked, and ask again with a line that says so.
    List,
    /// Show the page of the desk: whoever asks may see it.
    Desk,
}

/// A question to a payer's ledger.
#[derive(Debug, PartialEq, Eq)]
pub struct LedgerCall {
    /// Name of the object: site and payer.
    pub object: String,
    /// `claim`, `owned`, `signIn`, `spend`, `receipt`, `export` or `erase`; or `tally`, for a count of what is given away, `revoke`, for the list of what was taken back, and
    /// `refund`, for the books, which are no payer's ledger.
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
    /// Ask this too.
    Ledger(LedgerCall),
}

impl Gate {
    /// A gate for this config, secret and 402 page.
    pub fn new(config: &str, keys: &str, html: &str, csp: &str, local: bool) -> Self {
        let config = Config::parse(config);
        let mut keys = Keys::parse(keys);
        if let (Ok(config), Ok(keys)) = (&config, &mut keys) {
            for (kid, time) in &config.revocation.before {
                keys.void(kid, *time);
            }
        }
        Self {
            config,
            keys,
            page: page::Template::new(html, csp),
            notes: Vec::new(),
            list: revoked::List::default(),
            local,
        }
    }

    /// The same with the payment card that the build made: what its script has to be (`integrity`), its template, and its words by
    /// language, as JSON.
    #[must_use]
    pub fn with_card(mut self, integrity: &str, template: &str, words: &str) -> Self {
        let lang = self.config().map_or("en", |config| config.language).to_owned();
        self.page.with_card(card::Card::new(integrity, template, words, &lang));
        self
    }

    /// The checked config.
    pub fn config(&self) -> Option<&Config> {
        self.config.as_ref().ok()
    }

    /// The request headers that the gate wants to see beside those that every gate looks at, in lower case.
    pub fn wanted_headers(&self) -> Vec<&str> {
        let teasers = self
            .config()
            .is_some_and(|config| config.routes.iter().any(|route| route.teaser.is_some()));
        let agent = teasers.then_some("user-agent");
        let given = self.meter_headers().iter().chain(self.gift_headers()).copied();
        let all = self
            .cors_headers()
            .iter()
            .copied()
            .chain(self.crawler_headers())
            .chain(agent)
            .chain(given)
            .chain(self.spend_headers())
            .chain(self.order_header());
        let mut wanted: Vec<&str> = Vec::new();
        for name in all {
            if !wanted.contains(&name) {
                wanted.push(name);
            }
        }
        let desk = self.desk_headers().into_iter().chain(self.count_headers());
        for name in self.subscriber_header().into_iter().chain(desk) {
            if !wanted.contains(&name) {
                wanted.push(name);
            }
        }
        wanted
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
    /// assert!(matches!(gate.route("GET", url), Routed::Look(Target::Wrong(Problem::NotConfigured))));
    /// assert!(gate.health().body.contains("a secret that this Worker does not have"));
    /// ```
    pub fn lacks(&mut self, faults: &[(&str, bool)]) {
        let Ok(config) = &self.config else {
            return;
        };
        let secrets = config.secrets();
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

    /// What method and URL alone say.
    pub fn route<'a>(&'a self, method: &str, url: &'a str) -> Routed<'a> {
        let Some((origin, path, query)) = path::split(url) else {
            return Routed::Look(Target::Wrong(Problem::AmbiguousPath));
        };
        if let Some(own) = path.strip_prefix(PREFIX) {
            return Routed::Look(Target::Own(own));
        }
        let Ok(config) = &self.config else {
            return Routed::Look(Target::Wrong(Problem::NotConfigured));
        };
        let target = match rule::decide(&config.routes, method, path) {
            Matched::Free(route) => return free(route, path, query),
            Matched::Ambiguous => Target::Wrong(Problem::AmbiguousPath),
            Matched::Redirect(to) => Target::Redirect(to),
            Matched::Method(route) => Target::Method(route),
            Matched::Priced(..) if !self.is_site(origin) => Target::Wrong(Problem::WrongHost),
            Matched::Priced(..) if self.keys.is_err() => Target::Wrong(Problem::NotConfigured),
            Matched::Priced(route, article) => match good(&config.site, route, article, path, query) {
                Some(good) => Target::Priced(good),
                None => Target::Wrong(Problem::AmbiguousQuery),
            },
        };
        Routed::Look(target)
    }

    /// The pattern of the route that method and URL are for: all that is said of them to others. Empty where none sells it.
    pub fn pattern(&self, method: &str, url: &str) -> String {
        match self.route(method, url) {
            Routed::Look(Target::Priced(Good { route, .. }) | Target::Method(route)) => route.pattern.text(),
            _ => String::new(),
        }
    }

    /// Whether a request's origin is the site's (threat D9).
    fn is_site(&self, origin: &str) -> bool {
        let host = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
        let site = self.config.as_ref().ok().and_then(|config| host(&config.site));
        let asked = host(origin);
        asked.is_some() && asked == site || self.local && asked.is_some_and(|host| is_loopback(&host))
    }

    /// Files and endpoints under the well-known prefix.
    fn own(&self, request: &Request<'_>, name: &str, now: u64, random: [u8; 16]) -> Decision {
        if let Some(token) = name.strip_prefix(gifts::FOLDER)
            && let Some(decision) = self.gift(request, token, now, &random)
        {
            return decision;
        }
        if let Some(decision) = self.desk(request, name, now) {
            return decision;
        }
        if let Some(decision) = self.mine(request, name, now, random) {
            return decision;
        }
        if name == wider::SPEND {
            return self.spend(request, now, random);
        }
        if name == revoked::REVOKE {
            return self.revoke(request, now);
        }
        if name == refunds::REFUND {
            return self.refund(request, now);
        }
        if name == counted::COUNTED {
            return self.word(request);
        }
        if !matches!(request.method, "GET" | "HEAD") {
            return Decision::Answer(Answer::empty(405, [("Allow", "GET, HEAD".to_owned())]));
        }
        match name {
            "health" => Decision::Answer(self.health()),
            "receipts-key" => Decision::Answer(
                self.receipt_signers()
                    .unwrap_or_else(|| self.problem(request, Problem::NoSuchEndpoint.into())),
            ),
            _ if is_file(name) => Decision::Asset(format!("/{name}")),
            "llms.txt" if self.knows_crawlers() => Decision::Answer(self.llms()),
            _ if name.strip_prefix(meter::ROUND).is_some_and(|to| to.starts_with('/')) => {
                Decision::Answer(self.rounded(request, now))
            }
            _ if name.starts_with(receipts::FOLDER) => self.ask_receipt(request, name),
            _ => Decision::Answer(self.problem(request, Problem::NoSuchEndpoint.into())),
        }
    }
}

/// Whether it could be a file of the card's: its scripts, its core, its words.
fn is_file(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b == b'.';
    let known = name
        .rsplit('.')
        .next()
        .is_some_and(|kind| matches!(kind, "js" | "json" | "wasm"));
    known && name.bytes().all(plain) && !name.starts_with('.')
}

/// What a free rule hands on.
fn free<'a>(route: Option<&Route>, path: &str, query: &str) -> Routed<'a> {
    let Some(keys) = route.and_then(|route| route.query.as_deref()).filter(|_| !query.is_empty()) else {
        return Routed::Free;
    };
    match query::canonical(query, keys) {
        Some(kept) => Routed::FreeAs(joined(path, &kept)),
        None => Routed::Look(Target::Wrong(Problem::AmbiguousQuery)),
    }
}

/// What is sold under a canonical path, which may be a part of the article; none if the query can be read in several ways.
fn good<'a>(site: &str, route: &'a Route, article: String, path: &str, query: &str) -> Option<Good<'a>> {
    let counts = query::canonical(query, route.query.as_deref().unwrap_or_default())?;
    let passes = query::canonical(query, &route.pass_query)?;
    let part = (article != path).then(|| route.folder(path).to_owned());
    // what an article's query says is the article's; its parts have none
    let resource = match part {
        None => [site, &joined(path, &counts)].concat(),
        Some(_) => [site, &article].concat(),
    };
    let both = [counts.as_str(), &passes];
    let kept: Vec<&str> = both.into_iter().filter(|part| !part.is_empty()).collect();
    Some(Good {
        route,
        resource,
        path: joined(path, &kept.join("&")),
        part,
    })
}

fn joined(path: &str, query: &str) -> String {
    match query {
        "" => path.to_owned(),
        query => [path, "?", query].concat(),
    }
}

/// What a request is asking for.
struct Asked<'a> {
    /// As it is for who asks.
    route: &'a Route,
    /// As it is for everybody: whoever pays another price for an article has bought passes and bundles here.
    sold: &'a Route,
    resource: &'a str,
    path: &'a str,
    part: Option<&'a str>,
    keys: &'a Keys,
    now: u64,
    random: [u8; 16],
    /// How many articles the reader's bundles still open, where that is known.
    left: Option<u32>,
}

impl<'a> Asked<'a> {
    fn new(good: &'a Good<'_>, keys: &'a Keys, now: u64, random: [u8; 16]) -> Self {
        Self {
            route: good.route,
            sold: good.route,
            resource: &good.resource,
            path: &good.path,
            part: good.part.as_deref(),
            keys,
            now,
            random,
            left: None,
        }
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
