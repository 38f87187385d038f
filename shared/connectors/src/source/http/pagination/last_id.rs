//! `last_id`: pages by the id of the last record of the page before.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Param, ShortPage, Style};
use crate::{
    file::{Fault, Findings, Place},
    source::http::{cursor::Order, told::ToldPlaces},
    value::{Name, RecordPath},
};

/// By the last record's id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LastId {
    /// The query parameter that carries it, or its place in the `body`.
    param: Name,
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
    /// Path to what says whether there are more records: false, 0, null or empty ends the list, and
    /// anything else goes on, be the page empty or not. Where a body does not have it, it says nothing.
    more: Option<RecordPath>,
    /// What a page with fewer records than the others says. Where it says nothing, only an empty page
    /// ends the list, which costs a request more: some APIs take records out of a page after they
    /// have cut it. Default `goes_on`.
    short_page: Option<ShortPage>,
}

impl Style for LastId {
    fn page_param(&self) -> Option<&Name> {
        Some(&self.param)
    }

    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
    }

    fn told(&self) -> ToldPlaces<'_> {
        ToldPlaces { more: self.more.as_ref(), ..ToldPlaces::default() }
    }

    fn check(&self, order: &dyn Order, place: Place, findings: &mut Findings) {
        if !order.sorts_ids() {
            findings.add(Fault::new(
                place,
                "`last_id` does not go with `by: timestamp`: ids do not follow that order",
                "write `by: id` or `by: timestamp_id`, or another pagination",
            ));
        }
    }

    fn goes_by_last_id(&self) -> bool {
        true
    }

    fn drift(&self, in_tie: bool) -> Drift {
        if in_tie { Drift::Reread } else { Drift::Stored }
    }

    fn value<'p>(&'p self, page: &'p PageRef) -> Option<Param<'p>> {
        match page {
            PageRef::After(id) => Some(Param::Id(id)),
            _ => None,
        }
    }

    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        let last = answered.page.rows.last().map(|row| PageRef::After(row.mark.id.clone()));
        Ok(last.and_then(|next| answered.unless_last(self.short_page, next)))
    }
}
