//! The transitions of one authorization.

use alloc::string::String;

use super::{
    ANSWER_COST, ANSWER_SECONDS, DAY_SECONDS, EXPIRY_MARGIN_SECONDS, FINAL_BLOCKS, Floor, LOOK_SECONDS, MAX_ATTEMPTS, MAX_CHECKS,
    MAX_LAST_LOOKS, MAX_WATCHES, MISSING_SECONDS, Phase, RETIRE_MARGIN_SECONDS, Row, SELDOM_SECONDS, SETTLE_SLACK_SECONDS,
    Settlement, UNDONE_SECONDS, WATCH_SECONDS, Watch,
};
use crate::{money::Amount, offer::matching::LEAST_SECONDS_LEFT};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The chain's latest block was read, before anything else was done for the claim.
    Floor {
        /// Proof of ownership.
        fence: u64,
        /// Its number and hash.
        floor: Floor,
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
    /// It did not: it broke off, or the client left.
    Broken,
    /// The origin failed before anything of the answer went out.
    Unanswered,
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
        /// How many blocks follow its own.
        depth: u64,
        /// Whether the row's floor was undone since.
        floorless: bool,
    },
    /// The nonce is used, and not by our transfer.
    UsedOtherwise,
}

/// What the site's settings mean for one payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Patience with one settle call, in seconds.
    pub timeout: u64,
    /// How many blocks have to follow the transfer's own before it counts; with 0 the facilitator's word counts.
    pub confirmations: u64,
    /// Whether an endpoint of its chain is configured.
    pub readable: bool,
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

