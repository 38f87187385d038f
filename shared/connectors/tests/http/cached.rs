//! Look-ups whose answers are used again: by this process and by others, for as long as the flow says.

mod at_once;
mod shelf;
mod spy;

use std::{
    sync::{Arc, Mutex, atomic::Ordering::SeqCst},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tidegate_connectors::{HttpClient, Options, connect};
use tidegate_core::{
    model::Later,
    ports::{BoxFuture, Clock, Found, KeyValueStore, Lookup},
};
use tidegate_testkit::{ManualClock, MemoryStore, Seeded};
use tokio::{net::TcpListener, time::sleep};
use url::form_urlencoded;

use self::spy::Spy;
use crate::flow::{NOW_MS, connection};

const CACHE_MS: i64 = 600_000;
const TIMEOUT_MS: u64 = 5_000;
/// As the application goes on to look up.
const SOON: Duration = Duration::from_millis(100);

/// An API of prices. It knows all keys but those that begin with `no`.
struct Api {
    url: String,
    /// The keys of each request, in order of arrival.
    asked: Arc<Mutex<Vec<Vec<String>>>>,
}

/// What becomes of the n-th request for some keys.
type Answers = Arc<dyn Fn(usize, Vec<String>) -> BoxFuture<'static, Response> + Send + Sync>;

impl Api {
    async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Vec<String>>>>::default();
        let log = asked.clone();
        let router = Router::new().fallback(move |request: Request| {
            let query = request.uri().query().unwrap_or_default();
            let keys = form_urlencoded::parse(query.as_bytes()).map(|(_, key)| key.into_owned());
            let keys: Vec<String> = keys.collect();
            let mut log = log.lock().unwrap();
            log.push(keys.clone());
            answers(log.len(), keys)
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked }
    }

    /// One that answers.
    async fn prices() -> Self {
        Self::start(Arc::new(|_, keys| Box::pin(async move { prices(&keys) }))).await
    }

    fn asked(&self) -> Vec<Vec<String>> {
        self.asked.lock().unwrap().clone()
    }

    async fn arrived(&self, requests: usize) {
        while self.asked().len() < requests {
            sleep(Duration::from_millis(2)).await;
        }
    }
}

fn prices(keys: &[String]) -> Response {
    let known = keys.iter().filter(|key| !key.starts_with("no"));
    let prices: Vec<_> = known.map(|key| json!({"sku": key, "price": key.len()})).collect();
    json!(prices).to_string().into_response()
}

fn price(key: &str) -> Found {
    let price = format!(r#"{{"price":{},"sku":"{key}"}}"#, key.len());
    (!key.starts_with("no")).then(|| price.into())
}

/// What one process makes of the flow: its own memory, the common shelf.
struct Process {
    lookup: Box<dyn Lookup>,
}

fn file(url: &str, cache: &str) -> String {
    format!(
        "flow: prices
source: {{ http: {{ url: 'https://a.example', cursor: {{ by: id }}, pagination: none }} }}
lookup:
  by: sku
  {cache}
  http: {{ url: '{url}/prices', query: {{ sku: '${{lookup.key}}' }}, key: sku }}
transform: {{ map: {{ price: {{ lookup: price }} }} }}
destination: {{ http: {{ url: 'https://b.example' }} }}
"
    )
}

impl Process {
    fn of(file: &str, shelf: Arc<dyn KeyValueStore>, clock: &ManualClock) -> Self {
        let clock = clock.clone();
        let http = HttpClient::new().unwrap();
        let options = Options {
            now: Arc::new(move || clock.now_ms()),
            ..Options::new(http, shelf, Arc::new(Seeded::new(1)))
        };
        let flow = tidegate_flow::parse("prices.yaml", file).unwrap_or_else(|e| panic!("{e}"));
        Self { lookup: connect(&flow, &connection(), &options).unwrap().lookup.unwrap() }
    }

    fn new(api: &Api, shelf: &Arc<MemoryStore>, clock: &ManualClock) -> Self {
        Self::of(&file(&api.url, "cache: 10m"), shelf.clone(), clock)
    }

    /// One that is alone in the world.
    fn alone(api: &Api) -> Arc<Self> {
        Arc::new(Self::new(api, &Arc::default(), &clock()))
    }

    async fn known(&self, asked: &[&str]) -> Vec<Option<Found>> {
        self.lookup.known(&keys(asked)).await
    }

    async fn look_up(&self, asked: &[&str]) -> Result<Vec<Found>, Later> {
        self.lookup.look_up(&keys(asked), TIMEOUT_MS).await.found
    }

    /// As the application does it.
    async fn ask(&self, asked: &[&str]) {
        let known = self.known(asked).await;
        let open = asked.iter().zip(&known).filter(|(_, known)| known.is_none());
        let open: Vec<&str> = open.map(|(key, _)| *key).collect();
        for (key, known) in asked.iter().zip(known) {
            assert!(known.is_none_or(|found| found == price(key)), "{key}");
        }
        if !open.is_empty() {
            assert_eq!(self.look_up(&open).await.unwrap(), found(&open));
        }
    }
}

fn found(keys: &[&str]) -> Vec<Found> {
    keys.iter().map(|key| price(key)).collect()
}

fn keys(keys: &[&str]) -> Vec<Box<str>> {
    keys.iter().map(|key| (*key).into()).collect()
}

fn clock() -> ManualClock {
    ManualClock::at(NOW_MS)
}

#[tokio::test]
async fn what_was_found_and_what_was_not_is_asked_for_once_by_all_processes() {
    let (api, shelf, clock) = (Api::prices().await, Arc::default(), clock());
    let first = Process::new(&api, &shelf, &clock);
    assert_eq!(first.known(&["a", "bb", "no"]).await, [None, None, None]);
    first.ask(&["a", "bb", "no"]).await;
    first.ask(&["bb", "no", "a"]).await;
    assert_eq!(api.asked(), [["a", "bb", "no"]]);

    let second = Process::new(&api, &shelf, &clock);
    let (a, no) = (Some(price("a")), Some(None));
    let known = second.known(&["no", "c", "a", "no", "c"]).await;
    assert_eq!(known, [no.clone(), None, a, no, None], "in order, one twice or not");
    assert_eq!(second.known(&[]).await, []);
    assert_eq!(second.look_up(&[]).await.unwrap(), []);
    second.ask(&["a", "bb", "no"]).await;
    assert_eq!(api.asked().len(), 1);
    second.ask(&["a", "c"]).await;
    first.ask(&["c"]).await;
    assert_eq!(api.asked()[1..], [["c"]]);
}

#[tokio::test]
async fn an_answer_is_used_as_long_as_the_flow_says() {
    let (api, shelf, clock) = (Api::prices().await, Arc::default(), clock());
    let first = Process::new(&api, &shelf, &clock);
    first.ask(&["a", "no"]).await;
    clock.advance(CACHE_MS - 1);
    // From the shelf, in the last moment: it does not begin to live anew.
    let second = Process::new(&api, &shelf, &clock);
    second.ask(&["a", "no"]).await;
    first.ask(&["a", "no"]).await;
    assert_eq!(api.asked().len(), 1);
    clock.advance(1);
    for process in [&first, &second] {
        assert_eq!(process.known(&["a"]).await, [None]);
    }
    first.ask(&["a", "no"]).await;
    assert_eq!(api.asked()[1..], [["a", "no"]]);
    second.ask(&["a", "no"]).await;
    assert_eq!(api.asked().len(), 2);
}

#[tokio::test]
async fn nothing_is_kept_where_the_flow_says_nothing_and_a_changed_flow_finds_nothing() {
    let (api, shelf) = (Api::prices().await, Spy::default());
    let fresh = Process::of(&file(&api.url, ""), shelf.clone(), &clock());
    fresh.ask(&["a"]).await;
    fresh.ask(&["a"]).await;
    assert_eq!((api.asked().len(), shelf.calls.load(SeqCst)), (2, 0));
    for (asked, cache) in [(3, "cache: 10m"), (3, "cache: 10m"), (4, "cache: 9m")] {
        Process::of(&file(&api.url, cache), shelf.clone(), &clock()).ask(&["a"]).await;
        assert_eq!(api.asked().len(), asked, "{cache}");
    }
}
