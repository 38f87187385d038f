//! `offset`: pages by how many records come before them.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Param, ShortPage, Style};
use crate::{
    source::http::told::ToldPlaces,
    value::{Name, RecordPath},
};

/// By how many records to leave out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offset {
    /// The query parameter that carries it, or its place in the `body`.
    param: Name,
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
    /// Whether a page begins with the last record of the one before, to see that nothing has shifted.
    /// Default true. `false` is for an API that takes only multiples of the page size; one that
    /// refuses others, or rounds them down, is found out without it.
    overlap: Option<bool>,
    /// Path to what says whether there are more records: false, 0, null or empty ends the list, and
    /// anything else goes on, be the page empty or not. Where a body does not have it, it says nothing.
    more: Option<RecordPath>,
    /// Path to the number of records in the whole list: once that many were read, it ends. Behind a page that
    /// is full, and where more came than that, only an empty page does: many APIs cap the number.
    total: Option<RecordPath>,
    /// What a page with fewer records than the others says. Where it says nothing, only an empty page
    /// ends the list, which costs a request more: some APIs take records out of a page after they
    /// have cut it. Default `goes_on`.
    short_page: Option<ShortPage>,
}

impl Style for Offset {
    fn page_param(&self) -> Option<&Name> {
        Some(&self.param)
    }

    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
    }

    fn told(&self) -> ToldPlaces<'_> {
        let (more, total) = (self.more.as_ref(), self.total.as_ref());
        ToldPlaces { more, total, ..ToldPlaces::default() }
    }

    fn drift(&self, _: bool) -> Drift {
        Drift::Overlap
    }

    fn value(&self, page: &PageRef) -> Option<Param<'_>> {
        match page {
            PageRef::First => Some(Param::Number(0)),
            PageRef::Offset { at, .. } => Some(Param::Number(*at)),
            _ => None,
        }
    }

    /// The offset after a page is one less than what was read, where that still gets on: the last
    /// record comes again, to see that nothing has shifted.
    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        let at = match answered.asked {
            PageRef::Offset { at, .. } => *at,
            _ => 0,
        };
        // Behind a page without records is the next one that may have some.
        let count = match answered.page.count {
            0 => answered.largest.max(1),
            count => count,
        };
        let overlap = count > 1 && answered.page.count > 0 && self.overlap.unwrap_or(true);
        // A page that overlaps has read one record less than it has.
        let counted = Answered { records_read: at + count as u64, pages_read: 0, ..*answered };
        let at = at + count as u64 - u64::from(overlap);
        Ok(counted.unless_last(self.short_page, PageRef::Offset { at, overlap }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::style::testing::{next, next_told},
        *,
    };
    use crate::{source::http::told::Told, testing::section};

    #[test]
    fn a_page_begins_with_the_last_record_of_the_one_before() {
        let style: Offset = section(json!({ "param": "skip" }));
        let second = PageRef::Offset { at: 2, overlap: true };
        assert_eq!(next(&style, &PageRef::First, 3, false), Some(second.clone()));
        let third = PageRef::Offset { at: 4, overlap: true };
        assert_eq!(next(&style, &second, 3, false), Some(third));
        // What is left is the overlap: the next page says whether anything is behind it.
        let behind = PageRef::Offset { at: 3, overlap: false };
        assert_eq!(next(&style, &second, 1, true), Some(behind.clone()));
        assert_eq!(next(&style, &behind, 0, true), None);
    }

    #[test]
    fn without_an_overlap_offsets_are_multiples_of_the_page_size() {
        let style: Offset = section(json!({ "param": "skip", "overlap": false }));
        let second = PageRef::Offset { at: 3, overlap: false };
        assert_eq!(next(&style, &PageRef::First, 3, false), Some(second));
    }

    #[test]
    fn a_total_ends_the_list_once_its_offset_is_reached() {
        let style: Offset = section(json!({ "param": "skip", "total": "total" }));
        let told = |total| Told { total: Some(total), ..Told::default() };
        let at = PageRef::Offset { at: 2, overlap: true };
        assert_eq!(next_told(&style, &at, 3, true, &told(5)), None);
        let next = next_told(&style, &at, 3, true, &told(6));
        assert_eq!(next, Some(PageRef::Offset { at: 4, overlap: true }));
    }

    #[test]
    fn pages_of_one_record_get_on() {
        let style: Offset = section(json!({ "param": "skip" }));
        let second = PageRef::Offset { at: 1, overlap: false };
        assert_eq!(next(&style, &PageRef::First, 1, false), Some(second));
    }
}
