//! A source that misbehaves: limits, outages, bombs, strange hosts.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tidegate_core::{model::Position, ports::SourceError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    api::{Api, Behaviour, Order, Sort, Style},
    flow::{NOW_MS, TOKEN, UNTIL_MS, set, source, source_spec, unset, walk},
};

fn orders(count: i64) -> Vec<Order> {
    (0..count).map(|n| Order { id: n, at: n }).collect()
}

async fn api(style: Style, instead: fn(usize) -> Option<Response>) -> Api {
    let mut behaviour = Behaviour::new(style, Sort::TimeId, orders(250));
    behaviour.instead = Some(instead);
    Api::start(behaviour).await
}

async fn error(api: &Api) -> SourceError {
    walk(&*source(source_spec(api)), Position::Start).await.unwrap_err()
}

/// A server that answers everybody the same and counts who came.
async fn stranger() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders", listener.local_addr().unwrap());
    let visits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&visits);
    let router = Router::new().fallback(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        async { r#"{"data":[]}"# }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, visits)
}

/// A server that answers every request with this, made of its own address.
async fn fixed(answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let own = base.clone();
    let router = Router::new().fallback(move || {
        let response = answer(&own);
        async move { response }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("{base}/orders")
}

#[tokio::test]
async fn a_next_link_to_another_host_is_refused_before_any_request_leaves() {
    let (elsewhere, visits) = stranger().await;
    for style in [Style::Link, Style::NextUrl] {
        let elsewhere = elsewhere.clone();
        let url = fixed(move |_| {
            let body = format!(r#"{{"data":[{{"id":1,"updated_at":"2024-01-01 00:00:00"}}],"paging":{{"next":"{elsewhere}"}}}}"#);
            ([(header::LINK, format!("<{elsewhere}>; rel=\"next\""))], body).into_response()
        })
        .await;
        let api = Api::start(Behaviour::new(style, Sort::TimeId, Vec::new())).await;
        let mut spec = source_spec(&api);
        set(&mut spec, "url", url);
        unset(&mut spec, "cursor.since");
        let error = walk(&*source(spec), Position::Start).await.unwrap_err();
        assert!(
            matches!(&error, SourceError::Halt(text) if text.contains("credentials")),
            "{error}"
        );
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_refused_and_one_at_home_is_followed() {
    let (elsewhere, visits) = stranger().await;
    let url = fixed(move |_| {
        (StatusCode::FOUND, [(header::LOCATION, elsewhere.clone())]).into_response()
    })
    .await;
    let api = Api::start(Behaviour::new(Style::PageNumber, Sort::TimeId, orders(20))).await;
    let mut spec = source_spec(&api);
    set(&mut spec, "url", url);
    let error = walk(&*source(spec), Position::Start).await.unwrap_err();
    assert!(matches!(&error, SourceError::Halt(_)), "{error}");
    assert_eq!(visits.load(Ordering::SeqCst), 0);

    // Around in a circle at home: an end is made of it.
    let url = fixed(|_| (StatusCode::FOUND, [(header::LOCATION, "/again")]).into_response()).await;
    let mut spec = source_spec(&api);
    set(&mut spec, "url", url);
    let error = walk(&*source(spec), Position::Start).await.unwrap_err();
    assert!(matches!(&error, SourceError::Halt(text) if text.contains("redirects")), "{error}");
}

#[tokio::test]
async fn a_bomb_of_a_gigabyte_is_refused_within_the_limit() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeroes = vec![b' '; 1 << 20];
    for _ in 0..1024 {
        bomb.write_all(&zeroes).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 2 << 20);
    let url =
        fixed(move |_| ([(header::CONTENT_ENCODING, "gzip")], bomb.clone()).into_response()).await;
    let api = Api::start(Behaviour::new(Style::PageNumber, Sort::TimeId, Vec::new())).await;
    let mut spec = source_spec(&api);
    set(&mut spec, "url", url);
    set(&mut spec, "body_bytes_max", 32 << 20);
    let error = walk(&*source(spec), Position::Start).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Halt(text) if text.contains("body_bytes_max")),
        "{error}"
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM")) {
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(kib < 256 * 1024, "{kib} KiB");
    }
}

#[tokio::test]
async fn a_limit_is_waited_for_as_the_source_asks() {
    let api = api(Style::PageNumber, |number| {
        (number < 2)
            .then(|| (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")]).into_response())
    })
    .await;
    let walked = walk(&*source(source_spec(&api)), Position::Start).await.unwrap();
    assert_eq!(walked.records.len(), 250);
    assert_eq!(walked.requests as usize, api.requests(), "failed requests count too");
}

#[tokio::test]
async fn what_does_not_fit_the_deadline_is_left_for_the_next_run() {
    for (answer, after_ms) in [
        (
            (|_| {
                Some(
                    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "600")])
                        .into_response(),
                )
            }) as fn(usize) -> Option<Response>,
            Some(600_000),
        ),
        (
            |_| {
                // NOW_MS is 2024-01-01T00:00:00Z.
                let date = "Mon, 01 Jan 2024 00:10:00 GMT";
                Some((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, date)]).into_response())
            },
            Some(600_000),
        ),
    ] {
        let api = api(Style::PageNumber, answer).await;
        match error(&api).await {
            SourceError::Later { after_ms: got, reason } => {
                assert_eq!(got, after_ms);
                assert!(reason.contains("answered"), "{reason}");
            }
            error => panic!("{error}"),
        }
        assert_eq!(api.requests(), 1);
    }
}

