//! Records whose timestamp is not of the first of the cursor's fields: whether the source sorts them by it.
//!
//! A list may be sorted by the first of several timestamps that a record has, or by one of them alone, with the
//! records that lack it first or last. In the latter case the other timestamp is out of order, and were
//! it to move the position, records would be stepped over.

use tidegate_core::{
    model::{Mark, Position},
    ports::SourceError,
};

use super::{
    list::List,
    page::{Page, Row},
};

/// Most records at a list's beginning that wait for the first one that has its own timestamp.
const WAITING_MAX: usize = 20_000;

/// What is said of one that is out of order.
const STRAY: &str = "the record lacks the timestamp that the list is sorted by, and another one that the flow \
                     names is out of order: it may have been read before";

/// What a walk knows of such records.
#[derive(Default)]
pub(super) struct Fallbacks {
    /// A record with its own timestamp was seen.
    anchored: bool,
    /// Those that came before any such record.
    waiting: Vec<Row>,
}

impl Fallbacks {
    /// Puts those aside that are out of order, and keeps back those that may be. `last` is what was given
    /// last, `before` the last one of the page before.
    ///
    /// # Errors
    /// If too many are to be kept back.
    pub(super) fn sort_out(
        &mut self,
        list: &List,
        page: &mut Page,
        last: &Position,
        before: Option<&Mark>,
    ) -> Result<(), SourceError> {
        if list.pager.is_whole() {
            return Ok(());
        }
        if !self.anchored && page.rows.iter().all(|row| row.is_fallback) {
            self.waiting.append(&mut page.rows);
            if self.waiting.len() <= WAITING_MAX {
                return Ok(());
            }
            return Err(SourceError::Halt(format!(
                "more than {WAITING_MAX} records in a row lack the first timestamp of \
                 source.http.cursor.field, so it cannot be told whether the list is sorted by another: \
                 have the source sort by one that every record has, and name that alone"
            )));
        }
        self.anchored = true;
        if self.waiting.is_empty() && page.rows.iter().all(|row| !row.is_fallback) {
            return Ok(());
        }
        let mut rows = std::mem::take(&mut self.waiting);
        rows.append(&mut page.rows);
        page.rows = take_strays(list, rows, last, before, page);
        Ok(())
    }

    /// At the list's end those that were kept back are its order.
    pub(super) fn end(&mut self, page: &mut Page) {
        if !self.waiting.is_empty() {
            let rows = std::mem::take(&mut self.waiting);
            page.rows.splice(..0, rows);
        }
    }

    /// The list is read anew.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }
}

/// Puts those aside that are out of order; the others.
fn take_strays(
    list: &List,
    rows: Vec<Row>,
    last: &Position,
    before: Option<&Mark>,
    page: &mut Page,
) -> Vec<Row> {
    let is_behind = |row: &Row| last.mark().is_some_and(|given| row.mark.at < given.at);
    // Where the others begin before what was given, all of it has been read.
    let has_been_read = rows.iter().find(|row| !row.is_fallback).is_some_and(is_behind);
    let mut kept: Vec<Row> = Vec::with_capacity(rows.len());
    let mut leads = true;
    for row in rows {
        let earlier = kept.last().map(|row| &row.mark).or(before);
        let follows = earlier.is_none_or(|earlier| list.in_order(earlier, &row.mark));
        if row.is_fallback {
            if !follows || leads && !has_been_read && is_behind(&row) {
                page.aside.push(row.into_aside(STRAY));
            } else {
                kept.push(row);
            }
            continue;
        }
        if leads && !follows {
            // They come first because they lack it, in whatever order.
            let strays = std::mem::take(&mut kept);
            page.aside.extend(strays.into_iter().map(|row| row.into_aside(STRAY)));
        }
        leads = false;
        while let Some(stray) =
            kept.pop_if(|last| last.is_fallback && !list.in_order(&last.mark, &row.mark))
        {
            page.aside.push(stray.into_aside(STRAY));
        }
        kept.push(row);
    }
    kept
}
