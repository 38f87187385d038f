//! `rfc3339`: `2026-11-27T08:00:00Z`.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    fmt::temporal::Pieces,
    tz::TimeZone,
};
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;

use super::timestamps::{Timestamps, far_ns, local_ns, on_clock};
use crate::json::quote;

/// `rfc3339` (default): `2026-11-27T08:00:00Z`. Also accepts a space for the `T`, ` UTC` at the end, and no
/// zone: that is the cursor's `zone`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Rfc3339;

impl Timestamps for Rfc3339 {
    fn name(&self) -> &'static str {
        "rfc3339"
    }

    fn ns(&self, text: &str, zone: &TimeZone) -> Option<i128> {
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Some(moment.as_nanosecond());
        }
        match text.strip_suffix(" UTC") {
            Some(local) => local_ns(local.parse().ok()?, &TimeZone::UTC),
            None => match text.parse::<DateTime>() {
                Ok(local) => local_ns(local, zone),
                // A sentinel with a zone, like `9999-12-31T23:59:59Z`.
                Err(_) => {
                    let pieces = Pieces::parse(text).ok()?;
                    pieces.offset()?;
                    Some(far_ns(pieces.date().to_datetime(pieces.time()?)))
                }
            },
        }
    }

    fn write(&self, ms: EpochMs, zone: Option<&TimeZone>) -> String {
        let text = match zone {
            Some(zone) => on_clock(ms, zone).map(|local| local.to_string()),
            None => Timestamp::from_millisecond(ms).ok().map(|moment| moment.to_string()),
        };
        text.unwrap_or_else(|| ms.to_string())
    }

    fn json(&self, text: &str) -> String {
        quote(text)
    }

    fn check_start(&self, text: &str) -> Result<(), &'static str> {
        let is_time = self.ns(text, &TimeZone::UTC).is_some() || text.parse::<Date>().is_ok();
        if is_time { Ok(()) } else { Err("write it like `2026-11-27T08:00:00Z`") }
    }

    fn says_zone(&self, text: &str) -> bool {
        text.ends_with(['Z', 'z'])
            || text.ends_with(" UTC")
            || text.parse::<DateTime>().is_err()
            || text.parse::<Timestamp>().is_ok()
    }

    fn may_lack_zone(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(json: &str) -> Option<i64> {
        Rfc3339.read(json.as_bytes(), &TimeZone::UTC).ok().map(|moment| moment.ns)
    }

    #[test]
    fn one_moment_in_all_the_ways_it_is_written() {
        for text in [
            "2023-11-14T22:13:20.123Z",
            "2023-11-14t22:13:20.123z",
            "2023-11-14 22:13:20.123Z",
            "2023-11-14T22:13:20.123",
            "2023-11-14 22:13:20.123",
            "2023-11-14 22:13:20.123 UTC",
            "2023-11-14T23:13:20.123+01:00",
            "2023-11-14T23:13:20.123+0100",
            "2023-11-14T22:13:20.123000000Z",
        ] {
            assert_eq!(ns(&format!("\"{text}\"")), Some(1_700_000_000_123_000_000), "{text}");
        }
        assert_eq!(ns("\"1970-01-01\""), Some(0));
        assert_eq!(ns("\"2023-11-14T22:13:20.1234567Z\""), Some(1_700_000_000_123_456_700));
        assert_eq!(ns("\"2023-11-14T22:13:20.123456789Z\""), Some(1_700_000_000_123_456_789));
    }

    #[test]
    fn what_is_no_moment_is_none_and_is_told() {
        for json in ["true", "\"\"", "\"soon\"", "[]", "\"2023-13-01T00:00:00Z\""] {
            assert_eq!(ns(json), None, "{json}");
        }
        let told = |text: &str| {
            Rfc3339.read(format!("\"{text}\"").as_bytes(), &TimeZone::UTC).unwrap_err().text
        };
        assert_eq!(told("soon"), "`soon`");
        for sentinel in ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00", "9999-12-31"] {
            assert_eq!(told(sentinel), format!("`{sentinel}`, outside of the years 1678 to 2261"));
        }
        assert_eq!(told(&"x".repeat(2_000)), "a text of 2000 bytes");
    }

    #[test]
    fn a_start_may_be_a_date_alone() {
        for text in ["2026-11-27T08:00:00Z", "2026-11-27 08:00", "2026-11-27"] {
            assert_eq!(Rfc3339.check_start(text), Ok(()), "{text}");
        }
        assert!(Rfc3339.check_start("yesterday").is_err());
    }

    #[test]
    fn the_text_is_the_sources_own() {
        let moment = Rfc3339.read(b"\"2023-11-14 22:13:20.1230\"", &TimeZone::UTC).unwrap();
        assert_eq!(&*moment.text, "2023-11-14 22:13:20.1230");
    }

    #[test]
    fn the_second_before_is_whole_and_earlier() {
        let before = Rfc3339.second_before(1_700_000_000_123_000_000, None);
        assert_eq!(before, ("2023-11-14T22:13:19Z".into(), 1_699_999_999_000_000_000));
    }

    #[test]
    fn without_a_zone_it_is_the_cursors_and_is_written_so() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let read = |text: &str| Rfc3339.ns(text, &tokyo).unwrap() / 1_000_000;
        assert_eq!(read("2023-11-15 07:13:20"), 1_700_000_000_000);
        assert_eq!(read("2023-11-14T22:13:20Z"), 1_700_000_000_000);
        assert_eq!(Rfc3339.write(1_700_000_000_000, Some(&tokyo)), "2023-11-15T07:13:20");
        assert!(!Rfc3339.says_zone("2023-11-15 07:13:20") && !Rfc3339.says_zone("2023-11-15"));
        assert!(Rfc3339.says_zone("2023-11-15T07:13:20Z"));
        assert!(Rfc3339.says_zone("2023-11-15T07:13:20+09:00"));
    }

    #[test]
    fn an_hour_that_comes_twice_is_the_later_one() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let read = |text: &str| Rfc3339.ns(text, &berlin).unwrap() / 1_000_000_000;
        assert_eq!(read("2023-10-29T02:30:00"), 1_698_543_000);
        assert_eq!(read("2023-10-29T03:00:00") - read("2023-10-29T02:30:00"), 1_800);
    }
}
