//! `page_number`: pages by their numbers.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Param, ShortPage, Style};
use crate::{
    source::http::told::ToldPlaces,
    value::{Name, RecordPath},
};

/// By the page's number.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageNumber {
    /// The query parameter that carries the number, or its place in the `body`.
    param: Name,
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
    /// The first page's number. Default 1.
    #[schemars(range(min = 0, max = 1))]
    first: Option<u32>,
    /// Path to what says whether there are more records: false, 0, null or empty ends the list, and
    /// anything else goes on, be the page empty or not. Where a body does not have it, it says nothing.
    more: Option<RecordPath>,
    /// Path to the number of records in the whole list: once that many were read, it ends. Behind a page that
    /// is full, and where more came than that, only an empty page does: many APIs cap the number.
    total: Option<RecordPath>,
    /// Path to the number of pages in the whole list: the last of them ends it, unless it is full.
    pages: Option<RecordPath>,
    /// What a page with fewer records than the others says. Where it says nothing, only an empty page
    /// ends the list, which costs a request more: some APIs take records out of a page after they
    /// have cut it. Default `goes_on`.
    short_page: Option<ShortPage>,
}

impl PageNumber {
    fn first(&self) -> u64 {
        self.first.unwrap_or(1).into()
    }
}

impl Style for PageNumber {
    fn page_param(&self) -> Option<&Name> {
        Some(&self.param)
    }

    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
    }

    fn told(&self) -> ToldPlaces<'_> {
        let (more, total, pages) = (self.more.as_ref(), self.total.as_ref(), self.pages.as_ref());
        ToldPlaces { more, total, pages, ..ToldPlaces::default() }
    }

    fn drift(&self, _: bool) -> Drift {
        Drift::Reread
    }

    fn value(&self, page: &PageRef) -> Option<Param<'_>> {
        match page {
            PageRef::First => Some(Param::Number(self.first())),
            PageRef::Number(number) => Some(Param::Number(*number)),
            _ => None,
        }
    }

    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        let number = match answered.asked {
            PageRef::Number(number) => *number,
            _ => self.first(),
        };
        Ok(answered.unless_last(self.short_page, PageRef::Number(number + 1)))
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
    fn pages_are_counted_from_the_first_until_one_is_empty() {
        for first in [0, 1] {
            let style: PageNumber = section(json!({ "param": "page", "first": first }));
            let second = PageRef::Number(first + 1);
            assert_eq!(next(&style, &PageRef::First, 3, false), Some(second.clone()));
            assert_eq!(next(&style, &second, 3, false), Some(PageRef::Number(first + 2)));
            assert_eq!(next(&style, &second, 2, true), Some(PageRef::Number(first + 2)));
            assert_eq!(next(&style, &second, 0, true), None);
        }
    }

    #[test]
    fn a_short_page_ends_the_list_where_the_flow_says_so() {
        let style: PageNumber = section(json!({ "param": "page", "short_page": "ends" }));
        assert_eq!(next(&style, &PageRef::First, 3, false), Some(PageRef::Number(2)));
        assert_eq!(next(&style, &PageRef::Number(2), 2, true), None);
    }

    #[test]
    fn a_number_that_ends_the_list_at_a_full_page_is_not_believed() {
        let keys = json!({ "param": "page", "total": "total", "pages": "pages" });
        let style: PageNumber = section(keys);
        for told in
            [Told { total: Some(6), ..Told::default() }, Told { pages: Some(2), ..Told::default() }]
        {
            let next =
                |count, is_short| next_told(&style, &PageRef::Number(2), count, is_short, &told);
            assert_eq!(next(3, false), Some(PageRef::Number(3)), "{told:?}");
            assert_eq!(next(3, true), None, "{told:?}");
            assert_eq!(next(0, true), None, "{told:?}");
        }
    }

    #[test]
    fn what_the_answer_tells_counts_before_what_the_page_looks_like() {
        let keys = json!({ "param": "page", "more": "more", "total": "total", "pages": "pages" });
        let style: PageNumber = section(keys);
        // Two pages of three records were read.
        let is_last = |count: usize, told: Told| {
            next_told(&style, &PageRef::Number(2), count, true, &told).is_none()
        };
        for (more, pages, total, count, last) in [
            (Some(true), None, None, 0, false),
            (Some(false), None, None, 3, true),
            (None, Some(3), None, 0, false),
            (None, Some(2), None, 3, true),
            // One contradicts another: an empty page tells.
            (Some(false), Some(9), Some(99), 3, false),
            (Some(false), Some(9), Some(99), 0, true),
            (None, Some(2), Some(99), 3, false),
            (None, Some(1), None, 3, false),
            (None, None, Some(3), 3, false),
            (None, None, Some(7), 3, false),
            (None, None, Some(6), 3, true),
            // The second page was empty, for its records were taken out; a third one is told of.
            (None, None, Some(7), 0, false),
            (None, None, Some(6), 0, true),
            (None, None, None, 1, false),
        ] {
            let told = Told { more, pages, total, ..Told::default() };
            assert_eq!(is_last(count, told.clone()), last, "{count} {told:?}");
        }
    }
}
