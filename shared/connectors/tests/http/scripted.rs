//! An API that answers as a test says, and notes what it was asked.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{
    Json, Router,
    extract::{Query, Request},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_core::{model::Position, ports::SourceError};

use crate::{
    api::time,
    flow::{NOW_MS, UNTIL_MS, number, source},
};

/// A running API.
pub struct Scripted {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its number, from 0.
    pub number: usize,
    /// Where it came to: scheme, host and port.
    pub base: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub at: Instant,
}

impl Asked {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name).map(|text| text.parse().expect("it is a number"))
    }
}

impl Scripted {
    /// An API with this answer to every request.
    pub async fn start(answer: impl Fn(&Asked) -> Response + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (noted, answer, own) = (asked.clone(), Arc::new(answer), base.clone());
        let handler = move |Query(query): Query<Vec<(String, String)>>, request: Request| {
            let (noted, answer, base) = (noted.clone(), answer.clone(), own.clone());
            async move {
                let path = request.uri().path().to_owned();
                let asked = {
                    let mut noted = noted.lock().unwrap();
                    let number = noted.len();
                    noted.push(Asked { number, base, path, query, at: Instant::now() });
                    noted[number].clone()
                };
                answer(&asked)
            }
        };
        let router = Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url: format!("{base}/orders"), asked }
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The section `source.http` for it, by id, in pages of a hundred.
    pub fn spec(&self, pagination: Value) -> Value {
        json!({
            "url": self.url,
            "records": "data",
            "cursor": { "by": "id" },
            "pagination": pagination,
            "timeout": "5s",
        })
    }
}

/// A record: each of a second of its own.
pub fn record(id: i64) -> Value {
    json!({ "id": id, "updated_at": time(id) })
}

/// Records with these ids, and something beside them.
pub fn page(ids: impl IntoIterator<Item = i64>, beside: Value) -> Value {
    let mut body = beside;
    body["data"] = ids.into_iter().map(record).collect();
    body
}

/// The same as an answer.
pub fn answer(ids: impl IntoIterator<Item = i64>, beside: Value) -> Response {
    Json(page(ids, beside)).into_response()
}

/// Reads to the end or to an error, with what was given before it.
pub async fn read(spec: Value) -> (Vec<i64>, Option<SourceError>) {
    let source = source(spec);
    let mut walk = source.walk(Position::Start, UNTIL_MS);
    let mut ids = Vec::new();
    for _ in 0..10_000 {
        match walk.next(NOW_MS + 60_000).await {
            Ok(batch) => {
                ids.extend(batch.records.iter().map(|record| number(&record.id)));
                if batch.end {
                    return (ids, None);
                }
            }
            Err(error) => return (ids, Some(error)),
        }
    }
    panic!("it never ends");
}

/// It is a halt, and says this.
pub fn halted(error: Option<SourceError>, words: &[&str]) {
    let Some(SourceError::Halt(text)) = error else { panic!("no halt: {error:?}") };
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}
