//! The fields of a map: their keys, and where each goes.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{cast::Cast, date::Date, words::Words};
use crate::{
    file::{At, Entries, Fault, note_fault, site},
    value::{Constant, Path, RecordPath, given, or_stand_in, path},
};

/// Where a field comes from: exactly one of `path`, `lookup` and `value`. A text alone is a path.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::transform) struct FieldKeys {
    /// Path in the source's record.
    pub(super) path: Option<RecordPath>,
    /// Path in what was looked up.
    pub(super) lookup: Option<Path>,
    /// A constant; its texts may hold `${params.…}`.
    #[serde(default, deserialize_with = "given")]
    pub(super) value: Option<Constant>,
    /// Taken where the path is absent or null; its texts may hold `${params.…}`.
    #[serde(default, deserialize_with = "given")]
    pub(super) default: Option<Constant>,
    /// Of a text, the first word alone, or the rest after it; absent where there is none, like an
    /// absent path.
    pub(super) words: Option<At<Words>>,
    /// A date or a time, written in another way. One that cannot be read parks the record.
    pub(super) date: Option<At<Date>>,
    /// What to turn the value into; a `date` is written first.
    pub(super) cast: Option<At<Cast>>,
    /// What becomes of every element of an array: an object of these fields, read from the element, or a path in it
    /// for one value. An element that makes none parks the record.
    pub(super) each: Option<At<Each>>,
    /// What to do where the path is absent or null. Default `omit`; `keep` writes the looked-up
    /// field of the same name, and takes an empty text for absent.
    pub(super) when_absent: Option<At<WhenAbsent>>,
    /// What is written where the path is null, and not absent: `null_as: null` keeps it so. Left out: null is absent.
    #[serde(default, deserialize_with = "given")]
    pub(super) null_as: Option<Constant>,
    /// Leaves the field out where what was looked up has it, neither null nor an empty text: `true`
    /// for the field of the same name, or the path of another. An empty text in the record is absent
    /// then, too.
    pub(super) never_overwrite: Option<At<NeverOverwrite>>,
}

/// A path as a plain text, or these keys.
#[derive(Debug, Clone)]
pub(super) struct Field(pub(super) FieldKeys);

/// `each`: a path as a plain text, or fields.
#[derive(Debug, Clone)]
pub(super) enum Each {
    /// An array of the values at this path.
    Path(RecordPath),
    /// An array of objects.
    Fields(Fields),
}

/// `when_absent`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WhenAbsent {
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

/// `true`, or a path in what was looked up.
#[derive(Debug, Clone)]
pub(super) enum NeverOverwrite {
    /// Whether the looked-up field of the same name is never overwritten.
    Switch(bool),
    /// What is never overwritten.
    Path(Path),
}

impl FieldKeys {
    /// What to do where the value is absent.
    pub(super) fn when_absent(&self) -> WhenAbsent {
        self.when_absent.as_ref().map(|at| at.value).unwrap_or_default()
    }

    /// What of the looked-up record is not overwritten by the field at `target`.
    pub(super) fn never_overwrite<'k>(&'k self, target: &'k [String]) -> Option<&'k [String]> {
        match &self.never_overwrite.as_ref()?.value {
            NeverOverwrite::Switch(on) => on.then_some(target),
            NeverOverwrite::Path(path) => Some(&path.keys),
        }
    }

    /// Whether the field is merged with what was looked up, and not only taken from there.
    pub(super) fn merges(&self) -> bool {
        let switched_off =
            |at: &At<NeverOverwrite>| matches!(at.value, NeverOverwrite::Switch(false));
        self.never_overwrite.as_ref().is_some_and(|at| !switched_off(at))
            || self.when_absent() == WhenAbsent::Keep
    }
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
                Ok(NeverOverwrite::Path(or_stand_in(path, site())))
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
                let path = Some(or_stand_in(path, site()));
                Ok(Field(FieldKeys { path, ..FieldKeys::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field, A::Error> {
                FieldKeys::deserialize(MapAccessDeserializer::new(map)).map(Field)
            }
        }

        deserializer.deserialize_any(PathOrKeys)
    }
}

impl<'de> Deserialize<'de> for Each {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrFields;

        impl<'de> Visitor<'de> for PathOrFields {
            type Value = Each;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path or fields")
            }

            fn visit_str<E>(self, path: &str) -> Result<Each, E> {
                Ok(Each::Path(or_stand_in(path, site())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Each, A::Error> {
                Fields::deserialize(MapAccessDeserializer::new(map)).map(Each::Fields)
            }
        }

        deserializer.deserialize_any(PathOrFields)
    }
}

impl JsonSchema for Each {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Each".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                generator.subschema_for::<RecordPath>(),
                Entries::<Field>::json_schema(generator),
            ],
        })
    }
}

impl JsonSchema for Field {
    fn schema_name() -> Cow<'static, str> {
        "Field".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                generator.subschema_for::<RecordPath>(),
                generator.subschema_for::<FieldKeys>(),
            ],
        })
    }
}

/// The destination's fields, or those of an array's elements, in the file's order.
#[derive(Debug, Clone)]
pub(crate) struct Fields(pub(super) Vec<Target>);

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Where it goes.
    pub(super) path: Vec<String>,
    /// As the file writes it, with its place.
    pub(super) name: At<String>,
    pub(super) keys: At<FieldKeys>,
}

impl Fields {
    /// Each field's place in the output, with its keys.
    pub(in crate::transform) fn iter(&self) -> impl Iterator<Item = (&[String], &FieldKeys)> {
        self.0.iter().map(|field| (field.path.as_slice(), &field.keys.value))
    }

    /// The fields of several maps, one after the other.
    #[cfg(test)]
    pub(super) fn of(maps: impl Iterator<Item = Self>) -> Self {
        Self(maps.flat_map(|map| map.0).collect())
    }

    /// Whether a record is merged with what was looked up.
    pub(in crate::transform) fn merges(&self) -> bool {
        self.iter().any(|(_, keys)| keys.merges())
    }

    /// The fields of what was looked up that are not overwritten, dots between keys.
    pub(in crate::transform) fn never_overwritten(&self) -> Vec<String> {
        let never = self.iter().filter_map(|(target, keys)| keys.never_overwrite(target));
        never.map(path::written).collect()
    }

    /// Whether what was looked up is read at all.
    pub(in crate::transform) fn reads_lookup(&self) -> bool {
        self.merges() || self.iter().any(|(_, keys)| keys.lookup.is_some())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Vec::new();
        for (name, keys) in Entries::<Field>::deserialize(deserializer)?.0 {
            match path::parse(&name.value) {
                Ok(path) => fields.push(Target { path, name, keys: keys.map(|keys| keys.0) }),
                Err(fault) => {
                    let message = format!("`{}` is no field: {fault}", name.value);
                    note_fault(Fault::new(name.place, message, path::REMEDY));
                }
            }
        }
        Ok(Self(fields))
    }
}

impl JsonSchema for Fields {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Entries::<Field>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Entries::<Field>::json_schema(generator)
    }
}
