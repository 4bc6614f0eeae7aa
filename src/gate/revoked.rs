//! Single purchases whose access was taken back: `POST /.farthing/revoke` with a signed order puts one on a list, which one object keeps.
//!
//! The gate decides by a copy that is less than [`FRESH_SECONDS`] old, and asks the shim for a newer one where somebody shows what the
//! list may be about. Whoever pays, signs in, or is known by a handle is held against it as well: what the ledger finds by a revoked
//! receipt, it is told, is not owned.

use alloc::{borrow::ToOwned, format, string::String};
use alloy_primitives::hex;

use super::{Answer, Decision, Gate, LedgerCall, Request};
use crate::{
    access::{Name, Order, Pass},
    evm::Address,
    json::{self, Value},
    ledger::Reply,
    problem::Problem,
    route::{Access, Config},
};

/// Its name under the well-known prefix.
pub(super) const REVOKE: &str = "revoke";
/// The header with the order.
pub(super) const ORDER: &str = "farthing-order";
/// What the shim says once it has asked for the list, whether or not it got it: none that a client could send.
const LISTED: &str = "=list";
/// So old a copy is not believed while the list can be read, in seconds.
const FRESH_SECONDS: u64 = 60;
/// The most purchases on a list: half a megabyte for each isolate.
const MOST: u32 = 10_000;
const DAY: u64 = 24 * 60 * 60;
/// What an entry outlives whatever it shuts: clocks, and a config that was deployed late.
const MARGIN_SECONDS: u64 = 30 * DAY;
/// The longest that a gift link of the command lives.
const LINK_SECONDS: u64 = 365 * DAY;

/// A copy of the list.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Unix seconds of when it was asked for; none before the first.
    at: Option<u64>,
    names: String,
}

impl List {
    /// The digits of receipts and payers.
    fn pairs(&self) -> impl Iterator<Item = (&[u8; Name::RECEIPT], &[u8])> {
        let each = self.names.as_bytes().chunks_exact(Name::LENGTH);
        each.filter_map(<[u8]>::split_first_chunk)
    }
}

impl Gate {
    /// The name of the object that keeps the list; empty if there is none.
    pub fn list(&self) -> String {
        match self.config().filter(|config| config.revocation.list) {
            Some(config) => format!("{}|revoked", config.site),
            None => String::new(),
        }
    }

    /// Takes a copy of the list as of a time, in Unix seconds: names, one after the other; none if nothing has changed since the last.
    pub fn listed(&mut self, names: Option<&str>, at: u64) {
        self.list.at = Some(at);
        if let Some(names) = names {
            self.list.names = names.to_owned();
        }
    }

