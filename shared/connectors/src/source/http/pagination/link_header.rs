//! `link_header`: `Link: <…>; rel="next"` (RFC 8288).

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, NextOrigin, PageRef, Style};
use crate::{source::http::told::ToldPlaces, value::Name};

/// By the `Link: <…>; rel="next"` header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkHeader {
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
    /// Whose scheme, host and port the address is asked at. Default `given`.
    origin: Option<NextOrigin>,
}

impl Style for LinkHeader {
    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
    }

    fn told(&self) -> ToldPlaces<'_> {
        ToldPlaces { link: true, ..ToldPlaces::default() }
    }

    fn drift(&self, in_tie: bool) -> Drift {
        if in_tie { Drift::Reread } else { Drift::Stored }
    }

    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        answered.follow(self.origin)
    }
}
