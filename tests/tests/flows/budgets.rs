//! Flows that share one budget: two hosts, each with its own queue, over one table.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, header::HOST as HOST_HEADER},
    routing::post,
};
use tidegate::embedded::{self, EmbeddedApp, Handlers, State};
use tidegate_core::{
    model::StreamId,
    ports::{Clock, CursorStore},
};
use tidegate_examples::{
    faults::Rate,
    orders::{DestinationConfig, Orders, OrdersConfig},
};
use tidegate_local::{Host, Next};
use tidegate_runtime::WallClock;

use super::{
    on_table::{self, HOST},
    world::ORDERS_BY_ID,
};

const CONCURRENCY: u32 = 4;

/// A destination that permits 30 requests a second, in windows so long that a busy machine's hiccups do
/// not count.
async fn orders(records: u64) -> Orders {
    let destination = DestinationConfig {
        latency_ms: 20,
        rate: Some(Rate { requests: 90, per_ms: 3_000 }),
        concurrency_max: Some(CONCURRENCY),
        // Each flow moves every order.
        ignore_idempotency: true,
        ..DestinationConfig::default()
    };
    let config = OrdersConfig { records, destination, ..OrdersConfig::default() };
    Orders::start(config).await.expect("the example APIs start")
}

/// Stands before the destination, and counts what it takes of each flow.
#[derive(Clone)]
struct Counter {
    base: String,
    destination: String,
    http: reqwest::Client,
    taken: Arc<Mutex<HashMap<String, u32>>>,
}

impl Counter {
    async fn start(orders: &Orders) -> Self {
        // Once a process: another test may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let counter = Self {
            base: format!("http://{}", listener.local_addr().expect("it is bound")),
            destination: orders.destination_url.clone(),
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            taken: Arc::default(),
        };
        let router = Router::new().route("/{flow}", post(Self::pass)).with_state(counter.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        counter
    }

    async fn pass(
        Shared(counter): Shared<Self>,
        Path(flow): Path<String>,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> (StatusCode, Bytes) {
        headers.remove(HOST_HEADER);
        let url = format!("{}/fulfillments", counter.destination);
        let answer = counter.http.post(url).headers(headers).body(body).send().await;
        let answer = answer.expect("the example answers");
        let status = answer.status();
        if status.is_success() {
            *counter.taken.lock().expect("no panic").entry(flow).or_default() += 1;
        }
        (status, answer.bytes().await.expect("it is whole"))
    }

    fn taken(&self, flow: &str) -> u32 {
        self.taken.lock().expect("no panic").get(flow).copied().unwrap_or(0)
    }
}

/// One flow of those that share the budget.
struct Sharing<'a> {
    name: &'a str,
    priority: &'a str,
    destination: &'a Counter,
}

impl Sharing<'_> {
    fn file(&self) -> String {
        let Self { name, priority, destination } = self;
        let url = format!("{}/{name}", destination.base);
        format!(
            "flow: {name}
{ORDERS_BY_ID}    page_size: 20
transform: {{ map: {{ external_id: id }} }}
destination:
  http:
    url: {url}
    auth: {{ api_key: {{ header: X-Api-Key, value: '${{secrets.destination_key}}' }} }}
page: {{ records_max: 20 }}
limits: {{ rate: 90/3s, concurrency: {CONCURRENCY}, budget: crm, priority: {priority} }}
ordering: none
"
        )
    }

    /// Its app over the shared table, with a queue of its own.
    fn app(&self, orders: &Orders, state: &State) -> (StreamId, Arc<EmbeddedApp>) {
        on_table::app(self.name, &self.file(), orders, state)
    }
}

/// Runs until everything is settled.
async fn run(stream: StreamId, app: Arc<EmbeddedApp>) {
    let must_reach_ms = WallClock::default().now_ms();
    let queue = app.ports.queue.clone();
    let host = Host::new(WallClock::default(), queue, Arc::new(Handlers(app)), HOST);
    let after = |answer: Result<tidegate_core::app::FetchReport, _>| {
        let report = answer.expect("nothing fails here");
        let over = report.caught_up && report.until_ms >= must_reach_ms;
        if over { Next::Stop } else { Next::Tick }
    };
    host.run(&stream, after).await;
}

