//! `whole`: a list without pages, of which the flow knows that no answer is a part.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Style};
use crate::value::Name;

/// One request gives all, whatever the answer looks like: for a list of which you know that the API
/// never cuts it. Where you do not know, write `none`.
///
/// ```yaml
/// pagination: whole
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Whole;

impl Style for Whole {
    fn size_param(&self) -> Option<&Name> {
        None
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn drift(&self, _: bool) -> Drift {
        Drift::Stored
    }

    fn next(&self, _: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        Ok(None)
    }
}
