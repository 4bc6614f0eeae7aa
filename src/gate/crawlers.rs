//! Programs that say who they are: what a request's signature changes about what is asked of it.

use alloc::{borrow::ToOwned, boxed::Box, string::String};

use super::{Asked, Decision, Gate, Headers, Request, answer};
use crate::{
    crawl::{
        self, Claim, Message,
        price::{self, Bid},
        signature::MONEY,
    },
    money::Amount,
    offer::{Payment, Refusal},
    problem::Problem,
    route::{
        Route,
        config::{Policy, Treatment, Who},
    },
};

/// What the shim found out about a claim, in a line of this name: none that a client could send.
const VERDICT: &str = "=agent";
/// What stands before the name of a header that a signature covers.
const COVERED: char = '~';
/// The headers that a gate with policies wants to see.
const WANTED: [&str; 5] = [
    "signature",
    "signature-input",
    "signature-agent",
    price::MAX_PRICE,
    price::EXACT_PRICE,
];
/// Read only where a policy is about it.
const USER_AGENT: &str = "user-agent";
/// Browsers send it with everything, and no page can make them leave it out or change it (Fetch, section 3.2).
const SITE: &str = "sec-fetch-site";

/// A question about a signature: who asks has to hold it against a key.
#[derive(Debug, PartialEq, Eq)]
pub struct Verify {
    /// What is to be checked.
    pub claim: Claim,
    /// Where the keys are.
    pub directory: String,
    /// Whether a policy names the agent: its directory is asked for however many others are.
    pub named: bool,
}

