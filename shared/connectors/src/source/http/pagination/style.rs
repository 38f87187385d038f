//! What every style of pagination says: how a page is asked for, and which one comes after it.

use std::{borrow::Cow, fmt};

use tidegate_core::{model::RecordId, ports::SourceError};
use url::Url;

use crate::{
    file::{Findings, Place},
    json::quote,
    source::http::{body, cursor::Order, page::Page},
    value::{Name, Path},
};

/// A style of pagination.
pub(crate) trait Style: fmt::Debug + Send + Sync {
    /// The parameter that says which page, where there is one.
    fn page_param(&self) -> Option<&Name> {
        None
    }

    /// The parameter that carries the page size, where the flow gives one.
    fn size_param(&self) -> Option<&Name>;

    /// Where in a body the next page's token or address stands.
    fn next_path(&self) -> Option<&Path> {
        None
    }

    /// Notes what does not go with the cursor's order. `place` is the section's.
    fn check(&self, _order: &dyn Order, _place: Place, _findings: &mut Findings) {}

    /// Notes what does not go with a list that is asked for without a body.
    fn check_without_body(&self, _findings: &mut Findings) {}

    /// Whether one response has everything, so that it may be sorted here.
    fn is_whole(&self) -> bool {
        false
    }

    /// Whether a page is found by the last record's id, which may be the cursor's own parameter.
    fn goes_by_last_id(&self) -> bool {
        false
    }

    /// Whether a body that names a page holds nothing else.
    fn stands_alone(&self) -> bool {
        false
    }

    /// How the gap between two pages is watched. `in_tie` where pages are read only inside ties, and
    /// so seldom that the source's own links, which may be page numbers in disguise, are watched as
    /// well. There is no default: the wrong one loses records.
    fn drift(&self, in_tie: bool) -> Drift;

    /// What [`Self::page_param`] carries for a page; `None` leaves it out.
    fn value<'p>(&'p self, _page: &'p PageRef) -> Option<Param<'p>> {
        None
    }

    /// The page after one that was answered; `None` if that was the last.
    ///
    /// # Errors
    /// A next address that is none.
    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError>;
}

/// Which page of a list to ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum PageRef {
    /// The first.
    First,
    /// By its number.
    Number(u64),
    /// By how many records come before it; whether the last record read is read again.
    Offset {
        /// Records before it.
        at: u64,
        /// Whether it begins with the last record of the page before.
        overlap: bool,
    },
    /// By a token, or a name.
    Token(PageToken),
    /// By the address that the source gave.
    Address(Url),
    /// After this record.
    After(RecordId),
}

/// A token for a page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PageToken {
    /// As it was written.
    pub(crate) text: String,
    /// Whether the source gave it as a number: in a body it is sent as one.
    pub(crate) is_number: bool,
}

/// How the gap between two pages is watched, where rows that leave the list shift the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drift {
    /// The source keeps the place: a token, its own link, or a record's id.
    Stored,
    /// The next page begins with the last record of the one before.
    Overlap,
    /// The page before is read again.
    Reread,
}

/// A page's parameter, as the request carries it.
pub(crate) enum Param<'a> {
    /// A number.
    Number(u64),
    /// A text.
    Text(&'a str),
    /// A token.
    Token(&'a PageToken),
    /// A record's id.
    Id(&'a RecordId),
}

/// A page that was answered.
pub(crate) struct Answered<'a> {
    /// How it was asked for.
    pub(crate) asked: &'a PageRef,
    /// What is in it.
    pub(crate) page: &'a Page,
    /// Where it came from, after redirects.
    pub(crate) url: &'a Url,
    /// The answer's `Link` headers.
    pub(crate) links: &'a [String],
    /// Whether it has fewer records than a page that is followed by another.
    pub(crate) is_short: bool,
}

impl From<String> for PageToken {
    /// A text.
    fn from(text: String) -> Self {
        Self { text, is_number: false }
    }
}

impl Param<'_> {
    /// As a query parameter.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => number.to_string().into(),
            Self::Text(text) => (*text).into(),
            Self::Token(token) => token.text.as_str().into(),
            Self::Id(id) => id.to_string().into(),
        }
    }

    /// As a value in a body.
    pub(crate) fn json(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => quote(text),
            Self::Token(PageToken { text, is_number: true }) => text.clone(),
            Self::Token(PageToken { text, is_number: false }) => quote(text),
            Self::Id(id) => body::id(id),
        }
    }
}

impl Answered<'_> {
    /// The next page where pages are counted: there is one behind each that is neither empty nor
    /// short.
    pub(crate) fn unless_short(&self, next: PageRef) -> Option<PageRef> {
        (self.page.count > 0 && !self.is_short).then_some(next)
    }

    /// The page at an address that the source gave.
    ///
    /// # Errors
    /// If it is no address.
    pub(crate) fn join(&self, next: &str) -> Result<PageRef, SourceError> {
        self.url.join(next).map(PageRef::Address).map_err(|_| {
            SourceError::Halt("the source's address for the next page is no URL".to_owned())
        })
    }
}

/// What the tests of styles share.
#[cfg(test)]
pub(super) mod testing {
    use super::{Answered, PageRef, Style};
    use crate::source::http::page::Page;

    /// The page after one that had `count` records. `is_short` where it had fewer than were asked for.
    pub(crate) fn next(
        style: &dyn Style,
        asked: &PageRef,
        count: usize,
        is_short: bool,
    ) -> Option<PageRef> {
        let mut page = Page::default();
        page.count = count;
        let url = "https://api.test/list".parse().expect("it is a URL");
        style
            .next(&Answered { asked, page: &page, url: &url, links: &[], is_short })
            .expect("it is a page")
    }
}
