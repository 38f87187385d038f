//! The order in which records leave a walk: ascending, each after the last, none stepped over.

use tidegate_core::{
    model::{EpochMs, Mark, Moment, Position, Record, Version},
    ports::SourceError,
};

use super::{cursor::CursorBy, page::Row};

/// Most records of one timestamp that are held to be put in order.
const GROUP_RECORDS_MAX: usize = 100_000;
/// What clocks and time zones that were mistaken for another explain.
const AHEAD_NS_MAX: i64 = 86_400 * 1_000_000_000;
/// Most bytes of them.
const GROUP_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The end of what has been given, and what is held back behind it.
pub(super) struct Line {
    by: CursorBy,
    /// Given up to here.
    last: Position,
    /// The newest moment that the walk was asked for.
    asked_ns: i64,
    /// The newest that it reads: those behind it may still get company, or are the next window's.
    until_ns: i64,
    /// Where its window ends.
    window_ns: i64,
    /// Records of the newest timestamp, where the source gives them in no certain order.
    group: Group,
    /// Ready to leave.
    ready: Vec<Record>,
}

/// Records of one timestamp.
#[derive(Default)]
pub(super) struct Group {
    rows: Vec<Row>,
    bytes: usize,
}

/// Checks what is held of one timestamp.
///
/// # Errors
/// If it is more than memory is for. None of it may be stepped over, so the flow waits for an
/// operator.
pub(super) fn check_held(records: usize, bytes: usize, at: &Moment) -> Result<(), SourceError> {
    if records <= GROUP_RECORDS_MAX && bytes <= GROUP_BYTES_MAX {
        return Ok(());
    }
    Err(SourceError::Halt(format!(
        "more than {GROUP_RECORDS_MAX} records or {} MB have the timestamp {}, and their order \
         within it is unknown: have the source sort by timestamp and id, and set \
         source.http.cursor.by to timestamp_id",
        GROUP_BYTES_MAX >> 20,
        at.text
    )))
}

/// What became of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Took {
    /// It is given, held, or was given before.
    Taken,
    /// It is newer than the walk may read: the walk ends before it.
    TooNew,
}

impl Group {
    /// Adds a row.
    ///
    /// # Errors
    /// If there are more than can be held: what to do about it.
    pub(super) fn push(&mut self, row: Row) -> Result<(), SourceError> {
        self.bytes += row.data.len();
        self.rows.push(row);
        match &self.rows[0].mark.at {
            Some(at) => check_held(self.rows.len(), self.bytes, at),
            None => Ok(()),
        }
    }

    /// The rows by id; of one that was read twice, the later reading.
    pub(super) fn into_sorted(mut self) -> Vec<Row> {
        self.rows.reverse();
        self.rows.sort_by(|left, right| left.mark.id.cmp(&right.mark.id));
        self.rows.dedup_by(|later, kept| later.mark.id == kept.mark.id);
        self.rows
    }
}

impl Line {
    /// A line that goes on after `last`.
    pub(super) fn new(by: CursorBy, last: Position, until_ms: EpochMs) -> Self {
        let asked_ns = until_ms.saturating_mul(1_000_000);
        Self {
            by,
            last,
            asked_ns,
            until_ns: asked_ns,
            window_ns: i64::MAX,
            group: Group::default(),
            ready: Vec::new(),
        }
    }

    /// Reads nothing that is newer than this.
    pub(super) fn end_at(&mut self, window_ms: EpochMs) {
        self.window_ns = window_ms.saturating_mul(1_000_000);
        self.until_ns = self.until_ns.min(self.window_ns);
    }

    /// The newest moment that it reads, in ns.
    pub(super) fn until_ns(&self) -> i64 {
        self.until_ns
    }

    /// Given up to here.
    pub(super) fn last(&self) -> &Position {
        &self.last
    }

    /// Reads nothing that is younger than this, from the newest moment asked for.
    pub(super) fn hold(&mut self, lag_ns: i64) {
        self.until_ns = self.asked_ns.saturating_sub(lag_ns).min(self.window_ns);
    }

    /// How long before now a record must be to be read, in ns.
    pub(super) fn lag_ns(&self, now_ms: EpochMs) -> i64 {
        now_ms.saturating_mul(1_000_000).saturating_sub(self.until_ns).max(0)
    }

    /// Whether a row is dated so far ahead that no clock's fault explains it: waiting for it would be
    /// waiting for ever.
    pub(super) fn is_of_the_future(&self, row: &Row) -> bool {
        row.changed_ns.is_some_and(|changed| changed > self.asked_ns.saturating_add(AHEAD_NS_MAX))
    }

    /// Whether the walk may not read so new a row.
    pub(super) fn is_too_new(&self, row: &Row) -> bool {
        row.changed_ns.is_some_and(|changed| changed > self.until_ns)
    }

    /// Whether the walk may not read so new a moment.
    pub(super) fn is_beyond_bound(&self, at: &Moment) -> bool {
        at.ns > self.until_ns
    }

