//! Kinds of values that several sections share.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::at::At;

/// `500ms`, `5s`, `2m`, `1h`.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Duration(pub(crate) String);

/// `customer.name`.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct DottedPath(pub(crate) String);

/// The schema of a [`DottedPath`] into a record, `users[type=customer].name`.
pub(crate) struct PickedPath;

/// A text, or a number or a boolean taken as the text it is written as.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Scalar(pub(crate) String);

/// An HTTP status code.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(crate) struct StatusCode(pub(crate) u16);

/// Any JSON, `null` included, that was given: `Option<Given>` tells `null` from nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Given(pub serde_json::Value);

impl Given {
    /// For `deserialize_with`: serde takes `null` for nothing otherwise.
    pub fn present<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<At<Self>>, D::Error> {
        At::deserialize(deserializer).map(Some)
    }
}

/// These schemas are written by hand because they say more than the Rust type behind them.
macro_rules! schema {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

schema!(Duration, "Duration", {
    "description": "A number and its unit: `500ms`, `5s`, `2m`, `1h`.",
    "type": "string",
    "pattern": "^[0-9]+(ms|s|m|h)$",
    "examples": ["5s"],
});

schema!(DottedPath, "DottedPath", {
    "description": "A path into a JSON value, dots between keys: `customer.name`.",
    "type": "string",
    "pattern": "^[^./\\[\\]$]+(\\.[^./\\[\\]]+)*$",
    "examples": ["customer.name"],
});

schema!(PickedPath, "PickedPath", {
    "description": "A path into a record, dots between keys: `customer.name`. `users[type=customer].name` goes by the first item of `users` whose `type` is `customer`.",
    "type": "string",
    "pattern": "^[^./\\[\\]$]+(\\[[^./=\\[\\]]+=[^./=\\[\\]]+\\])?(\\.[^./\\[\\]]+(\\[[^./=\\[\\]]+=[^./=\\[\\]]+\\])?)*$",
    "examples": ["users[type=customer].name"],
});

schema!(Scalar, "Scalar", {
    "description": "A text; numbers and booleans are taken as written.",
    "type": ["string", "number", "boolean"],
});

schema!(StatusCode, "StatusCode", {
    "description": "An HTTP status code.",
    "type": "integer",
    "minimum": 100,
    "maximum": 599,
});

schema!(Given, "AnyJson", {
    "description": "Any JSON value.",
});
