//! The ports in memory, a clock that is moved by hand, and ids that a seed reproduces. For tests: nothing
//! that ships depends on this crate, and `tests/tests/tidy.rs` proves it.
//!
//! The store is held to the same contract suite as the one on DynamoDB (`tests/tests/contracts`).

mod clock;
mod lock;
mod random;
mod shelf;
mod store;

pub use clock::ManualClock;
pub use random::{Seeded, SplitMix};
pub use store::MemoryStore;
