//! One request for a token.

use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, HeaderMap, HeaderValue, RETRY_AFTER},
};
use tokio::time::Instant;
use url::Url;

use super::Redactor;
use crate::{
    HttpClient, Now,
    http::{describe, retry_after_ms},
};

/// Read of an answer; tokens are short.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// A server's own words are cut at so many characters.
const SAID_CHARS_MAX: usize = 200;

/// A request as a kind makes it.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What an answer to it holds. Secrets: it has no `Debug`.
#[derive(PartialEq, Eq)]
pub(super) struct Got {
    pub(super) token: String,
    /// None: it does not say.
    pub(super) lives_ms: Option<u64>,
    /// Takes the place of the one that was used.
    pub(super) refresh_token: Option<String>,
}

/// An answer with a status below 400, to be read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why an answer gives no token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It was cut short, or a proxy's.
    Broken,
    /// It has no token where one should be; what it says instead.
    Missing(String),
}

/// Why there is no answer with a token. Reasons are one line, no secrets.
#[derive(Debug)]
pub(super) enum Failed {
    /// Perhaps the next try succeeds. `unsure`: the request may have been carried out.
    Passing { reason: String, after_ms: Option<u64>, unsure: bool },
    /// Somebody has to act. `grant`: what was to be exchanged is of no use any more (RFC 6749,
    /// section 5.2: `invalid_grant`).
    Refused { reason: String, grant: bool },
}

/// Sends requests for tokens.
pub(super) struct Asker {
    pub(super) http: HttpClient,
    pub(super) now: Now,
    pub(super) redactor: Redactor,
}

impl Asker {
    /// Sends one and reads its answer with `read`; over at `by`.
    pub(super) async fn send(
        &self,
        ask: Ask,
        by: Instant,
        read: impl Fn(&Answer) -> Result<Got, Unread>,
    ) -> Result<Got, Failed> {
        let Ask { method, url, mut headers, body } = ask;
        let shown = self.redactor.url(&url);
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let sent = self
            .http
            .inner()
            .request(method, url)
            .headers(headers)
            .body(body)
            .timeout(by.saturating_duration_since(Instant::now()))
            .send()
            .await;
        let mut response = sent.map_err(|error| Failed::Passing {
            unsure: !error.is_connect() && !error.is_builder(),
            reason: format!("{shown}: {}", describe(error, &self.redactor)),
            after_ms: None,
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let whole = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES_MAX => break false,
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        let answer = Answer { status, headers, body };
        if status.as_u16() < 400 {
            return match read(&answer) {
                Ok(got) if whole => Ok(got),
                Ok(_) | Err(Unread::Broken) => Err(Failed::Passing {
                    reason: format!("{shown} answered {status}, and nothing that can be read"),
                    after_ms: None,
                    unsure: true,
                }),
                Err(Unread::Missing(said)) => Err(Failed::Refused {
                    reason: self.line(&format!("{shown} answered {status}: {said}")),
                    grant: false,
                }),
            };
        }
        Err(self.refused(&shown, &answer))
    }

    /// What an error status asks for.
    fn refused(&self, shown: &str, answer: &Answer) -> Failed {
        let status = answer.status.as_u16();
        let (code, said) = said(&answer.body);
        let reason = self.line(&format!("{shown} answered {}: {said}", answer.status));
        if matches!(status, 408 | 425 | 429 | 500..) {
            let header = answer.headers.get(RETRY_AFTER);
            let after_ms =
                header.and_then(|value| retry_after_ms(value.to_str().ok()?, (self.now)()));
            // Who is busy did nothing; who failed may have.
            return Failed::Passing { reason, after_ms, unsure: status >= 500 && status != 503 };
        }
        Failed::Refused { reason, grant: code.as_deref() == Some("invalid_grant") }
    }

    fn line(&self, text: &str) -> String {
        self.redactor.line(text, SAID_CHARS_MAX)
    }
}

/// The error's code and what an error body says, as OAuth 2 writes it or as it is.
pub(super) fn said(body: &[u8]) -> (Option<String>, String) {
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| json.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    match (text("error"), text("error_description").or_else(|| text("message"))) {
        (Some(code), Some(words)) => (Some(code.clone()), format!("{code}: {words}")),
        (Some(code), None) => (Some(code.clone()), code),
        (None, Some(words)) => (None, words),
        (None, None) => {
            let text = String::from_utf8_lossy(body);
            let silent = text.trim().is_empty();
            (None, if silent { "it does not say why".to_owned() } else { text.into_owned() })
        }
    }
}
