//! Records that cannot be read are parked one by one, and hold nothing up.

use super::*;

/// 2024-01-01T00:00:0N
fn at(second: u32) -> String {
    format!("2024-01-01T00:{:02}:{:02}Z", second / 60, second % 60)
}

#[tokio::test]
async fn one_bad_record_is_parked_as_it_came_and_the_others_pass() {
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    let digits = "9".repeat(4_400);
    for bad in [
        &b"\"\\ud800\""[..],
        b"\"a\x01\tb\"",
        b"NaN",
        b"\"\xff\"",
        deep.as_bytes(),
        digits.as_bytes(),
    ] {
        let record = [br#"{"id":2,"at":"2024-01-01T00:00:02Z","x":"#, bad, b"}"].concat();
        let body = [
            &br#"[{"id":1,"at":"2024-01-01T00:00:01Z"},"#[..],
            &record,
            br#",{"id":3,"at":"2024-01-01T00:00:03Z"}]"#,
        ]
        .concat();
        let server = json_body(body).await;
        let walked = walk(spec(&server, json!({}))).await.unwrap();
        assert_eq!(walked.ids(), ["1", "3"]);
        let parked = walked.parked();
        assert_eq!(parked.len(), 1);
        assert_eq!(parked[0].0, "2");
        assert!(parked[0].1.starts_with("the record is no JSON: "), "{}", parked[0].1);
        assert_eq!(walked.records[1].data, record);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_asked_for_again() {
    let server = server(|_, number| match number {
        0 => r#"[{"id":1,"at":"2024-01-01"},{"id":2,"#.into_response(),
        _ => r#"[{"id":1,"at":"2024-01-01"},{"id":2,"at":"2024-01-02"}]"#.into_response(),
    })
    .await;
    let walked = walk(spec(&server, json!({}))).await.unwrap();
    assert_eq!((walked.ids().join(","), walked.parked().len()), ("1,2".to_owned(), 0));
}

#[tokio::test]
async fn records_without_a_timestamp_are_parked_wherever_they_stand() {
    for nulls in
        [&[0_u32][..], &[9], &[0, 1, 2, 3, 4, 5, 6, 7, 8], &[3, 4, 5], &[0, 9], &[5, 6, 7, 8, 9]]
    {
        let record = |n: u32| {
            let at = if nulls.contains(&n) { Value::Null } else { at(n).into() };
            json!({ "id": n, "at": at })
        };
        let (_server, spec) = pages((0..10).map(record).collect(), 4).await;
        let walked = walk(spec).await.unwrap();
        assert_eq!(walked.records.len() + walked.refused.len(), 10, "{nulls:?}");
        let parked: Vec<u32> = walked.parked().iter().map(|it| it.0.parse().unwrap()).collect();
        assert_eq!(parked, nulls);
        assert!(walked.parked().iter().all(|it| it.1.contains("null for a timestamp at `at`")));
    }
}

#[tokio::test]
async fn a_page_of_nothing_but_nulls_is_parked_and_read_on() {
    let record = |n: u32| json!({ "id": n, "at": if n < 8 { Value::Null } else { at(n).into() } });
    let (_server, spec) = pages((0..12).map(record).collect(), 4).await;
    let walked = walk(spec).await.unwrap();
    assert_eq!((walked.ids().len(), walked.parked().len()), (4, 8));
    let all = (0..8).map(|n| json!({ "id": n, "at": null })).collect();
    let (_server, spec) = pages(all, 4).await;
    let walked = walk(spec).await.unwrap();
    assert_eq!((walked.ids().len(), walked.parked().len()), (0, 8));
}

#[tokio::test]
async fn a_flow_that_looks_in_the_wrong_place_halts_before_anything_was_read() {
    let server =
        json_body(r#"[{"id":1,"updated":"2024-01-01"},{"id":2,"updated":"2024-01-02"}]"#).await;
    let message = halt(walk(spec(&server, json!({}))).await);
    assert!(
        message.contains("no timestamp at `at`") && message.contains("source.http"),
        "{message}"
    );
    let message =
        halt(walk(spec(&server, json!({ "field": "updated", "format": "epoch_ms" }))).await);
    assert!(message.contains("`2024-01-01`"), "{message}");
}

#[tokio::test]
async fn sentinel_and_future_dates_are_parked_and_the_mark_stays_behind_now() {
    let dates = [
        "0001-01-01T00:00:00Z",
        "2024-01-01T00:00:01Z",
        "2024-01-01T00:00:02Z",
        "2099-01-01T00:00:00Z",
        "2100-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.9999999Z",
    ];
    let records: Vec<Value> =
        dates.iter().enumerate().map(|(n, at)| json!({ "id": n, "at": at })).collect();
    for size in [2, 3, 100] {
        let (_server, spec) = pages(records.clone(), size).await;
        let walked = walk(spec).await.unwrap();
        assert_eq!(walked.ids(), ["1", "2"], "{size}");
        assert_eq!(walked.last().mark().unwrap().at.as_ref().unwrap().text, dates[2].into());
        let mut parked = walked.parked();
        parked.sort();
        let ids: Vec<&str> = parked.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(ids, ["0", "3", "4", "5", "6"], "{size}");
        assert!(parked[0].1.contains("outside of the years"), "{}", parked[0].1);
        assert!(parked[1].1.contains("dated more than a day ahead"), "{}", parked[1].1);
        assert_eq!(walked.held, None);
    }
}

#[tokio::test]
async fn by_id_a_date_in_the_future_holds_nothing_up() {
    let record = |id: i64, at: &str| json!({ "id": id, "at": at });
    let records = vec![
        record(1, &at(1)),
        record(2, "2099-01-01"),
        record(3, "9999-12-31"),
        record(4, &at(4)),
    ];
    let (_server, mut spec) = pages(records, 2).await;
    set(&mut spec, "cursor", json!({ "by": "id", "time": "at" }));
    assert_eq!(walk(spec).await.unwrap().ids(), ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn records_a_little_ahead_are_waited_for_and_said() {
    let records = vec![json!({ "id": 1, "at": at(1) }), json!({ "id": 2, "at": at(60) })];
    let (_server, spec) = pages(records, 10).await;
    let walked = walk_until(&*source(spec), Position::Start, NOW_MS + 30_000).await.unwrap();
    assert_eq!((walked.ids(), walked.parked().len()), (vec!["1".to_owned()], 0));
    // Two seconds after its own second has begun, by the clock that stands at NOW_MS.
    let held_until_ms = walked.held.unwrap().until_ms;
    assert!((NOW_MS + 30_000..=NOW_MS + 62_001).contains(&held_until_ms), "{held_until_ms}");
}

#[tokio::test]
async fn a_row_that_joins_a_second_after_it_was_read_is_delivered() {
    use std::sync::Mutex;
    let rows = Arc::new(Mutex::new(vec![(5, at(9)), (7, at(10)), (8, at(11))]));
    let shared = Arc::clone(&rows);
    let server = server(move |_, _| {
        let mut rows = shared.lock().unwrap().clone();
        rows.sort_by(|left, right| left.1.cmp(&right.1));
        let rows: Vec<Value> = rows.iter().map(|(id, at)| json!({ "id": id, "at": at })).collect();
        axum::Json(rows).into_response()
    })
    .await;
    let source = source(spec(&server, json!({})));
    // At 11.5 s the second of 10 is over for more than a second, and that of 11 is not.
    let first = walk_until(&*source, Position::Start, NOW_MS + 11_500).await.unwrap();
    assert_eq!(first.ids(), ["5"]);
    assert!(first.held.is_some());
    rows.lock().unwrap().extend([(2, at(11)), (3, at(10))]);
    let second = walk_until(&*source, first.last(), NOW_MS + 20_000).await.unwrap();
    assert_eq!(second.ids(), ["3", "7", "2", "8"]);
    assert_eq!(second.held, None);
}

#[tokio::test]
async fn the_default_lag_is_that_of_the_timestamps_seen() {
    for (dates, until_s, ids) in [
        (["2024-01-01T00:00:01.500Z", "2024-01-01T00:00:02.250Z"], 4, 2),
        (["2024-01-01T00:00:01Z", "2024-01-01T00:00:03Z"], 4, 1),
        (["2024-01-01T00:01:00Z", "2024-01-01T00:03:00Z"], 200, 1),
        (["2024-01-01T00:01:00Z", "2024-01-01T00:03:00Z"], 241, 2),
        (["2024-01-01", "2024-01-02"], 2 * 86_400, 1),
        (["2024-01-01", "2024-01-02"], 2 * 86_400 + 1, 2),
    ] {
        let records: Vec<Value> =
            dates.iter().enumerate().map(|(n, at)| json!({ "id": n, "at": at })).collect();
        let server = json_body(Value::from(records).to_string()).await;
        let source = source(spec(&server, json!({})));
        let until_ms = NOW_MS + until_s * 1_000;
        let walked = walk_until(&*source, Position::Start, until_ms).await.unwrap();
        assert_eq!(walked.ids().len(), ids, "{dates:?} {until_s}");
        assert_eq!(walked.held.is_some(), ids == 1);
    }
}

#[tokio::test]
async fn a_second_field_stands_in_for_the_first_and_none_is_lost() {
    let record = |id: i64, updated: Value, created: u32| json!({ "id": id, "at": updated, "created": at(created) });
    let null = || Value::Null;
    // Sorted by the two together; nulls first; nulls last.
    for (records, ids, parked) in [
        (vec![record(1, null(), 1), record(2, at(2).into(), 0), record(3, null(), 3)], "1,2,3", 0),
        (vec![record(1, null(), 9), record(2, null(), 1), record(3, at(2).into(), 0)], "3", 2),
        (
            vec![record(1, at(2).into(), 0), record(2, at(5).into(), 0), record(3, null(), 1)],
            "1,2",
            1,
        ),
    ] {
        let (_server, mut spec) = pages(records, 2).await;
        set(&mut spec, "cursor.field", json!(["at", "created"]));
        let walked = walk(spec).await.unwrap();
        assert_eq!(
            (walked.ids().join(","), walked.parked().len()),
            (ids.to_owned(), parked),
            "{walked:?}"
        );
    }
}

#[tokio::test]
async fn one_id_twice_with_different_content_halts_and_says_what_to_write() {
    let line = |line: i64, second: u32| json!({ "id": 7, "line": line, "at": at(second) });
    let records = vec![line(1, 1), line(2, 1), line(1, 2)];
    for (by, field) in [("timestamp", Some("at")), ("timestamp_id", Some("at")), ("id", None)] {
        let (_server, mut spec) = pages(records.clone(), 10).await;
        let mut cursor = json!({ "by": by });
        if let Some(field) = field {
            cursor["field"] = field.into();
        }
        set(&mut spec, "cursor", cursor);
        let message = halt(walk(spec).await);
        assert!(message.contains("7") && message.contains("`id: [order_id, line]`"), "{message}");
    }
    // The same record twice is one.
    let (_server, spec) = pages(vec![line(1, 1), line(1, 1)], 10).await;
    assert_eq!(walk(spec).await.unwrap().ids(), ["7"]);
    let (_server, mut spec) = pages(vec![line(1, 1), line(2, 1), line(3, 1)], 10).await;
    spec["id"] = json!(["id", "line"]);
    assert_eq!(walk(spec).await.unwrap().ids(), ["7/1", "7/2", "7/3"]);
}

#[tokio::test]
async fn an_id_or_a_timestamp_of_more_than_a_kilobyte_is_parked() {
    let long = "x".repeat(2_000);
    let records = vec![
        json!({ "id": long, "at": at(1) }),
        json!({ "id": 2, "at": long }),
        json!({ "id": 3, "at": at(3) }),
    ];
    let (_server, spec) = pages(records, 10).await;
    let walked = walk(spec).await.unwrap();
    assert_eq!((walked.ids(), walked.parked().len()), (vec!["3".to_owned()], 2));
    assert!(walked.parked().iter().all(|it| it.0.len() < 100 && it.1.contains("bytes")));
}

#[tokio::test]
async fn a_million_tiny_records_in_one_answer_are_refused_within_memory() {
    let body = format!("[{}0]", "0,".repeat(1_000_000));
    let server = json_body(body).await;
    let message = halt(walk(spec(&server, json!({}))).await);
    assert!(message.contains("more than 262144 records"), "{message}");
}
