//! All fields of a map: where each goes, and whether they are in each other's way.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use super::field::{Field, FieldKeys};
use crate::{
    file::{At, Entries, Fault, Findings, Place, note_fault},
    value::path,
};

/// The destination's fields, in the file's order.
#[derive(Debug, Clone)]
pub(crate) struct Fields(Vec<Target>);

/// One of them.
#[derive(Debug, Clone)]
struct Target {
    /// Where it goes.
    path: Vec<String>,
    /// As the file writes it, with its place.
    name: At<String>,
    keys: At<FieldKeys>,
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

    /// Notes what does not go together. `place` is the section's.
    pub(in crate::transform) fn check(
        &self,
        place: Place,
        looks_up: bool,
        findings: &mut Findings,
    ) {
        if self.0.is_empty() {
            let message = "`map` is empty: every record would become `{}`";
            let remedy = "write at least one field, or remove `map` to pass records on as they are";
            findings.add(Fault::new(place, message, remedy));
        }
        for (index, field) in self.0.iter().enumerate() {
            let before = self.0[..index].iter().find(|other| {
                other.path.starts_with(&field.path) || field.path.starts_with(&other.path)
            });
            if let Some(other) = before {
                let (one, two) = (&other.name.value, &field.name.value);
                let message = format!("the fields `{one}` and `{two}` are in each other's way");
                let remedy = "one would overwrite the other: remove one of them";
                findings.add(Fault::new(field.name.place, message, remedy));
            }
            field.keys.value.check(field.keys.place, looks_up, findings);
        }
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
