//! One request: sent, awaited and read within its time.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use tidegate_core::model::{Blame, Later};
use tokio::time::Instant;
use url::Url;

use crate::{
    HttpClient, Now,
    http::{Auth, Proof, Redactor, describe, retry_after_ms},
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
    pub(super) redactor: Redactor,
    pub(super) now: Now,
}

/// What the destination said.
pub(super) struct Answer {
    pub(super) status: u16,
    /// How long it asked us to wait, in ms.
    pub(super) after_ms: Option<u64>,
    /// As much of its body as came and is read.
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Whether the destination does not know the token any more.
    fn refuses_token(&self) -> bool {
        self.status == 401
    }
}

impl Sender {
    /// Sends one request; once more, with a newer token, where the answer says that the token is not
    /// known any more: then nothing was applied. It is over, answered or not, at `until` at the latest.
    pub(super) async fn send(
        &self,
        url: Url,
        body: impl Into<Bytes>,
        key: &str,
        until: Instant,
    ) -> Result<Answer, Later> {
        let body = body.into();
        let proof = self.auth.proof(until).await?;
        let answer = self.send_once(url.clone(), body.clone(), key, &proof, until).await?;
        if !answer.refuses_token() {
            return Ok(answer);
        }
        match self.auth.renewed(&proof, until).await? {
            Some(newer) => self.send_once(url, body, key, &newer, until).await,
            None => Ok(answer),
        }
    }

    async fn send_once(
        &self,
        mut url: Url,
        body: Bytes,
        key: &str,
        proof: &Proof,
        until: Instant,
    ) -> Result<Answer, Later> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.later("no time was left to send it".to_owned(), false));
        }
        proof.address(&mut url);
        let mut headers = self.headers.clone();
        proof.head(&mut headers);
        if let Some(name) = &self.idempotency {
            headers.insert(name.clone(), key_value(key));
        }
        let sent = self
            .http
            .inner()
            .request(self.method.clone(), url)
            .headers(headers)
            .body(body)
            .timeout(left.min(Duration::from_millis(self.timeout_ms)))
            .send()
            .await;
        let response = sent.map_err(|error| self.failed(error))?;
        Ok(Answer {
            status: response.status().as_u16(),
            after_ms: response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| retry_after_ms(value.to_str().ok()?, (self.now)())),
            body: self.read(response).await,
        })
    }

    /// Why there is no answer, and whether the request may have got through.
    fn failed(&self, error: reqwest::Error) -> Later {
        if error.is_connect() {
            // Refused, unknown host, TLS: nothing was sent.
            let reason = describe(error, &self.redactor);
            return Later {
                blame: Blame::Destination,
                after_ms: None,
                unknown: false,
                reason: reason.into(),
            };
        }
        let unknown = !error.is_builder();
        self.later(describe(error, &self.redactor), unknown)
    }

    fn later(&self, reason: String, unknown: bool) -> Later {
        Later { blame: Blame::Request, after_ms: None, unknown, reason: reason.into() }
    }

    /// Reads an answer's body as far as it goes: the status has said what counts.
    async fn read(&self, mut response: Response) -> Vec<u8> {
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = self.body_bytes_max - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() >= room {
                break;
            }
        }
        body
    }
}

/// A key as a header's value: as it is, unless it holds what no header may carry.
fn key_value(key: &str) -> HeaderValue {
    let value = HeaderValue::from_str(key)
        .or_else(|_| HeaderValue::from_str(&crate::http::encode_segment(key)));
    value.expect("percent-encoded text is plain ASCII")
}
