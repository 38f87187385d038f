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
