//! The request that one record is sent by.

use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};
use tidegate_core::ports::Outgoing;
use url::form_urlencoded;

use super::{body::Format, envelope::Envelope, idempotency::key_value, key::KeyMaker};
use crate::{
    http::{RecordUrl, Request},
    json::{quote, with},
    value::{SentText, SentValues},
};

/// Most bytes of a header's value. Source: what common servers take of all headers together is 8 KiB.
const HEADER_BYTES_MAX: usize = 4_096;

/// What requests are composed of.
pub(super) struct Parts {
    pub(super) method: Method,
    pub(super) url: RecordUrl,
    pub(super) query: Vec<(String, SentText)>,
    /// Those that each record completes.
    pub(super) headers: Vec<(HeaderName, SentText)>,
    pub(super) envelope: Option<Envelope>,
    /// `None`: requests have no body.
    pub(super) format: Option<Format>,
}

/// Composes the requests of one address.
pub(super) struct Composer {
    method: Method,
    url: RecordUrl,
    query: Vec<(String, SentText)>,
    /// Those that each record completes.
    headers: Vec<(HeaderName, SentText)>,
    envelope: Option<Envelope>,
    /// `None`: requests have no body.
    format: Option<Format>,
    keys: KeyMaker,
    /// What is the same in all of its requests, for their keys.
    scope: String,
    /// Whether they have something of the source's record.
    reads_source: bool,
    /// Whether they have something of what the transform made, beside what is sent.
    reads_body: bool,
}

/// What a request has beside its record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside<'b> {
    /// The answer to the request before; empty for none.
    pub(super) answer: &'b [u8],
    /// What the transform made, where the record is an item that was split from it.
    pub(super) whole: Option<&'b [u8]>,
}

impl<'b> Beside<'b> {
    /// What completes the texts of a record's request.
    pub(super) fn values(self, record: &'b Outgoing, key: &'b str) -> SentValues<'b> {
        let (body, item) = match self.whole {
            Some(whole) => (whole, &record.body[..]),
            None => (&record.body[..], &b""[..]),
        };
        SentValues { source: &record.source, body, item, key, answer: self.answer }
    }
}

impl Composer {
    /// Composes requests of these parts.
    pub(super) fn new(parts: Parts, keys: KeyMaker) -> Self {
        let Parts { method, url, query, headers, envelope, format } = parts;
        let query_text: String =
            query.iter().map(|(name, text)| format!("&{name}={}", text.written())).collect();
        let around = envelope.as_ref().map_or("", |envelope| &envelope.written);
        let scope = format!("{method} {}{query_text}\n{format:?}\n{around}", url.written());
        let reads_source = url.reads_source()
            || envelope.as_ref().is_some_and(Envelope::reads_source)
            || query.iter().any(|(_, text)| text.reads_source());
        let reads_body = url.reads_body()
            || envelope.as_ref().is_some_and(Envelope::reads_body)
            || query.iter().any(|(_, text)| text.reads_body());
        Self {
            method,
            url,
            query,
            headers,
            envelope,
            format,
            keys,
            scope,
            reads_source,
            reads_body,
        }
    }

    /// Where requests go.
    pub(super) fn url(&self) -> &RecordUrl {
        &self.url
    }

    /// The method of requests.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// Whether requests carry their key, in a header or in their body.
    pub(super) fn carries_key(&self) -> bool {
        self.keys.header.is_some() || self.keys.path.is_some()
    }

    /// The key of a record's request, or of an item's that was split from `whole`.
    pub(super) fn key(&self, record: &Outgoing, whole: Option<&[u8]>) -> String {
        let source: &[u8] = if self.reads_source { &record.source } else { b"" };
        self.keys.of_record(record, &self.scope, source, whole.filter(|_| self.reads_body))
    }

    /// The address for a record, with its query.
    ///
    /// # Errors
    /// A record whose fields make none.
    pub(super) fn address(&self, values: &SentValues<'_>) -> Result<url::Url, String> {
        let mut url = self.url.render(values).map_err(|error| error.to_string())?;
        if self.query.is_empty() {
            return Ok(url);
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, text) in &self.query {
            query.append_pair(name, &text.text(values, |_, value| Ok(value.to_owned()))?);
        }
        let query = query.finish();
        let before = url.query().filter(|query| !query.is_empty());
        let query = before.map_or(query.clone(), |before| format!("{before}&{query}"));
        url.set_query(Some(&query));
        Ok(url)
    }

    /// A record's request.
    ///
    /// # Errors
    /// Why this record makes no request: it is refused, for it says nothing of the destination.
    pub(super) fn request(&self, record: &Outgoing, beside: Beside<'_>) -> Result<Request, String> {
        let key = self.key(record, beside.whole);
        let values = beside.values(record, &key);
        let body = self.body(record, &values, &key)?;
        let mut request = self.with_body(&values, body)?;
        if let Some(name) = &self.keys.header {
            request.headers.insert(name.clone(), key_value(&key));
        }
        Ok(request)
    }

    /// A request with this body, and no key.
    ///
    /// # Errors
    /// A record whose fields make no address, or no header.
    pub(super) fn with_body(
        &self,
        values: &SentValues<'_>,
        body: impl Into<bytes::Bytes>,
    ) -> Result<Request, String> {
        let mut request = Request::new(self.method.clone(), self.address(values)?, body);
        for (name, text) in &self.headers {
            request.headers.insert(name.clone(), header(name, text, values)?);
        }
        Ok(request)
    }

    /// The body; the record's own bytes where nothing is done to them.
    fn body(
        &self,
        record: &Outgoing,
        values: &SentValues<'_>,
        key: &str,
    ) -> Result<bytes::Bytes, String> {
        let Some(format) = self.format else { return Ok(bytes::Bytes::new()) };
        if format == Format::Json && self.keys.path.is_none() && self.envelope.is_none() {
            return Ok(record.body.clone());
        }
        let enveloped = self.envelope.as_ref().map(|it| it.body(values)).transpose()?;
        let mut body = enveloped.unwrap_or_else(|| record.body.to_vec());
        if let Some(path) = &self.keys.path {
            body = with(&body, path, &quote(key)).ok_or("the key has no place in the body")?;
        }
        format.encode(body).map(Into::into)
    }
}

/// A header's value for a record. One that is missing is no value: a condition would be left out with it.
fn header(
    name: &HeaderName,
    text: &SentText,
    values: &SentValues<'_>,
) -> Result<HeaderValue, String> {
    let value = text.text(values, |path, value| {
        if value.is_empty() {
            return Err(format!("the header `{name}` needs the field `{path}`, which is empty"));
        }
        Ok(value.to_owned())
    })?;
    if value.len() > HEADER_BYTES_MAX {
        return Err(format!("the header `{name}` would have {} bytes", value.len()));
    }
    HeaderValue::from_str(&value)
        .map_err(|_| format!("the header `{name}` would hold a character that none may carry"))
}
