//! Lists that are asked for a window of time at a go.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    flow::{UNTIL_MS, set, source},
    stream::{Asked, Server, Stream},
};

const DAY_MS: u64 = 86_400_000;
/// Where the flow begins: 100 days ago.
const START_MS: u64 = UNTIL_MS as u64 - 100 * DAY_MS;

/// What the API permits.
#[derive(Clone, Copy)]
struct Api {
    span_ms_max: u64,
    results_max: usize,
    /// Whether it refuses a window with more results, or cuts them off.
    refuses: bool,
    /// Whether `to` takes its own moment in.
    to_inclusive: bool,
}

const API: Api =
    Api { span_ms_max: 7 * DAY_MS, results_max: usize::MAX, refuses: false, to_inclusive: true };

fn answer(api: Api, rows: &[(u64, u64)], asked: &Asked) -> Response {
    let (from, to) = (asked.number("from").unwrap(), asked.number("to").unwrap());
    if to < from || to - from > api.span_ms_max {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let mut found: Vec<_> = rows
        .iter()
        .filter(|(_, at)| *at >= from && (*at < to || api.to_inclusive && *at == to))
        .collect();
    if found.len() > api.results_max && api.refuses {
        return StatusCode::BAD_REQUEST.into_response();
    }
    found.sort_by_key(|(id, at)| (*at, *id));
    found.truncate(api.results_max);
    let offset = asked.number("offset").unwrap_or(0) as usize;
    let data: Vec<Value> =
        found.iter().skip(offset).take(10).map(|(id, at)| json!({ "id": id, "at": at })).collect();
    Json(json!({ "data": data })).into_response()
}

async fn server(api: Api, rows: Vec<(u64, u64)>) -> Server {
    Server::start(move |_, asked| answer(api, &rows, asked)).await
}

fn spec(server: &Server) -> Value {
    json!({
        "url": format!("{}/rows", server.base),
        "records": "data",
        "cursor": {
            "by": "timestamp_id", "field": "at", "format": "epoch_ms", "since": "from", "until": "to",
            "start": START_MS.to_string(), "window": "7d",
        },
        "pagination": { "offset": { "param": "offset", "size_param": "limit" } },
        "page_size": 10,
    })
}

fn ids(rows: &[(u64, u64)]) -> Vec<u64> {
    rows.iter().map(|(id, _)| *id).collect()
}

#[tokio::test]
async fn a_list_is_read_window_by_window_from_start_to_now() {
    for to_inclusive in [true, false] {
        // Some windows are empty, some rows stand just where one ends.
        let mut rows: Vec<(u64, u64)> =
            (1..=60).map(|id| (id, START_MS + id * DAY_MS / 2)).collect();
        rows.extend((61..=80).map(|id| (id, START_MS + 98 * DAY_MS + id)));
        let server = server(Api { to_inclusive, ..API }, rows.clone()).await;
        let source = source(spec(&server));
        let mut stream = Stream::default();
        stream.run(&*source, 7).await;
        assert_eq!(stream.numbers(), ids(&rows), "{to_inclusive}");
        // The next run asks for the window at hand alone.
        let before = server.requests();
        assert!(stream.invoke(&*source, 7).await);
        assert!(server.requests() - before <= 2, "{}", server.requests() - before);
        assert_eq!(stream.numbers(), ids(&rows));
    }
}

#[tokio::test]
async fn windows_without_records_are_behind_us_once_they_are_read() {
    let server = server(API, vec![(1, UNTIL_MS as u64 - DAY_MS - 1_234)]).await;
    let source = source(spec(&server));
    let mut stream = Stream::default();
    // No invocation gets further than one window.
    for _ in 0..14 {
        let mut walk = source.walk(stream.head.clone(), UNTIL_MS);
        let batch = walk.next(crate::flow::NOW_MS + 60_000).await.unwrap();
        assert!(batch.records.is_empty());
        stream.head = batch.reached.expect("an empty window moves the position");
    }
    assert!(stream.invoke(&*source, 9).await);
    assert_eq!(stream.numbers(), [1]);
}

#[tokio::test]
async fn a_window_with_more_results_than_the_api_gives_is_halved_or_asked_for_what_is_left() {
    for refuses in [true, false] {
        let rows: Vec<(u64, u64)> =
            (1..=200).map(|id| (id, START_MS + 3 * DAY_MS + id * 60_000)).collect();
        let api = Api { results_max: 25, refuses, ..API };
        let server = server(api, rows.clone()).await;
        let mut spec = spec(&server);
        set(&mut spec, "cursor.results_max", 25);
        let source = source(spec);
        let mut stream = Stream::default();
        stream.run(&*source, 60).await;
        assert_eq!(stream.numbers(), ids(&rows), "{refuses}");
        assert!(server.requests() < 500, "{}", server.requests());
    }
}

#[tokio::test]
async fn a_window_that_is_refused_for_another_reason_halts() {
    let api = Api { span_ms_max: 60_000, ..API };
    let server = server(api, Vec::new()).await;
    let error = Stream::default().try_invoke(&*source(spec(&server)), 9).await.unwrap_err();
    assert!(error.to_string().contains("400"), "{error}");
    assert_eq!(server.requests(), 1);
}

/// What came is what the API's maximum is of, and not what was left of it. Here `from` takes the day alone, and
/// half of a day's records have no timestamp: they are parked, once. The rest of the day never came.
#[tokio::test]
async fn repro_a_capped_window_is_told_by_what_came_and_not_by_what_was_given() {
    let server = Server::start(move |_, asked| {
        let (from, to) = (asked.number("from").unwrap(), asked.number("to").unwrap());
        let day = from - (from - START_MS) % DAY_MS;
        let offset = asked.number("offset").unwrap_or(0) as usize;
        let at = |id: u64| START_MS + (1 + id / 8) * DAY_MS + (id % 8 + 1) * 60_000;
        let found = (0..32).map(|id| (id, at(id))).filter(|(_, at)| *at >= day && *at < to);
        let with_bad = |(id, at)| [json!({ "id": id, "at": at }), json!({ "id": "bad" })];
        let data: Vec<Value> = found.flat_map(with_bad).take(10).skip(offset).take(10).collect();
        Json(json!({ "data": data })).into_response()
    })
    .await;
    let mut spec = spec(&server);
    set(&mut spec, "cursor.results_max", 10);
    let mut stream = Stream::default();
    let error = stream.try_invoke(&*source(spec), usize::MAX).await.unwrap_err();
    assert!(error.to_string().contains("no window is short enough"), "{error}");
    // What was read before is given, and parked.
    assert_eq!(stream.numbers(), [0, 1, 2, 3, 4]);
    assert!(!stream.refused.is_empty());
}

#[tokio::test]
async fn only_a_refusal_that_may_be_of_the_length_halves_a_window() {
    for status in [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND, StatusCode::GONE] {
        let server = Server::start(move |_, _| status.into_response()).await;
        let mut spec = spec(&server);
        set(&mut spec, "cursor.results_max", 30);
        let error = Stream::default().try_invoke(&*source(spec), 9).await.unwrap_err();
        assert!(error.to_string().contains(status.as_str()), "{error}");
        assert!(server.requests() <= 2, "{status}: {}", server.requests());
    }
}

/// A source that refuses every window is asked twenty times, at most ten times a second.
#[tokio::test]
async fn windows_that_are_all_refused_are_halved_at_leisure_and_end() {
    let server = Server::start(move |_, _| StatusCode::BAD_REQUEST.into_response()).await;
    let mut spec = spec(&server);
    set(&mut spec, "cursor.results_max", 30);
    set(&mut spec, "cursor.window", "87600h");
    let began = std::time::Instant::now();
    let error = Stream::default().try_invoke(&*source(spec), 9).await.unwrap_err();
    assert!(error.to_string().contains("400"), "{error}");
    let requests = server.requests();
    assert!((10..=21).contains(&requests), "{requests}");
    assert!(began.elapsed().as_millis() as usize >= (requests - 10) * 100, "{requests}");
}

/// One crowded day does not have all later windows asked for in small pieces.
#[tokio::test]
async fn a_window_that_was_halved_grows_again() {
    let mut rows: Vec<(u64, u64)> =
        (1..=60).map(|id| (id, START_MS + 3 * DAY_MS + id * 60_000)).collect();
    rows.push((61, START_MS + 90 * DAY_MS));
    let api = Api { results_max: 25, refuses: true, ..API };
    let server = server(api, rows.clone()).await;
    let mut spec = spec(&server);
    set(&mut spec, "cursor.results_max", 25);
    let mut stream = Stream::default();
    stream.run(&*source(spec), usize::MAX).await;
    assert_eq!(stream.numbers(), ids(&rows));
    assert!(server.requests() < 100, "{}", server.requests());
}

/// Rows that the reader may not see are taken out of a page after it was cut: fewer came than the API's maximum,
/// and yet the rest of the window was cut off.
#[tokio::test]
async fn repro_a_capped_window_with_hidden_rows_is_not_taken_for_whole() {
    let rows: Vec<(u64, u64)> =
        (1..=120).map(|id| (id, START_MS + 3 * DAY_MS + id * 60_000)).collect();
    let is_hidden = |id: u64| id.is_multiple_of(4);
    for by_number in [false, true] {
        let found = rows.clone();
        let server = Server::start(move |_, asked| {
            let (from, to) = (asked.number("from").unwrap(), asked.number("to").unwrap());
            let skip = match by_number {
                true => (asked.number("page").unwrap() - 1) * 10,
                false => asked.number("offset").unwrap(),
            };
            let in_window = found.iter().filter(|(_, at)| (from..=to).contains(at));
            let page = in_window.take(40).skip(skip as usize).take(10);
            let data: Vec<Value> = page
                .filter(|(id, _)| !is_hidden(*id))
                .map(|(id, at)| json!({ "id": id, "at": at }))
                .collect();
            Json(json!({ "data": data })).into_response()
        })
        .await;
        let mut spec = spec(&server);
        set(&mut spec, "cursor.results_max", 40);
        if by_number {
            spec["pagination"] =
                json!({ "page_number": { "param": "page", "size_param": "limit" } });
        }
        let mut stream = Stream::default();
        stream.run(&*source(spec), usize::MAX).await;
        let seen: Vec<u64> = (1..=120).filter(|id| !is_hidden(*id)).collect();
        assert_eq!(stream.numbers(), seen, "{by_number}");
        assert!(server.requests() < 200, "{}", server.requests());
    }
}

/// A capped window whose records are all parked moves no position: a shorter one has what was cut off.
#[tokio::test]
async fn repro_a_capped_window_of_which_all_is_parked_is_halved() {
    let mut rows = vec![(0, START_MS + DAY_MS)];
    rows.extend((1..=30).map(|id| (id, START_MS + 8 * DAY_MS + id * 60_000)));
    rows.push((31, START_MS + 9 * DAY_MS));
    let server = Server::start(move |_, asked| {
        let (from, to) = (asked.number("from").unwrap(), asked.number("to").unwrap());
        let found = rows.iter().filter(|(_, at)| (from..=to).contains(at)).take(25);
        let page = found.skip(asked.number("offset").unwrap() as usize).take(10);
        let row = |(id, at): &(u64, u64)| match id {
            0 | 31 => json!({ "id": id, "at": at }),
            _ => json!({ "id": id, "at": "no time" }),
        };
        Json(json!({ "data": page.map(row).collect::<Vec<_>>() })).into_response()
    })
    .await;
    let mut spec = spec(&server);
    set(&mut spec, "cursor.results_max", 25);
    let mut stream = Stream::default();
    stream.run(&*source(spec), usize::MAX).await;
    assert_eq!(stream.numbers(), [0, 31]);
    let mut parked: Vec<String> =
        stream.refused.iter().map(|refused| refused.record.id.to_string()).collect();
    parked.sort();
    parked.dedup();
    assert_eq!(parked.len(), 30, "{parked:?}");
}

/// Some APIs say 413 or 504 of a window that they cannot answer.
#[tokio::test]
async fn a_window_that_is_too_large_or_takes_too_long_is_halved() {
    for status in [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::GATEWAY_TIMEOUT] {
        let rows: Vec<(u64, u64)> =
            (1..=60).map(|id| (id, START_MS + 3 * DAY_MS + id * DAY_MS / 12)).collect();
        let found = rows.clone();
        let server = Server::start(move |_, asked| {
            let (from, to) = (asked.number("from").unwrap(), asked.number("to").unwrap());
            let many = found.iter().filter(|(_, at)| (from..=to).contains(at)).count() > 25;
            let api = Api { results_max: usize::MAX, ..API };
            if many { status.into_response() } else { answer(api, &found, asked) }
        })
        .await;
        let source = source(spec(&server));
        let mut stream = Stream::default();
        let mut runs = 0;
        loop {
            match stream.try_invoke(&*source, usize::MAX).await {
                Ok(true) => break,
                Ok(false) => {}
                // The next run asks for less.
                Err(error) => assert!(error.to_string().contains("504"), "{error}"),
            }
            runs += 1;
            assert!(runs < 20, "{status}");
        }
        assert_eq!(stream.numbers(), ids(&rows), "{status}");
    }
}
