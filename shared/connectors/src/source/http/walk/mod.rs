//! The walk: page by page along the keyset, nothing stepped over.
//!
//! Pages shift when rows leave the list, so a deep page is never trusted where it can be avoided.
//! Where the source takes `since`, the walk starts anew at the last key after every page: deep pages
//! are then read only inside a tie. Inside a tie whose order is known, and where there is no
//! `since`, two pages must meet: the last record is read again, or the page before is, as the style of
//! pagination says ([`PageRun::meets`]). Inside a tie whose order is unknown, passes are repeated until
//! two are the same ([`Tie`]).
//!
//! Where no answer tells that the list ends, it ends with a page that is empty, or is one that came
//! before, or with a refusal behind the last page ([`ends`]). What is read before a halt is given before it.

mod ends;
mod halves;
mod window;

use std::sync::Arc;

use tidegate_core::{
    model::{EpochMs, Mark, Moment, Position, Refused},
    ports::{Batch, BoxFuture, SourceError, Walk},
};

use super::{
    anchor::{Anchor, Filter, Proof},
    ending::{self, Onward},
    fallback::Fallbacks,
    idle::Idle,
    line::{Line, Took},
    list::List,
    offsets::Offsets,
    outlook::Outlook,
    page::{Page, Row},
    pagination::PageRef,
    requests::{Fetched, PageRequest, Refusal},
    run::{PageRun, Trace},
    seen::Sight,
    smaller,
    tie::{Pass, Tie},
};
use crate::value::{ParentValues, RequestValues};

/// One walk along an HTTP source.
pub(super) struct HttpWalk<'a> {
    list: &'a List,
    line: Line,
    /// The upper bound, as requests carry it.
    until: Option<String>,
    /// Whose children the list is of.
    parent: Option<Arc<ParentValues>>,
    run: PageRun,
    tie: Option<Tie>,
    /// What the records' timestamps say of how far the walk may read.
    outlook: Outlook,
    /// Records that the source may sort by another timestamp.
    fallbacks: Fallbacks,
    /// Records to be parked.
    aside: Vec<Refused>,
    filter: Filter,
    /// The source takes less of `since` than it says, only its day for instance, and answers with
    /// records from before the anchor: starting anew at each key would read the same page for ever.
    since_is_coarse: bool,
    offsets: Offsets,
    /// Records in the largest page seen.
    largest: usize,
    /// An answer had the place where the next page is named.
    has_place: bool,
    idle: Idle,
    restarts: u32,
    /// A token has expired since the last record was given.
    expired: bool,
    ended: bool,
    /// Said once what was read before it is given.
    halt: Option<SourceError>,
    /// The status by which the first page of all was refused.
    refused: Option<u16>,
    /// Most records that one row of pages had.
    received_max: u64,
    /// How far into the list the pages of a row were asked for.
    reach_max: u64,
}

/// A page that was read and checked.
struct Taken {
    rows: Vec<Row>,
    onward: Onward,
    /// Whether it could have had more records.
    had_room: bool,
}

impl Walk for HttpWalk<'_> {
    fn next(&mut self, deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(async move {
            let mut requests = 0;
            if let Some(halt) = self.halt.take() {
                return Err(halt);
            }
            let stepped = match self.ended {
                true => Ok(()),
                false => self.step(deadline_ms, &mut requests).await,
            };
            if let Err(error) = stepped {
                self.halt = Some(error);
            }
            let records = self.line.take();
            let refused = std::mem::take(&mut self.aside);
            if records.is_empty() && refused.is_empty() {
                if let Some(halt) = self.halt.take() {
                    return Err(halt);
                }
            } else {
                self.restarts = 0;
                self.expired = false;
            }
            let held = self.outlook.held.filter(|_| self.ended);
            Ok(Batch { records, refused, reached: None, end: self.ended, held, requests })
        })
    }
}

impl<'a> HttpWalk<'a> {
    pub(super) fn new(
        list: &'a List,
        from: Position,
        until_ms: EpochMs,
        parent: Option<Arc<ParentValues>>,
    ) -> Self {
        let cursor = &list.anchors.cursor;
        let until = list.anchors.until(until_ms);
        let filter = list.anchors.filter();
        let (anchor, proof) = list.anchors.opening(&from);
        let mut run = PageRun::new(list, anchor, list.first_page(&from));
        run.proof = proof;
        Self {
            list,
            outlook: Outlook::new(cursor, &from),
            fallbacks: Fallbacks::default(),
            aside: Vec::new(),
            line: Line::new(cursor.by.clone(), from, until_ms),
            until,
            parent,
            run,
            tie: None,
            filter,
            since_is_coarse: false,
            offsets: Offsets::new(list.pager.page_size_asked()),
            largest: 0,
            has_place: false,
            idle: Idle::default(),
            restarts: 0,
            expired: false,
            ended: false,
            halt: None,
            refused: None,
            received_max: 0,
            reach_max: 0,
        }
    }

