//! The digest of new errors: every parked record is told of once, and after a crash perhaps twice.
//!
//! A range of time is claimed before it is read and ends only when its digest was sent. The next run after
//! a crash finds the range pending, and sends the same one.

use crate::{
    decide::Grouping,
    model::{Digest, DigestState, EpochMs},
    ports::{Clock, Digests, Notifier, Unavailable},
};

/// Errors in one request.
const ERRORS_PAGE: usize = 500;
/// What others left pending, and what they claim meanwhile, before it is left to them.
const ROUNDS_MAX: u32 = 4;

/// What came of a digest's run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct DigestReport {
    /// Digests sent: none where nothing is new, two where one had been left pending.
    pub sent: u64,
    /// Errors in them.
    pub errors: u64,
}

/// Sends the errors since the last digest; nothing where there are none.
///
/// `lag_ms` is the longest from the stamp of a parked record to its write: younger errors are left to
/// the next digest. `Unavailable` leaves the range pending, for the next run.
pub async fn digest(
    store: &impl Digests,
    clock: &impl Clock,
    notifier: &impl Notifier,
    lag_ms: EpochMs,
) -> Result<DigestReport, Unavailable> {
    let mut report = DigestReport::default();
    for _ in 0..ROUNDS_MAX {
        let state = store.digest_state().await?;
        let until_ms = until(&state, clock.now_ms(), lag_ms);
        let pending = DigestState { pending_until_ms: Some(until_ms), ..state };
        if until_ms == state.sent_until_ms {
            return Ok(report);
        }
        if pending != state && !store.swap_digest_state(state, pending).await? {
            // Another digest was quicker, and is perhaps finished.
            continue;
        }
        let digest = collect(store, state.sent_until_ms, until_ms).await?;
        if digest.errors > 0 {
            notifier.notify(&digest).await?;
            report.sent += 1;
            report.errors += digest.errors;
        }
        let sent = DigestState { sent_until_ms: until_ms, pending_until_ms: None };
        // Where that fails, another run took it over and has moved on.
        store.swap_digest_state(pending, sent).await?;
        if pending != state {
            return Ok(report);
        }
    }
    Ok(report)
}

/// The digest that would be sent next; it stays unsent.
pub async fn preview(
    store: &impl Digests,
    clock: &impl Clock,
    lag_ms: EpochMs,
) -> Result<Digest, Unavailable> {
    let state = store.digest_state().await?;
    let until_ms = until(&state, clock.now_ms(), lag_ms);
    collect(store, state.sent_until_ms, until_ms).await
}

/// Where the next digest ends: as it was claimed, or now; never before it begins.
fn until(state: &DigestState, now_ms: EpochMs, lag_ms: EpochMs) -> EpochMs {
    state.pending_until_ms.unwrap_or_else(|| state.sent_until_ms.max(now_ms - lag_ms))
}

async fn collect(
    store: &impl Digests,
    from_ms: EpochMs,
    until_ms: EpochMs,
) -> Result<Digest, Unavailable> {
    let mut grouping = Grouping::new(from_ms, until_ms);
    for stream in store.parking_streams().await? {
        let mut after = None;
        loop {
            let page =
                store.errors(&stream, from_ms, until_ms, after.as_ref(), ERRORS_PAGE).await?;
            let last = page.len() < ERRORS_PAGE;
            after = page.last().map(|error| error.key.clone());
            for error in page {
                grouping.add(&stream, error);
            }
            if last {
                break;
            }
        }
    }
    Ok(grouping.digest())
}
