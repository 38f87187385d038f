//! `epoch_s`: seconds since 1970.

super::epoch::epoch! {
    /// `epoch_s`: seconds since 1970, whole or with a fraction.
    EpochS, "epoch_s", 9, |ms: i128| ms.div_euclid(1_000),
    "write seconds since 1970, or another `format`"
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::source::http::cursor::format::Timestamps;

    #[test]
    fn seconds_are_whole_or_have_a_fraction() {
        let ns = |json: &str| EpochS.read(json.as_bytes(), &TimeZone::UTC).unwrap().ns;
        for json in ["1700000000.123", "\"1700000000.123\""] {
            assert_eq!(ns(json), 1_700_000_000_123_000_000, "{json}");
        }
        assert_eq!(ns("1700000000.1234567"), 1_700_000_000_123_456_700);
        assert_eq!(ns("-1"), -1_000_000_000);
        assert_eq!(EpochS.write(-1, None), "-1");
    }
}
