//! Time, randomness and ids, so that a run is reproducible from its seed.

use std::future::Future;

use crate::model::{EpochMs, StreamId};

/// Tells the time and waits for it. Called often; cheap.
pub trait Clock: Send + Sync {
    /// Now.
    fn now_ms(&self) -> EpochMs;
    /// For spans within one process: ms since some fixed moment. Setting the clock does not move it, and
    /// while the machine sleeps it stands still. The same as [`Clock::now_ms`] for a clock that moves
    /// only when told to.
    fn ticks_ms(&self) -> EpochMs {
        self.now_ms()
    }
    /// Waits until a moment; returns at once where it has passed.
    fn sleep_until(&self, moment_ms: EpochMs) -> impl Future<Output = ()> + Send;
}

/// Randomness for jitter. Not for secrets.
pub trait Random: Send + Sync {
    /// Uniform over all `u64`.
    fn next_u64(&self) -> u64;
}

/// Names that are unique over all invocations of all time: lease owners and emissions.
///
/// Called once an invocation and once a page; never at start-up, for a restored snapshot would
/// repeat what was drawn before it.
pub trait Ids: Send + Sync {
    /// A new name, at most 40 characters.
    fn unique(&self, stream: &StreamId) -> Box<str>;
}
