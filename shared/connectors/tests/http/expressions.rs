//! Lists that take the position inside of an expression.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    flow::{set, source},
    stream::{Asked, Server, Stream},
};

const TOTAL: u64 = 130;

/// When a row changed, in s: 2024-01-01, midnight, and half a minute for each.
fn at_s(id: u64) -> i64 {
    1_704_067_200 + id as i64 * 30
}

fn rfc3339(seconds: i64) -> String {
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!(
        "2024-01-{:02}T{hour:02}:{minute:02}:{second:02}Z",
        1 + (seconds - 1_704_067_200) / 86_400
    )
}

/// The rows of which `keep` holds, by offset.
fn page(asked: &Asked, offset: u64, keep: impl Fn(i64) -> bool) -> Response {
    let _ = asked;
    let rows = (1..=TOTAL).filter(|id| keep(at_s(*id))).skip(offset as usize).take(20);
    let rows: Vec<Value> =
        rows.map(|id| json!({ "id": id, "updated": rfc3339(at_s(id)) })).collect();
    Json(json!({ "value": rows })).into_response()
}

fn spec(server: &Server, query: Value) -> Value {
    json!({
        "url": format!("{}/rows", server.base),
        "query": query,
        "records": "value",
        "cursor": {
            "by": "timestamp_id", "field": "updated", "start": "2024-01-01T00:00:00Z", "inclusive": true,
        },
        "pagination": { "offset": { "param": "skip", "size_param": "top" } },
        "page_size": 20,
    })
}

fn all() -> Vec<u64> {
    (1..=TOTAL).collect()
}

#[tokio::test]
async fn the_position_stands_inside_an_odata_filter() {
    for (operator, inclusive) in [("ge", true), ("gt", false)] {
        let server = Server::start(move |_, asked| {
            let words: Vec<&str> = asked.query["$filter"].split(' ').collect();
            let [_, "and", "updated", said, since, "and", "updated", "le", until] = words[..]
            else {
                panic!("{words:?}")
            };
            assert_eq!(said, operator);
            assert!(until.starts_with("2024-01-31"), "{until}");
            page(asked, asked.number("skip").unwrap(), |at_s| {
                if inclusive {
                    rfc3339(at_s).as_str() >= since
                } else {
                    rfc3339(at_s).as_str() > since
                }
            })
        })
        .await;
        let filter = format!(
            "active and updated {operator} ${{cursor.since}} and updated le ${{cursor.until}}"
        );
        let mut spec = spec(&server, json!({ "$filter": filter }));
        set(&mut spec, "cursor.inclusive", inclusive);
        let source = source(spec);
        let mut stream = Stream::default();
        stream.run(&*source, 45).await;
        assert_eq!(stream.numbers(), all());
        // The next run asks from the last record on, and whether anything is behind that.
        let before = server.requests();
        assert!(stream.invoke(&*source, 45).await);
        assert!(server.requests() - before <= 2, "{}", server.requests() - before);
        assert_eq!(stream.numbers(), all());
        let filter = server.last().query["$filter"].clone();
        assert!(filter.contains("2024-01-01T01:0"), "{filter}");
    }
}

#[tokio::test]
async fn the_position_is_written_in_a_format_of_its_own() {
    // The records say it in one way, and the requests in seconds.
    let server = Server::start(|_, asked| {
        let since: i64 = asked.query["q"].strip_prefix("changed>=").unwrap().parse().unwrap();
        page(asked, asked.number("skip").unwrap(), |at_s| at_s >= since)
    })
    .await;
    let mut spec = spec(&server, json!({ "q": "changed>=${cursor.since}" }));
    set(&mut spec, "cursor.sent_format", "epoch_s");
    set(&mut spec, "cursor.start", "1704067200");
    let source = source(spec);
    let mut stream = Stream::default();
    stream.run(&*source, 45).await;
    assert!(stream.invoke(&*source, 45).await);
    assert_eq!(stream.numbers(), all());
    assert_eq!(server.last().query["q"], format!("changed>={}", at_s(TOTAL)));
}

#[tokio::test]
async fn the_position_stands_in_a_header_and_in_the_path() {
    let server = Server::start(|_, asked| {
        let since = asked.headers["if-modified-since"].to_str().unwrap().to_owned();
        let until = asked.path.strip_prefix("/rows/until/").unwrap();
        assert!(until.starts_with("2024-01-31T00%3A00"), "{until}");
        page(asked, asked.number("skip").unwrap(), |at_s| rfc3339(at_s) >= since)
    })
    .await;
    let mut spec = spec(&server, json!({}));
    set(&mut spec, "url", format!("{}/rows/until/${{cursor.until}}", server.base));
    spec["headers"] = json!({ "If-Modified-Since": "${cursor.since}", "X-Other": "1" });
    let source = source(spec);
    let mut stream = Stream::default();
    stream.run(&*source, 45).await;
    assert_eq!(stream.numbers(), all());
    assert_eq!(server.last().headers["x-other"], "1");
}

#[tokio::test]
async fn the_position_is_a_variable_of_graphql_and_a_number_where_it_is_one() {
    let server = Server::start(|_, asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        assert!(body["query"].as_str().unwrap().contains("$since: Int!"), "{body}");
        let since = body["variables"]["since"].as_i64().unwrap();
        assert_eq!(body["variables"]["where"], format!("updated >= {since}"));
        page(asked, body["variables"]["skip"].as_u64().unwrap(), |at_s| at_s >= since)
    })
    .await;
    let mut spec = spec(&server, json!({}));
    spec["body"] = json!({
        "query": "query Rows($since: Int!) { rows(since: $since) { id updated } }",
        "variables": { "since": "${cursor.since}", "where": "updated >= ${cursor.since}" },
    });
    set(&mut spec, "pagination.offset.param", "variables.skip");
    set(&mut spec, "pagination.offset.size_param", "variables.top");
    set(&mut spec, "cursor.sent_format", "epoch_s");
    set(&mut spec, "cursor.start", "0");
    let mut stream = Stream::default();
    stream.run(&*source(spec), 45).await;
    assert_eq!(stream.numbers(), all());
}

#[tokio::test]
async fn an_id_stands_inside_a_soql_query() {
    let server = Server::start(|_, asked| {
        let query = &asked.query["q"];
        let after: u64 = query
            .strip_prefix("SELECT Id FROM Case WHERE Id > '")
            .and_then(|rest| rest.strip_suffix("' ORDER BY Id LIMIT 20"))
            .unwrap_or_else(|| panic!("{query}"))
            .parse()
            .unwrap();
        page(asked, 0, |at_s_of| at_s_of > at_s(after))
    })
    .await;
    let mut spec = spec(
        &server,
        json!({ "q": "SELECT Id FROM Case WHERE Id > '${cursor.since}' ORDER BY Id LIMIT 20" }),
    );
    spec["cursor"] = json!({ "by": "id", "start": "0" });
    let mut stream = Stream::default();
    stream.run(&*source(spec), 45).await;
    assert_eq!(stream.numbers(), all());
}
