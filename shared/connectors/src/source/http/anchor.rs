//! Where a list request starts: the value of `since`.

use tidegate_core::model::{Mark, Moment, Position, RecordId};
use tidegate_flow::spec::{CursorBy, TimeFormat};

use super::{line::is_floor, moment, page::Row};

/// How a source takes the position.
pub(super) struct Cursor {
    pub(super) by: CursorBy,
    pub(super) format: TimeFormat,
    /// The parameter that carries it.
    pub(super) since: Option<String>,
    /// Whether it includes records exactly at it.
    pub(super) inclusive: bool,
    /// The parameter that carries the upper bound.
    pub(super) until: Option<String>,
    /// What is sent before anything was read.
    pub(super) start: Option<String>,
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

impl Cursor {
    /// Where a walk from `position` starts.
    pub(super) fn anchor(&self, position: &Position) -> Anchor {
        let known = position.mark().filter(|mark| !is_floor(mark));
        match known {
            Some(mark) if self.since.is_some() => self.at(mark),
            None if self.since.is_some() => Anchor { value: self.start.clone(), key: None },
            _ => Anchor::default(),
        }
    }

    fn at(&self, mark: &Mark) -> Anchor {
        match &mark.at {
            Some(at) if self.inclusive => {
                Anchor { value: Some(at.text.to_string()), key: Some(Key::Ns(at.ns)) }
            }
            // `since` leaves its own moment out, and some of that moment may not be read yet.
            Some(at) => {
                let (text, ns) = moment::second_before(at.ns, self.format);
                Anchor { value: Some(text), key: Some(Key::Ns(ns)) }
            }
            None => {
                Anchor { value: Some(mark.id.to_string()), key: Some(Key::Id(mark.id.clone())) }
            }
        }
    }

    /// The latest anchor behind `from` from which nothing of these rows' followers is left out.
    /// `None` if the rows are all of one moment, or do not reach beyond it.
    pub(super) fn beyond(&self, from: &Anchor, rows: &[Row]) -> Option<Anchor> {
        let last = &rows.last()?.mark;
        let anchor = match &last.at {
            None => self.at(last),
            Some(_) if self.inclusive => self.at(last),
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
        let at = if self.inclusive { next } else { whole };
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
        key < anchor.key || !self.inclusive && key == anchor.key
    }
}

impl Anchor {
    /// Whether a stretch from here begins later than one from there. Only then does a walk get on.
    pub(super) fn is_beyond(&self, other: &Self) -> bool {
        self.key > other.key
    }
}
