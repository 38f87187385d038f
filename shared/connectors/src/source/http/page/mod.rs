//! One response body, split into records in a single pass.
//!
//! [`shape`] goes through the body, [`reader`] reads on behind what is no strict JSON, and [`keys`] reads
//! a record's place in the order.

mod keys;
mod reader;
mod shape;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use tidegate_core::model::{Mark, RecordId, Refused, Version, WireRecord};

use crate::source::ids::unreadable_id;
pub(super) use shape::{PageShape, Places};

/// A record with its key read.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Its place in the order.
    pub(super) mark: Mark,
    /// When it changed, in ns, where the source says so.
    pub(super) changed_ns: Option<i64>,
    /// Its timestamp is not of the first of the cursor's fields.
    pub(super) is_fallback: bool,
    /// Its JSON.
    pub(super) data: Bytes,
    /// Why it cannot be delivered: it is no strict JSON.
    pub(super) refused: Option<Box<str>>,
}

/// A record without a place in the order: it is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Aside {
    /// Its id, where that can be read.
    pub(super) id: Option<RecordId>,
    /// Its text, as it came.
    pub(super) data: Bytes,
    /// Why, in one line.
    pub(super) reason: Box<str>,
}

/// A response's records.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Those with a readable key, in the source's order.
    pub(super) rows: Vec<Row>,
    /// Those without.
    pub(super) aside: Vec<Aside>,
    /// All of them.
    pub(super) count: usize,
    /// Null stands in the place of the list.
    pub(super) is_null: bool,
    /// The body without its records: what it says of the list.
    pub(super) frame: Bytes,
    /// The first record and the last.
    ends: Option<(Edge, Edge)>,
    /// What is wrong where no record has a readable key, for the flow seems to look in the wrong place.
    astray: Option<String>,
    found: bool,
}

/// Why a body is no page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PageFault {
    /// It is no JSON at all: cut short, or an error page.
    NotJson(String),
    /// It is JSON without a list of records where the flow says.
    NoList {
        /// What is wrong, and what to do.
        message: String,
        /// Nothing at all stands there.
        is_absent: bool,
    },
    /// It is JSON of another shape than the flow says.
    Shape(String),
}

/// One record of a page, for telling whether two pages meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edge {
    /// By its key.
    Row(Mark),
    /// By its text, for want of a key.
    Unkeyed(Bytes),
}

impl Page {
    /// The last record.
    pub(super) fn last(&self) -> Option<&Edge> {
        self.ends.as_ref().map(|(_, last)| last)
    }

    /// Takes out the records up to one, that one included; answers whether it is there.
    pub(super) fn drop_through(&mut self, edge: &Edge) -> bool {
        match edge {
            Edge::Row(mark) => {
                let at = self.rows.iter().position(|row| row.mark == *mark);
                at.map(|at| drop(self.rows.drain(..=at))).is_some()
            }
            // It is parked, for want of its place.
            Edge::Unkeyed(data) => self.aside.iter().any(|aside| aside.data == *data),
        }
    }

    /// What is wrong with the flow where it looks for every record's key in the wrong place.
    pub(super) fn astray(&self) -> Option<&str> {
        self.astray.as_deref()
    }
}

impl Row {
    /// The row without its place, for it cannot be given there.
    pub(super) fn into_aside(self, reason: impl Into<Box<str>>) -> Aside {
        let Self { mark, data, refused, .. } = self;
        Aside { id: Some(mark.id), data, reason: refused.unwrap_or_else(|| reason.into()) }
    }
}

impl From<Aside> for Refused {
    /// Without a timestamp there is one version.
    fn from(aside: Aside) -> Self {
        let Aside { id, data, reason } = aside;
        let id = id.unwrap_or_else(|| unreadable_id(&data));
        let record = WireRecord { id, version: Version(0), deleted: false, data };
        Self { record, reason }
    }
}
