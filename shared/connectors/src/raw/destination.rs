//! `destination`

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Visitor};

use super::{Answers, DottedPath, Duration, OnUnknown, Scalar, StatusCode};
use crate::{
    at::{At, Entries},
    http::Auth,
};

/// Where records go: exactly one kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Destination {
    /// An HTTP API.
    Http(Box<HttpDestination>),
}

/// An HTTP API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpDestination {
    /// The address; may hold `${record.…}` unless `batch` is given.
    #[schemars(example = "${params.destination_url}/fulfillments")]
    pub(crate) url: At<String>,
    /// Default POST.
    pub(crate) method: Option<Method>,
    /// Headers sent with every request.
    #[serde(default)]
    pub(crate) headers: Entries<Scalar>,
    /// How requests prove who sends them.
    pub(crate) auth: Option<Auth>,
    /// Many records in a request; left out: one record a request.
    pub(crate) batch: Option<Batch>,
    /// The header that carries the key by which the destination knows a repeat. Default
    /// `Idempotency-Key`; `false` leaves it out.
    pub(crate) idempotency_key: Option<At<IdempotencyKey>>,
    /// The longest that one request may take. Default `30s`.
    pub(crate) timeout: Option<At<Duration>>,
    /// Further status codes that refuse a record for good.
    #[serde(default)]
    pub(crate) refuse: Vec<At<StatusCode>>,
    /// Further status codes to try again.
    #[serde(default)]
    pub(crate) retry_status: Vec<At<StatusCode>>,
    /// Status codes that say that the destination has the record already. A bulk that is answered so is
    /// sent again in halves, down to the records that are there.
    #[serde(default)]
    pub(crate) duplicate: Vec<At<StatusCode>>,
    /// What answers mean by a code in their body, and failures by their kind.
    #[serde(default)]
    pub(crate) answers: Answers,
    /// What becomes of a record of which nobody knows whether it was applied. Default `retry`.
    pub(crate) on_unknown: Option<At<OnUnknown>>,
}

/// How to send.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    #[default]
    Post,
    Put,
    Patch,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

/// Many records in a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    /// Most records in a request.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) size: u32,
    /// Most bytes in a request's body. Default 1 MB. A record that is larger by itself is parked.
    #[schemars(range(min = 1024, max = 104857600))]
    pub(crate) bytes_max: Option<u64>,
    /// The body is an object with the records under this key; left out: the body is the array.
    pub(crate) field: Option<At<String>>,
    /// Each record gets its idempotency key under this key; left out: it gets none, and where the header
    /// `idempotency_key` is sent, a request has records of one page only, so that a repeat is the same.
    pub(crate) key_field: Option<At<String>>,
    /// Where each record's own result stands; left out: the status is everyone's.
    pub(crate) results: Option<Results>,
}

/// Where each record's own result stands in the response.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Results {
    /// Path to the array of results; left out: the body is the array.
    pub(crate) path: Option<At<DottedPath>>,
    /// Path in a result to its status code or word.
    pub(crate) status: At<DottedPath>,
    /// Path in a result to a further code, which says more: it is looked for first in `ok`, `retry`
    /// and `duplicate`.
    pub(crate) code: Option<At<DottedPath>>,
    /// Words or codes of success. Default 200 to 299, `ok`, `success`, `created`, `updated`.
    #[serde(default)]
    pub(crate) ok: Vec<At<Scalar>>,
    /// Words or codes to try again. Default 408, 425, 429 and 500 to 599.
    #[serde(default)]
    pub(crate) retry: Vec<At<Scalar>>,
    /// Words or codes that say that the destination has the record already.
    #[serde(default)]
    pub(crate) duplicate: Vec<At<Scalar>>,
    /// Path in a result to its message.
    pub(crate) reason: Option<At<DottedPath>>,
    /// Path in a result to the record's index in the request. Without it and `key`, results are in
    /// order, and an answer with more or fewer of them than records says nothing of any.
    pub(crate) index: Option<At<DottedPath>>,
    /// Path in a result to what names its record, for results in any order; goes with `record_key`.
    /// Blanks around a key make no difference. Records with one key go in separate requests.
    pub(crate) key: Option<At<DottedPath>>,
    /// Path in a record, as it is sent, to what `key` names it by.
    pub(crate) record_key: Option<At<DottedPath>>,
    /// Whether keys that differ in case alone name the same record. Default false.
    pub(crate) ignore_case: Option<At<bool>>,
}

/// A header's name, or `false`.
#[derive(Debug)]
pub(crate) enum IdempotencyKey {
    Header(String),
    Switch(bool),
}

impl<'de> Deserialize<'de> for IdempotencyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrSwitch;

        impl Visitor<'_> for NameOrSwitch {
            type Value = IdempotencyKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a header's name or `false`")
            }

            fn visit_str<E>(self, name: &str) -> Result<IdempotencyKey, E> {
                Ok(IdempotencyKey::Header(name.into()))
            }

            fn visit_bool<E>(self, on: bool) -> Result<IdempotencyKey, E> {
                Ok(IdempotencyKey::Switch(on))
            }
        }

        deserializer.deserialize_any(NameOrSwitch)
    }
}

impl JsonSchema for IdempotencyKey {
    fn schema_name() -> Cow<'static, str> {
        "IdempotencyKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "boolean"], "examples": ["Idempotency-Key", false] })
    }
}
