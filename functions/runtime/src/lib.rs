//! What every function shares: the [`App`] that handlers call, its wiring on AWS, the wall clock,
//! ids, logs, and reports to Sentry.
//!
//! The embedded host builds the same [`App`] over its own ports, and calls the same handlers.

mod app;
mod connected;
mod deployed;
mod entropy;
mod meter;
mod metrics;
mod sentry;
mod telemetry;
mod wall_clock;

pub use app::{App, Flows, deadline};
pub use connected::{Connect, connected, connected_to_deliver};
pub use deployed::{Aws, Deployed, DeployedApp, deployed, required};
pub use entropy::OsEntropy;
pub use meter::{Meter, Totals};
pub use metrics::Metrics;
pub use sentry::Reports;
pub use telemetry::log_to_stdout;
pub use wall_clock::WallClock;
