//! What follows a reply of the payer's ledger.

use alloc::{borrow::ToOwned, string::String};
use serde::Serialize;

use super::{
    Answer, Asked, Decision, Gate, Headers, Next, Request, Routed, Target, answer, extensions, gifts, meter::Tally, mine,
    path_of, refunds, revoked, wider,
};
use crate::{
    access::{Handle, Pass, cookie},
    evm::Address,
    ledger::{Grant, Reply},
    problem::Problem,
};

/// How long a cookie lives that stands beside many others, in seconds: that of a part, of which an article may have many, or of an
/// article after which many were bought. The handle brings it back (threat E9).
const SHORT_SECONDS: u64 = 10 * 60;

impl Gate {
    /// The step after the ledger's reply to this request.
    pub fn next(&self, request: &Request<'_>, reply: &str, now: u64, random: [u8; 16]) -> Next {
        self.readable_next(request, self.followed(request, reply, now, random))
    }

    fn followed(&self, request: &Request<'_>, reply: &str, now: u64, random: [u8; 16]) -> Next {
        let internal = || Next::Answer(self.problem(request, Problem::Internal.into()));
        let Ok(keys) = &self.keys else {
            return internal();
        };
        let good = match self.route(request.method, request.url) {
            Routed::Look(Target::Priced(good)) => good,
            Routed::Look(Target::Own(name)) if name.starts_with(gifts::FOLDER) => {
                return Next::Answer(self.gift_opened(request, name, reply, now));
            }
            Routed::Look(Target::Own(revoked::REVOKE)) => return Next::Answer(self.revocation(request, reply)),
            Routed::Look(Target::Own(refunds::REFUND)) => return Next::Answer(self.refunded(request, reply)),
            Routed::Look(Target::Own(wider::SPEND)) => return Next::Answer(self.spent(request, reply, now, random)),
            Routed::Look(Target::Own(name)) if let Some(deed) = mine::Deed::named(name) => {
                return Next::Answer(self.told_mine(deed, reply, now, random));
            }
            Routed::Look(Target::Own(name)) => return Next::Answer(self.standing(request, name, reply, now)),
            _ => return internal(),
        };
        let mut asked = Asked::new(&good, keys, now, random);
        let said = Self::said(request, &good);
        asked.route = said.as_deref().unwrap_or(asked.route);
        asked.route = self.audience(request, &asked).unwrap_or(asked.route);
        if let Some(tally) = Tally::read(reply) {
            return self.after_count(request, &asked, tally);
        }
        match self.reply(reply) {
            Some(Reply::Fetch { key, fence }) => {
                #[derive(Serialize)]
                struct Owner {
                    key: String,
                    fence: u64,
                }
                Next::Fetch {
                    path: asked.path.to_owned(),
                    owner: serde_json::to_string(&Owner { key, fence }).unwrap_or_default(),
                }
            }
            // whatever the ledger says, only what was asked for is delivered
            Some(Reply::Deliver(grant)) if grant.resource == good.resource => Next::Deliver {
                path: asked.path.to_owned(),
                headers: self.granted(request, &grant, &asked),
                report: grant.report,
            },
            Some(Reply::Left(left)) if left.resource == good.resource => Next::Answer(self.left(request, &mut asked, &left)),
            Some(Reply::Refuse(refused)) => {
                let problem = Problem::from_slug(&refused.problem).unwrap_or(Problem::Internal);
                // a known reader who does not own this one
                if problem == Problem::PaymentRequired {
                    if let Some(metered) = self.metered(request, &asked) {
                        return metered.into();
                    }
                    if let Some(call) = self.teaser(request, &asked) {
                        return Next::Teaser(call);
                    }
                }
                Next::Answer(self.refuse(request, Some(&asked), &problem.into(), Some(&refused)))
            }
            _ => internal(),
        }
    }

    fn after_count(&self, request: &Request<'_>, asked: &Asked<'_>, tally: Tally) -> Next {
        match self.given(request, asked, tally) {
            Some(headers) => Next::Deliver {
                path: asked.path.to_owned(),
                headers,
                report: None,
            },
            None => match self.unpaid(request, asked) {
                Decision::Teaser(call) => Next::Teaser(call),
                Decision::Answer(answer) => Next::Answer(answer),
                _ => Next::Answer(self.problem(request, Problem::Internal.into())),
            },
        }
    }

    /// The answer when the origin did not deliver: before settlement, or after it.
    pub fn undelivered(&self, request: &Request<'_>, status: u16, paid: bool) -> Answer {
        let problem = match status {
            _ if paid => Problem::PaidNotDelivered,
            404 | 410 => Problem::OriginNotFound,
            _ => Problem::OriginUnavailable,
        };
        self.readable_answer(request, self.problem(request, problem.into()))
    }

    pub(super) fn granted(&self, request: &Request<'_>, grant: &Grant, asked: &Asked<'_>) -> Headers {
        let mut headers = answer::private();
        let paid = extensions::Paid {
            network: grant.network,
            resource: asked.resource,
            payer: grant.payer,
            transaction: &grant.transaction,
        };
        answer::settled(&mut headers, grant, &self.receipt(&paid, asked.keys, asked.now));
        let charged = self.charged_header(asked.route, grant.network, grant.charged);
        headers.extend(charged.map(|charged| (crate::crawl::price::CHARGED, charged)));
        headers.extend(Self::left_header(grant));
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
            if self.embed(request, asked, pass, &mut headers) {
                return headers;
            }
            if let Some(name) = &grant.pass {
                self.cover(name, &pass, seconds, asked, &mut headers);
            } else if let Some(token) = pass.seal(asked.keys, asked.resource) {
                let article = path_of(asked.resource);
                let short = seconds.min(SHORT_SECONDS);
                let lasts = if grant.shelf.aged { short } else { seconds };
                headers.push(("Set-Cookie", cookie::set_pass(&token, article, lasts)));
                if let Some(part) = asked.part {
                    headers.push(("Set-Cookie", cookie::set_pass(&token, part, short)));
                }
                let last = grant.shelf.last.as_deref().map(path_of);
                headers.extend(
                    last.filter(|last| *last != article)
                        .map(|last| ("Set-Cookie", cookie::clear_pass(last))),
                );
            }
            if !grant.contract {
                let cookie = self.handle_cookie(grant.payer, asked);
                headers.extend(cookie.map(|cookie| ("Set-Cookie", cookie)));
            }
        }
        headers
    }

    /// The cookie that names a payer.
    pub(super) fn handle_cookie(&self, payer: Address, asked: &Asked<'_>) -> Option<String> {
        let handle = Handle {
            payer,
            expires: asked.now.saturating_add(Handle::SECONDS),
        };
        let token = handle.seal(asked.keys, self.site())?;
        Some(cookie::set_handle(&token, Handle::SECONDS))
    }
}
