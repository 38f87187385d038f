//! Where a walk is among the rows of its list: which are new, which were given, and what a position says of it.

use std::{
    cmp::Ordering,
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_core::{
    model::{EpochMs, Mark, Moment, Position},
    ports::SourceError,
};

use crate::source::{
    http::{page::Row, pagination::PageRef, place::Place},
    notes::{NoteStore, Noted, Notes},
};

/// Rows of one timestamp that a position remembers as given.
const EDGE_MAX: usize = 48;
/// Rows of the overlap that are remembered as given.
const FRESH_MAX: usize = 20_000;
/// A row that is so much newer than now is not new but wrong: it is given, and no walk goes by it.
const FUTURE_MS: EpochMs = 24 * 3_600_000;
const NS_PER_MS: i64 = 1_000_000;

/// What a position carries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// The newest record of the last walk that is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    floor: Option<Mark>,
    /// What was given of the overlap before it.
    #[serde(default)]
    seen: Noted,
    /// The walk that is not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    descent: Option<Descent>,
}

/// How far down a walk is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Descent {
    /// Newer rows are the next walk's.
    until_ms: EpochMs,
    /// Its newest record.
    top: Option<Mark>,
    /// What it gave of the overlap before that.
    fresh: Noted,
    /// Its last record.
    at: Option<Mark>,
    /// Those of that timestamp that it gave.
    edge: Vec<Box<str>>,
    /// The page on which that stands.
    page: Place,
}

/// A walk's place among the rows.
pub(super) struct Track {
    overlap_ms: i64,
    until_ms: EpochMs,
    floor: Option<Mark>,
    seen: Notes,
    fresh: Notes,
    top: Option<Mark>,
    at: Option<Mark>,
    edge: HashSet<Box<str>>,
}

/// What becomes of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The next walk's.
    TooNew,
    /// Given by this walk.
    Passed,
    /// Given by the walk before.
    Seen,
    /// To be given.
    New,
    /// So far in the future that its time is wrong: given once, and no walk goes by it.
    Wrong,
    /// Below all that is new.
    Below,
}

impl Track {
    /// Goes on from a state, or begins a walk that takes no row newer than `until_ms`. Also the page to read.
    pub(super) async fn open(
        overlap_ms: i64,
        notes: &NoteStore,
        state: State,
        until_ms: EpochMs,
    ) -> Result<(Self, PageRef), SourceError> {
        let descent = state.descent.unwrap_or_else(|| Descent::new(until_ms));
        let track = Self {
            overlap_ms,
            until_ms: descent.until_ms,
            floor: state.floor,
            seen: notes.open(state.seen).await?,
            fresh: notes.open(descent.fresh).await?,
            top: descent.top,
            at: descent.at,
            edge: descent.edge.into_iter().collect(),
        };
        Ok((track, descent.page.into_ref()))
    }

    /// Rows that are newer are the next walk's.
    pub(super) fn until_ms(&self) -> EpochMs {
        self.until_ms
    }

    /// The last row that was given.
    pub(super) fn at(&self) -> Option<&Mark> {
        self.at.as_ref()
    }

    /// Whether more rows of one timestamp were given than a position remembers.
    pub(super) fn forgets_rows(&self) -> bool {
        self.edge.len() >= EDGE_MAX
    }

    /// Whether a row of the last timestamp was given.
    pub(super) fn was_given(&self, row: &Row) -> bool {
        self.edge.contains(&edge_key(row))
    }

    /// Whether something was noted of this walk or the one before.
    pub(super) fn is_noted(&self, key: &str) -> bool {
        self.fresh.get(key).or_else(|| self.seen.get(key)).is_some()
    }

    /// Adds the rows of a page to those of the last timestamp.
    pub(super) fn end_page(&mut self, on_page: HashSet<Box<str>>) {
        self.edge.extend(on_page);
    }

    /// Sees to it that what was noted is kept.
    pub(super) async fn keep(&mut self) -> Result<(), SourceError> {
        self.fresh.keep().await
    }

    /// Where the overlap before the last walk's newest record begins.
    pub(super) fn lowered_floor(&self, write: impl Fn(EpochMs) -> String) -> Position {
        let Some(floor) = &self.floor else { return Position::Start };
        let Some(at) = floor.at.as_ref().filter(|_| self.overlap_ms > 0) else {
            return Position::At(floor.clone());
        };
        let ns = at.ns.saturating_sub(self.overlap_ms * NS_PER_MS);
        let text = write(ns.div_euclid(NS_PER_MS)).into();
        Position::At(Mark { at: Some(Moment { text, ns }), id: floor.id.clone() })
    }

