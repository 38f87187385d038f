//! Lists whose last page brings a token for what will have changed since.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use crate::{
    flow::{TOKEN, set, source},
    stream::{Asked, Server, Stream},
};

/// Changes, by their number: the id of what changed. Tokens before `kept_from` have expired.
#[derive(Default)]
struct Log {
    changes: Vec<u64>,
    kept_from: usize,
}

type Shared = Arc<Mutex<Log>>;

/// Answers with what changed after a token, three to a page.
fn answer(log: &Log, server: &Server, asked: &Asked) -> Response {
    let (since, page) = match (asked.number("syncToken"), asked.query.get("pageToken")) {
        (_, Some(token)) => {
            let (since, page) = token.split_once('.').unwrap();
            (since.parse::<usize>().unwrap(), page.parse::<usize>().unwrap())
        }
        (Some(token), None) if (token as usize) < log.kept_from => {
            return StatusCode::GONE.into_response();
        }
        (token, None) => (token.unwrap_or(0) as usize, 0),
    };
    let changed = &log.changes[since..];
    let items: Vec<Value> =
        changed.iter().skip(page * 3).take(3).map(|id| json!({ "id": id })).collect();
    let mut body = json!({ "items": items });
    if changed.len() > (page + 1) * 3 {
        let token = format!("{since}.{}", page + 1);
        body["nextLink"] = format!("{}/items?pageToken={token}", server.base).into();
        body["nextPageToken"] = token.into();
    } else {
        let token = log.changes.len();
        body["deltaLink"] = format!("{}/items?syncToken={token}", server.base).into();
        body["nextSyncToken"] = token.to_string().into();
    }
    Json(body).into_response()
}

async fn api(changes: Vec<u64>) -> (Server, Shared) {
    let log = Arc::new(Mutex::new(Log { changes, kept_from: 0 }));
    let shared = log.clone();
    let server =
        Server::start(move |server, asked| answer(&log.lock().unwrap(), server, asked)).await;
    (server, shared)
}

/// By a token, as Google has it.
fn by_token(server: &Server) -> Value {
    json!({
        "url": format!("{}/items", server.base),
        "records": "items",
        "cursor": { "by": { "delta": { "path": "nextSyncToken" } }, "since": "syncToken" },
        "pagination": { "token": { "param": "pageToken", "path": "nextPageToken" } },
    })
}

/// By an address, as Graph has it.
fn by_address(server: &Server) -> Value {
    json!({
        "url": format!("{}/items", server.base),
        "records": "items",
        "cursor": { "by": { "delta": { "path": "deltaLink" } } },
        "pagination": { "next_url": { "path": "nextLink" } },
    })
}

fn ids(stream: &Stream) -> Vec<u64> {
    stream.delivered.iter().map(|record| record.id.to_string().parse().unwrap()).collect()
}

#[tokio::test]
async fn the_token_is_kept_from_run_to_run() {
    for spec in [by_token, by_address] {
        let (server, log) = api((1..=8).collect()).await;
        let source = source(spec(&server));
        let mut stream = Stream::default();
        assert!(stream.invoke(&*source, 100).await);
        assert_eq!(ids(&stream), (1..=8).collect::<Vec<_>>());
        log.lock().unwrap().changes.extend([3, 9]);
        let before = server.requests();
        assert!(stream.invoke(&*source, 100).await);
        assert_eq!(ids(&stream)[8..], [3, 9]);
        assert_eq!(server.requests() - before, 1, "only what has changed is asked for");
        // A record that comes again is newer: an older one never lands after it.
        let versions: Vec<_> = stream.delivered.iter().map(|record| record.version).collect();
        assert!(versions.is_sorted());
        // Nothing new moves nothing.
        let head = stream.head.clone();
        assert!(stream.invoke(&*source, 100).await);
        assert_eq!((stream.head, stream.delivered.len()), (head, 10));
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_off_goes_on_with_its_page() {
    for spec in [by_token, by_address] {
        let (server, _) = api((1..=30).collect()).await;
        let source = source(spec(&server));
        let mut stream = Stream::default();
        for _ in 0..40 {
            if stream.invoke(&*source, 7).await {
                break;
            }
        }
        let mut seen = ids(&stream);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (1..=30).collect::<Vec<_>>());
        // What is read again is the page at hand.
        assert!(stream.delivered.len() <= 30 + 2 * 5, "{}", stream.delivered.len());
    }
}

#[tokio::test]
async fn a_token_that_has_expired_has_everything_read_anew() {
    for spec in [by_token, by_address] {
        let (server, log) = api((1..=5).collect()).await;
        let source = source(spec(&server));
        let mut stream = Stream::default();
        assert!(stream.invoke(&*source, 100).await);
        log.lock().unwrap().changes.push(6);
        log.lock().unwrap().kept_from = 6;
        assert!(stream.invoke(&*source, 100).await);
        assert_eq!(ids(&stream)[5..], [1, 2, 3, 4, 5, 6]);
        log.lock().unwrap().changes.push(7);
        assert!(stream.invoke(&*source, 100).await);
        assert_eq!(ids(&stream)[11..], [7]);
    }
}

#[tokio::test]
async fn a_last_page_without_a_token_halts() {
    let (server, _) = api(vec![1]).await;
    let mut spec = by_token(&server);
    set(&mut spec, "cursor.by.delta.path", "meta.token");
    let error = Stream::default().try_invoke(&*source(spec), 9).await.unwrap_err().to_string();
    assert!(error.contains("the last page has no token at `meta.token`"), "{error}");
}

/// A token that repeats a secret may stand in no position: the run stops and says how the secret is to be sent.
#[tokio::test]
async fn a_token_that_repeats_a_secret_halts() {
    let server = Server::start(|_, _| {
        Json(json!({ "items": [{ "id": 1 }], "nextSyncToken": format!("{TOKEN}.7") }))
            .into_response()
    })
    .await;
    let mut spec = by_token(&server);
    set(&mut spec, "query", json!({ "key": "${secrets.token}" }));
    let mut stream = Stream::default();
    let error = stream.try_invoke(&*source(spec), 9).await.unwrap_err().to_string();
    assert!(error.contains("repeats a secret") && error.contains("source.http.auth"), "{error}");
    assert!(!error.contains(TOKEN) && !stream.head.encode().contains(TOKEN), "{error}");
}
