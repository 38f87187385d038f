//! What a page says of each body, and of each record that is unlike the others.

use bytes::Bytes;
use serde_json::{Value, json};
use tidegate_core::model::RecordId;

use super::{Page, PageFault, PageShape, Places};
use crate::{
    testing::section,
    value::{ListPath, RecordPath},
};

fn path(text: &str) -> Vec<String> {
    section::<RecordPath>(text.into()).keys
}

struct Shape {
    records: &'static str,
    ids: &'static [&'static str],
    key_as: Option<&'static str>,
    cursor: Value,
}

impl Shape {
    /// By `meta.updated` in ms.
    fn of(records: &'static str, by: &str) -> Self {
        let cursor = json!({ "by": by, "field": "meta.updated", "format": "epoch_ms" });
        Self { records, ids: &["id"], key_as: None, cursor }
    }

    fn parse(&self, body: &[u8]) -> Result<Page, PageFault> {
        let records = match self.records {
            "" => Vec::new(),
            records => section::<ListPath>(records.into()).keys,
        };
        let ids: Vec<_> = self.ids.iter().map(|id| path(id)).collect();
        let places = Places { records: &records, ids: &ids, key_as: self.key_as, records_max: 100 };
        let cursor = section(self.cursor.clone());
        PageShape::new(&places, &cursor).parse(&Bytes::copy_from_slice(body))
    }

    fn page(&self, body: &str) -> Page {
        self.parse(body.as_bytes()).unwrap_or_else(|fault| panic!("{body}: {fault:?}"))
    }
}

fn ids(page: &Page) -> Vec<String> {
    page.rows.iter().map(|row| row.mark.id.to_string()).collect()
}

fn reasons(page: &Page) -> Vec<&str> {
    page.aside.iter().map(|aside| &*aside.reason).collect()
}

