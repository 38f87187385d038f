//! Why there are no credentials.

use tidegate_core::{
    model::{Blame, Later},
    ports::SourceError,
};

/// Why there are no credentials. One line each, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthError {
    /// Another invocation is getting the token, or the time is too short to: nothing failed.
    Busy { reason: String, after_ms: u64 },
    /// The token's address fails; it is asked again after that.
    Later { reason: String, after_ms: u64 },
    /// The operator has to act; tried again after that.
    Halt { reason: String, after_ms: u64 },
}

impl From<AuthError> for Later {
    /// Nothing was sent. Without credentials no record fares better: the connection is to blame,
    /// and no record is given up for it.
    fn from(error: AuthError) -> Self {
        let (blame, reason, after_ms) = match error {
            AuthError::Busy { reason, after_ms } => (Blame::NotAttempted, reason, after_ms),
            AuthError::Later { reason, after_ms } | AuthError::Halt { reason, after_ms } => {
                (Blame::Connection, reason, after_ms)
            }
        };
        Self { blame, after_ms: Some(after_ms), unknown: false, reason: reason.into() }
    }
}

impl From<AuthError> for SourceError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Busy { reason, after_ms } | AuthError::Later { reason, after_ms } => {
                Self::Later { reason, after_ms: Some(after_ms) }
            }
            AuthError::Halt { reason, .. } => Self::Halt(reason),
        }
    }
}
