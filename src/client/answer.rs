//! What a server's answer means for a payment.

use alloc::{borrow::ToOwned, string::String};

use super::{choice::reason, view::Notice};
use crate::{
    json::{MAX_ANNOUNCED_DEPTH, parse_nested},
    problem::TYPE_BASE,
    x402::decode,
};

/// The parts of an HTTP answer that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status; 0 when no answer came.
    pub status: u16,
    /// `PAYMENT-REQUIRED`.
    pub required: Option<String>,
    /// `PAYMENT-RESPONSE`.
    pub settled: Option<String>,
    /// `Date` in Unix seconds.
    pub date: Option<u64>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u32>,
    /// The `type` of a problem document, or the `error` of another server's answer.
    pub problem: String,
}

/// What follows for the payment that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Paid, and the article is there.
    Open,
    /// Not known yet: the same payment again.
    Again(Doubt),
    /// Known not to have been taken, and still good: the same payment again when the reader wants.
    Stuck(Notice),
    /// Resolved: this payment is never sent again.
    Over(Notice),
}

/// Why the same payment is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// No answer came.
    Offline,
    /// The server is waiting for the chain.
    Pending,
    /// Paid; the article could not be fetched.
    Undelivered,
}

impl Answer {
    /// Whether it is a problem of ours, which says what became of the money.
    fn is_ours(&self) -> bool {
        self.problem.starts_with(TYPE_BASE)
    }

    /// Whether the payment succeeded, as the settlement says, and why not.
    fn settlement(&self) -> Option<(bool, String)> {
        let json = decode(self.settled.as_ref()?).ok()?;
        let settled = parse_nested(&json, MAX_ANNOUNCED_DEPTH).ok()?;
        let reason = settled.text_at("errorReason").unwrap_or_default();
        Some((settled.get("success")?.bool()?, reason.to_owned()))
    }

    /// The name of what is wrong, from the surest place to the least sure: a problem of ours, the settlement, the body, the offers.
    fn name(&self) -> String {
        let told = match &self.required {
            Some(header) if self.problem.is_empty() => reason(header),
            _ => None,
        };
        let settled = self.settlement().filter(|(_, reason)| !self.is_ours() && !reason.is_empty());
        let name = settled
            .map(|(_, reason)| reason)
            .or(told)
            .unwrap_or_else(|| self.problem.clone());
        let last = name.bytes().rposition(|b| b == b'/').map(|at| at.saturating_add(1));
        name.get(last.unwrap_or_default()..).unwrap_or_default().to_owned()
    }

    /// Whether a refusal may come after the money has moved: peers refuse in such words what was taken a moment ago (threats B1, B2).
    /// `doubted`: an earlier answer to the same payment left open what became of it.
    pub(super) fn leaves_open(&self, doubted: bool) -> bool {
        let name = self.name();
        let named = |parts: &[&str]| parts.iter().any(|part| has(&name, part));
        let after = named(&["nonce", "pending", "_failed", "duplicate", "event", "unexpected", "state"]);
        !self.is_ours() && (doubted || after && !named(&["simulation", "parse"]))
    }
}

/// `type` is a URI whose last segment names the problem (crate [`problem`](crate::problem)).
///
/// Statuses decide where another server gives no name; names of the reference facilitators are
/// matched by their family, for they are open strings.
pub(super) fn judge(answer: &Answer) -> Verdict {
    use {Doubt::*, Verdict::*};
    let name = answer.name();
    let paid = !answer.is_ours() && answer.settlement().is_some_and(|(success, _)| success);
    match (answer.status, name.as_str()) {
        (200..=299, _) => Open,
        (0, _) => Again(Offline),
        // paid first, and then not delivered
        _ if paid => Stuck(Notice::Delivering),
        // the connection's or a proxy's, and nothing a server says of a payment
        (408 | 425, _) => Again(Pending),
        (502, "paid-not-delivered") => Again(Undelivered),
        (404, _)
        | (502, "origin-unavailable" | "charge-invalid")
        | (503, "payments-paused" | "daily-limit-reached" | "screening-unavailable") => Stuck(Notice::Undeliverable),
        (412, _) => Stuck(Notice::Approval),
        (429 | 500.., _) => Again(Pending),
        (_, "price-changed") => Over(Notice::PriceChanged),
        (_, "authorization-bound-elsewhere") => Over(Notice::BoundElsewhere),
        (409, _) => Over(Notice::AlreadyUsed),
        (402, name) if has(name, "insufficient") => Over(Notice::LowBalance),
        (402, "authorization-expired" | "authorization-not-yet-valid" | "authorization-too-long" | "quote-expired") => {
            Over(Notice::Expired)
        }
        (402, name) if has(name, "_valid_") => Over(Notice::Expired),
        (402, "signature-unsupported") => Over(Notice::UnsupportedWallet),
        // of facilitators: it was broadcast, or taken a moment ago (threats B1, B2)
        (402, name) if has(name, "pending") => Again(Pending),
        (402, name) if has(name, "nonce") => Over(Notice::AlreadyUsed),
        _ => Over(Notice::Refused),
    }
}

