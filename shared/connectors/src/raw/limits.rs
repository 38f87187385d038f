//! `limits`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DottedPath, Duration, OneOrList, Rate};
use crate::{at::At, spec::ResetIn};

/// What the destination bears, over all processors together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Most requests in flight. Default 10.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) concurrency: Option<u32>,
    /// Most requests in a time, like `50/s` or `100/20s`; of a list, every one holds.
    pub(crate) rate: Option<At<OneOrList<Rate>>>,
    /// Most requests a day, and when the count begins anew.
    pub(crate) daily: Option<At<Daily>>,
    /// The name of a budget that the limits are shared through, by every flow and connection that
    /// names it; they should state the same limits. Default: the stream's own.
    pub(crate) budget: Option<At<String>>,
    /// Whose turn comes first among those who share a budget. Default `normal`.
    pub(crate) priority: Option<Priority>,
    /// Headers of the destination's own that say what is left. Default: `RateLimit`, `RateLimit-*`,
    /// `X-RateLimit-*` and `X-Rate-Limit-*`.
    pub(crate) headers: Option<At<LimitHeaders>>,
    /// Where the body of an answer says how many points are left.
    pub(crate) body: Option<LimitBody>,
}

/// Most requests a day. What is left over goes on after the reset.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Daily {
    /// Requests.
    #[schemars(range(min = 1))]
    pub(crate) count: u64,
    /// The time of day of the reset. Default `00:00`.
    #[schemars(example = "00:00")]
    pub(crate) reset: Option<At<String>>,
    /// The time zone of the reset. Default `UTC`.
    #[schemars(example = "America/Chicago")]
    pub(crate) zone: Option<At<String>>,
}

/// Whose turn comes first.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Priority {
    /// Somebody waits for it, as for what webhooks bring: the others leave it the greater part.
    High,
    /// Scheduled runs.
    Normal,
    /// Whatever is left is enough, as for back-fills.
    Low,
}

/// Headers that say what is left: `remaining` or `used`, and when the count begins anew.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitHeaders {
    /// The header that says how many requests are left.
    #[schemars(example = "X-HubSpot-RateLimit-Remaining")]
    pub(crate) remaining: Option<At<String>>,
    /// The header that says how many are used of how many, like `32/40`.
    #[schemars(example = "X-Shopify-Shop-Api-Call-Limit")]
    pub(crate) used: Option<At<String>>,
    /// The header that says when the count begins anew.
    pub(crate) reset: Option<At<String>>,
    /// What `reset` counts. Default: told apart by its size.
    pub(crate) reset_in: Option<At<ResetIn>>,
    /// The header that carries the window's length in ms, for answers without a `reset`.
    #[schemars(example = "X-HubSpot-RateLimit-Interval-Milliseconds")]
    pub(crate) interval: Option<At<String>>,
    /// The window's length, for answers that have neither.
    pub(crate) window: Option<At<Duration>>,
}

/// Points that come back at a steady rate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitBody {
    /// Path to the points that are left.
    #[schemars(example = "extensions.cost.throttleStatus.currentlyAvailable")]
    pub(crate) available: At<DottedPath>,
    /// Path to the points that a request like this one costs; left out: one.
    #[schemars(example = "extensions.cost.requestedQueryCost")]
    pub(crate) cost: Option<At<DottedPath>>,
    /// Path to the points that come back every second.
    #[schemars(example = "extensions.cost.throttleStatus.restoreRate")]
    pub(crate) per_second: At<DottedPath>,
}
