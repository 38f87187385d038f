//! Where records come from.

use super::BoxFuture;
use crate::model::{EpochMs, Position, Record, RecordId, Refused};

/// One connection's source. It reads in ascending order of position, never past `until_ms`.
pub trait Source: Send + Sync {
    /// Starts reading after a position. `until_ms` is the newest moment to be read, where the
    /// source knows moments. Called once a fetcher's invocation.
    fn walk(&self, from: Position, until_ms: EpochMs) -> Box<dyn Walk + '_>;

    /// Marks records as processed at the source, where the flow asks for it.
    fn marker(&self) -> Option<&dyn Marker> {
        None
    }
}

/// A walk along a source. Nothing of it outlives the invocation: the next starts at the keyset.
pub trait Walk: Send {
    /// The next records, ascending, each after the last one given; an empty batch that is not the
    /// end is allowed. A call must not outlast `deadline_ms`.
    fn next(&mut self, deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>>;
}

/// Tells the source that a record was delivered. A repeat is harmless.
pub trait Marker: Send + Sync {
    /// Marks one record. Must not outlast `timeout_ms`.
    fn mark<'a>(
        &'a self,
        id: &'a RecordId,
        data: &'a [u8],
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<(), SourceError>>;
}

/// Some records of a walk.
#[derive(Debug, Default)]
pub struct Batch {
    /// In ascending order of their positions.
    pub records: Vec<Record>,
    /// How far this goes behind the last of them, where nothing is between: the position moves there even
    /// where no record is left to move it.
    pub reached: Option<Position>,
    /// Records without a place in the order, to be parked before anything read with or after them moves
    /// the head. A later walk may give them again, with the same key.
    pub refused: Vec<Refused>,
    /// Nothing more is to be had up to the bound.
    pub end: bool,
    /// Records that were seen and are too young for this walk. Said with `end`.
    pub held: Option<Held>,
    /// Requests that it took, failed ones included.
    pub requests: u32,
}

/// Records that a walk leaves for a later one, because others may still come before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// All that the source had up to this moment was given, in ms since 1970.
    pub read_to_ms: EpochMs,
    /// When the first of them may be read, in ms since 1970.
    pub until_ms: EpochMs,
}

/// Why a source gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Come back later: the next run goes on.
    #[error("the source is not available: {reason}")]
    Later {
        /// One line, no secrets.
        reason: String,
        /// How long it asked us to wait.
        after_ms: Option<u64>,
    },
    /// An operator has to act: what is wrong, and what to do.
    #[error("the source cannot be read: {0}")]
    Halt(String),
}
