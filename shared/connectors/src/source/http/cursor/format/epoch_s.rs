//! `epoch_s`: seconds since 1970.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model;

use super::{
    epoch::{decimal_ns, is_number, number_json},
    timestamps::Timestamps,
};

/// `epoch_s`: seconds, whole or with a fraction.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct EpochS;

impl Timestamps for EpochS {
    fn name(&self) -> &'static str {
        "epoch_s"
    }

    fn ns(&self, text: &str) -> Option<i64> {
        decimal_ns(text, 9)
    }

    fn write(&self, ms: model::EpochMs) -> String {
        ms.div_euclid(1_000).to_string()
    }

    fn json(&self, text: &str) -> String {
        number_json(text)
    }

    fn check_start(&self, text: &str) -> Result<(), &'static str> {
        let remedy = "write seconds since 1970, or another `format`";
        if is_number(text) { Ok(()) } else { Err(remedy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_or_have_a_fraction() {
        let ns = |json: &str| EpochS.read(json.as_bytes()).map(|moment| moment.ns);
        for json in ["1700000000.123", "\"1700000000.123\""] {
            assert_eq!(ns(json), Some(1_700_000_000_123_000_000), "{json}");
        }
        assert_eq!(ns("-1"), Some(-1_000_000_000));
        assert_eq!(EpochS.write(-1), "-1");
    }
}
