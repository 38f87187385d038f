//! Where a list request starts: the value of `since`.

use jiff::{SignedDuration, civil::Date, civil::DateTime};
use tidegate_core::model::{EpochMs, Mark, Moment, Position, RecordId};

use super::{
    cursor::{Cursor, Named, is_before_all, is_mark_min},
    page::Row,
};
use crate::{error::ConnectError, resolver::Resolver};

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;
const NS_PER_DAY: i64 = 86_400 * NS_PER_S;

/// Makes the anchors of a source's requests.
pub(super) struct Anchors {
    pub(super) cursor: Cursor,
    /// Whether requests carry a lower bound.
    pub(super) takes_since: bool,
    /// Whether requests carry an upper bound.
    pub(super) takes_until: bool,
    /// What is sent as `since` before anything was read.
    start: Option<String>,
}

/// Whether `since` includes records exactly at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// It does: `>=`. Where the flow does not say so, it is taken for it until a record is missing.
    Includes,
    /// It does not: `>`.
    LeavesOut,
}

/// A value of `since`, and what it compares as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Anchor {
    /// As the request carries it; `None` leaves the parameter out.
    pub(super) value: Option<String>,
    /// `None` is before everything.
    key: Option<Key>,
}

/// What shows that a source includes records at its `since`.
pub(super) struct Proof {
    /// A record at the anchor, which must be in the answer.
    pub(super) mark: Mark,
    /// Where to start if it is not: then that moment may be left out.
    pub(super) otherwise: Anchor,
    /// Whether reading from there must go on by pages, for it gives what was read already.
    pub(super) is_coarse: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Id(RecordId),
    Ns(i64),
}

impl Anchors {
    /// Fills in a connection's values. `named` says which bounds the requests' texts refer to.
    pub(super) fn new(
        cursor: &Cursor,
        named: Named,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let start = cursor.start.as_ref().map(|start| start.fill(resolver)).transpose()?;
        let takes_since = cursor.since.is_some() || named.since;
        let takes_until = cursor.until.is_some() || named.until;
        Ok(Self { cursor: cursor.clone(), takes_since, takes_until, start })
    }

    /// The upper bound as requests carry it, where they do.
    pub(super) fn until(&self, until_ms: EpochMs) -> Option<String> {
        let sends = self.takes_until && self.cursor.by.has_timestamp();
        sends.then(|| self.cursor.sent(until_ms))
    }

    /// A moment of the source as requests carry it: in the source's own words, unless they are to have a
    /// format of their own. That may be coarser, and is never later.
    fn sent(&self, at: &Moment) -> String {
        match self.cursor.has_sent_format() {
            true => self.cursor.sent(at.ns.div_euclid(NS_PER_MS)),
            false => at.text.to_string(),
        }
    }

    /// The anchor at a moment.
    fn of(&self, at: &Moment) -> Anchor {
        Anchor { value: Some(self.sent(at)), key: Some(Key::Ns(at.ns)) }
    }

    /// Where a walk from `position` starts, and what must show that nothing is left out there.
    pub(super) fn opening(&self, position: &Position) -> (Anchor, Option<Proof>) {
        let filter = self.filter();
        match position.mark() {
            // No record stands there to show it: `since` steps back, which includes that moment.
            Some(mark) if is_before_all(mark) => (self.anchor_before(position), None),
            mark => {
                let proof = mark.and_then(|mark| self.proof(filter, mark, position));
                (self.anchor(position, filter), proof)
            }
        }
    }

    /// Where a walk from `position` starts that includes its moment, whatever the source's filter may be
    /// where the flow does not say it.
    pub(super) fn anchor_before(&self, position: &Position) -> Anchor {
        let filter = match self.cursor.inclusive {
            Some(true) => Filter::Includes,
            _ => Filter::LeavesOut,
        };
        self.anchor(position, filter)
    }

    /// What the flow says of the source's filter, or what it is taken for at first.
    pub(super) fn filter(&self) -> Filter {
        match self.cursor.inclusive.unwrap_or(self.cursor.by.has_timestamp()) {
            true => Filter::Includes,
            false => Filter::LeavesOut,
        }
    }

    /// What must show that a source's filter is as it is taken for, where that is not known. `mark` is
    /// a record's at the anchor, and everything up to `last` was read.
    pub(super) fn proof(&self, filter: Filter, mark: &Mark, last: &Position) -> Option<Proof> {
        let is_unsure = self.cursor.inclusive.is_none()
            && self.takes_since
            && mark.at.is_some()
            && filter == Filter::Includes
            && !is_mark_min(mark)
            && !is_before_all(mark);
        is_unsure.then(|| {
            let otherwise = self.anchor(last, Filter::LeavesOut);
            Proof { mark: mark.clone(), otherwise, is_coarse: false }
        })
    }

    /// Where a walk from `position` starts.
    pub(super) fn anchor(&self, position: &Position, filter: Filter) -> Anchor {
        if !self.takes_since {
            return Anchor::default();
        }
        match position.mark().filter(|mark| !is_mark_min(mark)) {
            Some(mark) => self.at(mark, filter),
            None => Anchor { value: self.start.clone(), key: None },
        }
    }

    fn at(&self, mark: &Mark, filter: Filter) -> Anchor {
        match &mark.at {
            Some(at) if filter == Filter::Includes => self.of(at),
            // `since` leaves its own moment out, and some of that moment may not be read yet.
            Some(at) => {
                let (text, ns) = earlier(at, &self.cursor);
                Anchor { value: Some(text), key: Some(Key::Ns(ns)) }
            }
            None => {
                Anchor { value: Some(mark.id.to_string()), key: Some(Key::Id(mark.id.clone())) }
            }
        }
    }

