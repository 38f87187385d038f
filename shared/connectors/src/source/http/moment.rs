//! Timestamps as sources write them.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use tidegate_core::model::{EpochMs, Moment};
use tidegate_flow::spec::TimeFormat;

use crate::json::Scalar;

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

/// Reads a record's timestamp from its JSON; `None` if it is none in this format. The text is kept
/// as the source wrote it, and only the number is compared: a rounded cursor loses records.
pub(super) fn read(json: &[u8], format: TimeFormat) -> Option<Moment> {
    let text = match Scalar::read(json)? {
        Scalar::Bool(_) => return None,
        scalar => scalar.into_text(),
    };
    let ns = match format {
        TimeFormat::Rfc3339 => rfc3339_ns(&text)?,
        TimeFormat::EpochSeconds => decimal_ns(&text, 9)?,
        TimeFormat::EpochMillis => decimal_ns(&text, 6)?,
    };
    Some(Moment { text: text.into(), ns })
}

/// A moment as a request carries it.
pub(super) fn write_ms(ms: EpochMs, format: TimeFormat) -> String {
    match format {
        TimeFormat::Rfc3339 => Timestamp::from_millisecond(ms)
            .map_or_else(|_| ms.to_string(), |moment| moment.to_string()),
        TimeFormat::EpochSeconds => ms.div_euclid(1_000).to_string(),
        TimeFormat::EpochMillis => ms.to_string(),
    }
}

/// The whole second before a moment, as a request carries it, and as a number: from there, a source
/// whose `since` leaves its own moment out still gives every record of it.
pub(super) fn second_before(ns: i64, format: TimeFormat) -> (String, i64) {
    let second = ns.div_euclid(NS_PER_S).saturating_sub(1);
    let earlier_ns = second.saturating_mul(NS_PER_S);
    (write_ms(earlier_ns / NS_PER_MS, format), earlier_ns)
}

/// RFC 3339, also with a space for the `T`, and without a zone as UTC.
fn rfc3339_ns(text: &str) -> Option<i64> {
    let moment = match text.parse::<Timestamp>() {
        Ok(moment) => moment,
        Err(_) => {
            let local = text.parse::<DateTime>().ok()?;
            TimeZone::UTC.to_timestamp(local).ok()?
        }
    };
    i64::try_from(moment.as_nanosecond()).ok()
}

/// A decimal number times 10^`digits`, exactly; what is smaller than a nanosecond is cut off.
fn decimal_ns(text: &str, digits: i32) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    // Some JSON writers make `1.7e9` of large numbers.
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return None;
    }
    let mut ns: i64 = whole.parse().ok()?;
    let mut fraction = fraction.bytes();
    for _ in 0..u32::try_from(digits.checked_add(exponent)?).ok()? {
        let digit = fraction.next().map_or(0, |byte| i64::from(byte - b'0'));
        ns = ns.checked_mul(10)?.checked_add(digit)?;
    }
    Some(if negative { -ns } else { ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(json: &str, format: TimeFormat) -> Option<i64> {
        read(json.as_bytes(), format).map(|moment| moment.ns)
    }

    #[test]
    fn one_moment_in_all_the_ways_it_is_written() {
        let moment = Some(1_700_000_000_123_000_000);
        for text in [
            "2023-11-14T22:13:20.123Z",
            "2023-11-14t22:13:20.123z",
            "2023-11-14 22:13:20.123Z",
            "2023-11-14T22:13:20.123",
            "2023-11-14 22:13:20.123",
            "2023-11-14T23:13:20.123+01:00",
            "2023-11-14T23:13:20.123+0100",
            "2023-11-14T22:13:20.123000000Z",
        ] {
            assert_eq!(ns(&format!("\"{text}\""), TimeFormat::Rfc3339), moment, "{text}");
        }
        for (json, format) in [
            ("1700000000.123", TimeFormat::EpochSeconds),
            ("\"1700000000.123\"", TimeFormat::EpochSeconds),
            ("1700000000123", TimeFormat::EpochMillis),
            ("1.700000000123e12", TimeFormat::EpochMillis),
        ] {
            assert_eq!(ns(json, format), moment, "{json}");
        }
        assert_eq!(ns("-1", TimeFormat::EpochSeconds), Some(-NS_PER_S));
        assert_eq!(ns("\"1970-01-01\"", TimeFormat::Rfc3339), Some(0));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for json in ["null", "true", "\"\"", "\"soon\"", "[]", "\"2023-13-01T00:00:00Z\""] {
            assert_eq!(ns(json, TimeFormat::Rfc3339), None, "{json}");
        }
        for json in ["\"\"", "\"x\"", "\"1_000\"", "99999999999999999999", "1e99", "1e-99"] {
            assert_eq!(ns(json, TimeFormat::EpochMillis), None, "{json}");
        }
    }

    #[test]
    fn the_text_is_the_sources_own() {
        let moment = read(b"\"2023-11-14 22:13:20.1230\"", TimeFormat::Rfc3339).unwrap();
        assert_eq!(&*moment.text, "2023-11-14 22:13:20.1230");
    }

    #[test]
    fn the_second_before_is_whole_and_earlier() {
        let before = second_before(1_700_000_000_123_000_000, TimeFormat::Rfc3339);
        assert_eq!(before, ("2023-11-14T22:13:19Z".into(), 1_699_999_999_000_000_000));
        assert_eq!(second_before(5, TimeFormat::EpochMillis).0, "-1000");
    }
}
