//! Where records stand, and keys that a dotted path cannot say.

use super::*;

/// As a flow that reads one body by id.
async fn ids(body: &'static str, keys: Value) -> Vec<String> {
    let server = json_body(body).await;
    let mut spec = spec(&server, json!({}));
    spec["cursor"] = json!({ "by": "id" });
    for (key, value) in keys.as_object().unwrap() {
        spec[key] = value.clone();
    }
    walk(spec).await.unwrap().ids()
}

#[tokio::test]
async fn keys_that_hold_dots_are_quoted() {
    let server = server(|asked, _| {
        let host = "http://127.0.0.1/list";
        let skip = param(asked, "skip").is_some();
        let mut body =
            json!({ "@odata.context": host, "value": [{ "x.id": 1 + i64::from(skip) }] });
        if !skip {
            body["@odata.nextLink"] = json!("?skip=1");
        }
        axum::Json(body).into_response()
    })
    .await;
    for quoted in [r#"."@odata.nextLink""#, r#""@odata.nextLink""#] {
        let mut spec = spec(&server, json!({}));
        spec["cursor"] = json!({ "by": "id" });
        spec["records"] = "value".into();
        spec["id"] = r#"."x.id""#.into();
        spec["pagination"] = json!({ "next_url": { "path": quoted } });
        assert_eq!(walk(spec).await.unwrap().ids(), ["1", "2"], "{quoted}");
    }
}

#[tokio::test]
async fn a_list_may_be_an_object_by_key_a_single_object_or_rows_in_envelopes() {
    let by_key = r#"{"orders":{"a":{"id":1},"b":{"id":2}}}"#;
    assert_eq!(ids(by_key, json!({ "records": "orders.*" })).await, ["1", "2"]);
    let unnamed = r#"{"orders":{"a":{"n":1},"b":{"n":2}}}"#;
    let keys = json!({ "records": "orders.*", "key_as": "id" });
    assert_eq!(ids(unnamed, keys).await, ["a", "b"]);
    assert_eq!(ids(r#"{"order":{"id":7}}"#, json!({ "records": "order" })).await, ["7"]);
    let enveloped = r#"{"rows":[{"data":{"id":1}},{"data":{"id":2}}]}"#;
    assert_eq!(ids(enveloped, json!({ "records": "rows.*.data" })).await, ["1", "2"]);
    assert_eq!(ids(enveloped, json!({ "records": "rows", "id": "data.id" })).await, ["1", "2"]);
    let sets = r#"{"sets":[{"kind":"meta","rows":[]},{"kind":"orders","rows":[{"id":1}]}]}"#;
    assert_eq!(ids(sets, json!({ "records": "sets[kind=orders].rows" })).await, ["1"]);
}

#[tokio::test]
async fn a_record_by_key_is_delivered_with_its_key() {
    let server = json_body(r#"{"a":{"n":1},"b":{}}"#).await;
    let mut spec = spec(&server, json!({}));
    spec["cursor"] = json!({ "by": "id" });
    spec["records"] = "*".into();
    spec["key_as"] = "id".into();
    let walked = walk(spec).await.unwrap();
    let data: Vec<_> = walked.records.iter().map(|record| &record.data[..]).collect();
    assert_eq!(data, [&br#"{"n":1,"id":"a"}"#[..], br#"{"id":"b"}"#]);
}

#[tokio::test]
async fn an_object_that_is_no_list_says_what_takes_its_values() {
    let server = json_body(r#"{"orders":{"a":{"id":1},"b":{"id":2}}}"#).await;
    let mut spec = spec(&server, json!({}));
    spec["cursor"] = json!({ "by": "id" });
    spec["records"] = "orders".into();
    let message = halt(walk(spec).await);
    assert!(message.contains(r#"`records: "orders.*"`"#), "{message}");
}
