//! Lists that are asked for by POST: all that holds for GET holds here.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_core::{model::Position, ports::SourceError};
use tokio::net::TcpListener;

use crate::{
    api::{Api, Behaviour, Order, Sort, Style},
    flow::{TOKEN, UNTIL_MS, posted, set, source, source_spec, unset, walk},
};

fn orders(count: i64) -> Vec<Order> {
    (0..count).map(|n| Order { id: n, at: n }).collect()
}

async fn api(style: Style, sort: Sort, count: i64) -> Api {
    Api::start(Behaviour::new(style, sort, orders(count))).await
}

/// What came: method, path and body.
type Seen = Arc<Mutex<Vec<(Method, String, String)>>>;

/// A server that answers by path and remembers who came.
async fn server(answer: fn(&str) -> Response) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let router = Router::new().fallback(move |method: Method, uri: Uri, body: Bytes| {
        let body = String::from_utf8(body.to_vec()).unwrap();
        log.lock().unwrap().push((method, uri.path().to_owned(), body));
        async move { answer(uri.path()) }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (base, seen)
}

#[tokio::test]
async fn a_token_that_goes_alone_takes_nothing_along() {
    // More of one moment than a page holds: only then is a token needed beside `since`.
    let tied = (0..250).map(|n| Order { id: n, at: n / 240 }).collect();
    for since in [true, false] {
        let api = Api::start(Behaviour::new(Style::Token, Sort::Time, Vec::clone(&tied))).await;
        let mut spec = posted(source_spec(&api));
        set(&mut spec, "pagination.token.alone", true);
        if !since {
            unset(&mut spec, "cursor.since");
        }
        let walked = walk(&*source(spec), Position::Start).await.unwrap();
        assert_eq!(walked.records.len(), 250);
        let bodies = api.now().bodies.clone();
        let alone = bodies.iter().filter(|body| body.get("fixed").is_none()).count();
        assert!(alone >= 2, "{bodies:?}");
        assert!(alone < bodies.len());
    }
}

#[tokio::test]
async fn ids_and_epochs_are_sent_as_numbers_and_other_timestamps_as_texts() {
    let since = |api: &Api| {
        let bodies = &api.now().bodies;
        bodies.iter().filter_map(|body| body["filters"][1].get("since").cloned()).next_back()
    };
    let by_id = api(Style::PageNumber, Sort::Id, 120).await;
    walk(&*source(posted(source_spec(&by_id))), Position::Start).await.unwrap();
    assert_eq!(since(&by_id), Some(json!(119)));
    let by_time = api(Style::PageNumber, Sort::TimeId, 120).await;
    walk(&*source(posted(source_spec(&by_time))), Position::Start).await.unwrap();
    assert_eq!(since(&by_time), Some(json!("2024-01-01 00:01:59")));
}

#[tokio::test]
async fn the_first_position_and_the_upper_bound_have_their_places() {
    let (base, seen) = server(|_| r#"{"data":[]}"#.into_response()).await;
    let any = api(Style::Token, Sort::TimeId, 0).await;
    let mut spec = posted(source_spec(&any));
    set(&mut spec, "url", base);
    set(&mut spec, "cursor.by", "timestamp");
    set(&mut spec, "cursor.format", "epoch_ms");
    set(&mut spec, "cursor.start", "0");
    set(&mut spec, "cursor.until", "filters.1.until");
    walk(&*source(spec), Position::Start).await.unwrap();
    let body: Value = serde_json::from_str(&seen.lock().unwrap()[0].2).unwrap();
    assert_eq!(body["filters"][1], json!({ "since": 0, "until": UNTIL_MS }));
    assert_eq!(body["page"], json!({ "limit": 100 }));
}

#[tokio::test]
async fn a_failed_post_is_tried_again_with_the_same_body() {
    let mut behaviour = Behaviour::new(Style::PageNumber, Sort::TimeId, orders(30));
    behaviour.instead = Some(|number| match number {
        0 => Some((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")]).into_response()),
        1 => Some("{\"data\":[".into_response()),
        _ => None,
    });
    let api = Api::start(behaviour).await;
    let walked = walk(&*source(posted(source_spec(&api))), Position::Start).await.unwrap();
    assert_eq!(walked.records.len(), 30);
    let bodies = api.now().bodies.clone();
    assert_eq!(walked.requests as usize, bodies.len());
    assert!(bodies[1..3].iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[tokio::test]
async fn a_refusal_ends_the_walk_and_shows_no_secret() {
    let (base, seen) = server(|_| StatusCode::BAD_REQUEST.into_response()).await;
    let any = api(Style::PageNumber, Sort::TimeId, 0).await;
    let mut spec = posted(source_spec(&any));
    set(&mut spec, "url", format!("{base}/?key=${{secrets.token}}"));
    let error = walk(&*source(spec), Position::Start).await.unwrap_err();
    let SourceError::Halt(text) = &error else { panic!("{error}") };
    assert!(text.contains("400") && text.contains("body"), "{text}");
    assert!(!text.contains(TOKEN), "{text}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_redirect_takes_the_body_along_or_ends_the_walk() {
    fn answer(path: &str) -> Response {
        let to = |status| (status, [(header::LOCATION, "/there")]).into_response();
        match path {
            "/there" => r#"{"data":[]}"#.into_response(),
            "/found" => to(StatusCode::FOUND),
            "/see" => to(StatusCode::SEE_OTHER),
            "/moved" => to(StatusCode::PERMANENT_REDIRECT),
            _ => to(StatusCode::TEMPORARY_REDIRECT),
        }
    }
    let any = api(Style::PageNumber, Sort::TimeId, 0).await;
    for (path, follows) in [("/found", false), ("/see", false), ("/moved", true), ("/now", true)] {
        let (base, seen) = server(answer).await;
        let mut spec = posted(source_spec(&any));
        set(&mut spec, "url", format!("{base}{path}"));
        let walked = walk(&*source(spec), Position::Start).await;
        let seen = seen.lock().unwrap().clone();
        if follows {
            assert_eq!(walked.unwrap().requests, 2, "{path}");
            let (method, place, body) = &seen[1];
            assert_eq!((method, place.as_str(), body), (&Method::POST, "/there", &seen[0].2));
        } else {
            let text = walked.unwrap_err().to_string();
            assert!(text.contains("source.http.url"), "{text}");
            assert_eq!(seen.len(), 1, "{path}");
        }
    }
    // Whatever the status, nothing leaves for another origin.
    let (elsewhere, visits) = server(|_| r#"{"data":[]}"#.into_response()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().fallback(move || {
        let to = elsewhere.clone();
        async move { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]) }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let mut spec = posted(source_spec(&any));
    set(&mut spec, "url", url);
    let error = walk(&*source(spec), Position::Start).await.unwrap_err();
    assert!(error.to_string().contains("credentials"), "{error}");
    assert!(visits.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_answered_to_a_post_is_read_as_ever() {
    let (base, _) = server(|_| r#"{"hits":{"all":[{"id":1},{"id":2}]}}"#.into_response()).await;
    let any = api(Style::None, Sort::Id, 0).await;
    let mut spec = posted(source_spec(&any));
    set(&mut spec, "url", base);
    set(&mut spec, "records", "hits.all");
    unset(&mut spec, "cursor.since");
    assert_eq!(walk(&*source(spec), Position::Start).await.unwrap().ids(), [1, 2]);
}
