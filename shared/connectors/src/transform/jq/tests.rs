//! What a program may do, and what ends it.

use super::*;
use crate::testing::{read, section};

fn apply(program: &str, record: &str) -> (Transformed, String) {
    apply_with(program, record, None)
}

fn apply_with(program: &str, record: &str, found: Option<&str>) -> (Transformed, String) {
    let mut out = b"<".to_vec();
    let params = BTreeMap::from([("tenant".to_owned(), "a \"b\"".to_owned())]);
    let jq = Jq::new(&section::<Program<true>>(program.into()), &params).unwrap();
    let transformed = jq.apply(record.as_bytes(), found.map(str::as_bytes), &mut out);
    (transformed, String::from_utf8(out).unwrap()[1..].to_owned())
}

fn refused(program: &str, record: &str) -> String {
    match apply(program, record) {
        (Transformed::Refused(reason), out) => {
            assert!(out.is_empty(), "{program} left {out}");
            reason.into()
        }
        (transformed, out) => panic!("{program} gave {transformed:?} {out:.100}"),
    }
}

#[test]
fn one_output_is_written_and_none_leaves_the_record_out() {
    let written =
        apply("{id, total: .t, tags: [.x[] | ascii_upcase]}", r#"{"id":1,"t":1.50,"x":["a"]}"#);
    assert_eq!(written, (Transformed::Written, r#"{"id":1,"total":1.50,"tags":["A"]}"#.into()));
    assert_eq!(apply("select(.id > 3)", r#"{"id":1}"#).0, Transformed::Filtered);
    assert_eq!(
        apply(".", r#"{"n":12345678901234567890123,"s":"é\u0001\""}"#).1,
        r#"{"n":12345678901234567890123,"s":"é\u0001\""}"#
    );
}

#[test]
fn more_than_one_output_an_error_and_what_is_no_json_refuse_the_record() {
    assert!(refused("., .", "{}").contains("more than one"));
    assert!(refused("error(\"no\\nname\")", "{}").contains("no name"));
    assert!(refused("error({a: 1})", "{}").contains(r#"{"a":1}"#));
    assert!(refused(".a.b", r#"{"a":"x"}"#).contains("cannot index"));
    assert!(refused("0/0", "{}").contains("NaN"));
    assert!(refused("{(1|tostring): infinite}", "{}").contains("no JSON"));
    assert!(refused(".", "{").contains("no JSON"));
    assert!(refused(".", "{} {}").contains("no JSON"));
    assert!(refused(".", "NaN").contains("no JSON"));
}

#[test]
fn a_program_that_never_ends_is_stopped() {
    for program in [
        "last(repeat(1))",
        "[limit(1e9; repeat(1))] | length",
        "[range(1e12)] | length",
        "last(range(1e12))",
        "last(range(0; 1; 0))",
        "reduce range(1e12) as $i (0; . + $i)",
        "def f: f; f",
        "[recurse(. + 1)] | length",
        "until(false; . + 1)",
        "first(range(1e12) | select(. < 0))",
        "label $out | foreach repeat(1) as $x (0; . + 1; empty)",
        "any(repeat(1); . == 2)",
        "[while(true; .)]",
        "skip(1e9; repeat(1))",
        "0 | [.,1] | until(.[0] < 0; [.[0] + 1, 2])",
    ] {
        let reason = refused(program, "1");
        assert!(
            reason.contains("too long") || reason.contains("too deeply"),
            "{program}: {reason}"
        );
    }
}

#[test]
fn a_program_that_recurses_without_end_is_stopped() {
    for program in
        ["def f: 1 + f; f", "def f: [f]; f", "def f: f | f; f", "def f(x): f(x | x); f(.)"]
    {
        let reason = refused(program, "1");
        assert!(
            reason.contains("too long") || reason.contains("too deeply"),
            "{program}: {reason}"
        );
    }
}

#[test]
fn a_value_nested_or_shared_beyond_reason_is_refused() {
    assert!(refused("reduce range(5000) as $i (0; [.])", "{}").contains("nested"));
    assert!(refused("reduce range(40) as $i (\"x\"; [., .])", "{}").contains("larger"));
    assert_eq!(apply("reduce range(15000) as $i (0; [.]) | length", "{}").1, "1");
    assert!(refused("[range(150000)]", "{}").contains("too long"));
    assert!(refused("fromjson", &format!("\"{}\"", "[".repeat(1_000_000))).contains("nested"));
    assert_eq!(apply("fromjson", r#""{\"a\":[\"[[[\"]}""#).1, r#"{"a":["[[["]}"#);
    assert!(refused(".", &"[".repeat(1_000_000)).contains("no JSON"));
}

#[test]
fn what_reaches_outside_the_record_does_not_compile() {
    for program in ["env", "$ENV", "input", "halt", "halt(0)", "now", "debug", "stderr_empty"] {
        assert!(!read::<Program<true>>(program.into()).1.faults.is_empty(), "{program}");
    }
}

#[test]
fn what_was_looked_up_is_a_variable_and_null_where_nothing_was_found() {
    let program = "{id, city: ($lookup.city // .city)}";
    let record = r#"{"id":1,"city":"Bonn"}"#;
    let found = |found| apply_with(program, record, found).1;
    assert_eq!(found(Some(r#"{"city":"Kiel"}"#)), r#"{"id":1,"city":"Kiel"}"#);
    assert_eq!(found(Some(r#"{"city":null}"#)), r#"{"id":1,"city":"Bonn"}"#);
    assert_eq!(found(None), r#"{"id":1,"city":"Bonn"}"#);
    let deep = "[".repeat(100_000);
    for bad in ["{", "", deep.as_str()] {
        let (transformed, out) = apply_with(program, record, Some(bad));
        assert!(matches!(transformed, Transformed::Refused(_)) && out.is_empty(), "{bad:.20}");
        // A program that does not ask for it does not read it.
        assert_eq!(apply_with(".id", record, Some(bad)).1, "1");
    }
    // On a thread of its own too.
    let heavy = "[range(3000)] | length + $lookup";
    assert_eq!(apply_with(heavy, "null", Some("1")).1, "3001");
    assert!(!read::<Program<false>>("$lookup".into()).1.faults.is_empty(), "a filter");
}

#[test]
fn the_connections_parameters_are_a_variable() {
    let written = apply(r#"{t: $params.tenant, u: "\($params.tenant)!", v: $params.other}"#, "{}");
    assert_eq!(written.1, r#"{"t":"a \"b\"","u":"a \"b\"!","v":null}"#);
    // On a thread of its own too, and as a name of the program's.
    assert_eq!(apply("[range(3000)] | length, $params.tenant | strings", "null").1, r#""a \"b\"""#);
    assert_eq!(apply(". as $params | $params.id", r#"{"id":1}"#).1, "1");
}

#[test]
fn what_looks_like_a_reference_in_a_program_is_refused_with_what_to_write() {
    for (program, remedy) in [
        (r#""${params.tenant}""#, "`$params.tenant`"),
        (r#""a ${ params.tenant }""#, "`$params.tenant`"),
        (r#""${secrets.token}""#, "a secret would be kept"),
        (r#""${record.id}""#, "the record as `.`"),
        (r#""${TENANT}""#, "the record as `.`"),
        (r#""${unclosed""#, "the record as `.`"),
    ] {
        let faults = read::<Program<true>>(program.into()).1.faults;
        let [fault] = faults.as_slice() else { panic!("{program}: {faults:?}") };
        assert!(fault.remedy.contains(remedy), "{program}: {}", fault.remedy);
    }
}
