//! How one page leads to the next: the request's address or body, and what the response says.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tidegate_core::ports::SourceError;
use url::Url;

use super::{
    address::Address,
    extent::is_full,
    pagination::{Answered, Drift, PageRef, Pagination, Param},
    posted::Posted,
    requests::PageRequest,
};
use crate::value::{RequestText, RequestValues};

/// Of a parameter's value so many characters are shown.
const SHOWN_CHARS_MAX: usize = 60;
/// No API caps its pages at fewer records; a shorter first page is the last one.
const PAGE_CAP_MIN: usize = 10;

/// One source's pagination.
pub(super) struct Pager {
    style: Pagination,
    page_size: u32,
    bounds: BoundParams,
    address: Address,
    /// Headers that each request completes.
    headers: Vec<(HeaderName, RequestText)>,
    /// What is posted; none: a GET.
    body: Option<Posted>,
}

/// The parameters that carry the cursor's bounds, where it has some.
#[derive(Default)]
pub(super) struct BoundParams {
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
}

impl Pager {
    pub(super) fn new(
        style: Pagination,
        page_size: u32,
        bounds: BoundParams,
        address: Address,
        headers: Vec<(HeaderName, RequestText)>,
        body: Option<Posted>,
    ) -> Self {
        Self { style, page_size, bounds, address, headers, body }
    }

    /// Whether one response has everything, so that we may sort it ourselves.
    pub(super) fn is_whole(&self) -> bool {
        self.style.is_whole()
    }

    /// Whether a page is found by the last record's id.
    pub(super) fn goes_by_last_id(&self) -> bool {
        self.style.goes_by_last_id()
    }

    /// Whether that one response may be a part of the list.
    pub(super) fn may_be_cut(&self) -> bool {
        self.style.may_be_cut()
    }

    /// Whether empty pages in a row are no end.
    pub(super) fn knows_its_pages(&self) -> bool {
        self.style.knows_its_pages()
    }

    /// How many records are asked for, where the flow says how.
    pub(super) fn page_size_asked(&self) -> Option<u32> {
        self.style.size_param().map(|_| self.page_size)
    }

    /// An address of the list, whatever the request: it says to which host they go.
    pub(super) fn base(&self) -> &Url {
        self.address.base()
    }

    /// How the gap between two pages is watched; `in_tie` where pages are read only inside ties.
    pub(super) fn drift(&self, in_tie: bool) -> Drift {
        self.style.drift(in_tie)
    }

    /// The request for a page.
    pub(super) fn request(&self, page: &PageRef, values: &RequestValues<'_>) -> PageRequest {
        self.request_of(self.page_size, page, values)
    }

    /// The same, of so many records at most where the flow says how that is asked for.
    pub(super) fn request_of(
        &self,
        size: u32,
        page: &PageRef,
        values: &RequestValues<'_>,
    ) -> PageRequest {
        let header = |(name, text): &(HeaderName, RequestText)| {
            // The walk gives no value that a header cannot carry.
            Some((name.clone(), HeaderValue::from_bytes(text.text(values).as_bytes()).ok()?))
        };
        let headers: HeaderMap = self.headers.iter().filter_map(header).collect();
        let size = self.size_param().map(|name| (name, size));
        let shown = self.shown(page, values, size);
        let Some(body) = &self.body else {
            let url = self.address(page, values, size);
            return PageRequest { url, headers, body: None, page: shown };
        };
        let url = match page {
            PageRef::Address(url) => url.clone(),
            _ => self.address.url(values),
        };
        let param = self.page_param(page);
        let alone = self.style.stands_alone();
        let body = body.render(&self.bounds(values), param, size, (alone, values));
        PageRequest { url, headers, body: Some(body), page: shown }
    }

