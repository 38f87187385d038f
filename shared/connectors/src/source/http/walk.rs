//! The walk: page by page along the keyset, nothing stepped over.
//!
//! Pages shift when rows leave the list, so a deep page is never trusted where it can be avoided.
//! Where the source takes `since`, the walk starts anew at the last key after every page: deep pages
//! are then read only inside a tie. Inside a tie whose order is known, and where there is no
//! `since`, two pages must meet: the last record is read again ([`Drift::Overlap`]), or the page
//! before is ([`Drift::Reread`]). Inside a tie whose order is unknown, passes are repeated until
//! two are the same ([`Tie`]).

use std::collections::HashSet;

use tidegate_core::{
    model::{EpochMs, Mark, Position, Refused},
    ports::{Batch, BoxFuture, SourceError, Walk},
};

use super::{
    anchor::Anchor,
    fallback::Fallbacks,
    line::{Line, Took},
    list::List,
    outlook::Outlook,
    page::{Edge, Page, Row},
    pagination::{Drift, PageRef},
    requests::{Fetched, PageRequest, Refusal},
    tie::{Pass, Tie},
};
use crate::value::Name;

/// How often pages are read anew, because they did not meet, before the next run tries.
const RESTARTS_MAX: u32 = 5;

/// One walk along an HTTP source.
pub(super) struct HttpWalk<'a> {
    list: &'a List,
    line: Line,
    /// The upper bound, as requests carry it.
    until: Option<String>,
    run: PageRun,
    tie: Option<Tie>,
    /// What the records' timestamps say of how far the walk may read.
    outlook: Outlook,
    /// Records that the source may sort by another timestamp.
    fallbacks: Fallbacks,
    /// Records to be parked.
    aside: Vec<Refused>,
    /// The source takes less of `since` than it says, only its day for instance, and answers with
    /// records from before the anchor: starting anew at each key would read the same page for ever.
    since_is_coarse: bool,
    /// Records in the largest page seen.
    largest: usize,
    restarts: u32,
    /// A token has expired since the last record was given.
    expired: bool,
    ended: bool,
}

/// Pages that follow each other from one anchor.
struct PageRun {
    anchor: Anchor,
    page: PageRef,
    /// Every page asked for, to notice a circle.
    asked: HashSet<PageRef>,
    previous: Option<Trace>,
}

/// What is remembered of the page before.
struct Trace {
    asked: PageRequest,
    marks: Vec<Mark>,
    last: Option<Edge>,
    /// The last one that has its place in the order.
    placed: Option<Mark>,
}

impl PageRun {
    fn new(anchor: Anchor, page: PageRef) -> Self {
        Self { anchor, page, asked: HashSet::new(), previous: None }
    }

    /// Whether the page at hand is its first.
    fn is_first_page(&self) -> bool {
        !matches!(
            self.page,
            PageRef::Number(_) | PageRef::Offset { .. } | PageRef::Token(_) | PageRef::Address(_)
        )
    }
}

impl Trace {
    fn new(asked: PageRequest, page: &Page) -> Self {
        let marks = page.rows.iter().map(|row| row.mark.clone()).collect();
        Self { asked, marks, last: page.last().cloned(), placed: None }
    }
}

impl Walk for HttpWalk<'_> {
    fn next(&mut self, deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(async move {
            let mut requests = 0;
            if !self.ended {
                self.step(deadline_ms, &mut requests).await?;
            }
            let records = self.line.take();
            if !records.is_empty() {
                self.restarts = 0;
                self.expired = false;
            }
            let refused = std::mem::take(&mut self.aside);
            let held = self.outlook.held.filter(|_| self.ended);
            Ok(Batch { records, refused, end: self.ended, held, requests })
        })
    }
}

impl<'a> HttpWalk<'a> {
    pub(super) fn new(list: &'a List, from: Position, until_ms: EpochMs) -> Self {
        let cursor = &list.anchors.cursor;
        let until =
            (cursor.until.is_some() && cursor.by.has_timestamp()).then(|| cursor.write(until_ms));
        let run = PageRun::new(list.anchors.anchor(&from), list.first_page(&from));
        Self {
            list,
            outlook: Outlook::new(cursor, &from),
            fallbacks: Fallbacks::default(),
            aside: Vec::new(),
            line: Line::new(cursor.by.clone(), from, until_ms),
            until,
            run,
            tie: None,
            since_is_coarse: false,
            largest: 0,
            restarts: 0,
            expired: false,
            ended: false,
        }
    }

