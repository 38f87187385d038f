//! `transform`

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{DottedPath, Given, PickedPath};
use crate::{
    at::{At, Entries},
    spec::{Cast, WhenAbsent, Words},
};

/// What becomes of a record: at most one of `map`, `jq` and `rust`; `filter` goes with any.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transform {
    /// A jq expression; records for which it is false or null are left out.
    #[schemars(example = ".status == \"placed\"")]
    pub(crate) filter: Option<At<String>>,
    /// The destination's fields, dots nest, each with where it comes from.
    pub(crate) map: Option<At<Entries<Field>>>,
    /// A jq program with exactly one output; none leaves the record out.
    pub(crate) jq: Option<At<String>>,
    /// The name of a registered Rust transform.
    pub(crate) rust: Option<At<String>>,
}

/// A path as a plain text, or these keys.
#[derive(Debug)]
pub(crate) enum Field {
    Path(DottedPath),
    Keys(Box<FieldKeys>),
}

/// Where a field comes from: exactly one of `path`, `lookup` and `value`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldKeys {
    /// Path in the source's record.
    #[schemars(with = "Option<PickedPath>")]
    pub(crate) path: Option<At<DottedPath>>,
    /// Path in what was looked up.
    pub(crate) lookup: Option<At<DottedPath>>,
    /// A constant.
    #[serde(default, deserialize_with = "Given::present")]
    pub(crate) value: Option<At<Given>>,
    /// Taken where the path is absent or null.
    #[serde(default, deserialize_with = "Given::present")]
    pub(crate) default: Option<At<Given>>,
    /// Of a text, the first word alone, or the rest after it; absent where there is none, like an
    /// absent path.
    pub(crate) words: Option<At<Words>>,
    /// What to turn the value into.
    pub(crate) cast: Option<At<Cast>>,
    /// What to do where the path is absent or null. Default `omit`; `keep` writes the looked-up
    /// field of the same name, and takes an empty text for absent.
    pub(crate) when_absent: Option<At<WhenAbsent>>,
    /// Leaves the field out where what was looked up has it, neither null nor an empty text: `true`
    /// for the field of the same name, or the path of another. An empty text in the record is absent
    /// then, too.
    pub(crate) never_overwrite: Option<At<NeverOverwrite>>,
}

/// `true`, or a path in what was looked up.
#[derive(Debug)]
pub(crate) enum NeverOverwrite {
    Switch(bool),
    Path(DottedPath),
}

impl<'de> Deserialize<'de> for NeverOverwrite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SwitchOrPath;

        impl Visitor<'_> for SwitchOrPath {
            type Value = NeverOverwrite;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true` or a path")
            }

            fn visit_bool<E>(self, on: bool) -> Result<NeverOverwrite, E> {
                Ok(NeverOverwrite::Switch(on))
            }

            fn visit_str<E>(self, path: &str) -> Result<NeverOverwrite, E> {
                Ok(NeverOverwrite::Path(DottedPath(path.into())))
            }
        }

        deserializer.deserialize_any(SwitchOrPath)
    }
}

impl JsonSchema for NeverOverwrite {
    fn schema_name() -> Cow<'static, str> {
        "NeverOverwrite".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string"], "examples": [true, "address.city"] })
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrKeys;

        impl<'de> Visitor<'de> for PathOrKeys {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path or a section")
            }

            fn visit_str<E>(self, path: &str) -> Result<Field, E> {
                Ok(Field::Path(DottedPath(path.into())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field, A::Error> {
                FieldKeys::deserialize(MapAccessDeserializer::new(map))
                    .map(|keys| Field::Keys(Box::new(keys)))
            }
        }

        deserializer.deserialize_any(PathOrKeys)
    }
}

impl JsonSchema for Field {
    fn schema_name() -> Cow<'static, str> {
        "Field".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                generator.subschema_for::<PickedPath>(),
                generator.subschema_for::<FieldKeys>(),
            ],
        })
    }
}