/// Applies an event.
///
/// An event that does not belong to the row's state, or to an earlier owner, changes nothing. All transitions
/// stand in one table, `www/docs/ledger.md`, which the search of the model holds true.
pub fn step(row: &Row, event: Event, now: u64, terms: &Terms) -> (Row, Work) {
    let mut row = row.clone();
    let work = match (&row.phase, event) {
        (Phase::Claimed { .. }, Event::Floor { fence, floor }) if fence == row.fence => {
            // what was refused before may have landed since: there the floor of its first claim counts, or none
            if row.refused.is_none() {
                row.floor.get_or_insert(floor);
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
                settle(&mut row, 1, now, terms)
            }
        }
        (Phase::Claimed { .. }, Event::OriginFailed { fence }) if fence == row.fence => {
            row.phase = unsent(&row, now);
            Work::None
        }
        (Phase::Settling { attempt, .. }, Event::Answered { fence, settlement }) if fence == row.fence => {
            let attempt = *attempt;
            match settlement {
                Settlement::Done { transaction } => told(&mut row, transaction, attempt, now, terms),
                // a refusal of a second attempt says nothing about the first
                Settlement::Refused { reason } if attempt == 1 => {
                    row.refusals = row.refusals.saturating_add(1);
                    row.phase = rejected(reason, now);
                    Work::None
                }
                Settlement::Refused { .. } | Settlement::Unclear => {
                    row.phase = unknown(now, attempt);
                    Work::Observe
                }
            }
        }
        // its owner was lost before anything was sent
        (Phase::Claimed { deadline }, Event::Tick) if now >= *deadline => {
            row.phase = unsent(&row, now);
            Work::None
        }
        (Phase::Settling { attempt, deadline }, Event::Tick) if now >= *deadline => {
            row.phase = unknown(now, *attempt);
            Work::Observe
        }
        // a success that came after the call was given up is still one
        (
            Phase::Unknown { attempts, .. },
            Event::Answered {
                fence,
                settlement: Settlement::Done { transaction },
            },
        ) if fence == row.fence => {
            let attempts = *attempts;
            told(&mut row, transaction, attempts, now, terms)
        }
        // requests do not make it look without end
        (Phase::Unknown { next, looked, .. }, Event::Tick) if now >= *next || now >= looked.saturating_add(LOOK_SECONDS) => {
            Work::Observe
        }
        (
            Phase::Rejected {
                closed: false, checks, ..
            },
            Event::Tick,
        ) if now >= last_look(after_window(&row), *checks) => Work::Observe,
        (Phase::Settled { watch: Some(watch), .. }, Event::Tick) if now >= watch.next => Work::Observe,
        (
            Phase::Unknown { .. } | Phase::Rejected { .. } | Phase::Settled { watch: Some(_), .. },
            Event::Observed { observation, may_settle },
        ) => observed(&mut row, observation, may_settle, now, terms),
        (Phase::Settled { .. } | Phase::Waived, Event::Answering) => {
            row.answered.get_or_insert(now);
            if row.intent.seconds.is_none() {
                row.busy = now.saturating_add(ANSWER_SECONDS);
                row.answers = row.answers.saturating_add(ANSWER_COST);
            }
            Work::None
        }
        // the money may have become doubtful while the answer went out
        (phase, Event::Delivered) if row.answered.is_some() || matches!(phase, Phase::Settled { .. }) => {
            row.answered.get_or_insert(now);
            row.delivered = true;
            row.busy = 0;
            Work::None
        }
        (_, Event::Broken) => {
            row.busy = 0;
            Work::None
        }
        // what is owed stays owed though the origin fails, for a good while (threat B4)
        (_, Event::Unanswered) => {
            row.busy = 0;
            row.answers = row.answers.saturating_sub(ANSWER_COST.saturating_sub(1));
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
        Phase::Unknown { next, .. } => Some(*next),
        Phase::Rejected {
            closed: false, checks, ..
        } => Some(last_look(after_window(row), *checks)),
        Phase::Settled { watch: Some(watch), .. } => Some(watch.next),
        _ => None,
    }
}

/// When the row may be forgotten, Unix seconds: from then on its absence says the same. Its authorization is
/// past its window, so nothing can be begun with it, and nothing is owed for it any more.
pub fn retire(row: &Row) -> Option<u64> {
    let window = after_window(row);
    let last = match &row.phase {
        Phase::Claimed { .. }
        | Phase::Settling { .. }
        | Phase::Unknown { .. }
        | Phase::Rejected { closed: false, .. }
        | Phase::Settled { watch: Some(_), .. } => return None,
        // what is owned stays in a table of its own
        Phase::Settled { at, .. } => window.max(at.saturating_add(DAY_SECONDS)),
        Phase::Waived => window.max(row.created.saturating_add(DAY_SECONDS)),
        Phase::Released | Phase::Rejected { closed: true, .. } | Phase::Expired | Phase::Cancelled | Phase::Foreign => window,
    };
    Some(last.saturating_add(RETIRE_MARGIN_SECONDS))
}

pub(super) const fn after_window(row: &Row) -> u64 {
    row.intent.valid_before.saturating_add(EXPIRY_MARGIN_SECONDS)
}

/// When the chain is asked about a refusal: after the window, and less and less often while it cannot be read.
fn last_look(after_window: u64, checks: u32) -> u64 {
    let wait = u64::from(checks).saturating_mul(u64::from(checks)).saturating_mul(60);
    after_window.saturating_add(wait)
}

/// When the chain is asked about a settlement once more: after half a minute, then less and less often.
fn next_watch(checks: u32, now: u64) -> Option<Watch> {
    let wait = WATCH_SECONDS.saturating_mul(1 << checks.min(4));
    (checks < MAX_WATCHES).then(|| Watch {
        next: now.saturating_add(wait),
        checks,
    })
}

fn settle(row: &mut Row, attempt: u32, now: u64, terms: &Terms) -> Work {
    row.fence = row.fence.saturating_add(1);
    row.phase = Phase::Settling {
        attempt,
        deadline: now.saturating_add(terms.timeout).saturating_add(SETTLE_SLACK_SECONDS),
    };
    Work::Settle { fence: row.fence }
}

/// A claim that ends before anything was sent for it; an earlier one may have been, and refused.
fn unsent(row: &Row, now: u64) -> Phase {
    match &row.refused {
        Some(reason) => rejected(reason.clone(), now),
        None => Phase::Released,
    }
}

const fn rejected(reason: String, at: u64) -> Phase {
    Phase::Rejected {
        reason,
        at,
        closed: false,
        checks: 0,
    }
}

const fn unknown(now: u64, attempts: u32) -> Phase {
    Phase::Unknown {
        since: now,
        attempts,
        checks: 0,
        next: now,
        looked: 0,
        told: None,
    }
}

/// A facilitator says that the money moved: believed at once, and looked at half a minute later where the chain can
/// be read; or believed once enough blocks follow.
fn told(row: &mut Row, transaction: String, attempts: u32, now: u64, terms: &Terms) -> Work {
    if terms.confirmations > 0 && terms.readable {
        row.phase = Phase::Unknown {
            since: now,
            attempts,
            checks: 0,
            next: now,
            looked: 0,
            told: Some(transaction),
        };
        return Work::Observe;
    }
    row.phase = Phase::Settled {
        transaction,
        at: now,
        block: None,
        watch: if terms.readable { next_watch(0, now) } else { None },
    };
    Work::None
}

fn observed(row: &mut Row, observation: Observation, may_settle: bool, now: u64, terms: &Terms) -> Work {
    match observation {
        Observation::Paid {
            block,
            block_time,
            floorless,
            ..
        } if !row.intent.tagged && is_older(row, block, block_time, floorless) => {
            // at another site of the same payee perhaps
            row.phase = Phase::Foreign;
            Work::None
        }
        Observation::Paid {
            transaction,
            block,
            depth,
            ..
        } => {
            paid(row, transaction, block, depth, now, terms);
            Work::None
        }
        Observation::UsedOtherwise => {
            row.phase = Phase::Cancelled;
            Work::None
        }
        Observation::Unused { block_time } if block_time > after_window(row) => {
            match &mut row.phase {
                Phase::Rejected { closed, .. } => *closed = true,
                phase => *phase = Phase::Expired,
            }
            Work::None
        }
        Observation::Unused { block_time } => unpaid(row, Some(block_time), may_settle, now, terms),
        Observation::Nothing => unpaid(row, None, may_settle, now, terms),
    }
}

/// Whether a transfer is older than the claim: then it paid for something else. A nonce that was made for this
/// offer cannot have.
fn is_older(row: &Row, block: u64, block_time: u64, floorless: bool) -> bool {
    // a chain that grows anew from an older block may hold our transfer below the old floor
    match row.floor.filter(|_| !floorless) {
        Some(floor) => block <= floor.number,
        None => block_time.saturating_add(row.intent.network.slot_seconds()) < row.created,
    }
}

/// The chain has our transfer.
fn paid(row: &mut Row, transaction: String, block: u64, depth: u64, now: u64, terms: &Terms) {
    let last = depth >= FINAL_BLOCKS.max(terms.confirmations);
    row.phase = match row.phase {
        Phase::Unknown {
            since, attempts, checks, ..
        } if depth < terms.confirmations => {
            // a block or two from now, unless the chain stands still
            let wait = if checks < 30 { 2 } else { 60 };
            Phase::Unknown {
                since,
                attempts,
                checks: checks.saturating_add(1),
                next: now.saturating_add(wait),
                looked: now,
                told: Some(transaction),
            }
        }
        Phase::Settled { at, watch, .. } => Phase::Settled {
            transaction,
            at,
            block: Some(block),
            watch: watch
                .filter(|_| !last)
                .and_then(|watch| next_watch(watch.checks.saturating_add(1), now)),
        },
        _ => Phase::Settled {
            transaction,
            at: now,
            block: Some(block),
            watch: if last { None } else { next_watch(0, now) },
        },
    };
}

/// The nonce is unused in a block of this time, or nothing could be read.
fn unpaid(row: &mut Row, block_time: Option<u64>, may_settle: bool, now: u64, terms: &Terms) -> Work {
    let after_window = after_window(row);
    match &mut row.phase {
        Phase::Settled { at, watch, .. } => {
            if block_time.is_none_or(|time| time < at.saturating_add(UNDONE_SECONDS)) {
                // it lags behind, or is silent: that says nothing
                *watch = watch.and_then(|watch| next_watch(watch.checks.saturating_add(1), now));
                return Work::None;
            }
            // its block was undone, or it never was in one: the same authorization is tried once more
            row.phase = unknown(now, 1);
            again(row, 1, may_settle, now, terms)
        }
        Phase::Unknown {
            since,
            attempts,
            checks,
            next,
            looked,
            told,
        } => {
            let attempts = *attempts;
            *looked = now;
            // a look that a request asked for in between changes nothing
            if now < *next {
                return Work::None;
            }
            let missing = told.is_none() || now >= since.saturating_add(MISSING_SECONDS);
            *checks = checks.saturating_add(1);
            let wait = 5u64.saturating_mul(1 << (*checks).min(7)).min(600);
            let wait = if *checks < MAX_CHECKS { wait } else { SELDOM_SECONDS };
            *next = now.saturating_add(wait);
            again(row, attempts, may_settle && missing, now, terms)
        }
        // without a readable chain there is no more to learn, after a third of a day
        Phase::Rejected { closed, checks, .. } if now >= last_look(after_window, *checks) => {
            *checks = checks.saturating_add(1);
            *closed = *checks > MAX_LAST_LOOKS;
            Work::None
        }
        _ => Work::None,
    }
}

/// Another attempt of what is unknown, if one is allowed and its window still open.
fn again(row: &mut Row, attempts: u32, may_settle: bool, now: u64, terms: &Terms) -> Work {
    let window_open = now.saturating_add(LEAST_SECONDS_LEFT) < row.intent.valid_before;
    if may_settle && window_open && attempts < MAX_ATTEMPTS {
        return settle(row, attempts.saturating_add(1), now, terms);
    }
    Work::None
}
