//! What the records of a file look like: a file a format, and a line here.

mod kind;

use crate::kinds::kinds;
pub(super) use kind::{FormatKind, Records};

kinds! {
    /// What the records of a file look like: exactly one format.
    pub(super) enum Format: FormatKind {
        mod xml: Xml;
        mod csv: Csv;
        mod ndjson: Ndjson;
        mod json: Json;
    }
}
