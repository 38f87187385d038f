//! Every port in memory: for tests, for simulation, and for the embedded host's queue.
//!
//! Held to the same contract suite as the cloud's implementations.

mod clock;
mod platform;
mod queue;
mod random;
mod shelf;
mod store;

pub use clock::ManualClock;
pub use platform::Memory;
pub use queue::{MemoryQueue, QueueCounts, QueueSettings, QueueTraffic, Received};
pub use random::{Seeded, SplitMix};
pub use store::MemoryStore;

use std::sync::{Mutex, MutexGuard};

/// A panic while a lock was held is already a failed test or a crash; the data is taken as it is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
