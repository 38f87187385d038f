//! `date`: a date or a time in one way of writing to another.

use std::sync::LazyLock;

use jiff::{Timestamp, Zoned, fmt::rfc2822, fmt::strtime, tz::TimeZone};
use schemars::JsonSchema;
use serde::Deserialize;

use super::cast::Cast;
use crate::{
    file::{Fault, Site},
    json::{Scalar, quote},
    source::TimeFormat,
    value::{TextValue, Zone, text_value},
};

/// A date or a time that is written in another way.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MapDate")]
pub(super) struct Date {
    /// How the record has it. Default `rfc3339`, by which a date alone is read, too.
    from: Option<From>,
    /// How it is written.
    to: To,
    /// The IANA time zone of a time that does not say its own: `Europe/Berlin`; a date alone is its midnight there.
    /// Default UTC.
    zone: Option<Zone>,
    /// The IANA time zone that it is written in. Default as `zone`.
    to_zone: Option<Zone>,
}

/// A way in which a time may stand in a record.
#[derive(Debug, Clone)]
struct From {
    name: String,
    format: TimeFormat,
}

/// A way to write a time.
#[derive(Debug, Clone, PartialEq, Eq)]
enum To {
    Rfc3339,
    Rfc2822,
    Date,
    EpochS,
    EpochMs,
    Pattern(String),
}

text_value!(From, "DateRead", {
    "description": "How a date or a time is read: `rfc3339`, `rfc2822`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, `dotnet`, or a pattern as of the cursor's `strptime`.",
    "type": "string",
    "examples": ["epoch_s", "%d/%m/%Y"],
});

text_value!(To, "DateWritten", {
    "description": "How a date or a time is written: `rfc3339`, `rfc2822`, `date` (`2026-11-27`), `epoch_s` and `epoch_ms` (numbers), or a pattern as of C's strftime.",
    "type": "string",
    "examples": ["date", "%d.%m.%Y %H:%M"],
});

impl TextValue for From {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        match TimeFormat::named(text) {
            Some(format) => Ok(Self { name: text.to_owned(), format }),
            None => {
                let message = format!("`{text}` is no way in which a date is read");
                let remedy = "write `rfc3339`, `rfc2822`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, `dotnet`, or a \
                              pattern that has year, month and day, like `%d/%m/%Y`";
                Err(Fault::new(site.place, message, remedy))
            }
        }
    }

    fn stand_in(_: Site) -> Self {
        Self { name: "rfc3339".to_owned(), format: TimeFormat::default() }
    }
}

impl TextValue for To {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        Ok(match text {
            "rfc3339" => Self::Rfc3339,
            "rfc2822" => Self::Rfc2822,
            "date" => Self::Date,
            "epoch_s" => Self::EpochS,
            "epoch_ms" => Self::EpochMs,
            pattern if is_pattern(pattern) => Self::Pattern(pattern.to_owned()),
            other => {
                let message = format!("`{other}` is no way in which a date is written");
                let remedy = "write `rfc3339`, `rfc2822`, `date`, `epoch_s`, `epoch_ms`, or a pattern, like `%d.%m.%Y`";
                return Err(Fault::new(site.place, message, remedy));
            }
        })
    }

    fn stand_in(_: Site) -> Self {
        Self::Rfc3339
    }
}

/// Whether a pattern writes one time otherwise than another.
fn is_pattern(text: &str) -> bool {
    static TWO: LazyLock<[Zoned; 2]> = LazyLock::new(|| {
        // No field of the one is that of the other.
        [0, 1_700_000_001_123_456_789].map(|ns| {
            Timestamp::from_nanosecond(ns).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC)
        })
    });
    let [one, other] = TWO.each_ref().map(|zoned| strtime::format(text, zoned).ok());
    one.is_some() && one != other
}

impl Date {
    /// Whether what it writes can be cast so.
    pub(super) fn goes_with(&self, cast: Cast) -> bool {
        match cast {
            Cast::String => true,
            Cast::Boolean => false,
            // A pattern like `%Y` is a number.
            Cast::Integer | Cast::Number => {
                matches!(self.to, To::EpochS | To::EpochMs | To::Pattern(_))
            }
        }
    }

    /// How dates are written, ready for use.
    pub(super) fn rewriter(&self) -> Rewriter {
        let zone = |zone: &Zone| TimeZone::get(&zone.0).unwrap_or(TimeZone::UTC);
        let read_in = self.zone.as_ref().map_or(TimeZone::UTC, zone);
        Rewriter {
            from: self.from.clone().unwrap_or_else(|| From {
                name: "rfc3339".to_owned(),
                format: TimeFormat::default(),
            }),
            to: self.to.clone(),
            written_in: self.to_zone.as_ref().map_or_else(|| read_in.clone(), zone),
            read_in,
        }
    }
}

/// Writes dates in another way.
pub(super) struct Rewriter {
    from: From,
    to: To,
    read_in: TimeZone,
    written_in: TimeZone,
}

