//! Pure rules: what the application decides, without I/O and without a clock.

mod backoff;
mod chain;
mod deadline;
mod draft;
mod pace;
mod verdict;

pub use backoff::{backoff_ms, give_back_ms, jittered_ms};
pub use chain::{chain, stuck};
pub use deadline::Deadline;
pub use draft::{Draft, PAGE_BYTES_MAX};
pub use pace::Pace;
pub use verdict::{Verdict, idempotency_key, verdict};
