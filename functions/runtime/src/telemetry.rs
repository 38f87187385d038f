//! Logs as a Lambda function writes them, and errors to Sentry where it is asked for.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::Reports;

/// One JSON object a line on standard output, filtered by `RUST_LOG` (default `info`). Lambda adds
/// the time. Logs carry ids and reasons, never records or secrets.
///
/// Answers with what is to be sent to Sentry at the end of each invocation.
pub fn log_to_stdout() -> Reports {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = fmt().json().flatten_event(true).without_time().with_env_filter(filter).finish();
    let asked = Reports::from_env();
    let reports = asked.clone().unwrap_or_default();
    log.with(reports.clone()).init();
    if asked.is_none() {
        tracing::warn!(
            "SENTRY_DSN is no DSN (https://KEY@HOST/PROJECT): errors are in this log alone"
        );
    }
    reports
}
