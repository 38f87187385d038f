//! What is exchanged for a token: one of four kinds.

use reqwest::header::{AUTHORIZATION, HeaderName};
use ring::digest::{Context, SHA256};
use tidegate_core::model::{EpochMs, ShelfKey};
use tidegate_flow::spec::AuthSpec;

use super::{
    client::ClientGrant,
    jwt::JwtGrant,
    oauth2,
    refresh::RefreshGrant,
    session::SessionGrant,
    token_client::{TokenResponse, Unread},
};
use crate::{
    error::ConnectError,
    http::{Redactor, answer::Answer, request::Request},
    resolver::Resolver,
};

pub(super) enum Grant {
    Client(ClientGrant),
    Refresh(RefreshGrant),
    Jwt(Box<JwtGrant>),
    Session(SessionGrant),
}

impl Grant {
    /// Fills in a section that asks for tokens.
    pub(super) fn new(
        spec: &AuthSpec,
        place: &str,
        resolver: &Resolver<'_>,
        redactor: &Redactor,
    ) -> Result<Self, ConnectError> {
        let inside = |kind: &str| format!("{place}.{kind}");
        match spec {
            AuthSpec::Oauth2Client(spec) => {
                let place = inside("oauth2_client");
                ClientGrant::new(spec, &place, resolver, redactor).map(Self::Client)
            }
            AuthSpec::Oauth2Refresh(spec) => {
                let place = inside("oauth2_refresh");
                RefreshGrant::new(spec, &place, resolver, redactor).map(Self::Refresh)
            }
            AuthSpec::JwtBearer(spec) => {
                let grant = JwtGrant::new(spec, &inside("jwt_bearer"), resolver)?;
                Ok(Self::Jwt(Box::new(grant)))
            }
            AuthSpec::Session(spec) => {
                SessionGrant::new(spec, &inside("session"), resolver).map(Self::Session)
            }
            AuthSpec::Bearer(_) | AuthSpec::Basic { .. } | AuthSpec::ApiKey { .. } => {
                Err(ConnectError::new(place, "these credentials are no token's"))
            }
        }
    }

    /// The request for a token. `newest` is the refresh token that came last, `id` a new name.
    pub(super) fn request(
        &self,
        newest: Option<&str>,
        now_ms: EpochMs,
        id: &str,
        redactor: &Redactor,
    ) -> Request {
        match self {
            Self::Client(grant) => grant.request(),
            Self::Refresh(grant) => grant.request(newest),
            Self::Jwt(grant) => grant.request(now_ms, id, redactor),
            Self::Session(grant) => grant.request(),
        }
    }

    /// Reads the answer to it.
    pub(super) fn read(&self, answer: &Answer) -> Result<TokenResponse, Unread> {
        match self {
            Self::Session(grant) => grant.read(answer),
            Self::Client(_) | Self::Refresh(_) | Self::Jwt(_) => oauth2::read(answer),
        }
    }

    /// Whether what is exchanged may be good for one use: then a lost answer loses it.
    pub(super) fn is_spent(&self) -> bool {
        matches!(self, Self::Refresh(_))
    }

    /// The header that carries the token, and what stands before it there.
    pub(super) fn carrier(&self) -> (HeaderName, &str) {
        match self {
            Self::Session(grant) => (grant.header.clone(), &grant.prefix),
            Self::Client(_) | Self::Refresh(_) | Self::Jwt(_) => (AUTHORIZATION, "Bearer "),
        }
    }

    /// Where its tokens are kept: one place for all that exchange the same thing at the same address,
    /// be it a source or a destination, in whatever flow. A section that cannot prove the same does not
    /// find them.
    pub(super) fn key(&self) -> ShelfKey {
        let (kind, identity) = match self {
            Self::Client(grant) => ("client", grant.identity()),
            Self::Refresh(grant) => ("refresh", grant.identity()),
            Self::Jwt(grant) => ("jwt", grant.identity()),
            Self::Session(grant) => ("session", grant.identity()),
        };
        let mut digest = Context::new(&SHA256);
        for text in std::iter::once(kind).chain(identity) {
            // With its length, or two texts could be cut in two ways.
            digest.update(&(text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
        let hex =
            digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        ShelfKey::new("token", &hex)
    }
}
