//! The decision about a payment that arrives, in one synchronous step.

use alloc::boxed::Box;

use super::{
    ANSWER_COST, Bundle, CLAIM_SECONDS, DAY_SECONDS, Intent, MAX_ANSWERS, MAX_HOLD_SECONDS, MAX_OPEN, MAX_REFUSED, Owned, Phase,
    REDELIVERY_SECONDS, Refused, Reply, Row, SAME_ADDRESS_SECONDS, Screened,
};
use crate::problem::Problem;

/// What the ledger knows of a payer at the moment of a claim.
#[derive(Clone, Copy, Debug)]
pub struct Payer<'a> {
    /// The row of the claimed authorization.
    pub same: Option<&'a Row>,
    /// The row of another authorization that came with the same identifier.
    pub named: Option<&'a Row>,
    /// Whether another authorization for the same resource is open, or one for a time pass that opens it, or for the same bundle:
    /// whatever comes of that, this one may turn out to be needless.
    pub other_open: bool,
    /// How many authorizations are open.
    pub open: usize,
    /// How many others were refused within [`REFUSED_SECONDS`](super::REFUSED_SECONDS).
    pub refused: usize,
    /// The claimed resource, if it is owned and its time is not over.
    pub owned: Option<&'a Owned>,
    /// Where the claimed payment buys a bundle: one by the same name that opens the resource as well, and is paid for.
    pub credit: Option<&'a Owned>,
    /// Whether the facilitator has just verified the claimed payment.
    pub verified: bool,
    /// Whether the payer may pay.
    pub screened: Screened,
}

/// What to do about a claim.
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, taken apart at once; on 32 bits it is not that large"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Write this row; its request fetches the origin.
    Won(Box<Row>),
    /// Wait for the outcome of the same authorization, then claim again.
    Join,
    /// Wait for the payer's other authorization for this resource, or for a wider offer that would open it, then claim again.
    WaitForOther,
    /// Find out what became of it, then claim again.
    Resolve,
    /// Have the payer screened, then claim again.
    Screen,
    /// Have the facilitator verify it, then claim again: meanwhile a twin may have begun.
    Verify,
    /// The payer owns the article, or an unused part of the same bundle. Deliver once the new authorization is shown to be nobody's old
    /// one: it is either tagged, or unused on its chain.
    Owned,
    /// The answer is known.
    Reply(Reply),
}

/// Decides about a payment.
///
/// Only a payment in its window begins anything; one past it may look up its own row and join it.
/// ```
/// use farthing::ledger::{Claim, Event, Intent, Payer, Phase, Screened, Terms, Work, claim, step};
/// let intent: Intent = serde_json::from_str(r#"{
///     "resource": "https://news.example/articles/x", "seconds": 2592000, "version": 2, "network": "eip155:84532",
///     "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": "0x0202020202020202020202020202020202020202",
///     "payTo": "0x0303030303030303030303030303030303030303", "amount": "50000",
///     "nonce": "0x0404040404040404040404040404040404040404040404040404040404040404", "validBefore": 1800000300,
///     "digest": "d", "secret": true, "tagged": true, "address": "", "receipt": "r", "request": "{}"
/// }"#).unwrap();
/// let nobody = Payer { same: None, named: None, other_open: false, open: 0, refused: 0, owned: None, credit: None, verified: false,
///     screened: Screened::Allowed };
/// let now = 1_800_000_000;
/// let Claim::Won(row) = claim(nobody, &intent, now) else { panic!() };
/// // the same payment again waits for the first
/// assert_eq!(claim(Payer { same: Some(&row), open: 1, ..nobody }, &intent, now), Claim::Join);
/// // the origin can deliver: now the money may move
/// let terms = Terms { timeout: 20, confirmations: 0, readable: true };
/// let (row, work) = step(&row, Event::OriginReady { fence: row.fence, charge: None }, now, &terms);
/// assert_eq!(work, Work::Settle { fence: row.fence });
/// assert!(matches!(row.phase, Phase::Settling { attempt: 1, .. }));
/// ```
pub fn claim(payer: Payer<'_>, intent: &Intent, now: u64) -> Claim {
    let refuse = |problem| Claim::Reply(Reply::refuse(problem, &intent.resource));
    let late = intent
        .late
        .as_deref()
        .map(|slug| Problem::from_slug(slug).unwrap_or(Problem::Internal));
    // nothing is believed of what only a contract can check (threat A14); what has a row was verified before
    let known = payer.same.is_some_and(|row| row.intent.digest == intent.digest);
    if intent.contract && !payer.verified && !known && late.is_none() {
        return screen(payer, intent).unwrap_or(Claim::Verify);
    }
    // of what was released nothing came: its name is free
    if payer.named.is_some_and(|row| row.phase != Phase::Released) {
        return refuse(Problem::IdentifierConflict);
    }
    if let Some(row) = payer.same {
        // only who sends the very header again is told that it was for another page: whoever rebuilt it from the chain
        // would learn by trying what somebody reads
        if row.intent.resource != intent.resource {
            return refuse(if known {
                Problem::BoundElsewhere
            } else {
                Problem::AlreadyUsed
            });
        }
        // what was once sent out may be public by now: whoever has another header for it is somebody else (threat A16)
        let sent = row.refused.is_some() || matches!(row.phase, Phase::Rejected { .. });
        if sent && row.intent.digest != intent.digest {
            return refuse(Problem::AlreadyUsed);
        }
        return match &row.phase {
            Phase::Claimed { deadline } | Phase::Settling { deadline, .. } if now < *deadline => Claim::Join,
            Phase::Settling { .. } | Phase::Unknown { .. } => Claim::Resolve,
            Phase::Claimed { .. } | Phase::Released | Phase::Rejected { .. } => match late {
                Some(problem) => refuse(problem),
                None => match held(row, now) {
                    Some(reply) => Claim::Reply(reply),
                    None => begin(payer, intent, Some(row), now),
                },
            },
            Phase::Settled { at, .. } => redeliver(row, intent, *at, now),
            Phase::Expired => refuse(Problem::AuthorizationExpired),
            Phase::Cancelled => refuse(Problem::AuthorizationCancelled),
            Phase::Foreign | Phase::Waived => refuse(Problem::AlreadyUsed),
        };
    }
    if let Some(problem) = late {
        return refuse(problem);
    }
    begin(payer, intent, None, now)
}

