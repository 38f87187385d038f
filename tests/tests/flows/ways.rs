//! Newest first, and parents with their children: whole flows, killed with SIGKILL at random moments.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_testkit::SplitMix;
use tokio::{net::TcpListener, runtime::Runtime, time::sleep};

use super::process::{Tidegate, tidegate};

/// A feed, parents with children, and where they go.
#[derive(Default)]
struct Data {
    /// Ids of the feed, the newest last; each is a second younger than the one before.
    feed: Vec<u64>,
    /// How many are added while the feed is read, one with every second request.
    to_be_added: u64,
    /// Each parent's children: ids from 1 on.
    parents: BTreeMap<u64, u64>,
    /// Those whose children are refused.
    archived: BTreeSet<u64>,
    latency_ms: u64,
    requests: u64,
    /// What arrived, by idempotency key.
    keys: BTreeSet<String>,
    arrived: Vec<String>,
}

type Shared = Arc<Mutex<Data>>;

struct Apis {
    base: String,
    data: Shared,
    _runtime: Runtime,
    folder: TempDir,
}

impl Apis {
    fn start(data: Data) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let data = Arc::new(Mutex::new(data));
        let router = Router::new()
            .route("/feed", get(feed))
            .route("/parents", get(parents))
            .route("/parents/{id}/children", get(children))
            .route("/bulk", post(bulk))
            .with_state(data.clone());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("it is bound"));
        runtime.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { base, data, _runtime: runtime, folder: tempfile::tempdir().expect("a folder") }
    }

    /// The command that runs a flow from a source, with invocations of three seconds.
    fn run(&self, source: &str) -> Tidegate {
        let path = self.folder.path().join("flow.yaml");
        let base = &self.base;
        let flow = format!(
            "flow: ways
source:
  http:
{source}
destination:
  http:
    url: {base}/bulk
    batch:
      size: 100
      field: items
      key_field: key
      results: {{ path: results, status: status, reason: reason, index: index }}
ordering: none
"
        );
        std::fs::write(&path, flow.replace("BASE", base)).expect("it can be written");
        let state = self.folder.path().join("state");
        tidegate([
            "run".to_owned(),
            path.display().to_string(),
            "--json".to_owned(),
            "--state".to_owned(),
            state.display().to_string(),
            "--until-caught-up".to_owned(),
            "--invocation-seconds".to_owned(),
            "3".to_owned(),
        ])
    }

    /// Runs a flow that is killed so often, and then to its end.
    fn run_killed(&self, run: &Tidegate, kills: u64, seed: u64) {
        let mut rng = SplitMix::new(seed);
        let mut unfinished = 0;
        for _ in 0..kills {
            let mut child = run.start();
            thread::sleep(Duration::from_millis(300 + rng.below(1_200)));
            unfinished += u32::from(child.try_wait().expect("it can be looked at").is_none());
            child.kill().expect("it is ours");
            child.wait().expect("it ends");
        }
        assert!(unfinished >= 3, "{unfinished} of {kills} were killed in the middle");
        let summary = run.run().fine();
        assert_eq!(summary["caught_up"], true, "{summary}");
    }

    /// Runs a flow once more: how many requests that took, and what it delivered.
    fn run_again(&self, run: &Tidegate) -> (u64, u64) {
        let before = self.data.lock().expect("no panic").requests;
        let summary = run.run().fine();
        let requests = self.data.lock().expect("no panic").requests - before;
        (requests, summary["delivered"].as_u64().expect("a number"))
    }

    /// What arrived, sorted; nothing twice.
    fn arrived(&self) -> Vec<String> {
        let mut arrived = self.data.lock().expect("no panic").arrived.clone();
        arrived.sort();
        let count = arrived.len();
        arrived.dedup();
        assert_eq!(count, arrived.len(), "something was applied twice");
        arrived
    }
}

type Asked = Query<BTreeMap<String, u64>>;

