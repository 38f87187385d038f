//! What the formats share that count from 1970 in decimal numbers.

use crate::json::quote;

/// A decimal number times 10^`digits`, exactly; what is smaller than a nanosecond is cut off.
pub(super) fn decimal_ns(text: &str, digits: i32) -> Option<i128> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    // Some JSON writers make `1.7e9` of large numbers.
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return None;
    }
    let mut ns: i128 = whole.parse().ok()?;
    let mut fraction = fraction.bytes();
    for _ in 0..u32::try_from(digits.checked_add(exponent)?).ok()? {
        let digit = fraction.next().map_or(0, |byte| i128::from(byte - b'0'));
        ns = ns.checked_mul(10)?.checked_add(digit)?;
    }
    Some(if negative { -ns } else { ns })
}

/// A number as it was written: one that is read and written again may be another. Any other text is
/// sent as text.
pub(super) fn number_json(text: &str) -> String {
    let is_number = serde_json::from_str::<serde_json::Number>(text).is_ok();
    if is_number { text.to_owned() } else { quote(text) }
}

/// Whether a flow file's `start` is a number.
pub(super) fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A format that counts from 1970 in a unit of so many decimal digits of a second.
macro_rules! epoch {
    ($(#[doc = $doc:literal])+ $kind:ident, $name:literal, $digits:literal, $ms:expr, $remedy:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
        pub(crate) struct $kind;

        impl $crate::source::http::cursor::format::Timestamps for $kind {
            fn name(&self) -> &'static str {
                $name
            }

            fn ns(&self, text: &str, _: &jiff::tz::TimeZone) -> Option<i128> {
                super::epoch::decimal_ns(text, $digits)
            }

            fn write(
                &self,
                ms: tidegate_core::model::EpochMs,
                _: Option<&jiff::tz::TimeZone>,
            ) -> String {
                ($ms)(i128::from(ms)).to_string()
            }

            fn json(&self, text: &str) -> String {
                super::epoch::number_json(text)
            }

            fn check_start(&self, text: &str) -> Result<(), &'static str> {
                if super::epoch::is_number(text) { Ok(()) } else { Err($remedy) }
            }
        }
    };
}
pub(super) use epoch;
