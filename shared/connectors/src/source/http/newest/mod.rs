//! Lists that begin with the newest record: each walk reads down to where the last one began.
//!
//! A walk may take many invocations. Its position says how far down it is ([`Descent`]), and the mark that
//! the next walk reads down to moves only when it is complete. Rows that are added meanwhile shift counted
//! pages down, so rows come again, which are known by their place; rows that leave shift them up, so a
//! page that does not begin at or above the last row given, or right behind a page that stands as it was, is
//! not trusted. Rows that appear late, within `overlap` before the newest one, are told from those that were
//! given by what was noted of these.

mod give;
mod track;

use std::{cmp::Ordering, collections::HashSet, sync::Arc};

use tidegate_core::{
    model::{EpochMs, Mark, Position},
    ports::{Batch, BoxFuture, SourceError, Walk},
};

use super::{
    ending::{self, Onward},
    idle::Idle,
    list::List,
    offsets::Offsets,
    outlook::Outlook,
    page::{Page, Row},
    pagination::{Answered, Drift, PageRef},
    requests::{Fetched, PageRequest, Refusal},
    run::Trace,
    seen::{Seen, Sight},
    smaller,
    steps::{Resumed, Steps},
    told::Told,
};
use crate::{
    source::notes::NoteStore,
    value::{ParentValues, RequestValues},
};
use track::{Fate, State, Track, compare, seen_key};

/// How often in a row pages are read again because rows have left, before the next run tries.
const STEPS_BACK_MAX: u32 = 10;

/// How a list that begins with the newest record is read.
pub(super) struct NewestFirst {
    /// How far before the newest record rows may still appear, in ms.
    pub(super) overlap_ms: i64,
    pub(super) notes: NoteStore,
}

/// One invocation's part of a walk.
pub(super) struct NewestWalk<'a> {
    list: &'a List,
    settings: &'a NewestFirst,
    from: Position,
    until_ms: EpochMs,
    parent: Option<Arc<ParentValues>>,
    under_way: Option<UnderWay<'a>>,
    ended: bool,
}

struct UnderWay<'a> {
    list: &'a List,
    steps: Steps,
    /// The state of the last position that was given out.
    given_out: State,
    track: Track,
    page: PageRef,
    /// The page before, as it was.
    previous: Option<(PageRef, Trace)>,
    /// The pages since the walk last began at one.
    seen: Seen,
    offsets: Offsets,
    /// Records without a place that were given.
    outlook: Outlook,
    /// An answer had the place where the next page is named.
    has_place: bool,
    /// The least mark that this invocation saw.
    lowest: Option<Mark>,
    /// Requests since it moved.
    idle: Idle,
    /// Pages read again since it moved, because rows have left.
    steps_back: u32,
    largest: usize,
    expired: bool,
    complete: bool,
    /// When the first record was changed that the next walk is to read, in ns.
    too_new_ns: i64,
    /// Said once what was read before it is given.
    halt: Option<SourceError>,
}

impl<'a> NewestWalk<'a> {
    pub(super) fn new(
        list: &'a List,
        settings: &'a NewestFirst,
        from: Position,
        until_ms: EpochMs,
        parent: Option<Arc<ParentValues>>,
    ) -> Self {
        Self { list, settings, from, until_ms, parent, under_way: None, ended: false }
    }
}

impl Walk for NewestWalk<'_> {
    fn next(&mut self, deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(async move {
            if self.ended {
                return Ok(Batch { end: true, ..Batch::default() });
            }
            let walk = match self.under_way.take() {
                Some(walk) => self.under_way.insert(walk),
                None => {
                    let (list, settings) = (self.list, self.settings);
                    let walk = UnderWay::open(list, settings, &self.from, self.until_ms).await?;
                    self.under_way.insert(walk)
                }
            };
            if let Some(halt) = walk.halt.take() {
                return Err(halt);
            }
            let mut batch = Batch::default();
            walk.read_page(self.parent.as_deref(), deadline_ms, &mut batch).await?;
            self.ended = batch.end;
            Ok(batch)
        })
    }
}

