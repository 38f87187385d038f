//! What a source permits, kept by whole flows: over all their runs, and by all that share the budget.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use tidegate::embedded::{self, EmbeddedApp, Handlers, State};
use tidegate_core::{
    app::{End, FetchReport},
    model::StreamId,
    ports::Clock,
};
use tidegate_examples::{
    faults::{Rate, RetryAfterForm},
    orders::{DestinationConfig, Orders, OrdersConfig, SourceConfig},
};
use tidegate_local::{Host, Next};
use tidegate_runtime::WallClock;

use super::{
    on_table::{self, HOST},
    world::ORDERS_BY_ID,
};

/// Runs that end without reading anything, before a test takes it that the flow waits.
const WAITING_RUNS: u32 = 5;

async fn orders(records: u64, source: SourceConfig) -> Orders {
    // Each flow moves every order.
    let destination =
        DestinationConfig { ignore_idempotency: true, ..DestinationConfig::default() };
    let config = OrdersConfig { records, source, destination, ..OrdersConfig::default() };
    Orders::start(config).await.expect("the example APIs start")
}

/// A flow of this name whose source has these limits, over the shared table.
fn app(name: &str, limits: &str, orders: &Orders, state: &State) -> (StreamId, Arc<EmbeddedApp>) {
    let file = format!(
        "flow: {name}
{ORDERS_BY_ID}    page_size: 10
    limits: {limits}
transform: {{ map: {{ external_id: id }} }}
destination:
  http:
    url: ${{params.destination_url}}/fulfillments
    auth: {{ api_key: {{ header: X-Api-Key, value: '${{secrets.destination_key}}' }} }}
page: {{ records_max: 10 }}
ordering: none
"
    );
    on_table::app(name, &file, orders, state)
}

/// Runs until everything is settled, or the source has nothing to give for some runs: then why not.
async fn run(stream: StreamId, app: Arc<EmbeddedApp>) -> Option<String> {
    let must_reach_ms = WallClock::default().now_ms();
    let queue = app.ports.queue.clone();
    let host = Host::new(WallClock::default(), queue, Arc::new(Handlers(app)), HOST);
    let (waiting, mut why) = (AtomicU32::new(0), None);
    let after = |answer: Result<FetchReport, _>| {
        let report = answer.expect("nothing fails here");
        match report.end {
            End::SourceLater(reason) if report.pages == 0 => {
                why = Some(reason);
                let waits = waiting.fetch_add(1, SeqCst) + 1 >= WAITING_RUNS;
                return if waits { Next::Stop } else { Next::Tick };
            }
            _ => waiting.store(0, SeqCst),
        }
        let over = report.caught_up && report.until_ms >= must_reach_ms;
        if over { Next::Stop } else { Next::Tick }
    };
    host.run(&stream, after).await;
    (waiting.load(SeqCst) > 0).then_some(why).flatten()
}

fn delivered(app: &EmbeddedApp) -> u64 {
    app.meter.totals().tally.delivered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_flows_that_read_one_source_keep_to_its_rate_together() {
    // In windows so long that a busy machine's hiccups do not count.
    let rate = Some(Rate { requests: 40, per_ms: 2_000 });
    let orders = orders(120, SourceConfig { rate, ..SourceConfig::default() }).await;
    let state = embedded::open(None).unwrap_or_else(|failure| panic!("{}", failure.report));
    let limits = "{ rate: 40/2s, budget: shop }";
    let [(a, app_a), (b, app_b)] =
        ["accounts", "invoices"].map(|name| app(name, limits, &orders, &state));
    let (a, b) = tokio::join!(run(a, app_a.clone()), run(b, app_b.clone()));
    assert_eq!((a, b), (None, None));
    assert_eq!((delivered(&app_a), delivered(&app_b)), (120, 120));
    let audit = orders.audit();
    assert_eq!(audit.source.throttled_429, 0, "{audit:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sources_quota_holds_over_runs_and_flows_and_what_was_read_is_delivered() {
    let orders = orders(200, SourceConfig::default()).await;
    let state = embedded::open(None).unwrap_or_else(|failure| panic!("{}", failure.report));
    let limits = "{ daily: { count: 6 }, budget: shop }";
    let (stream, first) = app("accounts", limits, &orders, &state);
    let why = run(stream, first.clone()).await.expect("the quota is smaller than the list");
    assert!(why.contains("quota is used up until"), "{why}");
    assert_eq!(delivered(&first), 60, "what was read before is delivered");
    let (stream, second) = app("invoices", limits, &orders, &state);
    assert!(run(stream, second.clone()).await.is_some());
    assert_eq!(delivered(&second), 0);
    assert_eq!(orders.audit().source.requests, 6, "no run asks for more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_says_when_to_come_back_is_not_asked_before_by_any_run_under_its_limits() {
    for retry_after in [RetryAfterForm::Seconds, RetryAfterForm::HttpDate] {
        let rate = Some(Rate { requests: 3, per_ms: 60_000 });
        let source = SourceConfig { rate, retry_after, ..SourceConfig::default() };
        let orders = orders(200, source).await;
        let state = embedded::open(None).unwrap_or_else(|failure| panic!("{}", failure.report));
        let (stream, first) = app("accounts", "{ budget: shop, concurrency: 2 }", &orders, &state);
        assert!(run(stream, first.clone()).await.is_some());
        let (stream, second) = app("invoices", "{ budget: shop, concurrency: 2 }", &orders, &state);
        assert!(run(stream, second.clone()).await.is_some());
        let audit = orders.audit();
        assert_eq!((audit.source.requests, audit.source.throttled_429), (4, 1), "{audit:?}");
    }
}
