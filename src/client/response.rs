//! What an answer says about the payment that was sent, for programs.
//!
//! The statuses are read as a reader's card reads them ([`answer`](super::answer)); what a program
//! needs besides is the code, its family, the receipt, and whether a new payment may be signed.

use alloc::{borrow::ToOwned, string::String};

use super::{
    answer::{self, Answer, Verdict},
    offers::{MAX_BODY_BYTES, Offers},
    view::Notice,
};
use crate::{
    json::{MAX_ANNOUNCED_DEPTH, parse_nested},
    problem::TYPE_BASE,
    x402::{
        decode,
        facilitator::SettleResponse,
        reason::{Family, family},
    },
};

/// The parts of an HTTP answer that matter; all texts as they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Response<'a> {
    /// HTTP status; 0 when no answer came, or not all of it in time.
    pub status: u16,
    /// `PAYMENT-REQUIRED`.
    pub required: Option<&'a str>,
    /// `PAYMENT-RESPONSE`, or `X-PAYMENT-RESPONSE` where that is missing.
    pub settled: Option<&'a str>,
    /// The body of an answer other than 2xx; at most [`MAX_BODY_BYTES`] of it are looked at.
    pub body: &'a str,
    /// `Date` in Unix seconds.
    pub date: Option<u64>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u32>,
}

/// The code of a refusal, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The slug of one of our problems, or another server's or facilitator's own word; cut at 200
    /// characters. Text of a stranger's (threat F1).
    pub text: String,
    /// What it is about.
    pub family: Family,
    /// It is one of our problems, which promise what they say about the money.
    pub ours: bool,
}

/// What became of a payment, as far as this answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Paid and delivered; with the receipt if one came.
    Delivered(Option<SettleResponse>),
    /// Not known: the same payment again.
    Unknown,
    /// Known not to have been taken, and still good: the same payment again, once the reason is gone.
    Held(Hold),
    /// Known to be refused: it is not sent again, and another may be signed.
    Refused,
    /// It cannot be sent with success any more, and whether it was taken is a question for the chain:
    /// nothing else is signed for this before the chain was asked.
    Spent,
}

/// Why a payment that is still good was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hold {
    /// Permit2 may not move the token yet: the payer approves it once
    /// ([`Draft::approval`](super::Draft::approval)), then the same payment again.
    Approve,
    /// The server does not have or deliver what is sold.
    Undeliverable,
    /// The server sends the request elsewhere, where the payment is not sent by itself.
    Moved,
}

impl Hold {
    /// A stable word for programs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Approve => "approve-permit2",
            Self::Undeliverable => "undeliverable",
            Self::Moved => "moved",
        }
    }
}

impl<'a> Response<'a> {
    /// The settlement that the answer reports, of either generation.
    ///
    /// ```
    /// use farthing::client::Response;
    /// let header = farthing::x402::encode(&serde_json::json!({
    ///     "success": true, "transaction": "0x12", "network": "eip155:8453", "amount": "12345", "payer": null,
    /// }));
    /// let answer = Response { status: 200, settled: Some(&header), ..Response::default() };
    /// // `upto`: what was taken of what was signed for
    /// assert_eq!(answer.receipt().unwrap().amount.as_deref(), Some("12345"));
    /// ```
    pub fn receipt(&self) -> Option<SettleResponse> {
        SettleResponse::read(&decode(self.settled?).ok()?)
    }

