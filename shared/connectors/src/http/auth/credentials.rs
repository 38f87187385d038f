//! What every kind of credentials does.

use std::fmt;

use super::authenticator::Authenticator;
use crate::{Options, error::ConnectError, file::Findings, resolver::Resolver};

/// A kind of credentials: its keys in a flow file, and what comes of them.
pub(crate) trait Credentials: fmt::Debug + Send + Sync {
    /// Notes keys that contradict each other.
    fn check(&self, _findings: &mut Findings) {}

    /// How long a request may take for the sake of its credentials, in ms, beside its own time.
    fn asking_ms(&self) -> u64 {
        0
    }

    /// Fills in a connection's values. What is made of secrets is added to the resolver's redactor, and
    /// so is every token that comes later. `place` is the section's keys, like `source.http.auth`.
    ///
    /// # Errors
    /// A value that the connection lacks, or one that cannot be used.
    fn connect(
        &self,
        place: &str,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Authenticator, ConnectError>;
}