    /// Reads one page.
    async fn step(&mut self, deadline_ms: EpochMs, requests: &mut u32) -> Result<(), SourceError> {
        let asked = self.request();
        let (mut page, fetched) = match self.fetch(&asked, deadline_ms, requests).await {
            Ok(fetched) => fetched,
            Err(Refusal::Rejected { halt, status }) => return self.rejected(status, halt),
            Err(Refusal::Source(error)) => return Err(error),
        };
        let mut trace = Trace::new(asked, &page);
        self.look_over(&mut page)?;
        trace.placed = page.rows.last().map(|row| row.mark.clone());
        self.largest = self.largest.max(page.count);
        let next = self.list.pager.next(&self.run.page, &page, &fetched, self.largest)?;
        if next.is_none() {
            self.fallbacks.end(&mut page);
        }
        if !self.meets(&mut page, &trace, deadline_ms, requests).await? {
            return self.start_anew();
        }
        let seen = &mut self.run.asked;
        if next.as_ref().is_some_and(|next| !seen.insert(next.clone())) {
            return Err(SourceError::Halt(format!(
                "{} gives the same token or address for the next page twice: following it would \
                 never end",
                self.list.requester.shown(&trace.asked.url)
            )));
        }
        self.run.previous = Some(trace);
        let now_ms = (self.list.requester.now)();
        self.outlook.put_future_aside(&mut page, &self.line, now_ms);
        self.aside.extend(self.outlook.unseen(page.aside));
        match self.tie.take() {
            Some(tie) => self.walk_tie(tie, page.rows, next),
            None => self.walk_on(page.rows, next),
        }
    }

    fn request(&self) -> PageRequest {
        let cursor = &self.list.anchors.cursor;
        let name = |param: &'a Option<Name>| param.as_ref().map(|name| name.text.as_str());
        let since = name(&cursor.since).zip(self.run.anchor.value.as_deref());
        let until = name(&cursor.until).zip(self.until.as_deref());
        let bounds: Vec<(&str, &str)> = since.into_iter().chain(until).collect();
        self.list.pager.request(&self.run.page, &bounds)
    }

