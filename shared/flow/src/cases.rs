//! `NAME.test.yaml` beside a flow: records in, deliveries out.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::LazyLock};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Visitor};
use serde_json::Value;
use tidegate_core::model::SkipReason;

use tidegate_connectors::{
    Given,
    file::{At, FlowErrors, Location, Report, SourceText},
    given,
};

pub use crate::run_cases::{Failure, run};
use crate::{document, schema};

/// One case of a flow's tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// `name`: no two cases share one.
    pub name: String,
    /// `record`: as the source gives it.
    pub record: Value,
    /// `lookup`: what the flow's look-up finds for it; none: nothing.
    pub lookup: Option<Value>,
    /// `params` of all cases: what the connection gives beside the flow's defaults.
    pub params: BTreeMap<String, String>,
    /// What the flow makes of it.
    pub expected: Expected,
    /// Where the case's name stands, for a failure's message.
    pub location: Location,
}

/// What a case expects: exactly one of these.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// `delivers`: this JSON reaches the destination; key order makes no difference.
    Delivers(Value),
    /// `skipped: true`: the record is left out, for any reason; `filtered` or `unchanged`: for this.
    Skipped(Option<SkipReason>),
    /// `refused`: the record is parked, and the reason holds this text.
    Refused(String),
}

/// A flow's tests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Tests of a Tidegate flow")]
struct RawCases {
    /// The parameters of the connection that the cases are of; those left out have the flow's defaults.
    params: Option<BTreeMap<String, String>>,
    /// The cases, one record each.
    #[schemars(length(min = 1))]
    cases: Vec<At<RawCase>>,
}

/// A record, and what becomes of it: exactly one of `delivers`, `skipped` and `refused`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawCase {
    /// What it shows.
    name: At<String>,
    /// A record as the source gives it.
    record: Given,
    /// What the look-up finds for the record; left out: nothing.
    lookup: Option<Given>,
    /// The JSON that reaches the destination.
    #[serde(default, deserialize_with = "given")]
    delivers: Option<At<Given>>,
    /// `true`: the record is left out; `filtered`: by the filter; `unchanged`: for what was looked
    /// up has all of it.
    skipped: Option<At<Skipped>>,
    /// A part of the reason that the record is parked with.
    refused: Option<At<String>>,
}

/// Whether, or why, a record is left out.
#[derive(Debug)]
enum Skipped {
    Switch(bool),
    Reason(SkipReason),
}

impl Skipped {
    const REASONS: [(&str, SkipReason); 2] =
        [("filtered", SkipReason::Filtered), ("unchanged", SkipReason::Unchanged)];
}

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SwitchOrReason;

        impl Visitor<'_> for SwitchOrReason {
            type Value = Skipped;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `filtered` or `unchanged`")
            }

            fn visit_bool<E>(self, on: bool) -> Result<Skipped, E> {
                Ok(Skipped::Switch(on))
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Skipped, E> {
                let known = Skipped::REASONS.into_iter().find(|(name, _)| *name == word);
                known
                    .map(|(_, reason)| Skipped::Reason(reason))
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(word), &self))
            }
        }

        deserializer.deserialize_any(SwitchOrReason)
    }
}

impl JsonSchema for Skipped {
    fn schema_name() -> Cow<'static, str> {
        "Skipped".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string"], "enum": [true, "filtered", "unchanged"] })
    }
}

/// Reads a flow's tests. `file_name` is for the errors only.
///
/// # Errors
///
/// Everything that is wrong with the file, each with its place.
pub fn parse(file_name: &str, text: &str) -> Result<Vec<Case>, FlowErrors> {
    let source = SourceText::of(file_name, text);
    let (raw, _): (RawCases, _) = document::read(source, cases_schema())?;
    let params = raw.params.unwrap_or_default();
    let mut report = Report::new(source);
    let mut cases: Vec<Case> = Vec::new();
    for raw in raw.cases {
        let name = raw.value.name.clone();
        if let Some(first) = cases.iter().find(|case| case.name == name.value) {
            let message =
                format!("the name `{}` stands on line {} too", name.value, first.location.line);
            report.add(name.place, message, "give every case a name of its own");
        }
        cases.extend(case(&mut report, raw, &params));
    }
    report.finish(Some(cases))
}

/// The schema of a flow's tests, as JSON Schema 2020-12.
pub fn cases_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(schema::schema_of::<RawCases>);
    &SCHEMA
}

fn case(
    report: &mut Report<'_>,
    raw: At<RawCase>,
    params: &BTreeMap<String, String>,
) -> Option<Case> {
    const ONE_OF: &str =
        "write one of `delivers: {…}`, `skipped: true` and `refused: \"part of the reason\"`";
    let At { value: RawCase { name, record, lookup, delivers, skipped, refused }, .. } = raw;
    let expected = match (delivers, skipped, refused) {
        (Some(json), None, None) => Expected::Delivers(json.value.0),
        (None, Some(At { value: Skipped::Switch(true), .. }), None) => Expected::Skipped(None),
        (None, Some(At { value: Skipped::Reason(reason), .. }), None) => {
            Expected::Skipped(Some(reason))
        }
        (None, None, Some(reason)) => Expected::Refused(reason.value),
        (None, Some(skipped), None) => {
            report.add(skipped.place, "`skipped: false` does not say what happens instead", ONE_OF);
            return None;
        }
        (None, None, None) => {
            report.add(name.place, format!("the case `{}` expects nothing", name.value), ONE_OF);
            return None;
        }
        _ => {
            let message = format!("the case `{}` expects several things", name.value);
            report.add(name.place, message, ONE_OF);
            return None;
        }
    };
    let location = report.source.location(name.place);
    let lookup = lookup.map(|json| json.0).filter(|json| !json.is_null());
    let params = params.clone();
    Some(Case { name: name.value, record: record.0, lookup, params, expected, location })
}
