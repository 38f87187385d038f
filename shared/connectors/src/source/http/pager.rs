//! How one page leads to the next: the request's address or body, and what the response says.

use std::borrow::Cow;

use bytes::Bytes;
use tidegate_core::{model::RecordId, ports::SourceError};
use tidegate_flow::spec::PaginationSpec;
use url::Url;

use super::{
    body::{self, ListBody},
    page::Page,
    requests::{Fetched, PageRequest},
};
use crate::json::quote;

/// No API caps its pages at fewer records; a shorter first page is the last one.
const PAGE_CAP_MIN: usize = 10;

/// Which page of a list to ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum PageRef {
    /// The first.
    First,
    /// By its number.
    Number(u64),
    /// By how many records come before it; whether the last record read is read again.
    Offset { at: u64, overlap: bool },
    /// By the body's token.
    Token(String),
    /// By the address that the source gave.
    Address(Url),
    /// After this record.
    After(RecordId),
}

/// How the gap between two pages is watched, where rows that leave the list shift the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drift {
    /// The source keeps the place: a token, its own link, or a record's id.
    Stored,
    /// The next page begins with the last record of the one before.
    Overlap,
    /// The page before is read again.
    Reread,
}

/// One source's pagination.
pub(super) struct Pager {
    spec: PaginationSpec,
    page_size: u32,
    /// Address and query.
    base: Url,
    /// What is posted; none: a GET.
    body: Option<ListBody>,
}

/// A page's parameter, as the request carries it.
enum Param<'a> {
    Number(u64),
    Text(&'a str),
    Id(&'a RecordId),
}

impl Param<'_> {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => number.to_string().into(),
            Self::Text(text) => (*text).into(),
            Self::Id(id) => id.to_string().into(),
        }
    }

    fn json(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => quote(text),
            Self::Id(id) => body::id(id),
        }
    }
}

/// The names of the parameters that a pagination sends.
pub(super) fn params(spec: &PaginationSpec) -> impl Iterator<Item = &str> {
    let param = match spec {
        PaginationSpec::PageNumber { param, .. }
        | PaginationSpec::Offset { param, .. }
        | PaginationSpec::Token { param, .. }
        | PaginationSpec::LastId { param, .. } => Some(param.as_str()),
        _ => None,
    };
    param.into_iter().chain(size_param(spec))
}

fn size_param(spec: &PaginationSpec) -> Option<&str> {
    match spec {
        PaginationSpec::PageNumber { size_param, .. }
        | PaginationSpec::Offset { size_param, .. }
        | PaginationSpec::Token { size_param, .. }
        | PaginationSpec::LinkHeader { size_param }
        | PaginationSpec::NextUrl { size_param, .. }
        | PaginationSpec::LastId { size_param, .. } => size_param.as_deref(),
        PaginationSpec::None => None,
    }
}

impl Pager {
    pub(super) fn new(
        spec: PaginationSpec,
        page_size: u32,
        base: Url,
        body: Option<ListBody>,
    ) -> Self {
        Self { spec, page_size, base, body }
    }

    /// Whether one response has everything, so that we may sort it ourselves.
    pub(super) fn is_whole(&self) -> bool {
        self.spec == PaginationSpec::None
    }

    /// How the gap between two pages is watched; `in_tie` where pages are read only inside ties,
    /// and so seldom that the source's own links, which may be page numbers in disguise, are watched
    /// as well. A token is its own: many are good only once.
    pub(super) fn drift(&self, in_tie: bool) -> Drift {
        match self.spec {
            PaginationSpec::Offset { .. } => Drift::Overlap,
            PaginationSpec::PageNumber { .. } => Drift::Reread,
            PaginationSpec::LinkHeader { .. }
            | PaginationSpec::NextUrl { .. }
            | PaginationSpec::LastId { .. }
                if in_tie =>
            {
                Drift::Reread
            }
            _ => Drift::Stored,
        }
    }

