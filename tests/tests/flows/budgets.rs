//! Flows that share one budget: two hosts, each with its own queue, over one table.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use tidegate::embedded::{self, EmbeddedApp, Handlers, State};
use tidegate_core::{
    model::{PageState, StreamId},
    ports::{Clock, CursorStore},
};
use tidegate_examples::{
    faults::Rate,
    orders::{DestinationConfig, Orders, OrdersConfig},
};
use tidegate_local::{Host, Next};
use tidegate_runtime::WallClock;

use super::on_table::{self, HOST};

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

/// One flow of those that share the budget.
struct Sharing<'a> {
    name: &'a str,
    priority: &'a str,
}

impl Sharing<'_> {
    fn file(&self) -> String {
        let Self { name, priority } = self;
        format!(
            "flow: {name}
source:
  http:
    url: ${{params.source_url}}/orders
    auth: {{ bearer: '${{secrets.source_token}}' }}
    records: orders
    cursor: {{ by: id, since: since_id }}
    pagination: {{ last_id: {{ param: since_id, size_param: limit }} }}
    page_size: 20
transform: {{ map: {{ external_id: id }} }}
destination:
  http:
    url: ${{params.destination_url}}/fulfillments
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

/// Records that are settled, also of pages that are open. `None` before there are pages.
async fn settled(app: &EmbeddedApp, stream: &StreamId) -> Option<u32> {
    let pages = app.ports.store.pages_after(stream, 0, 100).await.expect("the table answers");
    let settled = pages.iter().map(|page| match page.state {
        PageState::Done => page.count,
        PageState::Open => page.settled.len(),
    });
    (!pages.is_empty()).then(|| settled.sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_flows_that_share_a_budget_share_it_fairly_and_never_break_it() {
    let orders = orders(120).await;
    let state = embedded::open(None).unwrap_or_else(|failure| panic!("{}", failure.report));
    let [(a, app_a), (b, app_b)] = ["accounts", "invoices"]
        .map(|name| Sharing { name, priority: "normal" }.app(&orders, &state));
    let (run_a, run_b) = (run(a.clone(), app_a.clone()), run(b.clone(), app_b.clone()));
    let (run_a, run_b) = (tokio::spawn(run_a), tokio::spawn(run_b));
    // How many each had settled when both had records to send, and when one was done.
    let (mut begun, mut ended) = (None, None);
    while !(run_a.is_finished() && run_b.is_finished()) {
        let now = (settled(&app_a, &a).await, settled(&app_b, &b).await);
        if let (Some(a), Some(b)) = now {
            begun.get_or_insert([a, b]);
            if a.max(b) == 120 {
                ended.get_or_insert([a, b]);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    run_a.await.and(run_b.await).expect("both end well");
    assert_eq!((delivered(&app_a), delivered(&app_b)), (120, 120));
    let audit = orders.audit();
    assert_eq!((audit.applied, audit.traffic.throttled_429), (240, 0), "{audit:?}");
    assert!(audit.traffic.in_flight_max <= CONCURRENCY, "{audit:?}");
    // Each got a fair part of what both got then, be it that a busy machine let one begin late. Of each a page
    // may be under way.
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
    let start = |name, priority| {
        let (stream, app) = Sharing { name, priority }.app(&orders, &state);
        let (run, places) = (run(stream.clone(), app.clone()), places.clone());
        let place = tokio::spawn(async move {
            run.await;
            places.fetch_add(1, SeqCst)
        });
        (app, stream, place)
    };
    let (low, low_stream, low_place) = start("backfill", "low");
    let (_, _, normal_place) = start("hourly", "normal");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (high, high_stream, high_place) = start("webhook", "high");
    while settled(&high, &high_stream).await.is_none() && !high_place.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let low_before = settled(&low, &low_stream).await.unwrap_or(0);
    let high_place = high_place.await.expect("it ends well");
    let low_then = settled(&low, &low_stream).await.unwrap_or(0);
    normal_place.await.and(low_place.await).expect("both end well");
    // Of the other two, the one that began first may end first.
    assert_eq!(high_place, 0);
    // Meanwhile the low one got what was under way, and little more.
    assert!(low_then - low_before <= 40, "{low_before} to {low_then} of 100");
    let audit = orders.audit();
    assert_eq!((audit.applied, audit.traffic.throttled_429), (300, 0), "{audit:?}");
    assert!(audit.traffic.in_flight_max <= CONCURRENCY, "{audit:?}");
}