    /// What the answer gives as its reason, from the surest place to the least sure: a problem document
    /// of ours, the settlement, the offers, the body.
    ///
    /// ```
    /// use farthing::{client::Response, x402::reason::Family};
    /// let body = r#"{"type":"https://farthing.dev/problems/quote-expired","title":"The offer has expired"}"#;
    /// let code = Response { status: 402, body, ..Response::default() }.code();
    /// assert_eq!((code.text.as_str(), code.ours), ("quote-expired", true));
    /// let body = r#"{"x402Version":1,"error":"insufficient_funds","accepts":[]}"#;
    /// assert_eq!(Response { status: 402, body, ..Response::default() }.code().family, Family::Funds);
    /// ```
    pub fn code(&self) -> Code {
        let body = Some(self.body)
            .filter(|body| body.len() <= MAX_BODY_BYTES && body.trim_ascii_start().starts_with('{'))
            .and_then(|body| parse_nested(body, MAX_ANNOUNCED_DEPTH).ok());
        let said = |name| body.as_ref()?.get(name)?.text();
        if let Some(slug) = said("type").and_then(|kind| kind.strip_prefix(TYPE_BASE)) {
            return Code::new(slug, true);
        }
        let settled = self.receipt().and_then(|receipt| receipt.error_reason);
        let offered = || {
            let offers = Offers::read(Some(self.required?), "").ok()?;
            Some(offers.error).filter(|error| !error.is_empty())
        };
        let told = || ["error", "errorReason", "invalidReason"].into_iter().find_map(said);
        let text = settled.or_else(offered).or_else(|| told().map(ToOwned::to_owned));
        Code::new(&text.unwrap_or_default(), false)
    }

    /// What became of the payment that was sent with the request. `doubted`: an earlier answer to the
    /// same payment left it open what became of it.
    ///
    /// ```
    /// use farthing::client::{Fate, Hold, Response};
    /// let fate = |status, doubted| Response { status, ..Response::default() }.fate(doubted).0;
    /// assert_eq!(fate(200, false), Fate::Delivered(None));
    /// assert_eq!(fate(503, false), Fate::Unknown);
    /// assert_eq!(fate(412, false), Fate::Held(Hold::Approve));
    /// assert_eq!(fate(402, false), Fate::Refused);
    /// // it may have been taken the first time
    /// assert_eq!(fate(402, true), Fate::Spent);
    /// ```
    pub fn fate(&self, doubted: bool) -> (Fate, Code) {
        let code = self.code();
        let fate = match self.status {
            // a redirect is not followed with a payment: its target is the server's word
            300..=399 => Fate::Held(Hold::Moved),
            // the connection's or a proxy's, and nothing a shop answers to a payment: the same again later
            408 | 425 => Fate::Unknown,
            status => {
                let verdict = answer::judge(&Answer {
                    status,
                    problem: code.text.clone(),
                    ..Answer::default()
                });
                match verdict {
                    Verdict::Open => Fate::Delivered(self.receipt()),
                    Verdict::Again(_) => Fate::Unknown,
                    // paid first, and then not delivered: the same payment does not pay again
                    _ if self.receipt().is_some_and(|receipt| receipt.success) => Fate::Spent,
                    Verdict::Stuck(Notice::Approval) => Fate::Held(Hold::Approve),
                    Verdict::Stuck(_) => Fate::Held(Hold::Undeliverable),
                    Verdict::Over(_) if code.ours => our_refusal(&code),
                    // of servers that say it with a 402
                    Verdict::Over(_) if code.family == Family::Allowance => Fate::Held(Hold::Approve),
                    Verdict::Over(_) if code.family == Family::Pending => Fate::Unknown,
                    // peers refuse what was taken a moment ago in words like these (threats B1, B2)
                    Verdict::Over(_) if doubted || code.family.leaves_it_open() => Fate::Spent,
                    Verdict::Over(_) => Fate::Refused,
                }
            }
        };
        (fate, code)
    }
}

/// Our problems say what became of the money; three of them say that this payment was taken before.
fn our_refusal(code: &Code) -> Fate {
    match code.text.as_str() {
        "authorization-already-used" | "authorization-bound-elsewhere" | "access-revoked" => Fate::Spent,
        _ => Fate::Refused,
    }
}

impl Code {
    /// What it says.
    pub(crate) fn words(&self) -> &str {
        if self.text.is_empty() { "no reason given" } else { &self.text }
    }