impl<'a> UnderWay<'a> {
    async fn open(
        list: &'a List,
        settings: &'a NewestFirst,
        from: &Position,
        until_ms: EpochMs,
    ) -> Result<Self, SourceError> {
        let (steps, resumed) = Steps::resume::<State>(from)?;
        let state = match resumed {
            Resumed::Start => State::default(),
            Resumed::Mark(mark) => State::down_to(mark),
            Resumed::State(state) => state,
        };
        let given_out = state.clone();
        let (track, page) =
            Track::open(settings.overlap_ms, &settings.notes, state, until_ms).await?;
        Ok(Self {
            list,
            steps,
            given_out,
            track,
            // Some answer named the page at which it goes on.
            has_place: matches!(page, PageRef::Token(_) | PageRef::Address(_)),
            page,
            previous: None,
            seen: Seen::new(list.anchors.cursor.by.clone()),
            offsets: Offsets::new(list.pager.page_size_asked()),
            outlook: Outlook::new(&list.anchors.cursor, &Position::Start),
            lowest: None,
            idle: Idle::default(),
            steps_back: 0,
            largest: 0,
            expired: false,
            complete: false,
            too_new_ns: i64::MAX,
            halt: None,
        })
    }

    /// Reads one page, and gives what is new of it.
    async fn read_page(
        &mut self,
        parent: Option<&ParentValues>,
        deadline_ms: EpochMs,
        batch: &mut Batch,
    ) -> Result<(), SourceError> {
        self.idle.wait(self.list.requester.left_ms(deadline_ms)).await;
        let asked = self.request(&self.page, parent);
        let read = self.list.fetch(&asked, deadline_ms, &mut batch.requests).await;
        let (mut page, fetched) = match read {
            Ok(read) => read,
            Err(Refusal::Rejected { halt, status }) => {
                self.rejected(status, halt)?;
                return self.finish_idle(batch).await;
            }
            Err(Refusal::Source(error)) => return Err(error),
        };
        self.put_in_order(&mut page.rows)?;
        self.largest = self.largest.max(page.count);
        let before = self.previous.as_ref().map(|(_, trace)| trace.marks.as_slice());
        let sight = self.seen.sight(&self.page, (&page.rows, page.count), before);
        let instead = match sight {
            Sight::Again => self.offsets.again(&self.page, true, self.largest),
            Sight::New => self.offsets.instead(),
            Sight::Empty => None,
        };
        if let Some(instead) = instead {
            self.page = instead;
            return self.finish_idle(batch).await;
        }
        if sight == Sight::New {
            self.offsets.brought(&self.page);
        }
        if let Some(before) = self.gap_before(&page, deadline_ms, batch).await? {
            self.idle.note(batch.requests, false);
            self.step_back(before)?;
            return self.finish(batch).await;
        }
        // Begun anew at the top, it comes through what was given before it gets any lower.
        let is_above = self.track.at().zip(page.rows.last()).is_some_and(|(at, row)| {
            sight == Sight::New && compare(&row.mark, at) == Ordering::Greater
        });
        let is_lower = self.gets_lower(&page.rows);
        self.idle.note(batch.requests, is_lower || self.expired && is_above);
        // A page that was read again is above, too: only what is lower shows that the list stands still.
        if is_lower {
            self.steps_back = 0;
        }
        self.seen.add(&self.page, &page.rows, page.count);
        let told = self.list.told(&fetched);
        self.list.learned.see_count(page.count);
        if let Ok(told) = &told
            && ending::is_in_doubt(self.list, &page, told, &fetched)
        {
            let half = self.request_of(Some(smaller::half(page.count)), &self.page, parent);
            let requests = &mut batch.requests;
            smaller::look_for_place(self.list, &half, page.count, deadline_ms, requests).await?;
        }
        let onward = told
            .clone()
            .and_then(|told| self.onward(&page, (&fetched, &told), sight == Sight::New));
        let had_room = self.list.pager.had_room(page.count);
        let trace = Trace::new(asked, &page, (fetched, told.unwrap_or_default()), had_room);
        self.take(page, batch).await?;
        if !self.complete {
            self.go_on(onward, trace);
        }
        self.finish(batch).await
    }

    /// Ends a step that brought no page.
    async fn finish_idle(&mut self, batch: &mut Batch) -> Result<(), SourceError> {
        self.idle.note(batch.requests, false);
        self.finish(batch).await
    }

    /// What follows a page, if the walk is to go below it.
    fn onward(
        &mut self,
        page: &Page,
        (fetched, told): (&Fetched, &Told),
        is_new: bool,
    ) -> Result<Onward, SourceError> {
        self.has_place |= told.has_place;
        if let Some(message) = ending::part(self.list, page, fetched) {
            return Ok(Onward::Unsure(message));
        }
        let pager = &self.list.pager;
        let next = pager.next(&Answered {
            asked: &self.page,
            page,
            url: &fetched.url,
            base: pager.base(),
            told,
            pages_read: self.seen.pages,
            records_read: self.seen.records,
            largest: self.largest,
            is_short: pager.is_short(page.count, self.largest),
            is_empty: !is_new,
        })?;
        let next = next.map(|next| self.offsets.adapt(next));
        Ok(match next.filter(|next| is_new || !self.seen.has_asked(next)) {
            Some(next) => Onward::Page(next),
            None => ending::unnamed(self.list, page, (told, self.has_place), fetched),
        })
    }

