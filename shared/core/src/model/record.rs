//! One record as the source gave it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Mark, Position, RecordId, Step};

/// A record on its way from the source to a page: its JSON untouched, and what was picked out of it
/// in the one parse that the source side makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the source's order.
    pub mark: Mark,
    /// Where a walk goes on after it, where the key alone does not say it.
    pub step: Option<Step>,
    /// The entity's id: what orders and idempotency keys go by.
    pub id: RecordId,
    /// Which state of the entity this is.
    pub version: Version,
    /// The entity is gone: what is to be delivered is its deletion.
    pub deleted: bool,
    /// The record's JSON, byte for byte.
    pub data: Bytes,
    /// Why it cannot be delivered, in one line, where the source knows that already: it is parked, as
    /// it came, and `data` may be no JSON at all.
    pub refused: Option<Box<str>>,
}

impl Record {
    /// The position at which everything up to it, itself included, has been read.
    pub fn position(&self) -> Position {
        match &self.step {
            Some(step) => Position::Step(step.clone()),
            None => Position::At(self.mark.clone()),
        }
    }
}

/// Which state of an entity a record carries; greater is newer. Zero where records never change.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub i64);

impl Version {
    /// A deletion that says nothing of its time, of an entity whose id is never used again: newer
    /// than anything.
    pub const LAST: Self = Self(i64::MAX);
}

/// Names a record within its stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// The record.
    pub id: RecordId,
    /// Its version.
    pub version: Version,
}

/// What the ledger orders the writes of one entity by: the version, and among equals the cursor's
/// generation, which grows with every rewind. Were the generation first, stale records would win after a
/// rewind; without it, a rewind would find everything applied and do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edition {
    /// Which state of the entity.
    pub version: Version,
    /// Which reading of the source.
    pub generation: u64,
}
