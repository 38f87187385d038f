//! What every kind of credentials does that is exchanged for a token.

use std::fmt;

use super::{authenticator::Authenticator, credentials::Credentials, grant::Grant};
use crate::{Options, error::ConnectError, file::Findings, resolver::Resolver};

/// How long a request may take for the sake of its token, in ms: that is asked for within the request's
/// time. An answer that is cut off may cost a refresh token that is good for one use.
const ASKING_MS: u64 = 15_000;

/// Credentials that are exchanged for a token.
pub(super) trait Exchanged: fmt::Debug + Send + Sync {
    /// What is exchanged.
    type Grant: Grant + 'static;

    /// As [`Credentials::check`].
    fn note_clashes(&self, _findings: &mut Findings) {}

    /// Fills in a connection's values.
    ///
    /// # Errors
    /// A value that the connection lacks, or one that cannot be used.
    fn grant(&self, resolver: &Resolver<'_>) -> Result<Self::Grant, ConnectError>;
}

impl<T: Exchanged> Credentials for T {
    fn check(&self, findings: &mut Findings) {
        self.note_clashes(findings);
    }

    fn asking_ms(&self) -> u64 {
        ASKING_MS
    }

    fn connect(
        &self,
        place: &str,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Authenticator, ConnectError> {
        Ok(Authenticator::tokens(self.grant(resolver)?, place, resolver, options))
    }
}
