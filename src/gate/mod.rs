//! The way of a request through everything that is decided without waiting for anybody.
//!
//! [`Gate::route`] looks at the URL alone, so that free traffic leaves at once; [`Gate::decide`]
//! looks at the few headers that matter; [`Gate::next`] turns the ledger's reply into the next
//! step. The Worker's shim does what they say and decides nothing.

mod answer;
mod extensions;
mod page;
mod receipts;
mod request;
mod supported;

pub use answer::{Answer, Headers};
pub use request::Request;

use core::fmt::Write;

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

use crate::{
    access::{Handle, Keys, KeysError, Pass, Purpose, cookie, receipt_id},
    evm::{Address, Transfer, hex},
    ledger::{Grant, Intent, Refused, Reply},
    offer::{
        self, Payment, Refusal,
        matching::{Against, Version},
    },
    problem::Problem,
    route::{
        Access, Config, ConfigError, Matched, Route,
        config::{SecretForm, is_loopback},
        path, rule,
    },
    x402::v2::{PaymentFlow, ResourceInfo, Scheme},
};

/// How long a reader's handle lives, in seconds.
const HANDLE_SECONDS: u64 = 90 * 24 * 60 * 60;
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
    /// A priced resource, by its route and canonical URL.
    Priced(&'a Route, String),
    /// A file or endpoint under the well-known prefix.
    Own(&'a str),
    /// The answer is known whatever the headers say.
    Redirect(String),
    /// Likewise.
    Wrong(Problem),
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

    /// Everything that is wrong with the config, and what is merely missing.
    pub fn health(&self) -> Answer {
        #[derive(Serialize)]
        struct Health {
            ok: bool,
            version: &'static str,
            errors: Vec<String>,
            warnings: Vec<String>,
        }
        let errors: Vec<String> = self
            .config
            .as_ref()
            .err()
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        let mut warnings: Vec<String> = self
            .keys
            .as_ref()
            .err()
            .map(|error| format!("{error}; priced pages answer 503 until then"))
            .into_iter()
            .collect();
        if let Ok(config) = &self.config {
            for offer in config.routes.iter().flat_map(|route| &route.offers) {
                let warning = format!(
                    "settlement.rpc has no endpoint for {}: a payment whose outcome is unknown waits for the facilitator's word",
                    offer.network
                );
                if !config.settlement.rpc.contains_key(&offer.network) && !warnings.contains(&warning) {
                    warnings.push(warning);
                }
            }
        }
        warnings.extend_from_slice(&self.notes);
        let status = if errors.is_empty() { 200 } else { 503 };
        let health = Health {
            ok: errors.is_empty(),
            version: env!("CARGO_PKG_VERSION"),
            errors,
            warnings,
        };
        Answer::json(status, &health)
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
            Matched::Priced(route) => Target::Priced(route, format!("{}{path}", config.site)),
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

    /// What to do with a request that is not free.
    pub fn decide(&self, request: &Request<'_>, now: u64, random: [u8; 16]) -> Decision {
        let (route, resource) = match self.route(request.url) {
            // never asked about these; were it, nothing may be handed on from here
            Routed::Free => return Decision::Answer(self.problem(request, Problem::Internal.into())),
            Routed::Look(Target::Priced(route, resource)) => (route, resource),
            Routed::Look(Target::Wrong(problem)) => return Decision::Answer(self.problem(request, problem.into())),
            Routed::Look(Target::Redirect(path)) => return Decision::Answer(redirect(request.url, &path)),
            Routed::Look(Target::Own(name)) => return self.own(request, name),
        };
        let Ok(keys) = &self.keys else {
            return Decision::Answer(self.problem(request, Problem::NotConfigured.into()));
        };
        let asked = Asked {
            route,
            resource: &resource,
            keys,
            now,
            random,
        };
        match self.payment(request, &asked) {
            Ok(Some(mut payment)) => match self.extended(&mut payment, &asked) {
                Ok(identifier) => Decision::Ledger(self.claim(&payment, identifier, request, &asked)),
                Err(refusal) => Decision::Answer(self.refuse(request, Some(&asked), &refusal, None)),
            },
            Err(refusal) => Decision::Answer(self.refuse(request, Some(&asked), &refusal, None)),
            Ok(None) => self.without_payment(request, &asked),
        }
    }

    fn without_payment(&self, request: &Request<'_>, asked: &Asked<'_>) -> Decision {
        let passes = || cookie::values(request.cookie, cookie::PASS);
        let site = self.config().map(|config| config.site.as_str()).unwrap_or_default();
        if matches!(asked.route.access, Access::Owned(_)) {
            if passes().any(|text| Pass::open(asked.keys, asked.resource, text, asked.now).is_some()) {
                return Decision::Forward {
                    path: path_of(asked.resource),
                    headers: answer::private(),
                };
            }
            if let Some(decision) = self.sign_in(request, asked) {
                return decision;
            }
            let handle =
                cookie::values(request.cookie, cookie::HANDLE).find_map(|text| Handle::open(asked.keys, site, text, asked.now));
            if let Some(handle) = handle {
                #[derive(Serialize)]
                struct Question<'a> {
                    resource: &'a str,
                }
                return Decision::Ledger(LedgerCall {
                    object: object_name(site, handle.payer),
                    call: "owned",
                    body: serde_json::to_string(&Question {
                        resource: asked.resource,
                    })
                    .unwrap_or_default(),
                });
            }
        }
        if request.method == "OPTIONS" {
            return Decision::Answer(Answer::empty(204, [("Allow", "GET, HEAD, OPTIONS".to_owned())]));
        }
        let nothing = match self.paused() {
            true => Problem::PaymentsPaused,
            false => Problem::PaymentRequired,
        };
        Decision::Answer(self.refuse(request, Some(asked), &nothing.into(), None))
    }

    /// Whether no new payment is taken.
    fn paused(&self) -> bool {
        self.config().is_some_and(|config| config.paused)
    }

    /// Reads and checks the payment that came, if one came.
    fn payment(&self, request: &Request<'_>, asked: &Asked<'_>) -> Result<Option<Payment>, Refusal> {
        let (version, header) = match (request.payment, request.x_payment) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(Problem::PaymentHeaderRepeated.into()),
            (Some(header), None) => (Version::V2, header),
            (None, Some(header)) => (Version::V1, header),
        };
        match request.method {
            "GET" => {}
            "HEAD" | "OPTIONS" => return Err(Problem::MethodCannotPay.into()),
            _ => return Err(Problem::MethodNotPayable.into()),
        }
        // the platform joins several headers of one name with a comma, which base64 never has
        if header.contains(',') {
            return Err(Problem::PaymentHeaderRepeated.into());
        }
        let against = Against {
            route: asked.route,
            resource: asked.resource,
            keys: asked.keys,
            now: asked.now,
        };
        against.check(version, header).map(Some)
    }

    fn claim(&self, payment: &Payment, identifier: Option<String>, request: &Request<'_>, asked: &Asked<'_>) -> LedgerCall {
        let site = self.config().map(|config| config.site.as_str()).unwrap_or_default();
        let body = offer::matching::facilitator_request(payment, &asked.info());
        let (signed, extra) = (&payment.signed, &payment.offer.extra);
        let intent = Intent {
            resource: asked.resource.to_owned(),
            seconds: match asked.route.access {
                Access::Owned(seconds) => Some(seconds),
                Access::Once => None,
            },
            version: payment.version.number(),
            network: payment.offer.network,
            asset: payment.offer.asset,
            transfer: extra.transfer,
            metered: (payment.offer.scheme == Scheme::Upto).then_some(extra.decimals),
            upfront: extra.flow == PaymentFlow::Upfront,
            verify: payment.unverified || extra.transfer == Transfer::Permit2,
            contract: payment.unverified,
            payer: signed.payer(),
            pay_to: signed.payee(),
            amount: signed.amount(),
            nonce: signed.nonce(),
            valid_before: signed.valid_before(),
            confirmations: self.config().map_or(0, |config| {
                let settlement = &config.settlement;
                settlement
                    .confirmations(payment.offer.network, signed.amount(), extra.decimals)
                    .into()
            }),
            digest: hex::print(&payment.digest),
            secret: payment.secret,
            tagged: payment.tagged,
            identifier,
            address: address_digest(asked.keys, request.address),
            late: payment
                .late
                .or(self.paused().then_some(Problem::PaymentsPaused))
                .map(|problem| problem.slug().to_owned()),
            receipt: receipt_id(asked.keys, site, signed.payer(), &asked.random),
            request: String::from_utf8(body).unwrap_or_default(),
        };
        LedgerCall {
            object: object_name(site, signed.payer()),
            call: "claim",
            body: serde_json::to_string(&intent).unwrap_or_default(),
        }
    }

    /// The step after the ledger's reply to this request.
    pub fn next(&self, request: &Request<'_>, reply: &str, now: u64, random: [u8; 16]) -> Next {
        let internal = || Next::Answer(self.problem(request, Problem::Internal.into()));
        let Ok(keys) = &self.keys else {
            return internal();
        };
        let (route, resource) = match self.route(request.url) {
            Routed::Look(Target::Priced(route, resource)) => (route, resource),
            Routed::Look(Target::Own(name)) => return Next::Answer(self.standing(request, name, reply, now)),
            _ => return internal(),
        };
        let asked = Asked {
            route,
            resource: &resource,
            keys,
            now,
            random,
        };
        match Reply::read(reply) {
            Some(Reply::Fetch { key, fence }) => {
                #[derive(Serialize)]
                struct Owner {
                    key: String,
                    fence: u64,
                }
                Next::Fetch {
                    path: path_of(&resource),
                    owner: serde_json::to_string(&Owner { key, fence }).unwrap_or_default(),
                }
            }
            // whatever the ledger says, only what was asked for is delivered
            Some(Reply::Deliver(grant)) if grant.resource == resource => Next::Deliver {
                path: path_of(&resource),
                headers: self.granted(&grant, &asked),
                report: grant.report,
            },
            Some(Reply::Refuse(refused)) => {
                let problem = Problem::from_slug(&refused.problem).unwrap_or(Problem::Internal);
                Next::Answer(self.refuse(request, Some(&asked), &problem.into(), Some(&refused)))
            }
            _ => internal(),
        }
    }

    /// The answer when the origin did not deliver: before settlement, or after it.
    pub fn undelivered(&self, request: &Request<'_>, status: u16, paid: bool) -> Answer {
        let problem = match status {
            _ if paid => Problem::PaidNotDelivered,
            404 | 410 => Problem::OriginNotFound,
            _ => Problem::OriginUnavailable,
        };
        self.problem(request, problem.into())
    }

    fn granted(&self, grant: &Grant, asked: &Asked<'_>) -> Headers {
        let mut headers = answer::private();
        let paid = extensions::Paid {
            network: grant.network,
            resource: asked.resource,
            payer: grant.payer,
            transaction: &grant.transaction,
        };
        answer::settled(&mut headers, grant, &self.receipt(&paid, asked.keys, asked.now));
        let site = self.config().map(|config| config.site.as_str()).unwrap_or_default();
        let left = grant
            .until
            .map(|until| until.saturating_sub(asked.now))
            .filter(|seconds| *seconds > 0);
        if let (Some(until), Some(seconds)) = (grant.until, left) {
            let pass = Pass {
                payer: Pass::payer_digest(grant.payer),
                receipt: Pass::receipt_digest(&grant.receipt),
                issued: asked.now,
                expires: until,
            };
            let handle = Handle {
                payer: grant.payer,
                expires: asked.now.saturating_add(HANDLE_SECONDS),
            };
            if let Some(token) = pass.seal(asked.keys, asked.resource) {
                headers.push(("Set-Cookie", cookie::set_pass(&token, &path_of(asked.resource), seconds)));
            }
            if !grant.contract
                && let Some(token) = handle.seal(asked.keys, site)
            {
                headers.push(("Set-Cookie", cookie::set_handle(&token, HANDLE_SECONDS)));
            }
        }
        headers
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

    /// An answer that offers nothing.
    fn problem(&self, request: &Request<'_>, refusal: Refusal) -> Answer {
        self.refuse(request, None, &refusal, None)
    }

    /// The answer to a request that gets nothing; with what was asked for, a 402 offers it.
    fn refuse(&self, request: &Request<'_>, asked: Option<&Asked<'_>>, refusal: &Refusal, refused: Option<&Refused>) -> Answer {
        let paused = self.paused();
        let offers = refusal.problem == Problem::PaymentsPaused || matches!(refusal.problem.status(), 402 | 412);
        let offer = asked.filter(|_| offers).map(|asked| answer::Offer {
            info: asked.info(),
            // who has paid needs the challenge to sign in
            accepts: match paused {
                true => Vec::new(),
                false => offer::offers(asked.route, asked.resource, asked.keys, asked.now, asked.random),
            },
            extensions: self.announced(asked),
            identified: paused || self.wants_identifiers(),
        });
        let first = refusal.problem == Problem::PaymentRequired;
        let status = refused
            .and_then(|refused| refused.receipt.as_deref())
            .map(|id| self.receipt_url(id));
        if request.wants_page() {
            let demo = self
                .config()
                .and_then(|config| config.demo_script.as_deref())
                .filter(|_| self.local);
            return match (&offer, asked) {
                (Some(offer), Some(asked)) if first => self.page.offer(offer, asked.route, demo),
                _ => self.page.problem(refusal, refused, status.as_deref()),
            };
        }
        answer::problem(refusal, refused, offer.as_ref(), status.as_deref())
    }
}

/// What a request is asking for.
struct Asked<'a> {
    route: &'a Route,
    resource: &'a str,
    keys: &'a Keys,
    now: u64,
    random: [u8; 16],
}

