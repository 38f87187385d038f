//! The ports in memory, a clock that is moved by hand, ids that a seed reproduces, and one small world that
//! tests of the application share. For tests: nothing that ships depends on this crate, and
//! `tests/tests/tidy` proves it.
//!
//! The store is held to the same contract suite as the one on DynamoDB (`tests/tests/contracts`).

mod clock;
mod digests;
mod driver;
mod flow;
mod ledger;
mod lock;
mod platform;
mod queue;
mod random;
mod shelf;
mod store;
mod world;

pub use clock::ManualClock;
pub use driver::{drive, run, yield_once};
pub use flow::{Api, NoSource, Same};
pub use platform::Memory;
pub use queue::{Outbox, QUEUE_LIMITS};
pub use random::{Seeded, SplitMix};
pub use store::MemoryStore;
pub use world::{MemoryPorts, World, arrival, record};
