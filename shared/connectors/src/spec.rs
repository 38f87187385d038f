//! What may stand in a flow file.

mod answers;
mod auth;
mod limits;
mod lookup;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{needs::Needs, source::Source, template::Template};
pub use lookup::{HttpLookupSpec, LookupContent, LookupOkSpec, LookupSpec};

pub use answers::{AnswerIs, AnswerRule, AnswersSpec, FailureKind, HasSpec, Meaning, OnUnknown};
pub use limits::{CountHeader, LimitBodySpec, LimitHeadersSpec, ResetIn};

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
    pub destination: DestinationSpec,
    /// `limits`
    pub limits: LimitsSpec,
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

/// `destination`
#[derive(Debug, Clone)]
pub enum DestinationSpec {
    /// `destination.http`
    Http(HttpDestinationSpec),
}

/// `destination.http`
#[derive(Debug, Clone)]
pub struct HttpDestinationSpec {
    /// `url`; may hold `${record.…}` (of the source record's transformed JSON) unless `batch` is
    /// given.
    pub url: Template,
    /// `method`: POST (default), PUT or PATCH.
    pub method: String,
    /// `headers`
    pub headers: BTreeMap<String, Template>,
    /// `auth`
    pub auth: Option<AuthSpec>,
    /// `batch`: many records in a request; none: one record a request.
    pub batch: Option<BatchSpec>,
    /// `idempotency_key`: header that carries the key. Default `Idempotency-Key`; `false` leaves it
    /// out.
    pub idempotency_header: Option<String>,
    /// `timeout`: for one request, in ms. Default 30 s.
    pub timeout_ms: u64,
    /// `refuse`: further status codes that refuse the record for good.
    pub refuse: Vec<u16>,
    /// `retry_status`: further status codes to try again.
    pub retry_status: Vec<u16>,
    /// `duplicate`: status codes that say it has the record already (e.g. 409): settled as skipped.
    pub duplicate: Vec<u16>,
    /// `answers`: what answers mean by a code in their body, and failures by their kind.
    pub answers: AnswersSpec,
    /// `on_unknown`
    pub on_unknown: OnUnknown,
}

/// `destination.http.batch`
#[derive(Debug, Clone)]
pub struct BatchSpec {
    /// `size`: most records in a request.
    pub size: usize,
    /// `bytes_max`: most bytes in a request's body. Default 1 MB.
    pub bytes_max: usize,
    /// `field`: the body is an object with the records under this key; none: the body is the array.
    pub field: Option<String>,
    /// `key_field`: each record gets its idempotency key under this key; none: not.
    pub key_field: Option<String>,
    /// `results`: where each record's own result stands; none: the status is everyone's.
    pub results: Option<ResultsSpec>,
}

/// `destination.http.batch.results`
#[derive(Debug, Clone)]
pub struct ResultsSpec {
    /// `path` to the array of results; empty: the body is the array.
    pub path: Vec<String>,
    /// `status`: path in a result to its status code or word.
    pub status: Vec<String>,
    /// `code`: path in a result to a further code, which the words are compared with first.
    pub code: Option<Vec<String>>,
    /// `ok`: words or codes of success. Empty where the file gives none, which stands for 200–299,
    /// "ok", "success", "created", "updated".
    pub ok: Vec<String>,
    /// `retry`: words or codes to try again. Empty where the file gives none, which stands for 408,
    /// 425, 429, 500–599.
    pub retry: Vec<String>,
    /// `duplicate`: words or codes that say it has the record already.
    pub duplicate: Vec<String>,
    /// `reason`: path in a result to its message.
    pub reason: Option<Vec<String>>,
    /// How results are matched with records.
    pub order: ResultOrder,
}

/// How the results of a bulk are matched with its records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ResultOrder {
    /// They come in order.
    #[default]
    Same,
    /// `index`: path in a result to the record's index in the request.
    Index(Vec<String>),
    /// `key` and `record_key`: both name the record.
    Key {
        /// Path in a result.
        result: Vec<String>,
        /// Path in the record as it is sent.
        record: Vec<String>,
        /// `ignore_case`: whether keys that differ in case alone name the same.
        ignore_case: bool,
    },
}

/// `limits`
#[derive(Debug, Clone, Default)]
pub struct LimitsSpec {
    /// `concurrency`: most requests in flight, over all processors.
    pub concurrency: Option<u32>,
    /// `rate`: like `50/s`, `100/20s`, `1000/min`; one or a list; every one holds.
    pub rate: Vec<tidegate_core::model::RateLimit>,
    /// `daily`: most requests a day.
    pub daily: Option<tidegate_core::model::Quota>,
    /// `priority` among those who share a budget.
    pub priority: tidegate_core::model::Priority,
    /// `budget`: through which all who name it share the limits.
    pub budget: Option<String>,
    /// `headers`
    pub headers: Option<LimitHeadersSpec>,
    /// `body`
    pub body: Option<LimitBodySpec>,
}
