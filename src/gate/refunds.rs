//! Entries about refunds for the books: `POST /.farthing/refund` with a signed order. Nothing of it moves money.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};

use super::{Answer, Decision, Gate, LedgerCall, Request, revoked::ORDER};
use crate::{
    access::{order::Entry, receipt_id},
    json,
    ledger::Reply,
    problem::Problem,
};

/// Its name under the well-known prefix.
pub(super) const REFUND: &str = "refund";

impl Gate {
    /// Takes an entry about a receipt of this site; a bad one costs nobody anything (threat B8).
    pub(super) fn refund(&self, request: &Request<'_>, now: u64) -> Decision {
        let answer = |problem: Problem| Decision::Answer(self.problem(request, problem.into()));
        let (Ok(config), Ok(keys)) = (&self.config, &self.keys) else {
            return answer(Problem::NotConfigured);
        };
        if request.method != "POST" {
            return Decision::Answer(Answer::empty(405, [("Allow", "POST".to_owned())]));
        }
        let order = request.header(ORDER).unwrap_or_default();
        let entry = Entry::open(keys, &config.site, order, now).filter(|entry| {
            let entry = json::parse(entry).ok();
            let receipt = entry.as_ref().and_then(|entry| entry.text_at("receipt"));
            receipt.is_some_and(|id| receipt_id::payer_of(keys, &config.site, id).is_some())
        });
        match entry {
            Some(entry) => Decision::Ledger(LedgerCall {
                object: String::new(),
                call: REFUND,
                body: self.with_marks(entry),
            }),
            None => answer(Problem::OrderInvalid),
        }
    }

    /// An entry with what stands in the books for its receipt, should its payer have had that erased: nothing is written for it then
    /// (threat G7).
    fn with_marks(&self, entry: &str) -> String {
        let receipt = json::parse(entry).ok();
        let receipt = receipt.as_ref().and_then(|entry| entry.text_at("receipt"));
        let marks = self.marks().zip(receipt).map(|(marks, receipt)| marks.all(receipt));
        let marks = serde_json::to_string(&marks.unwrap_or_default()).unwrap_or_default();
        let open = entry.trim_end().strip_suffix('}').unwrap_or_default();
        [open, ",\"marks\":", &marks, "}"].concat()
    }

    /// What the books have of it now.
    pub(super) fn refunded(&self, request: &Request<'_>, reply: &str) -> Answer {
        if reply.starts_with("{\"refunds\":") {
            let mut answer = Answer::empty(200, [("Content-Type", "application/json".to_owned())]);
            answer.headers.push(("Cache-Control", "no-store".to_owned()));
            answer.body = reply.to_string();
            return answer;
        }
        let problem = match Reply::read(reply) {
            Some(Reply::Refuse(refused)) => Problem::from_slug(&refused.problem),
            _ => None,
        };
        self.problem(request, problem.unwrap_or(Problem::Internal).into())
    }
}
