//! Unix seconds as RFC 3339 texts, in whole numbers.
//!
//! Signed texts carry times as people read them (EIP-4361); everything else counts seconds.

use alloc::{format, string::String};

const DAY: u64 = 24 * 60 * 60;
/// Days from 0000-03-01, where the calendar's arithmetic starts, to 1970-01-01.
const EPOCH_DAYS: u64 = 719_468;
/// Days in 400 years of the Gregorian calendar.
const ERA_DAYS: u64 = 146_097;
/// 9999-12-31T23:59:59Z: later years have five digits, which RFC 3339 has no form for.
const LAST: u64 = 253_402_300_799;

/// The text of a time, in UTC and whole seconds; none after the year 9999.
///
/// ```
/// use farthing::time;
/// assert_eq!(time::print(1_795_255_200).unwrap(), "2026-11-21T10:00:00Z");
/// assert_eq!(time::read("2026-11-21T10:00:00Z"), Some(1_795_255_200));
/// ```
pub fn print(seconds: u64) -> Option<String> {
    if seconds > LAST {
        return None;
    }
    let (year, month, day) = date(seconds / DAY);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// The seconds of a text like `2026-11-21T10:00:00Z`, `…T10:00:00.250Z` or `…T12:00:00+02:00`.
///
/// A fraction is read and dropped. None for dates that do not exist, times before 1970, leap seconds
/// (no Unix time counts them) and spellings in lower case or with a space.
pub fn read(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let (fixed, rest) = bytes.split_first_chunk::<19>()?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = *fixed
    else {
        return None;
    };
    let century = pair(y1, y2, 99)?;
    let year = century.checked_mul(100)?.checked_add(pair(y3, y4, 99)?)?;
    let month = pair(m1, m2, 12).filter(|month| *month > 0)?;
    let days = days(year, month, pair(d1, d2, 31)?)?;
    let time = clock(pair(h1, h2, 23)?, pair(n1, n2, 59)?).checked_add(pair(s1, s2, 59)?)?;
    let local = days.checked_mul(DAY)?.checked_add(time)?;
    let offset = match rest {
        [b'.', fraction @ ..] => {
            let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            (digits > 0).then(|| fraction.get(digits..))??
        }
        plain => plain,
    };
    // seconds are counted from the epoch in UTC: what is ahead of it is earlier
    match *offset {
        [b'Z'] => Some(local),
        [b'+', h1, h2, b':', m1, m2] => local.checked_sub(clock(pair(h1, h2, 23)?, pair(m1, m2, 59)?)),
        [b'-', h1, h2, b':', m1, m2] => local.checked_add(clock(pair(h1, h2, 23)?, pair(m1, m2, 59)?)),
        _ => None,
    }
}

/// Two digits, up to a greatest value.
fn pair(tens: u8, ones: u8, most: u64) -> Option<u64> {
    let digit = |byte: u8| char::from(byte).to_digit(10).map(u64::from);
    let value = digit(tens)?.checked_mul(10)?.checked_add(digit(ones)?)?;
    (value <= most).then_some(value)
}

/// Seconds since midnight; hours are below 24 and minutes below 60.
const fn clock(hour: u64, minute: u64) -> u64 {
    hour.saturating_mul(3600).saturating_add(minute.saturating_mul(60))
}

/// Days since the epoch of an existing date from 1970 on.
///
/// Years are counted from March, so that the leap day is the last of its year; 153 days are five
/// months from March on.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let from_march = month.checked_add(9)? % 12;
    let shifted = if month < 3 { year.checked_sub(1)? } else { year };
    let leap_days = (shifted / 4).checked_sub(shifted / 100)?.checked_add(shifted / 400)?;
    let before_month = from_march.checked_mul(153)?.checked_add(2)? / 5;
    let days = shifted
        .checked_mul(365)?
        .checked_add(leap_days)?
        .checked_add(before_month)?
        .checked_add(day.checked_sub(1)?)?
        .checked_sub(EPOCH_DAYS)?;
    // the 31st of a month with thirty days is another date
    (date(days) == (year, month, day)).then_some(days)
}

/// Year, month and day of a day since the epoch; the inverse of [`days`].
#[allow(
    clippy::arithmetic_side_effects,
    reason = "days up to the year 9999 are small, and every subtraction takes off a part of a whole"
)]
fn date(days: u64) -> (u64, u64, u64) {
    let days = days.min(LAST / DAY) + EPOCH_DAYS;
    let (era, of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / (ERA_DAYS - 1)) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month < 3);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times_read_and_print() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1999-12-31T23:59:59Z", 946_684_799),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("2026-11-21T10:00:00Z", 1_795_255_200),
            ("2100-02-28T23:59:59Z", 4_107_542_399),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("9999-12-31T23:59:59Z", LAST),
        ] {
            assert_eq!(read(text), Some(seconds), "{text}");
            assert_eq!(print(seconds).as_deref(), Some(text));
        }
        assert_eq!(print(LAST + 1), None);
        assert_eq!(print(u64::MAX), None);
    }

    #[test]
    fn fractions_and_offsets_are_read() {
        let ten = read("2026-11-21T10:00:00Z");
        for same in [
            "2026-11-21T10:00:00.0Z",
            "2026-11-21T10:00:00.999999999999Z",
            "2026-11-21T12:00:00+02:00",
            "2026-11-20T20:30:00.5-13:30",
            "2026-11-21T10:00:00-00:00",
        ] {
            assert_eq!(read(same), ten, "{same}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "2026-11-21",
            "2026-11-21T10:00Z",
            "2026-11-21T10:00:00",
            "2026-11-21 10:00:00Z",
            "2026-11-21t10:00:00Z",
            "2026-11-21T10:00:00z",
            "2026-11-21T10:00:00.Z",
            "2026-11-21T10:00:00,5Z",
            "2026-11-21T10:00:00Z ",
            " 2026-11-21T10:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T10:60:00Z",
            "2026-12-31T23:59:60Z",
            "2026-00-21T10:00:00Z",
            "2026-13-21T10:00:00Z",
            "2026-11-00T10:00:00Z",
            "2026-11-31T10:00:00Z",
            "2026-02-29T10:00:00Z",
            "2100-02-29T10:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "0000-01-01T00:00:00Z",
            "+002026-11-21T10:00:00Z",
            "2026-11-21T10:00:00+0200",
            "2026-11-21T10:00:00+24:00",
            "2026-11-21T10:00:00+02:60",
            "2026-11-21T10:00:00Zulu",
            "２026-11-21T10:00:00Z",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #![proptest_config(crate::cases(10_000))]
        #[test]
        fn every_second_has_one_text(seconds in 0..=LAST) {
            let text = print(seconds).unwrap();
            prop_assert_eq!(text.len(), 20);
            prop_assert_eq!(read(&text), Some(seconds));
        }

        #[test]
        fn days_follow_each_other(day in 0..LAST / DAY) {
            let (year, month, of_month) = date(day);
            let next = date(day + 1);
            let follows = next == (year, month, of_month + 1)
                || next == (year, month + 1, 1) && of_month >= 28
                || next == (year + 1, 1, 1) && (month, of_month) == (12, 31);
            prop_assert!(follows, "{:?} {:?}", (year, month, of_month), next);
        }

        #[test]
        fn reading_never_panics(text in ".{0,40}", digits in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[Z+.-][0-9:Z]{0,6}") {
            let _ = read(&text);
            let _ = read(&digits);
        }
    }
}
