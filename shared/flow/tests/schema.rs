//! The JSON Schemas in `infra/` are those of the code.
//!
//! `TIDEGATE_UPDATE_SCHEMA=1 cargo test -p tidegate-flow --test schema` writes them anew.

use std::{env, fs, path::Path};

use serde_json::Value;

fn holds(name: &str, schema: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra").join(name);
    if env::var_os("TIDEGATE_UPDATE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(schema).unwrap();
        fs::write(&path, text + "\n").unwrap();
    }
    let text = fs::read_to_string(&path).unwrap_or_default();
    // As values: the order of keys depends on what other crates ask of serde_json.
    let written: Value = serde_json::from_str(&text).unwrap_or_default();
    assert!(
        written == *schema,
        "infra/{name} is stale: run \
         `TIDEGATE_UPDATE_SCHEMA=1 cargo test -p tidegate-flow --test schema`"
    );
}

#[test]
fn the_flow_files_schema_is_fresh() {
    holds("flow.schema.json", tidegate_flow::flow_schema());
}

#[test]
fn every_key_has_a_description() {
    fn look(schema: &Value, root: &Value, place: &str) {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let place = format!("{place}.{key}");
            let target =
                property["$ref"].as_str().and_then(|r| root.pointer(r.trim_start_matches('#')));
            let described = |schema: &Value| schema["description"].is_string();
            // A kind's own description stands on the alternative around it.
            assert!(
                described(property) || target.is_some_and(described) || described(schema),
                "{place} has no description"
            );
        }
        for kind in ["oneOf", "anyOf"] {
            for alternative in schema[kind].as_array().into_iter().flatten() {
                look(alternative, root, place);
            }
        }
    }
    let schema = tidegate_flow::flow_schema();
    look(schema, schema, "flow");
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        look(definition, schema, name);
    }
}
