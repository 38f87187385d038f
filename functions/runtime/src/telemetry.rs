//! Logs as a Lambda function writes them, and errors to Sentry where it is asked for.

use std::env;

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::Reports;

/// One JSON object a line on standard output, filtered by `RUST_LOG` (default `info`). Lambda adds
/// the time. Logs carry ids and reasons, never records or secrets.
///
/// Answers with what is to be sent to Sentry at the end of each invocation.
pub fn log_to_stdout() -> Reports {
    let asked = env::var("RUST_LOG").ok().and_then(|asked| asked.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let log = fmt::layer().json().flatten_event(true).without_time();
    let asked = Reports::from_env();
    let reports = asked.clone().unwrap_or_default();
    tracing_subscriber::registry().with(filter).with(log).with(reports.clone()).init();
    if asked.is_none() {
        tracing::warn!(
            "SENTRY_DSN is no DSN (https://KEY@HOST/PROJECT): errors are in this log alone"
        );
    }
    reports
}
