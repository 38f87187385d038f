//! `Retry-After`: seconds or a date (RFC 9110, section 10.2.3).

use std::time::UNIX_EPOCH;

use tidegate_core::model::EpochMs;

/// No destination may stop us for longer than this; it is asked again then. In ms.
pub(crate) const WAIT_MS_MAX: u64 = 3_600_000;

/// How long the header asks us to wait, in ms: the caller bounds it. `None` for garbage and for moments
/// that have passed: then the caller's own backoff counts, not zero.
pub(crate) fn retry_after_ms(value: &str, now_ms: EpochMs) -> Option<u64> {
    let value = value.trim();
    if value.bytes().next()?.is_ascii_digit() {
        // Some servers write fractions, or a moment in seconds since 1970, which the RFC does not know.
        let seconds: f64 = value.parse().ok()?;
        let now_s = now_ms as f64 / 1_000.0;
        // No delta is as long as half of the time since 1970.
        let is_moment = now_ms > 0 && seconds >= now_s / 2.0;
        let wait_s = if is_moment { seconds - now_s } else { seconds };
        // `as` saturates.
        return (wait_s >= 0.0).then_some((wait_s * 1_000.0).ceil() as u64);
    }
    let date = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let wait_ms = i64::try_from(date.as_millis()).ok()? - now_ms;
    u64::try_from(wait_ms).ok().filter(|ms| *ms > 0)
}

#[cfg(test)]
mod tests {
    use super::retry_after_ms;

    #[test]
    fn seconds_moments_and_dates_are_understood_and_garbage_is_none() {
        // 1994-11-06T08:49:37Z
        let now = 784_111_777_000;
        for (value, wait) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("1.5", Some(1_500)),
            ("99999999", Some(99_999_999_000)),
            ("784111787", Some(10_000)),
            ("784111767", None),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60_000)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(86_400_000)),
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
