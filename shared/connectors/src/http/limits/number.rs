//! Numbers as headers and bodies write them.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;

/// A count that begins anew later is asked for again until then. In ms.
pub(super) const RESET_MS_MAX: u64 = 86_400_000;

/// What a header counts that says when the count begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) enum ResetIn {
    /// Seconds from now.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds from now.
    #[serde(rename = "ms")]
    Millis,
    /// Seconds since 1970.
    #[serde(rename = "epoch_s")]
    EpochSeconds,
    /// Milliseconds since 1970.
    #[serde(rename = "epoch_ms")]
    EpochMillis,
}

/// A number without sign and exponent; some APIs write fractions.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (plain && text.len() <= 20 && text.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

/// A count; a part of a request is none.
pub(super) fn whole(text: &str) -> Option<u64> {
    number(text).map(|number| number.floor() as u64)
}

/// How long until a reset, in ms, at most a day; `None` where it has passed. What is not said to be a
/// delta or a time is told apart by its size: half of the present is decades ago, and no delta is as
/// long.
pub(super) fn reset_in_ms(value: f64, unit: Option<ResetIn>, now_ms: EpochMs) -> Option<u64> {
    let now = now_ms as f64;
    let by_size = || match value {
        value if value >= now / 2.0 => ResetIn::EpochMillis,
        value if value >= now / 2_000.0 => ResetIn::EpochSeconds,
        _ => ResetIn::Seconds,
    };
    let ms = match unit.unwrap_or_else(by_size) {
        ResetIn::Seconds => value * 1_000.0,
        ResetIn::Millis => value,
        ResetIn::EpochSeconds => value * 1_000.0 - now,
        ResetIn::EpochMillis => value - now,
    };
    (ms >= 0.0).then(|| (ms.ceil() as u64).min(RESET_MS_MAX))
}
