//! One field of a map: its keys, and whether they go together.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{cast::Cast, words::Words};
use crate::{
    file::{At, Fault, Findings, Place, site},
    value::{Constant, Path, RecordPath, given, or_stand_in},
};

/// Where a field comes from: exactly one of `path`, `lookup` and `value`. A text alone is a path.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::transform) struct FieldKeys {
    /// Path in the source's record.
    pub(super) path: Option<RecordPath>,
    /// Path in what was looked up.
    pub(super) lookup: Option<Path>,
    /// A constant.
    #[serde(default, deserialize_with = "given")]
    pub(super) value: Option<Constant>,
    /// Taken where the path is absent or null.
    #[serde(default, deserialize_with = "given")]
    pub(super) default: Option<Constant>,
    /// Of a text, the first word alone, or the rest after it; absent where there is none, like an
    /// absent path.
    pub(super) words: Option<At<Words>>,
    /// What to turn the value into.
    pub(super) cast: Option<At<Cast>>,
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

    /// Notes keys that do not go together. `place` is the field's; `looks_up` says whether the flow
    /// has a `lookup`.
    pub(super) fn check(&self, place: Place, looks_up: bool, findings: &mut Findings) {
        self.check_origin(place, findings);
        self.check_default(findings);
        self.check_lookup(looks_up, findings);
    }

    fn check_origin(&self, place: Place, findings: &mut Findings) {
        if let (Some(_), Some(lookup)) = (&self.path, &self.lookup) {
            let message = "a field has a `path` or a `lookup`, not both";
            let remedy =
                "remove one; for what is absent in the record there is `when_absent: keep`";
            findings.add(Fault::new(lookup.site.place, message, remedy));
        }
        let is_read = self.path.is_some() || self.lookup.is_some();
        match &self.value {
            None if is_read => {}
            None => {
                let remedy = "add `path:` with a place in the record, or `value:` with a constant";
                findings.add(Fault::new(place, "the field comes from nowhere", remedy));
            }
            Some(value) if is_read => {
                let message = "a field has a `path` or a `value`, not both";
                let remedy = "remove one; a constant for absent values is `default`";
                findings.add(Fault::new(value.site.place, message, remedy));
            }
            Some(_) => {
                let beside = [
                    ("default", self.default.as_ref().map(|default| default.site.place)),
                    ("words", self.words.as_ref().map(|at| at.place)),
                    ("cast", self.cast.as_ref().map(|at| at.place)),
                    ("when_absent", self.when_absent.as_ref().map(|at| at.place)),
                    ("null_as", self.null_as.as_ref().map(|null_as| null_as.site.place)),
                ];
                for (key, place) in beside {
                    let Some(place) = place else { continue };
                    let message =
                        format!("`{key}` does nothing beside `value`, which is a constant");
                    let remedy = "remove it, or write `path` instead of `value`";
                    findings.add(Fault::new(place, message, remedy));
                }
            }
        }
    }

    fn check_default(&self, findings: &mut Findings) {
        let Some(default) = &self.default else { return };
        if let Some(when_absent) = &self.when_absent {
            // `omit` beside a default contradicts it as much as `refuse` does.
            let message = "with a `default`, the field is never absent";
            findings.add(Fault::new(when_absent.place, message, "remove one of the two"));
        }
        if let Some(cast) = &self.cast
            && !cast.value.gives(&default.json)
        {
            let (name, example) = cast.value.name_and_example();
            let message =
                format!("the default `{}` is no {name}, which `cast` asks for", default.json);
            let remedy = format!("write one that is, like `{example}`");
            findings.add(Fault::new(default.site.place, message, remedy));
        }
    }

    fn check_lookup(&self, looks_up: bool, findings: &mut Findings) {
        let lookup = self.lookup.as_ref().map(|path| ("lookup", path.site.place));
        let never = self.never_overwrite.as_ref().map(|at| ("never_overwrite", at.place));
        let keep = self.when_absent.as_ref().filter(|at| at.value == WhenAbsent::Keep);
        let keep = keep.map(|at| ("when_absent: keep", at.place));
        if !looks_up {
            for (key, place) in [lookup, never, keep].into_iter().flatten() {
                let message = format!("`{key}` needs what was looked up, and nothing is");
                let remedy = "add a `lookup` section, or remove it";
                findings.add(Fault::new(place, message, remedy));
            }
        }
        match (lookup, never, keep) {
            (Some(_), Some((key, place)), _) | (Some(_), None, Some((key, place))) => {
                let message = format!("`{key}` does nothing beside `lookup`: it is there already");
                let remedy = "remove it, or write `path` instead of `lookup`";
                findings.add(Fault::new(place, message, remedy));
            }
            (None, Some(_), Some((key, place))) => {
                let message = format!("`{key}` does nothing beside `never_overwrite`");
                let remedy = "remove one: what is there stays as it is";
                findings.add(Fault::new(place, message, remedy));
            }
            _ => {}
        }
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
