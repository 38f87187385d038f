//! What the timestamps of a list say of how far a walk may read, and which records it must not wait for.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use tidegate_core::{
    model::{EpochMs, Position, Refused},
    ports::Held,
};

use super::{
    cursor::{Cursor, Resolution, is_before_all, is_mark_min},
    line::Line,
    page::{Aside, Page, Row},
};

/// As many records are remembered as put aside; more of them are parked twice, which is the same.
const SEEN_MAX: usize = 100_000;

const NS_PER_MS: i64 = 1_000_000;
/// Clocks that are not kept differ so far.
const CLOCKS_DIFFER_MS: EpochMs = 60_000;

/// What a walk knows of its list's times.
pub(super) struct Outlook {
    resolution: Resolution,
    /// Whether the flow leaves the settle lag to what is seen.
    finds_lag: bool,
    /// Whether the user was told of what is guessed.
    told: bool,
    /// Whether the user was told that an id stands twice on a page.
    told_of_repeats: bool,
    /// Records of the last page that are too young.
    pub(super) held: Option<Held>,
    /// Records that were put aside, by hash.
    seen: HashSet<u64>,
}

impl Outlook {
    /// For a walk from a position.
    pub(super) fn new(cursor: &Cursor, from: &Position) -> Self {
        let mut resolution = Resolution::new(cursor.zone());
        let mark = from.mark().filter(|mark| !is_mark_min(mark) && !is_before_all(mark));
        if let Some(at) = mark.and_then(|mark| mark.at.as_ref()) {
            resolution.see(at.ns);
        }
        let finds_lag = !cursor.says_lag() && cursor.by.has_timestamp();
        let told = mark.is_some() || !cursor.by.has_timestamp();
        // Sorted by id alone, one that stands twice is no later version.
        let told_of_repeats = !cursor.by.has_timestamp();
        let seen = HashSet::new();
        Self { resolution, finds_lag, told, told_of_repeats, held: None, seen }
    }

    /// Looks at a page's timestamps: nothing is read that may still get company.
    pub(super) fn see(&mut self, cursor: &Cursor, rows: &[Row], line: &mut Line) {
        let moments = rows.iter().filter_map(|row| row.mark.at.as_ref());
        moments.for_each(|at| self.resolution.see(at.ns));
        if self.finds_lag {
            line.hold(self.resolution.lag_ns());
        }
        self.tell_of_repeats(rows);
        let Some(at) = rows.first().and_then(|row| row.mark.at.as_ref()) else { return };
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        if cursor.guesses_zone(&at.text) {
            tracing::warn!(
                timestamp = %at.text,
                "timestamps say no zone and are taken as UTC: where they are local time, set \
                 source.http.cursor.zone"
            );
        }
        let lag_ns = cursor.settle_lag_ms().saturating_mul(1_000_000);
        if !self.finds_lag && lag_ns < self.resolution.lag_ns() {
            tracing::warn!(
                timestamps = self.resolution.name(),
                settle_lag_ms = cursor.settle_lag_ms(),
                needed_ms = self.resolution.lag_ns() / 1_000_000,
                "source.http.cursor.settle_lag is shorter than the timestamps are apart: a record that \
                 joins a moment after it was read is lost; remove it, or raise it"
            );
        }
    }

    /// Says once that an id stands twice on a page: as versions of one record, the older may be skipped.
    fn tell_of_repeats(&mut self, rows: &[Row]) {
        if self.told_of_repeats {
            return;
        }
        let mut ids = HashSet::with_capacity(rows.len());
        if let Some(twice) = rows.iter().find(|row| !ids.insert(&row.mark.id)) {
            self.told_of_repeats = true;
            tracing::warn!(
                id = %twice.mark.id,
                "one id stands several times on a page, with several timestamps: they are taken for \
                 versions of one record, of which the last one counts; where they are records of their \
                 own, set source.http.id to what names one alone, like `id: [order_id, line]`"
            );
        }
    }

    /// Puts records aside that are dated far ahead, and notes when the first of the others may be read
    /// that are too young.
    pub(super) fn put_future_aside(&mut self, page: &mut Page, line: &Line, now_ms: EpochMs) {
        self.held = held(page, line, now_ms);
        if !page.rows.iter().any(|row| line.is_of_the_future(row)) {
            return;
        }
        for mut row in std::mem::take(&mut page.rows) {
            match &row.mark.at {
                Some(at) if line.is_of_the_future(&row) => {
                    let reason =
                        format!("the record is dated more than a day ahead of now: `{}`", at.text);
                    page.aside.push(row.into_aside(reason));
                }
                _ => {
                    // Its time is no part of the order: it holds nothing up.
                    if line.is_of_the_future(&row) {
                        row.changed_ns = None;
                    }
                    page.rows.push(row);
                }
            }
        }
    }

    /// Those that this walk has not put aside yet.
    pub(super) fn unseen(&mut self, aside: Vec<Aside>) -> Vec<Refused> {
        if self.seen.len() + aside.len() > SEEN_MAX {
            self.seen.clear();
        }
        let is_new = |aside: &Aside| {
            let mut hasher = DefaultHasher::new();
            aside.data.hash(&mut hasher);
            self.seen.insert(hasher.finish())
        };
        let mut ids = HashSet::new();
        let named = |mut aside: Aside| {
            // Two of one id, both without a timestamp, are told apart by their texts.
            aside.id = aside.id.filter(|id| ids.insert(id.clone()));
            Refused::from(aside)
        };
        aside.into_iter().filter(is_new).map(named).collect()
    }
}

/// What is said of a page's records that are too young.
fn held(page: &Page, line: &Line, now_ms: EpochMs) -> Option<Held> {
    let young = page.rows.iter().filter(|row| line.is_too_new(row) && !line.is_of_the_future(row));
    let young = young.filter_map(|row| row.changed_ns);
    let (first, last) = (young.clone().min()?, young.max()?);
    let ms = |ns: i64| ns.div_euclid(NS_PER_MS);
    // A clock that is ahead, or a zone that was mistaken, says nothing of when the source had them.
    let read_to_ns = match ms(last).saturating_sub(now_ms) <= CLOCKS_DIFFER_MS {
        true => first.saturating_sub(1),
        false => line.last().mark().and_then(|mark| Some(mark.at.as_ref()?.ns)).unwrap_or(0),
    };
    let until_ms = ms(first.saturating_add(line.lag_ns(now_ms))).saturating_add(1);
    Some(Held { read_to_ms: ms(read_to_ns), until_ms })
}
