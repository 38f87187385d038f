//! Logs as a Lambda function writes them.

use tracing_subscriber::{EnvFilter, fmt};

/// One JSON object a line on standard output, filtered by `RUST_LOG` (default `info`). Lambda adds
/// the time. Logs carry ids and reasons, never records or secrets.
pub fn log_to_stdout() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    fmt().json().flatten_event(true).without_time().with_env_filter(filter).init();
}
