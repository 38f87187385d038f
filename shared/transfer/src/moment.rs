//! Times, as servers write them and as the machine has them.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use jiff::{civil, tz::TimeZone};

/// Tells now, in ms since 1970. It is compared with times that servers give.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A time of the machine's, in s since 1970.
pub(crate) fn seconds(time: SystemTime) -> Option<i64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

/// The time in `20261128180400` or `20261128180400.123`, which is in UTC (RFC 3659, section 2.3).
pub(crate) fn of_digits(text: &str) -> Option<i64> {
    let digits = text.get(..14).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let part = |from: usize, to: usize| digits[from..to].parse::<i16>().ok();
    let small = |from: usize, to: usize| part(from, to).and_then(|part| i8::try_from(part).ok());
    let day = civil::Date::new(part(0, 4)?, small(4, 6)?, small(6, 8)?).ok()?;
    // A leap second counts as the one before it.
    let time = civil::Time::new(small(8, 10)?, small(10, 12)?, small(12, 14)?.min(59), 0).ok()?;
    Some(day.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_time_in_utc() {
        for (text, seconds) in [
            ("19700101000000", Some(0)),
            ("20261128180400", Some(1_795_889_040)),
            ("20261128180400.123", Some(1_795_889_040)),
            ("20161231235960", Some(1_483_228_799)),
            ("20261328180400", None),
            ("2026112818040", None),
            ("2026-11-28 18:04", None),
            ("ééééééé", None),
        ] {
            assert_eq!(of_digits(text), seconds, "{text}");
        }
    }
}
