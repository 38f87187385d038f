//! What every style of pagination says: how a page is asked for, and which one comes after it.

use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{model::RecordId, ports::SourceError};
use url::Url;

use crate::{
    file::{Findings, Place},
    http::Origin,
    json::quote,
    source::http::{
        body,
        cursor::Order,
        page::Page,
        told::{Told, ToldPlaces},
    },
    value::Name,
};

/// A style of pagination.
pub(crate) trait Style: fmt::Debug + Send + Sync {
    /// The parameter that says which page, where there is one.
    fn page_param(&self) -> Option<&Name> {
        None
    }

    /// The parameter that carries the page size, where the flow gives one.
    fn size_param(&self) -> Option<&Name>;

    /// Where an answer says how the list goes on. A style that gives a place for the next page's token
    /// or address has no other way to find the next page.
    fn told(&self) -> ToldPlaces<'_> {
        ToldPlaces::default()
    }

    /// Notes what does not go with the cursor's order. `place` is the section's.
    fn check(&self, _order: &dyn Order, _place: Place, _findings: &mut Findings) {}

    /// Notes what does not go with a list that is asked for without a body.
    fn check_without_body(&self, _findings: &mut Findings) {}

    /// Whether one response has everything, so that it may be sorted here.
    fn is_whole(&self) -> bool {
        false
    }

    /// Whether the one response may have been cut by the source, which is looked for then.
    fn may_be_cut(&self) -> bool {
        false
    }

    /// Whether a page is found by the last record's id, which may be the cursor's own parameter.
    fn goes_by_last_id(&self) -> bool {
        false
    }

    /// Whether the flow itself says how many pages there are, so that empty ones in a row are no end.
    fn knows_its_pages(&self) -> bool {
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
    /// A next address that is none, or leads elsewhere.
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

/// What a page with fewer records than the others says of the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ShortPage {
    /// It is the last one.
    Ends,
    /// Nothing.
    #[default]
    GoesOn,
}