    /// Goes to the page below, unless many have brought nothing.
    fn go_on(&mut self, onward: Result<Onward, SourceError>, trace: Trace) {
        let stale = self.idle.is_over() && !self.list.pager.knows_its_pages();
        match onward {
            // What brought nothing is that pages were read again, and not that the list is at its end.
            Ok(Onward::Page(_)) if stale && self.steps_back > 0 => {
                self.halt = Some(keeps_moving());
            }
            Err(halt) => self.halt = Some(halt),
            Ok(Onward::Unsure(message)) => self.halt = Some(SourceError::Halt(message)),
            Ok(Onward::Page(_)) if stale && trace.told.more == Some(true) => {
                self.halt = Some(SourceError::Halt(format!(
                    "{} requests in a row brought nothing new, and the source says that there is more: see \
                     `more` in source.http.pagination",
                    self.idle.requests()
                )));
            }
            Ok(Onward::Page(next)) if !stale => {
                let asked = std::mem::replace(&mut self.page, next);
                self.previous = Some((asked, trace));
            }
            Ok(Onward::Page(_) | Onward::End) => self.complete = true,
        }
    }

    fn request(&self, page: &PageRef, parent: Option<&ParentValues>) -> PageRequest {
        self.request_of(None, page, parent)
    }

    /// The same, of so many records at most.
    fn request_of(
        &self,
        size: Option<u32>,
        page: &PageRef,
        parent: Option<&ParentValues>,
    ) -> PageRequest {
        let anchors = &self.list.anchors;
        let floor = self.track.lowered_floor(|ms| anchors.cursor.write(ms));
        let (since, until) =
            (anchors.anchor_before(&floor).value, anchors.until(self.track.until_ms()));
        let values = RequestValues { since: since.as_deref(), until: until.as_deref(), parent };
        match size {
            Some(size) => self.list.pager.request_of(size, page, &values),
            None => self.list.pager.request(page, &values),
        }
    }

    /// Checks a page's order; where one response has everything, sorts it instead.
    fn put_in_order(&self, rows: &mut [Row]) -> Result<(), SourceError> {
        if self.list.pager.is_whole() {
            rows.sort_by(|left, right| right.mark.cmp(&left.mark));
            return Ok(());
        }
        let fault =
            rows.windows(2).find(|pair| compare(&pair[0].mark, &pair[1].mark) == Ordering::Less);
        let Some([earlier, later]) = fault else { return Ok(()) };
        let show = |row: &Row| Position::At(row.mark.clone()).to_string();
        Err(SourceError::Halt(format!(
            "the list is not sorted newest first: {} comes before {}; add the API's sort parameter to \
             source.http.query, or remove `newest_first` from source.http.cursor",
            show(earlier),
            show(later)
        )))
    }

    /// The page to read before this one, where rows may have left in front of it: then some have moved over
    /// the edge between the two. Also the page before itself, read anew.
    async fn gap_before(
        &mut self,
        page: &Page,
        deadline_ms: EpochMs,
        batch: &mut Batch,
    ) -> Result<Option<PageRef>, SourceError> {
        let is_counted = matches!(self.page, PageRef::Number(_) | PageRef::Offset { .. });
        let may_shift = self.list.pager.drift(true) != Drift::Stored
            && !self.list.pager.goes_by_last_id()
            && self.page != PageRef::First;
        let (true, Some(at)) = (may_shift || is_counted, self.track.at()) else { return Ok(None) };
        // It begins with a row that was given: nothing is between. Of a timestamp with too many rows to
        // remember, a walk that is resumed must trust any.
        let is_resumed = self.previous.is_none() && self.track.forgets_rows();
        let reaches_up = page.rows.first().is_some_and(|row| match compare(&row.mark, at) {
            Ordering::Greater => true,
            Ordering::Equal => row.mark == *at || is_resumed || self.track.was_given(row),
            Ordering::Less => false,
        });
        if reaches_up {
            return Ok(None);
        }
        let Some((before, trace)) = &self.previous else {
            return Ok(Some(self.counted_before(page.count)));
        };
        // Nothing slips past the edge of a page that had room.
        if page.count == 0 && trace.had_room {
            return Ok(None);
        }
        let again = match self.list.fetch(&trace.asked, deadline_ms, &mut batch.requests).await {
            Ok((again, _)) => again,
            Err(Refusal::Rejected { .. }) => return Ok(Some(PageRef::First)),
            Err(Refusal::Source(error)) => return Err(error),
        };
        let marks = || again.rows.iter().map(|row| &row.mark);
        // Behind its last row there was nothing: that rows above it have left hides none.
        let is_end = page.count == 0 && marks().last() == trace.marks.last();
        Ok((!is_end && marks().ne(&trace.marks)).then(|| before.clone()))
    }

