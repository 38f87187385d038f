//! Credentials that are exchanged for a token: `auth`, of its kinds that ask for one.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::template::Template;

/// `oauth2_client`: client credentials (RFC 6749, section 4.4).
#[derive(Debug, Clone)]
pub struct Oauth2ClientSpec {
    /// `token_url`
    pub token_url: Template,
    /// `client_id`
    pub client_id: Template,
    /// `client_secret`: holds a secret.
    pub client_secret: Template,
    /// `scope`
    pub scope: Option<Template>,
    /// `audience`
    pub audience: Option<Template>,
    /// `credentials`
    pub credentials: ClientCredentials,
}

/// `oauth2_refresh`: a refresh token, which may rotate (RFC 6749, section 6).
#[derive(Debug, Clone)]
pub struct Oauth2RefreshSpec {
    /// `token_url`
    pub token_url: Template,
    /// `client_id`
    pub client_id: Template,
    /// `client_secret`: holds a secret; none for a public client.
    pub client_secret: Option<Template>,
    /// `refresh_token`: the first one, a secret; later ones are kept in the table.
    pub refresh_token: Template,
    /// `credentials`
    pub credentials: ClientCredentials,
}

/// `jwt_bearer`: a signed assertion (RFC 7523).
#[derive(Debug, Clone)]
pub struct JwtBearerSpec {
    /// `token_url`
    pub token_url: Template,
    /// `issuer`: the claim `iss`.
    pub issuer: Template,
    /// `subject`: the claim `sub`.
    pub subject: Option<Template>,
    /// `audience`: the claim `aud`.
    pub audience: Template,
    /// `scope`: as a claim and in the request, for APIs read it from either.
    pub scope: Option<Template>,
    /// `private_key`: PEM, a secret.
    pub private_key: Template,
    /// `key_id`: `kid` in the header.
    pub key_id: Option<Template>,
    /// `algorithm`
    pub algorithm: JwtAlgorithm,
    /// `lifetime` of the assertion, in ms. Default 5 min.
    pub lifetime_ms: u64,
}

/// `session`: a login that answers with a token.
#[derive(Debug, Clone)]
pub struct SessionSpec {
    /// `url`
    pub url: Template,
    /// `method`: POST (default), PUT or GET.
    pub method: String,
    /// `body`: JSON with secrets; none: no body.
    pub body: Option<JsonTemplate>,
    /// `token`: where it stands in the answer.
    pub token: TokenPlace,
    /// `header` that carries the token.
    pub header: String,
    /// `prefix` before the token.
    pub prefix: String,
    /// `lifetime` of the session, in ms; none: until the API refuses it.
    pub lifetime_ms: Option<u64>,
}

/// `credentials`: where the client's id and secret stand in the request for a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientCredentials {
    /// In the form that is posted (default).
    #[default]
    Body,
    /// In `Authorization: Basic …`.
    Basic,
    /// In the query of a GET, with all the rest: Marketo.
    Query,
}

/// `algorithm` of a JWT's signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum JwtAlgorithm {
    /// RSA with SHA-256 (default).
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
}

/// Where the answer to a login has the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// `path` in the body.
    Path(Vec<String>),
    /// `header` of the answer.
    Header(String),
    /// `cookie` that the answer sets.
    Cookie(String),
}

/// JSON whose texts may hold references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonTemplate {
    /// A text.
    Text(Template),
    /// An array.
    List(Vec<JsonTemplate>),
    /// An object; its keys are as they stand.
    Object(Vec<(String, JsonTemplate)>),
    /// A number, a boolean or null.
    Plain(serde_json::Value),
}
