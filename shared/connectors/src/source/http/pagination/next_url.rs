//! `next_url`: the next page's address in the answer's body.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Style};
use crate::value::{Name, Path};

/// By an address that stands in the body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextUrl {
    /// Path to the address; absent, null or empty ends the list.
    path: Path,
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
}

impl Style for NextUrl {
    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
    }

    fn next_path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn drift(&self, in_tie: bool) -> Drift {
        if in_tie { Drift::Reread } else { Drift::Stored }
    }

    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        answered.page.next.as_deref().map(|next| answered.join(next)).transpose()
    }
}