    /// The page before the one at hand, where pages are counted; else the first.
    fn counted_before(&self, count: usize) -> PageRef {
        match self.page {
            PageRef::Number(number) if number > 1 => PageRef::Number(number - 1),
            PageRef::Offset { at, .. } if at > count as u64 && count > 0 => {
                PageRef::Offset { at: at - count as u64, overlap: true }
            }
            _ => PageRef::First,
        }
    }

    /// Goes on at another page than the one that follows.
    fn begin_at(&mut self, page: PageRef) {
        self.page = page;
        self.previous = None;
        self.seen = Seen::new(self.list.anchors.cursor.by.clone());
    }

    fn step_back(&mut self, to: PageRef) -> Result<(), SourceError> {
        self.begin_at(to);
        self.steps_back += 1;
        match self.steps_back > STEPS_BACK_MAX || self.idle.is_over() {
            true => Err(keeps_moving()),
            false => Ok(()),
        }
    }

    /// A token or an address that is refused has expired: the walk goes down from the top again, once. Past
    /// the last of counted pages some answer that there is none.
    fn rejected(&mut self, status: u16, halt: String) -> Result<(), SourceError> {
        if status != 404
            && let Some(instead) = self.offsets.refused(&self.page)
        {
            tracing::debug!(status, "the source does not take every offset");
            self.page = instead;
            return Ok(());
        }
        if let Some((_, before)) = &self.previous
            && status != 410
            && (self.page.is_counted() || self.page.is_end_like())
        {
            let against = ending::not_the_end(self.list, &self.seen, before, self.largest, &halt);
            if let Some(why) = against.filter(|_| !self.page.is_end_like()) {
                return Err(SourceError::Halt(format!("{halt}; {why}")));
            }
            self.complete = true;
            return Ok(());
        }
        if self.page == PageRef::First || self.expired {
            return Err(SourceError::Halt(halt));
        }
        tracing::info!(status, "the next page is no more: going down from the top again");
        self.expired = true;
        self.begin_at(PageRef::First);
        Ok(())
    }

    /// Whether a page's last row is below all that was seen.
    fn gets_lower(&mut self, rows: &[Row]) -> bool {
        let Some(last) = rows.last().map(|row| &row.mark) else { return false };
        let lower = self.lowest.as_ref().is_none_or(|lowest| {
            compare(last, lowest) == Ordering::Less
                || compare(last, lowest) == Ordering::Equal && last != lowest
        });
        if lower {
            self.lowest = Some(last.clone());
        }
        lower
    }

    /// Gives what is new of a page.
    async fn take(&mut self, page: Page, batch: &mut Batch) -> Result<(), SourceError> {
        let mut on_page = HashSet::new();
        for row in page.rows {
            match self.track.fate(&row) {
                Fate::TooNew => {
                    let least = self.too_new_ns.min(row.changed_ns.unwrap_or(i64::MAX));
                    self.too_new_ns = least;
                }
                Fate::Passed => {}
                Fate::Below => {
                    self.complete = true;
                    break;
                }
                Fate::Seen => self.track.pass(&row, &mut on_page).await?,
                Fate::New => {
                    self.track.pass(&row, &mut on_page).await?;
                    self.give(row, &on_page, batch)?;
                }
                Fate::Wrong => {
                    let key = seen_key(&row);
                    let is_noted = self.track.is_noted(&key);
                    self.track.note(&key, i64::MAX).await?;
                    if !is_noted {
                        self.give(row, &on_page, batch)?;
                    }
                }
            }
        }
        if !self.complete {
            self.track.end_page(on_page);
        }
        self.put_aside(page.aside, batch).await
    }
}

/// The next run finds the list at rest, perhaps.
fn keeps_moving() -> SourceError {
    let reason =
        "the list's records keep leaving, or come and go, while its pages are read".to_owned();
    SourceError::Later { reason, after_ms: None }
}
