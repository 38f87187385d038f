//! Cutting a walk into pages.

use crate::model::{Position, Record, Refused, WireRecord};

/// A page being filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The end of the page before it.
    pub from: Position,
    /// The last record's place, be it in `records` or in `refused`; or a later one, where the source says
    /// that nothing is between.
    pub to: Position,
    /// Its records.
    pub records: Vec<WireRecord>,
    /// Records that cannot be delivered, or that no message can carry: to be parked before the page is
    /// sealed.
    pub refused: Vec<Refused>,
    bytes: usize,
    bytes_max: usize,
}

impl Draft {
    /// An empty page that begins there. It takes at most so many bytes of records' data.
    pub fn new(from: Position, bytes_max: usize) -> Self {
        let to = from.clone();
        Self { from, to, records: Vec::new(), refused: Vec::new(), bytes: 0, bytes_max }
    }

    /// Whether no record is in it.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.refused.is_empty()
    }

    /// Whether there is anything to seal: records, or a position that moved without any.
    pub fn has_moved(&self) -> bool {
        self.to != self.from
    }

    /// Moves its end behind the last record, to where nothing is between.
    pub fn reach(&mut self, position: Position) {
        self.to = position;
    }

    /// Whether it has as many records as a page may.
    pub fn is_full(&self, records_max: u32) -> bool {
        self.records.len() + self.refused.len() >= records_max as usize
    }

    /// Whether this record would make it too large.
    pub fn is_full_for(&self, record: &Record, records_max: u32) -> bool {
        self.is_full(records_max)
            || (!self.is_empty() && self.bytes + record.data.len() > self.bytes_max)
    }

    /// Adds the record that comes next in the source's order.
    pub fn push(&mut self, record: Record) {
        self.to = record.position();
        let Record { id, version, deleted, data, refused, .. } = record;
        let size = data.len();
        let record = WireRecord { id, version, deleted, data };
        let too_large = || format!("too large for a message: {size} bytes").into();
        match refused.or_else(|| (size > self.bytes_max).then(too_large)) {
            Some(reason) => self.refused.push(Refused { record, reason }),
            None => {
                self.bytes += size;
                self.records.push(record);
            }
        }
    }
}
