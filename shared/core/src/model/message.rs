//! What the application says to itself over the queue. How that is written down is the queue's affair.

use bytes::Bytes;

use super::{
    Emission, EpochMs, Fence, PageNumber, Position, RecordId, RecordKey, StreamId, Version,
};

/// What a queue message asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Deliver a page's records.
    Page(PageMessage),
    /// Try parked records again.
    Replay(ReplayMessage),
}

impl Message {
    /// The stream that it is for.
    pub fn stream(&self) -> &StreamId {
        match self {
            Self::Page(page) => &page.stream,
            Self::Replay(replay) => &replay.stream,
        }
    }
}

/// One emission of one page.
#[derive(Debug, Clone, PartialEq)]
pub struct PageMessage {
    /// Its stream.
    pub stream: StreamId,
    /// Its number.
    pub number: PageNumber,
    /// This sending's name.
    pub emission: Emission,
    /// The lease under which it was sent.
    pub fence: Fence,
    /// Where the page begins.
    pub from: Position,
    /// Where it ends.
    pub to: Position,
    /// Its records, in the source's order.
    pub records: Vec<WireRecord>,
}

/// A record in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireRecord {
    /// The entity's id.
    pub id: RecordId,
    /// Its version.
    pub version: Version,
    /// Whether it is the entity's deletion.
    pub deleted: bool,
    /// The record's JSON.
    pub data: Bytes,
}

impl WireRecord {
    /// What names it within its stream.
    pub fn key(&self) -> RecordKey {
        RecordKey { id: self.id.clone(), version: self.version }
    }
}

/// Parked records to be tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayMessage {
    /// Their stream.
    pub stream: StreamId,
    /// The keys of the records.
    pub keys: Vec<RecordKey>,
    /// When an operator asked for it. Where a record may have been applied, the operator has looked for what
    /// could have landed by then, and for nothing that was sent later.
    pub asked_ms: EpochMs,
}
