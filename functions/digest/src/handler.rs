//! One scheduled digest.

use lambda_runtime::{Error, LambdaEvent};
use serde::de::IgnoredAny;
use tidegate_core::{
    app::{DigestReport, digest},
    model::EpochMs,
    ports::{Clock, Digests, Notifier},
};

/// What a parked record's write may come later than its stamp, in ms, where functions run on AWS: none
/// of them lasts longer than Lambda's 15 minutes, and a minute is for clocks that differ.
pub const LAG_MS: EpochMs = 960_000;

/// Everything that outlives an invocation.
#[derive(Debug)]
pub struct App<S, C, N> {
    /// The state table.
    pub store: S,
    /// The clock.
    pub clock: C,
    /// To whom digests are sent.
    pub notifier: N,
}

/// Sends what is new. The event says nothing: what was sent is kept in the table. A failure leaves the
/// digest pending, and Lambda's retry sends it.
pub async fn handle<S: Digests, C: Clock, N: Notifier>(
    app: &App<S, C, N>,
    _event: LambdaEvent<IgnoredAny>,
) -> Result<DigestReport, Error> {
    let report = digest(&app.store, &app.clock, &app.notifier, LAG_MS).await?;
    tracing::info!(sent = report.sent, errors = report.errors, "digested");
    Ok(report)
}
