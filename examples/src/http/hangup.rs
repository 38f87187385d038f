//! Instead of an answer: a connection that is closed.

use std::fmt;

/// Instead of an answer, or of its rest: the connection is closed.
#[derive(Debug)]
pub(crate) struct Hangup;

impl fmt::Display for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up on purpose")
    }
}

impl std::error::Error for Hangup {}