    /// Takes the next row in the source's order.
    pub(super) fn push(&mut self, row: Row) -> Result<Took, SourceError> {
        if self.is_too_new(&row) {
            return Ok(Took::TooNew);
        }
        if self.by.sorts_ids() {
            self.give(row);
            return Ok(Took::Taken);
        }
        // Everything up to the last one's timestamp but its own group has been given.
        let before =
            |last: &Mark| last.at.as_ref().is_some_and(|at| row.mark.at.as_ref() < Some(at));
        if self.last.mark().is_some_and(before) {
            return Ok(Took::Taken);
        }
        if self.group.rows.first().is_some_and(|held| held.mark.at != row.mark.at) {
            self.close_group();
        }
        self.group.push(row)?;
        Ok(Took::Taken)
    }

    /// Gives the held rows: a greater timestamp or the end has been seen.
    pub(super) fn close_group(&mut self) {
        let group = std::mem::take(&mut self.group);
        self.give_group(group);
    }

    /// Gives rows of one timestamp, by id.
    pub(super) fn give_group(&mut self, group: Group) {
        for row in group.into_sorted() {
            self.give(row);
        }
    }

    /// Forgets the held rows: they are read again.
    pub(super) fn drop_group(&mut self) {
        self.group = Group::default();
    }

    /// What is ready to leave.
    pub(super) fn take(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.ready)
    }

    fn give(&mut self, row: Row) {
        if self.last.mark().is_some_and(|last| row.mark <= *last) {
            return;
        }
        // A record that has no order by time never changes: one version.
        let version = Version(row.mark.at.as_ref().map_or(0, |at| at.ns));
        self.last = Position::At(row.mark.clone());
        self.ready.push(Record {
            id: row.mark.id.clone(),
            mark: row.mark,
            step: None,
            version,
            deleted: false,
            data: row.data,
            refused: row.refused,
        });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tidegate_core::model::RecordId;

    use super::*;

    fn by(order: &str) -> CursorBy {
        crate::testing::section(order.into())
    }

    fn row(ns: i64, id: i64) -> Row {
        let at = Some(Moment { text: ns.to_string().into(), ns });
        let mark = Mark { at, id: RecordId::Number(id) };
        let data = Bytes::from_static(b"{}");
        Row { mark, changed_ns: Some(ns), is_fallback: false, data, refused: None }
    }

    fn ids(line: &mut Line) -> Vec<String> {
        line.take().into_iter().map(|record| record.id.to_string()).collect()
    }

    fn at(ns: i64, id: i64) -> Position {
        Position::At(row(ns, id).mark)
    }

    #[test]
    fn a_timestamps_group_is_held_until_a_greater_one_and_leaves_by_id() {
        let mut line = Line::new(by("timestamp"), Position::Start, 1);
        for (ns, id) in [(1, 9), (1, 3), (1, 7), (2, 1)] {
            line.push(row(ns, id)).unwrap();
        }
        assert_eq!(ids(&mut line), ["3", "7", "9"]);
        line.close_group();
        assert_eq!(ids(&mut line), ["1"]);
    }

    #[test]
    fn a_walk_goes_on_inside_a_tie() {
        let mut line = Line::new(by("timestamp"), at(1, 5), 1);
        for (ns, id) in [(0, 99), (1, 9), (1, 3), (1, 5), (1, 7)] {
            line.push(row(ns, id)).unwrap();
        }
        line.close_group();
        assert_eq!(ids(&mut line), ["7", "9"]);
    }

    #[test]
    fn what_is_newer_than_the_bound_ends_the_walk() {
        let mut line = Line::new(by("timestamp_id"), Position::Start, 1);
        assert_eq!(line.push(row(1_000_000, 1)), Ok(Took::Taken));
        assert_eq!(line.push(row(1_000_001, 2)), Ok(Took::TooNew));
        assert_eq!(ids(&mut line), ["1"]);
    }

    #[test]
    fn what_is_held_back_is_younger_and_the_far_future_is_told_from_it() {
        let mut line = Line::new(by("timestamp"), Position::Start, 10_000);
        let s = 1_000_000_000;
        line.hold(2 * s);
        assert!(!line.is_too_new(&row(8 * s, 1)) && line.is_too_new(&row(8 * s + 1, 1)));
        assert_eq!(line.lag_ns(11_000), 3 * s);
        assert!(!line.is_of_the_future(&row(86_410 * s, 1)));
        assert!(line.is_of_the_future(&row(86_410 * s + 1, 1)));
    }

    #[test]
    fn a_group_too_large_to_hold_is_never_stepped_over() {
        let mut line = Line::new(by("timestamp"), Position::Start, 1);
        let error = (0..=GROUP_RECORDS_MAX as i64).find_map(|id| line.push(row(1, id)).err());
        assert!(matches!(error, Some(SourceError::Halt(text)) if text.contains("timestamp_id")));
        assert_eq!(line.take(), []);
    }
}
