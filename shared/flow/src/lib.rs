//! Flow files as people write them: YAML, read strictly.
//!
//! [`parse`] reads strictly: an unknown key, a wrong type or a clash is an error that names file,
//! line and remedy. A file is read in three steps, each of which reports all that it finds: YAML
//! (`document`), keys and kinds of values against the JSON Schema (`structure`), and what the values
//! mean, which the sections themselves say (`tidegate_connectors`).

pub mod cases;

mod document;
mod run_cases;
mod schema;
mod structure;
mod yaml;

pub use schema::flow_schema;
pub use tidegate_connectors::file::{FlowError, FlowErrors, Location};
pub use tidegate_connectors::{Connection, FlowSpec, Needs, secret_variable, spec, template};

use tidegate_connectors::file::SourceText;

/// Reads a flow file. `file_name` is for the errors only.
///
/// # Errors
///
/// Everything that is wrong with the file, each with its place and what to do about it. Where the
/// structure is wrong, what the values mean has not been looked at yet.
pub fn parse(file_name: &str, text: &str) -> Result<FlowSpec, FlowErrors> {
    let source = SourceText { file: file_name, text };
    let (raw, findings) = document::read(source)?;
    tidegate_connectors::lower::flow(source, raw, findings)
}