/// `str::contains` brings a search algorithm along that is larger than all of this file.
fn has(name: &str, part: &str) -> bool {
    name.as_bytes().windows(part.len()).any(|window| window == part.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn a_reader_is_told_what_the_registry_says() {
        for problem in Problem::ALL {
            let told = match judge(&Answer {
                status: problem.status(),
                problem: problem.uri(),
                ..Answer::default()
            }) {
                Verdict::Over(notice) | Verdict::Stuck(notice) => notice.key(),
                Verdict::Again(Doubt::Pending) => Notice::Pending.key(),
                Verdict::Again(Doubt::Undelivered) => Notice::Delivering.key(),
                other => panic!("{problem:?}: {other:?}"),
            };
            assert_eq!(problem.message(), told, "{problem:?}");
        }
    }

    #[test]
    fn every_problem_of_ours_has_a_verdict_that_keeps_its_promise() {
        for problem in Problem::ALL {
            let answer = Answer {
                status: problem.status(),
                problem: problem.uri(),
                ..Answer::default()
            };
            let verdict = judge(&answer);
            match problem {
                Problem::SettlementPending
                | Problem::FacilitatorUnavailable
                | Problem::TooManyRequests
                | Problem::Internal
                | Problem::RevocationsFull
                | Problem::RecordsUnavailable
                | Problem::NotConfigured => {
                    assert_eq!(verdict, Verdict::Again(Doubt::Pending), "{problem:?}");
                }
                Problem::PaidNotDelivered => assert_eq!(verdict, Verdict::Again(Doubt::Undelivered)),
                Problem::AllowanceRequired => assert_eq!(verdict, Verdict::Stuck(Notice::Approval)),
                Problem::OriginNotFound
                | Problem::OriginUnavailable
                | Problem::ChargeInvalid
                | Problem::NoSuchEndpoint
                | Problem::PaymentsPaused
                | Problem::DailyLimit
                | Problem::ScreeningUnavailable => {
                    assert_eq!(verdict, Verdict::Stuck(Notice::Undeliverable), "{problem:?}");
                }
                _ => assert!(matches!(verdict, Verdict::Over(_)), "{problem:?}"),
            }
        }
    }

    #[test]
    fn answers_of_the_reference_servers_are_understood() {
        for (status, error, verdict) in [
            (
                402,
                "invalid_exact_evm_insufficient_balance",
                Verdict::Over(Notice::LowBalance),
            ),
            (402, "insufficient_funds", Verdict::Over(Notice::LowBalance)),
            (
                402,
                "invalid_exact_evm_payload_authorization_valid_before",
                Verdict::Over(Notice::Expired),
            ),
            (
                402,
                "invalid_exact_evm_nonce_already_used",
                Verdict::Over(Notice::AlreadyUsed),
            ),
            (402, "transaction_pending", Verdict::Again(Doubt::Pending)),
            // a settlement that failed: no offers, nothing in the body
            (402, "", Verdict::Over(Notice::Refused)),
            (402, "No matching payment requirements", Verdict::Over(Notice::Refused)),
            (412, "permit2_allowance_required", Verdict::Stuck(Notice::Approval)),
            (500, "", Verdict::Again(Doubt::Pending)),
            (502, "", Verdict::Again(Doubt::Pending)),
            (0, "", Verdict::Again(Doubt::Offline)),
            (206, "", Verdict::Open),
        ] {
            let answer = Answer {
                status,
                problem: error.into(),
                ..Answer::default()
            };
            assert_eq!(judge(&answer), verdict, "{status} {error}");
        }
    }
}
