//! Pure rules: what the application decides, without I/O and without a clock.

mod backoff;
mod budget;
mod chain;
mod deadline;
mod digest;
mod draft;
mod rate;
mod suspicion;
mod verdict;

pub use backoff::{backoff_ms, give_back_ms, jittered_ms};
pub use budget::{ALL, QuotaSpan, Terms};
pub use chain::{chain, stuck};
pub use deadline::Deadline;
pub use digest::Grouping;
pub use draft::Draft;
pub use rate::{Moment, Moments, Rate};
pub use suspicion::{Batches, CAREFUL_FROM_RECEIVES, DEATHS_MAX, batches};
pub use verdict::{Verdict, idempotency_key, verdict};
