//! A record that could not be delivered, kept with its reason.

use bytes::Bytes;

use super::{EpochMs, PageNumber, ParkedError, RecordKey, StreamId, WireRecord};

/// A record put aside so that the rest can pass. It stays until a replay is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Its stream.
    pub stream: StreamId,
    /// Which record, at which version.
    pub key: RecordKey,
    /// The destination's status code, where it gave one.
    pub status: Option<u16>,
    /// One line: why.
    pub reason: Box<str>,
    /// The page that it came in.
    pub page: PageNumber,
    /// Whether it is the entity's deletion.
    pub deleted: bool,
    /// When it was parked, or last refused in a replay.
    pub parked_at_ms: EpochMs,
    /// The record's JSON as the source gave it.
    pub data: Bytes,
}

/// A record that is parked without having been delivered once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The record; its data may be no JSON at all.
    pub record: WireRecord,
    /// Why, in one line.
    pub reason: Box<str>,
}

/// What every reason begins with that stands for an unknown outcome.
const UNKNOWN: &str = "unknown: ";
/// What every reason begins with that names the faults of a record.
const INVALID: &str = "invalid: ";
/// What stands between two of them.
const NEXT_FAULT: &str = "; ";

impl Parked {
    /// The reason for one that may have been applied.
    pub fn unknown(why: &str) -> Box<str> {
        format!("{UNKNOWN}it may have been applied: {why}").into()
    }

    /// Whether it may have been applied, and its reason says so.
    pub fn is_unknown(&self) -> bool {
        self.reason.starts_with(UNKNOWN)
    }

    /// The reason for a record that breaks the flow's own rules, with all its faults.
    pub fn invalid<'f>(faults: impl IntoIterator<Item = &'f str>) -> Box<str> {
        let faults: Vec<&str> = faults.into_iter().collect();
        format!("{INVALID}{}", faults.join(NEXT_FAULT)).into()
    }

    /// The faults that a reason names; none where it is of another kind. A value shown in one of them may look like the
    /// beginning of the next: they are for reading.
    pub fn faults(reason: &str) -> Option<impl Iterator<Item = &str>> {
        Some(reason.strip_prefix(INVALID)?.split(NEXT_FAULT))
    }

    /// A page's record, put aside.
    pub fn new(
        stream: &StreamId,
        page: PageNumber,
        record: &WireRecord,
        status: Option<u16>,
        reason: Box<str>,
        parked_at_ms: EpochMs,
    ) -> Self {
        Self {
            stream: stream.clone(),
            key: record.key(),
            status,
            reason,
            page,
            deleted: record.deleted,
            parked_at_ms,
            data: record.data.clone(),
        }
    }

    /// The record as its page carried it.
    pub fn record(&self) -> WireRecord {
        let RecordKey { id, version } = self.key.clone();
        WireRecord { id, version, deleted: self.deleted, data: self.data.clone() }
    }
}

impl From<Parked> for ParkedError {
    fn from(parked: Parked) -> Self {
        let Parked { key, status, reason, parked_at_ms, .. } = parked;
        Self { key, status, reason, parked_at_ms }
    }
}
