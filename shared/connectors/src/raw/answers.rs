//! `destination.http.answers` and `destination.http.on_unknown`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DottedPath, Duration, OneOrList, Scalar, StatusCode};
use crate::{
    at::At,
    spec::{FailureKind, Meaning},
};

/// What the destination's answers mean, where status codes do not say it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answers {
    /// Path to a code in the body of an answer, whatever its status: `errors.0.code`. An answer of
    /// 200 to 299 with a code that no rule names is tried again.
    pub(crate) code: Option<At<DottedPath>>,
    /// Path to what the body says of it; left out: the body's beginning is shown.
    pub(crate) reason: Option<At<DottedPath>>,
    /// What answers mean: the first rule that fits counts, before `refuse`, `retry_status`,
    /// `duplicate` and what the status says by itself.
    #[serde(default)]
    pub(crate) rules: Vec<At<AnswerRule>>,
}

/// What one kind of answer means: `status` and `code` both have to fit; `kind` is for no answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerRule {
    /// Status codes; left out: any.
    pub(crate) status: Option<At<OneOrList<StatusCode>>>,
    /// Codes or words at `answers.code`, or ranges like `600-699`; left out: any, or none.
    pub(crate) code: Option<At<OneOrList<Scalar>>>,
    /// How a request failed that has no answer.
    pub(crate) kind: Option<At<OneOrList<FailureKind>>>,
    /// What it means.
    pub(crate) means: At<Meaning>,
    /// The record waits for at least so long.
    pub(crate) after: Option<At<Duration>>,
}

/// What becomes of a record of which nobody knows whether it was applied. But for `retry`, it takes an
/// `ordering` other than `none`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnUnknown {
    /// It is sent again, under the same idempotency key (default).
    Retry,
    /// It is put aside for somebody to look at.
    Park,
    /// The destination is asked whether it has the record.
    Lookup(Box<Has>),
}

/// Asks the destination whether it has a record, by one GET.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Has {
    /// The address, at the destination's own host; may hold `${record.…}` and `${idempotency_key}`.
    #[schemars(example = "https://api.example.com/orders?key=${idempotency_key}")]
    pub(crate) url: At<String>,
    /// What says that it is there. Default status 200.
    #[serde(default)]
    pub(crate) found: Found,
    /// Status codes that say that it is not there. Default 404.
    pub(crate) missing: Option<At<OneOrList<StatusCode>>>,
}

/// What says that a record is there.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    /// Status codes. Default 200.
    pub(crate) status: Option<At<OneOrList<StatusCode>>>,
    /// Path to what must stand in the body; absent, null, false, 0 or empty means that it is not
    /// there.
    pub(crate) path: Option<At<DottedPath>>,
}
