//! `epoch_us`: microseconds since 1970.

super::epoch::epoch! {
    /// `epoch_us`: microseconds since 1970.
    EpochUs, "epoch_us", 3, |ms: i128| ms * 1_000, "write microseconds since 1970, or another `format`"
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::source::http::cursor::format::Timestamps;

    #[test]
    fn microseconds_are_exact() {
        let moment = EpochUs.read(b"1700000000123457", &TimeZone::UTC).unwrap();
        assert_eq!(moment.ns, 1_700_000_000_123_457_000);
        assert_eq!(EpochUs.write(1_700_000_000_123, None), "1700000000123000");
    }
}
