//! The credentials of one request.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

/// Credentials as they stand on a request. Secrets: it has no `Debug`.
#[derive(Default)]
pub(crate) struct Proof {
    /// Stands in a header.
    header: Option<(HeaderName, HeaderValue)>,
    /// Stands in a query parameter.
    query: Option<(String, String)>,
    /// Which token it is; none where nothing newer is to be had.
    pub(super) generation: Option<u64>,
}

impl Proof {
    /// Stands in a query parameter.
    pub(super) fn in_query(name: &str, value: String) -> Self {
        Self { query: Some((name.to_owned(), value)), ..Self::default() }
    }

    /// Stands in a header; `None` if no header may carry it.
    pub(super) fn in_header(name: HeaderName, value: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(Self { header: Some((name, value)), ..Self::default() })
    }

    /// It is a token, of which newer ones may be had.
    pub(super) fn of_generation(self, generation: u64) -> Self {
        Self { generation: Some(generation), ..self }
    }

    /// Adds the credentials that stand in a header.
    pub(crate) fn head(&self, headers: &mut HeaderMap) {
        if let Some((name, value)) = &self.header {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// Sets the credentials that stand in the query, replacing what a next link brought along.
    pub(crate) fn address(&self, url: &mut Url) {
        let Some((name, value)) = &self.query else { return };
        let others: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| key != name)
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    }
}
