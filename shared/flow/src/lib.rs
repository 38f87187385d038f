//! The flow file: what may stand in it, how it is read, and what is said where it is wrong.
//!
//! [`parse`] reads strictly: an unknown key, a wrong type or a clash is an error that names file,
//! line and remedy. The specs are plain data; `shared/connectors` turns them into sources,
//! destinations and transforms.
//!
//! A file is read in three steps, each of which reports all that it finds:
//! YAML (`document`), keys and kinds of values against the JSON Schema (`structure`), and what the
//! values mean (`lower`).

pub mod address;
pub mod cases;
pub mod connection;
pub mod jq;
pub mod spec;
pub mod template;

mod at;
mod document;
mod error;
mod lower;
mod nearest;
mod needs;
mod node;
mod path;
mod raw;
mod reference;
mod report;
mod resolved;
mod schedule;
mod schema;
mod structure;
mod text;
mod time;

pub use connection::{Connection, secret_variable};
pub use error::{FlowError, FlowErrors};
pub use needs::Needs;
pub use reference::{Reference, flow_reference};
pub use resolved::{AbsentField, Resolved, ResolvedText};
pub use schema::flow_schema;
pub use spec::FlowSpec;
pub use text::Location;

/// Reads a flow file. `file_name` is for the errors only.
///
/// # Errors
///
/// Everything that is wrong with the file, each with its place and what to do about it. Where the
/// structure is wrong, what the values mean has not been looked at yet.
pub fn parse(file_name: &str, text: &str) -> Result<FlowSpec, FlowErrors> {
    let source = text::SourceText { file: file_name, text };
    let raw = document::read(source)?;
    lower::flow(source, raw)
}
