//! `json`: a list in a JSON document, whose items are records.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_feed::{ArrayReader, Damage, Limits, RecordReader};

use super::{FormatKind, Records};
use crate::file::{At, Fault, Findings};

/// The items of a list in a JSON document, read one by one: the document may be of any size.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JsonFormat")]
pub(crate) struct Json {
    /// The path to the list: keys with dots between. Left out: the document is the list.
    #[schemars(example = "data.items")]
    records: Option<At<String>>,
}

struct Items(String);

impl Json {
    fn path(&self) -> &str {
        self.records.as_ref().map_or("", |at| &at.value)
    }
}

impl FormatKind for Json {
    fn check(&self, findings: &mut Findings) {
        if let (Err(error), Some(at)) =
            (ArrayReader::new(self.path(), Limits::default()), &self.records)
        {
            let remedy = "write keys with dots between, like `data.items`";
            findings.add(Fault::new(at.place, error.to_string(), remedy));
        }
    }

    fn records(&self) -> Box<dyn Records> {
        Box::new(Items(self.path().to_owned()))
    }
}

impl Records for Items {
    fn reader(
        &self,
        context: Option<&str>,
        limits: Limits,
    ) -> Result<Box<dyn RecordReader>, Damage> {
        let reader = match context {
            None => ArrayReader::new(&self.0, limits),
            Some(context) => ArrayReader::resume(&self.0, limits, context),
        };
        reader.map(|reader| Box::new(reader) as _).map_err(|error| Damage(error.to_string()))
    }

    fn has_texts_alone(&self) -> bool {
        false
    }
}
