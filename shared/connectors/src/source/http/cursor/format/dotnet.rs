//! `dotnet`: `/Date(1700000000000)/`.

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;

use super::{
    epoch::{decimal_ns, is_number},
    timestamps::Timestamps,
};
use crate::json::quote;

/// `dotnet`: milliseconds since 1970 as .NET's older JSON writers put them, `/Date(1700000000000)/`; an
/// offset behind them, as in `/Date(1700000000000+0900)/`, does not change the moment.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Dotnet;

impl Timestamps for Dotnet {
    fn name(&self) -> &'static str {
        "dotnet"
    }

    fn ns(&self, text: &str, _: &TimeZone) -> Option<i128> {
        let ms = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
        // The number may have a sign of its own.
        let offset = ms.get(1..)?.find(['+', '-']).map(|at| at + 1);
        let (ms, offset) = ms.split_at(offset.unwrap_or(ms.len()));
        let is_offset = |offset: &str| {
            offset.len() == 5 && offset[1..].bytes().all(|byte| byte.is_ascii_digit())
        };
        (offset.is_empty() || is_offset(offset)).then(|| decimal_ns(ms, 6)).flatten()
    }

    fn write(&self, ms: EpochMs, _: Option<&TimeZone>) -> String {
        format!("/Date({ms})/")
    }

    fn json(&self, text: &str) -> String {
        quote(text)
    }

    fn check_start(&self, text: &str) -> Result<(), &'static str> {
        if self.ns(text, &TimeZone::UTC).is_some() || is_number(text) {
            Ok(())
        } else {
            Err("write it like `/Date(1700000000000)/`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_in_brackets_with_or_without_an_offset() {
        let read = |json: &str| Dotnet.read(json.as_bytes(), &TimeZone::UTC).ok();
        for json in [
            r#""/Date(1700000000123)/""#,
            r#""\/Date(1700000000123)\/""#,
            r#""/Date(1700000000123+0900)/""#,
        ] {
            assert_eq!(read(json).map(|moment| moment.ns), Some(1_700_000_000_123_000_000));
        }
        assert_eq!(read(r#""/Date(-5-0500)/""#).map(|moment| moment.ns), Some(-5_000_000));
        for json in ["1700000000123", r#""/Date()/""#, r#""/Date(1+1)/""#, "\"Date(1)\""] {
            assert_eq!(read(json), None, "{json}");
        }
        assert_eq!(Dotnet.write(5, None), "/Date(5)/");
    }
}