    async fn fetch(
        &self,
        asked: &PageRequest,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<(Page, Fetched), Refusal> {
        let read = |fetched: Fetched| self.list.empty.read(&self.list.shape, fetched);
        self.list.requester.get(asked, deadline_ms, requests, read).await
    }

    /// A token or a next address that is refused has expired: the keyset is still good, once.
    fn rejected(&mut self, status: u16, halt: String) -> Result<(), SourceError> {
        let followed = matches!(self.run.page, PageRef::Token(_) | PageRef::Address(_));
        if !followed || self.expired {
            return Err(SourceError::Halt(halt));
        }
        tracing::info!(status, "the next page's token has expired: reading on from the keyset");
        self.expired = true;
        self.rewind();
        Ok(())
    }

    /// Whether this page follows the one before without a gap.
    async fn meets(
        &mut self,
        page: &mut Page,
        trace: &Trace,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<bool, SourceError> {
        let Some(before) = &self.run.previous else { return Ok(true) };
        if !trace.marks.is_empty() && trace.marks == before.marks {
            return Err(SourceError::Halt(format!(
                "{} gives the same page again instead of the next one: see \
                 source.http.pagination",
                self.list.requester.shown(&trace.asked.url)
            )));
        }
        // A tie's passes find what a shift has hidden.
        if self.tie.is_some() {
            return Ok(true);
        }
        let drift = self.list.drift();
        if let PageRef::Offset { overlap: true, .. } = self.run.page {
            if page.first() != before.last.as_ref() {
                return Ok(false);
            }
            page.drop_first();
        } else if drift == Drift::Reread {
            let (again, _) = match self.fetch(&before.asked, deadline_ms, requests).await {
                Ok(again) => again,
                Err(Refusal::Rejected { .. }) => return Ok(false),
                Err(Refusal::Source(error)) => return Err(error),
            };
            if again.rows.iter().map(|row| &row.mark).ne(&before.marks) {
                return Ok(false);
            }
        }
        let ordered = match (&before.placed, page.rows.first()) {
            (Some(last), Some(first)) => self.list.in_order(last, &first.mark),
            _ => true,
        };
        match ordered {
            false if drift == Drift::Stored => {
                let last = before.placed.as_ref().expect("it was compared");
                Err(self.list.unsorted(last, &page.rows[0].mark))
            }
            ordered => Ok(ordered),
        }
    }

    /// The pages did not meet: records have moved between them.
    fn start_anew(&mut self) -> Result<(), SourceError> {
        self.restarts += 1;
        if self.restarts > RESTARTS_MAX {
            self.restarts = 0;
            self.rewind();
            let reason = "the list's records keep moving while its pages are read; with a \
                          `since` parameter in source.http.cursor they could not"
                .to_owned();
            return Err(SourceError::Later { reason, after_ms: None });
        }
        self.rewind();
        Ok(())
    }

    /// Back to the last record given.
    fn rewind(&mut self) {
        self.line.drop_group();
        self.fallbacks.forget();
        if let Some(tie) = &mut self.tie {
            tie.restart_pass();
        }
        let anchor = self.run.anchor.clone();
        self.run = PageRun::new(anchor, self.list.first_page(self.line.last()));
    }

    /// Puts a page in order, and goes by what its records say of the list.
    fn look_over(&mut self, page: &mut Page) -> Result<(), SourceError> {
        let first_ever = *self.line.last() == Position::Start && self.run.previous.is_none();
        if let Some(astray) = page.astray().filter(|_| first_ever) {
            return Err(SourceError::Halt(format!(
                "{astray}; see source.http.id, records and cursor"
            )));
        }
        self.outlook.see(&self.list.anchors.cursor, &page.rows, &mut self.line);
        let before = self.run.previous.as_ref().and_then(|trace| trace.placed.as_ref());
        self.fallbacks.sort_out(self.list, page, self.line.last(), before)?;
        self.list.put_in_order(&mut page.rows)
    }

    /// Takes a page's rows, outside of a tie.
    fn walk_on(&mut self, mut rows: Vec<Row>, next: Option<PageRef>) -> Result<(), SourceError> {
        let anchors = &self.list.anchors;
        let bound = rows.iter().position(|row| self.line.is_too_new(row));
        rows.truncate(bound.unwrap_or(rows.len()));
        let Some(next) = next.filter(|_| bound.is_none()) else {
            self.give(rows)?;
            self.line.close_group();
            self.ended = true;
            return Ok(());
        };
        if !self.list.starts_anew() || self.since_is_coarse {
            return self.give_and_go_deeper(rows, next);
        }
        if self.run.is_first_page() && anchors.is_before(&rows, &self.run.anchor) {
            tracing::info!("the source's `since` is coarser than its records: reading on by pages");
            self.since_is_coarse = true;
            return self.give_and_go_deeper(rows, next);
        }
        let beyond = anchors.beyond(&self.run.anchor, &rows);
        if anchors.cursor.by.sorts_ids() {
            self.give(rows)?;
            match beyond {
                Some(anchor) => self.run = PageRun::new(anchor, PageRef::First),
                None => self.run.page = next,
            }
            return Ok(());
        }
        match (beyond, rows.last().and_then(|row| row.mark.at.clone())) {
            // The last moment may go on behind this page: it is read again, from its beginning.
            (Some(anchor), Some(newest)) => {
                rows.retain(|row| row.mark.at.as_ref() < Some(&newest));
                self.give(rows)?;
                self.line.close_group();
                self.run = PageRun::new(anchor, PageRef::First);
                Ok(())
            }
            // The page is full of one moment.
            (None, Some(newest)) => self.walk_tie(Tie::new(newest), rows, Some(next)),
            (_, None) => {
                self.run.page = next;
                Ok(())
            }
        }
    }

    fn give(&mut self, rows: Vec<Row>) -> Result<(), SourceError> {
        for row in rows {
            let took = self.line.push(row)?;
            debug_assert_eq!(took, Took::Taken, "rows beyond the bound were cut off");
        }
        Ok(())
    }

    fn give_and_go_deeper(&mut self, rows: Vec<Row>, next: PageRef) -> Result<(), SourceError> {
        self.give(rows)?;
        self.run.page = next;
        Ok(())
    }

    /// Takes a page's rows, inside a tie.
    fn walk_tie(
        &mut self,
        mut tie: Tie,
        rows: Vec<Row>,
        next: Option<PageRef>,
    ) -> Result<(), SourceError> {
        let over = tie.take(rows).inspect_err(|_| self.rewind())?;
        if let (false, Some(next)) = (over, &next) {
            self.run.page = next.clone();
            self.tie = Some(tie);
            return Ok(());
        }
        match tie.end_pass().inspect_err(|_| self.rewind())? {
            Pass::Again => {
                self.tie = Some(tie);
                self.rewind();
            }
            Pass::Settled(group) => {
                self.line.give_group(group);
                let beyond = tie.beyond.filter(|at| !self.line.is_beyond_bound(at));
                match beyond {
                    Some(beyond) => {
                        let anchor = self.list.anchors.behind(tie.at, beyond);
                        if anchor.is_beyond(&self.run.anchor) {
                            self.run = PageRun::new(anchor, PageRef::First);
                        } else {
                            // The anchor lets its own moment in again, as it should not.
                            self.since_is_coarse = true;
                            self.rewind();
                        }
                    }
                    None => self.ended = true,
                }
            }
        }
        Ok(())
    }
}
