//! One request, before it is proved who sends it.

use bytes::Bytes;
use reqwest::{Method, header::HeaderMap};
use url::Url;

/// What is to be sent. Any of it may hold secrets: it has no `Debug`.
#[derive(Clone)]
pub(crate) struct Request {
    /// How it is sent.
    pub(crate) method: Method,
    /// Where to, without credentials.
    pub(crate) url: Url,
    /// Its own, beside those that every request of its section carries; of two of a name this one counts.
    pub(crate) headers: HeaderMap,
    /// Empty for none.
    pub(crate) body: Bytes,
}

impl Request {
    /// A request without headers of its own.
    pub(crate) fn new(method: Method, url: Url, body: impl Into<Bytes>) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: body.into() }
    }

    /// Asks for what stands at an address.
    pub(crate) fn get(url: Url) -> Self {
        Self::new(Method::GET, url, Bytes::new())
    }
}
