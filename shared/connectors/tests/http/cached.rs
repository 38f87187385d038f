//! Look-ups whose answers are used again: by this process, by others, and by those who ask at once.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::json;
use tidegate_connectors::{HttpClient, Options, connect};
use tidegate_core::{
    model::{Blame, Kept, Later, ShelfKey},
    ports::{BoxFuture, Clock, Found, Lookup, Shelf, Swap, Unavailable},
};
use tidegate_testkit::{ManualClock, MemoryStore, Seeded};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};
use url::form_urlencoded;

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
    fn of(file: &str, shelf: Arc<dyn Shelf>, clock: &ManualClock) -> Self {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_at_once_ask_for_each_key_once() {
    let slowly = |_, keys: Vec<String>| -> BoxFuture<'static, Response> {
        Box::pin(async move {
            sleep(Duration::from_millis(20)).await;
            prices(&keys)
        })
    };
    let api = Api::start(Arc::new(slowly)).await;
    let process = Process::alone(&api);
    let mut running = JoinSet::new();
    for number in 0..20 {
        let process = process.clone();
        running.spawn(async move {
            for round in 0..5 {
                // Each overlaps with its neighbours, who go the other way round.
                let mut keys: Vec<String> = (0..30)
                    .map(|n| format!("key-{}", (round * 40 + number * 5 + n) % 200))
                    .collect();
                if number % 2 == 0 {
                    keys.reverse();
                }
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                process.ask(&keys).await;
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    let mut asked = api.asked().concat();
    asked.sort_unstable();
    let mut each: Vec<String> = (0..200).map(|n| format!("key-{n}")).collect();
    each.sort_unstable();
    assert_eq!(asked, each);
}

/// The first request has no answer until it is opened, or ever; those after it have one at once.
async fn first_waits(gate: Option<Arc<tokio::sync::Notify>>) -> Api {
    let answers = move |n, keys: Vec<String>| -> BoxFuture<'static, Response> {
        let gate = gate.clone();
        Box::pin(async move {
            match gate {
                Some(gate) if n == 1 => gate.notified().await,
                None if n == 1 => pending().await,
                _ => {}
            }
            prices(&keys)
        })
    };
    Api::start(Arc::new(answers)).await
}

#[tokio::test]
async fn what_others_ask_for_is_waited_for_and_the_rest_asked_at_once() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let api = first_waits(Some(gate.clone())).await;
    let process = Process::alone(&api);
    let spawn = |keys: &'static [&'static str]| {
        let process = process.clone();
        tokio::spawn(async move { process.look_up(keys).await.unwrap() })
    };
    let first = spawn(&["a", "bb"]);
    api.arrived(1).await;
    let (second, third) = (spawn(&["bb", "c", "no"]), spawn(&["bb", "a"]));
    api.arrived(2).await;
    sleep(SOON).await;
    assert_eq!(api.asked(), [vec!["a", "bb"], vec!["c", "no"]]);
    assert!(!first.is_finished() && !second.is_finished() && !third.is_finished());
    gate.notify_one();
    assert_eq!(first.await.unwrap(), found(&["a", "bb"]));
    assert_eq!(second.await.unwrap(), found(&["bb", "c", "no"]));
    assert_eq!(third.await.unwrap(), found(&["bb", "a"]));
    assert_eq!(api.asked().len(), 2);
}

#[tokio::test]
async fn who_waits_for_one_who_is_dropped_asks_itself() {
    let api = first_waits(None).await;
    let process = Process::alone(&api);
    let spawn = |keys: &'static [&'static str]| {
        let process = process.clone();
        tokio::spawn(async move { process.look_up(keys).await })
    };
    let first = spawn(&["a", "bb"]);
    api.arrived(1).await;
    let (same, part) = (spawn(&["bb", "a"]), spawn(&["bb", "c"]));
    api.arrived(2).await;
    sleep(SOON).await;
    first.abort();
    assert_eq!(same.await.unwrap().unwrap(), found(&["bb", "a"]));
    assert_eq!(api.asked()[1..], [vec!["c"], vec!["bb", "a"]]);
    // It has had its request: the application looks up halves, each with a request of its own.
    let later = part.await.unwrap().unwrap_err();
    assert_eq!((later.blame, later.unknown), (Blame::Batch, false));
    process.ask(&["bb"]).await;
    process.ask(&["c"]).await;
    assert_eq!(api.asked().len(), 3);
}

