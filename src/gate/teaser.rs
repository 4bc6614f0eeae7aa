//! The publisher's own page without its premium part, for readers who have not paid.

use alloc::{borrow::ToOwned, string::String};

use super::{Answer, Asked, Gate, PREFIX, Request, Routed, Target, page::Scripts};
use crate::{
    problem::Problem,
    route::path,
    trim::{policy, trim},
};

/// What fetches a page to show it to people who talk about it, or to find it. They ask for anything (`*/*`), as paying programs do, and
/// would get a 402; the teaser is for everybody, so that what they call themselves frees nothing.
const UNFURLERS: &[&str] = &[
    "facebookexternalhit",
    "twitterbot",
    "slackbot",
    "discordbot",
    "telegrambot",
    "whatsapp",
    "linkedinbot",
    "mastodon",
    "pinterest",
    "redditbot",
    "skypeuripreview",
    "iframely",
    "embedly",
    "googlebot",
    "bingbot",
    "duckduckbot",
    "applebot",
];

/// What to fetch for a teaser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeaserCall {
    /// Canonical path.
    pub path: String,
    /// The selector of elements that are marked by comments before the page comes to [`Gate::trimmed`]; empty for none.
    pub selector: String,
}

/// The origin's page as it was fetched for a teaser.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fetched<'a> {
    /// Why there is none, for the publisher; empty if there is one.
    pub fault: &'a str,
    /// What the marks in it begin with.
    pub nonce: &'a str,
    /// Its content security policy.
    pub policy: &'a str,
    /// Its markup.
    pub html: &'a str,
}

impl Gate {
    /// What to fetch for this reader, where a teaser is what they get.
    pub(super) fn teaser(&self, request: &Request<'_>, asked: &Asked<'_>) -> Option<TeaserCall> {
        let part = asked.route.teaser.as_ref()?.part.as_ref()?;
        let reads = matches!(request.method, "GET" | "HEAD");
        (reads && !self.paused() && self.shows_page(request, asked)).then(|| TeaserCall {
            path: asked.path.to_owned(),
            selector: part.selector().unwrap_or_default().to_owned(),
        })
    }

    /// Whether the answer is a page: for people, and on routes with a teaser for those who show it to people.
    pub(super) fn shows_page(&self, request: &Request<'_>, asked: &Asked<'_>) -> bool {
        let unfurls = || {
            let agent = request.header("user-agent").unwrap_or_default().to_ascii_lowercase();
            asked.route.teaser.is_some() && !request.is_signed() && UNFURLERS.iter().any(|name| agent.contains(name))
        };
        request.wants_page() || unfurls()
    }

    /// The origin's page without its premium part; our own page wherever that cannot be taken out for certain. The second says which.
    pub fn trimmed(&self, request: &Request<'_>, fetched: &Fetched<'_>, now: u64, random: [u8; 16]) -> (Answer, bool) {
        let (answer, trimmed) = self.without_part(request, fetched, now, random);
        (self.readable_answer(request, answer), trimmed)
    }

    fn without_part(&self, request: &Request<'_>, fetched: &Fetched<'_>, now: u64, random: [u8; 16]) -> (Answer, bool) {
        let internal = || (self.problem(request, Problem::Internal.into()), false);
        let Ok(keys) = &self.keys else {
            return internal();
        };
        let Routed::Look(Target::Priced(good)) = self.route(request.method, request.url) else {
            return internal();
        };
        let mut asked = Asked::new(&good, keys, now, random);
        let said = Self::said(request, &good);
        asked.route = said.as_deref().unwrap_or(asked.route);
        asked.route = self.audience(request, &asked).unwrap_or(asked.route);
        let Some((part, status)) = asked
            .route
            .teaser
            .as_ref()
            .and_then(|own| Some((own.part.as_ref()?, own.status)))
        else {
            return internal();
        };
        let page = match fetched.fault {
            "" => trim(fetched.html, part, fetched.nonce).map_err(|untrimmed| untrimmed.reason()),
            fault => Err(fault),
        };
        match page {
            Ok(page) => {
                // the page may have a <base> that leads elsewhere
                let site = path::split(request.url).map_or("", |(origin, ..)| origin);
                let (policy, nonce) = policy::admit(fetched.policy, &[site, PREFIX].concat(), self.page.style());
                let mut answer = self.page.teaser(
                    &self.offered(&asked),
                    asked.route,
                    page,
                    &Scripts {
                        site,
                        nonce: nonce.as_deref(),
                        demo: self.demo(),
                    },
                );
                answer.status = status;
                if !policy.is_empty() {
                    answer.headers.push(("Content-Security-Policy", policy));
                }
                (answer, true)
            }
            Err(fault) => {
                let mut answer = self.refuse(request, Some(&asked), &Problem::PaymentRequired.into(), None);
                answer.headers.push(("Farthing-Teaser", fault.to_owned()));
                (answer, false)
            }
        }
    }
}
