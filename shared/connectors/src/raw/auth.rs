//! Credentials that are exchanged for a token.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DottedPath, Duration, Given};
use crate::{
    at::At,
    spec::{ClientCredentials, JwtAlgorithm},
};

/// A token for a client's id and secret: OAuth 2's client credentials.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oauth2Client {
    /// The address that gives tokens.
    #[schemars(example = "https://auth.example.com/oauth/token")]
    pub(crate) token_url: At<String>,
    /// The client's id.
    pub(crate) client_id: At<String>,
    /// The client's secret, a `${secrets.…}` reference.
    pub(crate) client_secret: At<String>,
    /// What the token is for, as the API names it.
    pub(crate) scope: Option<At<String>>,
    /// Whom the token is for, where the API asks for it.
    pub(crate) audience: Option<At<String>>,
    /// Where id and secret stand in the request: `body` (default), `basic` or `query`.
    pub(crate) credentials: Option<ClientCredentials>,
}

/// A token for a refresh token, which may be replaced by a new one at every use.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oauth2Refresh {
    /// The address that gives tokens.
    #[schemars(example = "https://auth.example.com/oauth/token")]
    pub(crate) token_url: At<String>,
    /// The client's id.
    pub(crate) client_id: At<String>,
    /// The client's secret, a `${secrets.…}` reference; left out for a public client.
    pub(crate) client_secret: Option<At<String>>,
    /// The refresh token that the connection was authorised with, a `${secrets.…}` reference. Those
    /// that follow it are kept in the table.
    pub(crate) refresh_token: At<String>,
    /// Where id and secret stand in the request: `body` (default), `basic` or `query`.
    pub(crate) credentials: Option<At<ClientCredentials>>,
}

/// A token for a signed JWT.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JwtBearer {
    /// The address that gives tokens.
    #[schemars(example = "https://oauth2.googleapis.com/token")]
    pub(crate) token_url: At<String>,
    /// Who signs: the claim `iss`.
    pub(crate) issuer: At<String>,
    /// In whose name: the claim `sub`.
    pub(crate) subject: Option<At<String>>,
    /// For whom it is signed: the claim `aud`, often the token's address.
    pub(crate) audience: At<String>,
    /// What the token is for, as the API names it.
    pub(crate) scope: Option<At<String>>,
    /// The private key in PEM, a `${secrets.…}` reference.
    pub(crate) private_key: At<String>,
    /// The key's name, where the API asks for it: `kid`.
    pub(crate) key_id: Option<At<String>>,
    /// How to sign: `RS256` (default) or `ES256`.
    pub(crate) algorithm: Option<JwtAlgorithm>,
    /// How long a signed JWT may be used. Default `5m`.
    pub(crate) lifetime: Option<At<Duration>>,
}

/// The token that a login answers with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// The login's address.
    #[schemars(example = "https://erp.example.com/api/login")]
    pub(crate) url: At<String>,
    /// Default POST.
    pub(crate) method: Option<SessionMethod>,
    /// The JSON that is sent, with `${params.…}` and `${secrets.…}`.
    #[serde(default, deserialize_with = "Given::present")]
    pub(crate) body: Option<At<Given>>,
    /// Where the token stands in the answer.
    pub(crate) token: TokenPlace,
    /// The header that carries the token. Default `Authorization`; `Cookie` for a cookie.
    pub(crate) header: Option<At<String>>,
    /// What stands before the token in the header. Default `Bearer ` in `Authorization`, and nothing
    /// in another.
    pub(crate) prefix: Option<At<String>>,
    /// How long a session lasts. Default: until the API refuses it.
    pub(crate) lifetime: Option<At<Duration>>,
}

/// How to log in.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum SessionMethod {
    #[default]
    Post,
    Put,
    Get,
}

impl SessionMethod {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Get => "GET",
        }
    }
}

/// Where the token stands in the answer to a login: exactly one kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenPlace {
    /// Under this path of the body.
    Path(At<DottedPath>),
    /// In this header.
    Header(At<String>),
    /// In the cookie of this name.
    Cookie(At<String>),
}
