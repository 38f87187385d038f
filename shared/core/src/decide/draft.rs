//! Cutting a walk into pages.

use crate::model::{BODIES_BYTES_MAX, Position, Record, WireRecord};

/// Most bytes of records in a page. Packed, at worst a third more, it still fits a message.
pub const PAGE_BYTES_MAX: usize = BODIES_BYTES_MAX / 4 * 3 - 64 * 1024;

/// A page being filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The end of the page before it.
    pub from: Position,
    /// The last record's place, be it in `records` or in `oversized`.
    pub to: Position,
    /// Its records.
    pub records: Vec<WireRecord>,
    /// Records that no message can carry: to be parked before the page is sealed.
    pub oversized: Vec<WireRecord>,
    bytes: usize,
}

impl Draft {
    /// An empty page that begins there.
    pub fn new(from: Position) -> Self {
        let to = from.clone();
        Self { from, to, records: Vec::new(), oversized: Vec::new(), bytes: 0 }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.oversized.is_empty()
    }

    /// Whether it has as many records as a page may.
    pub fn is_full(&self, records_max: u32) -> bool {
        self.records.len() + self.oversized.len() >= records_max as usize
    }

    /// Whether this record would make it too large.
    pub fn is_full_for(&self, record: &Record, records_max: u32) -> bool {
        self.is_full(records_max)
            || (!self.is_empty() && self.bytes + record.data.len() > PAGE_BYTES_MAX)
    }

    /// Adds the record that comes next in the source's order.
    pub fn push(&mut self, record: Record) {
        self.to = Position::At(record.mark);
        let Record { id, version, deleted, data, .. } = record;
        let wire = WireRecord { id, version, deleted, data };
        if wire.data.len() > PAGE_BYTES_MAX {
            self.oversized.push(wire);
        } else {
            self.bytes += wire.data.len();
            self.records.push(wire);
        }
    }
}
