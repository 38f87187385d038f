//! What a source and a destination over HTTP share.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{JwtBearer, Oauth2Client, Oauth2Refresh, Session};
use crate::at::At;

/// How requests prove who sends them: exactly one kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Auth {
    /// `Authorization: Bearer …`, a `${secrets.…}` reference.
    Bearer(At<String>),
    /// `Authorization: Basic …`.
    Basic(Basic),
    /// A key in a header or a query parameter.
    ApiKey(At<ApiKey>),
    /// A token for a client's id and secret (OAuth 2).
    Oauth2Client(Box<Oauth2Client>),
    /// A token for a refresh token, which may rotate (OAuth 2).
    Oauth2Refresh(Box<Oauth2Refresh>),
    /// A token for a signed JWT (OAuth 2), as Google's service accounts do.
    JwtBearer(Box<JwtBearer>),
    /// The token that a login answers with.
    Session(Box<Session>),
}

/// `Authorization: Basic …`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Basic {
    /// The user's name.
    pub(crate) username: At<String>,
    /// The password, a `${secrets.…}` reference.
    pub(crate) password: At<String>,
}

/// A key in a header or a query parameter: exactly one of `header` and `query`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKey {
    /// The header that carries the key.
    #[schemars(example = "X-Api-Key")]
    pub(crate) header: Option<At<String>>,
    /// The query parameter that carries the key.
    pub(crate) query: Option<At<String>>,
    /// The key, a `${secrets.…}` reference.
    pub(crate) value: At<String>,
}
