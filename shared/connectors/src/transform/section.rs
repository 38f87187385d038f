//! `transform`: its keys, and what they come to.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports;

use super::{
    filtered::Filtered,
    jq::{Jq, Program},
    map::{FieldMap, Fields},
    same::Same,
};
use crate::{
    error::ConnectError,
    file::{At, Fault, Findings, Place},
    registry::Registry,
    resolver::Resolver,
    value::{Name, Shape},
};

/// What becomes of a record: at most one of `map`, `jq` and `rust`; `filter` goes with any.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transform {
    /// A jq expression; records for which it is false or null are left out.
    #[schemars(example = ".status == \"placed\"")]
    filter: Option<Program<false>>,
    /// The destination's fields, dots nest, each with where it comes from.
    map: Option<At<Fields>>,
    /// A jq program with exactly one output; none leaves the record out.
    jq: Option<Program<true>>,
    /// The name of a registered Rust transform.
    rust: Option<Name>,
}

/// What the flow's `lookup` means for its transform.
pub(crate) struct LooksUp {
    /// Whether no two records that are looked up by the same key are merged at once.
    pub(crate) one_at_a_time: bool,
    /// Where the file says that answers are used again.
    pub(crate) cache: Option<Place>,
    /// The section's place.
    pub(crate) place: Place,
}

impl Transform {
    /// Whether a record is merged with what was looked up.
    pub(crate) fn merges(&self) -> bool {
        self.map.as_ref().is_some_and(|map| map.value.merges())
    }

    /// The fields of what was looked up that are not overwritten, dots between keys.
    pub(crate) fn never_overwritten(&self) -> Vec<String> {
        self.map.as_ref().map(|map| map.value.never_overwritten()).unwrap_or_default()
    }

    /// Which fields it writes, as far as that can be told.
    pub(crate) fn shape(&self) -> Shape {
        match &self.map {
            Some(map) => Shape::Fields(map.value.iter().map(|(path, _)| path.to_vec()).collect()),
            None if self.jq.is_some() || self.rust.is_some() => Shape::Program,
            None => Shape::Same,
        }
    }

    /// Notes what does not go together, and what is looked up in vain.
    pub(crate) fn check(&self, looks_up: Option<&LooksUp>, findings: &mut Findings) {
        let mut given: Vec<(Place, &str)> = [
            self.map.as_ref().map(|map| (map.place, "map")),
            self.jq.as_ref().map(|jq| (jq.site().place, "jq")),
            self.rust.as_ref().map(|rust| (rust.site.place, "rust")),
        ]
        .into_iter()
        .flatten()
        .collect();
        given.sort_by_key(|(place, _)| place.start);
        if let [(_, first), (place, second), ..] = given.as_slice() {
            let message = format!("`{first}` and `{second}` both say what becomes of a record");
            findings.add(Fault::new(*place, message, format!("remove `{first}` or `{second}`")));
        }
        if let Some(map) = &self.map {
            map.value.check(map.place, looks_up.is_some(), findings);
        }
        match looks_up {
            Some(looks_up) => self.check_use(looks_up, findings),
            None => {
                if let Some(jq) = self.jq.as_ref().filter(|jq| jq.reads_lookup()) {
                    findings.add(jq.lookup_is_not_to_be_had());
                }
            }
        }
    }

    /// Whether what is looked up is of use, and fresh where it has to be.
    fn check_use(&self, looks_up: &LooksUp, findings: &mut Findings) {
        let by_map = self.map.as_ref().is_some_and(|map| map.value.reads_lookup());
        let by_jq = self.jq.as_ref().is_some_and(Program::reads_lookup);
        // What a Rust transform reads is not to be seen from here.
        if !by_map && !by_jq && self.rust.is_none() {
            let remedy = "read it with `lookup: PATH` or `never_overwrite` in `transform.map`, or as \
                          `$lookup` in `transform.jq`, or remove the section";
            findings.add(Fault::new(looks_up.place, "nothing reads what is looked up", remedy));
            return;
        }
        if !self.merges() {
            return;
        }
        if let Some(cache) = looks_up.cache {
            let message = "`cache` and a merge (`never_overwrite`, `when_absent: keep`) cannot both \
                           be: what was known a while ago is no base to merge with";
            let remedy = "remove `cache`: every record is then looked up anew";
            findings.add(Fault::new(cache, message, remedy));
        } else if !looks_up.one_at_a_time {
            let message = "a merge (`never_overwrite`, `when_absent: keep`) goes by what was looked \
                           up, and two records of one key could be merged at once";
            let remedy = "write `ordering: serial`, or have `source.http.id` and `lookup.by` name \
                          the same field with `ordering: entity`";
            findings.add(Fault::new(looks_up.place, message, remedy));
        }
    }

