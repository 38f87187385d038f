//! The platform of tests that need no faults.

use super::{ManualClock, MemoryQueue, MemoryStore, Seeded};
use crate::ports::Platform;

/// Every port in memory, under a manual clock.
#[derive(Debug, Clone, Copy)]
pub struct Memory;

impl Platform for Memory {
    type Store = MemoryStore;
    type Queue = MemoryQueue<ManualClock>;
    type Clock = ManualClock;
    type Entropy = Seeded;
}
