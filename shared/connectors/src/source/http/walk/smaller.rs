//! What a smaller page shows of a source, where the whole one leaves it open.

use tidegate_core::{model::EpochMs, ports::SourceError};

use super::HttpWalk;
use crate::source::http::{
    page::Page,
    requests::{Fetched, Refusal},
};

impl HttpWalk<'_> {
    /// Whether the walk would come to its end, or halt, with a page behind which none is named. Where it
    /// starts anew at the last record instead, it finds out so.
    pub(super) fn ends_with(&self, page: &Page) -> bool {
        let ends = page.rows.first().zip(page.rows.last());
        let is_one_moment = ends.is_some_and(|(first, last)| first.mark.at == last.mark.at);
        !self.list.starts_anew()
            || self.since_is_coarse
            || self.tie.is_some()
            || is_one_moment && !self.list.anchors.cursor.by.sorts_ids()
    }

    /// Asks once for half of a page of so many records: if a next page is named then, the whole one was the
    /// last.
    pub(super) async fn look_for_place(
        &mut self,
        count: usize,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<(), SourceError> {
        let list = self.list;
        if list.learned.look() {
            return Ok(());
        }
        tracing::debug!("a full page names no next one: half of it is asked for, to see where that stands");
        let Some((page, fetched)) = self.half(count, deadline_ms, requests).await? else {
            return Ok(());
        };
        // What stands there now is kept for all walks along the list.
        let told = list.told(&fetched)?;
        if told.next.is_none() && (1..count).contains(&page.count) {
            list.learned.names_none();
        }
        Ok(())
    }

    /// Whether the source heeds what names a counted page, where the second one is the first once more: half
    /// of it begins elsewhere then.
    pub(super) async fn heeds_pages(
        &mut self,
        page: &Page,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<bool, SourceError> {
        let list = self.list;
        if !self.run.page.is_counted() || list.learned.heeds_pages() {
            return Ok(self.run.page.is_counted());
        }
        if page.count < 2 || list.pager.page_size_asked().is_none() {
            return Ok(false);
        }
        tracing::debug!("the second page is the first one again: half of it is asked for");
        let half = self.half(page.count, deadline_ms, requests).await?;
        let first = |page: &Page| page.rows.first().map(|row| row.mark.clone());
        let heeds = half.is_some_and(|(half, _)| first(&half) != first(page));
        if heeds {
            list.learned.see_page(&self.run.page);
        }
        Ok(heeds)
    }

    /// Half of the page at hand, which has so many records. `None` where the source refuses that.
    async fn half(
        &self,
        count: usize,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<Option<(Page, Fetched)>, SourceError> {
        let size = u32::try_from(count / 2).unwrap_or(u32::MAX).max(1);
        let asked = self.list.pager.request_of(size, &self.run.page, &self.values());
        match self.list.fetch(&asked, deadline_ms, requests).await {
            Ok(fetched) => Ok(Some(fetched)),
            Err(Refusal::Source(error @ SourceError::Later { .. })) => Err(error),
            Err(Refusal::Rejected { .. } | Refusal::Source(_)) => Ok(None),
        }
    }
}
