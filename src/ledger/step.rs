//! The transitions of one authorization.

use alloc::string::String;

use super::{EXPIRY_MARGIN_SECONDS, MAX_ATTEMPTS, MAX_CHECKS, MAX_LAST_LOOKS, Phase, Row, SETTLE_SLACK_SECONDS, Settlement};
use crate::{money::Amount, offer::matching::LEAST_SECONDS_LEFT};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The chain's latest block was read, before anything else was done for the claim.
    Floor {
        /// Proof of ownership.
        fence: u64,
        /// Its number.
        block: u64,
    },
    /// The claim's owner has an origin response that can be delivered.
    OriginReady {
        /// Proof of ownership.
        fence: u64,
        /// What of a metered payment was used.
        charge: Option<Amount>,
    },
    /// The claim's owner has none.
    OriginFailed {
        /// Proof of ownership.
        fence: u64,
    },
    /// A settle call ended.
    Answered {
        /// Of which owner.
        fence: u64,
        /// What it proves.
        settlement: Settlement,
    },
    /// The chain was read.
    Observed {
        /// What it says.
        observation: Observation,
        /// Whether another settle attempt may follow at once: a request makes one at most.
        may_settle: bool,
    },
    /// Time passed.
    Tick,
    /// A request is being answered with the article.
    Answering,
    /// The whole answer went out.
    Delivered,
}

/// What the chain says about an authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// It could not be read, or no endpoint is configured.
    Nothing,
    /// The nonce is unused at a block of this time.
    Unused {
        /// Unix seconds of the block.
        block_time: u64,
    },
    /// Our transfer directly follows the nonce's use (threat A10).
    Paid {
        /// In this transaction.
        transaction: String,
        /// The number of its block.
        block: u64,
        /// Unix seconds of its block.
        block_time: u64,
    },
    /// The nonce is used, and not by our transfer.
    UsedOtherwise,
}

/// What has to be done next, besides writing the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing.
    None,
    /// Ask the facilitator, as this owner.
    Settle {
        /// Of this owner.
        fence: u64,
    },
    /// Read the chain.
    Observe,
}

/// Applies an event; `timeout` is the configured patience with one settle call, in seconds.
///
/// An event that does not belong to the row's state, or to an earlier owner, changes nothing.
pub fn step(row: &Row, event: Event, now: u64, timeout: u64) -> (Row, Work) {
    let mut row = row.clone();
    let work = match (&row.phase, event) {
        (Phase::Claimed { .. }, Event::Floor { fence, block }) if fence == row.fence => {
            // what was refused before may have landed since: there the floor of its first claim counts, or none
            if row.refused.is_none() {
                row.floor.get_or_insert(block);
            }
            Work::None
        }
        (Phase::Claimed { .. }, Event::OriginReady { fence, charge }) if fence == row.fence => {
            if row.intent.metered.is_some() {
                row.charge = charge;
            }
            if row.charge == Some(Amount::ZERO) {
                row.phase = Phase::Waived;
                Work::None
            } else {
                settle(&mut row, 1, now, timeout)
            }
        }
        (Phase::Claimed { .. }, Event::OriginFailed { fence }) if fence == row.fence => {
            row.phase = unsent(&row);
            Work::None
        }
        (Phase::Settling { attempt, .. }, Event::Answered { fence, settlement }) if fence == row.fence => {
            row.phase = match settlement {
                Settlement::Done { transaction } => settled(transaction, now),
                // a refusal of a second attempt says nothing about the first
                Settlement::Refused { reason } if *attempt == 1 => Phase::Rejected {
                    reason,
                    closed: false,
                    checks: 0,
                },
                Settlement::Refused { .. } | Settlement::Unclear => unknown(now, *attempt, 0, now),
            };
            if row.is_open() { Work::Observe } else { Work::None }
        }
        // its owner was lost before anything was sent
        (Phase::Claimed { deadline }, Event::Tick) if now >= *deadline => {
            row.phase = unsent(&row);
            Work::None
        }
        (Phase::Settling { attempt, deadline }, Event::Tick) if now >= *deadline => {
            row.phase = unknown(now, *attempt, 0, now);
            Work::Observe
        }
        // a success that came after the call was given up is still one
        (
            Phase::Unknown { .. },
            Event::Answered {
                fence,
                settlement: Settlement::Done { transaction },
            },
        ) if fence == row.fence => {
            row.phase = settled(transaction, now);
            Work::None
        }
        (Phase::Unknown { .. }, Event::Tick) => Work::Observe,
        (Phase::Unknown { .. } | Phase::Rejected { .. }, Event::Observed { observation, may_settle }) => {
            observed(&mut row, observation, may_settle, now, timeout)
        }
        (
            Phase::Rejected {
                closed: false, checks, ..
            },
            Event::Tick,
        ) if now >= last_look(&row, *checks) => Work::Observe,
        (Phase::Settled { .. }, event @ (Event::Answering | Event::Delivered)) => {
            if let Phase::Settled { answered, delivered, .. } = &mut row.phase {
                *delivered |= event == Event::Delivered;
                answered.get_or_insert(now);
            }
            Work::None
        }
        _ => Work::None,
    };
    (row, work)
}

