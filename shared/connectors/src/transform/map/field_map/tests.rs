//! What a map makes of a record, and of what was looked up.

use serde_json::{Value, json};

use super::*;
use crate::testing::section;

fn from(path: &str) -> Value {
    json!({ "path": path })
}

/// The field with more keys.
fn with(mut field: Value, keys: Value) -> Value {
    let Value::Object(keys) = keys else { panic!("{keys}") };
    field.as_object_mut().unwrap().extend(keys);
    field
}

fn never(path: &str, known: &str) -> Value {
    json!({ "path": path, "never_overwrite": known })
}

/// Records are looked up by `mail`.
fn map(fields: &[(&str, Value)]) -> FieldMap {
    // An object of its own for each: JSON objects do not keep the order of their keys here.
    let fields: Vec<Value> = fields.iter().map(|(to, field)| json!({ *to: field })).collect();
    let connection = crate::Connection {
        params: [("tenant", "acme \"1\""), ("batch", "40")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..crate::Connection::default()
    };
    let fields = Fields::of(fields.into_iter().map(section));
    FieldMap::new(&fields, Some(&["mail".to_owned()]), &Resolver::new(&connection)).unwrap()
}

fn merge(fields: &[(&str, Value)], record: &str, found: &str) -> String {
    let mut out = b"[".to_vec();
    let transformed = map(fields).apply(record.as_bytes(), Some(found.as_bytes()), &mut out);
    let out = String::from_utf8(out).unwrap()[1..].to_owned();
    match transformed {
        Transformed::Written => return out,
        Transformed::Unchanged => assert_eq!(out, ""),
        other => panic!("{other:?}"),
    }
    "unchanged".to_owned()
}

fn apply(fields: &[(&str, Value)], record: &str) -> Result<String, String> {
    let mut out = b"[".to_vec();
    match map(fields).apply(record.as_bytes(), None, &mut out) {
        Transformed::Written => Ok(String::from_utf8(out).unwrap()[1..].to_owned()),
        Transformed::Refused(reason) => {
            assert_eq!(out, b"[", "a refused record leaves nothing behind");
            Err(reason.into())
        }
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn fields_are_renamed_nested_and_copied_as_they_stand() {
    let fields = [
        ("orderId", from("id")),
        ("customer.name", from("buyer.name")),
        ("total", from("amounts.total")),
        ("customer.mail", from("buyer.mail")),
        ("lines", from("lines")),
        ("first", from("lines.0.sku")),
        ("id2", from("id")),
    ];
    let record = r#"{"lines":[{"sku":"a\u0042"} ],"id":7,"buyer":{"mail":"m","name":"é\n"},
        "amounts":{"total":1.50}}"#;
    assert_eq!(
        apply(&fields, record).unwrap(),
        r#"{"orderId":7,"customer":{"name":"é\n","mail":"m"},"total":1.50,"lines":[{"sku":"a\u0042"} ],"first":"a\u0042","id2":7}"#
    );
}

#[test]
fn constants_defaults_and_absence() {
    let fields = [
        ("a", with(from("a"), json!({ "default": { "x": 1 } }))),
        ("b", with(from("b"), json!({ "when_absent": "null" }))),
        ("c", from("c")),
        ("deep.er.d", from("d")),
        ("k\"ey", json!({ "value": "v" })),
    ];
    let all_absent = r#"{"a":{"x":1},"b":null,"k\"ey":"v"}"#;
    assert_eq!(apply(&fields, "{}").unwrap(), all_absent);
    assert_eq!(apply(&fields, r#"{"a":null,"b":null,"c":null,"d":null}"#).unwrap(), all_absent);
    assert_eq!(
        apply(&fields, r#"{"a":false,"b":0,"c":"","d":[]}"#).unwrap(),
        r#"{"a":false,"b":0,"c":"","deep":{"er":{"d":[]}},"k\"ey":"v"}"#
    );
}

#[test]
fn words_that_are_not_there_are_absent_and_those_that_are_may_be_merged() {
    let words = |words: &str, field: Value| with(field, json!({ "words": words }));
    let rest = |when_absent: &str| {
        words("rest", with(from("name"), json!({ "when_absent": when_absent })))
    };
    let fields = [("first", words("first", never("name", "first"))), ("last", rest("omit"))];
    let whole = r#"{"first":"Ada","last":"de la Cruz"}"#;
    assert_eq!(apply(&fields, r#"{"name":"Ada de la Cruz"}"#).unwrap(), whole);
    assert_eq!(apply(&fields, r#"{"name":"Ada"}"#).unwrap(), r#"{"first":"Ada"}"#);
    let known = r#"{"first":"Ad","last":"Cruz"}"#;
    assert_eq!(merge(&fields, r#"{"name":"Ada Cruz"}"#, known), "unchanged");
    assert_eq!(merge(&fields, r#"{"name":"Ada Diaz"}"#, known), r#"{"last":"Diaz"}"#);
    let must = [("last", rest("refuse"))];
    let reason = apply(&must, r#"{"name":"Ada"}"#).unwrap_err();
    assert_eq!(reason, "`last` is missing from the record");
}

#[test]
fn what_must_be_there_and_is_not_refuses_the_record_by_name() {
    let field = with(from("buyer.mail"), json!({ "when_absent": "refuse" }));
    let reason = apply(&[("x", from("x")), ("customer.mail", field)], r#"{"x":1}"#).unwrap_err();
    assert_eq!(reason, "`customer.mail` is missing from the record");
    let field = with(from("n"), json!({ "cast": "integer" }));
    let reason = apply(&[("n", field)], r#"{"n":"4 apples"}"#).unwrap_err();
    assert_eq!(reason, "`n` should be an integer, but the record has a text that is no number");
}

#[test]
fn what_is_known_is_never_overwritten_and_what_is_empty_is_filled() {
    let fields = [
        ("email", from("mail")),
        ("city", never("city", "city")),
        ("tel", never("phone", "mobile")),
    ];
    let record = r#"{"mail":"Ada@x","city":"Bonn","phone":"1"}"#;
    let all = r#"{"email":"Ada@x","city":"Bonn","tel":"1"}"#;
    assert_eq!(apply(&fields, record).unwrap(), all, "nothing was found");
    for (found, made) in [
        (r#"{"email":"ada@x","city":null,"mobile":""}"#, all),
        ("{}", all),
        (r#"{"city":"Kiel"}"#, r#"{"email":"Ada@x","tel":"1"}"#),
        (r#"{"mobile":"2","city":""}"#, r#"{"email":"Ada@x","city":"Bonn"}"#),
        (r#"{"city":"Kiel","mobile":"2"}"#, "unchanged"),
        // Known, and no text: zero and false are values.
        (r#"{"city":0,"mobile":false}"#, "unchanged"),
        // What would be written is there, but under the other name.
        (r#"{"city":"Bonn","tel":"1"}"#, "unchanged"),
    ] {
        assert_eq!(merge(&fields, record, found), made, "{found}");
    }
    // What the record does not have needs no filling.
    assert_eq!(merge(&fields, r#"{"mail":"a@x"}"#, r#"{"city":null}"#), "unchanged");
    // It is not looked at where it is known.
    let cast = with(never("n", "n"), json!({ "cast": "integer" }));
    assert_eq!(
        merge(&[("n", cast), ("a", from("a"))], r#"{"n":"x","a":1}"#, r#"{"n":1}"#),
        r#"{"a":1}"#
    );
}

#[test]
fn a_constant_and_a_nested_field_are_merged_too() {
    let source = json!({ "value": "chat", "never_overwrite": "source" });
    let fields = [("a.b.city", never("city", "a.b.city")), ("source", source)];
    let record = r#"{"city":"Bonn"}"#;
    assert_eq!(merge(&fields, record, r#"{"a":{"b":{"city":"Kiel"}}}"#), r#"{"source":"chat"}"#);
    assert_eq!(
        merge(&fields, record, r#"{"a":{"b":{}},"source":"web"}"#),
        r#"{"a":{"b":{"city":"Bonn"}}}"#
    );
}

#[test]
fn where_the_record_has_nothing_what_is_known_is_kept() {
    let keep = |path: &str| with(from(path), json!({ "when_absent": "keep" }));
    let fields = [("city", keep("town")), ("name", from("name"))];
    let found = r#"{"city":{"x" : 1.50},"name":"Ada"}"#;
    assert_eq!(merge(&fields, r#"{"name":"Eve"}"#, found), r#"{"city":{"x" : 1.50},"name":"Eve"}"#);
    assert_eq!(
        merge(&fields, r#"{"town":"Bonn","name":"Ada"}"#, found),
        r#"{"city":"Bonn","name":"Ada"}"#
    );
    assert_eq!(merge(&fields, r#"{"name":"Ada"}"#, found), "unchanged");
    assert_eq!(apply(&fields, r#"{"town":null,"name":"Ada"}"#).unwrap(), r#"{"name":"Ada"}"#);
}

#[test]
fn in_a_merged_field_the_records_empty_text_is_no_value() {
    let keep = with(from("phone"), json!({ "when_absent": "keep" }));
    let fields = [("phone", keep), ("city", never("city", "city")), ("note", from("note"))];
    let empty = r#"{"phone":"","city":"","note":""}"#;
    // A form's field that was left empty clears nothing, and is no news.
    let known = r#"{"phone":"+49 2","city":null,"note":""}"#;
    assert_eq!(merge(&fields, empty, known), "unchanged");
    assert_eq!(
        merge(&fields, empty, r#"{"phone":"+49 2","note":"x"}"#),
        r#"{"phone":"+49 2","note":""}"#,
        "a field that is not merged is what it is"
    );
    assert_eq!(apply(&fields, empty).unwrap(), r#"{"note":""}"#, "nothing was found");
    // As null is: a default is taken, and nothing is cast.
    let other = with(never("n", "n"), json!({ "default": 7, "cast": "integer" }));
    assert_eq!(merge(&[("n", other)], r#"{"n":""}"#, r#"{"n":""}"#), r#"{"n":7}"#);
    let must = with(never("n", "n"), json!({ "when_absent": "refuse" }));
    let reason = apply(&[("n", must)], r#"{"n":""}"#).unwrap_err();
    assert_eq!(reason, "`n` is missing from the record");
    assert_eq!(merge(&fields, r#"{"phone":" "}"#, "{}"), r#"{"phone":" "}"#);
}

#[test]
fn nothing_is_left_to_send_where_all_is_equal_in_value() {
    let fields = [
        ("a", from("a")),
        ("b", never("b", "b")),
        ("n", with(from("n"), json!({ "when_absent": "null" }))),
    ];
    let record = r#"{"a":{"x":1,"y":["\u00e9"]},"b":2}"#;
    assert_eq!(merge(&fields, record, r#"{"a":{"y":["é"],"x":1.0},"b":3}"#), "unchanged");
    assert_eq!(merge(&fields, record, r#"{"a":{"y":["é"],"x":1.0},"b":3,"n":null}"#), "unchanged");
    assert!(merge(&fields, record, r#"{"a":{"y":["e"],"x":1.0},"b":3}"#).contains("u00e9"));
    assert!(merge(&fields, record, r#"{"a":{"y":["é"],"x":1.0},"b":3,"n":0}"#).contains("null"));
    assert!(merge(&fields, record, "[]").contains("u00e9"));
}

#[test]
fn a_map_that_only_reads_what_is_known_always_writes() {
    // Another system's record is nothing to be compared with.
    let known = json!({ "lookup": "deep.region" });
    let fields = [("sku", from("sku")), ("region", known.clone())];
    let found = r#"{"sku":7,"region":"x","deep":{"region":"EU"}}"#;
    assert_eq!(merge(&fields, r#"{"sku":7}"#, found), r#"{"sku":7,"region":"EU"}"#);
    assert_eq!(apply(&fields, r#"{"sku":7}"#).unwrap(), r#"{"sku":7}"#);
    let must = with(known, json!({ "when_absent": "refuse" }));
    let reason = apply(&[("region", must)], "{}").unwrap_err();
    assert_eq!(reason, "`region` is missing from what was looked up");
}

#[test]
fn beside_a_merge_what_comes_from_there_is_no_news() {
    let id = json!({ "lookup": "id" });
    let score = json!({ "lookup": "score", "default": 0 });
    let fields = [("lead", id), ("score", score), ("city", never("city", "city"))];
    let record = r#"{"city":"Bonn"}"#;
    assert_eq!(merge(&fields, record, r#"{"id":7,"score":3,"city":"Kiel"}"#), "unchanged");
    assert_eq!(
        merge(&fields, record, r#"{"id":7,"city":"Kiel"}"#),
        r#"{"lead":7,"score":0}"#,
        "a default is"
    );
}

#[test]
fn repro_a_record_that_is_a_single_value_was_delivered_as_an_empty_object() {
    for none in [r#""text""#, "7", "null", " true"] {
        let said = apply(&[("a", from("a"))], none).unwrap_err();
        assert_eq!(said, "the record is a single value, and no JSON object with fields");
    }
    assert_eq!(apply(&[("a", from("a"))], " {}").unwrap(), "{}");
}

#[test]
fn what_was_looked_up_and_is_no_json_refuses_the_record() {
    let merging = map(&[("a", never("a", "a"))]);
    for bad in [&b"{"[..], b"", b"{\"a\":\"\xff\"}"] {
        let mut out = Vec::new();
        let transformed = merging.apply(b"{}", Some(bad), &mut out);
        assert!(matches!(transformed, Transformed::Refused(_)) && out.is_empty());
    }
    // Where no field asks for it, it is not read.
    let plain = map(&[("a", from("a"))]);
    assert_eq!(plain.apply(b"{}", Some(b"{"), &mut Vec::new()), Transformed::Written);
}

#[test]
fn of_a_key_that_stands_twice_the_last_one_counts() {
    assert_eq!(apply(&[("a", from("a"))], r#"{"a":1,"a":2}"#).unwrap(), r#"{"a":2}"#);
}

#[test]
fn what_is_no_object_has_no_fields_and_what_is_no_json_is_refused() {
    assert_eq!(apply(&[("a", from("a"))], "[1]").unwrap(), "{}");
    for bad in ["", "{", r#"{"a":1"#, r#"{"a":1}}"#, "{'a':1}"] {
        assert!(apply(&[("a", from("a"))], bad).is_err(), "{bad}");
    }
}

#[test]
fn parameters_stand_in_constants_wherever_there_is_one() {
    let fields = [
        ("tenant", json!({ "value": "${params.tenant}" })),
        (
            "deep",
            json!({ "value": { "a": ["x-${params.batch}", 1, null], "b": "$${params.batch}" } }),
        ),
        ("batch", json!({ "value": "${params.batch}", "cast": "integer" })),
        ("from", with(from("from"), json!({ "default": "${params.tenant}" }))),
        ("size", with(from("size"), json!({ "default": "${params.batch}", "cast": "integer" }))),
        ("gone", with(from("gone"), json!({ "null_as": "no ${params.tenant}" }))),
    ];
    assert_eq!(
        apply(&fields, r#"{"gone":null}"#).unwrap(),
        r#"{"tenant":"acme \"1\"","deep":{"a":["x-40",1,null],"b":"${params.batch}"},"batch":40,"from":"acme \"1\"","size":40,"gone":"no acme \"1\""}"#
    );
    assert_eq!(
        apply(&fields[3..5], r#"{"from":"here","size":"7"}"#).unwrap(),
        r#"{"from":"here","size":7}"#
    );
}

#[test]
fn a_parameter_that_is_lacking_or_no_number_makes_no_map() {
    let connection = crate::Connection {
        params: [("batch".to_owned(), "many".to_owned())].into(),
        ..crate::Connection::default()
    };
    for (field, said) in [
        (json!({ "a": { "value": "${params.batch}", "cast": "integer" } }), "an integer"),
        (json!({ "a": { "value": "${params.tenant}" } }), "`tenant`"),
        (
            json!({ "a": { "path": "a", "each": { "b": { "value": "${params.tenant}" } } } }),
            "`tenant`",
        ),
    ] {
        let made = FieldMap::new(&section(field), None, &Resolver::new(&connection));
        let error = made.err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn every_element_of_an_array_becomes_an_object_or_a_value() {
    let fields = [
        (
            "lines",
            json!({ "path": "items", "each": {
                "sku": "sku",
                "amount.cents": { "path": "price", "cast": "integer" },
                "kind": { "value": "${params.tenant}" },
                "taxes": { "path": "taxes", "each": { "rate": "r" } },
            } }),
        ),
        ("skus", json!({ "path": "items", "each": "sku" })),
        ("none", json!({ "path": "none", "each": "x" })),
        ("empty", json!({ "path": "empty", "each": { "a": "a" } })),
    ];
    let record = r#"{"items":[ {"sku":"a","price":"12","taxes":[{"r":19},{"x":1}]} ,{"sku":"b","price":3.0}],"empty":[ ]}"#;
    let written: Value = serde_json::from_str(&apply(&fields, record).unwrap()).unwrap();
    assert_eq!(
        written,
        json!({
            "lines": [
                { "sku": "a", "amount": { "cents": 12 }, "kind": "acme \"1\"", "taxes": [{ "rate": 19 }, {}] },
                { "sku": "b", "amount": { "cents": 3 }, "kind": "acme \"1\"" },
            ],
            "skus": ["a", "b"],
            "empty": [],
        })
    );
}

#[test]
fn an_element_that_makes_none_parks_the_record_with_its_place() {
    let lines = json!({ "path": "items", "each": {
        "count": { "path": "n", "cast": "integer", "when_absent": "refuse" },
        "taxes": { "path": "taxes", "each": { "rate": { "path": "r", "cast": "number" } } },
    } });
    let skus = json!({ "path": "items", "each": "sku" });
    for (field, record, said) in [
        (&lines, r#"{"items":[{"n":1},{"n":"x"}]}"#, "in `lines.1`: `count` should be an integer"),
        (&lines, r#"{"items":[{"n":1},{}]}"#, "in `lines.1`: `count` is missing"),
        (&lines, r#"{"items":[{"n":1},null]}"#, "in `lines.1`: a single value"),
        (&lines, r#"{"items":[7]}"#, "in `lines.0`: a single value"),
        (
            &lines,
            r#"{"items":[{"n":1,"taxes":[{},{"r":"x"}]}]}"#,
            "in `lines.0`: in `taxes.1`: `rate` should be a number",
        ),
        (
            &lines,
            r#"{"items":{"n":1}}"#,
            "`lines` should be an array, but the record has an object",
        ),
        (
            &lines,
            r#"{"items":"n"}"#,
            "`lines` should be an array, but the record has a single value",
        ),
        (
            &skus,
            r#"{"items":[{"sku":1},{"sku":null}]}"#,
            "in `lines.1`: nothing stands at the path",
        ),
        (&skus, r#"{"items":[1]}"#, "in `lines.0`: nothing stands at the path"),
    ] {
        let reason = apply(&[("lines", field.clone())], record).unwrap_err();
        assert!(reason.contains(said), "{record}: {reason}");
    }
}

#[test]
fn a_date_is_written_anew_or_parks_the_record() {
    let fields = [
        ("day", with(from("at"), json!({ "date": { "to": "date", "zone": "Europe/Berlin" } }))),
        ("s", with(from("at"), json!({ "date": { "to": "epoch_s" }, "cast": "string" }))),
        ("due", with(from("due"), json!({ "date": { "from": "%d/%m/%Y", "to": "rfc3339" } }))),
    ];
    assert_eq!(
        apply(&fields, r#"{"at":"2023-11-14T23:13:20Z","due":null}"#).unwrap(),
        r#"{"day":"2023-11-15","s":"1700003600"}"#
    );
    let reason = apply(&fields, r#"{"due":"2023-11-14"}"#).unwrap_err();
    assert!(
        reason.starts_with("`due` should be a date as `%d/%m/%Y`, but the record has another text"),
        "{reason}"
    );
}
