//! A server whose every answer a test writes, and that remembers what it was asked.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_connectors::{Connected, HttpClient, Options, connect};
use tidegate_core::model::{EpochMs, Secret};
use tidegate_flow::Connection;
use tidegate_testkit::{MemoryStore, Seeded};
use tokio::net::TcpListener;

use crate::flow::{NOW_MS, TOKEN, destination_spec, flow};

/// What came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// From 0.
    pub number: usize,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    /// The query's parameters, in their order.
    pub fn query(&self) -> Vec<(String, String)> {
        pairs(self.uri.query().unwrap_or_default())
    }

    /// A parameter of the query.
    pub fn param(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The fields of a form, in their order.
    pub fn form(&self) -> Vec<(String, String)> {
        pairs(&self.body)
    }

    /// What was posted.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// A running server.
#[derive(Clone)]
pub struct Staged {
    pub base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Staged {
    /// Answers every request by what was asked.
    pub async fn start(answer: impl Fn(&Asked) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, answer) = (asked.clone(), Arc::new(answer));
        let router = Router::new().fallback(
            move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let body = String::from_utf8(body.to_vec()).unwrap();
                let mut log = log.lock().unwrap();
                let asked = Asked { number: log.len(), method, uri, headers, body };
                log.push(asked.clone());
                let response = answer(&asked);
                async move { response }
            },
        );
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, asked }
    }

    /// What came so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// `source.http` for a list of `{ "data": [{ "id": … }] }`, by the number of its page.
    pub fn numbered(&self) -> Value {
        json!({
            "url": format!("{}/orders", self.base),
            "records": "data",
            "cursor": { "by": "id" },
            "pagination": { "page_number": { "param": "page" } },
        })
    }
}

/// An answer of this status and body.
pub fn answer(status: u16, body: impl Into<String>) -> Response {
    (StatusCode::from_u16(status).unwrap(), body.into()).into_response()
}

/// The same, with headers.
pub fn answer_with(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response {
    let mut response = answer(status, body);
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

/// Of a list of so many records, a page of so many, by its number from 1, with what else the body says.
pub fn page_of(records: usize, size: usize, number: usize, rest: &str) -> String {
    let first = (number - 1) * size + 1;
    let ids = (first..first + size).filter(|id| *id <= records);
    let rows: Vec<String> = ids.map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    format!(r#"{{{rest}"data":[{}]}}"#, rows.join(","))
}

/// The number of the page that is asked for.
pub fn number_of(asked: &Asked) -> usize {
    asked.param("page").map_or(1, |page| page.parse().unwrap())
}

/// A flow on a shelf that others may share, with a clock that stands still.
pub fn on_shelf(spec: Value, shelf: &Arc<MemoryStore>) -> Connected {
    connected(spec, shelf, Some(NOW_MS))
}

/// The same, with the machine's clock.
pub fn ticking(spec: Value, shelf: &Arc<MemoryStore>) -> Connected {
    connected(spec, shelf, None)
}

fn connected(spec: Value, shelf: &Arc<MemoryStore>, now_ms: Option<EpochMs>) -> Connected {
    thread_local! {
        static HTTP: HttpClient = HttpClient::new().unwrap();
    }
    static CONNECTED: AtomicU64 = AtomicU64::new(1);
    let random = Arc::new(Seeded::new(CONNECTED.fetch_add(1, Relaxed)));
    let mut options = Options::new(HTTP.with(HttpClient::clone), shelf.clone(), random);
    if let Some(now_ms) = now_ms {
        options.now = Arc::new(move || now_ms);
    }
    let flow = flow(spec, destination_spec("http://127.0.0.1:9/"));
    let secrets = [("token".into(), Secret::new(TOKEN)), ("hush".into(), Secret::new("hush-hush"))];
    let connection = Connection { secrets: secrets.into(), ..Connection::default() };
    connect(&flow, &connection, &options).unwrap()
}
