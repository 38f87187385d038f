//! How requests prove who sends them: a file a kind, and a line here.
//!
//! A kind's [`Credentials`] read its keys and make an [`Authenticator`], which has a [`Proof`] for every
//! request: a fixed one, or a token's. [`tokens`] keeps a token and renews it under a lease, [`state`] is what
//! all invocations share of it, [`exchanged`] are the kinds that ask for one, each with its [`grant`], and
//! [`token_client`] makes the request, and [`token_fields`] are what it may carry beside.

mod authenticator;
mod credentials;
mod error;
mod exchanged;
mod grant;
mod oauth2;
mod state;
mod token_client;
mod token_fields;
mod tokens;

use crate::{Options, error::ConnectError, kinds::kinds, resolver::Resolver};
pub(crate) use authenticator::Authenticator;
pub(crate) use credentials::Credentials;
pub(crate) use error::AuthError;

kinds! {
    /// How requests prove who sends them: exactly one kind.
    pub(crate) enum Auth: Credentials {
        mod bearer: Bearer;
        mod basic: Basic;
        mod api_key: ApiKey;
        mod oauth2_client: Oauth2Client;
        mod oauth2_refresh: Oauth2Refresh;
        mod jwt_bearer: JwtBearer;
        mod session: Session;
        mod aws_sigv4: AwsSigv4;
    }
}

/// What proves the requests of a section, which may have no `auth`. `place` is the keys that lead to it,
/// like `source.http.auth`.
///
/// # Errors
/// A value that the connection lacks, or one that cannot be used.
pub(crate) fn authenticator(
    auth: Option<&Auth>,
    place: &str,
    resolver: &Resolver<'_>,
    options: &Options,
) -> Result<Authenticator, ConnectError> {
    auth.map_or_else(|| Ok(Authenticator::none()), |auth| auth.connect(place, resolver, options))
}
