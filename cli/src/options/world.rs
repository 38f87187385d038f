//! How the example APIs behave: `demo`, `cost` and `examples` take these.

use clap::Args;

/// How the example APIs behave.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How the example APIs behave")]
pub struct WorldOptions {
    /// The number of records at the source.
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub records: u64,
    /// The seed of everything that is drawn at random.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// The source grows while it runs, by this many records a second for ten seconds.
    #[arg(long, value_name = "N")]
    pub growth: Option<f64>,
    /// The source takes MS milliseconds for a page.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub source_latency_ms: u64,
    /// The destination takes MS milliseconds for a request.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency_ms: u64,
    /// At random up to MS milliseconds, where that is more; only with orders.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency_max_ms: u64,
    /// The destination permits N requests a second, and answers 429 above.
    #[arg(long, value_name = "N")]
    pub rate: Option<u32>,
    /// The destination permits N requests at once, and answers 429 above.
    #[arg(long, value_name = "N")]
    pub concurrency: Option<u32>,
    /// This share of requests fails with 500 and is not applied.
    #[arg(long, value_name = "0..1", default_value_t = 0.0)]
    pub fail_before: f64,
    /// This share of requests fails with 500 although it was applied.
    #[arg(long, value_name = "0..1", default_value_t = 0.0)]
    pub fail_after: f64,
    /// This share of connections is dropped without an answer.
    #[arg(long, value_name = "0..1", default_value_t = 0.0)]
    pub drop: f64,
    /// Every N-th order is refused with 422.
    #[arg(long, value_name = "N")]
    pub refuse_every: Option<u64>,
    /// After a tenth of the records, the destination answers 503 for S seconds.
    #[arg(long, value_name = "S")]
    pub outage_seconds: Option<u64>,
}
