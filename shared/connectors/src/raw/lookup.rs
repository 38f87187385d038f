//! `lookup`

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, DottedPath, Duration, Given, PickedPath, Scalar, StatusCode};
use crate::{
    at::{At, Entries},
    http::Auth,
};

/// What another system knows of a record, asked for before it is mapped: for many records in a
/// request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lookup {
    /// Path in the source's record to what it is looked up by. A record without one is not looked up.
    #[schemars(with = "PickedPath")]
    pub(crate) by: At<DottedPath>,
    /// Whether keys that differ in case alone name the same: they are asked for in lower case.
    /// Default false.
    #[serde(default)]
    pub(crate) ignore_case: bool,
    /// Most keys in a request, and no more than the API answers at once. Default 100, and 1 where
    /// the address holds `${lookup.key}`.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) size: Option<u32>,
    /// How long what was found may be used again; left out: every record is looked up anew.
    pub(crate) cache: Option<At<Duration>>,
    /// The HTTP API that knows.
    pub(crate) http: Box<HttpLookup>,
}

/// An HTTP API that is asked by keys. In `query`, `form` and `body`, a value is all of
/// `${lookup.keys}` (the keys with the separator between) or all of `${lookup.key}` (sent once for
/// each key), so that no key can write a query of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpLookup {
    /// The address; may hold `${lookup.keys}`, or `${lookup.key}` with one key a request.
    #[schemars(example = "${params.crm_url}/customers")]
    pub(crate) url: At<String>,
    /// Default GET, and POST with a `form` or a `body`.
    pub(crate) method: Option<At<LookupMethod>>,
    /// Query parameters; may hold keys.
    #[serde(default)]
    pub(crate) query: Entries<Scalar>,
    /// Headers sent with every request.
    #[serde(default)]
    pub(crate) headers: Entries<Scalar>,
    /// How requests prove who sends them.
    pub(crate) auth: Option<Auth>,
    /// Fields of a form; may hold keys.
    pub(crate) form: Option<At<Entries<Scalar>>>,
    /// JSON to be sent; may hold keys. An item of a list that holds `${lookup.key}` stands there
    /// once for each key.
    #[serde(default, deserialize_with = "Given::present")]
    pub(crate) body: Option<At<Given>>,
    /// What stands between the keys of `${lookup.keys}`. Default `,`. A key that holds it cannot be asked
    /// for: its record is parked where the map merges, and mapped as one that was not found elsewhere.
    pub(crate) separator: Option<At<String>>,
    /// Path to the array of results in the body; left out: the body is the array. An object there is
    /// the only result.
    pub(crate) records: Option<At<DottedPath>>,
    /// Path in a result to its key. Left out only where the address holds `${lookup.key}`.
    pub(crate) key: Option<At<DottedPath>>,
    /// Status codes that say that none of the keys is known, like 404.
    #[serde(default)]
    pub(crate) missing: Vec<At<StatusCode>>,
    /// What a body must say to be an answer at all.
    pub(crate) ok: Option<LookupOk>,
    /// Path to what says, by any value but false, null and empty text, that results were left off:
    /// fewer keys are asked for then.
    pub(crate) more: Option<At<DottedPath>>,
    /// What answers mean by their status and by a code in their body, and failures by their kind, as in
    /// `destination.http`; after `refused`, fewer keys are asked for, and a single one again later. A
    /// status in `missing` needs no rule.
    #[serde(default)]
    pub(crate) answers: Answers,
    /// The longest that one request may take. Default `30s`.
    pub(crate) timeout: Option<At<Duration>>,
}

/// What a body must say to be an answer: for APIs that fail with a status of 200.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupOk {
    /// Path in the body.
    pub(crate) path: At<DottedPath>,
    /// What stands there where the request succeeded.
    pub(crate) equals: Scalar,
}

/// How to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum LookupMethod {
    Get,
    Post,
}

impl LookupMethod {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}
