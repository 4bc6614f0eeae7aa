//! Time passes and bundles: the pass that opens a section, and the explicit request that opens an article of a bundle.
//!
//! Whoever reads with a time pass is known by a cookie, without a question to anybody. A bundle is spent by
//! `POST /.farthing/spend?path=…` alone: no GET, no HEAD and no prefetch costs an article (threat E10).

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use serde::Serialize;

use super::{Answer, Asked, Decision, Gate, Headers, LedgerCall, PREFIX, Request, Routed, Target, object_name};
use crate::{
    access::{Handle, Pass, cookie},
    ledger::{Grant, Left, Reply},
    problem::Problem,
    route::{Access, path},
    x402::extension::Writer,
};

/// Its name under the well-known prefix.
pub(super) const SPEND: &str = "spend";
/// What a browser says about who sent a request; scripts cannot set it.
const SENT_BY: &str = "sec-fetch-site";
/// How many articles a reader's bundles still open.
const LEFT: &str = "Farthing-Left";

/// A question about a resource, for a payer's ledger.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Question<'a> {
    resource: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bundles: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    /// Of a proof: what makes it count once, and until when it would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<u64>,
}

impl<'a> Asked<'a> {
    /// Whether the payer may read this.
    pub(super) fn question(&self) -> Question<'a> {
        Question {
            resource: self.resource,
            passes: self.passes(),
            bundles: self.sold.bundles().collect(),
            seconds: match self.route.access {
                Access::Owned(seconds) => Some(seconds),
                Access::Once => None,
            },
            nonce: None,
            until: None,
        }
    }

    /// The names of the time passes that open it.
    pub(super) fn passes(&self) -> Vec<&'a str> {
        let passes = self.sold.passes(self.resource);
        passes.map(|offer| offer.label.name.as_str()).collect()
    }
}

impl Gate {
    /// The time pass among these cookies that opens it.
    pub(super) fn covered(&self, request: &Request<'_>, asked: &Asked<'_>) -> Option<Pass> {
        let site = self.site();
        asked.passes().into_iter().find_map(|name| {
            let cookie = cookie::wider(name);
            let open = |text| Pass::open_wider(asked.keys, site, name, text, asked.now);
            cookie::values(request.cookie, &cookie).find_map(|text| open(text).filter(|pass| self.is_good(pass)))
        })
    }

    /// The cookie of the time pass that a grant is by.
    pub(super) fn cover(&self, name: &str, pass: &Pass, seconds: u64, asked: &Asked<'_>, headers: &mut Headers) {
        let offer = asked.sold.wider.iter().find(|offer| offer.label.name == name);
        let token = pass.seal_wider(asked.keys, self.site(), name);
        let cookie = offer
            .zip(token)
            .map(|(offer, token)| cookie::set(&cookie::wider(name), &token, &offer.path, seconds));
        headers.extend(cookie.map(|cookie| ("Set-Cookie", cookie)));
    }

    /// How many articles the payer may still open, where one was opened with a bundle.
    pub(super) fn left_header(grant: &Grant) -> Option<(&'static str, String)> {
        grant.left.map(|left| (LEFT, alloc::format!("{left}")))
    }

    /// Whether any route sells bundles.
    fn sells_bundles(&self) -> bool {
        self.config()
            .is_some_and(|config| config.routes.iter().any(|route| route.bundles().next().is_some()))
    }

