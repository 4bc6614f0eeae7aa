//! Whose pages may read our answers, and what a page of another origin carries instead of cookies (threats E5, E8).

use alloc::{borrow::ToOwned, string::ToString};

use super::{Answer, Asked, Decision, Gate, Headers, Next, Request, Routed, answer, mine::Deed};
use crate::{access::Pass, route::Cors};

const ORIGIN: &str = "origin";
/// What a preflight asks for.
const REQUESTED: &str = "access-control-request-method";
/// The pass of a page of another origin, in requests and in answers.
const PASS: &str = "farthing-pass";
/// What of an answer pages of other origins get to see beside what they always do.
const EXPOSED: &str =
    "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, Farthing-Receipt, Farthing-Pass, Farthing-Left, Retry-After, Link";
/// What they may send; the last is no request header, and official clients send it all the same (`@x402/fetch` 2.27).
const ALLOWED: &str =
    "PAYMENT-SIGNATURE, X-PAYMENT, SIGN-IN-WITH-X, Farthing-Pass, Accept, Content-Type, Range, Access-Control-Expose-Headers";
/// How long a browser may remember a preflight, in seconds; Chromium keeps none for longer.
const PREFLIGHT_SECONDS: u64 = 2 * 60 * 60;
/// How long a pass for a page of another origin lives at most, in seconds.
const EMBED_SECONDS: u64 = 24 * 60 * 60;

impl Gate {
    /// What it takes to know who reads.
    pub(super) fn cors_headers(&self) -> &'static [&'static str] {
        match self.cors() {
            Cors::Off => &[],
            _ => &[ORIGIN, REQUESTED, PASS],
        }
    }

    fn cors(&self) -> &Cors {
        const OFF: &Cors = &Cors::Off;
        self.config().map_or(OFF, |config| &config.cors)
    }

    /// The origin of a page that is not the site's, and that may read.
    fn reader<'a>(&self, request: &Request<'a>) -> Option<&'a str> {
        // an account's records are no page's but the site's own
        let origin = request.header(ORIGIN).filter(|_| !Deed::is_at(request.url))?;
        let own = self.config().is_some_and(|config| config.site.eq_ignore_ascii_case(origin));
        Some(origin).filter(|origin| !own && self.cors().allows(origin))
    }

    /// Whether it comes from a page that is not the site's, and that may read.
    pub(super) fn is_reader(&self, request: &Request<'_>) -> bool {
        self.reader(request).is_some()
    }

    /// Answers a preflight before anything else is looked at: nothing comes with it, and nothing is told. That of a method which is
    /// free is the origin's.
    pub(super) fn preflight(&self, request: &Request<'_>) -> Option<Decision> {
        let asked = request.header(REQUESTED).filter(|_| request.method == "OPTIONS")?;
        self.reader(request)?;
        if matches!(self.route(asked, request.url), Routed::Free | Routed::FreeAs(_)) {
            return Some(Decision::Free);
        }
        Some(Decision::Answer(Answer::empty(
            204,
            [
                (
                    "Access-Control-Allow-Methods",
                    if asked == "POST" { "POST" } else { "GET, HEAD" }.to_owned(),
                ),
                ("Access-Control-Allow-Headers", ALLOWED.to_owned()),
                ("Access-Control-Max-Age", PREFLIGHT_SECONDS.to_string()),
                ("Cache-Control", "no-store".to_owned()),
            ],
        )))
    }

    /// Lets pages that may read do so. No cookie is ever sent along, or believed, from there.
    fn readable(&self, request: &Request<'_>, headers: &mut Headers) {
        let cors = self.cors();
        if *cors == Cors::Off {
            return;
        }
        if let Some(origin) = self.reader(request) {
            let who = if *cors == Cors::All { "*" } else { origin };
            headers.push(("Access-Control-Allow-Origin", who.to_owned()));
            if request.method != "OPTIONS" {
                headers.push(("Access-Control-Expose-Headers", EXPOSED.to_owned()));
            }
        }
        match headers.iter_mut().find(|(name, _)| *name == "Vary") {
            Some((_, names)) => names.push_str(", Origin"),
            None => headers.push(("Vary", "Origin".to_owned())),
        }
    }

    pub(super) fn readable_answer(&self, request: &Request<'_>, mut answer: Answer) -> Answer {
        self.readable(request, &mut answer.headers);
        answer
    }

    pub(super) fn readable_decision(&self, request: &Request<'_>, mut decision: Decision) -> Decision {
        match &mut decision {
            Decision::Answer(Answer { headers, .. }) | Decision::Forward { headers, .. } => self.readable(request, headers),
            Decision::Peek(peek) => self.readable(request, &mut peek.headers),
            Decision::Free
            | Decision::FreeAs(_)
            | Decision::Asset(_)
            | Decision::Ledger(_)
            | Decision::Teaser(_)
            | Decision::Verify(_)
            | Decision::Token(_)
            | Decision::Ask(_)
            | Decision::List
            | Decision::Desk => {}
        }
        decision
    }

    pub(super) fn readable_next(&self, request: &Request<'_>, mut next: Next) -> Next {
        match &mut next {
            Next::Answer(Answer { headers, .. }) | Next::Deliver { headers, .. } => self.readable(request, headers),
            Next::Fetch { .. } | Next::Teaser(_) | Next::Ledger(_) => {}
        }
        next
    }

    /// What a pass of an allowed page opens.
    pub(super) fn embedded(&self, request: &Request<'_>, asked: &Asked<'_>) -> Option<Decision> {
        let token = request.header(PASS)?;
        let origin = self.reader(request)?;
        Pass::open_for(asked.keys, asked.resource, origin, token, asked.now).filter(|pass| self.is_good(pass))?;
        Some(Decision::Forward {
            path: asked.path.to_owned(),
            headers: answer::private(),
        })
    }

    /// Gives a page of another origin its pass; whether the request came from one, which then gets no cookies.
    pub(super) fn embed(&self, request: &Request<'_>, asked: &Asked<'_>, pass: Pass, headers: &mut Headers) -> bool {
        let Some(origin) = self.reader(request) else {
            return false;
        };
        // anybody's page is nobody's in particular
        if *self.cors() != Cors::All {
            let pass = Pass {
                expires: pass.expires.min(asked.now.saturating_add(EMBED_SECONDS)),
                ..pass
            };
            let token = pass.seal_for(asked.keys, asked.resource, origin);
            headers.extend(token.map(|token| ("Farthing-Pass", token)));
        }
        true
    }
}
