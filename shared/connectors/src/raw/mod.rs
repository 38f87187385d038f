//! The file's structure: keys and kinds of values, and no more. From these types come both the JSON
//! Schema and the check of the structure; what values mean is checked in [`crate::lower`].
//!
//! The doc comments are what an editor shows for a key.

mod answers;
mod destination;
mod limits;
mod lookup;
mod source;
mod transform;
mod values;

pub(crate) use answers::{AnswerRule, Answers, Has, OnUnknown};
pub(crate) use destination::{Batch, Destination, HttpDestination, IdempotencyKey, Results};
pub(crate) use limits::{Daily, LimitBody, LimitHeaders, Limits, Priority};
pub(crate) use lookup::{HttpLookup, Lookup, LookupMethod};
pub(crate) use source::{Cursor, HttpSource, ListMethod, Mark, Source};
pub(crate) use transform::{Field, FieldKeys, NeverOverwrite, Transform};
pub use values::Given;
pub(crate) use values::{DottedPath, Duration, OneOrList, PickedPath, Rate, Scalar, StatusCode};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    at::{At, Entries},
    flow::{Ordering, Page, Retry},
    value::{Millis, Schedule},
};

/// A Tidegate flow: records move from a source, through a transform, to a destination.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Tidegate flow")]
pub struct Flow {
    /// The flow's name: 1 to 64 letters, digits, `-`, `_` or `.`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,64}$"))]
    pub(crate) flow: At<String>,
    /// One line for people.
    pub(crate) description: Option<String>,
    /// The parameters that a connection gives, used as `${params.NAME}`.
    pub(crate) params: Option<Entries<Param>>,
    /// Where records come from.
    pub(crate) source: Source,
    /// What another system knows of a record, for the transform to read; left out: none is asked.
    pub(crate) lookup: Option<At<Lookup>>,
    /// What becomes of a record on its way; left out: it is passed on as it is.
    #[serde(default)]
    pub(crate) transform: Transform,
    /// Where records go.
    pub(crate) destination: Destination,
    /// What the destination bears.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// How strictly records of one entity follow each other. Default `entity`.
    pub(crate) ordering: Option<Ordering>,
    /// How a failed delivery is tried again.
    #[serde(default)]
    pub(crate) retry: Retry,
    /// How the stream is cut into pages.
    #[serde(default)]
    pub(crate) page: Page,
    /// An open page that nobody worked on for so long has lost its message; waits that were asked for do not
    /// count. Default `1h`.
    pub(crate) stuck_after: Option<Millis<60_000, 1_209_600_000>>,
    /// The longest that the destination may take to apply a request it accepted. Default `30s`.
    pub(crate) landing: Option<Millis<0, 3_600_000>>,
    /// When a deployed connection runs: `rate(5 minutes)` or `cron(0 * * * ? *)`.
    #[schemars(example = "rate(5 minutes)")]
    pub(crate) schedule: Option<Schedule>,
}

/// A parameter that a connection gives.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Param {
    /// Taken where the connection gives none.
    pub(crate) default: Option<Scalar>,
    /// One line for people.
    pub(crate) description: Option<String>,
}