#[tokio::test]
async fn an_outage_is_tried_three_times_and_then_left_for_the_next_run() {
    let api = api(Style::PageNumber, |_| Some(StatusCode::BAD_GATEWAY.into_response())).await;
    assert!(matches!(error(&api).await, SourceError::Later { .. }));
    assert_eq!(api.requests(), 3);
}

#[tokio::test]
async fn a_refusal_names_status_address_and_remedy_but_no_secret() {
    for status in [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_FOUND,
        StatusCode::IM_A_TEAPOT,
    ] {
        let url = fixed(move |_| (status, TOKEN).into_response()).await;
        let api = Api::start(Behaviour::new(Style::PageNumber, Sort::TimeId, Vec::new())).await;
        let mut spec = source_spec(&api);
        set(&mut spec, "url", url.clone());
        let key = json!({ "api_key": { "query": "api_key", "value": "${secrets.token}" } });
        set(&mut spec, "auth", key);
        match walk(&*source(spec), Position::Start).await.unwrap_err() {
            SourceError::Halt(text) => {
                assert!(text.contains(status.as_str()) && text.contains(&url), "{text}");
                assert!(text.contains("source.http"), "{text}");
                assert!(!text.contains(TOKEN), "{text}");
            }
            error => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders", listener.local_addr().unwrap());
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tries);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let body = r#"{"data":[{"id":1,"updated_at":"2024-01-01 00:00:00"}]}"#;
            let sent = match number {
                0 => String::new(),
                1 => format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}",
                    body.len(),
                    &body[..20]
                ),
                _ => format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                ),
            };
            let _ = socket.write_all(sent.as_bytes()).await;
        }
    });
    let api = Api::start(Behaviour::new(Style::None, Sort::TimeId, Vec::new())).await;
    let mut spec = source_spec(&api);
    set(&mut spec, "url", url);
    let walked = walk(&*source(spec), Position::Start).await.unwrap();
    assert_eq!((walked.records.len(), walked.requests), (1, 3));
}

#[tokio::test]
async fn a_source_that_never_answers_costs_no_more_than_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders", listener.local_addr().unwrap());
    let api = Api::start(Behaviour::new(Style::None, Sort::TimeId, Vec::new())).await;
    let mut spec = source_spec(&api);
    set(&mut spec, "url", url);
    let source = source(spec);
    let started = std::time::Instant::now();
    let mut walk = source.walk(Position::Start, UNTIL_MS);
    let error = walk.next(NOW_MS + 300).await.unwrap_err();
    assert!(matches!(error, SourceError::Later { .. }), "{error}");
    assert!(started.elapsed().as_millis() < 1_500);
    drop(listener);
}

