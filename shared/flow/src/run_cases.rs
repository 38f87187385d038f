//! A flow's own tests: each record through filter and transform, against what its case expects.

use std::fmt;

use serde_json::Value;
use tidegate_connectors::{
    ConnectError, Connection, FlowSpec, Registry, file::Location, is_same,
    transform as connect_transform,
};
use tidegate_core::{model::SkipReason, ports::Transformed};

use crate::cases::{Case, Expected};

/// A case whose record became something else.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The case's name.
    pub name: String,
    /// Where it stands.
    pub location: Location,
    /// What differs, one line each: `path: expected …, got …`.
    pub differences: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case `{}` (line {}):", self.name, self.location.line)?;
        self.differences.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Runs a flow's cases and answers with those that fail. Sends nothing.
///
/// # Errors
/// If the flow's transform cannot be made: a parameter of it that neither the flow nor its tests give, for one.
pub fn run(
    flow: &FlowSpec,
    cases: &[Case],
    registry: &Registry,
) -> Result<Vec<Failure>, ConnectError> {
    let failure = |case: &Case| {
        let connection = Connection { params: case.params.clone(), ..Connection::default() };
        let transform = connect_transform(flow, &connection, registry)?;
        let mut out = Vec::new();
        let found = case.lookup.as_ref().map(Value::to_string);
        let record = case.record.to_string();
        let found = found.as_deref().map(str::as_bytes);
        let transformed = transform.apply(record.as_bytes(), found, &mut out);
        let mut differences = differences(&case.expected, &transformed, &out);
        if !flow.looks_up() && found.is_some() {
            differences.push("`lookup`: the flow has no such section, and looks nothing up".into());
        }
        Ok((!differences.is_empty()).then(|| Failure {
            name: case.name.clone(),
            location: case.location.clone(),
            differences,
        }))
    };
    cases.iter().filter_map(|case| failure(case).transpose()).collect()
}

fn differences(expected: &Expected, transformed: &Transformed, out: &[u8]) -> Vec<String> {
    match (expected, transformed) {
        (Expected::Delivers(expected), Transformed::Written) => {
            let mut lines = Vec::new();
            match serde_json::from_slice(out) {
                Ok(got) => compare("", expected, &got, &mut lines),
                Err(error) => lines.push(format!("what would be delivered is no JSON: {error}")),
            }
            lines
        }
        (Expected::Skipped(None | Some(SkipReason::Filtered)), Transformed::Filtered)
        | (Expected::Skipped(None | Some(SkipReason::Unchanged)), Transformed::Unchanged) => {
            Vec::new()
        }
        (Expected::Refused(part), Transformed::Refused(reason) | Transformed::Invalid(reason))
            if reason.contains(part.as_str()) =>
        {
            Vec::new()
        }
        (expected, got) => {
            let expected = match expected {
                Expected::Delivers(_) => "delivered".to_owned(),
                Expected::Skipped(None) => "skipped".to_owned(),
                Expected::Skipped(Some(SkipReason::Unchanged)) => "skipped (unchanged)".to_owned(),
                Expected::Skipped(Some(_)) => "skipped (filtered)".to_owned(),
                Expected::Refused(part) => format!("refused with `{part}`"),
            };
            let got = match got {
                Transformed::Written => format!("delivered as {}", String::from_utf8_lossy(out)),
                Transformed::Filtered => "skipped (filtered)".to_owned(),
                Transformed::Unchanged => "skipped (unchanged)".to_owned(),
                Transformed::Refused(reason) | Transformed::Invalid(reason) => {
                    format!("refused with `{reason}`")
                }
                Transformed::Later(reason) => format!("not transformed: {reason}"),
            };
            vec![format!("expected to be {expected}, was {got}")]
        }
    }
}

