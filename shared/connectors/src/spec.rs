//! What may stand in a flow file.

mod auth;
mod lookup;

use std::collections::BTreeMap;

use crate::{
    destination::Destination, flow::Limits, needs::Needs, source::Source, template::Template,
};
pub use lookup::{HttpLookupSpec, LookupContent, LookupOkSpec, LookupSpec};

pub use auth::{
    ClientCredentials, JsonTemplate, JwtAlgorithm, JwtBearerSpec, Oauth2ClientSpec,
    Oauth2RefreshSpec, SessionSpec, TokenPlace,
};

/// A whole flow file.
#[derive(Debug, Clone)]
pub struct FlowSpec {
    /// `flow`: its name; letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// `description`: one line for people.
    pub description: Option<String>,
    /// `params`: declared parameters, each with an optional default.
    pub params: BTreeMap<String, ParamSpec>,
    /// `source`: exactly one kind.
    pub(crate) source: Source,
    /// `lookup`: none asks no other system.
    pub lookup: Option<LookupSpec>,
    /// `transform`: none passes the record on as it is.
    pub(crate) transform: crate::transform::Transform,
    /// `destination`: exactly one kind.
    pub(crate) destination: Destination,
    /// `limits`
    pub(crate) limits: Limits,
    /// `ordering`: `none`, `entity` (default) or `serial`, and `retry`, `page`, … as the protocol
    /// takes them.
    pub settings: tidegate_core::model::FlowSettings,
    /// `schedule`: `rate(5 minutes)` or `cron(…)`; for the deployed stack's documentation and
    /// `check`.
    pub schedule: Option<String>,
    pub(crate) needs: Needs,
}

/// `params.NAME`
#[derive(Debug, Clone, Default)]
pub struct ParamSpec {
    /// Taken where the connection gives none.
    pub default: Option<String>,
    /// One line for people.
    pub description: Option<String>,
}

/// `auth`, of a source or a destination: exactly one.
#[derive(Debug, Clone)]
pub enum AuthSpec {
    /// `bearer: TOKEN`
    Bearer(Template),
    /// `basic: {username, password}`
    Basic {
        /// Who.
        username: Template,
        /// Holds a secret.
        password: Template,
    },
    /// `api_key: {header, value}` or `{query, value}`
    ApiKey {
        /// Where it stands.
        place: KeyPlace,
        /// Holds a secret.
        value: Template,
    },
    /// `oauth2_client: {token_url, client_id, client_secret, …}`
    Oauth2Client(Box<Oauth2ClientSpec>),
    /// `oauth2_refresh: {token_url, client_id, refresh_token, …}`
    Oauth2Refresh(Box<Oauth2RefreshSpec>),
    /// `jwt_bearer: {token_url, issuer, audience, private_key, …}`
    JwtBearer(Box<JwtBearerSpec>),
    /// `session: {url, body, token, …}`
    Session(Box<SessionSpec>),
}

impl AuthSpec {
    /// How long a request may take for the sake of its credentials, in ms: where they are a token,
    /// that is asked for within the request's time. An answer that is cut off may cost a refresh
    /// token that is good for one use.
    pub fn asking_ms(&self) -> u64 {
        match self {
            Self::Bearer(_) | Self::Basic { .. } | Self::ApiKey { .. } => 0,
            Self::Oauth2Client(_)
            | Self::Oauth2Refresh(_)
            | Self::JwtBearer(_)
            | Self::Session(_) => 15_000,
        }
    }
}

/// Where an API key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// In this header.
    Header(String),
    /// In this query parameter.
    Query(String),
}
