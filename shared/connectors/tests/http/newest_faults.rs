//! Lists that begin with the newest record, and sources that are not at their best.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use axum::{Json, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};
use tidegate_core::ports::SourceError;

use crate::{
    flow::{TOKEN, set, source},
    stream::{Server, Stream},
};

/// A page of twenty rows of these ids.
fn rows(ids: impl Iterator<Item = u64>) -> Vec<Value> {
    ids.take(20).map(|id| json!({ "id": id, "created": 1_600_000_000 + id })).collect()
}

fn token() -> Value {
    json!({ "token": { "param": "token", "path": "next", "size_param": "limit" } })
}

fn page() -> Value {
    json!({ "page_number": { "param": "page", "size_param": "limit" } })
}

fn spec(server: &Server, pagination: Value) -> Value {
    json!({
        "url": format!("{}/events", server.base),
        "records": "data",
        "cursor": { "by": "timestamp", "field": "created", "format": "epoch_s", "newest_first": true },
        "pagination": pagination,
        "page_size": 20,
    })
}

/// A token far down expires, and the walk comes through fifty pages that were given before there is anything new:
/// that is no list that brings nothing.
#[tokio::test]
async fn repro_a_walk_that_is_begun_anew_comes_through_what_was_given() {
    let expired = AtomicBool::new(false);
    let server = Server::start(move |_, asked| {
        let page = asked.number("token").unwrap_or(0);
        if page == 50 && !expired.swap(true, Relaxed) {
            return StatusCode::GONE.into_response();
        }
        let data = rows((1..=1_100 - page * 20).rev());
        let next = (page < 54).then(|| (page + 1).to_string());
        Json(json!({ "data": data, "next": next })).into_response()
    })
    .await;
    let mut stream = Stream::default();
    assert!(stream.invoke(&*source(spec(&server, token())), usize::MAX).await);
    assert_eq!(stream.numbers(), (1..=1_100).collect::<Vec<u64>>());
}

/// Two servers answer for one API, and one of them does not have the newest row yet: the page below the top seems
/// to have lost a row each time, and the top to have it again. Ten pages that brought nothing were taken for the
/// list's end, and all below was lost.
#[tokio::test]
async fn repro_a_list_that_comes_and_goes_is_not_at_its_end() {
    let at_rest = Arc::new(AtomicBool::new(false));
    let rests = at_rest.clone();
    // At the top the servers take turns; below it, it is the one that lacks the row.
    let tops = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |_, asked| {
        let page = asked.number("page").unwrap_or(1) as usize;
        let lacks = match page {
            1 => tops.fetch_add(1, Relaxed) % 2 == 1,
            _ => true,
        };
        let lacks = lacks && !rests.load(Relaxed);
        let above = usize::from(lacks) + (page - 1) * 20;
        Json(json!({ "data": rows((1..=200).rev().skip(above)) })).into_response()
    })
    .await;
    let source = source(spec(&server, page()));
    let mut stream = Stream::default();
    let error = stream.try_invoke(&*source, usize::MAX).await.unwrap_err();
    assert!(matches!(&error, SourceError::Later { .. }), "{error}");
    assert!(server.requests() <= 24, "{}", server.requests());
    at_rest.store(true, Relaxed);
    stream.run(&*source, usize::MAX).await;
    assert_eq!(stream.numbers(), (1..=200).collect::<Vec<u64>>());
}

/// A token that repeats a secret stays out of the position: the next invocation goes down from the top again.
#[tokio::test]
async fn repro_a_token_that_repeats_a_secret_is_in_no_position() {
    let server = Server::start(move |_, asked| {
        let page = asked.query.get("token").map_or(0, |token| {
            token.strip_prefix(&format!("{TOKEN}/")).unwrap().parse::<u64>().unwrap()
        });
        let data = rows((1..=100 - page * 20).rev());
        let next = (page < 4).then(|| format!("{TOKEN}/{}", page + 1));
        Json(json!({ "data": data, "next": next })).into_response()
    })
    .await;
    let mut spec = spec(&server, token());
    set(&mut spec, "query", json!({ "key": "${secrets.token}" }));
    let source = source(spec);
    let mut stream = Stream::default();
    for records_max in [30, 50, 70, 90] {
        stream.try_invoke(&*source, records_max).await.unwrap();
        assert!(!stream.head.encode().contains(TOKEN), "{}", stream.head);
    }
    stream.run(&*source, usize::MAX).await;
    assert_eq!(stream.numbers(), (1..=100).collect::<Vec<u64>>());
}

/// The page whose next one cannot be told is delivered before the run stops.
#[tokio::test]
async fn repro_a_page_that_names_no_readable_next_one_is_given_before_the_halt() {
    let server = Server::start(move |_, _| {
        let data = rows((1..=20).rev());
        Json(json!({ "data": data, "next": { "page": 2 } })).into_response()
    })
    .await;
    let source = source(spec(&server, token()));
    let mut stream = Stream::default();
    for _ in 0..2 {
        let error = stream.try_invoke(&*source, usize::MAX).await.unwrap_err();
        assert!(error.to_string().contains("names no page"), "{error}");
        assert_eq!(stream.numbers(), (1..=20).collect::<Vec<u64>>());
    }
}
