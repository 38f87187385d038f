//! When a walk asks for a smaller page, because the whole one leaves it open if the list ends with it.

use tidegate_core::{model::EpochMs, ports::SourceError};

use super::HttpWalk;
use crate::source::http::{page::Page, requests::PageRequest, smaller};

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
        let asked = self.request_for_half(page.count);
        let half = smaller::fetch(list, &asked, deadline_ms, requests).await?;
        let first = |page: &Page| page.rows.first().map(|row| row.mark.clone());
        let heeds = half.is_some_and(|(half, _)| first(&half) != first(page));
        if heeds {
            list.learned.see_page(&self.run.page);
        }
        Ok(heeds)
    }

    /// The request for half of the page at hand, which has so many records.
    pub(super) fn request_for_half(&self, count: usize) -> PageRequest {
        self.list.pager.request_of(smaller::half(count), &self.run.page, &self.values())
    }
}
