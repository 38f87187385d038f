//! How the two APIs behave. All of it reads from JSON too, so that a script can ask for it.

use serde::{Deserialize, Serialize};

use crate::faults::{Outage, Rate, RetryAfterForm};

/// The pair of APIs. The default is 5,000 orders and no trouble.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrdersConfig {
    /// Orders at the source from the start; ids are 1 to this.
    pub records: u64,
    /// Seeds the orders and the faults.
    pub seed: u64,
    /// OrderPlacementPavillion
    pub source: SourceConfig,
    /// FulfillmentsRUs
    pub destination: DestinationConfig,
}

/// OrderPlacementPavillion. Shares are of all requests, `0.0..=1.0`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceConfig {
    /// 0: any free port.
    pub port: u16,
    /// How many orders have the same `updated_at`.
    pub ties: Ties,
    /// How orders with the same `updated_at` are sorted among themselves.
    pub tie_order: TieOrder,
    /// How `updated_at` is written.
    pub time_form: TimeForm,
    /// The first order's `updated_at`, in ms since 1970.
    pub base_ms: i64,
    /// From one `updated_at` to the next.
    pub step_ms: u64,
    /// The most that one page gives, whatever is asked for.
    pub page_max: u64,
    /// Orders whose id this divides have the status `cancelled`, not `placed`.
    pub cancelled_every: Option<u64>,
    /// Orders that arrive while it runs.
    pub growth: Option<Growth>,
    /// Every answer takes so long.
    pub latency_ms: u64,
    /// 429 above it.
    pub rate: Option<Rate>,
    /// 429 above so many at once.
    pub concurrency_max: Option<u32>,
    /// How 429 says when to come back.
    pub retry_after: RetryAfterForm,
    /// 500
    pub fail: f64,
    /// The connection is closed without an answer.
    pub drop: f64,
    /// Next links (`Link`, `next`) point at this address instead of our own: `http://host:port`.
    pub foreign_next: Option<String>,
    /// Lists answer 307 to the same path at this address.
    pub redirect_to: Option<String>,
}

/// How many orders, by id, have the same `updated_at`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// One.
    #[default]
    Unique,
    /// So many.
    Every(u64),
    /// All that are there from the start; those that arrive later, by the second.
    AllEqual,
}

/// The order within one `updated_at`, where a list is sorted by it. It never changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieOrder {
    /// By id.
    #[default]
    ById,
    /// Reversed and rotated, so that neither ends are where they were.
    Shuffled,
}

/// How `updated_at` is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeForm {
    /// `"2025-11-28T00:00:00.000Z"`
    #[default]
    Rfc3339,
    /// `1764288000.000`
    EpochS,
    /// `1764288000000`
    EpochMs,
}

/// Orders that arrive while it runs, counted from the first list request. Their `updated_at` is
/// when they arrive; a tie arrives at once, so nothing ever appears before what was already read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// How fast.
    pub per_second: f64,
    /// How many in all, after [`OrdersConfig::records`].
    pub total: u64,
}

/// FulfillmentsRUs. Shares are of all requests, `0.0..=1.0`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DestinationConfig {
    /// 0: any free port.
    pub port: u16,
    /// Every request that is let in takes so long. It lands even if the client has given up.
    pub latency_ms: u64,
    /// Up to so long, evenly spread, where this is more.
    pub latency_max_ms: u64,
    /// 429 above it.
    pub rate: Option<Rate>,
    /// 429 above so many at once.
    pub concurrency_max: Option<u32>,
    /// How 429 says when to come back, and 503 where it does.
    pub retry_after: RetryAfterForm,
    /// 500, and nothing applied.
    pub fail_before: f64,
    /// 500, although applied.
    pub fail_after: f64,
    /// The connection is closed without an answer; half of them after applying.
    pub drop: f64,
    /// This share is applied at once and answered only after [`Self::late_ms`].
    pub late: f64,
    /// See [`Self::late`].
    pub late_ms: u64,
    /// In a bulk, this share of the records gets 500 of its own and is not applied.
    pub fail_item: f64,
    /// Refuses orders whose id this divides, with 422, until told to accept all.
    pub refuse_every: Option<u64>,
    /// 503 for a while.
    pub outage: Option<Outage>,
    /// What 503 says in `Retry-After`; none: no such header.
    pub outage_retry_after_s: Option<u64>,
    /// Ignore `Idempotency-Key`: a repeat is applied again.
    pub ignore_idempotency: bool,
    /// The most records in a bulk; 413 above it. 0: no limit.
    pub bulk_max: usize,
    /// Every request answers 307 to the same path at this address.
    pub redirect_to: Option<String>,
}

impl Default for OrdersConfig {
    fn default() -> Self {
        Self {
            records: 5_000,
            seed: 1,
            source: SourceConfig::default(),
            destination: DestinationConfig::default(),
        }
    }
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            port: 0,
            ties: Ties::default(),
            tie_order: TieOrder::default(),
            time_form: TimeForm::default(),
            // Black Friday: 2025-11-28T00:00:00Z.
            base_ms: 1_764_288_000_000,
            step_ms: 1_000,
            page_max: 250,
            cancelled_every: None,
            growth: None,
            latency_ms: 0,
            rate: None,
            concurrency_max: None,
            retry_after: RetryAfterForm::default(),
            fail: 0.0,
            drop: 0.0,
            foreign_next: None,
            redirect_to: None,
        }
    }
}
