//! How many settlements a site begins in a day: one counter for the whole site, and what each isolate has leased of it.
//!
//! A counter that every payment asks is a hop each. So it hands out leases that double while they are used up: an isolate
//! that vanishes takes along no more than it has spent, and one more.

/// The largest lease.
const MAX_LEASE: u64 = 64;
/// A lease is at most this part of a day's settlements, so that the marks are passed when they are reached.
const LEASES_PER_DAY: u64 = 20;
/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// What the counter keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// The day it counts, since 1970 (UTC).
    pub day: u64,
    /// Settlements leased on it.
    pub used: u64,
}

/// What a lease is worth telling the publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Four fifths of the day's settlements are leased.
    Most,
    /// All are.
    All,
}

impl Mark {
    /// How much of the day's settlements is used then, in percent.
    pub const fn percent(self) -> &'static str {
        match self {
            Self::Most => "80",
            Self::All => "100",
        }
    }
}

impl Quota {
    /// Leases up to so many settlements: how many, and the mark that was passed, each once a day.
    ///
    /// ```
    /// use farthing::ledger::{Mark, Quota};
    /// let mut quota = Quota::default();
    /// assert_eq!(quota.lease(0, 100, 7), (5, None));
    /// quota.used = 78;
    /// assert_eq!(quota.lease(1, 100, 3), (3, Some(Mark::Most)));
    /// quota.used = 98;
    /// assert_eq!(quota.lease(2, 100, 3), (2, Some(Mark::All)));
    /// assert_eq!(quota.lease(3, 100, 3), (0, None));
    /// assert_eq!(quota.lease(86_400, 100, 1), (1, None));
    /// ```
    pub fn lease(&mut self, now: u64, per_day: u64, wanted: u64) -> (u64, Option<Mark>) {
        let day = now.saturating_div(DAY);
        // a clock that goes back gives nothing back
        if day > self.day {
            *self = Self { day, used: 0 };
        }
        let before = self.used;
        let most = per_day.saturating_div(LEASES_PER_DAY).max(1);
        let granted = wanted.min(most).min(per_day.saturating_sub(before));
        self.used = before.saturating_add(granted);
        let four_fifths = per_day.saturating_sub(per_day.saturating_div(5));
        let passed = |mark: u64| before < mark && self.used >= mark;
        let mark = match () {
            () if passed(per_day) => Some(Mark::All),
            () if passed(four_fifths) => Some(Mark::Most),
            () => None,
        };
        (granted, mark)
    }
}

/// What an isolate has leased and not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leased {
    day: u64,
    left: u64,
    last: u64,
}

impl Leased {
    /// Takes one settlement, if there is one for this day.
    pub fn take(&mut self, now: u64) -> bool {
        let taken = self.day == now.saturating_div(DAY) && self.left > 0;
        if taken {
            self.left = self.left.saturating_sub(1);
        }
        taken
    }

    /// Gives one back that was taken on this day.
    pub fn give(&mut self, now: u64) {
        if self.day == now.saturating_div(DAY) {
            self.left = self.left.saturating_add(1);
        }
    }

    /// How many to lease next.
    pub fn wanted(&self, now: u64) -> u64 {
        let last = if self.day == now.saturating_div(DAY) { self.last } else { 0 };
        last.saturating_mul(2).clamp(1, MAX_LEASE)
    }

    /// Adds a lease.
    ///
    /// ```
    /// use farthing::ledger::Leased;
    /// let mut leased = Leased::default();
    /// assert!(!leased.take(5));
    /// leased.add(5, 1);
    /// assert!(leased.take(5) && !leased.take(5));
    /// assert_eq!(leased.wanted(5), 2);
    /// ```
    pub fn add(&mut self, now: u64, granted: u64) {
        let day = now.saturating_div(DAY);
        let left = if self.day == day { self.left } else { 0 };
        *self = Self {
            day,
            left: left.saturating_add(granted),
            last: granted,
        };
    }
}

/// Seconds until the next day begins (UTC).
pub const fn until_tomorrow(now: u64) -> u64 {
    DAY.saturating_sub(now % DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn b8_each_mark_is_passed_once_a_day() {
        for (per_day, marks) in [
            (1, &[(1, Mark::All)][..]),
            (4, &[(4, Mark::All)]),
            (5, &[(4, Mark::Most), (5, Mark::All)]),
            (100, &[(80, Mark::Most), (100, Mark::All)]),
        ] {
            let mut quota = Quota::default();
            for day in 0..3 {
                let mut seen = alloc::vec::Vec::new();
                for n in 1..=per_day + 3 {
                    let (granted, mark) = quota.lease(day * DAY + n, per_day, 1);
                    assert_eq!(granted, u64::from(n <= per_day), "{n} of {per_day}");
                    seen.extend(mark.map(|mark| (n, mark)));
                }
                assert_eq!(seen, marks, "{per_day}");
            }
        }
        // a limit that was lowered during the day
        let mut quota = Quota { day: 0, used: 50 };
        assert_eq!(quota.lease(1, 10, 1), (0, None));
        // the end of a day belongs to it
        assert_eq!(
            (until_tomorrow(0), until_tomorrow(DAY - 1), until_tomorrow(DAY)),
            (DAY, 1, DAY)
        );
        let mut quota = Quota { day: 1, used: 3 };
        assert_eq!(quota.lease(DAY - 1, 3, 1), (0, None), "a clock that goes back");
        assert_eq!(quota.lease(DAY * 2, 3, 1), (1, None));
    }

    #[test]
    fn b8_a_lease_of_yesterday_is_void() {
        let mut leased = Leased::default();
        leased.add(DAY - 1, 8);
        assert!(leased.take(DAY - 1) && !leased.take(DAY));
        assert_eq!((leased.wanted(DAY - 1), leased.wanted(DAY)), (16, 1));
        leased.add(DAY, 1);
        assert!(leased.take(DAY) && !leased.take(DAY));
        leased.add(DAY, 64);
        assert_eq!(leased.wanted(DAY), 64);
        let before = leased;
        assert!(leased.take(DAY));
        leased.give(DAY);
        assert_eq!(leased, before);
        leased.give(DAY * 2);
        assert_eq!(leased, before, "what was taken yesterday is nothing today");
        leased.add(DAY, 0);
        assert_eq!(leased.wanted(DAY), 1);
    }

    proptest! {
        /// Isolates that come and go: never more than the limit is taken, and less than half of what was leased is lost.
        #[test]
        fn b8_isolates_share_a_day(per_day in 1_u64..300, takers in proptest::collection::vec((0_usize..6, any::<bool>()), 1..800)) {
            let mut quota = Quota::default();
            let mut isolates = [Leased::default(); 6];
            let (mut taken, mut refused) = (0_u64, false);
            for (index, vanish) in takers {
                let isolate = &mut isolates[index];
                if vanish && isolate.left == 0 {
                    *isolate = Leased::default();
                }
                if !isolate.take(7) {
                    let (granted, _) = quota.lease(7, per_day, isolate.wanted(7));
                    isolate.add(7, granted);
                    if !isolate.take(7) {
                        refused = true;
                        continue;
                    }
                }
                taken += 1;
            }
            prop_assert!(taken <= per_day && quota.used <= per_day);
            let idle: u64 = isolates.iter().map(|isolate| isolate.left).sum();
            prop_assert_eq!(taken + idle, quota.used);
            prop_assert!(idle <= taken);
            prop_assert!(!refused || quota.used == per_day);
        }
    }
}
