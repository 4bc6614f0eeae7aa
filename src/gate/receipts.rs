//! `/.farthing/receipts/:id`: how a payment stands while that is open, and its receipt afterwards, at one address.
//!
//! Whoever has the id may look, as often as they like. It opens nothing (S1): what is paid for is delivered to
//! the payment itself, to a pass or to a sign-in.

use alloc::{borrow::ToOwned, format, string::String};

use serde::Serialize;

use super::{Answer, Decision, Gate, LedgerCall, PREFIX, Request, answer, extensions::Paid, object_name};
use crate::{
    access::receipt_id,
    ledger::{Reply, Standing},
    problem::Problem,
    x402::extension::Writer,
};

/// Where receipts are, under the well-known prefix.
pub(super) const FOLDER: &str = "receipts/";

impl Gate {
    /// Where the standing of a payment is told.
    pub(super) fn receipt_url(&self, id: &str) -> String {
        let site = self.config().map(|config| config.site.as_str()).unwrap_or_default();
        format!("{site}{PREFIX}{FOLDER}{id}")
    }

    /// Asks the payer's ledger for a receipt; an id that is not ours costs nobody anything (threat B8).
    pub(super) fn ask_receipt(&self, request: &Request<'_>, name: &str) -> Decision {
        #[derive(Serialize)]
        struct Question<'a> {
            receipt: &'a str,
        }
        let (Ok(config), Ok(keys)) = (&self.config, &self.keys) else {
            return Decision::Answer(self.problem(request, Problem::NotConfigured.into()));
        };
        let id = name.strip_prefix(FOLDER).unwrap_or_default();
        match receipt_id::payer_of(keys, &config.site, id) {
            Some(payer) => Decision::Ledger(LedgerCall {
                object: object_name(&config.site, payer),
                call: "receipt",
                body: serde_json::to_string(&Question { receipt: id }).unwrap_or_default(),
            }),
            None => Decision::Answer(self.problem(request, Problem::NoSuchEndpoint.into())),
        }
    }

    /// The answer, made of what the ledger said.
    pub(super) fn standing(&self, request: &Request<'_>, name: &str, reply: &str, now: u64) -> Answer {
        let id = name.strip_prefix(FOLDER).unwrap_or_default();
        if let Some(standing) = Standing::read(reply) {
            return self.document(id, &standing, now);
        }
        match Reply::read(reply) {
            Some(Reply::Refuse(refused)) => {
                let problem = Problem::from_slug(&refused.problem).unwrap_or(Problem::Internal);
                self.refuse(request, None, &problem.into(), Some(&refused))
            }
            _ => self.problem(request, Problem::Internal.into()),
        }
    }

    fn document(&self, id: &str, standing: &Standing, now: u64) -> Answer {
        let mut body = Writer::default();
        body.text("id", id);
        standing.write(&mut body);
        let mut answer = Answer {
            status: 200,
            headers: answer::private(),
            body: String::new(),
        };
        answer.headers.push(("Content-Type", "application/json".to_owned()));
        if let Some(seconds) = standing.retry_after {
            body.raw("retryAfter", &format!("{seconds}"));
            answer.headers.push(("Retry-After", format!("{seconds}")));
        }
        if let (Some(transaction), Ok(keys)) = (&standing.transaction, &self.keys) {
            let paid = Paid {
                network: standing.network,
                resource: &standing.resource,
                payer: standing.payer,
                transaction,
            };
            let extensions = answer::with_receipt(&self.receipt(&paid, keys, now));
            if !extensions.is_empty() {
                body.raw("extensions", &extensions);
            }
        }
        answer.body = body.end();
        answer
    }
}
