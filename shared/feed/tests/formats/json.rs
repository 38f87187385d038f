//! JSON: a record a line, and lists within documents.

use proptest::prelude::*;
use tidegate_feed::{ArrayReader, Limits, LinesReader};

use crate::driver::{Outcome, drive, drive_split};

fn lines(text: &str) -> Outcome {
    drive_split(
        |context| match context {
            None => LinesReader::new(Limits::default()),
            Some(_) => LinesReader::resume(Limits::default()),
        },
        text,
    )
}

fn array_within(path: &str, limits: Limits, text: &str) -> Outcome {
    drive_split(
        |context| match context {
            None => ArrayReader::new(path, limits).unwrap(),
            Some(context) => ArrayReader::resume(path, limits, context).unwrap(),
        },
        text,
    )
}

fn array(path: &str, text: &str) -> Outcome {
    array_within(path, Limits::default(), text)
}

#[track_caller]
fn same(outcome: &Outcome, records: &[&str]) {
    assert_eq!(outcome.sound(), records);
    assert_eq!((outcome.faults(), &outcome.damage, outcome.is_whole), (vec![], &None, true));
    assert_eq!(outcome.notices, tidegate_feed::Notices::default());
}

#[test]
fn every_line_is_a_record_as_it_stands() {
    let records =
        [r#"{"id": 1, "n": 12345678901234567890.10, "id": 2}"#, r#"{"t":"ü\n\u00e9 ]}"}"#];
    for end in ["\n", "\r\n", "\n\n  \n", " \t\r\n"] {
        same(&lines(&format!("{}{end}{}{end}", records[0], records[1])), &records);
        same(&lines(&format!("{}{end}{}", records[0], records[1])), &records);
    }
    same(&lines(&format!("\u{feff}{}\n", records[0])), &records[..1]);
}

#[test]
fn a_line_that_is_no_json_is_at_fault_and_in_no_ones_way() {
    let outcome = lines("{\"a\":1}\n{\"a\":tru}\n\n{\"a\":2} x\n{\"a\":\"\n{\"a\":3}\n");
    assert_eq!(outcome.sound(), [r#"{"a":1}"#, r#"{"a":3}"#]);
    let faults = outcome.faults();
    for (fault, line) in faults.iter().zip(["line 2", "line 4", "line 5"]) {
        assert!(fault.starts_with(line) && fault.contains("no JSON"), "{fault}");
    }
    assert_eq!(faults.len(), 3);
    assert_eq!(outcome.records[2].text, "{\"a\":2} x");
    assert!(outcome.is_whole);
}

#[test]
fn a_cut_line_leaves_the_file_unfinished() {
    let text = "{\"a\":1}\n{\"b\":\"ü\"}\n";
    for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
        let outcome = lines(&text[..cut]);
        let all = [r#"{"a":1}"#, r#"{"b":"ü"}"#];
        assert_eq!(outcome.sound(), all[..outcome.sound().len()]);
        let at_end = cut == 7 || cut == 8 || cut == text.len() - 1;
        assert_eq!(outcome.is_whole, at_end, "cut at {cut}");
    }
    assert!(!lines("\n \n").is_whole);
}

#[test]
fn half_surrogates_become_replacement_characters() {
    let outcome = lines("{\"a\":\"cut \\ud83d\"}\n{\"a\":\"\\ud83d\\ude00\"}\n");
    assert_eq!(outcome.sound(), [r#"{"a":"cut \ufffd"}"#, r#"{"a":"\ud83d\ude00"}"#]);
    assert_eq!(outcome.notices.replaced, 1);
    let outcome = array("", r#"["\udc00","a"]"#);
    assert_eq!((outcome.sound(), outcome.notices.replaced), (vec![r#""\ufffd""#, r#""a""#], 1));
}

#[test]
fn what_is_too_long_or_too_deep_is_at_fault() {
    let limits = Limits { record_bytes_max: 20, depth_max: 3, ..Limits::default() };
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(40));
    for (record, what) in [(&*long, "record_bytes_max"), ("[[[[1]]]]", "depth_max")] {
        for piece in 1..70 {
            let text = format!("{{\"a\":1}}\n{record}\n{{\"a\":2}}\n");
            let outcome = drive(&mut LinesReader::new(limits), &text, piece);
            assert_eq!(outcome.sound(), [r#"{"a":1}"#, r#"{"a":2}"#]);
            assert!(outcome.faults()[0].contains(what), "{:?}", outcome.faults());
            assert_eq!(outcome.records[1].end, text.len() - 8);
            assert!(outcome.is_whole);

            let text = format!("[{{\"a\":1}},{record}, {{\"a\":2}}]");
            let outcome = drive(&mut ArrayReader::new("", limits).unwrap(), &text, piece);
            assert_eq!(outcome.sound(), [r#"{"a":1}"#, r#"{"a":2}"#]);
            assert!(outcome.faults()[0].contains(what), "{:?}", outcome.faults());
            assert_eq!(outcome.records[1].end, text.len() - 10);
            assert_eq!(outcome.is_whole, what == "depth_max");
        }
    }
    // What stands beside the list may be as long and deep as it likes.
    let beside = format!("[{long},[[[[[[{long}]]]]]]]");
    let text = format!("{{\"x\":{beside},\"items\":[1],\"y\":{beside}}}");
    for piece in 1..50 {
        let outcome = drive(&mut ArrayReader::new("items", limits).unwrap(), &text, piece);
        assert_eq!((outcome.sound(), outcome.is_whole), (vec!["1"], true));
    }
    let outcome =
        drive(&mut ArrayReader::new("items", limits).unwrap(), &format!("{{\"{long}\":1}}"), 5);
    assert!(outcome.damage.unwrap().0.contains("damaged"));
    let outcome = drive(&mut LinesReader::new(limits), &long[..40], 5);
    assert_eq!((outcome.faults().len(), outcome.is_whole), (1, false));
}

#[test]
fn a_list_is_found_at_its_path() {
    let records =
        [r#"{"a": [1, {"b":"]}\"\\"}]}"#, "null", "-1.5e3", r#""text, ]""#, "[]", "{}", "true"];
    let list = format!("[ {} ]", records.join(" ,\r\n\t"));
    same(&array("", &list), &records);
    same(&array("", &format!("\u{feff} {list} \n")), &records);
    same(&array("items", &format!("{{\"items\":{list}}}")), &records);
    same(
        &array(
            "data.items",
            &format!(
                r#"{{"items":[0],"meta":{{"data":{{"items":[1]}}}},"data":{{"x":{list},"it\u0065ms":{list},"y":1}},"z":"]"}}"#
            ),
        ),
        &records,
    );
    // Compact, empty, null, and there twice.
    same(&array("", "[{\"a\":1},{\"a\":2}]"), &[r#"{"a":1}"#, r#"{"a":2}"#]);
    same(&array("", "[]"), &[]);
    same(&array("a", r#"{"a":null,"b":1}"#), &[]);
    same(&array("a", r#"{"a":[1],"b":{},"a":[2]}"#), &["1", "2"]);
}

#[test]
fn a_list_that_is_not_there_is_damage() {
    for (path, text, what) in [
        ("", "{}", "the document is not a list"),
        ("", "12", "the document is not a list"),
        ("a", "[]", "the document is not an object"),
        ("a", "{\"a\":{}}", "\"a\" is not a list"),
        ("a.b", "{\"a\":[]}", "\"a\" is not an object"),
        ("a.b", "{\"a\":{\"c\":[]},\"b\":[]}", "no list at \"a.b\""),
        ("", "", "ends before"),
        ("", "<html>", "the document is not a list"),
    ] {
        let outcome = array(path, text);
        let damage = outcome.damage.expect(text);
        assert!(damage.0.contains(what), "{text}: {damage}");
        assert!(!outcome.is_whole);
    }
    for path in [".", "a.", ".a", "a..b", &"a.".repeat(40)] {
        assert!(ArrayReader::new(path, Limits::default()).is_err());
    }
    assert!(ArrayReader::resume("a", Limits::default(), "list b").is_err());
}

#[test]
fn damage_in_a_list_says_where_and_leaves_what_was_before() {
    for (text, at, what) in [
        ("[1,2}", 4, "comma"),
        ("[1,2 3]", 5, "comma"),
        ("[1,{\"a\":[}]", 9, "closed"),
        ("[1,,2]", 3, "missing"),
        ("[1,2]x", 5, "follows"),
        ("[1,2", 3, "ends before"),
        ("[1,2,", 5, "ends before"),
        ("[1,2,{\"a\":", 5, "ends before"),
    ] {
        let outcome = array("", text);
        let damage = outcome.damage.as_ref().expect(text);
        assert!(
            damage.0.contains(&format!("byte {at} ")) && damage.0.contains(what),
            "{text}: {damage}"
        );
        assert!(outcome.sound().starts_with(&["1"]) && !outcome.is_whole);
    }
    for text in [
        r#"{"a":[1]"#,
        r#"{"a":[1],"#,
        r#"{"a":[1],"b""#,
        r#"{"a":[1],"b" 1}"#,
        r#"{"a":[1],b:1}"#,
        r#"{"a":[1],"b":{}"#,
    ] {
        let outcome = array("a", text);
        assert!(outcome.damage.is_some() && outcome.sound() == ["1"], "{text}");
    }
}

#[test]
fn a_value_whose_brackets_match_is_a_fault_alone_but_the_file_is_not_whole() {
    let outcome = array("", r#"[{"a":1},{"a":NaN},{"a":2},nope]"#);
    assert_eq!(outcome.sound(), [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(outcome.faults().len(), 2);
    assert!(outcome.faults()[0].contains("no JSON"));
    assert!(outcome.damage.is_none() && !outcome.is_whole);
    assert_eq!(outcome.records[1].text, r#"{"a":NaN}"#);
}

#[test]
fn a_comma_behind_the_last_value_is_told() {
    let outcome = array("", "[1,2, ]");
    assert_eq!((outcome.sound(), outcome.is_whole), (vec!["1", "2"], true));
    assert_eq!(outcome.notices.told.len(), 1);
}

#[test]
fn a_cut_at_any_byte_gives_a_beginning_of_the_list() {
    let text = r#" {"meta":{"n":[2]},"data":{"items":[{"a":"ü"}, 12 ,{"b":[{}]}],"x":1}} "#;
    let all = array("data.items", text);
    assert!(all.is_whole);
    for cut in (0..text.len() - 1).filter(|cut| text.is_char_boundary(*cut)) {
        let outcome = array("data.items", &text[..cut]);
        assert_eq!(outcome.sound(), all.sound()[..outcome.sound().len()], "cut at {cut}");
        assert!(outcome.damage.is_some() && !outcome.is_whole, "cut at {cut}");
    }
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[a-z\"\\\\\\[\\]{},: é😀\u{0}-\u{20}]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec(("[a-d\"\\\\\\]}]{0,3}", inner), 0..5)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_records_come_back(records in prop::collection::vec(value(), 0..8), piece in 1..60_usize, pretty: bool) {
        let compact: Vec<String> = records.iter().map(ToString::to_string).collect();
        let texts: Vec<String> = records
            .iter()
            .map(|it| if pretty { serde_json::to_string_pretty(it).unwrap() } else { it.to_string() })
            .collect();
        let outcome = drive(&mut LinesReader::new(Limits::default()), &(compact.join("\n") + "\n"), piece);
        prop_assert_eq!(outcome.sound(), compact.iter().map(String::as_str).collect::<Vec<_>>());
        let list = format!("{{\"x\":{0},\"a\":{{\"b\":[{0}],\"c\":{0}}}}}", texts.join(","));
        let list = if records.len() == 1 { list } else { format!("{{\"a\":{{\"b\":[{}]}}}}", texts.join(", ")) };
        let outcome = drive(&mut ArrayReader::new("a.b", Limits::default()).unwrap(), &list, piece);
        prop_assert_eq!(outcome.sound(), texts.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(outcome.is_whole);
    }
}
