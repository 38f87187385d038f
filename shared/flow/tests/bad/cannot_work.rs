//! Flows that read as if they were right, and could not work: `check` says so, with the line and what to write.

use super::errors;

/// A flow of which one part is given; it stands from line 4 on.
fn flow(part: &str) -> String {
    format!(
        "flow: cannot-work
params: {{ tenant: {{}} }}
source: {{ http: {{ url: 'https://a.example', cursor: {{ by: id }}, pagination: none }} }}
{part}"
    )
}

const TO: &str = "destination: { http: { url: 'https://b.example' } }\n";

#[test]
fn a_flow_that_could_not_work_is_told_by_its_line() {
    let transform = |keys: &str| format!("{TO}transform:\n  {keys}\n");
    let to =
        |keys: &str| format!("destination:\n  http:\n    url: https://b.example\n    {keys}\n");
    let mapped = |keys: &str| format!("{}transform: {{ map: {{ name: full_name }} }}\n", to(keys));
    for (part, line, message) in [
        // References where nothing fills them in.
        (transform("jq: '{t: \"${params.tenant}\"}'"), 6, "not filled in inside a program"),
        (transform("jq: '{t: \"${ params.tenant }\"}'"), 6, "not filled in inside a program"),
        (transform("jq: '{t: \"$${params.tenant}\"}'"), 6, "not filled in inside a program"),
        (transform("filter: '.t == \"${record.t}\"'"), 6, "not filled in inside a program"),
        (transform("jq: '{t: \"\\($params.tenent)\"}'"), 6, "`tenent` is not declared"),
        (transform("map: { t: { value: '${secrets.key}' } }"), 6, "cannot stand here"),
        (
            transform("map: { t: { path: t, default: { a: ['${record.t}'] } } }"),
            6,
            "cannot stand here",
        ),
        (transform("map: { t: { path: t, null_as: '${body.t}' } }"), 6, "cannot stand here"),
        (
            transform("map: { t: { path: t, each: { a: { value: '${secrets.key}' } } } }"),
            6,
            "cannot stand here",
        ),
        (transform("map: { t: { value: '${tenant}' } }"), 6, "refers to nothing"),
        // Words that YAML takes for something else.
        (transform("map: { t: { path: t, when_absent: null } }"), 6, "and is nothing"),
        (transform("map: { t: { path: t, when_absent: ~ } }"), 6, "and is nothing"),
        (transform("map: { t: { path: t, when_absent: } }"), 6, "and is nothing"),
        // What is never there.
        (mapped("headers: { X: '${body.full_name}' }"), 7, "is never there"),
        (mapped("query: { x: '${body.full_name}' }"), 7, "is never there"),
        (mapped("envelope: { data: '${body}', x: '${body.full_name}' }"), 7, "is never there"),
        // A body of another format than its header says.
        (
            to("headers: { Content-Type: application/x-www-form-urlencoded }"),
            7,
            "and the body is json",
        ),
        (
            to("headers: { content-type: 'Application/X-WWW-Form-Urlencoded; charset=utf-8' }"),
            7,
            "and the body is json",
        ),
        (to("headers: { Content-Type: multipart/form-data }"), 7, "no bodies in several parts"),
        (to("headers: { Content-Type: application/soap+xml }"), 7, "and the body is json"),
        // A code that no answer has.
        (to("answers: { code: error, rules: [{ code: '*', means: refused }] }"), 7, "`*`"),
        (to("answers: { code: error, rules: [{ code: '6*', means: refused }] }"), 7, "`6*`"),
        (to("answers: { code: error, rules: [{ code: [a, '*'], means: refused }] }"), 7, "`*`"),
    ] {
        let text = flow(&part);
        let errors = errors(&text);
        let said = errors.iter().any(|error| {
            error.location.line == line
                && error.message.contains(message)
                && !error.remedy.is_empty()
        });
        assert!(said, "for {part} expected line {line} and `{message}`, but said:\n{errors}");
    }
}

#[test]
fn a_lag_of_nought_by_timestamps_is_noted() {
    let text = flow(TO).replace(
        "cursor: { by: id }",
        "cursor: { by: timestamp, field: at, since: from, settle_lag: 0s }",
    );
    let flow = tidegate_flow::parse("flows/noted.yaml", &text).unwrap();
    let noted = flow.notes().iter().find(|note| note.message.contains("`settle_lag` is shorter"));
    assert!(noted.is_some_and(|note| note.location.line == 3), "{:?}", flow.notes());
}

#[test]
fn a_place_with_dots_in_a_batch_and_a_field_that_no_map_writes_mean_what_they_say() {
    for part in [
        "transform: { map: { name: full_name } }
destination: { http: { url: 'https://b.example/${record.id}' } }
",
        "destination: { http: { url: 'https://b.example', batch: { size: 9, field: data.rows } } }\n",
    ] {
        tidegate_flow::parse("flows/right.yaml", &flow(part))
            .unwrap_or_else(|errors| panic!("{errors}"));
    }
}
