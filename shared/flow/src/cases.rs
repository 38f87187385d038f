//! `NAME.test.yaml` beside a flow: records in, deliveries out.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    at::At,
    document,
    error::FlowErrors,
    raw::Given,
    report::Report,
    schema,
    text::{Location, SourceText},
};

/// One case of a flow's tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// `name`: no two cases share one.
    pub name: String,
    /// `record`: as the source gives it.
    pub record: Value,
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
    /// `skipped: true`: the filter leaves the record out.
    Skipped,
    /// `refused`: the record is parked, and the reason holds this text.
    Refused(String),
}

/// A flow's tests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Tests of a Tidegate flow")]
struct RawCases {
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
    /// The JSON that reaches the destination.
    #[serde(default, deserialize_with = "Given::present")]
    delivers: Option<At<Given>>,
    /// `true`: the filter leaves the record out.
    skipped: Option<At<bool>>,
    /// A part of the reason that the record is parked with.
    refused: Option<At<String>>,
}

/// Reads a flow's tests. `file_name` is for the errors only.
///
/// # Errors
///
/// Everything that is wrong with the file, each with its place.
pub fn parse(file_name: &str, text: &str) -> Result<Vec<Case>, FlowErrors> {
    let source = SourceText { file: file_name, text };
    let raw: RawCases = document::read(source)?;
    let mut report = Report::new(source);
    let mut cases: Vec<Case> = Vec::new();
    for raw in raw.cases {
        let name = raw.value.name.clone();
        if let Some(first) = cases.iter().find(|case| case.name == name.value) {
            let message =
                format!("the name `{}` stands on line {} too", name.value, first.location.line);
            report.add(name.place, message, "give every case a name of its own");
        }
        cases.extend(case(&mut report, raw));
    }
    report.finish(Some(cases))
}

/// The schema of a flow's tests, as JSON Schema 2020-12.
pub fn cases_schema() -> Value {
    schema::schema_of::<RawCases>()
}

fn case(report: &mut Report<'_>, raw: At<RawCase>) -> Option<Case> {
    const ONE_OF: &str =
        "write one of `delivers: {…}`, `skipped: true` and `refused: \"part of the reason\"`";
    let At { value: RawCase { name, record, delivers, skipped, refused }, .. } = raw;
    let expected = match (delivers, skipped, refused) {
        (Some(json), None, None) => Expected::Delivers(json.value.0),
        (None, Some(At { value: true, .. }), None) => Expected::Skipped,
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
    Some(Case { name: name.value, record: record.0, expected, location })
}