    /// What becomes of a row, by its place and what was noted.
    pub(super) fn fate(&self, row: &Row) -> Fate {
        let seen = || self.seen.get(&seen_key(row)).is_some();
        if row.changed_ns.is_some_and(|ns| ns > self.until_ms.saturating_mul(NS_PER_MS)) {
            let far_ns = self.until_ms.saturating_add(FUTURE_MS).saturating_mul(NS_PER_MS);
            let is_wrong = row.mark.at.as_ref().is_some_and(|at| at.ns > far_ns);
            return if is_wrong { Fate::Wrong } else { Fate::TooNew };
        }
        let passed = self.at.as_ref().map(|at| compare(&row.mark, at));
        match passed {
            Some(Ordering::Greater) => return Fate::Passed,
            Some(Ordering::Equal) if self.edge.contains(&edge_key(row)) => return Fate::Passed,
            // Ids are the order here: an equal one is the same record.
            Some(Ordering::Equal) if row.mark.at.is_none() => return Fate::Passed,
            _ => {}
        }
        match &self.floor {
            Some(floor) if self.is_below(&row.mark, floor) => Fate::Below,
            Some(_) if seen() => Fate::Seen,
            _ => Fate::New,
        }
    }

    /// Whether a row is below all that the last walk has left.
    fn is_below(&self, mark: &Mark, floor: &Mark) -> bool {
        match (&mark.at, &floor.at) {
            (Some(at), Some(floor)) => at.ns < floor.ns.saturating_sub(self.overlap_ms * NS_PER_MS),
            _ => mark.id <= floor.id,
        }
    }

    /// Moves the walk's place down to a row.
    pub(super) async fn pass(
        &mut self,
        row: &Row,
        on_page: &mut HashSet<Box<str>>,
    ) -> Result<(), SourceError> {
        if self.top.is_none() {
            self.top = Some(row.mark.clone());
        }
        if self.at.as_ref().is_none_or(|at| compare(&row.mark, at) == Ordering::Less) {
            self.edge.clear();
            on_page.clear();
        }
        self.at = Some(row.mark.clone());
        on_page.insert(edge_key(row));
        let Some(at) = &row.mark.at else { return Ok(()) };
        match self.is_in_overlap(at) {
            true => self.note(&seen_key(row), at.ns.div_euclid(NS_PER_MS)).await,
            // All of the overlap is behind: positions need not carry what was noted of it any longer.
            false => self.fresh.settle().await,
        }
    }

    /// Whether the next walk reads down to that moment again.
    fn is_in_overlap(&self, at: &Moment) -> bool {
        let top = self.top.as_ref().and_then(|top| top.at.as_ref());
        let overlap_ns = self.overlap_ms * NS_PER_MS;
        top.is_some_and(|top| at.ns >= top.ns.saturating_sub(overlap_ns))
    }

    pub(super) async fn note(&mut self, key: &str, ms: i64) -> Result<(), SourceError> {
        // What is not remembered is given again, which does no harm but work.
        if self.fresh.len() >= FRESH_MAX {
            return Ok(());
        }
        self.fresh.set(key, Value::from(ms)).await
    }

    /// Whether the next walk may see what stands here again.
    pub(super) fn is_at_top(&self) -> bool {
        let at = self.at.as_ref().and_then(|at| at.at.as_ref());
        at.is_none_or(|at| self.is_in_overlap(at))
    }

    /// What a position says. `page` is the one to read; none once the walk is complete.
    pub(super) fn state(&self, page: Option<Place>, on_page: &HashSet<Box<str>>) -> State {
        let Some(page) = page else {
            let floor = self.top.clone().or_else(|| self.floor.clone());
            let seen = if self.top.is_some() { self.fresh.noted() } else { self.seen.noted() };
            return State { floor, seen: seen.clone(), descent: None };
        };
        let mut edge: Vec<_> = self.edge.union(on_page).take(EDGE_MAX).cloned().collect();
        edge.sort_unstable();
        let descent = Descent {
            until_ms: self.until_ms,
            top: self.top.clone(),
            fresh: self.fresh.noted().clone(),
            at: self.at.clone(),
            edge,
            page,
        };
        let (floor, seen) = (self.floor.clone(), self.seen.noted().clone());
        State { floor, seen, descent: Some(descent) }
    }
}

impl State {
    /// Whether no walk is under way.
    pub(super) fn is_complete(&self) -> bool {
        self.descent.is_none()
    }

    /// Of a stream that was read up to this record.
    pub(super) fn down_to(floor: Mark) -> Self {
        Self { floor: Some(floor), ..Self::default() }
    }
}

impl Descent {
    fn new(until_ms: EpochMs) -> Self {
        let (fresh, edge) = (Noted::default(), Vec::new());
        Self { until_ms, top: None, fresh, at: None, edge, page: Place::First }
    }
}

/// How two records stand to each other in a list by time, or by id where there is no time: within one
/// timestamp there is no certain order.
pub(super) fn compare(one: &Mark, other: &Mark) -> Ordering {
    match (&one.at, &other.at) {
        (Some(one), Some(other)) => one.cmp(other),
        _ => one.id.cmp(&other.id),
    }
}

/// What a row of the overlap is known by: its id and its time.
pub(super) fn seen_key(row: &Row) -> Box<str> {
    digest(&(&row.mark.id, row.mark.at.as_ref().map(|at| at.ns)))
}

/// What a row of the last timestamp is known by: two with one id may differ.
fn edge_key(row: &Row) -> Box<str> {
    digest(&(&row.mark.id, &row.data))
}

/// A few letters that stand for a value. A new compiler may have others: then what they stand for is given
/// once more.
pub(super) fn digest(value: &impl Hash) -> Box<str> {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:013x}", hasher.finish() >> 12).into()
}
