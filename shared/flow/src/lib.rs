//! Flow files as people write them: YAML, read strictly.
//!
//! [`parse`] reads strictly: an unknown key, a wrong type or a clash is an error that names file,
//! line and remedy. A file is read in three steps, each of which reports all that it finds: YAML
//! (`document`), keys and kinds of values against the JSON Schema (`structure`), and what the values
//! mean, which the sections themselves say (`tidegate_connectors`).

pub mod cases;

mod document;
mod reference;
mod run_cases;
mod schema;
mod structure;
mod yaml;

pub use reference::{Reference, flow_reference};
pub use schema::flow_schema;
pub use tidegate_connectors::file::{FlowError, FlowErrors, Location};
pub use tidegate_connectors::{Connection, FlowSpec, Needs, next_run_ms, secret_variable};

use tidegate_connectors::file::{At, Node, SourceText};

/// Reads a flow file. `file_name` is for the errors only.
///
/// # Errors
///
/// Everything that is wrong with the file, each with its place and what to do about it. Where the
/// structure is wrong, what the values mean has not been looked at yet.
pub fn parse(file_name: &str, text: &str) -> Result<FlowSpec, FlowErrors> {
    read(SourceText::of(file_name, text)).map(|(flow, _)| flow)
}

/// A flow that was checked, and its embedded form: what [`FlowSpec::embedded`] reads without YAML and
/// without a schema.
///
/// # Errors
///
/// As [`parse`].
pub fn compile(file_name: &str, text: &str) -> Result<(FlowSpec, String), FlowErrors> {
    let (flow, tree) = read(SourceText::of(file_name, text))?;
    let embedded = serde_json::to_string(&tree).expect("texts, numbers and lists are JSON");
    Ok((flow, embedded))
}

fn read(source: SourceText<'_>) -> Result<(FlowSpec, At<Node>), FlowErrors> {
    let tree = document::tree(source, flow_schema())?;
    let (flow, findings) = document::from_tree(source, &tree)?;
    FlowSpec::of(source, flow, findings).map(|flow| (flow, tree))
}