/// Says where two values differ, as deeply as they are of one kind.
fn compare(path: &str, expected: &Value, got: &Value, lines: &mut Vec<String>) {
    let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (key, value) in expected {
                match got.get(key) {
                    Some(got) => compare(&under(key), value, got, lines),
                    None => lines.push(format!("{}: expected {value}, got nothing", under(key))),
                }
            }
            for (key, value) in got.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                lines.push(format!("{}: expected nothing, got {value}", under(key)));
            }
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&under(&index.to_string()), expected, got, lines);
            }
        }
        (expected, got) if is_same(expected, got) => {}
        (expected, got) => {
            let place = if path.is_empty() { "the record" } else { path };
            lines.push(format!("{place}: expected {expected}, got {got}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(expected: Value, got: Value) -> Vec<String> {
        let out = got.to_string();
        differences(&Expected::Delivers(expected), &Transformed::Written, out.as_bytes())
    }

    #[test]
    fn differences_are_named_by_their_path() {
        let expected = json!({"a": 1, "b": {"c": [1, 2]}, "d": "x"});
        assert_eq!(
            lines(expected.clone(), json!({"d": "x", "b": {"c": [1, 2]}, "a": 1.0})),
            [""; 0]
        );
        assert_eq!(
            lines(expected, json!({"a": "1", "b": {"c": [1, 3]}, "e": null})),
            [
                r#"a: expected 1, got "1""#,
                "b.c.1: expected 2, got 3",
                r#"d: expected "x", got nothing"#,
                "e: expected nothing, got null",
            ]
        );
    }

    #[test]
    fn a_case_says_what_was_looked_up() {
        const FLOW: &str = "
flow: leads
source: { http: { url: 'https://a.example', cursor: { by: id }, pagination: none } }
lookup: { by: email, http: { url: 'https://b.example', query: { q: '${lookup.keys}' }, key: email } }
transform: { map: { email: email, city: { path: city, never_overwrite: true } } }
destination: { http: { url: 'https://b.example' } }
ordering: serial
";
        const CASES: &str = "
cases:
  - { name: new, record: { email: a, city: Bonn }, delivers: { email: a, city: Bonn } }
  - { name: known, record: { email: a, city: Bonn }, lookup: { city: Kiel }, skipped: unchanged }
  - { name: wrong, record: { email: a, city: Bonn }, lookup: { city: Kiel }, skipped: filtered }
";
        let flow = crate::parse("leads.yaml", FLOW).unwrap();
        let listed = crate::cases::parse("leads.test.yaml", CASES).unwrap();
        let failures = |flow: &FlowSpec| run(flow, &listed, &Registry::new()).unwrap();
        let [wrong] = failures(&flow).try_into().unwrap();
        assert_eq!(wrong.name, "wrong");
        let without = FLOW
            .lines()
            .filter(|line| !line.starts_with("lookup:"))
            .collect::<Vec<_>>()
            .join("\n")
            .replace(", city: { path: city, never_overwrite: true }", "");
        let said = failures(&crate::parse("leads.yaml", &without).unwrap());
        assert!(said.iter().any(|failure| failure.to_string().contains("looks nothing up")));
    }

    #[test]
    fn another_fate_than_expected_is_a_difference() {
        let refused = Transformed::Refused("`mail` is missing".into());
        assert_eq!(differences(&Expected::Refused("missing".into()), &refused, b""), [""; 0]);
        assert_eq!(
            differences(&Expected::Skipped(None), &refused, b""),
            ["expected to be skipped, was refused with ``mail` is missing`"]
        );
        let skipped =
            |expected, transformed| differences(&Expected::Skipped(expected), &transformed, b"");
        assert_eq!(skipped(None, Transformed::Filtered), [""; 0]);
        assert_eq!(skipped(None, Transformed::Unchanged), [""; 0]);
        assert_eq!(skipped(Some(SkipReason::Unchanged), Transformed::Unchanged), [""; 0]);
        assert_eq!(
            skipped(Some(SkipReason::Unchanged), Transformed::Filtered),
            ["expected to be skipped (unchanged), was skipped (filtered)"]
        );
        assert_eq!(
            differences(&Expected::Refused("x".into()), &Transformed::Written, b"{}"),
            ["expected to be refused with `x`, was delivered as {}"]
        );
    }
}