/// Whose scheme, host and port a next address is asked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NextOrigin {
    /// The address's own, which must be those of `source.http.url`.
    #[default]
    Given,
    /// Those of `source.http.url`, whatever the address says: for an API behind a proxy that writes its
    /// inner host, or `http`.
    Keep,
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
    /// The list's own address.
    pub(crate) base: &'a Url,
    /// What it tells of the list.
    pub(crate) told: &'a Told,
    /// Pages of this list that were read, this one included.
    pub(crate) pages_read: u64,
    /// Records in them.
    pub(crate) records_read: u64,
    /// Records in the largest page seen.
    pub(crate) largest: usize,
    /// Whether it has fewer records than a page that is followed by another.
    pub(crate) is_short: bool,
    /// Whether it has no record but what the page before has.
    pub(crate) is_empty: bool,
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
    /// The next page where pages are counted: there is one behind each that is not empty, unless the
    /// answer says otherwise, or the flow says that a short one is the last.
    pub(crate) fn unless_last(
        &self,
        short_page: Option<ShortPage>,
        next: PageRef,
    ) -> Option<PageRef> {
        let is_last = self.told_last().unwrap_or_else(|| {
            let ends = short_page.unwrap_or_default() == ShortPage::Ends;
            self.is_empty || ends && self.is_short
        });
        (!is_last).then_some(next)
    }

    /// Whether the answer says that this is the last page; `None` where it says nothing, or where something
    /// contradicts it: an empty page tells then.
    fn told_last(&self) -> Option<bool> {
        let Told { more, total, pages, .. } = self.told;
        let by_total = total.and_then(|total| self.reaches(total));
        let by_pages = pages.map(|pages| self.pages_read >= pages);
        if *more == Some(true) {
            return Some(false);
        }
        let numbers = [by_total, by_pages];
        if numbers.contains(&Some(false)) {
            let is_contradicted = *more == Some(false) || numbers.contains(&Some(true));
            return (!is_contradicted).then_some(false);
        }
        if *more == Some(false) {
            return Some(true);
        }
        let is_last = numbers.contains(&Some(true)) && !self.is_beyond_what_was_told();
        is_last.then_some(true)
    }

    /// Whether a total was reached. Records may have been taken out of the pages, and it may count them or
    /// not: where that makes the difference, it says nothing.
    fn reaches(&self, total: u64) -> Option<bool> {
        let passed = self.records_read.max(self.pages_read * self.largest.max(1) as u64);
        match (self.records_read >= total, passed >= total) {
            (true, _) => Some(true),
            (_, false) => Some(false),
            (false, true) => None,
        }
    }

    /// Whether the list may go on where its total or its number of pages ends: this page is full, or was
    /// not to be there. Such numbers are capped by many APIs, or were counted before, or are of one page.
    fn is_beyond_what_was_told(&self) -> bool {
        if self.is_empty {
            return false;
        }
        let Told { total, pages, .. } = self.told;
        let read_before = self.records_read.saturating_sub(self.page.count as u64);
        !self.is_short
            || total.is_some_and(|total| read_before >= total)
            || pages.is_some_and(|pages| self.pages_read > pages)
    }

    /// The page at the address that the source gave, if it gave one.
    ///
    /// # Errors
    /// If it is no address, or one to which no credentials may go.
    pub(crate) fn follow(
        &self,
        origin: Option<NextOrigin>,
    ) -> Result<Option<PageRef>, SourceError> {
        let Some(next) = &self.told.next else { return Ok(None) };
        let mut next = self.url.join(next).map_err(|_| {
            SourceError::Halt("the source's address for the next page is no URL".to_owned())
        })?;
        if origin == Some(NextOrigin::Keep) {
            let mut kept = self.base.clone();
            kept.set_path(next.path());
            kept.set_query(next.query());
            next = kept;
        }
        let own = Origin::of(self.base).filter(|own| !own.has(&next));
        own.map_or(Ok(Some(PageRef::Address(next.clone()))), |own| {
            let to = next.origin().ascii_serialization();
            Err(SourceError::Halt(format!(
                "the address of the next page leads to {to}, but only {own} may see the \
                 credentials: if that is the same API behind a proxy, add `origin: keep` to \
                 source.http.pagination; if the API is there, set source.http.url to it"
            )))
        })
    }
}

impl PageRef {
    /// Whether it is of pages that are counted, so that one may be asked for that is beyond the last.
    pub(crate) fn is_counted(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Offset { .. })
    }

    /// The page behind the one before, and nothing of that.
    pub(crate) fn without_overlap(self) -> Self {
        match self {
            Self::Offset { at, overlap: true } => Self::Offset { at: at + 1, overlap: false },
            page => page,
        }
    }

    /// Whether it is a token by which many sources say that there is no next page.
    pub(crate) fn is_end_like(&self) -> bool {
        let Self::Token(token) = self else { return false };
        let token = token.text.trim().to_ascii_lowercase();
        matches!(&*token, "" | "0" | "-1" | "null" | "none" | "nil" | "end" | "undefined" | "false")
    }
}

/// What the tests of styles share.
#[cfg(test)]
pub(super) mod testing {
    use super::{Answered, PageRef, Style};
    use crate::source::http::{page::Page, told::Told};

    /// The page after one that had `count` records. `is_short` where it had fewer than were asked for.
    pub(crate) fn next(
        style: &dyn Style,
        asked: &PageRef,
        count: usize,
        is_short: bool,
    ) -> Option<PageRef> {
        next_told(style, asked, count, is_short, &Told::default())
    }

    /// The same, where the answer tells something of the list. Two pages were read.
    pub(crate) fn next_told(
        style: &dyn Style,
        asked: &PageRef,
        count: usize,
        is_short: bool,
        told: &Told,
    ) -> Option<PageRef> {
        let mut page = Page::default();
        page.count = count;
        let url = "https://api.test/list".parse().expect("it is a URL");
        let answered = Answered {
            asked,
            page: &page,
            url: &url,
            base: &url,
            told,
            pages_read: 2,
            records_read: 3 + count as u64,
            largest: 3,
            is_short,
            is_empty: count == 0,
        };
        style.next(&answered).expect("it is a page")
    }
}