    /// The request for a page. `bounds` are the cursor's parameters.
    pub(super) fn request(&self, page: &PageRef, bounds: &[(&str, &str)]) -> PageRequest {
        let Some(body) = &self.body else {
            return PageRequest { url: self.address(page, bounds), body: None };
        };
        let url = match page {
            PageRef::Address(url) => url,
            _ => &self.base,
        };
        let body = self.body_for(body, page, bounds);
        PageRequest { url: url.clone(), body: Some(body) }
    }

    fn body_for(&self, body: &ListBody, page: &PageRef, bounds: &[(&str, &str)]) -> Bytes {
        let param = self.page_param(page);
        if let (PaginationSpec::Token { alone: true, .. }, Some((name, token))) =
            (&self.spec, &param)
        {
            return ListBody::alone(name, &token.json());
        }
        let mut values: Vec<(&str, String)> =
            bounds.iter().map(|(name, value)| (*name, body.bound(value))).collect();
        values.extend(param.map(|(name, value)| (name, value.json())));
        values.extend(self.size_param().map(|name| (name, self.page_size.to_string())));
        body.render(&values)
    }

    /// The address of a page; one that the source gave has the cursor's parameters already.
    fn address(&self, page: &PageRef, bounds: &[(&str, &str)]) -> Url {
        if let PageRef::Address(url) = page {
            return url.clone();
        }
        let mut url = self.base.clone();
        {
            let mut query = url.query_pairs_mut();
            // A source may take the position and the page's last id by one and the same parameter.
            let taken = match (&self.spec, page) {
                (PaginationSpec::LastId { param, .. }, PageRef::After(_)) => Some(param.as_str()),
                _ => None,
            };
            query.extend_pairs(bounds.iter().filter(|(name, _)| Some(*name) != taken));
            if let Some((name, value)) = self.page_param(page) {
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
        let (param, value) = match (&self.spec, page) {
            (PaginationSpec::PageNumber { param, first, .. }, PageRef::First) => {
                (param, Param::Number(u64::from(*first)))
            }
            (PaginationSpec::PageNumber { param, .. }, PageRef::Number(number)) => {
                (param, Param::Number(*number))
            }
            (PaginationSpec::Offset { param, .. }, PageRef::First) => (param, Param::Number(0)),
            (PaginationSpec::Offset { param, .. }, PageRef::Offset { at, .. }) => {
                (param, Param::Number(*at))
            }
            (PaginationSpec::Token { param, .. }, PageRef::Token(token)) => {
                (param, Param::Text(token))
            }
            (PaginationSpec::LastId { param, .. }, PageRef::After(id)) => (param, Param::Id(id)),
            _ => return None,
        };
        Some((param, value))
    }

    fn size_param(&self) -> Option<&str> {
        size_param(&self.spec)
    }

    /// The page after this one; `None` if this is the last. `largest` is the largest page seen.
    ///
    /// A page is short only if it has fewer records than another one had, or than any API would cap
    /// a page at: one that answers 250 where 1,000 were asked for is not at its end.
    ///
    /// # Errors
    /// A next address that is none.
    pub(super) fn next(
        &self,
        current: &PageRef,
        page: &Page,
        fetched: &Fetched,
        largest: usize,
    ) -> Result<Option<PageRef>, SourceError> {
        let short = page.count < largest
            || (self.size_param().is_some()
                && page.count < PAGE_CAP_MIN.min(self.page_size as usize));
        let counted = |next: PageRef| (page.count > 0 && !short).then_some(next);
        Ok(match (&self.spec, current) {
            (PaginationSpec::PageNumber { first, .. }, PageRef::First) => {
                counted(PageRef::Number(u64::from(*first) + 1))
            }
            (PaginationSpec::PageNumber { .. }, PageRef::Number(number)) => {
                counted(PageRef::Number(number + 1))
            }
            (PaginationSpec::Offset { .. }, PageRef::First) => counted(offset(0, page.count)),
            (PaginationSpec::Offset { .. }, PageRef::Offset { at, .. }) => {
                counted(offset(*at, page.count))
            }
            (PaginationSpec::Token { .. }, _) => page.next.clone().map(PageRef::Token),
            (PaginationSpec::NextUrl { .. }, _) => match &page.next {
                Some(next) => Some(join(&fetched.url, next)?),
                None => None,
            },
            (PaginationSpec::LinkHeader { .. }, _) => match next_link(&fetched.links) {
                Some(next) => Some(join(&fetched.url, next)?),
                None => None,
            },
            (PaginationSpec::LastId { .. }, _) => {
                let last = page.rows.last().map(|row| PageRef::After(row.mark.id.clone()));
                // A source that counts the last record in gives it again, and nothing else.
                last.filter(|next| next != current).and_then(counted)
            }
            _ => None,
        })
    }
}

/// The offset after a page. It is one less than what was read, where that still gets on: the last
/// record comes again, to see that nothing has shifted.
fn offset(at: u64, count: usize) -> PageRef {
    let overlap = count > 1;
    PageRef::Offset { at: at + count as u64 - u64::from(overlap), overlap }
}

fn join(from: &Url, next: &str) -> Result<PageRef, SourceError> {
    from.join(next).map(PageRef::Address).map_err(|_| {
        SourceError::Halt("the source's address for the next page is no URL".to_owned())
    })
}

/// The target of `rel="next"` in `Link` headers (RFC 8288).
fn next_link(headers: &[String]) -> Option<&str> {
    headers.iter().find_map(|header| {
        let mut rest = header.as_str();
        loop {
            let start = rest.find('<')?;
            let end = start + rest[start..].find('>')?;
            let target = &rest[start + 1..end];
            // The parameters reach to the next link, which begins with `<` outside of quotes.
            let (params, tail) = split_params(&rest[end + 1..]);
            if is_next(params) {
                return Some(target);
            }
            rest = tail;
        }
    })
}

fn split_params(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => return text.split_at(at),
            _ => {}
        }
    }
    (text, "")
}

