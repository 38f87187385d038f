//! `next_url`: the next page's address in the answer's body.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, NextOrigin, PageRef, Style};
use crate::{
    source::http::told::ToldPlaces,
    value::{Name, RecordPath},
};

/// By an address that stands in the body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextUrl {
    /// Path to the address; absent, null or empty ends the list. Of a list of links, one is named by
    /// a field of its own: `links[rel=next].href`.
    path: RecordPath,
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
    /// Whose scheme, host and port the address is asked at. Default `given`.
    origin: Option<NextOrigin>,
    /// Path to what says whether there are more records: false, 0, null or empty ends the list, whatever
    /// the address; behind a full page an address that stands there is tried once. Where a body does not have
    /// it, it says nothing.
    more: Option<RecordPath>,
}

impl Style for NextUrl {
    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
    }

    fn told(&self) -> ToldPlaces<'_> {
        let (next, more) = (Some(&self.path), self.more.as_ref());
        ToldPlaces { next, more, ..ToldPlaces::default() }
    }

    fn drift(&self, in_tie: bool) -> Drift {
        if in_tie { Drift::Reread } else { Drift::Stored }
    }

    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        match answered.told.more {
            Some(false) => Ok(None),
            _ => answered.follow(self.origin),
        }
    }
}