/// When the row wants to be looked at by itself, Unix seconds.
pub fn next_alarm(row: &Row) -> Option<u64> {
    match &row.phase {
        Phase::Claimed { deadline } | Phase::Settling { deadline, .. } => Some(*deadline),
        Phase::Unknown { next, checks, .. } if *checks < MAX_CHECKS => Some(*next),
        Phase::Rejected {
            closed: false, checks, ..
        } => Some(last_look(row, *checks)),
        _ => None,
    }
}

fn after_window(row: &Row) -> u64 {
    row.intent.valid_before.saturating_add(EXPIRY_MARGIN_SECONDS)
}

/// A look at a refusal's chain that settled nothing: without a readable chain there is no more to learn, after
/// a third of a day.
fn looked_in_vain(row: &mut Row, now: u64) {
    if let Phase::Rejected { checks, .. } = row.phase
        && now < last_look(row, checks)
    {
        return;
    }
    if let Phase::Rejected { closed, checks, .. } = &mut row.phase {
        *checks = checks.saturating_add(1);
        *closed = *checks > MAX_LAST_LOOKS;
    }
}

/// When the chain is asked about a refusal: after the window, and less and less often while it cannot be read.
fn last_look(row: &Row, checks: u32) -> u64 {
    let wait = u64::from(checks).saturating_mul(u64::from(checks)).saturating_mul(60);
    after_window(row).saturating_add(wait)
}

fn settle(row: &mut Row, attempt: u32, now: u64, timeout: u64) -> Work {
    row.fence = row.fence.saturating_add(1);
    row.phase = Phase::Settling {
        attempt,
        deadline: now.saturating_add(timeout).saturating_add(SETTLE_SLACK_SECONDS),
    };
    Work::Settle { fence: row.fence }
}

/// A claim that ends before anything was sent for it; an earlier one may have been, and refused.
fn unsent(row: &Row) -> Phase {
    match &row.refused {
        Some(reason) => Phase::Rejected {
            reason: reason.clone(),
            closed: false,
            checks: 0,
        },
        None => Phase::Released,
    }
}

const fn settled(transaction: String, now: u64) -> Phase {
    Phase::Settled {
        transaction,
        at: now,
        answered: None,
        delivered: false,
    }
}

const fn unknown(since: u64, attempts: u32, checks: u32, next: u64) -> Phase {
    Phase::Unknown {
        since,
        attempts,
        checks,
        next,
    }
}

fn observed(row: &mut Row, observation: Observation, may_settle: bool, now: u64, timeout: u64) -> Work {
    let (since, attempts, checks) = match row.phase {
        Phase::Unknown {
            since, attempts, checks, ..
        } => (since, attempts, checks),
        _ => (now, MAX_ATTEMPTS, 0),
    };
    let rejected = matches!(row.phase, Phase::Rejected { .. });
    match observation {
        Observation::Paid {
            transaction,
            block,
            block_time,
        } => {
            // a transfer older than the claim paid for something else, at another site of the same payee
            // perhaps; a nonce of this offer cannot have
            let newer = row.floor.map_or(block_time >= row.created, |floor| block > floor);
            let ours = row.intent.tagged || newer;
            row.phase = if ours { settled(transaction, now) } else { Phase::Foreign };
            Work::None
        }
        Observation::UsedOtherwise => {
            row.phase = Phase::Cancelled;
            Work::None
        }
        Observation::Unused { block_time } if block_time > after_window(row) => {
            if let Phase::Rejected { closed, .. } = &mut row.phase {
                *closed = true;
            } else {
                row.phase = Phase::Expired;
            }
            Work::None
        }
        Observation::Unused { .. } | Observation::Nothing => {
            let window_open = now.saturating_add(LEAST_SECONDS_LEFT) < row.intent.valid_before;
            if may_settle && !rejected && window_open && attempts < MAX_ATTEMPTS {
                return settle(row, attempts.saturating_add(1), now, timeout);
            }
            if let Phase::Rejected { .. } = row.phase {
                looked_in_vain(row, now);
                return Work::None;
            }
            let checks = checks.saturating_add(1);
            let wait = 5u64.saturating_mul(1 << checks.min(7)).min(600);
            row.phase = unknown(since, attempts, checks, now.saturating_add(wait));
            Work::None
        }
    }
}
