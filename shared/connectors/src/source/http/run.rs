//! Pages that follow each other from one anchor, and whether two of them meet.

use tidegate_core::{
    model::{EpochMs, Mark},
    ports::SourceError,
};

use super::{
    anchor::{Anchor, Proof},
    list::List,
    page::{Edge, Page},
    pagination::{Answered, Drift, PageRef},
    requests::{Fetched, PageRequest, Refusal},
    seen::Seen,
    told::Told,
};

/// Pages that follow each other from one anchor.
pub(super) struct PageRun {
    pub(super) anchor: Anchor,
    pub(super) page: PageRef,
    /// What the first page must have.
    pub(super) proof: Option<Proof>,
    pub(super) seen: Seen,
    pub(super) previous: Option<Trace>,
    /// Records that came, each once.
    pub(super) received: u64,
}

/// What is remembered of the page before.
pub(super) struct Trace {
    pub(super) asked: PageRequest,
    pub(super) marks: Vec<Mark>,
    pub(super) last: Option<Edge>,
    /// The last one that has its place in the order.
    pub(super) placed: Option<Mark>,
    pub(super) fetched: Fetched,
    pub(super) told: Told,
    /// Whether it could have had more records.
    pub(super) had_room: bool,
}

impl Trace {
    pub(super) fn new(
        asked: PageRequest,
        page: &Page,
        (fetched, told): (Fetched, Told),
        had_room: bool,
    ) -> Self {
        let marks = page.rows.iter().map(|row| row.mark.clone()).collect();
        let last = page.last().cloned();
        Self { asked, marks, last, placed: None, fetched, told, had_room }
    }

    /// Whether it has all that a page has up to a record.
    fn holds_all_up_to(&self, last: &Edge, page: &Page) -> bool {
        let Edge::Row(last) = last else { return false };
        let mut earlier = page.rows.iter().map(|row| &row.mark).take_while(|mark| *mark != last);
        earlier.all(|mark| self.marks.contains(mark))
    }
}

impl PageRun {
    pub(super) fn new(list: &List, anchor: Anchor, page: PageRef) -> Self {
        let seen = Seen::new(list.anchors.cursor.by.clone());
        Self { anchor, page, proof: None, seen, previous: None, received: 0 }
    }

    /// Where the page at hand ends in the list, if it has as many records as were asked for; nought for the
    /// first one, by which nothing is known of the list yet.
    pub(super) fn reach(&self, size: u32) -> u64 {
        let size = u64::from(size);
        match &self.page {
            PageRef::First => 0,
            PageRef::Offset { at, .. } => at.saturating_add(size),
            _ => self.seen.pages.saturating_add(1).saturating_mul(size),
        }
    }

    /// Whether the page at hand is its first.
    pub(super) fn is_first_page(&self) -> bool {
        self.seen.pages <= 1
    }

    /// Whether the page before says that there is none behind it.
    pub(super) fn was_said_to_end(&self) -> bool {
        let Some(Trace { told, .. }) = &self.previous else { return false };
        let Told { more, total, pages, .. } = told;
        match more {
            Some(more) => !more,
            None => {
                total.is_some_and(|total| self.seen.records >= total)
                    || pages.is_some_and(|pages| self.seen.pages >= pages)
            }
        }
    }

    pub(super) fn marks_before(&self) -> Option<&[Mark]> {
        self.previous.as_ref().map(|previous| previous.marks.as_slice())
    }

    /// The page after one. `largest` is the largest page seen, and `is_empty` where this one has nothing
    /// that is not in the page before.
    ///
    /// # Errors
    /// A next address that is none, or leads elsewhere.
    pub(super) fn next(
        &self,
        list: &List,
        page: &Page,
        (fetched, told): (&Fetched, &Told),
        (largest, is_empty): (usize, bool),
    ) -> Result<Option<PageRef>, SourceError> {
        // Behind a full page it is not believed that there is no more, where the answer names a page even so:
        // it is asked for once.
        let is_doubted = told.more == Some(false)
            && told.next.is_some()
            && !is_empty
            && list.pager.is_full(page.count, largest);
        let told = match is_doubted {
            true => &Told { more: None, ..told.clone() },
            false => told,
        };
        list.pager.next(&Answered {
            asked: &self.page,
            page,
            url: &fetched.url,
            base: list.pager.base(),
            told,
            pages_read: self.seen.pages,
            records_read: self.seen.records,
            largest,
            is_short: list.pager.is_short(page.count, largest),
            is_empty,
        })
    }

    /// Whether a page has nothing but the record by which it overlaps with the one before.
    pub(super) fn is_overlap(&self, page: &Page) -> bool {
        let Some(before) = &self.previous else { return false };
        let is_same = page.rows.iter().map(|row| &row.mark).eq(&before.marks);
        matches!(self.page, PageRef::Offset { overlap: true, .. })
            && page.last() == before.last.as_ref()
            && !(is_same && page.count > 1)
    }

    /// Whether this page follows the one before without a gap.
    pub(super) async fn meets(
        &self,
        list: &List,
        page: &mut Page,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<bool, SourceError> {
        let Some(before) = &self.previous else { return Ok(true) };
        // Nothing slips past the edge of a page that had room.
        if page.count == 0 && before.had_room && list.anchors.cursor.by.sorts_ids() {
            return Ok(true);
        }
        let drift = list.drift();
        let mut is_unmoved = drift == Drift::Stored;
        if let PageRef::Offset { overlap: true, .. } = self.page {
            if !before.last.as_ref().is_some_and(|last| page.drop_through(last)) {
                return Ok(false);
            }
        } else if drift != Drift::Stored {
            let (again, _) = match list.fetch(&before.asked, deadline_ms, requests).await {
                Ok(again) => again,
                Err(Refusal::Rejected { .. }) => return Ok(false),
                Err(Refusal::Source(error)) => return Err(error),
            };
            if again.rows.iter().map(|row| &row.mark).ne(&before.marks) {
                return Ok(false);
            }
            is_unmoved = true;
        }
        // A page may begin before the end of the one before it: where records are taken out of it after
        // it was cut, or where the last page is named again and has grown.
        if let Some(last) = &before.last
            && before.holds_all_up_to(last, page)
        {
            page.drop_through(last);
        }
        match (&before.placed, page.rows.first()) {
            (Some(last), Some(first)) if !list.in_order(last, &first.mark) => match is_unmoved {
                true => Err(list.unsorted(last, &first.mark)),
                false => Ok(false),
            },
            _ => Ok(true),
        }
    }
}
