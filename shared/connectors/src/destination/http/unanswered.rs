//! What it means for records that a request has no answer, unless the flow says otherwise.

use tidegate_core::model::{Blame, Later};

use crate::http::{ExchangeError, FailureKind};

/// A request without an answer.
pub(super) struct Unanswered {
    /// `None` where it was never sent, for a reason of our own.
    pub(super) kind: Option<FailureKind>,
    /// It cannot be sent, now or ever: what was to be sent is refused.
    pub(super) unfit: bool,
    /// The destination may be at it still.
    pub(super) in_flight: bool,
    /// What it means.
    pub(super) later: Later,
}

impl From<ExchangeError> for Unanswered {
    fn from(error: ExchangeError) -> Self {
        let unsent = |later| Self { kind: None, unfit: false, in_flight: false, later };
        let later = |blame, unknown, reason: String| Later {
            blame,
            after_ms: None,
            unknown,
            reason: reason.into(),
        };
        match error {
            ExchangeError::NoCredentials(error) => unsent(error.into()),
            ExchangeError::Held(held) => unsent(held.into()),
            ExchangeError::Astray(astray) => {
                unsent(later(Blame::Connection, false, astray.to_string()))
            }
            ExchangeError::NoAnswer(error) => {
                // Refused, unknown host, TLS: nothing was sent.
                let blame = match error.kind {
                    Some(FailureKind::Connect) => Blame::Destination,
                    _ => Blame::Request,
                };
                Self {
                    kind: error.kind,
                    unfit: error.is_unfit(),
                    in_flight: error.is_in_flight(),
                    later: later(blame, error.may_be_applied(), error.reason),
                }
            }
        }
    }
}
