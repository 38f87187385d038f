//! `epoch_ms`: milliseconds since 1970.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model;

use super::{
    epoch::{decimal_ns, is_number, number_json},
    timestamps::Timestamps,
};

/// `epoch_ms`: milliseconds.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct EpochMs;

impl Timestamps for EpochMs {
    fn name(&self) -> &'static str {
        "epoch_ms"
    }

    fn ns(&self, text: &str) -> Option<i64> {
        decimal_ns(text, 6)
    }

    fn write(&self, ms: model::EpochMs) -> String {
        ms.to_string()
    }

    fn json(&self, text: &str) -> String {
        number_json(text)
    }

    fn check_start(&self, text: &str) -> Result<(), &'static str> {
        let remedy = "write milliseconds since 1970, or another `format`";
        if is_number(text) { Ok(()) } else { Err(remedy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(json: &str) -> Option<i64> {
        EpochMs.read(json.as_bytes()).map(|moment| moment.ns)
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
        assert_eq!(EpochMs.second_before(5).0, "-1000");
    }
}
