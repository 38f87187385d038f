//! `offset`: pages by how many records come before them.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Param, Style};
use crate::value::Name;

/// By how many records to leave out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offset {
    /// The query parameter that carries it, or its place in the `body`.
    param: Name,
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
}

impl Style for Offset {
    fn page_param(&self) -> Option<&Name> {
        Some(&self.param)
    }

    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
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
        let count = answered.page.count;
        let overlap = count > 1;
        let at = at + count as u64 - u64::from(overlap);
        Ok(answered.unless_short(PageRef::Offset { at, overlap }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::style::testing::next, *};
    use crate::testing::section;

    #[test]
    fn a_page_begins_with_the_last_record_of_the_one_before() {
        let style: Offset = section(json!({ "param": "skip" }));
        let second = PageRef::Offset { at: 2, overlap: true };
        assert_eq!(next(&style, &PageRef::First, 3, false), Some(second.clone()));
        let third = PageRef::Offset { at: 4, overlap: true };
        assert_eq!(next(&style, &second, 3, false), Some(third));
        assert_eq!(next(&style, &second, 1, true), None);
    }

    #[test]
    fn pages_of_one_record_get_on() {
        let style: Offset = section(json!({ "param": "skip" }));
        let second = PageRef::Offset { at: 1, overlap: false };
        assert_eq!(next(&style, &PageRef::First, 1, false), Some(second));
    }
}
