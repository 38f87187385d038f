//! `csv`: rows of a table that are records.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_feed::{Damage, Limits, RecordReader, TableFormat, TableReader};

use super::{FormatKind, Records};
use crate::file::{At, Fault, Findings};

/// Rows of a table: CSV, TSV and what goes by that name. Each is an object of texts by the names of the columns; a value
/// that is missing at a row's end is absent. A row with more values than columns is parked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CsvFormat")]
pub(crate) struct Csv {
    /// What stands between values. Left out: it is found out among `,`, `;`, tab and `|`, and a first line `sep=;` is heeded.
    #[schemars(example = ";")]
    delimiter: Option<At<char>>,
    /// The names of the columns, where the first row does not have them.
    #[serde(default)]
    columns: Vec<String>,
    /// Lines to pass over before the first row.
    #[serde(default)]
    skip_lines: u64,
    /// Lines that begin with it are passed over.
    comment: Option<At<char>>,
}

struct Rows(TableFormat);

impl Csv {
    fn format(&self) -> TableFormat {
        let Self { delimiter, columns, skip_lines, comment } = self;
        TableFormat {
            delimiter: delimiter.as_ref().map(|at| at.value),
            columns: columns.clone(),
            skip_lines: *skip_lines,
            comment: comment.as_ref().map(|at| at.value),
        }
    }
}

impl FormatKind for Csv {
    fn check(&self, findings: &mut Findings) {
        let said = self.delimiter.as_ref().or(self.comment.as_ref());
        if let (Err(error), Some(said)) =
            (TableReader::new(&self.format(), Limits::default()), said)
        {
            let remedy = "write one ASCII character, like `;`, and another one for the other";
            findings.add(Fault::new(said.place, error.to_string(), remedy));
        }
    }

    fn records(&self) -> Box<dyn Records> {
        Box::new(Rows(self.format()))
    }
}

impl Records for Rows {
    fn reader(
        &self,
        context: Option<&str>,
        limits: Limits,
    ) -> Result<Box<dyn RecordReader>, Damage> {
        let reader = match context {
            None => TableReader::new(&self.0, limits),
            Some(context) => TableReader::resume(&self.0, limits, context),
        };
        reader.map(|reader| Box::new(reader) as _).map_err(|error| Damage(error.to_string()))
    }

    fn has_texts_alone(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::section;

    #[test]
    fn its_keys_make_a_format_or_a_fault() {
        let faults = |keys| {
            let mut findings = Findings::default();
            let csv: Csv = section(keys);
            csv.check(&mut findings);
            findings.faults.len()
        };
        assert_eq!(faults(json!({})), 0);
        assert_eq!(faults(json!({ "delimiter": ";", "skip_lines": 2, "comment": "#" })), 0);
        assert_eq!(faults(json!({ "delimiter": "\"" })), 1);
        assert_eq!(faults(json!({ "delimiter": "#", "comment": "#" })), 1);
    }
}
