//! The JSON Schema of a flow file, for editors and for the check of a file's structure.

use std::sync::LazyLock;

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::Value;

/// The schema of a flow file, as JSON Schema 2020-12.
pub fn flow_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(schema_of::<tidegate_connectors::Flow>);
    &SCHEMA
}

/// The schema that a file's structure is checked against.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(forbid_null))
        .into_generator()
        .into_root_schema_for::<T>();
    // schemars closes sections by `deny_unknown_fields`, which enums do not have.
    RecursiveTransform(close_kinds).transform(&mut schema);
    schema.to_value()
}

/// A key that may be left out may not be `null` all the same: an empty `timeout:` is a slip.
fn forbid_null(schema: &mut Schema) {
    let null = |kind: &Value| kind == "null";
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| !null(kind));
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("anyOf") {
        kinds.retain(|kind| !kind.get("type").is_some_and(null));
        if let [Value::Object(only)] = kinds.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            for (key, value) in only {
                schema.insert(key, value);
            }
        }
    }
}

/// An externally tagged enum's kinds take no key beside their own.
fn close_kinds(schema: &mut Schema) {
    let Some(Value::Array(kinds)) = schema.get_mut("oneOf") else { return };
    for kind in kinds.iter_mut().filter_map(Value::as_object_mut) {
        if kind.contains_key("properties") {
            kind.insert("additionalProperties".into(), false.into());
        }
    }
}