#[tokio::test]
async fn a_page_that_comes_again_or_a_token_that_does_is_an_error_and_no_loop() {
    let page = r#"{"data":[{"id":1,"updated_at":"2024-01-01 00:00:00"}],"paging":{"next":"t1"}}"#;
    for style in [Style::PageNumber, Style::Offset, Style::Token] {
        let url = fixed(move |_| page.into_response()).await;
        let api = Api::start(Behaviour::new(style, Sort::TimeId, Vec::new())).await;
        let mut spec = source_spec(&api);
        set(&mut spec, "url", url);
        unset(&mut spec, "cursor.since");
        set(&mut spec, "page_size", 1);
        let error = walk(&*source(spec), Position::Start).await.unwrap_err();
        assert!(matches!(&error, SourceError::Halt(_)), "{style:?}: {error}");
    }
}

#[tokio::test]
async fn a_list_in_another_order_halts_with_what_to_do() {
    let api = Api::start(Behaviour::new(
        Style::PageNumber,
        Sort::TimeId,
        vec![Order { id: 9, at: 1 }, Order { id: 3, at: 2 }],
    ))
    .await;
    let mut spec = source_spec(&api);
    set(&mut spec, "cursor.by", "id");
    unset(&mut spec, "cursor.field");
    unset(&mut spec, "cursor.settle_lag");
    unset(&mut spec, "cursor.since");
    let error = walk(&*source(spec), Position::Start).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Halt(text) if text.contains("not sorted by id")),
        "{error}"
    );
}

#[tokio::test]
async fn a_record_without_a_key_is_set_aside_and_a_wrong_path_halts() {
    let url = fixed(|_| {
        r#"{"data":[{"id":1,"updated_at":"2024-01-01 00:00:01"},"oops",{"id":2,"updated_at":null},
            {"id":3,"updated_at":"2024-01-01 00:00:03"}]}"#
            .into_response()
    })
    .await;
    let api = Api::start(Behaviour::new(Style::None, Sort::TimeId, Vec::new())).await;
    let mut spec = source_spec(&api);
    set(&mut spec, "url", url);
    assert_eq!(walk(&*source(spec.clone()), Position::Start).await.unwrap().ids(), [1, 3]);
    set(&mut spec, "id", "wrong.path");
    let error = walk(&*source(spec), Position::Start).await.unwrap_err();
    assert!(matches!(&error, SourceError::Halt(text) if text.contains("wrong.path")), "{error}");
}

#[tokio::test]
async fn marking_is_a_request_to_the_records_own_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (seen, mut marks) = tokio::sync::mpsc::unbounded_channel();
    let router = Router::new().fallback(move |request: axum::extract::Request| {
        let seen = seen.clone();
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let auth = request.headers()["authorization"].to_str().unwrap().to_owned();
            let body = axum::body::to_bytes(request.into_body(), 1_000).await.unwrap();
            seen.send((line, auth, body)).unwrap();
            StatusCode::NO_CONTENT
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let api = Api::start(Behaviour::new(Style::None, Sort::TimeId, Vec::new())).await;
    let mut spec = source_spec(&api);
    set(&mut spec, "url", format!("{base}/orders"));
    let mark = json!({
        "url": format!("{base}/orders/${{record.id}}/processed"),
        "body": { "processed": true },
    });
    set(&mut spec, "mark", mark);
    let source = source(spec);
    let marker = source.marker().unwrap();
    let id = tidegate_core::model::RecordId::Text("a/b c".into());
    marker.mark(&id, br#"{"id":"a/b c"}"#, 5_000).await.unwrap();
    let (line, auth, body) = marks.recv().await.unwrap();
    assert_eq!(line, "PUT /orders/a%2Fb%20c/processed");
    assert_eq!(auth, format!("Bearer {TOKEN}"));
    assert_eq!(&body[..], br#"{"processed":true}"#);
    for bad in [r#"{"id":".."}"#, r#"{"id":""}"#, "{}", r#"{"id":{}}"#] {
        assert!(marker.mark(&id, bad.as_bytes(), 5_000).await.is_err(), "{bad}");
    }
    assert!(marks.try_recv().is_err());
}
