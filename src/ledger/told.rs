//! What is said of a step to an operator: an event's name and a problem's, never whose payment it was (threat G1).

use super::{Phase, Row, reply::problem_of};
use crate::problem::Problem;

/// The event of a step, and for what went wrong the problem's slug; none where nobody has to hear of it.
///
/// A charge is `settled` once, and again only after it was `undone`: counted up and down, each is one.
pub fn told_of(before: &Row, after: &Row) -> Option<(&'static str, &'static str)> {
    let problem = |event, problem: Problem| Some((event, problem.slug()));
    match (&before.phase, &after.phase) {
        (Phase::Settled { .. }, Phase::Settled { .. }) => None,
        (_, Phase::Settled { .. }) => Some(("settled", "")),
        (Phase::Settled { .. }, _) => Some(("undone", "")),
        (Phase::Settling { .. }, Phase::Unknown { .. }) => problem("pending", Problem::SettlementPending),
        (Phase::Settling { .. } | Phase::Unknown { .. }, Phase::Rejected { reason, .. }) => {
            problem("rejected", problem_of(reason))
        }
        (Phase::Unknown { .. }, Phase::Expired) => problem("rejected", Problem::AuthorizationExpired),
        (Phase::Unknown { .. }, Phase::Cancelled) => problem("rejected", Problem::AuthorizationCancelled),
        (Phase::Unknown { .. }, Phase::Foreign) => problem("rejected", Problem::AlreadyUsed),
        _ => None,
    }
}