#[test]
fn records_are_slices_of_the_body_with_their_keys() {
    let shape = Shape::of("data.items", "timestamp_id");
    let page = shape.page(
        r#"{"paging":{"next":{"after":"t2"}},"data":{"n":2,"items":[
            {"meta":{"updated":5},"id":7} , {"id":"a\u0062","meta":{"x":[],"updated":"6"}}]}}"#,
    );
    assert_eq!(page.rows.len(), 2);
    assert_eq!(&page.rows[0].data[..], br#"{"meta":{"updated":5},"id":7}"#);
    assert_eq!(page.rows[0].mark.id, RecordId::Number(7));
    assert_eq!(page.rows[0].changed_ns, Some(5_000_000));
    assert_eq!(page.rows[1].mark.id, RecordId::Text("ab".into()));
    assert_eq!(page.frame, &br#"{"paging":{"next":{"after":"t2"}},"data":{"n":2,"items":[]}}"#[..]);
}

#[test]
fn the_body_itself_may_be_the_array_and_null_is_an_empty_one() {
    let plain = Shape::of("", "id");
    assert_eq!(plain.page(r#"[{"id":1},{"id":2}]"#).rows.len(), 2);
    assert_eq!(plain.page("[]").count, 0);
    let page = Shape::of("data", "id").page(r#"{"data":null}"#);
    assert_eq!((page.count, page.is_null), (0, true));
}

#[test]
fn what_is_no_page_says_why() {
    let shape = Shape::of("data", "id");
    for body in ["", "<html>", r#"{"data":[{"id":1}"#, r#"{"data":[{"id":1},]}"#, "{} x"] {
        assert!(matches!(shape.parse(body.as_bytes()), Err(PageFault::NotJson(_))), "{body}");
    }
    for (body, absent) in [
        ("{}", true),
        (r#"{"items":[]}"#, true),
        (r#"{"data":{}}"#, false),
        (r#"{"data":7}"#, false),
    ] {
        let fault = shape.parse(body.as_bytes());
        let is_so =
            matches!(fault, Err(PageFault::NoList { is_absent, .. }) if is_absent == absent);
        assert!(is_so, "{body}");
    }
    let many = format!(r#"{{"data":[{}0]}}"#, "0,".repeat(100));
    let fault = shape.parse(many.as_bytes());
    assert!(matches!(fault, Err(PageFault::Shape(text)) if text.contains("page_size")));
}

#[test]
fn a_record_without_a_key_is_told_apart_with_the_reason() {
    let shape = Shape::of("", "timestamp");
    let page = shape.page(
        r#"[{"id":1,"meta":{"updated":1}},"x",{"id":2,"meta":{"updated":null}},{"id":8},
            {"id":3,"meta":{"updated":3}},{"id":9,"meta":{"updated":"soon"}},
            {"id":4,"meta":{"updated":4}},{"meta":{"updated":5}}]"#,
    );
    assert_eq!((ids(&page), page.count), (["1", "3", "4"].map(str::to_owned).to_vec(), 8));
    assert_eq!(
        reasons(&page),
        [
            "the record has no id at `id`",
            "the record has null for a timestamp at `meta.updated`",
            "the record has no timestamp at `meta.updated`",
            "the record has no epoch_ms timestamp at `meta.updated`: it is `soon`",
            "the record has no id at `id`",
        ]
    );
    assert_eq!(page.aside[1].id, Some(RecordId::Number(2)));
    assert_eq!(&page.aside[0].data[..], b"\"x\"");
}

#[test]
fn a_flow_that_looks_in_the_wrong_place_is_told_from_records_that_lack_something() {
    let shape = Shape::of("", "timestamp");
    for (body, astray) in [
        (r#"[{"id":1},{"id":2}]"#, true),
        (r#"[{"no":1}]"#, true),
        (r#"[{"id":1,"meta":{"updated":"2024-01-01"}}]"#, true),
        (r#"[{"id":1,"meta":{"updated":null}},{"id":2}]"#, false),
        (r#"[{"id":1,"meta":{"updated":1}},{"id":2}]"#, false),
        (r#"[{"id":1,"meta":{"updated":99999999999999}}]"#, false),
        ("[]", false),
    ] {
        assert_eq!(shape.page(body).astray().is_some(), astray, "{body}");
    }
}

#[test]
fn one_record_that_is_no_json_is_told_apart_as_it_came_and_the_others_pass() {
    let shape = Shape::of("data", "timestamp");
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    let digits = "9".repeat(4_400);
    for bad in [
        "\"\\ud800\"",
        "\"a\u{1}\tb\"",
        "NaN",
        "-Infinity",
        "\"\\x41\"",
        &deep,
        &digits,
        "\"say \"hi\" now\"",
        "undefined",
        "'x'",
    ] {
        let bad = format!(r#"{{"id":2,"meta":{{"updated":2}},"x":{bad}}}"#);
        let body = format!(
            r#"{{"data":[{{"id":1,"meta":{{"updated":1}}}}, {bad} ,
                {{"id":3,"meta":{{"updated":3}}}}],"next":"t"}}"#
        );
        let page = shape.page(&body);
        assert_eq!(ids(&page), ["1", "2", "3"], "{bad}");
        assert_eq!(page.rows[1].data, bad.as_bytes());
        let reason = page.rows[1].refused.as_deref().unwrap();
        assert!(reason.starts_with("the record is no JSON: "), "{reason}");
        assert!(page.rows[0].refused.is_none() && page.rows[2].refused.is_none());
    }
    let body = b"{\"data\":[{\"id\":1,\"meta\":{\"updated\":1},\"x\":\"\xff\"},{\"id\":2,\"meta\":{\"updated\":2}}]}";
    let page = shape.parse(body).unwrap();
    assert_eq!(
        page.rows[0].refused.as_deref(),
        Some("the record is no JSON: not UTF-8 at byte 34")
    );
    assert_eq!(page.rows[1].refused, None);
    // What stands beside the list may be odd as well.
    let page =
        shape.page(r#"{"total":NaN,"data":[{"id":1,"meta":{"updated":1}}],"x":[undefined]}"#);
    assert_eq!(ids(&page), ["1"]);
}

#[test]
fn a_bomb_of_brackets_is_no_page() {
    let shape = Shape::of("", "id");
    let body = format!("[{{\"id\":1,\"x\":{}", "[".repeat(1_000_000));
    assert!(matches!(shape.parse(body.as_bytes()), Err(PageFault::NotJson(_))));
}

#[test]
fn records_stand_by_key_alone_or_in_envelopes() {
    for (records, key_as, body, expected, first) in [
        ("data", None, r#"{"data":{"id":7}}"#, &["7"][..], r#"{"id":7}"#),
        ("", None, r#"{"id":7,"x":{}}"#, &["7"], r#"{"id":7,"x":{}}"#),
        ("o.*", None, r#"{"o":{"a":{"id":1},"b":{"id":2}}}"#, &["1", "2"], r#"{"id":1}"#),
        ("*", None, r#"{"a":{"id":1},"b":{"id":2}}"#, &["1", "2"], r#"{"id":1}"#),
        ("o.*", Some("id"), r#"{"o":{"a\"":{ },"b":{"n":2}}}"#, &["a\"", "b"], r#"{ "id":"a\""}"#),
        ("d.*", None, r#"{"d":[{"id":1}]}"#, &["1"], r#"{"id":1}"#),
        (
            "d.*.data",
            None,
            r#"{"d":[{"data":{"id":1}},{"data":{"id":2}}]}"#,
            &["1", "2"],
            r#"{"id":1}"#,
        ),
        (
            "o.*.lines",
            None,
            r#"{"o":[{"lines":[{"id":1}]},{"lines":[{"id":2}]}]}"#,
            &["1", "2"],
            r#"{"id":1}"#,
        ),
        (
            "s[type=x].d",
            None,
            r#"{"s":[{"type":"y","d":[{"n":9}]},{"d":[{"id":1}],"type":"x"}]}"#,
            &["1"],
            r#"{"id":1}"#,
        ),
        ("s.1", None, r#"{"s":[0,[{"id":1}]]}"#, &["1"], r#"{"id":1}"#),
        (r#"."x.y""#, None, r#"{"x":{"y":[]},"x.y":[{"id":1}]}"#, &["1"], r#"{"id":1}"#),
    ] {
        let page = Shape { key_as, ..Shape::of(records, "id") }.page(body);
        assert_eq!(ids(&page), expected, "{records}");
        assert_eq!(page.rows[0].data, first.as_bytes(), "{records}");
        assert!(!page.frame.windows(4).any(|text| text == b"\"id\""), "{records}");
    }
    let flat = Shape::of("x.y", "id").parse(br#"{"x.y":[]}"#);
    assert!(
        matches!(flat, Err(PageFault::NoList { message, .. }) if message.contains(r#"`."x.y"`"#))
    );
}

#[test]
fn the_first_timestamp_that_can_be_read_counts() {
    let cursor = json!({ "by": "timestamp", "field": ["updated", "created"] });
    let shape = Shape { cursor, ..Shape::of("", "timestamp") };
    let page = shape.page(
        r#"[{"id":1,"updated":null,"created":"2024-01-01"},
            {"id":2,"updated":"0001-01-01T00:00:00","created":"2024-01-02"},
            {"id":3,"updated":"2024-01-03","created":"2024-01-01"},{"id":4,"created":null},
            {"id":5,"updated":"9999-12-31","created":null}]"#,
    );
    let fallbacks: Vec<_> = page.rows.iter().map(|row| row.is_fallback).collect();
    assert_eq!((ids(&page).join(","), fallbacks), ("1,2,3".to_owned(), vec![true, true, false]));
    assert_eq!(
        reasons(&page),
        [
            "the record has no timestamp at `updated`",
            "the record has no rfc3339 timestamp at `updated`: it is `9999-12-31`, outside of the years \
             1678 to 2261",
        ]
    );
}

#[test]
fn an_id_of_several_values_and_one_that_is_too_long() {
    let shape = Shape { ids: &["order.id", "line"], ..Shape::of("", "id") };
    let long = "x".repeat(1_025);
    let page = shape.page(&format!(
        r#"[{{"order":{{"id":7}},"line":1}},{{"order":{{"id":7}}}},{{"order":{{"id":"{long}"}},"line":2}}]"#
    ));
    assert_eq!(ids(&page), ["7/1"]);
    assert_eq!(
        reasons(&page),
        ["the record has no id at `line`", "the record has an id of 1027 bytes"]
    );
}