fn delivered(app: &EmbeddedApp) -> u64 {
    app.meter.totals().tally.delivered
}

/// Whether there are records to send.
async fn has_begun(app: &EmbeddedApp, stream: &StreamId) -> bool {
    !app.ports.store.pages_after(stream, 0, 1).await.expect("the table answers").is_empty()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_flows_that_share_a_budget_share_it_fairly_and_keep_to_it() {
    let orders = orders(120).await;
    let state = embedded::open(None).unwrap_or_else(|failure| panic!("{}", failure.report));
    let counter = Counter::start(&orders).await;
    let [(a, app_a), (b, app_b)] = ["accounts", "invoices"].map(|name| {
        Sharing { name, priority: "normal", destination: &counter }.app(&orders, &state)
    });
    let (run_a, run_b) = (run(a.clone(), app_a.clone()), run(b.clone(), app_b.clone()));
    let (run_a, run_b) = (tokio::spawn(run_a), tokio::spawn(run_b));
    // How many of each were taken when both had records to send, and when one was done.
    let (mut begun, mut ended) = (None, None);
    while !(run_a.is_finished() && run_b.is_finished()) {
        let both = has_begun(&app_a, &a).await && has_begun(&app_b, &b).await;
        let now = ["accounts", "invoices"].map(|name| counter.taken(name));
        if both {
            begun.get_or_insert(now);
        }
        if both && now.contains(&120) {
            ended.get_or_insert(now);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    run_a.await.and(run_b.await).expect("both end well");
    assert_eq!((delivered(&app_a), delivered(&app_b)), (120, 120));
    let audit = orders.audit();
    // On a busy machine a request may arrive later than it was sent, and meet the next ones.
    assert!(audit.applied == 240 && audit.traffic.throttled_429 <= 3, "{audit:?}");
    assert!(audit.traffic.in_flight_max <= CONCURRENCY, "{audit:?}");
    // Each got a fair part of what both got then, be it that a busy machine let one begin late.
    let (begun, ended) = (begun.expect("both have pages"), ended.expect("one was done first"));
    let got = [ended[0] - begun[0], ended[1] - begun[1]];
    let (less, more) = (got[0].min(got[1]), got[0].max(got[1]));
    assert!(3 * less + 20 >= more, "{begun:?} to {ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_urgent_stream_that_comes_later_is_done_before_those_that_are_not() {
    let orders = orders(100).await;
    let state = embedded::open(None).unwrap_or_else(|failure| panic!("{}", failure.report));
    let places = Arc::new(AtomicU32::new(0));
    let counter = Counter::start(&orders).await;
    let start = |name, priority| {
        let sharing = Sharing { name, priority, destination: &counter };
        let (stream, app) = sharing.app(&orders, &state);
        let (run, places) = (run(stream.clone(), app.clone()), places.clone());
        let place = tokio::spawn(async move {
            run.await;
            places.fetch_add(1, SeqCst)
        });
        (app, stream, place)
    };
    let (_, _, low_place) = start("backfill", "low");
    let (_, _, normal_place) = start("hourly", "normal");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (high, high_stream, high_place) = start("webhook", "high");
    while !has_begun(&high, &high_stream).await && !high_place.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let low_before = counter.taken("backfill");
    let high_place = high_place.await.expect("it ends well");
    let low_then = counter.taken("backfill");
    normal_place.await.and(low_place.await).expect("both end well");
    // Of the other two, the one that began first may end first.
    assert_eq!(high_place, 0);
    // Meanwhile the low one got what was under way, and little more.
    assert!(low_then - low_before <= 40, "{low_before} to {low_then} of 100");
    let audit = orders.audit();
    // On a busy machine a request may arrive later than it was sent, and meet the next ones.
    assert!(audit.applied == 300 && audit.traffic.throttled_429 <= 3, "{audit:?}");
    assert!(audit.traffic.in_flight_max <= CONCURRENCY, "{audit:?}");
}
