//! Errors as a person reads of them: grouped, counted, with examples.

use serde::Serialize;

use super::{EpochMs, RecordId, RecordKey, StreamId};

/// Why a record is parked, without the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedError {
    /// Which record, at which version.
    pub key: RecordKey,
    /// The destination's status code, where it gave one.
    pub status: Option<u16>,
    /// One line: why.
    pub reason: Box<str>,
    /// When it was parked, or last refused in a replay.
    pub parked_at_ms: EpochMs,
}

/// How far the digests got. Their ranges follow each other without a gap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DigestState {
    /// Every error from before this moment was sent.
    pub sent_until_ms: EpochMs,
    /// Those from then to before this moment are being sent, or were when the sender crashed.
    pub pending_until_ms: Option<EpochMs>,
}

/// The errors of a range of time. Its end names it: sent twice, it is the same one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// From this moment; 0 for the first one.
    pub from_ms: EpochMs,
    /// To before this one.
    pub until_ms: EpochMs,
    /// How many.
    pub errors: u64,
    /// In how many flows.
    pub flows: u64,
    /// By stream, and the most frequent first.
    pub groups: Vec<ErrorGroup>,
    /// Errors of further groups, which are only counted.
    pub ungrouped: u64,
}

/// Errors of one stream that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorGroup {
    /// Whose.
    pub stream: StreamId,
    /// The destination's status code, where it gave one.
    pub status: Option<u16>,
    /// Why, with `…` for what differs between them.
    pub reason: Box<str>,
    /// A text that the reason of each of them contains, for a replay; none where nothing is left of it.
    pub replay_reason: Option<Box<str>>,
    /// How many.
    pub count: u64,
    /// When the first was parked.
    pub first_ms: EpochMs,
    /// When the last was parked.
    pub last_ms: EpochMs,
    /// Some of the records, at most [`Self::EXAMPLES_MAX`].
    pub examples: Vec<RecordId>,
}

impl ErrorGroup {
    /// Enough to look at, and no list.
    pub const EXAMPLES_MAX: usize = 3;
}
