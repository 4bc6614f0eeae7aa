//! `GET /.farthing/export` and `POST /.farthing/erase`: what the site holds about an account, for who proves it; and that it goes.
//!
//! There is no session, and a cookie proves nothing here: each takes a signature of its own, as `sign-in-with-x` has it. The text that is
//! signed names the deed twice, in its URI and in the sentence that the wallet shows, and both are held against ours. So what was signed
//! to read an article, or to see the records, erases nothing (threat E12). Pages of other origins have no part in this, whatever `cors`
//! says: they neither get the challenge nor may send the proof.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use alloy_primitives::hex;
use serde::Serialize;

use super::{Answer, Decision, Gate, LedgerCall, PREFIX, Request, answer, object_name};
use crate::{
    access::{Keys, Marks, sign_in},
    ledger::Reply,
    offer::Refusal,
    problem::Problem,
    route::{Config, path},
    x402::{
        Network,
        extension::{Writer, announce, sign_in as wire},
    },
};

/// What an account can have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Export,
    Erase,
}

impl Deed {
    /// By its name under the well-known prefix.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "export" => Some(Self::Export),
            "erase" => Some(Self::Erase),
            _ => None,
        }
    }

    /// Whether a URL is for one.
    pub(super) fn is_at(url: &str) -> bool {
        let own = path::split(url).and_then(|(_, path, _)| path.strip_prefix(PREFIX));
        own.and_then(Self::named).is_some()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Erase => "erase",
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Export => "GET",
            Self::Erase => "POST",
        }
    }

    /// What the wallet shows: all that its owner may get to see of what happens.
    const fn statement(self, keeps_books: bool) -> &'static str {
        match (self, keeps_books) {
            (Self::Export, _) => "Get a copy of what this site keeps about this account. Nothing is changed or paid.",
            (Self::Erase, false) => {
                "Erase what this site keeps about this account. What it has bought is given up and not paid back. \
                 The books keep amounts, articles and days, not who paid. This cannot be undone."
            }
            (Self::Erase, true) => {
                "Erase what this site keeps about this account. What it has bought is given up and not paid back. \
                 The publisher keeps the payments in the books. This cannot be undone."
            }
        }
    }
}

/// What the payer's ledger is asked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    payer: &'a str,
    nonce: &'a str,
    until: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a str>,
    keeps_books: bool,
}

impl Gate {
    /// How payments that were erased are known again.
    pub fn marks(&self) -> Option<Marks> {
        self.keys.as_ref().ok().map(Marks::new)
    }

    /// What becomes of a request for one of these; none for what is none.
    pub(super) fn mine(&self, request: &Request<'_>, name: &str, now: u64, random: [u8; 16]) -> Option<Decision> {
        let deed = Deed::named(name)?;
        let answer = |problem: Problem| Some(Decision::Answer(self.problem(request, problem.into())));
        let (Ok(config), Ok(keys)) = (&self.config, &self.keys) else {
            return answer(Problem::NotConfigured);
        };
        if request.method != deed.method() {
            return Some(Decision::Answer(Answer::empty(405, [("Allow", deed.method().to_owned())])));
        }
        let query = path::split(request.url).map_or("", |(_, _, query)| query);
        let after = match (deed, query) {
            (_, "") => None,
            (Deed::Export, query) => query.strip_prefix("after=").filter(|place| is_place(place)),
            (Deed::Erase, _) => None,
        };
        if after.is_none() && !query.is_empty() {
            return answer(Problem::AmbiguousQuery);
        }
        let challenged = |refusal: Refusal| Some(Decision::Answer(challenge(config, keys, deed, &refusal, now, random)));
        let Some(header) = request.sign_in else {
            return challenged(Problem::ProofRequired.into());
        };
        let (host, resource) = (self.host(), resource(config, deed));
        let expected = sign_in::Expected {
            keys,
            host: &host,
            resource: &resource,
            statement: deed.statement(config.keeps_books),
            chains: &chains(config),
            now,
        };
        let signed = match Self::prove(header, &expected) {
            Ok(signed) => signed,
            Err(Refusal {
                problem: Problem::SignInInvalid,
                detail,
            }) => {
                return challenged(Refusal {
                    problem: Problem::ProofInvalid,
                    detail,
                });
            }
            Err(refusal) => return Some(Decision::Answer(answer::problem(&refusal, None, None, None))),
        };
        let question = Question {
            payer: &signed.payer.to_checksum(None),
            nonce: &hex::encode(signed.nonce),
            until: signed.until,
            after,
            keeps_books: config.keeps_books,
        };
        Some(Decision::Ledger(LedgerCall {
            object: object_name(&config.site, signed.payer),
            call: deed.name(),
            body: serde_json::to_string(&question).unwrap_or_default(),
        }))
    }

    /// The answer, made of what the ledger said: the records, or what was erased and what stays.
    pub(super) fn told_mine(&self, deed: Deed, reply: &str, now: u64, random: [u8; 16]) -> Answer {
        let plain = |problem: Problem| answer::problem(&problem.into(), None, None, None);
        let (Ok(config), Ok(keys)) = (&self.config, &self.keys) else {
            return plain(Problem::NotConfigured);
        };
        if let Some(said) = reply.strip_prefix('{').filter(|said| said.starts_with("\"account\":")) {
            let mut headers = answer::private();
            headers.push(("Content-Type", "application/json".to_owned()));
            let mut site = Writer::default();
            site.text("site", &config.site);
            let site = site.end();
            return Answer {
                status: 200,
                headers,
                body: [site.strip_suffix('}').unwrap_or_default(), ",", said].concat(),
            };
        }
        match Reply::read(reply) {
            Some(Reply::Refuse(refused)) if refused.problem == Problem::ProofUsed.slug() => {
                challenge(config, keys, deed, &Problem::ProofUsed.into(), now, random)
            }
            // whether a ledger answers no, or not at all: what it has begun is on its disk
            _ => plain(Problem::RecordsUnavailable),
        }
    }
}

/// 401 with what has to be signed, where a 402 has it.
fn challenge(config: &Config, keys: &Keys, deed: Deed, refusal: &Refusal, now: u64, random: [u8; 16]) -> Answer {
    let host = super::extensions::host_of(&config.site);
    let resource = resource(config, deed);
    let text = super::extensions::challenge(
        &host,
        &resource,
        deed.statement(config.keeps_books),
        &chains(config),
        keys,
        now,
        random,
    );
    let mut answer = answer::problem(refusal, None, None, None);
    if let (Some(text), Some(body)) = (text, answer.body.strip_suffix('}')) {
        answer.body = [body, ",\"extensions\":", &announce(&[(wire::KEY, &text)]), "}"].concat();
    }
    // RFC 9110 wants a scheme with every 401; this one has its challenge in the body
    answer.headers.push(("WWW-Authenticate", "sign-in-with-x".to_owned()));
    answer
}

fn resource(config: &Config, deed: Deed) -> String {
    [&config.site, PREFIX, deed.name()].concat()
}

/// Where a payer's account may be: wherever this site is paid.
fn chains(config: &Config) -> Vec<Network> {
    let mut chains: Vec<Network> = Vec::new();
    for token in config.tokens() {
        if !chains.contains(&token.network) {
            chains.push(token.network);
        }
    }
    chains
}

/// Where an export goes on: the number of a part, a dot, the number of a row.
fn is_place(text: &str) -> bool {
    let digits = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.split_once('.')
        .is_some_and(|(part, row)| digits(part, 1) && digits(row, 19))
}
