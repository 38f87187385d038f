//! Sections for the tests of their kinds.

use serde::Deserialize;
use serde_json::Value;

use crate::file::{self, At, Findings, Node, Place};

/// Reads a section from JSON, as a flow file's YAML would have it.
pub(crate) fn section<T: for<'de> Deserialize<'de>>(json: Value) -> T {
    let (section, findings) = read(json);
    assert_eq!(findings.faults, [], "the section is in order");
    section
}

/// The same, with what is wrong in it.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(json: Value) -> (T, Findings) {
    let (section, findings) = file::read(&tree(json));
    (section.unwrap_or_else(|error| panic!("{error}")), findings)
}

/// A whole flow.
pub(crate) fn flow(json: Value) -> crate::FlowSpec {
    let (flow, findings) = read(json);
    let source = crate::file::SourceText::embedded("flow.json");
    crate::FlowSpec::of(source, flow, findings).unwrap_or_else(|errors| panic!("{errors}"))
}

fn tree(json: Value) -> At<Node> {
    let at = |value| At { value, place: Place::default() };
    at(match json {
        Value::Null => Node::Null,
        Value::Bool(value) => Node::Boolean(value, value.to_string().into()),
        Value::Number(number) => {
            let text = number.to_string().into();
            number.as_i64().map_or(Node::Number(number, text), |value| {
                Node::Integer(value, value.to_string().into())
            })
        }
        Value::String(text) => Node::Text(text),
        Value::Array(items) => Node::List(items.into_iter().map(tree).collect()),
        Value::Object(fields) => Node::Section(
            fields
                .into_iter()
                .map(|(key, value)| (At { value: key, place: Place::default() }, tree(value)))
                .collect(),
        ),
    })
}
