//! What a page and its records say: records that are no JSON, keys that cannot be read, formats of timestamps,
//! charsets, and lists that are no arrays.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    extract::Query,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_core::{
    model::{EpochMs, Position, Record, Refused},
    ports::{Held, Source, SourceError},
};
use tokio::net::TcpListener;

use crate::flow::{NOW_MS, UNTIL_MS, set, source};

mod formats;
mod parked;
mod shapes;

/// What a server is asked.
type Asked = Vec<(String, String)>;

/// A server that answers each request by its query and its number from 0.
struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
}

async fn server(
    answer: impl Fn(&Asked, usize) -> Response + Clone + Send + Sync + 'static,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/list", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let router = Router::new().fallback(move |Query(asked): Query<Asked>| {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        let response = answer(&asked, number);
        async move { response }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { url, requests }
}

/// A server that answers every request with one body.
async fn fixed(body: impl Into<Bytes>, content_type: &'static str) -> Server {
    let body = body.into();
    server(move |_, _| ([(CONTENT_TYPE, content_type)], body.clone()).into_response()).await
}

async fn json_body(body: impl Into<Bytes>) -> Server {
    fixed(body, "application/json").await
}

fn param<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A flow's source by timestamp, in one response.
fn spec(server: &Server, cursor: Value) -> Value {
    let mut spec = json!({ "url": server.url, "cursor": { "by": "timestamp", "field": "at" },
        "pagination": "none", "timeout": "5s" });
    for (key, value) in cursor.as_object().unwrap() {
        spec["cursor"][key] = value.clone();
    }
    spec
}

/// What a walk gave.
#[derive(Debug, Default)]
struct Walked {
    records: Vec<Record>,
    refused: Vec<Refused>,
    held: Option<Held>,
}

impl Walked {
    fn ids(&self) -> Vec<String> {
        let good = self.records.iter().filter(|record| record.refused.is_none());
        good.map(|record| record.id.to_string()).collect()
    }

    /// The ids and reasons of what is parked.
    fn parked(&self) -> Vec<(String, String)> {
        let placed = self.records.iter().filter_map(|record| {
            Some((record.id.to_string(), record.refused.as_deref()?.to_owned()))
        });
        let others = self.refused.iter();
        let others = others.map(|it| (it.record.id.to_string(), it.reason.to_string()));
        placed.chain(others).collect()
    }

    fn last(&self) -> Position {
        self.records.last().map_or(Position::Start, |last| Position::At(last.mark.clone()))
    }
}

async fn walk_until(
    source: &dyn Source,
    from: Position,
    until_ms: EpochMs,
) -> Result<Walked, SourceError> {
    let mut walk = source.walk(from, until_ms);
    let mut walked = Walked::default();
    for _ in 0..1_000 {
        let batch = walk.next(NOW_MS + 60_000).await?;
        walked.records.extend(batch.records);
        walked.refused.extend(batch.refused);
        if batch.end {
            walked.held = batch.held;
            return Ok(walked);
        }
    }
    panic!("the walk does not end");
}

async fn walk(spec: Value) -> Result<Walked, SourceError> {
    walk_until(&*source(spec), Position::Start, UNTIL_MS).await
}

fn halt(walked: Result<Walked, SourceError>) -> String {
    match walked {
        Err(SourceError::Halt(message)) => message,
        other => panic!("{other:?}"),
    }
}

/// An array of records in pages of so many, by page number.
async fn pages(records: Vec<Value>, size: usize) -> (Server, Value) {
    let server = server(move |asked, _| {
        let page: usize = param(asked, "page").map_or(1, |page| page.parse().unwrap());
        let page: Vec<&Value> = records.iter().skip((page - 1) * size).take(size).collect();
        axum::Json(page).into_response()
    })
    .await;
    let mut spec = spec(&server, json!({}));
    set(&mut spec, "pagination", json!({ "page_number": { "param": "page" } }));
    (server, spec)
}