impl Rewriter {
    /// The JSON of a date, written anew.
    ///
    /// # Errors
    /// What was wanted and what is there, by its kind: the value may be personal data.
    pub(super) fn rewrite(&self, json: &[u8]) -> Result<String, String> {
        let moment = self.from.format.read(json, &self.read_in).map_err(|none| {
            let wanted = &self.from.name;
            let found = match Scalar::read(json) {
                _ if none.is_timestamp => "one outside of the years 1678 to 2261",
                Some(Scalar::Text(text)) if text.is_empty() => "an empty text",
                Some(Scalar::Text(_)) => "another text",
                Some(Scalar::Number(_)) => {
                    "a number, which `from: epoch_s` or `from: epoch_ms` reads"
                }
                Some(Scalar::Bool(_)) => "a boolean",
                None => "an array or an object",
            };
            format!("should be a date as `{wanted}`, but the record has {found}")
        })?;
        let unwritten = || "cannot be written as the pattern of `date.to` says".to_owned();
        let moment = Timestamp::from_nanosecond(moment.ns.into()).map_err(|_| unwritten())?;
        let zoned = moment.to_zoned(self.written_in.clone());
        let text = match &self.to {
            To::EpochS => return Ok(moment.as_nanosecond().div_euclid(1_000_000_000).to_string()),
            To::EpochMs => return Ok(moment.as_nanosecond().div_euclid(1_000_000).to_string()),
            To::Rfc3339 if self.written_in == TimeZone::UTC => Ok(moment.to_string()),
            To::Rfc3339 => strtime::format("%Y-%m-%dT%H:%M:%S%.f%:z", &zoned),
            To::Rfc2822 => rfc2822::to_string(&zoned),
            To::Date => strtime::format("%Y-%m-%d", &zoned),
            To::Pattern(pattern) => strtime::format(pattern, &zoned),
        };
        text.map(|text| quote(&text)).map_err(|_| unwritten())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{read, section};

    fn rewrite(keys: Value, record: &str) -> Result<String, String> {
        section::<Date>(keys).rewriter().rewrite(record.as_bytes())
    }

    #[test]
    fn a_time_is_written_in_every_way() {
        for (keys, record, written) in [
            (json!({ "to": "epoch_s" }), r#""2023-11-14T22:13:20.999Z""#, "1700000000"),
            (json!({ "to": "epoch_ms" }), r#""2023-11-14T22:13:20.1239Z""#, "1700000000123"),
            (json!({ "to": "epoch_s" }), r#""1969-12-31T23:59:59.5Z""#, "-1"),
            (json!({ "to": "date" }), r#""2023-11-14T22:13:20+09:00""#, r#""2023-11-14""#),
            (
                json!({ "to": "date", "zone": "Asia/Tokyo" }),
                r#""2023-11-14T22:13:20Z""#,
                r#""2023-11-15""#,
            ),
            (json!({ "to": "date" }), r#""2023-11-14""#, r#""2023-11-14""#),
            (
                json!({ "to": "date", "zone": "America/New_York" }),
                r#""2023-11-14""#,
                r#""2023-11-14""#,
            ),
            (
                json!({ "to": "rfc3339", "zone": "Asia/Tokyo" }),
                r#""2023-11-15 07:13:20""#,
                r#""2023-11-15T07:13:20+09:00""#,
            ),
            (
                json!({ "to": "rfc3339", "zone": "Asia/Tokyo", "to_zone": "UTC" }),
                r#""2023-11-15 07:13:20.123456789""#,
                r#""2023-11-14T22:13:20.123456789Z""#,
            ),
            (
                json!({ "from": "epoch_s", "to": "rfc3339" }),
                "1700000000",
                r#""2023-11-14T22:13:20Z""#,
            ),
            (
                json!({ "from": "epoch_s", "to": "rfc3339" }),
                r#""1700000000""#,
                r#""2023-11-14T22:13:20Z""#,
            ),
            (
                json!({ "from": "epoch_ms", "to": "rfc3339" }),
                "1700000000123",
                r#""2023-11-14T22:13:20.123Z""#,
            ),
            (
                json!({ "from": "dotnet", "to": "rfc2822" }),
                r#""/Date(1700000000000)/""#,
                r#""Tue, 14 Nov 2023 22:13:20 +0000""#,
            ),
            (json!({ "from": "%d/%m/%Y", "to": "date" }), r#""14/11/2023""#, r#""2023-11-14""#),
            (
                json!({ "to": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin" }),
                r#""2023-11-14T22:13:20Z""#,
                r#""14.11.2023 23:13""#,
            ),
            (json!({ "to": "%Y" }), r#""2023-11-14T22:13:20Z""#, r#""2023""#),
        ] {
            assert_eq!(rewrite(keys.clone(), record).as_deref(), Ok(written), "{keys} {record}");
        }
    }

    #[test]
    fn what_is_no_date_is_told_by_its_kind_and_not_shown() {
        for (record, said) in [
            (r#""soon""#, "another text"),
            (r#""""#, "an empty text"),
            ("1700000000", "`from: epoch_s`"),
            ("true", "a boolean"),
            ("[]", "an array"),
            (r#""9999-12-31T00:00:00Z""#, "the years 1678 to 2261"),
            (r#""2023-02-30""#, "another text"),
        ] {
            let reason = rewrite(json!({ "to": "date" }), record).unwrap_err();
            assert!(reason.contains(said) && reason.contains("`rfc3339`"), "{reason}");
            assert!(!reason.contains("soon"), "{reason}");
        }
    }

    #[test]
    fn a_way_that_is_none_is_refused() {
        for keys in [
            json!({ "to": "iso" }),
            json!({ "to": "%Q" }),
            json!({ "to": "" }),
            json!({ "to": "100%%" }),
            json!({ "to": "date", "from": "%H:%M" }),
            json!({ "to": "date", "from": "date" }),
            json!({ "to": "date", "zone": "Mars" }),
        ] {
            assert_eq!(read::<Date>(keys.clone()).1.faults.len(), 1, "{keys}");
        }
    }
}
