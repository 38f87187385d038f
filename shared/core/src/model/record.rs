//! One record as the source gave it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Mark, RecordId};

/// A record on its way from the source to a page: its JSON untouched, and what was picked out of it
/// in the one parse that the source side makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the source's order.
    pub mark: Mark,
    /// The entity's id: what orders and idempotency keys go by.
    pub id: RecordId,
    /// Which state of the entity this is.
    pub version: Version,
    /// The record's JSON, byte for byte.
    pub data: Bytes,
}

/// Which state of an entity a record carries; greater is newer. Zero where records never change.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub i64);
