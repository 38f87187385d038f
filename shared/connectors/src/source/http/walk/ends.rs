//! Where a walk ends, begins anew, or stops with a word.

use tidegate_core::{model::EpochMs, ports::SourceError};

use super::{HttpWalk, Taken};
use crate::source::http::{
    ending::{self, Onward},
    extent::{Extent, extent, is_full},
    idle::Idle,
    page::{Page, Row},
    pagination::PageRef,
    requests::Fetched,
    run::PageRun,
};

/// How often pages are read anew, because they did not meet, before the next run tries.
const RESTARTS_MAX: u32 = 5;

impl HttpWalk<'_> {
    /// A page came that was read before.
    pub(super) fn page_again(&mut self, page: &Page, fetched: &Fetched) -> Result<(), SourceError> {
        let is_overlap = self.run.is_overlap(page);
        let told = self.list.told(fetched)?;
        let next = self.run.next(self.list, page, (fetched, &told), (self.largest, false))?;
        if next.is_some()
            && let Some(further) = self.offsets.again(&self.run.page, !is_overlap, self.largest)
        {
            self.run.page = further;
            return Ok(());
        }
        let says_more = self.run.previous.as_ref().is_some_and(|it| it.told.more == Some(true));
        // Nothing shows that the source heeds what names a page, and its first one may not be its last.
        let is_unheeded = !is_overlap
            && self.run.seen.pages == 1
            && self.run.seen.is_first(&page.rows)
            && (is_full(page.count, self.list.pager.page_size()) || self.is_a_part(page, fetched))
            && !self.run.page.is_end_like();
        if says_more || is_unheeded {
            return Err(SourceError::Halt(format!(
                "{} gives the same page again instead of the next one: see \
                 source.http.pagination",
                self.list.requester.shown(&fetched.url)
            )));
        }
        tracing::debug!("a page came again: the list is at its end");
        self.no_more()
    }

    /// Whether a counted page says itself that it is not all of the list.
    fn is_a_part(&self, page: &Page, fetched: &Fetched) -> bool {
        let said = extent(&fetched.body, &fetched.headers, page.count);
        self.run.page.is_counted() && matches!(said, Extent::Part(_))
    }

    /// A page was refused. Behind the last of counted pages that is the end. A token or a next address
    /// has expired: the keyset is still good, once.
    pub(super) async fn rejected(
        &mut self,
        (status, halt): (u16, String),
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<(), SourceError> {
        if status != 404
            && let Some(instead) = self.offsets.refused(&self.run.page)
        {
            tracing::debug!(status, "the source does not take every offset");
            self.run.page = instead;
            return Ok(());
        }
        let is_followed = matches!(self.run.page, PageRef::Token(_) | PageRef::Address(_));
        // A page that the source itself named is behind its list's end only by a token that says so.
        let may_be_behind =
            status != 410 && (self.run.page.is_counted() || self.run.page.is_end_like());
        if let Some(before) = self.run.previous.as_ref().filter(|_| may_be_behind) {
            let against =
                ending::not_the_end(self.list, &self.run.seen, before, self.largest, &halt);
            if let Some(why) = against.filter(|_| !self.run.page.is_end_like()) {
                return Err(SourceError::Halt(format!("{halt}; {why}")));
            }
            if !self.meets(&mut Page::default(), deadline_ms, requests).await? {
                return self.start_anew();
            }
            tracing::debug!(
                status,
                "the page behind the last one is refused: the list is at its end"
            );
            return self.no_more();
        }
        if !is_followed || self.expired {
            self.refused = Some(status).filter(|_| self.run.seen.pages == 0);
            return Err(SourceError::Halt(halt));
        }
        tracing::info!(status, "the next page's token has expired: reading on from the keyset");
        self.expired = true;
        self.rewind();
        Ok(())
    }

    /// Many requests in a row brought nothing new.
    pub(super) fn nothing_comes(&mut self) -> Result<(), SourceError> {
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
    pub(super) fn no_more(&mut self) -> Result<(), SourceError> {
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
    pub(super) fn give_and_halt(
        &mut self,
        mut rows: Vec<Row>,
        halt: SourceError,
    ) -> Result<(), SourceError> {
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
    pub(super) fn start_anew(&mut self) -> Result<(), SourceError> {
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
    pub(super) fn rewind(&mut self) {
        self.line.drop_group();
        self.fallbacks.forget();
        if let Some(tie) = &mut self.tie {
            tie.restart_pass();
        }
        let anchor = self.run.anchor.clone();
        self.run = PageRun::new(self.list, anchor, self.list.first_page(self.line.last()));
    }
}
