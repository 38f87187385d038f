//! A section's credentials at run time: fixed ones, or tokens that are asked for.

use std::sync::Arc;

use reqwest::header::HeaderName;
use tokio::time::Instant;

use super::{error::AuthError, grant::Grant, tokens::Tokens};
use crate::{
    Options,
    error::ConnectError,
    http::proof::{HeaderProof, Proof, Unproved},
    resolver::Resolver,
};

/// Proves who sends the requests of a section. Clones share their token.
#[derive(Clone)]
pub(crate) struct Authenticator(Kind);

#[derive(Clone)]
enum Kind {
    Fixed(Arc<dyn Proof>),
    Tokens(Arc<Tokens>),
}

impl Authenticator {
    /// Proves nothing.
    pub(crate) fn none() -> Self {
        Self::fixed(Unproved)
    }

    /// Proves every request in the same way.
    pub(super) fn fixed(proof: impl Proof + 'static) -> Self {
        Self(Kind::Fixed(Arc::new(proof)))
    }

    /// Proves every request by the same header. `place` is where its value is given.
    ///
    /// # Errors
    /// A value that no header may carry.
    pub(super) fn header(name: HeaderName, value: &str, place: &str) -> Result<Self, ConnectError> {
        let proof = HeaderProof::new(name, value).ok_or_else(|| {
            ConnectError::new(place, "the credentials hold a character that no header may carry")
        })?;
        Ok(Self::fixed(proof))
    }

    /// Proves requests by a token that is got for the grant. `place` is the section's keys.
    pub(super) fn tokens(
        grant: impl Grant + 'static,
        place: &str,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Self {
        let tokens = Tokens::new(Box::new(grant), place, options, resolver.redactor());
        Self(Kind::Tokens(Arc::new(tokens)))
    }

    /// The proof for a request that is made now. Where it is a token, this may ask for one; it is over at
    /// `until` at the latest.
    ///
    /// # Errors
    /// Why there is no token.
    pub(crate) async fn proof(&self, until: Instant) -> Result<Arc<dyn Proof>, AuthError> {
        match &self.0 {
            Kind::Fixed(proof) => Ok(proof.clone()),
            Kind::Tokens(tokens) => Ok(tokens.current(until, None).await?),
        }
    }

    /// Another proof, after the API said that it does not know this one any more: by a 401, or by a code
    /// of its own. A token that another invocation has got meanwhile, or a new one; `None` where the
    /// credentials are fixed. The caller repeats its request once: nothing of it was applied. Refused
    /// again, the credentials themselves are wrong.
    ///
    /// # Errors
    /// Why there is no newer token.
    pub(crate) async fn renewed(
        &self,
        refused: &dyn Proof,
        until: Instant,
    ) -> Result<Option<Arc<dyn Proof>>, AuthError> {
        match (&self.0, refused.generation()) {
            (Kind::Tokens(tokens), Some(generation)) => {
                let newer = tokens.current(until, Some(generation)).await?;
                Ok(Some(newer))
            }
            _ => Ok(None),
        }
    }
}
