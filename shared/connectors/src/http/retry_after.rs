//! `Retry-After`: seconds or a date (RFC 9110, section 10.2.3).

use std::time::UNIX_EPOCH;

use tidegate_core::model::EpochMs;

/// No destination may stop us for longer than this; it is asked again then. In ms.
pub(crate) const WAIT_MS_MAX: u64 = 3_600_000;

/// How long the header asks us to wait, in ms, at most an hour. `None` for garbage and for dates
/// that have passed: then the caller's own backoff counts, not zero.
pub(crate) fn retry_after_ms(value: &str, now_ms: EpochMs) -> Option<u64> {
    let value = value.trim();
    if value.bytes().next()?.is_ascii_digit() {
        // Some servers write fractions, which the RFC does not know.
        let seconds: f64 = value.parse().ok()?;
        let ms = seconds * 1000.0;
        return Some(if ms >= WAIT_MS_MAX as f64 { WAIT_MS_MAX } else { ms.ceil() as u64 });
    }
    let date = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let wait_ms = i64::try_from(date.as_millis()).ok()? - now_ms;
    u64::try_from(wait_ms).ok().filter(|ms| *ms > 0).map(|ms| ms.min(WAIT_MS_MAX))
}

#[cfg(test)]
mod tests {
    use super::retry_after_ms;

    #[test]
    fn seconds_and_dates_are_understood_capped_and_garbage_is_none() {
        // 1994-11-06T08:49:37Z
        let now = 784_111_777_000;
        for (value, wait) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("1.5", Some(1_500)),
            ("999999999999", Some(3_600_000)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60_000)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(3_600_000)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", None),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1e", None),
            ("12 minutes", None),
        ] {
            assert_eq!(retry_after_ms(value, now), wait, "{value:?}");
        }
    }
}
