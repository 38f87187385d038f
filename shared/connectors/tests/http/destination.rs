//! Deliveries over real HTTP: what is sent, and what each answer comes to.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_core::{
    model::{Blame, Later, Outcome, RecordId, SkipReason, Version},
    ports::{Destination, Outgoing, Route},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    api::{Api, Behaviour, Sort, Style},
    flow::{TOKEN, connected, destination_spec, source_spec},
};

/// A request as it arrived.
#[derive(Debug, Clone)]
struct Arrived {
    line: String,
    key: Option<String>,
    body: Value,
}

type Log = Arc<Mutex<Vec<Arrived>>>;

/// A destination that answers by what it is sent.
async fn server(
    answer: impl Fn(&Value) -> Response + Clone + Send + Sync + 'static,
) -> (String, Log) {
    let log = Log::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/fulfilments", listener.local_addr().unwrap());
    let seen = Arc::clone(&log);
    let router = Router::new().fallback(move |request: Request| {
        let (seen, answer) = (Arc::clone(&seen), answer.clone());
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let key = request.headers().get("idempotency-key");
            let key = key.map(|key| key.to_str().unwrap().to_owned());
            assert_eq!(request.headers()["authorization"], format!("Bearer {TOKEN}"));
            let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
            let body = serde_json::from_slice(&body).unwrap();
            let response = answer(&body);
            seen.lock().unwrap().push(Arrived { line, key, body });
            response
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, log)
}

async fn destination(spec: Value) -> Box<dyn Destination> {
    let api = Api::start(Behaviour::new(Style::None, Sort::Id, Vec::new())).await;
    connected(source_spec(&api), spec).destination
}

fn record(id: i64) -> Outgoing {
    Outgoing {
        id: RecordId::Number(id),
        version: Version(1),
        deleted: false,
        key: format!("key-{id}").into(),
        body: json!({"id": id}).to_string().into(),
        source: bytes::Bytes::new(),
    }
}

fn records(count: i64) -> Vec<Outgoing> {
    (0..count).map(record).collect()
}

fn batch(size: usize, results: bool) -> Value {
    let mut batch = json!({ "size": size, "field": "items", "key_field": "key" });
    if results {
        batch["results"] = json!({
            "path": "results",
            "status": "status",
            "duplicate": [409],
            "reason": "why",
        });
    }
    batch
}

/// A destination that takes many records in a request.
fn bulk_spec(url: &str, batch: Value) -> Value {
    let mut spec = destination_spec(url);
    spec["batch"] = batch;
    spec
}

async fn one(answer: impl Fn(&Value) -> Response + Clone + Send + Sync + 'static) -> Outcome {
    let (url, _) = server(answer).await;
    let outcomes =
        destination(destination_spec(&url)).await.deliver(&[record(1)], 5_000).await.outcomes;
    assert_eq!(outcomes.len(), 1);
    outcomes.into_iter().next().unwrap()
}

fn later(outcome: &Outcome) -> &Later {
    match outcome {
        Outcome::Later(later) => later,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_record_is_sent_with_its_key_to_its_own_address() {
    let (url, log) = server(|_| StatusCode::CREATED.into_response()).await;
    let mut spec = destination_spec(&format!("{url}/${{record.id}}?x=${{record.name}}"));
    spec["method"] = "PUT".into();
    let to = destination(spec).await;
    assert_eq!(to.batching(Route::ONLY).records_max, 1);
    let named = Outgoing { body: r#"{"id":7,"name":"a&b=c/é"}"#.into(), ..record(7) };
    assert_eq!(to.deliver(&[named], 5_000).await.outcomes, [Outcome::Delivered]);
    let seen = log.lock().unwrap()[0].clone();
    assert_eq!(seen.line, "PUT /fulfilments/7?x=a%26b%3Dc%2F%C3%A9");
    assert!(seen.key.unwrap().starts_with("key-7."));
    assert_eq!(seen.body["name"], "a&b=c/é");
    // No address, no request: the collection must not be hit instead.
    assert!(matches!(
        to.deliver(&[record(8)], 5_000).await.outcomes[0],
        Outcome::Refused { status: None, .. }
    ));
    assert_eq!(log.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_says_why_in_one_line_without_our_secrets() {
    let outcome = one(|_| {
        let text = format!("no\n such  {TOKEN} {}", "x".repeat(100_000));
        (StatusCode::UNPROCESSABLE_ENTITY, text).into_response()
    })
    .await;
    match outcome {
        Outcome::Refused { status: Some(422), reason } => {
            assert!(reason.starts_with("no such [secret] xxx"), "{reason}");
            assert!(reason.chars().count() <= 301);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_to_do_next_is_told_from_the_answer() {
    let limited =
        one(|_| (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "7")]).into_response())
            .await;
    assert_eq!((later(&limited).blame, later(&limited).after_ms), (Blame::Limit, Some(7_000)));
    let down = one(|_| {
        let date = "Mon, 01 Jan 2024 00:00:30 GMT";
        (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, date)]).into_response()
    })
    .await;
    assert_eq!((later(&down).blame, later(&down).after_ms), (Blame::Destination, Some(30_000)));
    let garbage =
        one(|_| (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "soon")]).into_response())
            .await;
    assert_eq!(later(&garbage).after_ms, None);
    let broken = one(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()).await;
    assert!(later(&broken).unknown && later(&broken).blame == Blame::Request);
    let moved =
        one(|_| (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "/new")]).into_response())
            .await;
    assert_eq!((later(&moved).blame, later(&moved).unknown), (Blame::Connection, false));
    let wrong = one(|_| StatusCode::NOT_FOUND.into_response()).await;
    assert_eq!(later(&wrong).blame, Blame::Connection);
}

#[tokio::test]
async fn nobody_there_is_known_and_a_lost_answer_is_not() {
    // A port that was just free.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let to = destination(destination_spec(&format!("http://{free}/x"))).await;
    let outcome = to.deliver(&[record(1)], 5_000).await.outcomes.remove(0);
    assert_eq!((later(&outcome).blame, later(&outcome).unknown), (Blame::Destination, false));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(b"HTTP/1.1 2").await;
        }
    });
    let to = destination(destination_spec(&url)).await;
    let outcome = to.deliver(&[record(1)], 5_000).await.outcomes.remove(0);
    assert_eq!((later(&outcome).blame, later(&outcome).unknown), (Blame::Request, true));
}

