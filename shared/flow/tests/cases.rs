//! `NAME.test.yaml`: what a right file comes to, and what is said of wrong ones.

use serde_json::json;
use tidegate_core::model::SkipReason;
use tidegate_flow::cases::{Expected, parse};

const GOOD: &str = "
cases:
  - name: delivered
    record: { id: 1, tags: [a, null] }
    delivers: { id: 1 }
  - name: skipped
    record: { id: 2 }
    skipped: true
  - name: refused
    record: { id: 3 }
    refused: no `name`
  - name: unchanged
    record: { id: 4 }
    lookup: { id: 4 }
    skipped: unchanged
  - name: not found
    record: { id: 5 }
    lookup: null
    skipped: filtered
";

#[test]
fn each_case_has_a_record_and_what_becomes_of_it() {
    let cases = parse("a.test.yaml", GOOD).unwrap();
    assert_eq!(cases[0].record, json!({"id": 1, "tags": ["a", null]}));
    let expected: Vec<_> = cases.iter().map(|case| &case.expected).collect();
    assert_eq!(
        expected,
        [
            &Expected::Delivers(json!({"id": 1})),
            &Expected::Skipped(None),
            &Expected::Refused("no `name`".into()),
            &Expected::Skipped(Some(SkipReason::Unchanged)),
            &Expected::Skipped(Some(SkipReason::Filtered)),
        ]
    );
    let looked_up: Vec<_> = cases.iter().map(|case| case.lookup.clone()).collect();
    assert_eq!(looked_up, [None, None, None, Some(json!({"id": 4})), None]);
    assert_eq!((cases[1].name.as_str(), cases[1].location.line), ("skipped", 6));
}

#[test]
fn slips_are_named_with_line_and_remedy() {
    for (right, wrong, line, message, remedy) in [
        ("skipped: true", "skiped: true", 8, "unknown key `skiped`", "did you mean `skipped`?"),
        ("skipped: true", "skipped: false", 8, "`skipped: false`", "`delivers: {…}`"),
        (
            "skipped: true",
            "skipped: older",
            8,
            "`cases[1].skipped` cannot be `older`",
            "`unchanged`",
        ),
        ("    skipped: true\n", "", 6, "expects nothing", "write one of"),
        ("skipped: true", "skipped: true\n    refused: x", 6, "expects several", "write one of"),
        ("name: refused", "name: skipped", 9, "stands on line 6 too", "a name of its own"),
        (
            "    record: { id: 2 }\n",
            "",
            6,
            "missing key `record`",
            "A record as the source gives it",
        ),
        ("cases:", "case:", 2, "unknown key `case`", "did you mean `cases`?"),
    ] {
        let errors = parse("a.test.yaml", &GOOD.replacen(right, wrong, 1)).unwrap_err();
        let said = errors.iter().any(|error| {
            error.location.line == line
                && error.message.contains(message)
                && error.remedy.contains(remedy)
        });
        assert!(said, "for `{wrong}` line {line}, `{message}` and `{remedy}` expected:\n{errors}");
    }
    assert!(parse("a.test.yaml", "cases: []").is_err());
    assert!(parse("a.test.yaml", "").is_err());
}

#[test]
fn the_parameters_of_the_tests_stand_over_the_flows_defaults() {
    const FLOW: &str = "
flow: orders
params: { tenant: {}, channel: { default: shop } }
source: { http: { url: 'https://a.example', cursor: { by: id }, pagination: none } }
transform:
  filter: .tenant == $params.tenant
  map: { tenant: { value: '${params.tenant}' }, channel: { value: '${params.channel}' } }
destination: { http: { url: 'https://b.example' } }
";
    const CASES: &str = "
params: { tenant: acme }
cases:
  - { name: ours, record: { tenant: acme }, delivers: { tenant: acme, channel: shop } }
  - { name: theirs, record: { tenant: other }, skipped: filtered }
";
    let flow = tidegate_flow::parse("orders.yaml", FLOW).unwrap();
    let cases = |text: &str| parse("orders.test.yaml", text).unwrap();
    let run = |text: &str| {
        tidegate_flow::cases::run(&flow, &cases(text), &tidegate_connectors::Registry::new())
    };
    assert_eq!(run(CASES).unwrap(), []);
    let lacking = run(&CASES.replace("params: { tenant: acme }", "")).unwrap_err().to_string();
    assert!(lacking.contains("no parameter `tenant`"), "{lacking}");
}
