//! `none`: a list without pages.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Style};
use crate::value::Name;

/// One request gives all. An answer that looks like a part of a list stops the run, with what to
/// write: one that says that there is more, or that has just as many records as a page usually has.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct None;

impl Style for None {
    fn size_param(&self) -> Option<&Name> {
        Option::None
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn drift(&self, _: bool) -> Drift {
        Drift::Stored
    }

    fn next(&self, _: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        Ok(Option::None)
    }
}
