//! `xml`: elements that are records.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_feed::{
    BadFormat, Damage, Limits, RecordReader,
    xml::{XmlFormat, XmlReader},
};

use super::{FormatKind, Records};
use crate::file::{At, Fault, Findings};

/// Elements that are records. A child is the text in it, or an object where it has attributes, as `@name`, or elements;
/// text beside these is `#text`. An element that comes twice in its parent is a list. An empty one is an empty text, and
/// `xsi:nil` makes null. Keys are names without a prefix, unless `namespaces` has one for theirs. An external DOCTYPE is
/// never fetched, and one that declares entities is refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "XmlFormat")]
pub(crate) struct Xml {
    /// The elements that are records: names of elements within each other, of which the last is the record; those
    /// above may be left out. `*` is any one element.
    #[schemars(example = "offers.offer")]
    record: At<String>,
    /// Paths from a record to elements that are lists, be there one of them or none more.
    #[schemars(example = serde_json::json!(["picture", "params.param"]))]
    #[serde(default)]
    lists: Vec<At<String>>,
    /// Prefixes for paths and keys, by the namespaces' URIs: files may write them with any prefix, or none.
    #[schemars(example = serde_json::json!({ "g": "http://base.google.com/ns/1.0" }))]
    #[serde(default)]
    namespaces: BTreeMap<String, At<String>>,
}

struct Elements(Arc<XmlFormat>);

impl Xml {
    fn format(&self) -> Result<XmlFormat, BadFormat> {
        let lists = self.lists.iter().map(|list| list.value.as_str());
        let namespaces = self.namespaces.iter().map(|(prefix, uri)| (&**prefix, &*uri.value));
        XmlFormat::new(&self.record.value, lists, namespaces)
    }
}

impl FormatKind for Xml {
    fn check(&self, findings: &mut Findings) {
        if let Err(error) = self.format() {
            let remedy = "write names of elements with dots between, like `offers.offer`";
            findings.add(Fault::new(self.record.place, error.to_string(), remedy));
        }
    }

    fn records(&self) -> Box<dyn Records> {
        Box::new(Elements(Arc::new(self.format().expect("it was checked"))))
    }
}

impl Records for Elements {
    fn reader(
        &self,
        context: Option<&str>,
        limits: Limits,
    ) -> Result<Box<dyn RecordReader>, Damage> {
        let format = Arc::clone(&self.0);
        Ok(match context {
            None => Box::new(XmlReader::new(format, limits)),
            Some(context) => {
                let reader = XmlReader::resume(format, limits, context);
                Box::new(reader.map_err(|error| Damage(error.to_string()))?)
            }
        })
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
        let xml: Xml = section(json!({
            "record": "offers.offer",
            "lists": ["picture"],
            "namespaces": { "g": "http://base.google.com/ns/1.0" },
        }));
        let mut findings = Findings::default();
        xml.check(&mut findings);
        assert_eq!(findings.faults, []);
        assert!(xml.records().reader(None, Limits::default()).is_ok());
        let bad: Xml = section(json!({ "record": "a..b" }));
        bad.check(&mut findings);
        assert_eq!(findings.faults.len(), 1);
    }
}