#[tokio::test]
async fn no_request_outlives_its_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let to = destination(destination_spec(&url)).await;
    let started = std::time::Instant::now();
    let outcome = to.deliver(&[record(1)], 200).await.outcomes.remove(0);
    assert!(later(&outcome).unknown, "{outcome:?}");
    assert!(started.elapsed().as_millis() < 1_000);
    let unsent = to.deliver(&[record(1)], 0).await.outcomes.remove(0);
    assert!(!later(&unsent).unknown);
    drop(listener);
}

#[tokio::test]
async fn a_bulk_carries_every_records_key_and_a_stable_one_of_its_own() {
    let (url, log) = server(|_| StatusCode::OK.into_response()).await;
    let to = destination(bulk_spec(&url, batch(100, false))).await;
    assert_eq!(
        (to.batching(Route::ONLY).records_max, to.batching(Route::ONLY).bytes_max),
        (100, 1_000_000)
    );
    for _ in 0..2 {
        assert_eq!(to.deliver(&records(3), 5_000).await.outcomes, vec![Outcome::Delivered; 3]);
    }
    let log = log.lock().unwrap();
    assert_eq!(log[0].body["items"][2]["id"], 2);
    assert!(log[0].body["items"][2]["key"].as_str().unwrap().starts_with("key-2."));
    assert!(log[0].key.is_some() && log[0].key == log[1].key);
}

/// The limits count one request, so it must be one: the application sends the parts.
#[tokio::test]
async fn a_bulk_that_is_refused_as_a_whole_is_given_back_to_be_sent_in_parts() {
    for status in
        [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::PAYLOAD_TOO_LARGE]
    {
        let (url, log) = server(move |body| {
            let items = body["items"].as_array().unwrap();
            if items.iter().any(|item| item["id"] == 13) {
                (status, "a bad one").into_response()
            } else {
                StatusCode::OK.into_response()
            }
        })
        .await;
        let spec = bulk_spec(&url, batch(100, false));
        let to = destination(spec).await;
        let all = records(100);
        for outcome in to.deliver(&all, 5_000).await.outcomes {
            let later = later(&outcome);
            let wait = (later.blame, later.after_ms, later.unknown);
            assert_eq!(wait, (Blame::Batch, Some(0), false));
            assert!(later.reason.contains("a bad one"), "{}", later.reason);
        }
        assert_eq!(log.lock().unwrap().len(), 1);
        let good = to.deliver(&all[14..50], 5_000).await.outcomes;
        assert_eq!(good, vec![Outcome::Delivered; 36]);
        let alone = to.deliver(&all[13..14], 5_000).await.outcomes;
        assert!(matches!(alone[..], [Outcome::Refused { .. }]), "{alone:?}");
    }
}

