//! What may stand in a flow file.

mod answers;
mod json;
mod limits;
mod lookup;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{needs::Needs, template::Template};
pub use lookup::{HttpLookupSpec, LookupContent, LookupOkSpec, LookupSpec};

pub use answers::{AnswerIs, AnswerRule, AnswersSpec, FailureKind, HasSpec, Meaning, OnUnknown};
pub use limits::{CountHeader, LimitBodySpec, LimitHeadersSpec, ResetIn};

pub use json::JsonTemplate;

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
    pub(crate) auth: Option<crate::http::Auth>,
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
    pub(crate) auth: Option<crate::http::Auth>,
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