    fn new(text: &str, ours: bool) -> Self {
        let text: String = text.chars().take(200).collect();
        Self {
            family: family(&text),
            text,
            ours,
        }
    }
}

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    fn refusal(status: u16, error: &str) -> Response<'_> {
        Response {
            status,
            body: error,
            ..Response::default()
        }
    }

    #[test]
    fn every_problem_of_ours_leads_to_what_it_advises() {
        for problem in Problem::ALL {
            let body = serde_json::to_string(&problem.document(None)).unwrap();
            let (fate, code) = refusal(problem.status(), &body).fate(false);
            assert_eq!((code.text.as_str(), code.ours), (problem.slug(), true));
            let advice = problem.advice();
            match fate {
                Fate::Unknown => assert!(problem.status() >= 429, "{problem:?}"),
                Fate::Held(Hold::Approve) => assert!(advice.contains("then send the same payment again"), "{problem:?}"),
                Fate::Held(Hold::Undeliverable) => {
                    assert!(!advice.contains("sign"), "a payment that is kept needs no other: {problem:?}")
                }
                Fate::Refused => assert!((400..500).contains(&problem.status()), "{problem:?}"),
                Fate::Spent => assert_eq!(problem.status(), 409, "{problem:?}"),
                other => panic!("{problem:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn b2_a_used_nonce_is_no_refusal_and_after_a_doubt_nothing_of_a_strangers_is() {
        let used = r#"{"x402Version":1,"error":"invalid_exact_evm_nonce_already_used","accepts":[]}"#;
        assert_eq!(refusal(402, used).fate(false).0, Fate::Spent);
        let funds = r#"{"x402Version":1,"error":"insufficient_funds","accepts":[]}"#;
        assert_eq!(refusal(402, funds).fate(false).0, Fate::Refused);
        // the first attempt may have taken the last of it
        assert_eq!(refusal(402, funds).fate(true).0, Fate::Spent);
        let pending = r#"{"error":"settlement_pending"}"#;
        assert_eq!(refusal(402, pending).fate(false).0, Fate::Unknown);
        // ours know what became of it
        let ours = serde_json::to_string(&Problem::SettlementRefused.document(None)).unwrap();
        assert_eq!(refusal(402, &ours).fate(true).0, Fate::Refused);
    }

    #[test]
    fn paid_first_and_not_delivered_is_spent() {
        let header = crate::x402::encode(&serde_json::json!({"success": true, "transaction": "0x12", "network": "base"}));
        let answer = |status| Response {
            status,
            settled: Some(&header),
            ..Response::default()
        };
        assert_eq!(answer(404).fate(false).0, Fate::Spent);
        assert_eq!(answer(402).fate(false).0, Fate::Spent);
        assert_eq!(answer(500).fate(false).0, Fate::Unknown);
        assert!(matches!(answer(200).fate(false).0, Fate::Delivered(Some(receipt)) if receipt.transaction == "0x12"));
    }

    #[test]
    fn answers_without_a_reason_go_by_their_status() {
        for (status, fate) in [
            (0, Fate::Unknown),
            (200, Fate::Delivered(None)),
            (206, Fate::Delivered(None)),
            (302, Fate::Held(Hold::Moved)),
            (400, Fate::Refused),
            (402, Fate::Refused),
            (403, Fate::Refused),
            (404, Fate::Held(Hold::Undeliverable)),
            (408, Fate::Unknown),
            (412, Fate::Held(Hold::Approve)),
            (429, Fate::Unknown),
            (500, Fate::Unknown),
            (599, Fate::Unknown),
        ] {
            assert_eq!(refusal(status, "<html>").fate(false).0, fate, "{status}");
        }
    }

    #[test]
    fn f1_a_strangers_text_is_kept_short() {
        let body = alloc::format!(r#"{{"error":"{}"}}"#, "é".repeat(5000));
        assert_eq!(refusal(402, &body).code().text.chars().count(), 200);
    }
}
