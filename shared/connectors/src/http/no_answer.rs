//! Why a request has no answer: how far it got, and what to say of it.

use std::error::Error as _;

use schemars::JsonSchema;
use serde::Deserialize;

use super::redact::Redactor;

/// What is said of it is cut at so many characters.
const REASON_CHARS_MAX: usize = 300;

/// How a request failed that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKind {
    /// No connection was made: nothing was sent.
    Connect,
    /// No answer came in time.
    Timeout,
    /// The connection broke, or the answer cannot be read.
    Broken,
}

/// A request without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct NoAnswer {
    /// How it failed; `None` where it was never sent, for a reason of our own.
    pub(crate) kind: Option<FailureKind>,
    /// One line, without its address and without secrets.
    pub(crate) reason: String,
    /// Whether it cannot be built, now or ever: its address is too long, say, or a header holds what none may.
    unfit: bool,
}

impl NoAnswer {
    /// What the client says of it.
    pub(super) fn of(error: reqwest::Error, redactor: &Redactor) -> Self {
        let kind = if error.is_builder() {
            None
        } else if error.is_connect() {
            Some(FailureKind::Connect)
        } else if error.is_timeout() {
            Some(FailureKind::Timeout)
        } else {
            Some(FailureKind::Broken)
        };
        let what = if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "no connection"
        } else if error.is_decode() || error.is_body() {
            "the response broke off or cannot be decoded"
        } else {
            "the request failed"
        };
        let unfit = error.is_builder();
        let reason = format!("{what}: {}", chain(&error.without_url()));
        Self { kind, reason: redactor.line(&reason, REASON_CHARS_MAX), unfit }
    }

    /// It was not sent, because its time was up.
    pub(super) fn out_of_time() -> Self {
        let reason = "no time was left to send it".to_owned();
        Self { kind: None, reason, unfit: false }
    }

    /// It was sent, and its time is up.
    pub(super) fn timed_out() -> Self {
        let reason = "no answer in time".to_owned();
        Self { kind: Some(FailureKind::Timeout), reason, unfit: false }
    }

    /// It was not sent, because no client can send it.
    pub(super) fn unfit(why: &str) -> Self {
        let reason = format!("the request cannot be built: {why}");
        Self { kind: None, reason, unfit: true }
    }

    /// Whether it cannot be sent, now or ever: that says nothing of the other side.
    pub(crate) fn is_unfit(&self) -> bool {
        self.unfit
    }

    /// Whether the other side may have done what it was asked: the request got through, as far as is known.
    pub(crate) fn may_be_applied(&self) -> bool {
        matches!(self.kind, Some(FailureKind::Timeout | FailureKind::Broken))
    }

    /// Whether the other side may be at it still: we gave it up. Where it broke off, the other side knows.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.kind == Some(FailureKind::Timeout)
    }
}

/// An error with its causes, each said once.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}
