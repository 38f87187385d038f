//! `token`: the answer's token for the next page.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, PageToken, Param, Style};
use crate::{
    file::{At, Fault, Findings, Place},
    source::http::{
        cursor::Order,
        told::{Told, ToldPlaces},
    },
    value::{HeaderName, Name, RecordPath},
};

/// By a token that stands in the answer's body or in a header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    /// The query parameter that carries the token, or its place in the `body`.
    param: Name,
    /// Path to the token in the body; absent, null or empty ends the list.
    path: Option<RecordPath>,
    /// The header that carries the token, instead of `path`; absent or empty ends the list.
    header: Option<HeaderName>,
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
    /// Whether a body with a token holds nothing else, as where the token stands for the filters, the
    /// order and the page size of the first request. Default false.
    alone: Option<At<bool>>,
    /// Path to what says whether there are more records: false, 0, null or empty ends the list, whatever
    /// the token; behind a full page a token that stands there is tried once. Where a body does not have it,
    /// it says nothing.
    more: Option<RecordPath>,
}

impl Style for Token {
    fn page_param(&self) -> Option<&Name> {
        Some(&self.param)
    }

    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
    }

    fn told(&self) -> ToldPlaces<'_> {
        ToldPlaces {
            next: self.path.as_ref(),
            next_header: self.header.as_ref(),
            more: self.more.as_ref(),
            ..ToldPlaces::default()
        }
    }

    fn check(&self, _: &dyn Order, place: Place, findings: &mut Findings) {
        let (message, remedy) = match (&self.path, &self.header) {
            (None, None) => (
                "`token` does not say where the token stands",
                "add `path:` with its path in the body, or `header:` with the header's name",
            ),
            (Some(_), Some(_)) => {
                ("`token` has both `path` and `header`", "remove the one where the token is not")
            }
            _ => return,
        };
        findings.add(Fault::new(place, message, remedy));
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
        let Told { next, next_is_number, more, .. } = answered.told;
        let next = next.clone().filter(|_| *more != Some(false));
        Ok(next.map(|text| PageRef::Token(PageToken { text, is_number: *next_is_number })))
    }
}
