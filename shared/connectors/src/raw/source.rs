//! `source`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DottedPath, Duration, Given, Scalar};
use crate::{
    at::{At, Entries},
    http::Auth,
    source::http::Pagination,
    spec::{CursorBy, TimeFormat},
};

/// Where records come from: exactly one kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// A list behind an HTTP API.
    Http(Box<HttpSource>),
}

/// A list behind an HTTP API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpSource {
    /// The list's address.
    #[schemars(example = "${params.source_url}/orders")]
    pub(crate) url: At<String>,
    /// How the list is asked for. Default GET, and POST with a `body`.
    pub(crate) method: Option<At<ListMethod>>,
    /// Query parameters sent with every request for the list.
    #[serde(default)]
    pub(crate) query: Entries<Scalar>,
    /// Headers sent with every request.
    #[serde(default)]
    pub(crate) headers: Entries<Scalar>,
    /// The JSON object sent with every request for the list; its texts may hold references. With it,
    /// the parameters of `cursor` and `pagination` are no query parameters but places in it: keys
    /// with dots between (`filters.from`), and a number for an item of a list (`sorts.0.value`). No
    /// value of its own may stand at such a place. Page numbers, offsets and page sizes are sent as
    /// numbers; so are ids that are whole numbers, and timestamps with `format: epoch_s` or
    /// `epoch_ms`. Tokens and all the rest are texts.
    #[serde(default, deserialize_with = "Given::present")]
    pub(crate) body: Option<At<Given>>,
    /// How requests prove who sends them.
    pub(crate) auth: Option<Auth>,
    /// Path to the array of records in the body; left out: the body is the array.
    pub(crate) records: Option<At<DottedPath>>,
    /// Path to a record's id. Default `id`.
    pub(crate) id: Option<At<DottedPath>>,
    /// What the source sorts by, and how to ask for what is new.
    pub(crate) cursor: At<Cursor>,
    /// How the next page of the list is asked for; `none` where one request gives all.
    pub(crate) pagination: At<Pagination>,
    /// How many records to ask for at a time. Default 100.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) page_size: Option<u32>,
    /// The longest that one request may take. Default `30s`.
    pub(crate) timeout: Option<At<Duration>>,
    /// Most bytes of one response, decompressed. Default 32 MiB.
    #[schemars(range(min = 1024, max = 1073741824))]
    pub(crate) body_bytes_max: Option<u64>,
    /// The request that marks a delivered record as processed at the source.
    pub(crate) mark: Option<Mark>,
}

/// How the list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ListMethod {
    Get,
    Post,
}

/// What the source sorts by, and how to ask for what is new.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    /// What the source sorts by.
    pub(crate) by: CursorBy,
    /// Path to the timestamp that the source sorts by.
    pub(crate) field: Option<At<DottedPath>>,
    /// With `by: id`, path to a timestamp that `settle_lag` goes by.
    pub(crate) time: Option<At<DottedPath>>,
    /// How timestamps are written. Default `rfc3339`.
    pub(crate) format: Option<At<TimeFormat>>,
    /// The query parameter that carries the position, or its place in the `body`.
    pub(crate) since: Option<At<String>>,
    /// Whether `since` includes records exactly at it. Default true, and false with `by: id`.
    pub(crate) inclusive: Option<bool>,
    /// The query parameter that carries the upper bound, or its place in the `body`.
    pub(crate) until: Option<At<String>>,
    /// Sent as `since` before anything was read; left out: no `since` is sent then.
    pub(crate) start: Option<At<Scalar>>,
    /// Records younger than this wait for the next run: an older one may still appear before them.
    /// Default `0s`.
    pub(crate) settle_lag: Option<At<Duration>>,
}

/// The request that marks a delivered record as processed at the source. A mark that fails is made again;
/// with `ordering: none` the record is sent again with it, under the same idempotency key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    /// Default PUT.
    pub(crate) method: Option<MarkMethod>,
    /// The address; may hold `${record.…}`.
    #[schemars(example = "${params.source_url}/orders/${record.id}")]
    pub(crate) url: At<String>,
    /// The JSON that is sent; left out: no body.
    #[serde(default, deserialize_with = "Given::present")]
    pub(crate) body: Option<At<Given>>,
}

/// How to mark.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum MarkMethod {
    #[default]
    Put,
    Post,
    Patch,
    Delete,
}

impl MarkMethod {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}
