//! `rfc2822`: `Thu, 19 Jan 2023 14:00:00 GMT`.

use jiff::{Timestamp, fmt::rfc2822, tz::TimeZone};
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;

use super::timestamps::{NS_PER_S, Timestamps};
use crate::json::quote;

static PARSER: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new();
static PRINTER: rfc2822::DateTimePrinter = rfc2822::DateTimePrinter::new();

/// `rfc2822`: as in mails and HTTP headers, `Thu, 19 Jan 2023 14:00:00 +0000`, or with `GMT`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Rfc2822;

impl Timestamps for Rfc2822 {
    fn name(&self) -> &'static str {
        "rfc2822"
    }

    fn ns(&self, text: &str, _: &TimeZone) -> Option<i128> {
        let moment = PARSER.parse_timestamp(text).ok()?;
        Some(moment.as_nanosecond())
    }

    fn write(&self, ms: EpochMs, _: Option<&TimeZone>) -> String {
        let moment = Timestamp::from_millisecond(ms).ok();
        let text = moment.and_then(|moment| PRINTER.timestamp_to_rfc9110_string(&moment).ok());
        text.unwrap_or_else(|| ms.to_string())
    }

    fn json(&self, text: &str) -> String {
        quote(text)
    }

    fn check_start(&self, text: &str) -> Result<(), &'static str> {
        let is_time = self.ns(text, &TimeZone::UTC).is_some();
        if is_time { Ok(()) } else { Err("write it like `Thu, 19 Jan 2023 14:00:00 GMT`") }
    }

    fn step_ns(&self) -> i64 {
        NS_PER_S
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_in_all_the_ways_it_is_written() {
        for text in [
            "Thu, 19 Jan 2023 14:00:00 GMT",
            "Thu, 19 Jan 2023 14:00:00 +0000",
            "19 Jan 2023 15:00:00 +0100",
            "Thu, 19 Jan 2023 09:00:00 EST",
        ] {
            let moment = Rfc2822.read(format!("\"{text}\"").as_bytes(), &TimeZone::UTC).unwrap();
            assert_eq!(moment.ns, 1_674_136_800_000_000_000, "{text}");
        }
        assert_eq!(Rfc2822.write(1_674_136_800_000, None), "Thu, 19 Jan 2023 14:00:00 GMT");
        assert!(Rfc2822.read(b"\"2023-01-19T14:00:00Z\"", &TimeZone::UTC).is_err());
    }
}
