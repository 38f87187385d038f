//! `lookup`, and what a transform says of it: what a right section comes to, and what is said of
//! wrong ones.

use tidegate_flow::{Connection, FlowSpec, parse};

const GOOD: &str = include_str!("lookup.yaml");

fn read(text: &str) -> FlowSpec {
    parse("leads.yaml", text).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

#[test]
fn every_key_reaches_its_kind() {
    insta::assert_debug_snapshot!(read(GOOD));
}

#[test]
fn a_program_sees_what_was_looked_up_and_a_filter_does_not() {
    let start = GOOD.find("  map:").unwrap();
    let end = GOOD.find("\ndestination:").unwrap();
    let with = |transform: &str| format!("{}  {transform}\n{}", &GOOD[..start], &GOOD[end..]);
    read(&with("jq: '{email, city: ($lookup.city // .city)}'"));
    read(&with("rust: merge"));
    let filter = with("filter: $lookup == null\n  jq: '{email, known: $lookup}'");
    let errors = parse("leads.yaml", &filter).unwrap_err();
    let [error] = errors.iter().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(error.location.line, 32);
    assert!(error.remedy.contains("a filter is asked before"), "{error}");
}

#[test]
fn what_a_connection_lacks_for_it_is_named() {
    let flow = read(GOOD);
    let connection = |url: &str| Connection {
        params: [("chat".into(), "https://c.example".into()), ("marketo".into(), url.into())]
            .into(),
        secrets: [].into(),
    };
    let missing = flow.missing(&connection("https://m.example"), "leads.yaml");
    let [error] = missing.try_into().unwrap();
    assert_eq!(error.location.line, 21);
    assert!(error.message.contains("marketo_token"), "{error}");
    let missing = flow.missing(&connection("ftp://m.example"), "leads.yaml");
    assert!(missing.iter().any(|error| error.location.line == 17), "{missing:?}");
}

#[test]
fn slips_are_named_with_line_and_remedy() {
    let mut unsaid = String::new();
    for (right, wrong, line, message, remedy) in SLIPS {
        assert!(GOOD.contains(right), "`{right}` is not in the good file");
        let text = GOOD.replacen(right, wrong, 1);
        let errors = match parse("leads.yaml", &text) {
            Ok(flow) => panic!("a flow came of `{wrong}`: {flow:#?}"),
            Err(errors) => errors,
        };
        let said = errors.iter().any(|error| {
            error.location.line == *line
                && error.message.contains(message)
                && error.remedy.contains(remedy)
        });
        // Any `cache` beside the merge is one more.
        if !said || errors.iter().count() > 1 && !wrong.contains("cache: 10ms") {
            unsaid += &format!(
                "\nfor `{wrong}` expected line {line}, `{message}`, `{remedy}` alone, but said:\n{errors}\n"
            );
        }
    }
    assert!(unsaid.is_empty(), "{unsaid}");
}

/// What is written, what is written instead, the line that is blamed, and parts of what is said.
type Slip = (&'static str, &'static str, usize, &'static str, &'static str);

const SLIPS: &[Slip] = &[
    (
        "ignore_case: true",
        "ignorecase: true",
        14,
        "unknown key `ignorecase`",
        "did you mean `ignore_case`?",
    ),
    ("  by: visitor.email\n", "", 13, "missing key `by`", "add `by:`"),
    ("by: visitor.email", "by: visitor..email", 13, "is no path", "customer.name"),
    ("size: 300", "size: 3000", 15, "`lookup.size` is 3000", "from 1 to 1000"),
    ("size: 300", "size: 300\n  cache: 10ms", 16, "out of range", "from 1s to 1d"),
    (
        "size: 300",
        "size: 300\n  cache: 10m",
        16,
        "no base to merge with",
        "every record is then looked up anew",
    ),
    ("leads.json", "leads/${lookup.key}", 17, "names one key, and `size` is 300", "`size: 1`"),
    (
        "leads.json",
        "leads/${record.id}",
        17,
        "`${record.id}` cannot stand here",
        "`${lookup.keys}`",
    ),
    ("leads.json", "leads?q=email:${lookup.keys}", 17, "part of a segment", "a whole segment"),
    (
        "url: ${params.marketo}/rest/v1/leads.json",
        "url: https://${lookup.keys}/leads",
        17,
        "stands where the host is",
        "after the host",
    ),
    ("method: POST", "method: GET", 18, "a GET carries no `form`", "method: POST"),
    ("method: POST", "method: PUT", 18, "cannot be `PUT`", "`GET`, `POST`"),
    (
        "Accept: application/json",
        "Accept: \"${lookup.key}\"",
        20,
        "cannot stand here",
        "`query`, `form`",
    ),
    ("\"${secrets.marketo_token}\"", "abc123", 21, "must be a `${secrets.…}`", "${secrets.NAME}"),
    (
        "\"${lookup.keys}\"",
        "\"${lookup.emails}\"",
        22,
        "refers to nothing",
        "`${lookup.key}` for one",
    ),
    (
        "\"${lookup.keys}\"",
        "\"in (${lookup.keys})\"",
        22,
        "`${lookup.keys}` stands beside other text",
        "as the whole value",
    ),
    (
        "    form: { filterType: email, filterValues: \"${lookup.keys}\", fields: \"email,city\" }\n    separator: \",\"\n",
        "    form: { filterType: email }\n",
        17,
        "says nothing of what is looked up",
        "write `${lookup.keys}`",
    ),
    (
        "form: { filterType: email, filterValues: \"${lookup.keys}\", fields: \"email,city\" }\n    separator: \",\"",
        "body: { filter: [a, b], values: { in: \"${lookup.key}\" } }",
        22,
        "has one place, and there are up to 300 keys",
        "`[\"${lookup.key}\"]`",
    ),
    (
        "    separator: \",\"",
        "    body: [\"${lookup.key}\"]",
        23,
        "both say what is sent",
        "remove `form` or",
    ),
    ("separator: \",\"", "separator: \"x\"", 23, "cannot stand between keys", "like `,`"),
    ("\"${lookup.keys}\"", "\"${lookup.key}\"", 23, "`separator` does nothing", "remove it"),
    ("    key: email\n", "", 13, "which result is whose", "add `key:`"),
    ("missing: [404]", "missing: [40]", 26, "`lookup.http.missing[0]` is 40", "from 100 to 599"),
    ("equals: true", "equal: true", 27, "unknown key `equal`", "did you mean `equals`?"),
    ("timeout: 20s", "timeout: 1h", 29, "out of range", "to 15m"),
    (
        "{ lookup: leadScore, default: 0 }",
        "{ lookup: leadScore, path: score }",
        37,
        "a `path` or a `lookup`, not both",
        "`when_absent: keep`",
    ),
    (
        "{ lookup: leadScore, default: 0 }",
        "{ lookup: leadScore, never_overwrite: true }",
        37,
        "`never_overwrite` does nothing beside `lookup`",
        "write `path`",
    ),
    (
        "never_overwrite: true }\n    phone",
        "never_overwrite: true, when_absent: keep }\n    phone",
        34,
        "`when_absent: keep` does nothing beside `never_overwrite`",
        "remove one",
    ),
    ("when_absent: keep", "when_absent: stay", 36, "cannot be `stay`", "`keep`"),
    (
        "never_overwrite: mobilePhone",
        "never_overwrite: mobile..phone",
        35,
        "is no path",
        "customer.name",
    ),
    (
        "never_overwrite: mobilePhone",
        "never_overwrite: [a]",
        35,
        "true or false or a text",
        "write true",
    ),
    (
        "value: chat, never_overwrite: true",
        "value: \"${lookup.city}\"",
        38,
        "`${lookup.city}`",
        "`lookup: PATH` in `transform.map`",
    ),
];

#[test]
fn without_a_section_nothing_can_be_read_from_it() {
    let (before, rest) = GOOD.split_once("lookup:\n").unwrap();
    let text = format!("{before}transform:{}", rest.split_once("\ntransform:").unwrap().1);
    let errors = parse("leads.yaml", &text).unwrap_err();
    let said: Vec<_> =
        errors.iter().map(|error| (error.location.line, error.message.clone())).collect();
    let needs =
        |line, key: &str| (line, format!("`{key}` needs what was looked up, and nothing is"));
    assert_eq!(
        said,
        [
            needs(15, "never_overwrite"),
            needs(16, "never_overwrite"),
            needs(17, "when_absent: keep"),
            needs(18, "lookup"),
            needs(19, "never_overwrite"),
        ]
    );
    assert!(errors.iter().all(|error| error.remedy.contains("add a `lookup` section")));
}

#[test]
fn a_section_that_nothing_reads_is_a_slip() {
    let start = GOOD.find("transform:").unwrap();
    let end = GOOD.find("destination:").unwrap();
    for transform in ["", "transform: { map: { a: b } }\n", "transform: { jq: .a }\n"] {
        let text = format!("{}{transform}{}", &GOOD[..start], &GOOD[end..]);
        let errors = parse("leads.yaml", &text).unwrap_err();
        let [error] = errors.iter().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(error.location.line, 13);
        assert!(error.message.contains("nothing reads"), "{error}");
    }
}