async fn asked(data: &Shared) {
    let latency_ms = {
        let mut data = data.lock().expect("no panic");
        data.requests += 1;
        data.latency_ms
    };
    sleep(Duration::from_millis(latency_ms)).await;
}

async fn feed(State(data): State<Shared>, Query(query): Asked) -> Json<Value> {
    asked(&data).await;
    let mut data = data.lock().expect("no panic");
    if data.to_be_added > 0 && data.requests % 2 == 0 {
        data.to_be_added -= 1;
        let next = data.feed.len() as u64 + 1;
        data.feed.push(next);
    }
    let below = query.get("starting_after").copied().unwrap_or(u64::MAX);
    let limit = query["limit"] as usize;
    let page = data.feed.iter().rev().filter(|id| **id < below).take(limit);
    let page: Vec<Value> =
        page.map(|id| json!({ "id": id, "created": 1_600_000_000 + id })).collect();
    Json(json!({ "data": page }))
}

fn page_after(ids: impl Iterator<Item = u64>, query: &BTreeMap<String, u64>) -> Json<Value> {
    let after = query.get("after").copied().unwrap_or(0);
    let page = ids.filter(|id| *id > after).take(query["limit"] as usize);
    Json(json!({ "data": page.map(|id| json!({ "id": id })).collect::<Vec<_>>() }))
}

async fn parents(State(data): State<Shared>, Query(query): Asked) -> Json<Value> {
    asked(&data).await;
    let after = query.get("after").copied().unwrap_or(0);
    let data = data.lock().expect("no panic");
    let page = data.parents.iter().filter(|(id, _)| **id > after).take(query["limit"] as usize);
    let page: Vec<Value> =
        page.map(|(id, children)| json!({ "id": id, "children": children })).collect();
    Json(json!({ "data": page }))
}

async fn children(
    State(data): State<Shared>,
    Path(id): Path<u64>,
    Query(query): Asked,
) -> Result<Json<Value>, StatusCode> {
    asked(&data).await;
    let data = data.lock().expect("no panic");
    if data.archived.contains(&id) {
        return Err(StatusCode::GONE);
    }
    Ok(page_after(1..=data.parents[&id], &query))
}

async fn bulk(State(data): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    let mut data = data.lock().expect("no panic");
    let items = body["items"].as_array().expect("items").iter().enumerate();
    let results: Vec<Value> = items
        .map(|(index, item)| {
            if data.keys.insert(item["key"].as_str().expect("a key").to_owned()) {
                let parent = item["parent"]["id"].as_u64().map(|id| format!("{id}/"));
                data.arrived.push(format!("{}{}", parent.unwrap_or_default(), item["id"]));
            }
            json!({ "index": index, "status": 201 })
        })
        .collect();
    Json(json!({ "results": results }))
}

#[test]
fn newest_first_killed_five_times_while_records_are_added_all_is_delivered() {
    let data =
        Data { feed: (1..=10_000).collect(), to_be_added: 50, latency_ms: 50, ..Data::default() };
    let apis = Apis::start(data);
    let run = apis.run(
        "    url: BASE/feed
    records: data
    cursor: { by: timestamp, field: created, format: epoch_s, newest_first: true, overlap: 10s }
    pagination: { last_id: { param: starting_after, size_param: limit } }",
    );
    apis.run_killed(&run, 5, 2_026);
    let mut runs = 0;
    while apis.data.lock().expect("no panic").to_be_added > 0 {
        apis.run_again(&run);
        runs += 1;
        assert!(runs < 60, "the feed does not grow");
    }
    apis.run_again(&run);
    let mut all: Vec<String> = (1..=10_050).map(|id| u64::to_string(&id)).collect();
    all.sort();
    assert_eq!(apis.arrived(), all);
    // What is new, and the overlap: one page. The last run of a stream that is caught up sees that alone.
    let (requests, delivered) = apis.run_again(&run);
    println!("caught up: {requests} requests");
    assert_eq!(delivered, 0);
    assert!(requests <= 2, "{requests}");
}

