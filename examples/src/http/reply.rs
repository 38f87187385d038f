//! An answer: a status, a few headers, a body.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, LINK, LOCATION, RETRY_AFTER,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::pieces::{Pieces, ReplyBody};
use crate::faults::RetryAfterForm;

/// An answer under construction.
#[derive(Debug)]
pub(crate) struct Reply(Response<ReplyBody>);

impl Reply {
    /// `body` is JSON already.
    pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let whole = ReplyBody::Whole(Full::new(body.into()));
        Self::new(status, whole).with(CONTENT_TYPE, "application/json")
    }

    /// A file of this kind, made while it is sent.
    pub(crate) fn file(status: u16, kind: &str, pieces: Pieces) -> Self {
        Self::new(status, ReplyBody::Pieces(pieces)).with(CONTENT_TYPE, kind)
    }

    /// Nothing but a status and headers.
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, ReplyBody::Whole(Full::default()))
    }

    fn new(status: u16, body: ReplyBody) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).expect("a status of our own");
        Self(response)
    }

    /// `value` as JSON.
    pub(crate) fn of(status: u16, value: &impl Serialize) -> Self {
        Self::json(status, serde_json::to_vec(value).expect("an answer is plain data"))
    }

    /// `{"error": CODE, "reason": TEXT}`
    pub(crate) fn error(status: u16, error: &str, reason: &str) -> Self {
        Self::of(status, &serde_json::json!({ "error": error, "reason": reason }))
    }

    /// 307, which keeps method and body.
    pub(crate) fn redirect(location: &str) -> Self {
        Self::error(307, "moved", "see Location").with(LOCATION, location)
    }

    /// Adds `Retry-After`, rounded up to whole seconds, as that header knows no fractions.
    pub(crate) fn retry_after(self, wait: Duration, form: RetryAfterForm) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        match form {
            RetryAfterForm::Seconds => self.with(RETRY_AFTER, &seconds.to_string()),
            RetryAfterForm::HttpDate => {
                // A date has whole seconds too: one more, lest it lie before the moment meant.
                let moment = SystemTime::now() + Duration::from_secs(seconds + 1);
                self.with(RETRY_AFTER, &httpdate::fmt_http_date(moment))
            }
            RetryAfterForm::None => self,
        }
    }

    /// Adds a `Link` header.
    pub(crate) fn link(self, value: &str) -> Self {
        self.with(LINK, value)
    }

    /// Says that the body is gzip.
    pub(crate) fn gzipped(self) -> Self {
        self.with(CONTENT_ENCODING, "gzip")
    }

    pub(crate) fn into_response(self) -> Response<ReplyBody> {
        self.0
    }

    /// Adds a header, or replaces it.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header value of our own");
        self.0.headers_mut().insert(name, value);
        self
    }
}
