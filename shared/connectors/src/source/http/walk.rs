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
//! before, or with a refusal behind the last page. What is read before a halt is given before it.

use std::time::Duration;

use tidegate_core::{
    model::{EpochMs, Mark, Moment, Position, Refused},
    ports::{Batch, BoxFuture, SourceError, Walk},
};

use super::{
    anchor::{Anchor, Filter, Proof},
    ending::{self, Onward},
    extent::is_full,
    fallback::Fallbacks,
    idle::Idle,
    line::{Line, Took},
    list::List,
    offsets::Offsets,
    outlook::Outlook,
    page::{Page, Row},
    pagination::PageRef,
    requests::{PageRequest, Refusal},
    run::{PageRun, Trace},
    seen::Sight,
    tie::{Pass, Tie},
};

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
            Ok(Batch { records, refused, end: self.ended, held, requests })
        })
    }
}

impl<'a> HttpWalk<'a> {
    pub(super) fn new(list: &'a List, from: Position, until_ms: EpochMs) -> Self {
        let cursor = &list.anchors.cursor;
        let until =
            (cursor.until.is_some() && cursor.by.has_timestamp()).then(|| cursor.write(until_ms));
        let filter = list.anchors.filter();
        let anchor = list.anchors.anchor(&from, filter);
        let mut run = PageRun::new(list, anchor, list.first_page(&from));
        run.proof = from.mark().and_then(|mark| list.anchors.proof(filter, mark, &from));
        Self {
            list,
            outlook: Outlook::new(cursor, &from),
            fallbacks: Fallbacks::default(),
            aside: Vec::new(),
            line: Line::new(cursor.by.clone(), from, until_ms),
            until,
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
        }
    }

    /// Reads one page, not before its time.
    async fn step(&mut self, deadline_ms: EpochMs, requests: &mut u32) -> Result<(), SourceError> {
        if let Some(pause) = self.idle.pause() {
            let left_ms = self.list.requester.left_ms(deadline_ms);
            tokio::time::sleep(pause.min(Duration::from_millis(left_ms))).await;
        }
        let is_new = self.read_page(deadline_ms, requests).await?;
        self.idle.note(*requests, is_new);
        let goes_on = !self.ended && self.halt.is_none();
        if goes_on && self.idle.is_over() && !self.list.pager.knows_its_pages() {
            return self.nothing_comes();
        }
        Ok(())
    }

