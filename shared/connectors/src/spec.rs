//! What may stand in a flow file.

mod auth;
mod lookup;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{destination::Destination, flow::Limits, needs::Needs, template::Template};
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
    pub source: SourceSpec,
    /// `lookup`: none asks no other system.
    pub lookup: Option<LookupSpec>,
    /// `transform`: none passes the record on as it is.
    pub transform: TransformSpec,
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

/// `source`
#[derive(Debug, Clone)]
pub enum SourceSpec {
    /// `source.http`
    Http(HttpSourceSpec),
}

/// `source.http`
#[derive(Debug, Clone)]
pub struct HttpSourceSpec {
    /// `url`: the list's address; absolute http(s) once parameters are filled in.
    pub url: Template,
    /// `body`: the JSON object that is posted for the list, with places for parameters; none: a GET.
    pub body: Option<JsonTemplate>,
    /// `query`: parameters sent with every list request, e.g. a status filter.
    pub query: BTreeMap<String, Template>,
    /// `headers`
    pub headers: BTreeMap<String, Template>,
    /// `auth`
    pub auth: Option<AuthSpec>,
    /// `records`: path to the array in the body, dots between keys; empty: the body is the array.
    pub records: Vec<String>,
    /// `id`: path to a record's id. Default `id`.
    pub id: Vec<String>,
    /// `cursor`
    pub cursor: CursorSpec,
    /// `pagination`
    pub(crate) pagination: crate::source::http::Pagination,
    /// `page_size`: sent as the pagination's size parameter, where it has one. Default 100.
    pub page_size: u32,
    /// `timeout`: for one request, in ms. Default 30 s.
    pub timeout_ms: u64,
    /// `body_bytes_max`: of one response, decompressed. Default 32 MiB.
    pub body_bytes_max: usize,
    /// `mark`: the request that marks a delivered record as processed at the source.
    pub mark: Option<MarkSpec>,
}

/// `source.http.cursor`
#[derive(Debug, Clone)]
pub struct CursorSpec {
    /// `by`
    pub by: CursorBy,
    /// `field`: path to the timestamp; not for `id`.
    pub field: Option<Vec<String>>,
    /// `time`: with `by: id`, path to a timestamp that `settle_lag` goes by.
    pub time: Option<Vec<String>>,
    /// `format` of the timestamp
    pub format: TimeFormat,
    /// `since`: query parameter that carries the position (timestamp text, or the id). This and
    /// every other parameter is, with a `body`, a place in it: dots between keys.
    pub since: Option<String>,
    /// `inclusive`: whether `since` includes records exactly at it. Default true for timestamps
    /// (skipping what was seen), false for ids.
    pub inclusive: bool,
    /// `until`: query parameter that carries the upper bound (timestamps only).
    pub until: Option<String>,
    /// `start`: the value sent as `since` before anything was read; none: the parameter is left
    /// out.
    pub start: Option<Template>,
}

/// `source.http.cursor.by`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CursorBy {
    /// `id`: ids only ever increase.
    Id,
    /// `timestamp`: sorted by timestamp, in no certain order within one.
    Timestamp,
    /// `timestamp_id`: sorted by timestamp, then by id.
    TimestampId,
}

/// `source.http.cursor.format`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum TimeFormat {
    /// `rfc3339` (default): also accepts a space for the `T`, and no zone as UTC.
    #[default]
    #[serde(rename = "rfc3339")]
    Rfc3339,
    /// `epoch_s`: seconds, whole or with a fraction.
    #[serde(rename = "epoch_s")]
    EpochSeconds,
    /// `epoch_ms`: milliseconds.
    #[serde(rename = "epoch_ms")]
    EpochMillis,
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

/// `source.http.mark`
#[derive(Debug, Clone)]
pub struct MarkSpec {
    /// `method`: PUT (default), POST, PATCH or DELETE.
    pub method: String,
    /// `url`, may hold `${record.…}`; values are percent-encoded.
    pub url: Template,
    /// `body`: JSON sent, or none.
    pub body: Option<serde_json::Value>,
}

/// `transform`: at most one of `map`, `jq`, `rust`; `filter` may stand with any.
#[derive(Debug, Clone, Default)]
pub struct TransformSpec {
    /// `filter`: a jq expression; records for which it is false or null are left out.
    pub filter: Option<String>,
    /// What becomes of the record.
    pub shape: ShapeSpec,
}

impl TransformSpec {
    /// Whether a record is merged with what was looked up.
    pub fn merges(&self) -> bool {
        matches!(&self.shape, ShapeSpec::Map(fields) if fields.iter().any(|(_, it)| it.merges()))
    }
}

/// How a record is reshaped.
#[derive(Debug, Clone, Default)]
pub enum ShapeSpec {
    /// As it is.
    #[default]
    Same,
    /// `map`: output field (dots nest) to where it comes from, in the file's order.
    Map(Vec<(Vec<String>, FieldSpec)>),
    /// `jq`: a program with exactly one output; none leaves the record out.
    Jq(String),
    /// `rust`: a registered transform's name.
    Rust(String),
}

/// `transform.map.FIELD`: either a path as a plain text, or these keys.
#[derive(Debug, Clone, Default)]
pub struct FieldSpec {
    /// `path`: from the record's root.
    pub path: Option<Vec<String>>,
    /// `lookup`: instead of a path, from the root of what was looked up.
    pub lookup: Option<Vec<String>>,
    /// `value`: a constant instead of a path.
    pub value: Option<serde_json::Value>,
    /// `default`: where the path is absent or null.
    pub default: Option<serde_json::Value>,
    /// `words`: of a text, these alone.
    pub words: Option<Words>,
    /// `cast`
    pub cast: Option<Cast>,
    /// `when_absent`: `omit` (default), `null`, `refuse` or `keep`.
    pub when_absent: WhenAbsent,
    /// `never_overwrite`: where what was looked up has this, the field is left out. `true` in the
    /// file stands for the output field's own path.
    pub never_overwrite: Option<Vec<String>>,
    /// Whether its path is what the record is looked up by: what was found by it is not news.
    pub is_key: bool,
}

impl FieldSpec {
    /// Whether the field is merged with what was looked up, and not only taken from there.
    pub fn merges(&self) -> bool {
        self.never_overwrite.is_some() || self.when_absent == WhenAbsent::Keep
    }
}

/// `cast`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cast {
    /// `string`
    String,
    /// `integer`: refuses what is none.
    Integer,
    /// `number`
    Number,
    /// `boolean`: true/false, "true"/"false", 1/0.
    Boolean,
}

/// `words`: a text is cut at its first blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// `first`: the first word.
    First,
    /// `rest`: what comes after the first word.
    Rest,
}

/// `when_absent`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenAbsent {
    /// The output field is left out.
    #[default]
    Omit,
    /// The output field is null.
    Null,
    /// The record is refused, and so parked.
    Refuse,
    /// The looked-up field of the same name is written, where it is there.
    Keep,
}
