//! Lists that begin with the newest record.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_core::model::Position;
use tidegate_testkit::SplitMix;
use tokio::net::TcpListener;

use crate::{
    flow::{NOW_MS, UNTIL_MS, set, source, unset},
    stream::Stream,
};

/// How a feed is paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paging {
    LastId,
    Token,
    Link,
    Page,
    Offset,
}

const EVERY: [Paging; 5] =
    [Paging::LastId, Paging::Token, Paging::Link, Paging::Page, Paging::Offset];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    id: u64,
    at_s: i64,
}

type Change = Box<dyn FnMut(usize, &mut Vec<Row>) + Send>;

/// A feed: its rows, the newest last.
struct Feed {
    paging: Paging,
    rows: Vec<Row>,
    /// Before a request, by its number.
    change: Change,
    requests: Vec<BTreeMap<String, String>>,
    /// Tokens from before this request are refused.
    tokens_expire_at: usize,
}

#[derive(Clone)]
struct Api {
    base: String,
    feed: Arc<Mutex<Feed>>,
}

impl Api {
    async fn start(paging: Paging, rows: Vec<Row>, change: Change) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/events", listener.local_addr().unwrap());
        let feed = Feed { paging, rows, change, requests: Vec::new(), tokens_expire_at: 0 };
        let api = Self { base, feed: Arc::new(Mutex::new(feed)) };
        let router = Router::new().fallback(list).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        api
    }

    fn requests(&self) -> usize {
        self.feed.lock().unwrap().requests.len()
    }

    fn rows(&self) -> Vec<u64> {
        self.feed.lock().unwrap().rows.iter().map(|row| row.id).collect()
    }

    fn spec(&self) -> Value {
        let pagination = match self.feed.lock().unwrap().paging {
            Paging::LastId => json!({ "last_id": { "param": "after", "size_param": "limit" } }),
            Paging::Token => {
                json!({ "token": { "param": "token", "path": "next", "size_param": "limit" } })
            }
            Paging::Link => json!({ "link_header": { "size_param": "limit" } }),
            Paging::Page => json!({ "page_number": { "param": "page", "size_param": "limit" } }),
            Paging::Offset => json!({ "offset": { "param": "offset", "size_param": "limit" } }),
        };
        json!({
            "url": self.base,
            "records": "data",
            "cursor": {
                "by": "timestamp", "field": "created", "format": "epoch_s", "newest_first": true,
            },
            "pagination": pagination,
            "page_size": 20,
        })
    }
}

async fn list(State(api): State<Api>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let mut feed = api.feed.lock().unwrap();
    let number = feed.requests.len();
    let Feed { change, rows, .. } = &mut *feed;
    change(number, rows);
    feed.requests.push(query.clone());
    let number_of = |name: &str| query.get(name).map(|text| text.parse::<u64>().unwrap());
    let mut rows = feed.rows.clone();
    rows.sort_by_key(|row| std::cmp::Reverse(row.at_s));
    if let Some(since) = number_of("since") {
        rows.retain(|row| row.at_s >= since as i64);
    }
    let limit = number_of("limit").unwrap() as usize;
    let behind = |rows: &[Row], id: u64| rows.iter().position(|row| row.id == id).map(|at| at + 1);
    let start = match feed.paging {
        Paging::LastId => match number_of("after") {
            None => Some(0),
            Some(id) => behind(&rows, id),
        },
        Paging::Token => match query.get("token").map(|token| token.split_once('@').unwrap()) {
            None => Some(0),
            Some((issued, _)) if issued.parse::<usize>().unwrap() < feed.tokens_expire_at => None,
            // A token is of a place, not of a row that may leave.
            Some((_, place)) => {
                let (at_s, id) = place.split_once('.').unwrap();
                let (at_s, id): (i64, u64) = (at_s.parse().unwrap(), id.parse().unwrap());
                let passed = rows.iter().position(|row| row.id == id).map(|at| at + 1);
                let below = || rows.iter().position(|row| row.at_s < at_s).unwrap_or(rows.len());
                Some(passed.unwrap_or_else(below))
            }
        },
        Paging::Link | Paging::Page => Some((number_of("page").unwrap_or(1) as usize - 1) * limit),
        Paging::Offset => Some(number_of("offset").unwrap_or(0) as usize),
    };
    let Some(start) = start else { return StatusCode::BAD_REQUEST.into_response() };
    let page: Vec<Row> = rows.iter().skip(start).take(limit).copied().collect();
    let has_more = start + page.len() < rows.len();
    let next =
        page.last().filter(|_| has_more).map(|last| format!("{number}@{}.{}", last.at_s, last.id));
    let mut headers = HeaderMap::new();
    if feed.paging == Paging::Link {
        // A list of one page has a link, too: to its beginning.
        headers.append(header::LINK, format!("<{}>; rel=\"first\"", api.base).parse().unwrap());
    }
    if feed.paging == Paging::Link && has_more {
        let page = number_of("page").unwrap_or(1) + 1;
        let rest = query.iter().filter(|(name, _)| *name != "page");
        let rest: String = rest.map(|(name, value)| format!("&{name}={value}")).collect();
        let link = format!("<{}?page={page}{rest}>; rel=\"next\"", api.base);
        headers.append(header::LINK, link.parse().unwrap());
    }
    let data: Vec<Value> =
        page.iter().map(|row| json!({ "id": row.id, "created": row.at_s })).collect();
    (headers, Json(json!({ "data": data, "next": next }))).into_response()
}

