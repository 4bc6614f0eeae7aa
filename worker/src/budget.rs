//! How often one payer may make the ledger ask somebody before anything is known of the payment.

/// Calls that one object makes at most in a minute.
const MOST: usize = 60;
/// And those for one network address: whoever names a contract wallet that is not their own leaves room for its owner.
const MOST_BY_ADDRESS: usize = 20;
/// What is said to who asks more often: to come back after so many seconds.
pub(crate) const BUDGET_SECONDS: u64 = 10;

/// Calls counted by the minute, in memory alone: what strangers cause leaves nothing behind (threat B8).
#[derive(Debug, Default)]
pub(crate) struct Budget {
    minute: u64,
    /// The address of each call, as a keyed digest.
    made: Vec<String>,
}

impl Budget {
    /// Whether one more call may be made now, in Unix seconds, for a request from this address.
    pub(crate) fn take(&mut self, address: &str, now: u64) -> bool {
        let minute = now.saturating_div(60);
        if minute != self.minute {
            self.minute = minute;
            self.made.clear();
        }
        let by_address = self.made.iter().filter(|made| *made == address).count();
        let may = self.made.len() < MOST && by_address < MOST_BY_ADDRESS;
        if may {
            self.made.push(address.to_owned());
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b8_one_address_leaves_room_for_others_and_all_of_them_have_an_end() {
        let mut budget = Budget::default();
        let taken = |budget: &mut Budget, address: &str, now| (0..100).filter(|_| budget.take(address, now)).count();
        assert_eq!(taken(&mut budget, "a stranger", 60), 20);
        assert_eq!(taken(&mut budget, "the owner", 119), 20);
        assert_eq!(taken(&mut budget, "another", 119), 20);
        assert_eq!(taken(&mut budget, "one more", 119), 0);
        assert_eq!(taken(&mut budget, "a stranger", 120), 20);
    }
}
