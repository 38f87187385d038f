//! Where a destination's answers say what it still permits.

use schemars::JsonSchema;
use serde::Deserialize;

/// `limits.headers`: headers of the destination's own. Where they are given, the usual ones are not
/// looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitHeadersSpec {
    /// `remaining` or `used`
    pub count: CountHeader,
    /// `reset`: header that says when the count begins anew.
    pub reset: Option<String>,
    /// `reset_in`: what `reset` counts; none: told apart by its size.
    pub reset_in: Option<ResetIn>,
    /// `interval`: header that carries the window's length in ms, for answers without a `reset`.
    pub interval: Option<String>,
    /// `window`: the window's length in ms, for answers that have neither.
    pub window_ms: Option<u64>,
}

/// How a header counts requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CountHeader {
    /// `remaining`: this header says how many are left.
    Remaining(String),
    /// `used`: this header says how many are used of how many, like `32/40`.
    Used(String),
}

/// `limits.headers.reset_in`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ResetIn {
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

/// `limits.body`: points that come back at a steady rate, told in the body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitBodySpec {
    /// `available`: path to the points that are left.
    pub available: Vec<String>,
    /// `cost`: path to the points that a request like this one costs; none: one.
    pub cost: Option<Vec<String>>,
    /// `per_second`: path to the points that come back every second.
    pub per_second: Vec<String>,
}
