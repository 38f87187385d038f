//! `ndjson`: lines of JSON that are records.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_feed::{Damage, Limits, LinesReader, RecordReader};

use super::{FormatKind, Records};
use crate::file::Findings;

/// Lines of JSON, each of them a record. Blank lines are passed over; a line that is no JSON is parked. Without keys:
/// `format: { ndjson: {} }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NdjsonFormat")]
pub(crate) struct Ndjson {}

struct Lines;

impl FormatKind for Ndjson {
    fn check(&self, _: &mut Findings) {}

    fn records(&self) -> Box<dyn Records> {
        Box::new(Lines)
    }
}

impl Records for Lines {
    fn reader(
        &self,
        context: Option<&str>,
        limits: Limits,
    ) -> Result<Box<dyn RecordReader>, Damage> {
        Ok(Box::new(match context {
            None => LinesReader::new(limits),
            Some(_) => LinesReader::resume(limits),
        }))
    }

    fn has_texts_alone(&self) -> bool {
        false
    }
}
