//! What a run of the fetcher says that it did.

use serde::Serialize;

use crate::model::{EpochMs, Position, ShownStall, Stall};

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Everything up to the bound is read.
    Source,
    /// The run took on all it may.
    Records,
    /// The window is full: the processors come first.
    Window,
    /// Time was up.
    Deadline,
    /// Another invocation has the lease.
    Held,
    /// An operator paused the stream.
    Paused,
    /// Another fetcher took over meanwhile.
    Fenced,
    /// The source did not answer; the next run goes on.
    SourceLater(String),
    /// The source cannot be read before an operator acts.
    SourceHalt(String),
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FetchReport {
    /// Pages sealed.
    pub pages: u64,
    /// Records in them.
    pub records: u64,
    /// Records too large for a message, parked.
    pub parked: u64,
    /// Requests to the source.
    pub source_requests: u64,
    /// Open pages that were voided, to be read again.
    pub voided: u64,
    /// Why it ended.
    pub end: End,
    /// The newest moment that it read up to.
    pub until_ms: EpochMs,
    /// Nothing is left to read up to the bound, and every page is committed.
    pub caught_up: bool,
    /// When the first of the records may be read that were seen and are too young, in ms since 1970;
    /// `until_ms` is before them.
    pub held_until_ms: Option<EpochMs>,
    /// Where the next run goes on.
    #[serde(serialize_with = "as_text")]
    pub head: Position,
    /// Settled up to there.
    #[serde(serialize_with = "as_text")]
    pub watermark: Position,
    /// Why nothing was read, or not all of it, and until when.
    #[serde(serialize_with = "shown")]
    pub stall: Option<Stall>,
    /// Why nothing is delivered while pages are open: as a processor noted it, or that none came.
    #[serde(serialize_with = "shown")]
    pub delivering: Option<Stall>,
    /// All that the source had at this moment is settled, as far as that is known.
    pub settled_until_ms: Option<EpochMs>,
}

impl FetchReport {
    /// Of a run that read up to `until_ms` and did nothing yet.
    pub fn new(end: End, until_ms: EpochMs) -> Self {
        Self {
            pages: 0,
            records: 0,
            parked: 0,
            source_requests: 0,
            voided: 0,
            end,
            until_ms,
            caught_up: false,
            held_until_ms: None,
            head: Position::Start,
            watermark: Position::Start,
            stall: None,
            delivering: None,
            settled_until_ms: None,
        }
    }

    /// Of one that waits, and read nothing.
    pub(super) fn stalled(end: End, stall: Stall, until_ms: EpochMs) -> Self {
        Self { stall: Some(stall), ..Self::new(end, until_ms) }
    }
}

fn shown<S: serde::Serializer>(stall: &Option<Stall>, to: S) -> Result<S::Ok, S::Error> {
    stall.as_ref().map(ShownStall::from).serialize(to)
}

fn as_text<S: serde::Serializer>(position: &Position, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(position)
}