/// So many rows, some seconds apart, the newest a while ago.
fn rows(count: u64, apart_s: i64) -> Vec<Row> {
    (1..=count).map(|id| Row { id, at_s: 1_600_000_000 + id as i64 * apart_s }).collect()
}

/// Adds a row at the top with every request, until there are so many.
fn growing(until: u64) -> Change {
    Box::new(move |_, rows| {
        let last = *rows.last().unwrap();
        if last.id < until {
            rows.push(Row { id: last.id + 1, at_s: last.at_s + 100 });
        }
    })
}

fn unchanged() -> Change {
    Box::new(|_, _| {})
}

#[tokio::test]
async fn a_list_that_begins_with_the_newest_is_read_down_to_the_last_runs_mark() {
    for paging in EVERY {
        for lower_bound in [true, false] {
            let api = Api::start(paging, rows(250, 100), growing(260)).await;
            let mut spec = api.spec();
            if lower_bound {
                set(&mut spec, "cursor.since", "since");
            }
            let source = source(spec);
            let mut stream = Stream::default();
            // Several invocations, each of which is cut off.
            stream.run(&*source, 60).await;
            while api.feed.lock().unwrap().rows.len() < 260 {
                stream.run(&*source, 60).await;
            }
            stream.run(&*source, 60).await;
            assert_eq!(stream.numbers(), api.rows(), "{paging:?} {lower_bound}");
            // The next run reads no more than what is new and the overlap.
            let (before, head) = (api.requests(), stream.head.clone());
            assert!(stream.invoke(&*source, 60).await);
            let requests = api.requests() - before;
            assert!(requests <= 2, "{paging:?} {lower_bound}: {requests} requests");
            assert_eq!(stream.head, head, "nothing new moves nothing");
            let asked = api.feed.lock().unwrap().requests.last().unwrap().clone();
            assert_eq!(asked.contains_key("since"), lower_bound);
        }
    }
}