#[tokio::test]
async fn who_waits_for_one_who_fails_asks_itself() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let opened = gate.clone();
    let answers = move |n, keys: Vec<String>| -> BoxFuture<'static, Response> {
        let gate = gate.clone();
        Box::pin(async move {
            if n > 1 {
                return prices(&keys);
            }
            gate.notified().await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        })
    };
    let api = Api::start(Arc::new(answers)).await;
    let process = Process::alone(&api);
    let first = tokio::spawn({
        let process = process.clone();
        async move { process.look_up(&["a"]).await }
    });
    api.arrived(1).await;
    let mut waiting = JoinSet::new();
    for _ in 0..5 {
        let process = process.clone();
        waiting.spawn(async move { process.look_up(&["a"]).await });
    }
    sleep(SOON).await;
    opened.notify_one();
    assert_eq!(first.await.unwrap().unwrap_err().blame, Blame::Destination);
    while let Some(found) = waiting.join_next().await {
        assert_eq!(found.unwrap().unwrap(), [price("a")]);
    }
    assert_eq!(api.asked().len(), 2, "one of them asks, the others wait for it");
}

#[tokio::test]
async fn nobody_waits_longer_than_its_own_time() {
    let api = first_waits(None).await;
    let process = Process::alone(&api);
    let first = tokio::spawn({
        let process = process.clone();
        async move { process.look_up(&["a"]).await }
    });
    api.arrived(1).await;
    let started = std::time::Instant::now();
    let later = process.lookup.look_up(&keys(&["a"]), 150).await.found.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!((later.blame, later.unknown), (Blame::Entity, false), "nothing failed");
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    process.ask(&["a"]).await;
    assert_eq!(api.asked().len(), 2);
}

/// A shelf that counts its calls, and may give no answer.
#[derive(Default)]
struct Spy {
    inner: MemoryStore,
    calls: AtomicUsize,
    kept: Mutex<Vec<(ShelfKey, Kept)>>,
    fails: AtomicBool,
    hangs: AtomicBool,
}

impl Spy {
    fn default() -> Arc<Self> {
        Arc::new(<Self as Default>::default())
    }

    async fn call<T>(&self, act: impl FnOnce() -> T) -> Result<T, Unavailable> {
        self.calls.fetch_add(1, SeqCst);
        if self.hangs.load(SeqCst) {
            pending::<()>().await;
        }
        if self.fails.load(SeqCst) {
            return Err(Unavailable("throttled".into()));
        }
        Ok(act())
    }
}

impl Shelf for Spy {
    fn kept<'a>(
        &'a self,
        keys: &'a [ShelfKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, Unavailable>> {
        Box::pin(self.call(|| self.inner.kept_now(keys)))
    }

    fn keep<'a>(&'a self, items: &'a [(ShelfKey, Kept)]) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(self.call(|| {
            self.kept.lock().unwrap().extend_from_slice(items);
            self.inner.keep_now(items);
        }))
    }

    fn swap<'a>(
        &'a self,
        _: &'a ShelfKey,
        _: Option<&'a Kept>,
        _: &'a Kept,
    ) -> BoxFuture<'a, Result<Swap, Unavailable>> {
        panic!("a look-up never swaps")
    }
}

#[tokio::test]
async fn all_keys_are_one_read_and_one_write() {
    let (api, shelf) = (Api::prices().await, Spy::default());
    let process = Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock());
    process.known(&[]).await;
    assert_eq!(shelf.calls.load(SeqCst), 0);
    process.ask(&["a", "bb", "no"]).await;
    process.ask(&["a", "bb", "no"]).await;
    assert_eq!(shelf.calls.load(SeqCst), 2);
    let kept = shelf.kept.lock().unwrap();
    assert_eq!(kept.len(), 3);
    for (key, kept) in &*kept {
        assert!(key.as_str().starts_with("lookup/") && key.as_str().len() <= 900);
        assert_eq!(kept.expires_ms, NOW_MS + CACHE_MS);
    }
}

