//! `token`: the answer's token for the next page.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, PageToken, Param, Style};
use crate::{
    file::{At, Fault, Findings},
    value::{Name, Path},
};

/// By a token that stands in the body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    /// The query parameter that carries the token, or its place in the `body`.
    param: Name,
    /// Path to the token; absent, null or empty ends the list.
    path: Path,
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
    /// Whether a body with a token holds nothing else, as where the token stands for the filters, the
    /// order and the page size of the first request. Default false.
    alone: Option<At<bool>>,
}

impl Style for Token {
    fn page_param(&self) -> Option<&Name> {
        Some(&self.param)
    }

    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
    }

    fn next_path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn check_without_body(&self, findings: &mut Findings) {
        if let Some(At { value: true, place }) = self.alone {
            let message = "`alone` is of a `body`, and the list is asked for without one";
            let remedy = "remove it, or add `method: POST` and a `body`";
            findings.add(Fault::new(place, message, remedy));
        }
    }

    fn stands_alone(&self) -> bool {
        self.alone.as_ref().is_some_and(|alone| alone.value)
    }

    fn drift(&self, _: bool) -> Drift {
        Drift::Stored
    }

    fn value<'p>(&'p self, page: &'p PageRef) -> Option<Param<'p>> {
        match page {
            PageRef::Token(token) => Some(Param::Token(token)),
            _ => None,
        }
    }

    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        let is_number = answered.page.next_is_number;
        let next = answered.page.next.clone();
        Ok(next.map(|text| PageRef::Token(PageToken { text, is_number })))
    }
}
