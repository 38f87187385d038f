//! `rfc3339`: `2026-11-27T08:00:00Z`.

use jiff::{Timestamp, civil::Date, civil::DateTime, tz::TimeZone};
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;

use super::timestamps::Timestamps;
use crate::json::quote;

/// `rfc3339` (default): also accepts a space for the `T`, and no zone as UTC.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Rfc3339;

impl Timestamps for Rfc3339 {
    fn name(&self) -> &'static str {
        "rfc3339"
    }

    fn ns(&self, text: &str) -> Option<i64> {
        let moment = match text.parse::<Timestamp>() {
            Ok(moment) => moment,
            Err(_) => {
                let local = text.parse::<DateTime>().ok()?;
                TimeZone::UTC.to_timestamp(local).ok()?
            }
        };
        i64::try_from(moment.as_nanosecond()).ok()
    }

    fn write(&self, ms: EpochMs) -> String {
        Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |moment| moment.to_string())
    }

    fn json(&self, text: &str) -> String {
        quote(text)
    }

    fn check_start(&self, text: &str) -> Result<(), &'static str> {
        let is_time = text.parse::<Timestamp>().is_ok()
            || text.parse::<DateTime>().is_ok()
            || text.parse::<Date>().is_ok();
        if is_time { Ok(()) } else { Err("write it like `2026-11-27T08:00:00Z`") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(json: &str) -> Option<i64> {
        Rfc3339.read(json.as_bytes()).map(|moment| moment.ns)
    }

    #[test]
    fn one_moment_in_all_the_ways_it_is_written() {
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
            assert_eq!(ns(&format!("\"{text}\"")), Some(1_700_000_000_123_000_000), "{text}");
        }
        assert_eq!(ns("\"1970-01-01\""), Some(0));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for json in ["null", "true", "\"\"", "\"soon\"", "[]", "\"2023-13-01T00:00:00Z\""] {
            assert_eq!(ns(json), None, "{json}");
        }
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
        let moment = Rfc3339.read(b"\"2023-11-14 22:13:20.1230\"").unwrap();
        assert_eq!(&*moment.text, "2023-11-14 22:13:20.1230");
    }

    #[test]
    fn the_second_before_is_whole_and_earlier() {
        let before = Rfc3339.second_before(1_700_000_000_123_000_000);
        assert_eq!(before, ("2023-11-14T22:13:19Z".into(), 1_699_999_999_000_000_000));
    }
}