    /// The latest anchor after `from` that leaves out no record after these rows. `None` if the rows
    /// are all of one moment, or do not reach beyond `from`.
    pub(super) fn beyond(&self, from: &Anchor, rows: &[Row], filter: Filter) -> Option<Anchor> {
        let last = &rows.last()?.mark;
        let anchor = match &last.at {
            None => self.at(last, filter),
            Some(_) if filter == Filter::Includes => self.at(last, filter),
            // All of a moment has been seen once a later one is.
            Some(_) => {
                let whole = rows.iter().rev().find(|row| row.mark.at < last.at)?;
                self.of(whole.mark.at.as_ref()?)
            }
        };
        anchor.is_beyond(from).then_some(anchor)
    }

    /// The anchor behind a moment that was seen whole, given the least moment seen after it.
    pub(super) fn behind(&self, whole: &Moment, next: &Moment, filter: Filter) -> Anchor {
        match filter {
            Filter::Includes => self.of(next),
            Filter::LeavesOut => self.of(whole),
        }
    }

    /// Whether a first page ends before its anchor begins: the source goes by something coarser (a
    /// day), or not by `since` at all.
    pub(super) fn is_before(&self, rows: &[Row], anchor: &Anchor, filter: Filter) -> bool {
        let Some(row) = rows.last() else { return false };
        let key = Some(match &row.mark.at {
            Some(at) => Key::Ns(at.ns),
            None => Key::Id(row.mark.id.clone()),
        });
        key < anchor.key || filter == Filter::LeavesOut && key == anchor.key
    }
}

impl Anchor {
    /// Its moment in ns, where it has one.
    pub(super) fn ns(&self) -> Option<i64> {
        match self.key {
            Some(Key::Ns(ns)) => Some(ns),
            _ => None,
        }
    }

    /// Whether pages from here begin later than pages from there. Only then does a walk get on.
    pub(super) fn is_beyond(&self, other: &Self) -> bool {
        self.key > other.key
    }
}

/// A value of `since` that is a second or, where moments are days, a day before a moment, and as a
/// number: from there, a source whose `since` leaves its own moment out still gives every record of
/// it, also where its filter knows only whole seconds. Written as the source writes its own, where
/// that is possible.
fn earlier(at: &Moment, cursor: &Cursor) -> (String, i64) {
    if cursor.has_sent_format() {
        return cursor.second_before(at.ns);
    }
    let number = |unit: i64| number_before(&at.text, unit);
    let candidates = [
        (time_before(&at.text), NS_PER_S),
        (date_before(&at.text), NS_PER_DAY),
        (number(1), NS_PER_S),
        (number(1_000), NS_PER_S),
        (number(1_000_000), NS_PER_S),
        (number(NS_PER_S), NS_PER_S),
    ];
    let own = candidates.into_iter().find_map(|(text, back_ns)| {
        let ns = at.ns.checked_sub(back_ns)?;
        text.filter(|text| cursor.ns(text) == Some(ns)).map(|text| (text, ns))
    });
    own.unwrap_or_else(|| cursor.second_before(at.ns))
}

/// A text that begins with a date and a time, a second earlier; what follows the seconds stays.
fn time_before(text: &str) -> Option<String> {
    let (date, separator) = (text.get(..10)?, text.get(10..11)?);
    let (time, rest) = (text.get(11..19)?, text.get(19..)?);
    let moment: DateTime = format!("{date}T{time}").parse().ok()?;
    let before = moment.checked_sub(SignedDuration::from_secs(1)).ok()?.to_string();
    let (date, time) = before.split_once('T')?;
    Some(format!("{date}{separator}{time}{rest}"))
}

/// A text that is a date, a day earlier.
fn date_before(text: &str) -> Option<String> {
    let date: Date = (text.len() == 10).then(|| text.parse().ok())??;
    Some(date.yesterday().ok()?.to_string())
}

/// A text that is a number, so many less; its fraction stays.
fn number_before(text: &str, less: i64) -> Option<String> {
    let (whole, fraction) = match text.find('.') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let before = whole.parse::<i64>().ok().filter(|whole| *whole > less)?.checked_sub(less)?;
    Some(format!("{before}{fraction}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::section;

    fn before(format: &str, text: &str) -> (String, i64) {
        let cursor: Cursor = section(json!({ "by": "timestamp", "field": "at", "format": format }));
        let ns = cursor.ns(text).unwrap();
        let (text, earlier_ns) = earlier(&Moment { text: text.into(), ns }, &cursor);
        (text, ns - earlier_ns)
    }

    #[test]
    fn a_moment_is_stepped_back_as_the_source_writes_it() {
        for (format, text, expected) in [
            ("rfc3339", "2024-01-01 00:00:00", "2023-12-31 23:59:59"),
            ("rfc3339", "2024-03-01T12:00:01.120Z", "2024-03-01T12:00:00.120Z"),
            ("rfc3339", "2024-03-01T00:00:00+01:00", "2024-02-29T23:59:59+01:00"),
            ("epoch_s", "1700000000", "1699999999"),
            ("epoch_s", "1700000000.25", "1699999999.25"),
            ("epoch_ms", "1700000000123", "1699999999123"),
        ] {
            assert_eq!(before(format, text), (expected.to_owned(), NS_PER_S), "{text}");
        }
        let day = before("rfc3339", "2024-03-01");
        assert_eq!(day, ("2024-02-29".to_owned(), NS_PER_DAY));
    }

    #[test]
    fn a_moment_that_is_written_otherwise_is_stepped_back_to_a_whole_second() {
        let (text, ns) = before("epoch_ms", "1.700000000123e12");
        assert_eq!((text.as_str(), ns), ("1699999999000", 1_123_000_000));
    }
}
