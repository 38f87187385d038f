//! A JSON Schema as the reference reads it: what stands where, and how it is said.

use serde_json::{Map, Value};

/// The sections of a flow file in the order in which a reader meets them; others follow by name.
const ORDER: [&str; 8] =
    ["flow", "params", "source", "transform", "destination", "lookup", "limits", "ordering"];

/// What an example in a description begins with.
pub(super) const FENCE: &str = "```yaml\n";

/// The definition that a schema refers to.
pub(super) fn reference_name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().and_then(|text| text.strip_prefix("#/$defs/"))
}

pub(super) fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// The alternatives of a choice.
pub(super) fn alternatives(schema: &Value) -> Vec<&Value> {
    let lists = [&schema["oneOf"], &schema["anyOf"]].into_iter().filter_map(Value::as_array);
    lists.flatten().collect()
}

/// The name and the value of a kind: an object with one key.
pub(super) fn kind_of(alternative: &Value) -> Option<(&str, &Value)> {
    let properties = alternative["properties"].as_object()?;
    let (key, value) = properties.iter().next()?;
    (properties.len() == 1).then_some((key.as_str(), value))
}

/// An object's keys: those of a flow file as it is read, others by name. The map's own order depends
/// on what other crates ask of `serde_json`.
pub(super) fn keys(schema: &Value) -> Vec<(&str, &Value)> {
    let mut keys: Vec<_> = schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::iter)
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let is_file = keys.iter().any(|(key, _)| *key == ORDER[0]);
    let place = |key: &str| ORDER.iter().position(|name| *name == key).unwrap_or(ORDER.len());
    keys.sort_by_key(|(key, _)| (if is_file { place(key) } else { 0 }, *key));
    keys
}

/// A description without its example, on one line, and the example.
pub(super) fn apart(description: &str) -> (String, Option<String>) {
    let (text, example) = match description.split_once(FENCE) {
        None => (description, None),
        Some((text, rest)) => {
            let (example, after) = rest.split_once("```").unwrap_or((rest, ""));
            debug_assert!(after.trim().is_empty(), "an example ends its description");
            (text, Some(example.to_owned()))
        }
    };
    (text.split_whitespace().collect::<Vec<_>>().join(" "), example)
}

/// A description without the sentence that gives the default, and what that says.
pub(super) fn without_default(text: &str) -> (String, String) {
    let mut kept = Vec::new();
    let mut default = String::new();
    for sentence in text.split_inclusive(". ") {
        match sentence.strip_prefix("Default") {
            Some(rest) if default.is_empty() => {
                let rest = rest.trim_start_matches(':').trim();
                default = rest.strip_suffix('.').unwrap_or(rest).to_owned();
            }
            _ => kept.push(sentence),
        }
    }
    (kept.concat().trim().to_owned(), default)
}

pub(super) fn one_of<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

pub(super) fn kinds_of_value(schema: &Value) -> String {
    let kinds = schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let kinds: Vec<&str> = kinds.map(|kind| if kind == "string" { "text" } else { kind }).collect();
    format!("A {}.", kinds.join(" or a "))
}

/// `DottedPath` as people say it: `dotted path`.
pub(super) fn spoken(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(letter.to_lowercase());
    }
    text.replace("any json", "any JSON")
}

/// A heading's address within its page, as GitHub makes it.
pub(super) fn anchor(heading: &str) -> String {
    let letters = heading.chars().filter(|it| it.is_alphanumeric() || "-_ ".contains(*it));
    letters.flat_map(char::to_lowercase).map(|it| if it == ' ' { '-' } else { it }).collect()
}
