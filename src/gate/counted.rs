//! What is counted for the desk: by whom a request is, of which route, and how what it got was opened. Numbers alone are kept, and
//! nothing is decided by them.

use alloc::string::String;

use super::{Answer, Asked, Decision, Gate, Good, Request, Routed, Target};
use crate::{access::Pass, crawl, ledger::Audience, problem::Problem};

/// Its name under the well-known prefix: where a card says that a wallet was opened.
pub(super) const COUNTED: &str = "counted";
/// What it takes to know who asks, and whose page a word is from.
const HEADERS: [&str; 3] = ["user-agent", "sec-fetch-site", "origin"];
/// What the shim found out about a program's signature.
const VERDICT: &str = "=agent";
/// Within so many seconds of its making a pass opens what was just paid for: the page that comes in the card's place is no return.
const OPENING_SECONDS: u64 = 60;

/// What is counted of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Counted {
    /// The pattern of its route; empty for what is no article's.
    pub route: String,
    /// By whom it is.
    pub who: Audience,
    /// Of what was forwarded: `returned` by what was paid for before, `allowed` by a policy; or empty.
    pub how: &'static str,
}

impl Gate {
    /// Whether anybody looks at figures.
    pub(super) fn counts(&self) -> bool {
        self.config().is_some_and(|config| config.desk.is_open())
    }

    /// For how many days figures are kept; none where nothing is counted.
    pub fn kept_days(&self) -> Option<u16> {
        let config = self.config().filter(|config| config.desk.is_open())?;
        Some(config.desk.retention)
    }

    pub(super) fn count_headers(&self) -> impl Iterator<Item = &str> {
        let counts = self.counts();
        HEADERS.into_iter().filter(move |_| counts)
    }

    /// By whom a request is, as far as it says so: a program that signs as an agent and was verified, or whose `User-Agent` names a
    /// crawler; a browser, by `Sec-Fetch-Site`, which scripts cannot set, or because it asks for HTML; any other program.
    pub(super) fn sender(&self, request: &Request<'_>) -> Audience {
        let agent = request.header("user-agent").unwrap_or_default();
        if request.header(VERDICT) == Some("verified") || crawl::names_a_crawler(agent) {
            Audience::Crawler
        } else if request.header("sec-fetch-site").is_some() || request.accept.contains("text/html") {
            Audience::Reader
        } else {
            Audience::Program
        }
    }

    /// What is counted of a request; none for what is not: a part of an article, a file of ours.
    pub fn counted(&self, request: &Request<'_>, now: u64) -> Option<Counted> {
        let how = match self.route(request.method, request.url) {
            Routed::Look(Target::Priced(good)) if good.part.is_none() => self.opened(request, &good, now),
            Routed::Look(Target::Method(_) | Target::Own(COUNTED)) => "",
            _ => return None,
        };
        Some(Counted {
            route: self.pattern(request.method, request.url),
            who: self.sender(request),
            how,
        })
    }

    /// How a request that pays nothing opens an article, if it does.
    fn opened(&self, request: &Request<'_>, good: &Good<'_>, now: u64) -> &'static str {
        let Ok(keys) = &self.keys else {
            return "";
        };
        let mut asked = Asked::new(good, keys, now, [0; 16]);
        let said = Self::said(request, good);
        asked.route = said.as_deref().unwrap_or(asked.route);
        match self.audience(request, &asked) {
            Ok(route) => asked.route = route,
            Err(Decision::Forward { .. }) => return "allowed",
            Err(_) => return "",
        }
        let returns = |pass: Pass| match now.saturating_sub(pass.issued) < OPENING_SECONDS {
            true => "",
            false => "returned",
        };
        let pass = self.passed(request, &asked).or_else(|| self.covered(request, &asked));
        let embedded = || self.embedded(request, &asked).map_or("", |_| "returned");
        pass.map_or_else(embedded, returns)
    }

    /// The answer to a card's word: what is said, and whether it counts, is the shim's to look at. Only pages that may pay here are
    /// listened to; what other programs send can say whatever it likes, for it is a number and no more.
    pub(super) fn word(&self, request: &Request<'_>) -> Decision {
        let answer = match request.method {
            _ if !self.counts() => self.problem(request, Problem::NoSuchEndpoint.into()),
            "POST" if request.is_from_here() || self.is_reader(request) => {
                Answer::empty(204, [("Cache-Control", String::from("no-store"))])
            }
            "POST" => self.problem(request, Problem::CrossSite.into()),
            _ => Answer::empty(405, [("Allow", String::from("POST"))]),
        };
        Decision::Answer(answer)
    }
}
