//! An answer: a status, a few headers, a body.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, LINK, LOCATION, RETRY_AFTER,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::faults::RetryAfterForm;

/// An answer under construction.
#[derive(Debug)]
pub(crate) struct Reply(Response<Full<Bytes>>);

impl Reply {
    /// `body` is JSON already.
    pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(Full::new(body.into()));
        *response.status_mut() = StatusCode::from_u16(status).expect("a status of our own");
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
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

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        self.0
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header value of our own");
        self.0.headers_mut().insert(name, value);
        self
    }
}