/// A refusal is remembered for a while, longer each time: every new try costs an origin fetch and a call
/// of the facilitator (threat B8).
fn held(row: &Row, now: u64) -> Option<Reply> {
    let Phase::Rejected { reason, at, .. } = &row.phase else {
        return None;
    };
    let hold = match row.refusals {
        0 | 1 => 0,
        more => 1_u64
            .checked_shl(more.saturating_sub(1))
            .unwrap_or(MAX_HOLD_SECONDS)
            .min(MAX_HOLD_SECONDS),
    };
    let left = at.saturating_add(hold).saturating_sub(now);
    (left > 0).then(|| Reply::rejected(&row.intent.resource, reason, Some(left)))
}

/// What stands between a payment and everybody that it could be handed to: nothing is begun, written or sent before it is known
/// that its payer may pay (threat B13). What is under way already is not stopped: the facilitator has it, and its outcome has to be
/// found out, and what is settled stays what it is.
fn screen(payer: Payer<'_>, intent: &Intent) -> Option<Claim> {
    Some(match payer.screened {
        Screened::Allowed => return None,
        Screened::Unasked => Claim::Screen,
        Screened::Refused => Claim::Reply(Reply::refuse(Problem::PayerRefused, &intent.resource)),
        Screened::Unknown(seconds) => Claim::Reply(Reply::refuse_for_now(
            Problem::ScreeningUnavailable,
            &intent.resource,
            seconds,
        )),
    })
}

fn begin(payer: Payer<'_>, intent: &Intent, before: Option<&Row>, now: u64) -> Claim {
    // who owns the article keeps the money; who buys single answers pays for each
    if intent.seconds.is_some() {
        // an address is another contract on another chain, perhaps of another owner
        let owned = payer
            .owned
            .or(payer.credit)
            .filter(|owned| !intent.contract || owned.network == intent.network);
        if owned.is_some() {
            // what was once sent out may be public by now, though it was refused (threat A16)
            let sent = matches!(
                before,
                Some(Row {
                    phase: Phase::Rejected { .. },
                    ..
                })
            );
            let refused = Claim::Reply(Reply::refuse(Problem::AlreadyOwned, &intent.resource));
            // a nonce that is not ours has to be asked about, perhaps of a facilitator
            return match screen(payer, intent).filter(|_| !intent.tagged) {
                _ if sent => refused,
                None => Claim::Owned,
                Some(Claim::Screen) => Claim::Screen,
                // what is owned stays owned
                Some(_) => refused,
            };
        }
        if payer.other_open {
            return Claim::WaitForOther;
        }
    }
    if payer.open >= MAX_OPEN {
        return Claim::Reply(Reply::refuse_for_now(Problem::TooManyRequests, &intent.resource, 5));
    }
    // somebody who signs and cannot pay costs an origin fetch and a settle call each time (threat B8)
    if payer.refused >= MAX_REFUSED {
        return Claim::Reply(Reply::refuse_for_now(Problem::TooManyRequests, &intent.resource, 60));
    }
    if let Some(claim) = screen(payer, intent) {
        return claim;
    }
    if intent.verify && !payer.verified {
        return Claim::Verify;
    }
    // what was refused may be on its way all the same: its evidence counts from the first claim
    let refused = before.and_then(|row| match &row.phase {
        Phase::Rejected { reason, .. } => Some((row, reason.clone())),
        // its owner was lost before it was sent again
        _ => row.refused.clone().map(|reason| (row, reason)),
    });
    // one id for one authorization, however often it is begun
    let receipt = before.map_or(&intent.receipt, |row| &row.intent.receipt).clone();
    Claim::Won(Box::new(Row {
        intent: Intent {
            receipt,
            ..intent.clone()
        },
        phase: Phase::Claimed {
            deadline: now.saturating_add(CLAIM_SECONDS),
        },
        fence: before.map_or(0, |row| row.fence).saturating_add(1),
        // of what was released nothing is under way: a transfer between then and now paid for something else
        created: refused.as_ref().map_or(now, |(row, _)| row.created),
        floor: refused.as_ref().and_then(|(row, _)| row.floor),
        refused: refused.map(|(_, reason)| reason),
        answered: before.and_then(|row| row.answered),
        delivered: before.is_some_and(|row| row.delivered),
        busy: 0,
        answers: before.map_or(0, |row| row.answers),
        refusals: before.map_or(0, |row| row.refusals),
        charge: None,
    }))
}

