//! A list request's parameters, read strictly: a parameter that is not known is an error.

use hyper::Uri;

use super::text::parse_time;

/// How a list names its next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    SinceId,
    PageNumber,
    Offset,
    Token,
    Link,
    NextUrl,
    LastId,
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Id,
    UpdatedAt,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// After so many matching orders.
    Skip(u64),
    /// After so many pages of them.
    SkipPages(u64),
    /// At this place of the line.
    Place(u64),
    /// After this order.
    After(u64),
}

/// A list request.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) sort: Sort,
    pub(crate) size: u64,
    pub(crate) start: Start,
    pub(crate) since_id: u64,
    /// The earliest moment.
    pub(crate) from_ms: Option<i64>,
    /// The latest moment.
    pub(crate) until_ms: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) processed: Option<bool>,
    pairs: Vec<(String, String)>,
}

const SIZE_DEFAULT: u64 = 50;

impl Query {
    /// Reads the parameters; `Err` says which is wrong.
    pub(crate) fn parse(uri: &Uri, style: Style, sort: Sort) -> Result<Self, String> {
        let text = uri.query().unwrap_or_default();
        let mut query = Self {
            sort,
            size: SIZE_DEFAULT,
            start: Start::Skip(0),
            since_id: 0,
            from_ms: None,
            until_ms: None,
            status: None,
            processed: None,
            pairs: form_urlencoded::parse(text.as_bytes()).into_owned().collect(),
        };
        let pairs = std::mem::take(&mut query.pairs);
        for (name, value) in &pairs {
            query
                .take(name, value, style)
                .ok_or_else(|| format!("`{name}={value}` is not understood here"))?;
        }
        query.pairs = pairs;
        Ok(query)
    }

    fn take(&mut self, name: &str, value: &str, style: Style) -> Option<()> {
        match name {
            "limit" | "per_page" => self.size = value.parse().ok().filter(|size| *size > 0)?,
            "since_id" => self.since_id = value.parse().ok()?,
            "updated_since" => self.from_ms = Some(parse_time(value)?),
            "updated_after" => self.from_ms = Some(parse_time(value)?.saturating_add(1)),
            "updated_until" => self.until_ms = Some(parse_time(value)?),
            "status" => self.status = Some(value.to_owned()),
            "processed" => self.processed = Some(value.parse().ok()?),
            "sort" if value == "id" => self.sort = Sort::Id,
            "sort" if value == "updated_at" => self.sort = Sort::UpdatedAt,
            _ => self.start = start(name, value, style)?,
        }
        Some(())
    }

    /// The page's number, from 1, where pages have one.
    pub(crate) fn page_number(&self) -> u64 {
        match self.start {
            Start::SkipPages(pages) => pages.saturating_add(1),
            _ => 1,
        }
    }

    /// The address of another page: this request's parameters with `name` set to `value`.
    pub(crate) fn url_with(&self, base: &str, path: &str, name: &str, value: u64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.pairs.iter().filter(|(other, _)| other != name));
        query.append_pair(name, &value.to_string());
        format!("{base}{path}?{}", query.finish())
    }
}

/// The parameters that say where a page begins; plain `/orders` takes those of any style.
fn start(name: &str, value: &str, style: Style) -> Option<Start> {
    let any = style == Style::SinceId;
    match name {
        "page" if any || matches!(style, Style::PageNumber | Style::Link) => {
            Some(Start::SkipPages(value.parse::<u64>().ok()?.checked_sub(1)?))
        }
        "offset" if any || style == Style::Offset => Some(Start::Skip(value.parse().ok()?)),
        "after" if any || style == Style::LastId => {
            Some(Start::After(value.parse().ok().filter(|id| *id > 0)?))
        }
        "page_token" if style == Style::Token => Some(Start::Place(read_token(value)?)),
        "from" if style == Style::NextUrl => Some(Start::Place(value.parse().ok()?)),
        _ => None,
    }
}

/// A page token: full of what a client must percent-encode.
pub(crate) fn token(place: u64) -> String {
    format!("v1+{place}/&=")
}

fn read_token(token: &str) -> Option<u64> {
    token.strip_prefix("v1+")?.strip_suffix("/&=")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &'static str, style: Style) -> Result<Query, String> {
        Query::parse(&Uri::from_static(uri), style, Sort::Id)
    }

    #[test]
    fn each_style_takes_its_own_parameter_only() {
        assert_eq!(parse("/?page=3", Style::PageNumber).unwrap().start, Start::SkipPages(2));
        assert!(parse("/?page=0", Style::PageNumber).is_err());
        assert!(parse("/?offset=3", Style::PageNumber).is_err());
        assert_eq!(parse("/?after=3", Style::LastId).unwrap().start, Start::After(3));
        assert_eq!(
            parse("/?page_token=v1%2B70%2F%26%3D", Style::Token).unwrap().start,
            Start::Place(70)
        );
        assert!(parse("/?page_token=v1+70/&=", Style::Token).is_err(), "not encoded");
        assert_eq!(
            parse("/?bogus=1", Style::SinceId).unwrap_err(),
            "`bogus=1` is not understood here"
        );
    }

    #[test]
    fn another_pages_address_keeps_the_filters_encoded() {
        let query =
            parse("/?updated_since=2025-11-28T01:00:00%2B01:00&page=2", Style::Link).unwrap();
        assert_eq!(query.from_ms, Some(1_764_288_000_000));
        assert_eq!(
            query.url_with("http://h", "/p", "page", 3),
            "http://h/p?updated_since=2025-11-28T01%3A00%3A00%2B01%3A00&page=3"
        );
    }
}
