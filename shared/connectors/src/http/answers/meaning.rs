//! What an answer means for what was sent.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::{Blame, Later, Outcome, SkipReason};

/// What an answer means for what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Meaning {
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
    /// Not applied; the address, or the rights of the credentials, are wrong for every record. Only a
    /// status code says so by itself; a flow's rule cannot.
    #[serde(skip)]
    Connection,
    /// Not applied; refused for want of rights: to this record, or to all.
    #[serde(skip)]
    Rights,
    /// A success with a code that no rule explains: it may have been applied. It is about what was sent.
    #[serde(skip)]
    Unexplained,
    /// A success that lists failures, of which the flow does not say how to read them: some of it may have been
    /// applied. Nothing is sent before it does.
    #[serde(skip)]
    Unread,
    /// There is nothing to be had: the list that was asked for is empty. Of sources alone.
    #[serde(skip)]
    Empty,
}

impl Meaning {
    /// Whether no other try follows it: the record is settled, or the list was read.
    pub(super) fn settles(self) -> bool {
        matches!(self, Self::Delivered | Self::Duplicate | Self::Refused | Self::Empty)
    }

    /// Whether a request without an answer can mean it.
    pub(super) fn goes_without_answer(self) -> bool {
        !matches!(self, Self::Delivered | Self::Duplicate | Self::Token | Self::Empty)
    }

    /// Whether it is about how much may be sent.
    pub(crate) fn is_limit(self) -> bool {
        matches!(self, Self::Limit | Self::Quota)
    }

    /// What is at fault for it that the request did not do what it was for.
    pub(crate) fn blame(self) -> Blame {
        match self {
            Self::Delivered | Self::Duplicate | Self::Refused | Self::Empty => Blame::Request,
            Self::Retry | Self::Unknown => Blame::Request,
            Self::Down => Blame::Destination,
            Self::Limit => Blame::Limit,
            Self::Quota => Blame::Quota,
            // A token that can be renewed has been renewed before it comes to this.
            Self::Token | Self::Connection => Blame::Connection,
            Self::Unread => Blame::Operator,
            Self::Rights => Blame::Rights,
            Self::Unexplained => Blame::Record,
        }
    }

    /// For a record that was sent.
    pub(crate) fn outcome(
        self,
        status: Option<u16>,
        after_ms: Option<u64>,
        reason: String,
    ) -> Outcome {
        match self {
            Self::Delivered => Outcome::Delivered,
            Self::Duplicate => Outcome::Skipped(SkipReason::Duplicate),
            Self::Refused => Outcome::Refused { status, reason: reason.into() },
            _ => Outcome::Later(self.later(after_ms, reason)),
        }
    }

    /// For a request that did not do what it was for: what to wait for.
    pub(crate) fn later(self, after_ms: Option<u64>, reason: String) -> Later {
        let unknown = matches!(self, Self::Unknown | Self::Unexplained | Self::Unread);
        Later { blame: self.blame(), after_ms, unknown, reason: reason.into() }
    }
}
