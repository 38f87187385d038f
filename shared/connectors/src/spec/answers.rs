//! What a flow says of its destination's answers.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::template::Template;

/// `destination.http.answers`
#[derive(Debug, Clone, Default)]
pub struct AnswersSpec {
    /// `code`: path to a code in the body of an answer, whatever its status.
    pub code: Option<Vec<String>>,
    /// `reason`: path to what the body says of it; none: the body's beginning is shown.
    pub reason: Option<Vec<String>>,
    /// `rules`: the first that fits counts, before `refuse`, `retry_status`, `duplicate` and what the
    /// status says by itself.
    pub rules: Vec<AnswerRule>,
}

/// `destination.http.answers.rules`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRule {
    /// `status`, `code` and `kind`
    pub when: AnswerIs,
    /// `means`
    pub means: Meaning,
    /// `after`: the record waits for at least so long, in ms.
    pub after_ms: Option<u64>,
}

/// What a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerIs {
    /// An answer with one of these.
    Answered {
        /// `status`; empty: any.
        status: Vec<u16>,
        /// `code`: words or codes, which may be ranges; empty: any, or none.
        code: Vec<String>,
    },
    /// `kind`: no answer, or half of one.
    Failed(Vec<FailureKind>),
}

/// `destination.http.answers.rules.kind`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Nobody was reached: nothing was sent.
    Connect,
    /// No answer came in time.
    Timeout,
    /// The connection broke, or the answer cannot be read.
    Broken,
}

/// `destination.http.answers.rules.means`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The destination has taken it.
    Delivered,
    /// The destination had it already.
    Duplicate,
    /// It will never take the record, which is parked.
    Refused,
    /// Not applied; perhaps only this request failed.
    Retry,
    /// It may have been applied, or may still be: see `on_unknown`.
    Unknown,
    /// Not applied; the destination as a whole fails.
    Down,
    /// Not applied; a limit was met.
    Limit,
    /// Not applied; a quota is used up until it is reset.
    Quota,
    /// Not applied; the credentials have expired or were withdrawn.
    Token,
}

/// `destination.http.on_unknown`: what becomes of a record of which nobody knows whether it was
/// applied. But for `retry`, it takes an ordering other than `none`.
#[derive(Debug, Clone, Default)]
pub enum OnUnknown {
    /// `retry` (default): it is sent again, under the same idempotency key.
    #[default]
    Retry,
    /// `lookup`: the destination is asked whether it has the record.
    Lookup(Box<HasSpec>),
    /// `park`: it is put aside for somebody to look at.
    Park,
}

/// `destination.http.on_unknown.lookup`: one GET.
#[derive(Debug, Clone)]
pub struct HasSpec {
    /// `url`; may hold `${record.…}` (of the transformed JSON) and `${idempotency_key}`.
    pub url: Template,
    /// `found.status`: codes that say that it is there. Default 200.
    pub found_status: Vec<u16>,
    /// `found.path`: path to what must stand in the body then: not absent, null, false, 0 or empty.
    pub found_path: Option<Vec<String>>,
    /// `missing`: codes that say that it is not there. Default 404.
    pub missing: Vec<u16>,
}