/// A settled payment that comes again: everything in it but our secret is public by now, so the
/// header alone opens nothing (threat A16).
fn redeliver(row: &Row, intent: &Intent, at: u64, now: u64) -> Claim {
    let answered = row.answered.unwrap_or(now);
    let refuse = Claim::Reply(Reply::refuse(Problem::AlreadyUsed, &intent.resource));
    if row.intent.digest != intent.digest {
        return refuse;
    }
    let proven = intent.proves(&row.intent);
    let same_address = !row.intent.address.is_empty() && row.intent.address == intent.address;
    // a single call that went out whole is over, whoever asks, and so is one that was broken off too often
    let single = intent.seconds.is_none();
    let over = single && (row.delivered || row.answers >= MAX_ANSWERS.saturating_mul(ANSWER_COST));
    let granted = if over {
        false
    } else if proven {
        // counted from the first answer: a payment that was unknown for an hour has had none yet; a single
        // call that was paid for before the origin failed has nothing else to show (threat B4)
        let owed = intent.seconds.is_none() && now.saturating_sub(at) <= DAY_SECONDS;
        owed || now.saturating_sub(answered) <= REDELIVERY_SECONDS
    } else {
        same_address
            && !row.delivered
            && now.saturating_sub(answered) <= SAME_ADDRESS_SECONDS
            && now.saturating_sub(at) <= DAY_SECONDS
    };
    // its answer is on its way to somebody: a twin gets no second one (S2)
    if granted && single && now < row.busy {
        let wait = row.busy.saturating_sub(now).min(10);
        return Claim::Reply(Reply::pending(&intent.resource, wait));
    }
    match Reply::deliver(row, proven) {
        Some(reply) if granted => Claim::Reply(reply),
        _ => refuse,
    }
}

/// Decides about who proved an account: delivers what it owns, or says how many articles its bundles still open, once for every proof.
///
/// `consume` notes a proof's nonce and says whether it is new. It is only asked about owners, so that
/// strangers leave nothing behind (threat B8): a proof that opens nothing needs no end.
///
/// ```
/// use farthing::ledger::sign_in;
/// let asked = std::cell::Cell::new(false);
/// let reply = sign_in(None, &[], "https://news.example/a", || Ok::<_, ()>(!asked.replace(true))).unwrap();
/// assert!(format!("{reply:?}").contains("not-owned") && !asked.get());
/// ```
///
/// # Errors
/// Whatever `consume` fails with.
pub fn sign_in<E>(
    owned: Option<&Owned>,
    bundles: &[Bundle],
    resource: &str,
    consume: impl FnOnce() -> Result<bool, E>,
) -> Result<Reply, E> {
    let reply = match owned {
        Some(owned) => Some(Reply::deliver_owned(owned, true, false)),
        None => Reply::left(bundles, resource),
    };
    let Some(reply) = reply else {
        return Ok(Reply::refuse(Problem::NotOwned, resource));
    };
    Ok(if consume()? {
        reply
    } else {
        Reply::refuse(Problem::SignInUsed, resource)
    })
}

/// The answer to a request whose outcome stayed open: how long to wait before asking again, and for who sends
/// the same payment from where it came, or proves that it is its own (threat A16), where to ask.
pub fn pending(row: Option<&Row>, intent: &Intent, now: u64) -> Reply {
    let Some(row) = row.filter(|row| row.is_open()) else {
        return Reply::pending(&intent.resource, 1);
    };
    let own = intent.proves(&row.intent) || !intent.address.is_empty() && intent.address == row.intent.address;
    let shown = own && intent.digest == row.intent.digest;
    Reply::Refuse(Refused {
        problem: Problem::SettlementPending.slug().into(),
        resource: intent.resource.clone(),
        reason: None,
        retry_after: Some(retry_after(row, now)),
        receipt: shown.then(|| row.intent.receipt.clone()),
    })
}

/// After how many seconds it makes sense to ask about an open row again.
pub(super) fn retry_after(row: &Row, now: u64) -> u64 {
    match &row.phase {
        Phase::Unknown { next, .. } => next.saturating_sub(now).clamp(2, 10),
        _ => 2,
    }
}
