//! `/.farthing/gift/TOKEN`: an article that somebody passes on.
//!
//! The link shows a page with one button: opening it changes nothing, so neither a preview nor a browser that looks ahead uses it up
//! (threat E10). The button asks the count of the link, and gets a pass. A reader's own link stands in a header of the articles they own,
//! for a script of the page that asks for it.

use alloc::{borrow::ToOwned, format, string::String};

use super::{
    Answer, Asked, Decision, Gate, Good, LedgerCall, PREFIX, Request, Routed, Target, decide::address_digest, meter, path_of,
};
use crate::{
    access::{Gift, Keys, Pass},
    evm::hex,
    problem::Problem,
    route::Access,
};

/// Where gift links lead, under the well-known prefix.
pub(super) const FOLDER: &str = "gift/";
/// Asks for a link, and is one in the answer.
const HEADER: &str = "farthing-gift";
const HEADERS: &[&str] = &[HEADER, "sec-fetch-site", "origin"];
/// How long two buttons pressed at one network address are one opening, in seconds: a second click, a reload.
const GRACE_SECONDS: u64 = 60;

impl Gate {
    pub(super) fn gift_headers(&self) -> &'static [&'static str] {
        match self.config().and_then(|config| config.gifts) {
            Some(_) => HEADERS,
            None => &[],
        }
    }

    /// The link that this reader may pass on, if they ask for it.
    pub(super) fn gift_link(&self, request: &Request<'_>, asked: &Asked<'_>, pass: &Pass) -> Option<(&'static str, String)> {
        let config = self.config()?;
        let gifts = config.gifts.filter(|gifts| gifts.per_reader > 0)?;
        request.header(HEADER)?;
        // what was given to them is not theirs to give, nor what the meter let through: nobody paid for it, so it is of no payer
        if pass.payer == [0; 16] || asked.part.is_some() {
            return None;
        }
        let gift = Gift {
            id: Gift::id_of(asked.keys, pass, asked.resource)?,
            most: gifts.per_reader,
            seconds: gifts.seconds,
            expires: pass.expires.min(asked.now.saturating_add(gifts.seconds.into())),
            path: asked.resource.strip_prefix(config.site.as_str())?.to_owned(),
        };
        Some(("Farthing-Gift", gift_url(&gift, asked.keys, &config.site)?))
    }

    /// What a link leads to: the page with the button, or the count. None where there are no gifts, or not by this method.
    pub(super) fn gift(&self, request: &Request<'_>, token: &str, now: u64, random: &[u8; 16]) -> Option<Decision> {
        let (config, keys) = (self.config()?, self.keys.as_ref().ok()?);
        if config.gifts.is_none() || !matches!(request.method, "GET" | "HEAD" | "POST") {
            return None;
        }
        let answer = |problem: Problem| Decision::Answer(self.problem(request, problem.into()));
        let decision = self.wrapped(token, now, |gift, good| match request.method {
            "GET" | "HEAD" => Some(Decision::Answer(self.page.gift(
                &config.site,
                good.route,
                &hex::print(random),
            ))),
            _ if !request.is_from_here() => Some(answer(Problem::NotFromHere)),
            _ => Some(Decision::Ledger(LedgerCall {
                object: format!("{}|gift|{}", config.site, hex::print(&gift.id)),
                call: "tally",
                body: meter::tally(
                    gift.most,
                    gift.seconds.into(),
                    GRACE_SECONDS,
                    &address_digest(keys, request.address),
                ),
            })),
        });
        Some(decision.unwrap_or_else(|| answer(Problem::GiftOver)))
    }

    /// The answer to the button, after the count.
    pub(super) fn gift_opened(&self, request: &Request<'_>, name: &str, reply: &str, now: u64) -> Answer {
        let Some(tally) = meter::Tally::read(reply) else {
            return self.problem(request, Problem::TooManyRequests.into());
        };
        let token = name.strip_prefix(FOLDER).unwrap_or_default();
        let opened = tally.left.and_then(|_| self.unwrapped(token, now));
        opened.unwrap_or_else(|| self.problem(request, Problem::GiftOver.into()))
    }

    fn unwrapped(&self, token: &str, now: u64) -> Option<Answer> {
        let keys = self.keys.as_ref().ok()?;
        self.wrapped(token, now, |gift, good| {
            let Access::Owned(owned) = good.route.access else {
                return None;
            };
            let seconds = owned.min(gift.seconds.into());
            // of no payer, for a receipt that is the gift
            let pass = Pass {
                payer: [0; 16],
                receipt: gift.id,
                issued: now,
                expires: now.saturating_add(seconds),
            };
            let token = pass.seal(keys, &good.resource)?;
            let mut answer = meter::see(good.path.clone());
            meter::guest(&mut answer.headers, good.route, path_of(&good.resource), &token, seconds);
            Some(answer)
        })
    }

    /// What becomes of the gift in a link and the article it is of, as long as that is sold.
    fn wrapped<T>(&self, token: &str, now: u64, then: impl FnOnce(Gift, &Good<'_>) -> Option<T>) -> Option<T> {
        let (config, keys) = (self.config()?, self.keys.as_ref().ok()?);
        let gift = Gift::open(keys, &config.site, token, now)?;
        let url = [config.site.as_str(), &gift.path].concat();
        match self.route("GET", &url) {
            Routed::Look(Target::Priced(good)) if good.part.is_none() && good.route.access != Access::Once => then(gift, &good),
            _ => None,
        }
    }
}

/// The address of a gift; none if the article's path is too long for one.
/// ```
/// use farthing::{access::{Gift, Keys}, gate::gift_url};
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let gift = Gift { id: [7; 16], most: 5, seconds: 86_400, expires: 200, path: "/articles/x".into() };
/// assert!(gift_url(&gift, &keys, "https://news.example").unwrap().starts_with("https://news.example/.farthing/gift/v1.k1."));
/// ```
pub fn gift_url(gift: &Gift, keys: &Keys, site: &str) -> Option<String> {
    let token = gift.seal(keys, site)?;
    Some([site, PREFIX, FOLDER, &token].concat())
}
