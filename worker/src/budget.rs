//! How often one payer may make the ledger ask somebody before anything is known of the payment.

/// Calls that one object makes at most in a minute.
const MOST: u32 = 20;
/// What is said to who asks more often: to come back after so many seconds.
pub(crate) const BUDGET_SECONDS: u64 = 10;

/// Calls counted by the minute, in memory alone: what strangers cause leaves nothing behind (threat B8).
#[derive(Debug, Default)]
pub(crate) struct Budget {
    minute: u64,
    made: u32,
}

impl Budget {
    /// Whether one more call may be made now, in Unix seconds.
    pub(crate) fn take(&mut self, now: u64) -> bool {
        let minute = now.saturating_div(60);
        if minute != self.minute {
            *self = Self { minute, made: 0 };
        }
        self.made = self.made.saturating_add(1);
        self.made <= MOST
    }
}
