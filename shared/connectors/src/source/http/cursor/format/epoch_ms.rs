//! `epoch_ms`: milliseconds since 1970.

super::epoch::epoch! {
    /// `epoch_ms`: milliseconds since 1970.
    EpochMs, "epoch_ms", 6, |ms: i128| ms, "write milliseconds since 1970, or another `format`"
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::source::http::cursor::format::Timestamps;

    fn ns(json: &str) -> Option<i64> {
        EpochMs.read(json.as_bytes(), &TimeZone::UTC).ok().map(|moment| moment.ns)
    }

    #[test]
    fn milliseconds_may_have_an_exponent() {
        for json in ["1700000000123", "1.700000000123e12"] {
            assert_eq!(ns(json), Some(1_700_000_000_123_000_000), "{json}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for json in ["\"\"", "\"x\"", "\"1_000\"", "99999999999999999999", "1e99", "1e-99"] {
            assert_eq!(ns(json), None, "{json}");
        }
    }

    #[test]
    fn the_second_before_is_whole_and_earlier() {
        assert_eq!(EpochMs.second_before(5, None).0, "-1000");
    }
}
