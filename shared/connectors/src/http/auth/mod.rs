//! Credentials, resolved and ready to be put on a request: fixed ones, and tokens that are asked for.
//!
//! [`Tokens`] keeps a token and takes its turn to renew it, [`state`] is what all invocations share of
//! it, [`grant`] says how each kind asks, a file a kind, and [`ask`] makes the request.

mod ask;
mod client;
mod grant;
mod jwt;
mod oauth2;
mod refresh;
mod session;
mod state;
mod tokens;

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use tidegate_core::{
    model::{Blame, Later},
    ports::SourceError,
};
use tidegate_flow::spec::{AuthSpec, KeyPlace};
use tokio::time::Instant;
use url::Url;

use super::Redactor;
use crate::{
    Options,
    connect::{ConnectError, Resolver},
};
use grant::Grant;
use tokens::Tokens;

/// What proves who we are, for all requests of a section.
#[derive(Clone)]
pub(crate) struct Auth(Kind);

#[derive(Clone)]
enum Kind {
    Fixed(Arc<Proof>),
    Token(Arc<Tokens>),
}

/// The credentials of one request.
#[derive(Default)]
pub(crate) struct Proof {
    /// Stands in a header.
    header: Option<(HeaderName, HeaderValue)>,
    /// Stands in a query parameter.
    query: Option<(String, String)>,
    /// Which token it is; none where nothing newer is to be had.
    generation: Option<u64>,
}

/// Why there are no credentials. One line each, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthError {
    /// Somebody else is getting the token, or the time is too short to: nothing failed.
    Busy { reason: String, after_ms: u64 },
    /// The token's address fails; it is asked again after that.
    Later { reason: String, after_ms: u64 },
    /// Somebody has to act; tried again after that.
    Halt { reason: String, after_ms: u64 },
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
                let query = Some((name.clone(), resolver.text(value, place)?));
                return fixed(Proof { query, ..Proof::default() });
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
    /// code of its own. A token that somebody has got meanwhile, or a new one; `None` where they are
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

impl Proof {
    /// Stands in a header; `None` if no header may carry it.
    fn in_header(name: HeaderName, value: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(Self { header: Some((name, value)), ..Self::default() })
    }

    /// Adds the credentials that stand in a header.
    pub(crate) fn head(&self, headers: &mut HeaderMap) {
        if let Some((name, value)) = &self.header {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// Sets the credentials that stand in the query, replacing what a next link brought along.
    pub(crate) fn address(&self, url: &mut Url) {
        let Some((name, value)) = &self.query else { return };
        let others: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| key != name)
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    }
}

fn header_name(name: &str, place: &str) -> Result<HeaderName, ConnectError> {
    let message = || format!("`{name}` is no header's name");
    name.parse().map_err(|_| ConnectError::new(place, message()))
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