impl Gate {
    fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.config()
            .into_iter()
            .flat_map(|config| &config.routes)
            .flat_map(|route| &route.crawlers)
    }

    /// Whether the config has policies for programs.
    pub(super) fn knows_crawlers(&self) -> bool {
        self.policies().next().is_some()
    }

    pub(super) fn crawler_headers(&self) -> impl Iterator<Item = &'static str> {
        let signed = WANTED.into_iter().filter(|_| self.knows_crawlers());
        let unsigned = self.policies().any(|policy| policy.who == Who::Unverified);
        let programs = self.policies().any(|policy| policy.who == Who::Programs);
        signed.chain(unsigned.then_some(USER_AGENT)).chain(programs.then_some(SITE))
    }

    /// What is asked of who sent this request: the route with their own price, or all that there is to say.
    pub(super) fn audience<'a>(&self, request: &Request<'_>, asked: &Asked<'a>) -> Result<&'a Route, Decision> {
        let route = asked.route;
        if route.crawlers.is_empty() {
            return Ok(route);
        }
        let find = |who: &Who| route.crawlers.iter().find(|policy| policy.who == *who);
        let of = |host: &str| {
            let named = |policy: &&Policy| matches!(&policy.who, Who::Agent(own) if own == host);
            // a site that signed its own readers' requests would be asked for keys by itself
            let other = self.host() != host;
            // and this machine is only asked where a policy says so (threat D8)
            let any = || find(&Who::AnyAgent).filter(|_| !crawl::agent::is_local(host));
            route.crawlers.iter().find(named).or_else(any).filter(|_| other)
        };
        let refuse = |problem, detail| {
            Err(Decision::Answer(self.refuse(
                request,
                Some(asked),
                &Refusal { problem, detail },
                None,
            )))
        };
        let verdict = request.header(VERDICT);
        let field = |name: &str| request.covered(name);
        let message = Message {
            method: request.method,
            url: request.url,
            field: &field,
        };
        // what was in time when it was checked is in time while it is worked on
        let claim = match crawl::claim(&message, verdict.is_none().then_some(asked.now), self.local, &|host| {
            of(host).is_some()
        }) {
            Ok(claim) => claim,
            Err(crawl::Fault::Uncovered) => return refuse(Problem::AgentUncovered, None),
            Err(fault) => return refuse(Problem::AgentSignature, Some(fault.detail())),
        };
        let Some(claim) = claim else {
            let says_so = || request.header(USER_AGENT).is_some_and(crawl::names_a_crawler);
            return match find(&Who::Unverified).filter(|_| says_so()) {
                Some(policy) => self.treat(request, asked, policy),
                None => self.person_or_program(request, asked),
            };
        };
        let Some(policy) = of(&claim.host) else {
            return self.person_or_program(request, asked);
        };
        let pays = request.payment.is_some() || request.x_payment.is_some();
        match verdict {
            None => Err(Decision::Verify(Box::new(Verify {
                directory: crawl::agent::directory_of(&claim.host),
                named: policy.who != Who::AnyAgent,
                claim,
            }))),
            Some("verified") => self.treat(request, asked, policy),
            Some("replayed") => refuse(Problem::AgentReplayed, None),
            Some("unknown") => refuse(
                Problem::AgentSignature,
                Some("The key is not among those of the directory that Signature-Agent names."),
            ),
            Some("wrong") => refuse(
                Problem::AgentSignature,
                Some("The signature is not one over this request, at this host, by the key that it names."),
            ),
            // nothing is known: they are anybody
            _ => match find(&Who::Unverified) {
                Some(policy) => self.treat(request, asked, policy),
                None if pays => self.person_or_program(request, asked),
                None => refuse(Problem::AgentUnverified, None),
            },
        }
    }

    /// What is asked of who proves nothing. All that tells a program from a person can be forged, so a program is never asked for less,
    /// and one that pays is not sent away.
    fn person_or_program<'a>(&self, request: &Request<'_>, asked: &Asked<'a>) -> Result<&'a Route, Decision> {
        let pays = request.payment.is_some() || request.x_payment.is_some();
        let person = request.header(SITE).is_some() || self.shows_page(request, asked);
        let policy = asked.route.crawlers.iter().find(|policy| policy.who == Who::Programs);
        match policy.filter(|policy| !(person || pays && matches!(policy.treatment, Treatment::Refuse))) {
            Some(policy) => self.treat(request, asked, policy),
            None => Ok(asked.route),
        }
    }

    fn treat<'a>(&self, request: &Request<'_>, asked: &Asked<'a>, policy: &'a Policy) -> Result<&'a Route, Decision> {
        match &policy.treatment {
            Treatment::Priced(route) => Ok(route),
            Treatment::Refuse => Err(Decision::Answer(self.refuse(
                request,
                Some(asked),
                &Problem::AgentRefused.into(),
                None,
            ))),
            Treatment::Free if matches!(request.method, "GET" | "HEAD") => Err(Decision::Forward {
                path: asked.path.to_owned(),
                headers: answer::private(),
            }),
            Treatment::Free => Ok(asked.route),
        }
    }

    /// Holds what a crawler would pay against the price, or against what it pays.
    pub(super) fn bid(request: &Request<'_>, route: &Route, payment: Option<&Payment>) -> Result<(), Refusal> {
        let dollars = route.price.starts_with('$');
        let paid = payment.filter(|_| dollars).map(|payment| {
            let amount = payment.offer.amount.to_decimal(payment.offer.extra.decimals);
            ["$", &amount].concat()
        });
        let price = paid.as_deref().unwrap_or(&route.price);
        match price::bid(request.header(price::MAX_PRICE), request.header(price::EXACT_PRICE), price) {
            None => Ok(()),
            Some(Bid::Malformed) => Err(Problem::CrawlerPriceMalformed.into()),
            Some(Bid::Conflict) => Err(Problem::CrawlerPriceConflict.into()),
            Some(Bid::Other) => Err(Problem::CrawlerPriceOther.into()),
            Some(Bid::TooLow) => Err(Problem::CrawlerPriceTooLow.into()),
            Some(Bid::Enough) if payment.is_some() => Ok(()),
            Some(Bid::Enough) => Err(Refusal {
                problem: Problem::PaymentRequired,
                detail: Some(
                    "The price is agreed on; sign one of the offers in accepts and send it in the PAYMENT-SIGNATURE header.",
                ),
            }),
        }
    }

    /// Adds what pay-per-crawl says in an answer that gives nothing.
    pub(super) fn price_headers(&self, headers: &mut Headers, problem: Problem, asked: Option<&Asked<'_>>) {
        if !self.knows_crawlers() {
            return;
        }
        let price = asked
            .filter(|_| problem.status() == 402)
            .and_then(|asked| price::header_of(&asked.route.price));
        headers.extend(price.map(|price| (price::PRICE, price)));
        headers.extend(price::error_of(problem).map(|error| (price::ERROR, error.to_owned())));
    }

    /// What pay-per-crawl says of a payment: so much was charged.
    pub(super) fn charged_header(&self, route: &Route, network: crate::x402::Network, paid: Option<Amount>) -> Option<String> {
        if !self.knows_crawlers() || !route.price.starts_with('$') {
            return None;
        }
        let offers = || route.offers.iter().filter(|offer| offer.network == network);
        let decimals = offers().next()?.extra.decimals;
        // two assets that count differently: which of them it was is not known here
        if offers().any(|offer| offer.extra.decimals != decimals) {
            return None;
        }
        Some(["USD ", &paid?.to_decimal(decimals)].concat())
    }
}

impl<'a> Request<'a> {
    /// Whether a program sent it, by what only programs send.
    pub(super) fn is_crawler(&self) -> bool {
        WANTED.iter().any(|name| self.header(name).is_some())
    }

    /// A header that the request's signature may be about.
    fn covered(&self, name: &str) -> Option<&'a str> {
        if WANTED.contains(&name) {
            return self.header(name);
        }
        if MONEY.contains(&name) {
            return match name {
                "payment-signature" => self.payment,
                "x-payment" => self.x_payment,
                _ => self.sign_in,
            };
        }
        let pairs = self
            .more
            .lines()
            .filter_map(|line| line.strip_prefix(COVERED)?.split_once(": "));
        pairs.into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}
