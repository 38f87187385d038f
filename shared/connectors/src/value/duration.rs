//! How long: `500ms`, `5s`, `2m`, `1h`, `30d`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{TextValue, read_text};
use crate::file::{Fault, Site};

/// A duration in ms, from `LEAST` to `MOST` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Millis<const LEAST: u64, const MOST: u64>(pub(crate) u64);

/// How long one request may take: at most as long as a Lambda function.
pub(crate) type Timeout = Millis<100, 900_000>;

const REMEDY: &str = "write a whole number and its unit: `500ms`, `5s`, `2m`, `1h` or `30d`";

impl<const LEAST: u64, const MOST: u64> TextValue for Millis<LEAST, MOST> {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        match ms(text) {
            Ok(ms) if (LEAST..=MOST).contains(&ms) => Ok(Self(ms)),
            Ok(_) => {
                let message = format!("the duration `{text}` is out of range");
                let remedy = format!("write one from {} to {}", written(LEAST), written(MOST));
                Err(Fault::new(site.place, message, remedy))
            }
            Err(fault) => {
                let message = format!("`{text}` is no duration: {fault}");
                Err(Fault::new(site.place, message, REMEDY))
            }
        }
    }

    fn stand_in(_: Site) -> Self {
        Self(LEAST)
    }
}

impl<'de, const LEAST: u64, const MOST: u64> serde::Deserialize<'de> for Millis<LEAST, MOST> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer)
    }
}

impl<const LEAST: u64, const MOST: u64> JsonSchema for Millis<LEAST, MOST> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    // One definition for all bounds: they are in what is said of each key.
    fn schema_id() -> std::borrow::Cow<'static, str> {
        "tidegate::Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number and its unit: `500ms`, `5s`, `2m`, `1h`, `30d`.",
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m|h|d)$",
            "examples": ["5s"],
        })
    }
}

/// A duration in ms; the error says what is wrong.
fn ms(text: &str) -> Result<u64, &'static str> {
    if text.starts_with('-') {
        return Err("it is negative");
    }
    let (digits, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    if digits.is_empty() {
        return Err("it does not begin with a whole number");
    }
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => return Err("it has no unit"),
        _ => return Err("its unit is unknown"),
    };
    digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit_ms)).ok_or("it is too long")
}

/// A duration as one would write it.
fn written(ms: u64) -> String {
    [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")]
        .into_iter()
        .find(|(unit_ms, _)| ms > 0 && ms.is_multiple_of(*unit_ms))
        .map_or_else(|| format!("{ms}ms"), |(unit_ms, unit)| format!("{}{unit}", ms / unit_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, expected) in [
            ("500ms", 500),
            ("5s", 5_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(ms(text), Ok(expected), "{text}");
        }
        for text in ["", "5", "s", "-5s", "1.5s", "5 s", "5w", "99999999999999999h"] {
            assert!(ms(text).is_err(), "{text}");
        }
        assert_eq!(written(900_000), "15m");
        assert_eq!(written(100), "100ms");
    }
}