    /// What the application calls for each record. `looked_up_by` is the path to the key that
    /// records are looked up by.
    ///
    /// # Errors
    /// A parameter that is lacking, a program that does not compile within its budget, or a Rust transform that is not registered.
    pub(crate) fn connect(
        &self,
        looked_up_by: Option<&[String]>,
        registry: &Registry,
        resolver: &Resolver<'_>,
    ) -> Result<Box<dyn ports::Transform>, ConnectError> {
        let shape: Box<dyn ports::Transform> = match (&self.map, &self.jq, &self.rust) {
            (Some(map), _, _) => Box::new(FieldMap::new(&map.value, looked_up_by, resolver)?),
            (None, Some(program), _) => Box::new(Jq::new(program, resolver.params())?),
            (None, None, Some(name)) => registry.get(&name.text).ok_or_else(|| {
                let known: Vec<&str> = registry.names().collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let name = &name.text;
                ConnectError::new(
                    "transform.rust",
                    format!("no transform `{name}` is registered; registered are: {known}"),
                )
            })?,
            (None, None, None) => Box::new(Same),
        };
        Ok(match &self.filter {
            None => shape,
            Some(program) => Box::new(Filtered::new(Jq::new(program, resolver.params())?, shape)),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tidegate_core::ports::Transformed;

    use super::*;
    use crate::{connection::Connection, testing::section};

    fn apply(transform: Value, record: &str) -> (Transformed, String) {
        let mut out = b"before".to_vec();
        let transform = section::<Transform>(transform);
        let connection = Connection::default();
        let resolver = Resolver::new(&connection);
        let transform = transform.connect(None, &Registry::new(), &resolver).unwrap();
        let transformed = transform.apply(record.as_bytes(), None, &mut out);
        (transformed, String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned())
    }

    #[test]
    fn same_passes_the_bytes_on_and_refuses_what_is_no_json() {
        let record = r#"{"a" : 1.0e2,"b":"\u00e9"}"#;
        assert_eq!(apply(json!({}), record), (Transformed::Written, record.to_owned()));
        let deep = "[".repeat(100_000);
        for bad in ["", "{", "{}x", "{\"a\":}", deep.as_str()] {
            let (transformed, out) = apply(json!({}), bad);
            assert!(matches!(transformed, Transformed::Refused(_)) && out.is_empty(), "{bad:.20}");
        }
    }

    #[test]
    fn a_filter_leaves_out_what_is_false_or_null() {
        let filter = || json!({ "filter": ".paid" });
        assert_eq!(apply(filter(), r#"{"paid":true}"#).0, Transformed::Written);
        assert_eq!(apply(filter(), r#"{"paid":0}"#).0, Transformed::Written);
        assert_eq!(apply(filter(), r#"{"paid":false}"#).0, Transformed::Filtered);
        assert_eq!(apply(filter(), r#"{}"#).0, Transformed::Filtered);
        assert!(matches!(apply(filter(), "[1]").0, Transformed::Refused(_)));
    }

    #[test]
    fn a_transform_that_is_not_registered_is_named_with_those_that_are() {
        let registry = Registry::new().transform("yes", Same);
        let transform = section::<Transform>(json!({ "rust": "nope" }));
        let connection = Connection::default();
        let connected = transform.connect(None, &registry, &Resolver::new(&connection));
        let error = connected.err().unwrap().to_string();
        assert!(error.contains("`nope`") && error.contains("yes"), "{error}");
    }
}