    /// Reads one page; answers whether it had something new.
    async fn read_page(
        &mut self,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<bool, SourceError> {
        let asked = self.run.request(self.list, self.until.as_deref());
        let (mut page, fetched) = match self.list.fetch(&asked, deadline_ms, requests).await {
            Ok(fetched) => fetched,
            Err(Refusal::Rejected { halt, status }) => {
                return self.rejected((status, halt), deadline_ms, requests).await.map(|()| false);
            }
            Err(Refusal::Source(error)) => return Err(error),
        };
        if let Some(message) = ending::part(self.list, &page, &fetched) {
            // Only what is in order is certain to have nothing before it in the rest of the list.
            return match self.list.ascends(&page.rows) {
                true => self.give_and_halt(page.rows, SourceError::Halt(message)).map(|()| true),
                false => Err(SourceError::Halt(message)),
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
            return Ok(false);
        }
        self.largest = self.largest.max(page.count);
        let before = self.run.marks_before();
        let sight = self.run.seen.sight(&self.run.page, (&page.rows, page.count), before);
        let is_overlap = sight == Sight::Again && self.run.is_overlap(&page);
        if sight == Sight::Again && !is_overlap {
            return self.page_again(&page, &asked).map(|()| false);
        }
        let is_new = sight == Sight::New;
        self.run.seen.add(&self.run.page, &page.rows, page.count);
        let told = self.list.told(&page, &fetched);
        self.has_place |= told.as_ref().is_ok_and(|told| told.has_place);
        let next = told.clone().and_then(|told| {
            self.run.next(self.list, &page, (&fetched, &told), (self.largest, !is_new))
        });
        let had_room = self.list.pager.had_room(page.count);
        let mut trace = Trace::new(asked, &page, (fetched, told.unwrap_or_default()), had_room);
        self.look_over(&mut page)?;
        trace.placed = page.rows.last().map(|row| row.mark.clone());
        // A tie's passes find what a shift has hidden.
        if self.tie.is_none()
            && !self.run.meets(self.list, &mut page, deadline_ms, requests).await?
        {
            return self.start_anew().map(|()| is_new);
        }
        if is_overlap {
            page.rows.clear();
        }
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
        self.run.previous = Some(trace.shed(onward.page()));
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
        let next = next.map(|next| self.offsets.adapt(next));
        match next.filter(|next| is_new || !self.run.seen.has_asked(next)) {
            Some(next) => Onward::Page(next),
            None => {
                let told = (&trace.told, self.has_place);
                ending::unnamed(self.list, page, told, &trace.fetched)
            }
        }
    }

    /// A page came that was read before.
    fn page_again(&mut self, page: &Page, asked: &PageRequest) -> Result<(), SourceError> {
        if let Some(instead) = self.offsets.instead(&self.run.page) {
            tracing::debug!("the source rounds offsets down");
            self.run.page = instead;
            return Ok(());
        }
        let says_more = self.run.previous.as_ref().is_some_and(|it| it.told.more == Some(true));
        // Nothing shows that the source heeds what names a page, and its first one may not be its last.
        let is_unheeded = self.run.seen.pages == 1
            && self.run.seen.is_first(&page.rows)
            && is_full(page.count, self.list.pager.page_size())
            && !self.run.page.is_end_like();
        if says_more || is_unheeded {
            return Err(SourceError::Halt(format!(
                "{} gives the same page again instead of the next one: see \
                 source.http.pagination",
                self.list.requester.shown(&asked.url)
            )));
        }
        tracing::debug!("a page came again: the list is at its end");
        self.no_more()
    }

    /// A page was refused. Behind the last of counted pages that is the end. A token or a next address
    /// has expired: the keyset is still good, once.
    async fn rejected(
        &mut self,
        (status, halt): (u16, String),
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<(), SourceError> {
        if status != 404
            && let Some(instead) = self.offsets.instead(&self.run.page)
        {
            tracing::debug!(status, "the source does not take every offset");
            self.run.page = instead;
            return Ok(());
        }
        let is_followed = matches!(self.run.page, PageRef::Token(_) | PageRef::Address(_));
        let may_be_behind = status != 410
            && (self.run.page.is_counted() || self.run.page.is_end_like() || self.expired);
        if let Some(before) = self.run.previous.as_ref().filter(|_| may_be_behind) {
            let against =
                ending::not_the_end(self.list, &self.run.seen, before, self.largest, &halt);
            if let Some(why) = against.filter(|_| !self.run.page.is_end_like()) {
                return Err(SourceError::Halt(format!("{halt}; {why}")));
            }
            let mut behind = Page::default();
            if self.tie.is_none()
                && !self.run.meets(self.list, &mut behind, deadline_ms, requests).await?
            {
                return self.start_anew();
            }
            tracing::debug!(
                status,
                "the page behind the last one is refused: the list is at its end"
            );
            return self.no_more();
        }
        if !is_followed || self.expired {
            return Err(SourceError::Halt(halt));
        }
        tracing::info!(status, "the next page's token has expired: reading on from the keyset");
        self.expired = true;
        self.rewind();
        Ok(())
    }

    /// Many requests in a row brought nothing new.
    fn nothing_comes(&mut self) -> Result<(), SourceError> {
        let requests = self.idle.requests();
        self.idle = Idle::default();
        if self.run.previous.as_ref().is_some_and(|before| before.told.more == Some(true)) {
            return Err(SourceError::Halt(format!(
                "{requests} requests in a row brought nothing new, and the source says that there is \
                 more: see `more` in source.http.pagination"
            )));
        }
        tracing::warn!(
            requests,
            "as many requests in a row brought nothing new: the list is taken to be at its end"
        );
        self.no_more()
    }

    /// The list has nothing behind what was read.
    fn no_more(&mut self) -> Result<(), SourceError> {
        let mut page = Page::default();
        self.fallbacks.end(&mut page);
        let taken = Taken { rows: page.rows, onward: Onward::End, had_room: true };
        match self.tie.take() {
            Some(tie) => self.walk_tie(tie, taken),
            None => self.walk_on(taken),
        }
    }

    /// Gives what is certain, and says then why it cannot go on. If the bound is among the rows, all up
    /// to it was read, and what is behind does not matter.
    fn give_and_halt(&mut self, mut rows: Vec<Row>, halt: SourceError) -> Result<(), SourceError> {
        if self.tie.is_some() {
            return Err(halt);
        }
        if let Some(bound) = rows.iter().position(|row| self.line.is_too_new(row)) {
            rows.truncate(bound);
            return self.walk_on(Taken { rows, onward: Onward::End, had_room: true });
        }
        self.give(rows)?;
        Err(halt)
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
        self.run = PageRun::new(self.list, anchor, self.list.first_page(self.line.last()));
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
