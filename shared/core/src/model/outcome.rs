//! What became of a record at the destination, by what to do next.

use std::borrow::Cow;

/// What one delivery came to. All but [`Outcome::Later`] settle the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The destination has it.
    Delivered,
    /// Nothing was to be done.
    Skipped(SkipReason),
    /// The destination, or the transform, will never take it: to be parked.
    Refused {
        /// The destination's status code, where it gave one.
        status: Option<u16>,
        /// One line for the operator; no secrets.
        reason: Box<str>,
    },
    /// The record breaks the flow's own rules: to be parked, with this reason. However many there are, it says nothing of
    /// the destination, nor of the records behind them.
    Invalid(Box<str>),
    /// Not now. The record stays unsettled.
    Later(Later),
}

/// Why a record needed no delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// The flow's filter leaves it out.
    Filtered,
    /// This version, or a newer one, has been applied or claimed.
    Older,
    /// The destination says that it has it already.
    Duplicate,
    /// The look-up found that there is nothing left to send.
    Unchanged,
}

/// Not now: who is to blame, and when to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// What it says about the destination as a whole.
    pub blame: Blame,
    /// How long the destination asked us to wait, in ms.
    pub after_ms: Option<u64>,
    /// The request may have been applied, or may still be.
    pub unknown: bool,
    /// One line for the operator; no secrets.
    pub reason: Cow<'static, str>,
}

impl Later {
    /// Whether it is a failed attempt: a limit, a quota or another version is merely waited for.
    pub fn is_failure(&self) -> bool {
        let waits = [Blame::Limit, Blame::Quota, Blame::NotAttempted];
        self.unknown || !waits.contains(&self.blame)
    }

    /// Of several, the one that is worth most is waited for: one that waits for another version waits for
    /// nothing that failed. What an operator has to do is told before all.
    pub fn worth(&self) -> (u8, Option<u64>) {
        let rank = match self.blame {
            Blame::NotAttempted => 0,
            Blame::Operator => 2,
            _ => 1,
        };
        (rank, self.after_ms)
    }

    /// Whether it is this request's affair, and not the destination's as a whole, nor a limit's, nor another
    /// version's.
    pub fn is_of_one_request(&self) -> bool {
        matches!(self.blame, Blame::Request | Blame::Batch | Blame::Record | Blame::Rights)
    }
}

/// What a "not now" says about the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Perhaps only this request; many in a row speak of the destination.
    Request,
    /// This record alone: the destination answered, and is there, but what it said of the record is not
    /// understood. Tried again, and given up after that, whether others get through or not.
    Record,
    /// This record, where others get through: it is refused. Where none does, the credentials, as with
    /// [`Self::Connection`].
    Rights,
    /// The destination as a whole: it is not available.
    Destination,
    /// This connection as a whole: its credentials or its address are refused. Of others that share the
    /// budget it says nothing.
    Connection,
    /// The flow's file, as far as this connection goes: nothing is to be sent before an operator acts. Of others
    /// that share the budget it says nothing.
    Operator,
    /// A limit was met: wait, then go on. No failure.
    Limit,
    /// A quota is used up: nothing more until it is reset. No failure.
    Quota,
    /// The request was refused for the sake of some of its records: they are sent in smaller requests.
    Batch,
    /// Nothing: no request was made for the record. Another version of its entity is being written, say, or
    /// the invocation's time was up.
    NotAttempted,
}

/// What a destination says it still permits, in the headers of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests that are left.
    pub remaining: u64,
    /// Until the count begins anew, in ms from the answer.
    pub reset_in_ms: u64,
    /// Where the count never begins anew but goes by a rolling window: how far apart requests may follow each other
    /// for as long as one likes, in µs. Little is left then whenever one keeps to it, and that is no reason to go slower.
    pub steady_us: Option<u64>,
}
