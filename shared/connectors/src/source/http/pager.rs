//! How one page leads to the next: the request's address or body, and what the response says.

use tidegate_core::ports::SourceError;
use url::Url;

use super::{
    pagination::{Answered, Drift, PageRef, Pagination, Param},
    posted::Posted,
    requests::PageRequest,
};

/// Of a parameter's value so many characters are shown.
const SHOWN_CHARS_MAX: usize = 60;
/// No API caps its pages at fewer records; a shorter first page is the last one.
const PAGE_CAP_MIN: usize = 10;

/// One source's pagination.
pub(super) struct Pager {
    style: Pagination,
    page_size: u32,
    /// Address and query.
    base: Url,
    /// What is posted; none: a GET.
    body: Option<Posted>,
}

impl Pager {
    pub(super) fn new(style: Pagination, page_size: u32, base: Url, body: Option<Posted>) -> Self {
        Self { style, page_size, base, body }
    }

    /// Whether one response has everything, so that we may sort it ourselves.
    pub(super) fn is_whole(&self) -> bool {
        self.style.is_whole()
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

    /// How many records a page is taken to have at most.
    pub(super) fn page_size(&self) -> u32 {
        self.page_size
    }

    /// The list's address.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// How the gap between two pages is watched; `in_tie` where pages are read only inside ties.
    pub(super) fn drift(&self, in_tie: bool) -> Drift {
        self.style.drift(in_tie)
    }

    /// The request for a page. `bounds` are the cursor's parameters.
    pub(super) fn request(&self, page: &PageRef, bounds: &[(&str, &str)]) -> PageRequest {
        let shown = self.shown(page, bounds);
        let Some(body) = &self.body else {
            return PageRequest { url: self.address(page, bounds), body: None, page: shown };
        };
        let url = match page {
            PageRef::Address(url) => url,
            _ => &self.base,
        };
        let size = self.size_param().map(|name| (name, self.page_size));
        let body = body.render(bounds, self.page_param(page), size, self.style.stands_alone());
        PageRequest { url: url.clone(), body: Some(body), page: shown }
    }

    /// Which page a request is for, by the parameters that say so.
    fn shown(&self, page: &PageRef, bounds: &[(&str, &str)]) -> Box<str> {
        if let PageRef::Address(_) = page {
            return "the next page's address, as the source gave it".into();
        }
        let cut = |text: &str| match text.char_indices().nth(SHOWN_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        };
        let bound = |(name, value): &(&str, &str)| format!("{name}={}", cut(value));
        let param =
            self.page_param(page).map(|(name, value)| format!("{name}={}", cut(&value.text())));
        let size = self.size_param().map(|name| format!("{name}={}", self.page_size));
        let shown: Vec<String> = bounds.iter().map(bound).chain(param).chain(size).collect();
        if shown.is_empty() { "the first page".into() } else { shown.join(", ").into() }
    }

    /// The address of a page; one that the source gave has the cursor's parameters already.
    fn address(&self, page: &PageRef, bounds: &[(&str, &str)]) -> Url {
        if let PageRef::Address(url) = page {
            return url.clone();
        }
        let mut url = self.base.clone();
        {
            let mut query = url.query_pairs_mut();
            let param = self.page_param(page);
            // A source may take the position and the page's last id by one and the same parameter.
            let taken = param.as_ref().map(|(name, _)| *name);
            query.extend_pairs(bounds.iter().filter(|(name, _)| Some(*name) != taken));
            if let Some((name, value)) = param {
                query.append_pair(name, &value.text());
            }
            if let Some(size) = self.size_param() {
                query.append_pair(size, &self.page_size.to_string());
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
        let pager = Pager::new(style, 10, Url::parse("http://a.test/?x=1").unwrap(), None);
        let after = PageRef::After(RecordId::Number(9));
        let url = pager.address(&after, &[("since_id", "5"), ("until", "z")]);
        assert_eq!(url.query(), Some("x=1&until=z&since_id=9"));
        let url = pager.address(&PageRef::First, &[("since_id", "5")]);
        assert_eq!(url.query(), Some("x=1&since_id=5"));
    }
}