impl Asked<'_> {
    fn info(&self) -> ResourceInfo<'_> {
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

/// A receipt's id, made of the first of these random bytes; empty only if there is no key.
fn receipt_id(keys: &Keys, site: &str, payer: Address, random: &[u8; 16]) -> String {
    let random = random.first_chunk().copied().unwrap_or_default();
    receipt_id::issue(keys, site, payer, random).unwrap_or_default()
}

/// The path of one of our own resource URLs.
fn path_of(resource: &str) -> String {
    path::split(resource).map(|(_, path, _)| path).unwrap_or("/").to_owned()
}

/// Permanent, method kept, query kept.
fn redirect(url: &str, path: &str) -> Answer {
    let mut to = path.to_owned();
    if let Some((_, _, query)) = path::split(url).filter(|(_, _, query)| !query.is_empty()) {
        // writing to a String cannot fail
        let _ = write!(to, "?{query}");
    }
    Answer::empty(308, [("Location", to), ("Cache-Control", "no-store".to_owned())])
}

/// A keyed digest of a network address, so that no address is ever stored.
fn address_digest(keys: &Keys, address: Option<&str>) -> String {
    use hmac::{Hmac, Mac};
    let mac = keys
        .signing(Purpose::Address)
        .and_then(|(_, key)| Hmac::<sha2::Sha256>::new_from_slice(key).ok());
    let Some(mut mac) = mac else {
        return String::new();
    };
    // the platform always names it; where nothing does, all are neighbours
    mac.update(address.unwrap_or_default().as_bytes());
    hex::print(mac.finalize().into_bytes().get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests;