#[tokio::test]
async fn without_the_shelf_it_is_only_asked_more_often() {
    for hangs in [false, true] {
        let (api, shelf) = (Api::prices().await, Spy::default());
        shelf.fails.store(true, SeqCst);
        shelf.hangs.store(hangs, SeqCst);
        let process = || Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock());
        let first = process();
        // The time that it waits for the shelf is little, whatever it is given.
        let asked = tokio::time::timeout(Duration::from_secs(8), first.ask(&["a", "no"]));
        asked.await.unwrap();
        assert_eq!(first.known(&["a", "no"]).await, [Some(price("a")), Some(None)]);
        assert_eq!(shelf.calls.load(SeqCst), 2);
        shelf.hangs.store(false, SeqCst);
        process().ask(&["a", "no"]).await;
        shelf.fails.store(false, SeqCst);
        process().ask(&["a", "no"]).await;
        process().ask(&["a", "no"]).await;
        assert_eq!(api.asked().len(), 3);
    }
}

/// What was found is known, even if its look-up dies while it is put on the shelf.
#[tokio::test]
async fn a_look_up_that_is_dropped_at_the_shelf_leaves_its_answer() {
    let (api, shelf) = (Api::prices().await, Spy::default());
    let process = Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock());
    shelf.hangs.store(true, SeqCst);
    {
        let asked = keys(&["a"]);
        let mut look_up = process.lookup.look_up(&asked, TIMEOUT_MS);
        tokio::select! {
            _ = &mut look_up => panic!("the shelf hangs"),
            () = async { while shelf.calls.load(SeqCst) == 0 { sleep(SOON / 10).await } } => {}
        }
    }
    assert_eq!(process.look_up(&["a"]).await.unwrap(), [price("a")]);
    assert_eq!(api.asked().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_asked_for_and_put_right() {
    let (api, shelf) = (Api::prices().await, Spy::default());
    let process = || Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock());
    process().ask(&["a", "bb", "no"]).await;
    let garbage = ["", "garbage", "\u{1}[1]", "\u{1}{\"price\":", "\u{2}\0\0\0\u{1}"];
    let kept = shelf.kept.lock().unwrap().clone();
    for (asked, garbage) in garbage.into_iter().enumerate() {
        let spoiled = kept.iter().map(|(key, kept)| {
            (key.clone(), Kept { value: Bytes::from_static(garbage.as_bytes()), ..kept.clone() })
        });
        shelf.inner.keep_now(&spoiled.collect::<Vec<_>>());
        process().ask(&["a", "bb", "no"]).await;
        process().ask(&["a", "bb", "no"]).await;
        assert_eq!(api.asked().len(), asked + 2, "{garbage:?}");
    }
    // Of a writer whose clock is years ahead: it is used no longer than the flow says.
    let ahead = |(key, kept): &(ShelfKey, Kept)| {
        (key.clone(), Kept { expires_ms: i64::MAX, ..kept.clone() })
    };
    shelf.inner.keep_now(&kept.iter().map(ahead).collect::<Vec<_>>());
    let clock = clock();
    let late = Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock);
    let requests = api.asked().len();
    late.ask(&["a"]).await;
    assert_eq!(api.asked().len(), requests);
    shelf.inner.keep_now(&kept);
    clock.advance(CACHE_MS);
    late.ask(&["a"]).await;
    assert_eq!(api.asked().len(), requests + 1);
}

#[tokio::test]
async fn a_large_record_is_kept_in_memory_alone() {
    let answers = |_, keys: Vec<String>| -> BoxFuture<'static, Response> {
        let key = keys[0].clone();
        let bytes: u32 = key.parse().unwrap();
        // No two pieces alike, so that packing helps little.
        let piece = |n: u32| format!("{:08x}", n.wrapping_mul(2_654_435_761));
        let text: String = (0..bytes / 8).map(piece).collect();
        let body = json!([{"sku": key, "text": text}]).to_string();
        Box::pin(async move { body.into_response() })
    };
    let (api, shelf) = (Api::start(Arc::new(answers)).await, Spy::default());
    let process = || Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock());
    let first = process();
    for (key, in_memory, on_shelf) in
        [("80000", true, true), ("150000", true, false), ("2000000", false, false)]
    {
        let found = first.look_up(&[key]).await.unwrap();
        let known = |known: bool| vec![known.then(|| found[0].clone())];
        assert_eq!(first.known(&[key]).await, known(in_memory), "{key}");
        assert_eq!(process().known(&[key]).await, known(on_shelf), "{key}");
    }
    assert_eq!(api.asked().len(), 3);
}