fn is_next(params: &str) -> bool {
    params.split(';').any(|param| {
        param.trim().trim_end_matches(',').split_once('=').is_some_and(|(name, value)| {
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("next"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_both_since_and_last_id_is_sent_once() {
        let spec = PaginationSpec::LastId { param: "since_id".into(), size_param: None };
        let pager = Pager::new(spec, 10, Url::parse("http://a.test/?x=1").unwrap(), None);
        let after = PageRef::After(RecordId::Number(9));
        let url = pager.address(&after, &[("since_id", "5"), ("until", "z")]);
        assert_eq!(url.query(), Some("x=1&until=z&since_id=9"));
        let url = pager.address(&PageRef::First, &[("since_id", "5")]);
        assert_eq!(url.query(), Some("x=1&since_id=5"));
    }

    #[test]
    fn the_next_link_is_found_among_others() {
        for (header, next) in [
            (r#"<https://a.test/?page=2>; rel="next", <https://a.test/?page=9>; rel="last""#, true),
            (r#"<https://a.test/?page=1>; rel="prev", <https://a.test/?page=2>; rel="next""#, true),
            (r#"<https://a.test/?page=2>; title="a, <b>"; rel=next"#, true),
            (r#"<https://a.test/?page=2>; rel="prefetch NEXT""#, true),
            (r#"<https://a.test/?page=1>; rel="prev""#, false),
            ("garbage", false),
            ("<unclosed", false),
        ] {
            let found = next_link(&[header.to_owned()]).map(str::to_owned);
            assert_eq!(found.as_deref(), next.then_some("https://a.test/?page=2"), "{header}");
        }
        let headers = [r#"<https://a.test/x>; rel="self""#.to_owned(), "<y>; rel=next".to_owned()];
        assert_eq!(next_link(&headers), Some("y"));
    }
}
