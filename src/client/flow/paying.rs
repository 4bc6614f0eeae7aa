//! A payment on its way, until it is known what became of it.

use alloc::{vec, vec::Vec};

use super::{
    super::{
        answer::{Answer, Doubt, Verdict, judge},
        clock,
        event::Effect,
        payment::Payment,
        view::Notice,
    },
    FlowState, MOST_SKEW_SECONDS, Phase, Trip, one,
};

/// Chains stamp their blocks a little behind or before.
const VOID_SECONDS: u64 = 60;
/// A device that knows no other clock may be wrong by an hour, and by a little.
const UNSURE_SECONDS: u64 = 2 * 3600;
/// Usual settlements are faster.
const SETTLE_SLOW_MS: u32 = 6_000;
/// A payment is sent this often by itself; then the reader is asked to check again.
const MOST_SENDS: u32 = 60;
const MOST_DELIVERIES: u32 = 8;
const LONGEST_WAIT_SECONDS: u32 = 30;

impl FlowState {
    /// Goes on with what was signed before.
    pub(super) fn resume(&mut self, payment: Payment, first: Vec<Effect>) -> Vec<Effect> {
        let trip = Trip {
            payment,
            sends: 1,
            doubt: Some(Doubt::Pending),
            resumed: true,
            slow: true,
        };
        self.send(trip, first)
    }

    /// Sends the payment, once more perhaps.
    pub(super) fn send(&mut self, trip: Trip, mut effects: Vec<Effect>) -> Vec<Effect> {
        self.have = None;
        effects.push(self.fetch(Some(trip.payment.header().into()), None));
        if !trip.slow {
            effects.push(Effect::Wait {
                turn: self.turn,
                ms: SETTLE_SLOW_MS,
            });
        }
        self.phase = Phase::Sending { trip, waiting: false };
        effects
    }

    /// What the server says to a payment.
    pub(super) fn answered(&mut self, now: u64, answer: &Answer, mut trip: Trip) -> Vec<Effect> {
        if let Some(date) = answer.date {
            self.skew = clock::skew(now, Some(date), None, MOST_SKEW_SECONDS).or(self.skew);
        }
        let doubted = trip.doubt.is_some() || trip.resumed;
        match judge(answer) {
            Verdict::Open => self.open(&trip.payment),
            Verdict::Again(doubt) => {
                trip.doubt = Some(doubt);
                let most = if doubt == Doubt::Undelivered {
                    MOST_DELIVERIES
                } else {
                    MOST_SENDS
                };
                if trip.sends >= most {
                    self.pause(trip.payment, trip.doubt);
                    return Vec::new();
                }
                let backoff = 1_u32
                    .checked_shl(trip.sends.saturating_sub(1))
                    .unwrap_or(LONGEST_WAIT_SECONDS);
                let seconds = answer.retry_after.unwrap_or(backoff).clamp(1, LONGEST_WAIT_SECONDS);
                self.phase = Phase::Sending { trip, waiting: true };
                one(self.wait(seconds.saturating_mul(1000)))
            }
            // what was taken before is not untaken by a page that is missing now
            Verdict::Stuck(Notice::Undeliverable | Notice::Approval) if answer.leaves_open(doubted) => {
                self.pause(trip.payment, Some(Doubt::Pending));
                Vec::new()
            }
            Verdict::Stuck(notice) => {
                self.phase = Phase::Paused {
                    payment: trip.payment,
                    notice,
                };
                Vec::new()
            }
            Verdict::Over(_) if answer.leaves_open(doubted) && !self.is_void(now, &trip.payment) => {
                // nothing new is signed while the old may still be taken (S3)
                self.pause(trip.payment, Some(Doubt::Pending));
                Vec::new()
            }
            Verdict::Over(notice) => {
                let taken = answer.required.as_deref().map(|header| self.take(header, now, answer.date));
                let notice = match (notice, taken) {
                    // nobody can take it any more, and nobody says whether it was taken
                    (_, taken) if answer.leaves_open(doubted) => {
                        self.unsaid = taken.and_then(Result::ok).flatten();
                        Notice::Unknown
                    }
                    (_, Some(Err(Notice::Clock))) => Notice::Clock,
                    // these come first; the price is told when it is to be paid
                    (Notice::AlreadyUsed | Notice::LowBalance, Some(Ok(changed @ Some(_)))) => {
                        self.unsaid = changed;
                        notice
                    }
                    (_, Some(Ok(Some(changed)))) => changed,
                    // it never arrived in time, and the reader has come back to a page with a price
                    (Notice::Expired, _) if trip.resumed => Notice::Offer,
                    (Notice::PriceChanged, _) => Notice::Expired,
                    (notice, _) => notice,
                };
                self.rest(notice);
                one(Self::forget(&trip.payment))
            }
        }
    }

    /// Whether nobody can take this payment any more, also where clocks differ a little.
    pub(super) fn is_void(&self, now: u64, payment: &Payment) -> bool {
        let until = payment.until().unwrap_or_default();
        let unsure = if self.skew.is_some() { VOID_SECONDS } else { UNSURE_SECONDS };
        self.server_time(now) > until.saturating_add(unsure)
    }

    pub(super) fn pause(&mut self, payment: Payment, doubt: Option<Doubt>) {
        let notice = match doubt {
            Some(Doubt::Undelivered) => Notice::Delivering,
            Some(Doubt::Offline) => Notice::Offline,
            _ => Notice::Pending,
        };
        self.phase = Phase::Paused { payment, notice };
    }

    pub(super) fn open(&mut self, payment: &Payment) -> Vec<Effect> {
        self.phase = Phase::Open;
        if let Some(paid) = payment.offer() {
            // the receipt is about what was signed, whatever is on offer by now (invariant S9)
            self.required.offers = vec![paid];
            self.chosen = 0;
        }
        vec![Self::forget(payment), Effect::Open]
    }

    pub(super) fn keep(payment: &Payment) -> Effect {
        Effect::Keep {
            text: payment.header().into(),
        }
    }

    pub(super) fn forget(payment: &Payment) -> Effect {
        Effect::Forget {
            text: payment.header().into(),
        }
    }
}