#[test]
fn parents_and_children_killed_at_random_all_is_delivered_and_a_second_run_asks_only_what_it_must()
{
    let mut rng = SplitMix::new(33);
    let parents: BTreeMap<u64, u64> = (1..=200).map(|id| (id, rng.below(501))).collect();
    let apis = Apis::start(Data { parents: parents.clone(), latency_ms: 5, ..Data::default() });
    let run = apis.run(
        "    url: BASE/parents/${parent.id}/children
    records: data
    cursor: { by: id }
    pagination: { last_id: { param: after, size_param: limit } }
    for_each:
      url: BASE/parents
      records: data
      pagination: { last_id: { param: after, size_param: limit } }
      changed: children
      embed: parent",
    );
    apis.run_killed(&run, 6, 33);
    let children = |(parent, count): (&u64, &u64)| {
        let parent = *parent;
        (1..=*count).map(move |child| format!("{parent}/{child}")).collect::<Vec<_>>()
    };
    let mut all: Vec<String> = parents.iter().flat_map(children).collect();
    all.sort();
    assert_eq!(apis.arrived(), all);
    // Nothing has changed: three pages of parents, and not one child.
    let read = apis.data.lock().expect("no panic").requests;
    let (requests, delivered) = apis.run_again(&run);
    println!("{read} requests for {} children, then {requests}", all.len());
    assert_eq!(delivered, 0);
    assert!(requests <= 3, "{requests}");
    apis.data.lock().expect("no panic").parents.insert(7, parents[&7] + 3);
    let (requests, delivered) = apis.run_again(&run);
    println!("three new children of one parent: {requests} requests");
    assert_eq!(delivered, 3);
    // The parents twice, for a run that found something looks once more; and one parent's children.
    assert!(requests <= 3 + 3 + 2, "{requests}");
}

#[test]
fn a_parent_that_is_refused_is_among_the_parked_once_and_delivered_when_it_is_not() {
    let parents: BTreeMap<u64, u64> = (1..=20).map(|id| (id, 3)).collect();
    let apis = Apis::start(Data { parents, archived: [1, 7].into(), ..Data::default() });
    let run = apis.run(
        "    url: BASE/parents/${parent.id}/children
    records: data
    cursor: { by: id }
    pagination: { last_id: { param: after, size_param: limit } }
    for_each:
      url: BASE/parents
      records: data
      pagination: { last_id: { param: after, size_param: limit } }
      embed: parent",
    );
    let number = |summary: &Value, name: &str| summary[name].as_u64().expect("a number");
    let first = run.run().fine();
    assert_eq!((number(&first, "delivered"), number(&first, "parked")), (18 * 3, 2), "{first}");
    let second = run.run().fine();
    assert_eq!((number(&second, "delivered"), number(&second, "parked")), (0, 0), "{second}");
    assert_eq!(second["caught_up"], true);
    let state = apis.folder.path().join("state");
    let flow = apis.folder.path().join("flow.yaml");
    let (flow, state) = (flow.display().to_string(), state.display().to_string());
    let parked = tidegate(["parked", &flow, "--json", "--state", &state].map(str::to_owned));
    let parked = parked.run().fine();
    let records = parked["records"].as_array().expect("a list");
    let ids: BTreeSet<&str> = records.iter().filter_map(|record| record["id"].as_str()).collect();
    assert_eq!(ids, ["1/", "7/"].into(), "{parked}");
    for words in ["410", "/children", "for_each"] {
        let reason = records[0]["reason"].as_str().expect("a reason");
        assert!(reason.contains(words), "{words} is not in {reason}");
    }
    apis.data.lock().expect("no panic").archived.clear();
    let (_, delivered) = apis.run_again(&run);
    assert_eq!(delivered, 2 * 3);
}
