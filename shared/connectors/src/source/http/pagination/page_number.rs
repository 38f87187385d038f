//! `page_number`: pages by their numbers.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Param, Style};
use crate::value::Name;

/// By the page's number.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageNumber {
    /// The query parameter that carries the number, or its place in the `body`.
    param: Name,
    /// The query parameter that carries the page size, or its place in the `body`.
    size_param: Option<Name>,
    /// The first page's number. Default 1.
    #[schemars(range(min = 0, max = 1))]
    first: Option<u32>,
}

impl PageNumber {
    fn first(&self) -> u64 {
        self.first.unwrap_or(1).into()
    }
}

impl Style for PageNumber {
    fn page_param(&self) -> Option<&Name> {
        Some(&self.param)
    }

    fn size_param(&self) -> Option<&Name> {
        self.size_param.as_ref()
    }

    fn drift(&self, _: bool) -> Drift {
        Drift::Reread
    }

    fn value(&self, page: &PageRef) -> Option<Param<'_>> {
        match page {
            PageRef::First => Some(Param::Number(self.first())),
            PageRef::Number(number) => Some(Param::Number(*number)),
            _ => None,
        }
    }

    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        let number = match answered.asked {
            PageRef::Number(number) => *number,
            _ => self.first(),
        };
        Ok(answered.unless_short(PageRef::Number(number + 1)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::style::testing::next, *};
    use crate::testing::section;

    #[test]
    fn pages_are_counted_from_the_first_until_one_is_short_or_empty() {
        for first in [0, 1] {
            let style: PageNumber = section(json!({ "param": "page", "first": first }));
            let second = PageRef::Number(first + 1);
            assert_eq!(next(&style, &PageRef::First, 3, false), Some(second.clone()));
            assert_eq!(next(&style, &second, 3, false), Some(PageRef::Number(first + 2)));
            assert_eq!(next(&style, &second, 2, true), None);
            assert_eq!(next(&style, &second, 0, false), None);
        }
    }
}
