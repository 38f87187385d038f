//! A stream over several invocations, and a server that a closure answers for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Uri},
    response::Response,
};
use tidegate_core::{
    model::{Position, Record, Refused},
    ports::{Source, SourceError},
};
use tokio::net::TcpListener;

use crate::flow::{NOW_MS, UNTIL_MS};

/// A stream's state, as the fetcher keeps it.
#[derive(Default)]
pub struct Stream {
    pub head: Position,
    pub delivered: Vec<Record>,
    /// What was to be parked.
    pub refused: Vec<Refused>,
    pub requests: u32,
}

impl Stream {
    /// An invocation that is cut off after so many records. Answers whether the walk came to its end.
    pub async fn try_invoke(
        &mut self,
        source: &dyn Source,
        records_max: usize,
    ) -> Result<bool, SourceError> {
        let mut walk = source.walk(self.head.clone(), UNTIL_MS);
        let mut left = records_max;
        for _ in 0..10_000 {
            let batch = walk.next(NOW_MS + 60_000).await?;
            self.requests += batch.requests;
            self.refused.extend(batch.refused);
            for record in batch.records {
                if left == 0 {
                    return Ok(false);
                }
                left -= 1;
                self.move_to(&record.position());
                self.delivered.push(record);
            }
            if let Some(reached) = batch.reached {
                self.move_to(&reached);
            }
            if batch.end {
                return Ok(true);
            }
        }
        panic!("the walk does not end");
    }

    pub async fn invoke(&mut self, source: &dyn Source, records_max: usize) -> bool {
        self.try_invoke(source, records_max).await.unwrap()
    }

    /// Invocations, each cut off after so many records, until the walk came to its end.
    pub async fn run(&mut self, source: &dyn Source, records_max: usize) {
        for _ in 0..1_000 {
            if self.invoke(source, records_max).await {
                return;
            }
        }
        panic!("the walk does not end");
    }

    fn move_to(&mut self, position: &Position) {
        assert!(*position > self.head, "{position} after {}", self.head);
        // What is kept survives being written.
        self.head = Position::decode(&position.encode()).unwrap();
    }

    /// What was delivered, sorted; nothing twice.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.delivered.iter().map(|record| record.id.to_string()).collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "something was delivered twice");
        ids
    }

    /// The same, of ids that are numbers.
    pub fn numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.ids().iter().map(|id| id.parse().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// A request as a server saw it.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    /// A query parameter that is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name).map(|text| text.parse().unwrap())
    }
}

/// A running server, and what it was asked.
#[derive(Clone)]
pub struct Server {
    pub base: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers by a closure.
    pub async fn start(
        mut answer: impl FnMut(&Server, &Asked) -> Response + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { base, asked: Arc::default() };
        let this = server.clone();
        let answers = Arc::new(Mutex::new(move |asked: &Asked| answer(&this, asked)));
        let log = server.asked.clone();
        let handler = move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            let asked = Asked {
                path: uri.path().to_owned(),
                query: pairs.into_owned().collect(),
                headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            };
            let response = (answers.lock().unwrap())(&asked);
            log.lock().unwrap().push(asked);
            async move { response }
        };
        let router = Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    /// How often it was asked.
    pub fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The last request.
    pub fn last(&self) -> Asked {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}