#[tokio::test]
async fn each_record_of_a_bulk_has_its_own_result() {
    let (url, _) = server(|_| {
        let results = json!({"results": [
            {"status": 201}, {"status": 409}, {"status": 422, "why": "bad"}, {"status": 503}, {},
        ]});
        (StatusCode::MULTI_STATUS, results.to_string()).into_response()
    })
    .await;
    let spec = bulk_spec(&url, batch(100, true));
    let outcomes = destination(spec).await.deliver(&records(5), 5_000).await.outcomes;
    assert_eq!(outcomes[0], Outcome::Delivered);
    assert_eq!(outcomes[1], Outcome::Skipped(SkipReason::Duplicate));
    assert_eq!(outcomes[2], Outcome::Refused { status: Some(422), reason: "bad".into() });
    assert!(later(&outcomes[3]).unknown);
    assert!(later(&outcomes[4]).unknown, "it has no result");
}

/// The first was dropped: by position, its neighbour's error would be its own.
#[tokio::test]
async fn a_bulk_with_more_or_fewer_results_than_records_is_unknown_as_a_whole() {
    let results = json!({"results": [{"status": 422, "why": "bad"}, {"status": 200}]}).to_string();
    let (url, _) = server(move |_| results.clone().into_response()).await;
    let spec = bulk_spec(&url, batch(100, true));
    let to = destination(spec).await;
    for count in [1, 3] {
        let outcomes = to.deliver(&records(count), 5_000).await.outcomes;
        assert_eq!(outcomes.len(), usize::try_from(count).unwrap());
        for outcome in outcomes {
            let later = later(&outcome);
            assert!(later.unknown && later.blame == Blame::Request, "{later:?}");
            let counts = format!("2 results for {count} record");
            assert!(later.reason.contains(&counts), "{}", later.reason);
        }
    }
}

fn by_email() -> Value {
    let mut batch = batch(100, true);
    batch["results"]["key"] = "email".into();
    batch["results"]["record_key"] = "email".into();
    batch["results"]["ignore_case"] = true.into();
    batch
}

/// Ada twice, in two spellings: whose result is whose could not be told from one answer.
fn leads() -> Vec<Outgoing> {
    let mut leads = records(3);
    for (lead, email) in leads.iter_mut().zip(["Ada@x", "eve@x", " ada@X"]) {
        lead.body = json!({ "email": email }).to_string().into();
    }
    leads
}

#[tokio::test]
async fn records_that_results_name_alike_go_one_after_the_other() {
    let (url, log) = server(|body| {
        let folded = |lead: &Value| lead["email"].as_str().unwrap().trim().to_lowercase();
        let result = |lead: &Value| json!({ "email": folded(lead), "status": "created" });
        let results: Vec<Value> = body["items"].as_array().unwrap().iter().map(result).collect();
        json!({ "results": results }).to_string().into_response()
    })
    .await;
    let spec = bulk_spec(&url, by_email());
    let to = destination(spec).await;
    let first = to.deliver(&leads(), 5_000).await.outcomes;
    assert_eq!(first[..2], [Outcome::Delivered, Outcome::Delivered]);
    let waits = later(&first[2]);
    let wait = (waits.blame, waits.after_ms, waits.unknown);
    assert_eq!(wait, (Blame::NotAttempted, Some(0), false), "it was not sent");
    assert_eq!(to.deliver(&leads()[2..], 5_000).await.outcomes, [Outcome::Delivered]);
    let log = log.lock().unwrap();
    let sent = log.iter().map(|arrived| arrived.body["items"].as_array().unwrap().len());
    assert_eq!(sent.collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn of_a_bulk_that_is_refused_as_a_whole_namesakes_are_in_parts_too() {
    let (url, _) = server(|_| (StatusCode::BAD_REQUEST, "a bad one").into_response()).await;
    let spec = bulk_spec(&url, by_email());
    for outcome in destination(spec).await.deliver(&leads(), 5_000).await.outcomes {
        assert_eq!(later(&outcome).blame, Blame::Batch);
    }
}

#[tokio::test]
async fn results_that_are_missing_leave_every_record_for_later() {
    for body in ["", "{}", "<html>", r#"{"results":[{"status":20"#] {
        let (url, _) = server(move |_| (StatusCode::OK, body).into_response()).await;
        let spec = bulk_spec(&url, batch(100, true));
        let outcomes = destination(spec).await.deliver(&records(2), 5_000).await.outcomes;
        assert!(outcomes.iter().all(|outcome| later(outcome).unknown), "{body}: {outcomes:?}");
    }
}