    /// Reads one page, not before its time.
    async fn step(&mut self, deadline_ms: EpochMs, requests: &mut u32) -> Result<(), SourceError> {
        self.idle.wait(self.list.requester.left_ms(deadline_ms)).await;
        let is_new = self.read_page(deadline_ms, requests).await?;
        self.idle.note(*requests, is_new);
        let goes_on = !self.ended && self.halt.is_none();
        if goes_on && self.idle.is_over() && !self.list.pager.knows_its_pages() {
            return self.nothing_comes();
        }
        Ok(())
    }

    fn request(&self) -> PageRequest {
        self.list.pager.request(&self.run.page, &self.values())
    }

    /// What the request for the page at hand is filled with.
    fn values(&self) -> RequestValues<'_> {
        RequestValues {
            since: self.run.anchor.value.as_deref(),
            until: self.until.as_deref(),
            parent: self.parent.as_deref(),
        }
    }

    /// Fetches a page. `None` where it was none, or none of this list: the walk goes on otherwise.
    async fn arrive(
        &mut self,
        asked: &PageRequest,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<Option<(Page, Fetched)>, SourceError> {
        let (page, fetched) = match self.list.fetch(asked, deadline_ms, requests).await {
            Ok(fetched) => fetched,
            Err(Refusal::Rejected { halt, status }) => {
                self.rejected((status, halt), deadline_ms, requests).await?;
                return Ok(None);
            }
            Err(Refusal::Source(error)) => {
                self.refused = self.list.requester.refused().filter(|_| self.run.seen.pages == 0);
                return Err(error);
            }
        };
        if let Some(message) = ending::part(self.list, &page, &fetched) {
            let halt = SourceError::Halt(message);
            // Only what is in order is certain to have nothing before it in the rest of the list.
            return match self.list.ascends(&page.rows) {
                true => self.give_and_halt(page.rows, halt).map(|()| None),
                false => Err(halt),
            };
        }
        self.check_place(&page)?;
        if let Some(proof) = self.run.proof.take()
            && !page.rows.iter().any(|row| row.mark == proof.mark)
        {
            tracing::debug!("records exactly at `since` are left out, or have moved on");
            self.filter = Filter::LeavesOut;
            self.since_is_coarse |= proof.is_coarse;
            self.run = PageRun::new(self.list, proof.otherwise, PageRef::First);
            return Ok(None);
        }
        Ok(Some((page, fetched)))
    }

    /// Takes one page; answers whether it had something new.
    async fn read_page(
        &mut self,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<bool, SourceError> {
        let asked = self.request();
        let size = self.list.pager.page_size_asked().unwrap_or(0);
        self.reach_max = self.reach_max.max(self.run.reach(size));
        let Some((mut page, fetched)) = self.arrive(&asked, deadline_ms, requests).await? else {
            return Ok(false);
        };
        self.largest = self.largest.max(page.count);
        let before = self.run.marks_before();
        let sight = self.run.seen.sight(&self.run.page, (&page.rows, page.count), before);
        // Further pages are looked for behind the last one, and a source may begin anew there.
        let is_stepping = sight == Sight::New && self.offsets.has_met();
        if sight == Sight::Again || is_stepping && !self.run.seen.is_behind(&page.rows) {
            self.page_again(&page, &fetched, deadline_ms, requests).await?;
            return Ok(false);
        }
        let is_new = sight == Sight::New;
        if is_new && let Some(refused) = self.offsets.instead() {
            self.run.page = refused;
            return Ok(false);
        }
        if is_new {
            self.offsets.brought(&self.run.page);
            self.list.learned.see_page(&self.run.page);
        }
        self.run.seen.add(&self.run.page, &page.rows, page.count);
        let told = self.list.told(&fetched);
        self.list.learned.see_count(page.count);
        if let Ok(told) = &told {
            self.has_place |= told.has_place;
            if ending::is_in_doubt(self.list, &page, told, &fetched) && self.ends_with(&page) {
                let half = self.request_for_half(page.count);
                smaller::look_for_place(self.list, &half, page.count, deadline_ms, requests)
                    .await?;
            }
        }
        let next = told.clone().and_then(|told| {
            self.run.next(self.list, &page, (&fetched, &told), (self.largest, !is_new))
        });
        let had_room = self.list.pager.had_room(page.count);
        let mut trace = Trace::new(asked, &page, (fetched, told.unwrap_or_default()), had_room);
        self.look_over(&mut page)?;
        trace.placed = page.rows.last().map(|row| row.mark.clone());
        let before = page.rows.len();
        if !self.meets(&mut page, deadline_ms, requests).await? {
            return self.start_anew().map(|()| is_new);
        }
        // What came with the page before is counted there.
        self.run.received += (page.count + page.rows.len()).saturating_sub(before) as u64;
        self.received_max = self.received_max.max(self.run.received);
        let onward = next.map(|next| self.onward(next, is_new, &page, &trace));
        if matches!(onward, Ok(Onward::End)) {
            self.fallbacks.end(&mut page);
        }
        let now_ms = (self.list.requester.now)();
        self.outlook.put_future_aside(&mut page, &self.line, now_ms);
        self.aside.extend(self.outlook.unseen(page.aside));
        let onward = match onward {
            Ok(onward) => onward,
            Err(halt) => return self.give_and_halt(page.rows, halt).map(|()| is_new),
        };
        self.run.previous = Some(trace);
        let taken = Taken { rows: page.rows, onward, had_room };
        match self.tie.take() {
            Some(tie) => self.walk_tie(tie, taken)?,
            None => self.walk_on(taken)?,
        }
        Ok(is_new)
    }

    /// What follows a page. One that brought nothing new leads only to a page not asked for before: by
    /// the same token there is nothing new either.
    fn onward(&self, next: Option<PageRef>, is_new: bool, page: &Page, trace: &Trace) -> Onward {
        // A tie's passes find what a shift has hidden, and nothing slips past a page that had room.
        let next = match self.tie.is_some() || trace.had_room {
            true => next.map(PageRef::without_overlap),
            false => next,
        };
        let next = next.map(|next| self.offsets.adapt(next));
        match next.filter(|next| is_new || !self.run.seen.has_asked(next)) {
            Some(next) => Onward::Page(next),
            None => {
                let told = (&trace.told, self.has_place);
                ending::unnamed(self.list, page, told, &trace.fetched)
            }
        }
    }

    /// Whether a page follows the one before without a gap.
    async fn meets(
        &self,
        page: &mut Page,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<bool, SourceError> {
        // A tie's passes find what a shift has hidden.
        let is_end = page.count == 0 && (self.offsets.has_met() || self.run.was_said_to_end());
        if self.tie.is_some() || is_end {
            return Ok(true);
        }
        self.run.meets(self.list, page, deadline_ms, requests).await
    }

    /// Checks that the flow looks for records' keys in the right place.
    fn check_place(&self, page: &Page) -> Result<(), SourceError> {
        let first_ever = *self.line.last() == Position::Start && self.run.previous.is_none();
        match page.astray().filter(|_| first_ever) {
            Some(astray) => {
                Err(SourceError::Halt(format!("{astray}; see source.http.id, records and cursor")))
            }
            None => Ok(()),
        }
    }

    /// Puts a page in order, and goes by what its records say of the list.
    fn look_over(&mut self, page: &mut Page) -> Result<(), SourceError> {
        self.outlook.see(&self.list.anchors.cursor, &page.rows, &mut self.line);
        let before = self.run.previous.as_ref().and_then(|trace| trace.placed.as_ref());
        self.fallbacks.sort_out(self.list, page, self.line.last(), before)?;
        self.list.put_in_order(&mut page.rows)
    }

    /// Takes a page, outside of a tie.
    fn walk_on(&mut self, mut taken: Taken) -> Result<(), SourceError> {
        let anchors = &self.list.anchors;
        let bound = taken.rows.iter().position(|row| self.line.is_too_new(row));
        taken.rows.truncate(bound.unwrap_or(taken.rows.len()));
        if bound.is_some() || matches!(taken.onward, Onward::End) {
            self.give(taken.rows)?;
            self.line.close_group();
            self.ended = true;
            return Ok(());
        }
        if !self.list.starts_anew() || self.since_is_coarse {
            return self.go_deeper(taken);
        }
        let rows = &taken.rows;
        if self.run.is_first_page() && anchors.is_before(rows, &self.run.anchor, self.filter) {
            tracing::debug!(
                "the source's `since` is coarser than its records: reading on by pages"
            );
            self.since_is_coarse = true;
            return self.go_deeper(taken);
        }
        let beyond = anchors.beyond(&self.run.anchor, rows, self.filter);
        let newest = rows.last().map(|row| row.mark.clone());
        if anchors.cursor.by.sorts_ids() {
            let Some((anchor, newest)) = beyond.zip(newest) else { return self.go_deeper(taken) };
            self.give(taken.rows)?;
            self.run_from(anchor, &newest);
            return Ok(());
        }
        match (beyond, newest) {
            // The last moment may go on behind this page: it is read again, from its beginning.
            (Some(anchor), Some(newest)) => {
                taken.rows.retain(|row| row.mark.at < newest.at);
                self.give(taken.rows)?;
                self.line.close_group();
                self.run_from(anchor, &newest);
                Ok(())
            }
            // The page is full of one moment.
            (None, Some(Mark { at: Some(at), .. })) => self.walk_tie(Tie::new(at), taken),
            _ => self.go_deeper(taken),
        }
    }

    /// Begins a run of pages at an anchor at which this record stands.
    fn run_from(&mut self, anchor: Anchor, mark: &Mark) {
        self.run = PageRun::new(self.list, anchor, PageRef::First);
        self.run.proof = self.list.anchors.proof(self.filter, mark, self.line.last());
    }

    fn give(&mut self, rows: Vec<Row>) -> Result<(), SourceError> {
        for row in rows {
            let took = self.line.push(row)?;
            debug_assert_eq!(took, Took::Taken, "rows beyond the bound were cut off");
        }
        Ok(())
    }

    fn go_deeper(&mut self, taken: Taken) -> Result<(), SourceError> {
        match taken.onward {
            Onward::Page(next) => {
                self.give(taken.rows)?;
                self.run.page = next;
                Ok(())
            }
            Onward::Unsure(message) => self.give_and_halt(taken.rows, SourceError::Halt(message)),
            Onward::End => self.give(taken.rows),
        }
    }

    /// Takes a page, inside a tie.
    fn walk_tie(&mut self, mut tie: Tie, taken: Taken) -> Result<(), SourceError> {
        let over = tie.take(taken.rows, taken.had_room).inspect_err(|_| self.rewind())?;
        match taken.onward {
            Onward::Page(next) if !over => {
                self.run.page = next;
                self.tie = Some(tie);
                return Ok(());
            }
            Onward::Unsure(message) if !over => return Err(SourceError::Halt(message)),
            _ => {}
        }
        match tie.end_pass().inspect_err(|_| self.rewind())? {
            Pass::Again => {
                self.tie = Some(tie);
                self.rewind();
            }
            Pass::Settled(group) => {
                self.line.give_group(group);
                let beyond = tie.beyond.filter(|mark| {
                    !mark.at.as_ref().is_some_and(|at| self.line.is_beyond_bound(at))
                });
                match beyond {
                    Some(beyond) => self.leave_tie(&tie.at, &beyond),
                    None => self.ended = true,
                }
            }
        }
        Ok(())
    }

    /// Goes on behind a moment that was seen whole, where this record is the next one.
    fn leave_tie(&mut self, whole: &Moment, beyond: &Mark) {
        let Some(next) = &beyond.at else { return };
        let anchors = &self.list.anchors;
        let behind = |filter| anchors.behind(whole, next, filter);
        let is_coarse = !behind(Filter::LeavesOut).is_beyond(&self.run.anchor);
        // Once more, whatever was found before: reading all of the moment again costs more.
        if let Some(proof) = anchors.proof(Filter::Includes, beyond, self.line.last()) {
            let before = self.run.anchor.clone();
            self.filter = Filter::Includes;
            self.run = PageRun::new(self.list, behind(Filter::Includes), PageRef::First);
            let otherwise = if is_coarse { before } else { behind(Filter::LeavesOut) };
            self.run.proof = Some(Proof { otherwise, is_coarse, ..proof });
        } else if self.filter == Filter::Includes || !is_coarse {
            self.run = PageRun::new(self.list, behind(self.filter), PageRef::First);
        } else {
            // The anchor lets its own moment in again, as it should not.
            self.since_is_coarse = true;
            self.rewind();
        }
    }
}
