//! Where a list request starts: the value of `since`.

use tidegate_core::model::{Mark, Moment, Position, RecordId};

use super::{
    cursor::{Cursor, is_mark_min},
    page::Row,
};
use crate::{error::ConnectError, resolver::Resolver};

/// Makes the anchors of a source's requests.
pub(super) struct Anchors {
    pub(super) cursor: Cursor,
    /// What is sent as `since` before anything was read.
    start: Option<String>,
}

/// A value of `since`, and what it compares as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Anchor {
    /// As the request carries it; `None` leaves the parameter out.
    pub(super) value: Option<String>,
    /// `None` is before everything.
    key: Option<Key>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Id(RecordId),
    Ns(i64),
}

impl Anchors {
    /// Fills in a connection's values.
    pub(super) fn new(cursor: &Cursor, resolver: &Resolver<'_>) -> Result<Self, ConnectError> {
        let start = cursor.start.as_ref().map(|start| start.fill(resolver)).transpose()?;
        Ok(Self { cursor: cursor.clone(), start })
    }

    /// Where a walk from `position` starts.
    pub(super) fn anchor(&self, position: &Position) -> Anchor {
        if self.cursor.since.is_none() {
            return Anchor::default();
        }
        match position.mark().filter(|mark| !is_mark_min(mark)) {
            Some(mark) => self.at(mark),
            None => Anchor { value: self.start.clone(), key: None },
        }
    }

    fn at(&self, mark: &Mark) -> Anchor {
        match &mark.at {
            Some(at) if self.cursor.is_inclusive() => {
                Anchor { value: Some(at.text.to_string()), key: Some(Key::Ns(at.ns)) }
            }
            // `since` leaves its own moment out, and some of that moment may not be read yet.
            Some(at) => {
                let (text, ns) = self.cursor.second_before(at.ns);
                Anchor { value: Some(text), key: Some(Key::Ns(ns)) }
            }
            None => {
                Anchor { value: Some(mark.id.to_string()), key: Some(Key::Id(mark.id.clone())) }
            }
        }
    }

    /// The latest anchor after `from` that leaves out no record after these rows. `None` if the rows
    /// are all of one moment, or do not reach beyond `from`.
    pub(super) fn beyond(&self, from: &Anchor, rows: &[Row]) -> Option<Anchor> {
        let last = &rows.last()?.mark;
        let anchor = match &last.at {
            None => self.at(last),
            Some(_) if self.cursor.is_inclusive() => self.at(last),
            // All of a moment has been seen once a later one is.
            Some(_) => {
                let whole = rows.iter().rev().find(|row| row.mark.at < last.at)?;
                let at = whole.mark.at.as_ref()?;
                Anchor { value: Some(at.text.to_string()), key: Some(Key::Ns(at.ns)) }
            }
        };
        anchor.is_beyond(from).then_some(anchor)
    }

    /// The anchor behind a moment that was seen whole, given the least moment seen after it.
    pub(super) fn behind(&self, whole: Moment, next: Moment) -> Anchor {
        let at = if self.cursor.is_inclusive() { next } else { whole };
        Anchor { value: Some(at.text.into()), key: Some(Key::Ns(at.ns)) }
    }

    /// Whether a first page ends before its anchor begins: the source goes by something coarser (a
    /// day), or not by `since` at all.
    pub(super) fn is_before(&self, rows: &[Row], anchor: &Anchor) -> bool {
        let Some(row) = rows.last() else { return false };
        let key = Some(match &row.mark.at {
            Some(at) => Key::Ns(at.ns),
            None => Key::Id(row.mark.id.clone()),
        });
        key < anchor.key || !self.cursor.is_inclusive() && key == anchor.key
    }
}

impl Anchor {
    /// Whether pages from here begin later than pages from there. Only then does a walk get on.
    pub(super) fn is_beyond(&self, other: &Self) -> bool {
        self.key > other.key
    }
}
