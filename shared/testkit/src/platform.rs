//! The platform of tests that need no faults.

use tidegate_core::ports::Platform;

use crate::{clock::ManualClock, queue::Outbox, random::Seeded, store::MemoryStore};

/// Every port in memory, under a manual clock.
#[derive(Debug, Clone, Copy)]
pub struct Memory;

impl Platform for Memory {
    type Store = MemoryStore;
    type Queue = Outbox;
    type Clock = ManualClock;
    type Entropy = Seeded;
}
