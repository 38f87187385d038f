//! How timestamps and bodies are written.

use super::*;

/// A server that knows one record, at 14:00:00 UTC on 19 January 2023, and keeps what `since` it is asked.
async fn since(at: Value, cursor: Value) -> (Vec<String>, Option<String>) {
    use std::sync::Mutex;
    let asked_since = Arc::new(Mutex::new(None));
    let keeps = Arc::clone(&asked_since);
    let server = server(move |asked, _| {
        *keeps.lock().unwrap() = param(asked, "since").map(str::to_owned);
        axum::Json(json!([{ "id": 1, "at": at }])).into_response()
    })
    .await;
    let mut spec = spec(&server, cursor);
    set(&mut spec, "cursor.since", "since");
    let source = source(spec);
    let first = walk_until(&*source, Position::Start, UNTIL_MS).await.unwrap();
    let moments = first.records.iter().map(|record| {
        let at = record.mark.at.as_ref().unwrap();
        assert_eq!(at.ns / 1_000_000_000, 1_674_136_800);
        at.text.to_string()
    });
    let moments = moments.collect();
    walk_until(&*source, first.last(), UNTIL_MS).await.unwrap();
    let asked = asked_since.lock().unwrap().clone();
    (moments, asked)
}

#[tokio::test]
async fn every_format_is_read_and_its_text_comes_back_as_since() {
    let strptime = |pattern: &str| json!({ "strptime": pattern });
    for (at, format) in [
        (json!("2023-01-19T14:00:00Z"), json!("rfc3339")),
        (json!("2023-01-19 14:00:00 UTC"), json!("rfc3339")),
        (json!("2023-01-19T14:00:00.1234567Z"), json!("rfc3339")),
        (json!("2023-01-19T14:00:00.123456789Z"), json!("rfc3339")),
        (json!("Thu, 19 Jan 2023 14:00:00 +0000"), json!("rfc2822")),
        (json!("/Date(1674136800123)/"), json!("dotnet")),
        (json!(1_674_136_800), json!("epoch_s")),
        (json!(1_674_136_800_123_i64), json!("epoch_ms")),
        (json!(1_674_136_800_123_456_i64), json!("epoch_us")),
        (json!("1674136800123456789"), json!("epoch_ns")),
        (json!("01/19/2023 14:00"), strptime("%m/%d/%Y %H:%M")),
        (json!("20230119140000"), strptime("%Y%m%d%H%M%S")),
        (json!(20_230_119_140_000_i64), strptime("%Y%m%d%H%M%S")),
        (json!("2023-01-19 14:00:00 UTC"), strptime("%Y-%m-%d %H:%M:%S UTC")),
        (json!("2023-01-19 14:00:00.1234567"), strptime("%Y-%m-%d %H:%M:%S%.f")),
    ] {
        let text = at.as_str().map_or_else(|| at.to_string(), str::to_owned);
        let (moments, asked) = since(at, json!({ "format": format })).await;
        assert_eq!((moments, asked.as_deref()), (vec![text.clone()], Some(&*text)), "{format}");
    }
}

#[tokio::test]
async fn a_pattern_writes_what_is_sent_before_its_own_moment() {
    let cursor = json!({ "format": { "strptime": "%m/%d/%Y %H:%M" }, "inclusive": false });
    let (_, asked) = since(json!("01/19/2023 14:00"), cursor).await;
    assert_eq!(asked.as_deref(), Some("01/19/2023 13:59"));
    let cursor = json!({ "format": "rfc2822", "inclusive": false });
    let (_, asked) = since(json!("Thu, 19 Jan 2023 14:00:00 GMT"), cursor).await;
    assert_eq!(asked.as_deref(), Some("Thu, 19 Jan 2023 13:59:59 GMT"));
}

#[tokio::test]
async fn local_time_is_that_of_the_cursors_zone() {
    let zone = json!({ "zone": "Asia/Tokyo", "inclusive": false });
    let (moments, asked) = since(json!("2023-01-19 23:00:00"), zone).await;
    assert_eq!(moments, ["2023-01-19 23:00:00"]);
    assert_eq!(asked.as_deref(), Some("2023-01-19 22:59:59"));
}

#[tokio::test]
async fn local_time_that_is_taken_for_utc_is_waited_for_and_not_caught_up() {
    // Nine hours ahead of NOW_MS.
    let body = r#"[{"id":1,"at":"2024-01-01 08:59:30"}]"#;
    let server = json_body(body).await;
    let utc = source(spec(&server, json!({})));
    let walked = walk_until(&*utc, Position::Start, NOW_MS).await.unwrap();
    assert_eq!((walked.records.len(), walked.held.is_some()), (0, true));
    let tokyo = source(spec(&server, json!({ "zone": "Asia/Tokyo" })));
    let walked = walk_until(&*tokyo, Position::Start, NOW_MS).await.unwrap();
    assert_eq!((walked.records.len(), walked.held), (1, None));
}

#[tokio::test]
async fn marks_and_charsets_are_read() {
    let json = r#"[{"id":"Jörg","at":"2024-01-01"}]"#;
    let utf16: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = json.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for (body, content_type) in [
        (["\u{feff}", json].concat().into_bytes(), "application/json"),
        (utf16.clone(), "application/json; charset=utf-16le"),
        ([&b"\xff\xfe"[..], &utf16].concat(), "application/json"),
        (utf16, "application/json"),
        (latin.clone(), "application/json; charset=iso-8859-1"),
        (latin, "application/json;charset=\"windows-1252\""),
    ] {
        let server = fixed(body, content_type).await;
        let walked = walk(spec(&server, json!({}))).await.unwrap();
        assert_eq!(walked.ids(), ["Jörg"], "{content_type}");
    }
}

#[tokio::test]
async fn a_page_for_people_says_what_came_after_a_few_tries() {
    let html = "<!DOCTYPE html>\n<html><head><title>Sign in s3cret-token</title></head></html>";
    let server = fixed(html, "text/html; charset=utf-8").await;
    let mut spec = spec(&server, json!({}));
    spec["auth"] = json!({ "bearer": "${secrets.token}" });
    let message = halt(walk(spec).await);
    assert!(message.contains("text/html; charset=utf-8"), "{message}");
    assert!(message.contains("<!DOCTYPE html>") && message.contains("Sign in"), "{message}");
    assert!(message.contains("source.http.url") && !message.contains("s3cret"), "{message}");
    assert_eq!(server.requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_token_that_comes_as_a_form_is_taken_and_a_page_for_people_is_told() {
    let list = json_body(r#"[{"id":1,"at":"2024-01-01"}]"#).await;
    let form = fixed(
        "access_token=tok%2B1&token_type=bearer&expires_in=3600",
        "application/x-www-form-urlencoded",
    )
    .await;
    let html = fixed("<html>Sign in</html>", "text/html").await;
    let with = |token_url: &str| {
        let mut spec = spec(&list, json!({}));
        spec["auth"] = json!({ "oauth2_client": { "token_url": token_url, "client_id": "c",
            "client_secret": "${secrets.token}" } });
        spec
    };
    assert_eq!(walk(with(&form.url)).await.unwrap().ids(), ["1"]);
    let message = halt(walk(with(&html.url)).await);
    assert!(message.contains("text/html") && message.contains("<html>Sign in"), "{message}");
}
