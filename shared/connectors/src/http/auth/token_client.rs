//! Requests for tokens.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use tidegate_core::model::EpochMs;
use tokio::time::Instant;
use url::form_urlencoded;

use crate::{
    HttpClient, Now,
    http::{
        Redactor,
        answer::{Answer, Reads},
        proof::Unproved,
        request::Request,
        transmit::Transmitter,
    },
    json::{Picker, Scalar},
};

/// Read of an answer; tokens are short.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// A server's own words are cut at so many characters.
const SAID_CHARS_MAX: usize = 200;

/// What an answer to one holds. Secrets: it has no `Debug`.
#[derive(PartialEq, Eq)]
pub(super) struct TokenResponse {
    pub(super) token: String,
    /// None: it does not say.
    pub(super) lives_ms: Option<u64>,
    /// Takes the place of the one that was used.
    pub(super) refresh_token: Option<String>,
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
pub(super) enum TokenError {
    /// Perhaps the next try succeeds. `maybe_used`: the request may have been carried out.
    Passing { reason: String, after_ms: Option<u64>, maybe_used: bool },
    /// The operator has to act. `invalid_grant`: what was to be exchanged is of no use any more (RFC
    /// 6749, section 5.2).
    Refused { reason: String, invalid_grant: bool },
}

/// Asks for tokens. Its requests have no credentials beside those that they exchange.
pub(super) struct TokenClient {
    transmitter: Transmitter,
}

impl TokenClient {
    pub(super) fn new(http: HttpClient, now: Now, redactor: Redactor) -> Self {
        let headers =
            HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let (reads, body_bytes_max) = (Reads::Everything, ANSWER_BYTES_MAX);
        let witness = None;
        let transmitter =
            Transmitter { http, headers, reads, body_bytes_max, redactor, now, witness };
        Self { transmitter }
    }

    /// What must not be shown; tokens are added to it.
    pub(super) fn redactor(&self) -> &Redactor {
        &self.transmitter.redactor
    }

    /// Now, in ms since 1970.
    pub(super) fn now_ms(&self) -> EpochMs {
        (self.transmitter.now)()
    }

    /// Sends a request and reads its answer with `read`; over at `by`.
    pub(super) async fn send(
        &self,
        request: &Request,
        by: Instant,
        read: impl Fn(&Answer) -> Result<TokenResponse, Unread>,
    ) -> Result<TokenResponse, TokenError> {
        let shown = self.redactor().url(&request.url);
        let sent = self.transmitter.send(request, &Unproved, by, Duration::MAX).await;
        let mut answer = sent.map_err(|error| TokenError::Passing {
            maybe_used: error.may_be_applied(),
            reason: format!("{shown}: {error}"),
            after_ms: None,
        })?;
        let status = answer.status;
        if status.as_u16() >= 400 {
            return Err(self.refused(&shown, &answer));
        }
        if let Some(json) = form_as_json(&answer) {
            answer.body = json;
        }
        if let Some(came) = answer.instead_of_json().filter(|_| answer.is_whole()) {
            // A sign-in page is the answer of a wrong address: no request for a token was understood.
            return Err(TokenError::Refused {
                reason: self.line(&format!(
                    "{shown} answered {status} and no token but {came}; is this the address for tokens?"
                )),
                invalid_grant: false,
            });
        }
        match read(&answer) {
            Ok(response) if answer.is_whole() => Ok(response),
            Ok(_) | Err(Unread::Broken) => Err(TokenError::Passing {
                reason: format!("{shown} answered {status}, and nothing that can be read"),
                after_ms: None,
                maybe_used: true,
            }),
            Err(Unread::Missing(said)) => Err(TokenError::Refused {
                reason: self.line(&format!("{shown} answered {status}: {said}")),
                invalid_grant: false,
            }),
        }
    }

    /// What an error status asks for.
    fn refused(&self, shown: &str, answer: &Answer) -> TokenError {
        let status = answer.status.as_u16();
        let (code, said) = said(&answer.body);
        let reason = self.line(&format!("{shown} answered {}: {said}", answer.status));
        if matches!(status, 408 | 425 | 429 | 500..) {
            // A server that is busy did nothing; one that failed may have.
            let maybe_used = status >= 500 && status != 503;
            return TokenError::Passing { reason, after_ms: answer.after_ms(), maybe_used };
        }
        TokenError::Refused { reason, invalid_grant: code.as_deref() == Some("invalid_grant") }
    }

    fn line(&self, text: &str) -> String {
        self.redactor().line(text, SAID_CHARS_MAX)
    }
}

/// A form that came instead of JSON, as some servers answer, as an object of its fields.
fn form_as_json(answer: &Answer) -> Option<Bytes> {
    let kind = answer.header(CONTENT_TYPE).unwrap_or_default();
    let is_form = kind.trim_start().starts_with("application/x-www-form-urlencoded")
        || answer.body.starts_with(b"access_token=");
    let field = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
        let seconds = value.parse::<u64>().ok().filter(|_| name.starts_with("expires"));
        let value = seconds.map_or_else(|| value.into_owned().into(), serde_json::Value::from);
        (name.into_owned(), value)
    };
    let fields =
        || form_urlencoded::parse(&answer.body).map(field).collect::<serde_json::Map<_, _>>();
    is_form.then(|| serde_json::Value::Object(fields()).to_string().into())
}

/// The error's code and what an error body says, as OAuth 2 writes it or as it is.
pub(super) fn said(body: &[u8]) -> (Option<String>, String) {
    let mut picker = Picker::new();
    let [error, description, message] =
        ["error", "error_description", "message"].map(|name| picker.add(&[name.to_owned()]));
    let picks = picker.pick_all(body).ok();
    let text = |slot| match picks.as_ref()?.scalar(slot)? {
        Scalar::Text(text) => Some(text.into_owned()),
        _ => None,
    };
    match (text(error), text(description).or_else(|| text(message))) {
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