    /// The headers that it takes to know who spends.
    pub(super) fn spend_headers(&self) -> Option<&'static str> {
        self.sells_bundles().then_some(SENT_BY)
    }

    /// Opens an article of a bundle: for the site's own pages by the reader's handle, and for who proves the account.
    pub(super) fn spend(&self, request: &Request<'_>, now: u64, random: [u8; 16]) -> Decision {
        let refuse = |problem: Problem| Decision::Answer(self.problem(request, problem.into()));
        if request.method != "POST" {
            return Decision::Answer(Answer::empty(405, [("Allow", "POST".to_owned())]));
        }
        let Ok(keys) = &self.keys else {
            return refuse(Problem::NotConfigured);
        };
        // no form sends a header of ours, and a page of another origin has to be allowed to (threat E10)
        let sent_by = request.header(SENT_BY);
        let fair = match request.sign_in {
            None => sent_by == Some("same-origin"),
            Some(_) => matches!(sent_by, None | Some("same-origin")) || self.is_reader(request),
        };
        if !fair {
            return refuse(Problem::CrossSite);
        }
        let url = spent_url(request.url).unwrap_or_default();
        let good = match self.route("GET", &url) {
            Routed::Look(Target::Priced(good)) if good.part.is_none() && self.sells_bundles() => good,
            _ => return refuse(Problem::NoSuchEndpoint),
        };
        let mut asked = Asked::new(&good, keys, now, random);
        if let Some(question) = self.missing(request, &asked) {
            return question;
        }
        // what its publisher has set free meanwhile uses nothing up
        let said = Self::said(request, &good);
        asked.route = said.as_deref().unwrap_or(asked.route);
        let free = asked.route.free_from.is_some_and(|from| from <= now);
        if free || asked.route.bundles().next().is_none() {
            return refuse(Problem::NothingLeft);
        }
        let mut question = asked.question();
        let payer = match request.sign_in {
            Some(header) => match self.proven(header, &asked) {
                Ok(Some(signed)) => {
                    question.nonce = Some(alloy_primitives::hex::encode(signed.nonce));
                    question.until = Some(signed.until);
                    Some(signed.payer)
                }
                Ok(None) => None,
                Err(refusal) => return Decision::Answer(self.refuse(request, None, &refusal, None)),
            },
            None => self.handle(request, keys, now).map(|handle| handle.payer),
        };
        match payer {
            Some(payer) => Decision::Ledger(LedgerCall {
                object: object_name(self.site(), payer),
                call: "spend",
                body: self.without_revoked(serde_json::to_string(&question).unwrap_or_default(), payer),
            }),
            None => refuse(Problem::NothingLeft),
        }
    }

    /// The answer to who spends: to the article for a reader, with its pass, and for a program how many are left.
    pub(super) fn spent(&self, request: &Request<'_>, reply: &str, now: u64, random: [u8; 16]) -> Answer {
        let internal = || self.problem(request, Problem::Internal.into());
        let url = spent_url(request.url).unwrap_or_default();
        let (Ok(keys), Routed::Look(Target::Priced(good))) = (&self.keys, self.route("GET", &url)) else {
            return internal();
        };
        let asked = Asked::new(&good, keys, now, random);
        match self.reply(reply) {
            // whatever the ledger says, only what was asked for is opened
            Some(Reply::Deliver(grant)) if grant.resource == good.resource => {
                let mut headers = self.granted(request, &grant, &asked);
                let mut body = Writer::default();
                if request.wants_page() {
                    headers.push(("Location", asked.path.to_owned()));
                    return Answer {
                        status: 303,
                        headers,
                        body: String::new(),
                    };
                }
                headers.push(("Content-Type", "application/json".to_owned()));
                body.text("resource", &grant.resource);
                for (name, number) in [("left", grant.left.map(u64::from)), ("until", grant.until)] {
                    if let Some(number) = number {
                        body.raw(name, &alloc::format!("{number}"));
                    }
                }
                Answer {
                    status: 200,
                    headers,
                    body: body.end(),
                }
            }
            Some(Reply::Refuse(refused)) => {
                let problem = Problem::from_slug(&refused.problem).unwrap_or(Problem::Internal);
                self.refuse(request, None, &problem.into(), Some(&refused))
            }
            _ => internal(),
        }
    }

    /// The answer to a reader who owns bundles and not this article: the offer, and how many are left. Who proved the account gets
    /// its handle, with which they can be spent here.
    pub(super) fn left(&self, request: &Request<'_>, asked: &mut Asked<'_>, left: &Left) -> Answer {
        let problem = match request.sign_in {
            Some(_) => Problem::NotOwned,
            None => Problem::PaymentRequired,
        };
        asked.left = Some(left.left);
        let mut answer = self.refuse(request, Some(asked), &problem.into(), None);
        answer.headers.push((LEFT, alloc::format!("{}", left.left)));
        if request.sign_in.is_some() && !self.is_reader(request) {
            answer
                .headers
                .extend(self.handle_cookie(left.payer, asked).map(|cookie| ("Set-Cookie", cookie)));
        }
        answer
    }

    pub(super) fn handle(&self, request: &Request<'_>, keys: &crate::access::Keys, now: u64) -> Option<Handle> {
        cookie::values(request.cookie, cookie::HANDLE).find_map(|text| Handle::open(keys, self.site(), text, now))
    }

    pub(super) fn site(&self) -> &str {
        self.config().map(|config| config.site.as_str()).unwrap_or_default()
    }
}

/// Where a page of ours sends who opens an article of a bundle.
pub(super) fn spend_path(resource: &str) -> String {
    let (_, path, query) = path::split(resource).unwrap_or_default();
    let both = [path, if query.is_empty() { "" } else { "?" }, query].concat();
    let mut out = [PREFIX, SPEND, "?path="].concat();
    for byte in both.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                let digit = |at: u8| HEX.get(usize::from(at)).copied().map_or('0', char::from);
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out
}

/// The article that a spend names, as a URL on the same host.
fn spent_url(url: &str) -> Option<String> {
    let (origin, _, query) = path::split(url)?;
    let text = query.strip_prefix("path=").filter(|text| !text.contains('&'))?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?
            }
            byte => byte,
        });
    }
    let path = String::from_utf8(bytes).ok().filter(|path| path.starts_with('/'))?;
    Some([origin, &path].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spend_names_its_article_once() {
        for resource in [
            "https://n.example/articles/x",
            "https://n.example/articles/x?page=2&a%5B%5D=1",
            "https://n.example/caf%C3%A9",
        ] {
            let url = ["https://n.example", &spend_path(resource)].concat();
            assert_eq!(spent_url(&url).as_deref(), Some(resource));
        }
        for bad in [
            "",
            "?path=",
            "?path=x",
            "?path=%2",
            "?path=%zz",
            "?path=/a&b=c",
            "?path=%ff",
            "?p=/x",
            "?path=//e.example",
        ] {
            let url = ["https://n.example/.farthing/spend", bad].concat();
            assert!(
                spent_url(&url).is_none_or(|url| url == "https://n.example//e.example"),
                "{bad}"
            );
        }
    }
}
