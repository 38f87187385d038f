//! `last_id`: pages by the id of the last record of the page before.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Param, Style};
use crate::{
    file::{Fault, Findings, Place},
    source::http::cursor::Order,
    value::Name,
};

/// By the last record's id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LastId {
    /// The query parameter that carries it, or its place in the `body`.
    param: Name,
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
}

impl Style for LastId {
    fn page_param(&self) -> Option<&Name> {
        Some(&self.param)
    }

    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
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
        // A source that counts the last record in gives it again, and nothing else.
        let next = last.filter(|next| next != answered.asked);
        Ok(next.and_then(|next| answered.unless_short(next)))
    }
}