    /// Orders are taken where there is a list to write on, or a desk that shows what was refunded.
    pub(super) fn order_header(&self) -> Option<&'static str> {
        let shown = self.config().is_some_and(|config| config.desk.is_open());
        (shown || self.has_list()).then_some(ORDER)
    }

    fn has_list(&self) -> bool {
        self.config().is_some_and(|config| config.revocation.list)
    }

    /// The question for a newer list, where this request may open something by what stands on one.
    pub(super) fn wants_list(&self, request: &Request<'_>, now: u64) -> Option<Decision> {
        let fresh = |at: u64| now < at.saturating_add(FRESH_SECONDS);
        let shows = request.cookie.as_bytes().windows(2).any(|two| two == b"__")
            || request.is_signed()
            || request.header("farthing-pass").is_some();
        let asks = self.has_list() && shows && !self.list.at.is_some_and(fresh) && request.header(LISTED).is_none();
        asks.then_some(Decision::List)
    }

    fn is_listed(&self, receipt: &[u8; 16]) -> bool {
        !self.list.names.is_empty() && {
            let digits = hex::encode(receipt);
            self.list.pairs().any(|(receipt, _)| receipt == digits.as_bytes())
        }
    }

    /// Whether a pass still opens what it was given for.
    pub(super) fn is_good(&self, pass: &Pass) -> bool {
        !self.is_listed(&pass.receipt)
    }

    /// What the ledger says, unless it is of a purchase that was revoked. It is told which are, so that is one that was shown itself: a
    /// payment that comes again.
    pub(super) fn reply(&self, text: &str) -> Option<Reply> {
        match Reply::read(text)? {
            Reply::Deliver(grant) if self.is_listed(&Pass::receipt_digest(&grant.receipt)) => {
                Some(Reply::refuse(Problem::AccessRevoked, &grant.resource))
            }
            reply => Some(reply),
        }
    }

    /// A question to a payer's ledger, an object as JSON, with the digests of their revoked receipts before all else.
    pub(super) fn without_revoked(&self, question: String, payer: Address) -> String {
        if self.list.names.is_empty() {
            return question;
        }
        let digest = hex::encode(Pass::payer_digest(payer));
        let mut receipts = String::new();
        for (receipt, payer) in self.list.pairs() {
            if digest.as_bytes().starts_with(payer) {
                receipts.push_str(core::str::from_utf8(receipt).unwrap_or_default());
            }
        }
        match question.strip_prefix('{') {
            Some(rest) if !receipts.is_empty() => [r#"{"revoked":""#, &receipts, "\",", rest].concat(),
            _ => question,
        }
    }

    /// Takes an order: a bad one costs nobody anything.
    pub(super) fn revoke(&self, request: &Request<'_>, now: u64) -> Decision {
        let answer = |problem: Problem| Decision::Answer(self.problem(request, problem.into()));
        let (Ok(config), Ok(keys)) = (&self.config, &self.keys) else {
            return answer(Problem::NotConfigured);
        };
        if !self.has_list() {
            return answer(Problem::NoSuchEndpoint);
        }
        if request.method != "POST" {
            return Decision::Answer(Answer::empty(405, [("Allow", "POST".to_owned())]));
        }
        let token = request.header(ORDER).unwrap_or_default();
        match Order::open(keys, &config.site, token, now) {
            Some(Order { name, undo, at }) => Decision::Ledger(LedgerCall {
                object: self.list(),
                call: REVOKE,
                body: format!(
                    r#"{{"name":"{}","undo":{undo},"at":{at},"most":{MOST},"keep":{}}}"#,
                    name.print(),
                    kept(config)
                ),
            }),
            None => answer(Problem::OrderInvalid),
        }
    }

    /// What became of an order: how many purchases are on the list, whether this one is, and whether it was.
    pub(super) fn revocation(&self, request: &Request<'_>, reply: &str) -> Answer {
        let reply = json::parse(reply).ok();
        let count = reply.as_ref().and_then(|reply| reply.get("revoked")).and_then(Value::integer);
        let says = |name| reply.as_ref().and_then(|reply| reply.get(name)?.bool()) == Some(true);
        match count {
            Some(count) => {
                let mut answer = Answer::empty(200, [("Content-Type", "application/json".to_owned())]);
                answer.headers.push(("Cache-Control", "no-store".to_owned()));
                let (on, was) = (says("on"), says("was"));
                answer.body = format!(r#"{{"revoked":{count},"on":{on},"was":{was}}}"#);
                answer
            }
            None if reply.is_some_and(|reply| reply.get("full").is_some()) => {
                self.problem(request, Problem::RevocationsFull.into())
            }
            None => self.problem(request, Problem::Internal.into()),
        }
    }
}

/// For how long an entry is kept, in seconds: what is bought last of all may open an article on its last day.
fn kept(config: &Config) -> u64 {
    let owned = config.routes.iter().filter_map(|route| match route.access {
        Access::Owned(seconds) => Some(seconds),
        Access::Once => None,
    });
    let wider = config
        .routes
        .iter()
        .flat_map(|route| &route.wider)
        .map(|wider| wider.label.seconds);
    let links = config.gifts.iter().map(|gifts| LINK_SECONDS.max(gifts.seconds.into()));
    let (owned, given) = (owned.max().unwrap_or(0), wider.chain(links).max().unwrap_or(0));
    owned.saturating_add(given).saturating_add(MARGIN_SECONDS)
}
