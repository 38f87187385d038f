//! Credentials, resolved and ready to be put on a request: fixed ones, and tokens that are asked for.
//!
//! [`Tokens`] keeps a token and renews it under a lease, [`state`] is what all invocations share of it,
//! [`grant`] says how each kind asks, a file a kind, and [`token_client`] makes the request.

mod client;
mod error;
mod grant;
mod jwt;
mod oauth2;
mod proof;
mod refresh;
mod session;
mod state;
mod token_client;
mod tokens;

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::AUTHORIZATION;
use tidegate_flow::spec::{AuthSpec, KeyPlace};
use tokio::time::Instant;

use super::{Redactor, headers::header_name};
use crate::{Options, error::ConnectError, resolver::Resolver};
use grant::Grant;
use tokens::Tokens;

pub(crate) use error::AuthError;
pub(crate) use proof::Proof;

/// What proves who we are, for all requests of a section.
#[derive(Clone)]
pub(crate) struct Auth(Kind);

#[derive(Clone)]
enum Kind {
    Fixed(Arc<Proof>),
    Token(Arc<Tokens>),
}

impl Auth {
    /// Fills in the section's templates; what it makes of secrets is added to the redactor, and so
    /// is every token that comes later.
    pub(crate) fn new(
        spec: Option<&AuthSpec>,
        place: &str,
        resolver: &Resolver<'_>,
        options: &Options,
        redactor: &Redactor,
    ) -> Result<Self, ConnectError> {
        let fixed = |proof| Ok(Self(Kind::Fixed(Arc::new(proof))));
        let Some(spec) = spec else { return fixed(Proof::default()) };
        let (name, value) = match spec {
            AuthSpec::Bearer(token) => {
                (AUTHORIZATION, format!("Bearer {}", resolver.text(token, place)?))
            }
            AuthSpec::Basic { username, password } => {
                let user = resolver.text(username, place)?;
                let encoded =
                    STANDARD.encode(format!("{user}:{}", resolver.text(password, place)?));
                redactor.add(&encoded);
                (AUTHORIZATION, format!("Basic {encoded}"))
            }
            AuthSpec::ApiKey { place: KeyPlace::Header(name), value } => {
                (header_name(name, place)?, resolver.text(value, place)?)
            }
            AuthSpec::ApiKey { place: KeyPlace::Query(name), value } => {
                return fixed(Proof::in_query(name, resolver.text(value, place)?));
            }
            AuthSpec::Oauth2Client(_)
            | AuthSpec::Oauth2Refresh(_)
            | AuthSpec::JwtBearer(_)
            | AuthSpec::Session(_) => {
                let grant = Grant::new(spec, place, resolver, redactor)?;
                let tokens = Tokens::new(grant, place, options, redactor.clone());
                return Ok(Self(Kind::Token(Arc::new(tokens))));
            }
        };
        let proof = Proof::in_header(name, &value).ok_or_else(|| {
            ConnectError::new(place, "the credentials hold a character that no header may carry")
        })?;
        fixed(proof)
    }

    /// The credentials for a request that is made now. Where they are a token, this may ask for one;
    /// it is over at `until` at the latest.
    pub(crate) async fn proof(&self, until: Instant) -> Result<Arc<Proof>, AuthError> {
        match &self.0 {
            Kind::Fixed(proof) => Ok(proof.clone()),
            Kind::Token(tokens) => tokens.current(until, None).await,
        }
    }

    /// Other credentials, after the API said that it does not know these any more: by a 401, or by a
    /// code of its own. A token that another has got meanwhile, or a new one; `None` where they are
    /// fixed. The caller repeats its request once: nothing of it was applied. Refused again, the
    /// credentials themselves are wrong.
    pub(crate) async fn renewed(
        &self,
        refused: &Proof,
        until: Instant,
    ) -> Result<Option<Arc<Proof>>, AuthError> {
        match (&self.0, refused.generation) {
            (Kind::Token(tokens), Some(generation)) => {
                tokens.current(until, Some(generation)).await.map(Some)
            }
            _ => Ok(None),
        }
    }
}
