//! Answers to requests that get nothing.

use core::fmt::Write;

use alloc::{borrow::ToOwned, vec::Vec};

use super::{Answer, Asked, Gate, Request, answer, decide::keyed, page};
use crate::{
    evm::hex,
    ledger::Refused,
    offer::{self, Refusal},
    problem::Problem,
    route::path,
};

impl Gate {
    /// An answer that offers nothing.
    pub(super) fn problem(&self, request: &Request<'_>, refusal: Refusal) -> Answer {
        self.refuse(request, None, &refusal, None)
    }

    /// The answer to a request that gets nothing; with what was asked for, a 402 offers it.
    pub(super) fn refuse(
        &self,
        request: &Request<'_>,
        asked: Option<&Asked<'_>>,
        refusal: &Refusal,
        refused: Option<&Refused>,
    ) -> Answer {
        let offers = refusal.problem == Problem::PaymentsPaused || matches!(refusal.problem.status(), 402 | 412);
        let offer = asked.filter(|_| offers).map(|asked| self.offered(asked));
        let first = refusal.problem == Problem::PaymentRequired;
        let status = refused
            .and_then(|refused| refused.receipt.as_deref())
            .map(|id| self.receipt_url(id));
        let page = asked.map_or_else(|| request.wants_page(), |asked| self.shows_page(request, asked));
        let mut answer = match (&offer, asked) {
            (Some(offer), Some(asked)) if first && page => {
                let left = asked.left.map(|articles| page::Left {
                    articles,
                    nonce: keyed(asked.keys, &hex::print(&asked.random)),
                });
                self.page.offer(offer, asked.route, self.demo(), left.as_ref())
            }
            _ if page => self.page.problem(refusal, refused, status.as_deref()),
            _ => answer::problem(refusal, refused, offer.as_ref(), status.as_deref()),
        };
        self.price_headers(&mut answer.headers, refusal.problem, asked);
        answer
    }

    /// What is offered for it now.
    pub(super) fn offered<'a>(&self, asked: &Asked<'a>) -> answer::Offer<'a> {
        let paused = self.paused();
        answer::Offer {
            info: asked.info(),
            // who has paid needs the challenge to sign in
            accepts: match paused {
                true => Vec::new(),
                false => offer::offers(asked.route, asked.resource, asked.keys, asked.now, asked.random),
            },
            extensions: self.announced(asked),
            identified: paused || self.wants_identifiers(),
        }
    }

    /// The demo's script, where it is honoured.
    pub(super) fn demo(&self) -> Option<&str> {
        let script = self.config().and_then(|config| config.demo_script.as_deref());
        script.filter(|_| self.local)
    }
}

/// Permanent, method kept, query kept.
pub(super) fn redirect(url: &str, path: &str) -> Answer {
    let mut to = path.to_owned();
    if let Some((_, _, query)) = path::split(url).filter(|(_, _, query)| !query.is_empty()) {
        // writing to a String cannot fail
        let _ = write!(to, "?{query}");
    }
    Answer::empty(308, [("Location", to), ("Cache-Control", "no-store".to_owned())])
}