#[tokio::test]
async fn the_mark_moves_only_when_the_walk_is_complete() {
    let api = Api::start(Paging::LastId, rows(100, 100), unchanged()).await;
    let source = source(api.spec());
    let mut stream = Stream::default();
    assert!(!stream.invoke(&*source, 30).await);
    // Rows that are newer than all that was read wait for the next walk.
    api.feed
        .lock()
        .unwrap()
        .rows
        .extend([101, 102].map(|id| Row { id, at_s: 1_700_000_000 + id as i64 }));
    stream.run(&*source, 30).await;
    assert_eq!(stream.numbers(), (1..=100).collect::<Vec<_>>());
    stream.run(&*source, 30).await;
    assert_eq!(stream.numbers(), (1..=102).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_that_leave_hide_none_of_those_behind_them() {
    for paging in EVERY {
        // With every second request one of the newest rows leaves, and all others move up.
        let change: Change = Box::new(|number, rows| {
            if number % 2 == 1 && rows.len() > 150 {
                rows.remove(rows.len() - 3);
            }
        });
        let api = Api::start(paging, rows(200, 100), change).await;
        let source = source(api.spec());
        let mut stream = Stream::default();
        for _ in 0..200 {
            if stream.invoke(&*source, 45).await {
                break;
            }
        }
        let ids = stream.numbers();
        let missing: Vec<u64> = api.rows().into_iter().filter(|id| !ids.contains(id)).collect();
        assert_eq!(missing, Vec::<u64>::new(), "{paging:?}");
    }
}

#[tokio::test]
async fn rows_that_appear_late_within_the_overlap_are_delivered_and_none_twice() {
    let api = Api::start(Paging::Token, rows(100, 1), unchanged()).await;
    let mut spec = api.spec();
    set(&mut spec, "cursor.overlap", "30s");
    let source = source(spec);
    let mut stream = Stream::default();
    stream.run(&*source, 1_000).await;
    let newest = api.feed.lock().unwrap().rows.last().unwrap().at_s;
    // One in the newest second, one 29 seconds before it.
    api.feed
        .lock()
        .unwrap()
        .rows
        .extend([(500, 0), (501, 29)].map(|(id, ago)| Row { id, at_s: newest - ago }));
    stream.run(&*source, 1_000).await;
    assert_eq!(stream.numbers().len(), 102);
    stream.run(&*source, 1_000).await;
    assert_eq!(stream.numbers().len(), 102);
}

#[tokio::test]
async fn an_overlap_with_more_rows_than_a_position_holds_is_remembered() {
    let api = Api::start(Paging::Token, rows(1_000, 0), unchanged()).await;
    let source = source(api.spec());
    let mut stream = Stream::default();
    stream.run(&*source, 10_000).await;
    assert_eq!(stream.numbers().len(), 1_000);
    let newest = api.feed.lock().unwrap().rows.last().unwrap().at_s;
    api.feed.lock().unwrap().rows.push(Row { id: 5_000, at_s: newest });
    stream.run(&*source, 10_000).await;
    assert_eq!(stream.numbers().len(), 1_001);
}

#[tokio::test]
async fn a_token_that_expires_between_invocations_loses_nothing() {
    let api = Api::start(Paging::Token, rows(200, 100), growing(205)).await;
    let source = source(api.spec());
    let mut stream = Stream::default();
    for _ in 0..50 {
        let ended = stream.invoke(&*source, 50).await;
        let mut feed = api.feed.lock().unwrap();
        feed.tokens_expire_at = feed.requests.len();
        if ended && feed.rows.len() == 205 {
            break;
        }
    }
    stream.run(&*source, 1_000).await;
    assert_eq!(stream.numbers(), api.rows());
}

#[tokio::test]
async fn ids_that_descend_are_read_down_to_the_last_id() {
    for paging in EVERY {
        let api = Api::start(paging, rows(120, 100), growing(125)).await;
        let mut spec = api.spec();
        set(&mut spec, "cursor.by", "id");
        unset(&mut spec, "cursor.field");
        unset(&mut spec, "cursor.format");
        let source = source(spec);
        let mut stream = Stream::default();
        for _ in 0..20 {
            stream.invoke(&*source, 50).await;
        }
        assert_eq!(stream.numbers(), api.rows(), "{paging:?}");
    }
}

#[tokio::test]
async fn a_list_that_begins_with_the_oldest_halts() {
    let api = Api::start(Paging::Page, rows(10, -100), unchanged()).await;
    let mut spec = api.spec();
    set(&mut spec, "cursor.newest_first", false);
    let error = crate::flow::walk(&*source(spec), Position::Start).await.unwrap_err().to_string();
    assert!(error.contains("not sorted by timestamp"), "{error}");
    let mut spec = api.spec();
    // The id is no time: read as one, the rows ascend.
    set(&mut spec, "cursor.field", "id");
    let error =
        source(spec).walk(Position::Start, UNTIL_MS).next(NOW_MS + 9_000).await.unwrap_err();
    assert!(error.to_string().contains("not sorted newest first"), "{error}");
}

#[tokio::test]
async fn a_record_of_the_far_future_is_given_once_and_hides_nothing() {
    let api = Api::start(Paging::LastId, rows(50, 100), growing(53)).await;
    api.feed.lock().unwrap().rows.insert(0, Row { id: 900, at_s: 7_258_118_400 });
    let source = source(api.spec());
    let mut stream = Stream::default();
    for _ in 0..10 {
        stream.invoke(&*source, 50).await;
    }
    let mut expected = api.rows();
    expected.sort_unstable();
    assert_eq!(stream.numbers(), expected);
}

#[tokio::test]
async fn whatever_is_added_and_wherever_a_walk_is_cut_nothing_is_lost() {
    for seed in 0..60 {
        let mut rng = SplitMix::new(seed);
        let paging = EVERY[rng.below(5) as usize];
        let apart_s = [0, 1, 7, 300][rng.below(4) as usize];
        let total = 60 + rng.below(200);
        let mut change_rng = SplitMix::new(seed + 1_000);
        let change: Change = Box::new(move |_, rows| {
            for _ in 0..change_rng.below(4) {
                let last = *rows.iter().max_by_key(|row| row.id).unwrap();
                if last.id < total + 40 {
                    // Perhaps late, but no later than the overlap.
                    let at_s = last.at_s + change_rng.below(90) as i64 - 20;
                    rows.push(Row { id: last.id + 1, at_s });
                }
            }
        });
        let api = Api::start(paging, rows(total, apart_s), change).await;
        let source = source(api.spec());
        let mut stream = Stream::default();
        for _ in 0..400 {
            let head = stream.head.clone();
            let ended = stream.invoke(&*source, 1 + rng.below(80) as usize).await;
            if ended && stream.head == head && api.rows().len() as u64 >= total + 40 {
                break;
            }
        }
        let mut expected = api.rows();
        expected.sort_unstable();
        let mut ids: Vec<u64> =
            stream.delivered.iter().map(|record| record.id.to_string().parse().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids, expected, "seed {seed}: {paging:?}, {apart_s} s apart");
    }
}

#[tokio::test]
async fn a_position_of_another_way_along_the_list_halts() {
    let api = Api::start(Paging::Page, rows(30, 100), unchanged()).await;
    let mut stream = Stream::default();
    stream.run(&*source(api.spec()), 100).await;
    // The flow is changed to read the oldest first.
    let mut spec = api.spec();
    set(&mut spec, "cursor.newest_first", false);
    let error = stream.try_invoke(&*source(spec), 9).await.unwrap_err().to_string();
    assert!(error.contains("rewind to the start"), "{error}");
}
