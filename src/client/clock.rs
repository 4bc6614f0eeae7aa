//! What a server's clock says, seen from this device (threat A7).

use super::offers::Peek;

/// The server's clock minus this device's, in seconds: by its `Date`, else by its quote, else the same.
/// None where they are further apart than `most`, for then one of them is not to be believed.
pub(super) fn skew(now: u64, date: Option<u64>, quote: Option<&Peek>, most: u64) -> Option<i64> {
    let server = date.or(quote.map(|quote| quote.issued)).unwrap_or(now);
    server.checked_signed_diff(now).filter(|skew| skew.unsigned_abs() <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a7_a_clock_is_believed_up_to_a_limit() {
        let quote = Peek {
            tag: [0; 16],
            issued: 900,
            expires: 1800,
        };
        assert_eq!(skew(1000, Some(1010), Some(&quote), 100), Some(10));
        assert_eq!(skew(1000, None, Some(&quote), 100), Some(-100));
        assert_eq!(skew(1000, None, Some(&quote), 99), None);
        assert_eq!(skew(1000, None, None, 0), Some(0));
        assert_eq!(skew(0, Some(u64::MAX), None, u64::MAX), None);
    }
}
