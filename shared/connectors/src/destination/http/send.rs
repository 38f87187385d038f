//! One request: sent, awaited and read within its time.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use tidegate_core::model::{Blame, Later};
use tidegate_flow::spec::FailureKind;
use tokio::time::Instant;
use url::Url;

use crate::{
    HttpClient, Now,
    http::{Auth, Left, Limits, Proof, Redactor, describe, failure, retry_after_ms},
};

/// Sends a destination's requests.
pub(super) struct Sender {
    pub(super) http: HttpClient,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) auth: Auth,
    pub(super) idempotency: Option<HeaderName>,
    /// For one request, in ms.
    pub(super) timeout_ms: u64,
    /// Of one answer; the rest is not read.
    pub(super) body_bytes_max: usize,
    pub(super) limits: Limits,
    pub(super) redactor: Redactor,
    pub(super) now: Now,
}

/// What the destination said.
pub(super) struct Answer {
    pub(super) status: u16,
    /// How long it asked us to wait, in ms.
    pub(super) after_ms: Option<u64>,
    /// What it still permits.
    pub(super) left: Left,
    /// As much of its body as came and is read.
    pub(super) body: Vec<u8>,
    /// Whether that is all of it.
    pub(super) whole: bool,
}

/// A request without an answer.
pub(super) struct Failed {
    /// `None` where it was never sent, for a reason of our own.
    pub(super) kind: Option<FailureKind>,
    /// What it means, unless the flow says otherwise.
    pub(super) later: Later,
}

impl Failed {
    fn unsent(why: impl Into<Later>) -> Self {
        Self { kind: None, later: why.into() }
    }

    /// We gave it up, and the destination may be at it still. Where it broke off, the other side knows.
    pub(super) fn in_flight(&self) -> bool {
        self.kind == Some(FailureKind::Timeout)
    }
}

/// A request before it is proved who sends it.
#[derive(Clone)]
struct Request<'r> {
    method: &'r Method,
    url: Url,
    body: Option<Bytes>,
    key: Option<&'r str>,
}

impl Sender {
    /// Sends records. It is over, answered or not, at `until` at the latest.
    pub(super) async fn send(
        &self,
        url: Url,
        body: impl Into<Bytes>,
        key: &str,
        until: Instant,
        refuses_token: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Failed> {
        let request =
            Request { method: &self.method, url, body: Some(body.into()), key: Some(key) };
        self.exchange(request, until, refuses_token).await
    }

    /// Asks for something. It is over, answered or not, at `until` at the latest.
    pub(super) async fn get(
        &self,
        url: Url,
        until: Instant,
        refuses_token: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Failed> {
        let request = Request { method: &Method::GET, url, body: None, key: None };
        self.exchange(request, until, refuses_token).await
    }

    /// Sends a request; once more, with a newer token, where the answer says that the token is not known
    /// any more: then nothing was applied.
    async fn exchange(
        &self,
        request: Request<'_>,
        until: Instant,
        refuses_token: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Failed> {
        let proof = self.auth.proof(until).await.map_err(Failed::unsent)?;
        let answer = self.exchange_once(request.clone(), &proof, until).await?;
        if !refuses_token(&answer) {
            return Ok(answer);
        }
        match self.auth.renewed(&proof, until).await.map_err(Failed::unsent)? {
            Some(newer) => self.exchange_once(request, &newer, until).await,
            None => Ok(answer),
        }
    }

    async fn exchange_once(
        &self,
        request: Request<'_>,
        proof: &Proof,
        until: Instant,
    ) -> Result<Answer, Failed> {
        let Request { method, mut url, body, key } = request;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let later = later("no time was left to send it".to_owned(), false);
            return Err(Failed { kind: None, later });
        }
        proof.address(&mut url);
        let mut headers = self.headers.clone();
        proof.head(&mut headers);
        if let (Some(name), Some(key)) = (&self.idempotency, key) {
            headers.insert(name.clone(), key_value(key));
        }
        let request = self
            .http
            .inner()
            .request(method.clone(), url)
            .headers(headers)
            .timeout(left.min(Duration::from_millis(self.timeout_ms)));
        let request = match body {
            Some(body) => request.body(body),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.failed(error))?;
        let now_ms = (self.now)();
        let status = response.status().as_u16();
        let after_ms = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after_ms(value.to_str().ok()?, now_ms));
        let mut left = self.limits.headers(response.headers(), now_ms);
        let (body, whole) = self.read(response).await;
        if self.limits.reads_bodies() {
            left = self.limits.with_body(left, &body);
        }
        Ok(Answer { status, after_ms, left, body, whole })
    }

    /// Why there is no answer, and whether the request may have got through.
    fn failed(&self, error: reqwest::Error) -> Failed {
        let kind = failure(&error);
        let reason = describe(error, &self.redactor);
        let later = match kind {
            None => later(reason, false),
            // Refused, unknown host, TLS: nothing was sent.
            Some(FailureKind::Connect) => {
                Later { blame: Blame::Destination, ..later(reason, false) }
            }
            Some(FailureKind::Timeout | FailureKind::Broken) => later(reason, true),
        };
        Failed { kind, later }
    }

    /// Reads an answer's body as far as it goes, and says whether that is all.
    async fn read(&self, mut response: Response) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let room = self.body_bytes_max - body.len();
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    if chunk.len() >= room {
                        return (body, false);
                    }
                }
                Ok(None) => return (body, true),
                Err(_) => return (body, false),
            }
        }
    }
}

fn later(reason: String, unknown: bool) -> Later {
    Later { blame: Blame::Request, after_ms: None, unknown, reason: reason.into() }
}

/// A key as a header's value: as it is, unless it holds what no header may carry.
fn key_value(key: &str) -> HeaderValue {
    let value = HeaderValue::from_str(key)
        .or_else(|_| HeaderValue::from_str(&crate::http::encode_segment(key)));
    value.expect("percent-encoded text is plain ASCII")
}