    /// The cursor's parameters and what they carry.
    fn bounds<'v>(&'v self, values: &RequestValues<'v>) -> Vec<(&'v str, &'v str)> {
        let since = self.bounds.since.as_deref().zip(values.since);
        let until = self.bounds.until.as_deref().zip(values.until);
        since.into_iter().chain(until).collect()
    }

    /// Which page a request is for, by the parameters that say so.
    fn shown(
        &self,
        page: &PageRef,
        values: &RequestValues<'_>,
        size: Option<(&str, u32)>,
    ) -> Box<str> {
        if let PageRef::Address(_) = page {
            return "the next page's address, as the source gave it".into();
        }
        let cut = |text: &str| match text.char_indices().nth(SHOWN_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        };
        let bound = |(name, value): (&str, &str)| format!("{name}={}", cut(value));
        let bounds = self.bounds(values).into_iter().map(bound);
        let param =
            self.page_param(page).map(|(name, value)| format!("{name}={}", cut(&value.text())));
        let size = size.map(|(name, size)| format!("{name}={size}"));
        let shown: Vec<String> = bounds.chain(param).chain(size).collect();
        if shown.is_empty() { "the first page".into() } else { shown.join(", ").into() }
    }

    /// The address of a page; one that the source gave has the cursor's parameters already.
    fn address(
        &self,
        page: &PageRef,
        values: &RequestValues<'_>,
        size: Option<(&str, u32)>,
    ) -> Url {
        if let PageRef::Address(url) = page {
            return url.clone();
        }
        let bounds = self.bounds(values);
        let mut url = self.address.url(values);
        {
            let mut query = url.query_pairs_mut();
            let param = self.page_param(page);
            // A source may take the position and the page's last id by one and the same parameter.
            let taken = param.as_ref().map(|(name, _)| *name);
            query.extend_pairs(bounds.into_iter().filter(|(name, _)| Some(*name) != taken));
            if let Some((name, value)) = param {
                query.append_pair(name, &value.text());
            }
            if let Some((name, size)) = size {
                query.append_pair(name, &size.to_string());
            }
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        url
    }

    /// The parameter that says which page, and its name.
    fn page_param<'p>(&'p self, page: &'p PageRef) -> Option<(&'p str, Param<'p>)> {
        Some((self.style.page_param()?.text.as_str(), self.style.value(page)?))
    }

    fn size_param(&self) -> Option<&str> {
        self.style.size_param().map(|name| name.text.as_str())
    }

    /// Whether a page has fewer records than another one had (`largest`), or than any API would cap a
    /// page at: one that answers 250 where 1,000 were asked for is not short.
    pub(super) fn is_short(&self, count: usize, largest: usize) -> bool {
        count < largest
            || (self.size_param().is_some() && count < PAGE_CAP_MIN.min(self.page_size as usize))
    }

    /// Whether a page may have as many records as the source gives at most. `largest` is the largest one seen.
    pub(super) fn is_full(&self, count: usize, largest: usize) -> bool {
        is_full(count, self.page_size, largest)
    }

    /// Whether a page surely could have had more records: it has not half as many as any API would cap a
    /// page at. That it has fewer than were asked for, or than another one, does not say so: the source
    /// may cap its pages below that, or have taken records out of it.
    pub(super) fn had_room(&self, count: usize) -> bool {
        count * 2 < PAGE_CAP_MIN.min(self.page_size as usize)
    }

    /// The page after this one; `None` if this is the last.
    ///
    /// # Errors
    /// A next address that is none, or leads elsewhere.
    pub(super) fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        self.style.next(answered)
    }
}

#[cfg(test)]
mod tests {
    use tidegate_core::model::RecordId;

    use super::*;

    #[test]
    fn a_parameter_that_is_both_since_and_last_id_is_sent_once() {
        let style = crate::testing::section::<Pagination>(
            serde_json::json!({ "last_id": { "param": "since_id" } }),
        );
        let connection = crate::Connection::default();
        let address = Address::new(
            &crate::testing::section("http://a.test/?x=1".into()),
            &crate::testing::section(serde_json::json!({})),
            &crate::resolver::Resolver::new(&connection),
        );
        let bounds = BoundParams { since: Some("since_id".into()), until: Some("until".into()) };
        let pager = Pager::new(style, 10, bounds, address.unwrap(), Vec::new(), None);
        let after = PageRef::After(RecordId::Number(9));
        let values = RequestValues { since: Some("5"), until: Some("z"), parent: None };
        let url = pager.address(&after, &values, None);
        assert_eq!(url.query(), Some("x=1&until=z&since_id=9"));
        let values = RequestValues { since: Some("5"), ..RequestValues::default() };
        let url = pager.address(&PageRef::First, &values, None);
        assert_eq!(url.query(), Some("x=1&since_id=5"));
    }
}
