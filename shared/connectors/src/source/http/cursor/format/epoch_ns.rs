//! `epoch_ns`: nanoseconds since 1970.

super::epoch::epoch! {
    /// `epoch_ns`: nanoseconds since 1970.
    EpochNs, "epoch_ns", 0, |ms: i128| ms * 1_000_000, "write nanoseconds since 1970, or another `format`"
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::source::http::cursor::format::Timestamps;

    #[test]
    fn nanoseconds_are_exact() {
        let moment = EpochNs.read(b"\"1700000000123456789\"", &TimeZone::UTC).unwrap();
        assert_eq!(moment.ns, 1_700_000_000_123_456_789);
        assert_eq!(EpochNs.write(1_700_000_000_123, None), "1700000000123000000");
    }
}
