//! What a look at one page of a source says.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_connectors::{Sight, look};
use tidegate_core::ports::SourceError;

use crate::{
    flow::{NOW_MS, TOKEN, UNTIL_MS, connection, destination_spec, flow, options},
    scripted::{Asked, Scripted},
};

/// A look at a list whose every page has these records and says this beside them. A destination would be the
/// same server: it is asked nothing.
async fn looked(page: Value, keys: Value) -> (Vec<Sight>, Scripted) {
    let server = Scripted::start(move |_| Json(page.clone()).into_response()).await;
    let sights = sights(&server, keys).await.unwrap();
    (sights, server)
}

async fn sights(server: &Scripted, keys: Value) -> Result<Vec<Sight>, SourceError> {
    let mut spec = json!({
        "url": server.url,
        "query": { "key": "${secrets.token}" },
        "records": "data",
        "cursor": { "by": "timestamp", "field": "at" },
        "pagination": { "page_number": { "param": "page", "size_param": "limit", "more": "more" } },
    });
    let given = keys.as_object().unwrap().clone();
    spec.as_object_mut().unwrap().extend(given);
    let flow = flow(spec, destination_spec(&server.url));
    let source = look(&flow, &connection(), &options()).unwrap();
    source.look(UNTIL_MS, NOW_MS + 30_000).await
}

fn rows(stamps: &[&str]) -> Value {
    let row = |(id, at): (usize, &&str)| json!({ "id": id, "at": at });
    stamps.iter().enumerate().map(row).collect()
}

fn says<'s>(sight: &'s Sight, of: &str) -> &'s str {
    let fact = sight.facts.iter().find(|fact| fact.of == of);
    fact.map_or_else(|| panic!("nothing of {of}: {sight:?}"), |fact| &fact.says)
}

const ASCENDING: [&str; 3] =
    ["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z", "2026-01-01T00:00:05Z"];

#[tokio::test]
async fn a_look_is_one_request_and_says_what_the_page_shows() {
    let page = json!({ "data": rows(&ASCENDING), "more": true });
    let (sights, server) = looked(page, json!({})).await;
    let [sight] = &sights[..] else { panic!("{sights:?}") };
    assert_eq!(sight.wrong, Vec::<String>::new());
    assert_eq!(says(sight, "records"), "3");
    assert_eq!(says(sight, "order"), "by timestamp (`at`), oldest first");
    assert_eq!(
        says(sight, "timestamps"),
        "whole seconds, with their zone, like `2026-01-01T00:00:01Z`"
    );
    assert_eq!(says(sight, "settle lag"), "records younger than 2s are left to a later run");
    assert_eq!(says(sight, "next page"), "page=2, limit=100");
    assert_eq!(says(sight, "limits"), "the answer tells none; see source.http.limits");
    let (id, data) = sight.sample.as_ref().unwrap();
    assert_eq!((&**id, &data[..]), ("0", &br#"{"at":"2026-01-01T00:00:01Z","id":0}"#[..]));
    assert_eq!(server.requests(), 1);
    assert!(!format!("{sights:?}").contains(TOKEN), "{sights:?}");
}

#[tokio::test]
async fn what_a_run_would_stop_at_or_lose_is_wrong() {
    let newest_first = ASCENDING.iter().rev().copied().collect::<Vec<_>>();
    let unsorted = [ASCENDING[1], ASCENDING[0], ASCENDING[2]];
    let pages = |total: u64| json!({ "data": rows(&ASCENDING), "total": total });
    let by = |more: Value| {
        let mut cursor = json!({ "by": "timestamp", "field": "at" });
        cursor.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "cursor": cursor })
    };
    for (page, keys, said) in [
        (json!({ "data": rows(&newest_first) }), json!({}), "newest_first: true"),
        (
            json!({ "data": rows(&ASCENDING) }),
            by(json!({ "newest_first": true })),
            "remove `newest_first`",
        ),
        (json!({ "data": rows(&unsorted) }), json!({}), "not sorted by timestamp"),
        (pages(9), json!({ "pagination": "none" }), "`total` is 9, and 3 came"),
        (json!({ "data": rows(&ASCENDING) }), by(json!({ "settle_lag": "0s" })), "raise it to 2s"),
        (json!({ "data": rows(&ASCENDING) }), json!({ "id": "uuid" }), "source.http.id"),
        (
            json!({ "data": rows(&ASCENDING), "next": true }),
            json!({ "pagination": { "token": { "param": "token", "path": "next" } } }),
            "names no page",
        ),
    ] {
        let (sights, _) = looked(page, keys.clone()).await;
        let wrong = sights[0].wrong.join("\n");
        assert!(wrong.contains(said), "{keys}: {wrong:?}");
    }
}

#[tokio::test]
async fn why_no_page_follows_is_said() {
    let data = rows(&ASCENDING);
    let token = |keys: Value| json!({ "pagination": { "token": keys } });
    let token = |_: ()| token(json!({ "param": "token", "path": "meta.next" }));
    for (page, keys, said) in [
        (
            json!({ "data": data, "more": false }),
            json!({}),
            "the answer says that there is no more",
        ),
        (json!({ "data": data, "meta": {} }), token(()), "`meta.next` in the body is empty"),
        (json!({ "data": data }), token(()), "its page is not full"),
        (
            json!({ "data": data }),
            json!({ "pagination": "whole" }),
            "one answer has the whole list",
        ),
        (json!({ "data": [] }), json!({}), "the list is empty"),
    ] {
        let (sights, _) = looked(page, keys.clone()).await;
        assert!(says(&sights[0], "next page").contains(said), "{keys}: {sights:?}");
    }
}

#[tokio::test]
async fn zones_bad_records_and_limits_are_said() {
    let server = Scripted::start(|_| {
        let page = json!({ "data": [{ "id": 1, "at": "2026-01-01 10:30:00.250" }, { "id": 2 }] });
        ([("X-RateLimit-Remaining", "59"), ("Retry-After", "7")], Json(page)).into_response()
    })
    .await;
    let seen = sights(&server, json!({})).await.unwrap();
    assert!(says(&seen[0], "timestamps").contains("without a zone, taken as UTC"), "{seen:?}");
    assert!(says(&seen[0], "timestamps").starts_with("fractions of a second"), "{seen:?}");
    assert!(says(&seen[0], "parked").starts_with("1 of them would be"), "{seen:?}");
    assert_eq!(says(&seen[0], "limits"), "x-ratelimit-remaining: 59, retry-after: 7");
    assert_eq!(says(&seen[0], "order"), "too few records to tell");
    let zone = json!({ "cursor": { "by": "timestamp", "field": "at", "zone": "Asia/Tokyo" } });
    let seen = sights(&server, zone).await.unwrap();
    assert!(says(&seen[0], "timestamps").contains("in the zone of"), "{seen:?}");
}

#[tokio::test]
async fn a_refusal_says_what_was_asked_and_answered() {
    let server = Scripted::start(|_| axum::http::StatusCode::UNAUTHORIZED.into_response()).await;
    let error = sights(&server, json!({})).await.unwrap_err().to_string();
    assert!(error.contains("answered 401"), "{error}");
    assert!(!error.contains(TOKEN), "{error}");
}

/// The parents' list, and the children's of the first of them.
#[tokio::test]
async fn with_parents_a_look_is_at_both_lists() {
    let answer = |asked: &Asked| -> Response {
        let rows = match asked.path.as_str() {
            "/parents" => json!([{ "id": 7 }, { "id": 8 }]),
            "/parents/7/children" => json!([{ "id": 1 }]),
            other => panic!("{other} is not asked for"),
        };
        Json(json!({ "data": rows })).into_response()
    };
    let server = Scripted::start(answer).await;
    let base = server.url.trim_end_matches("/orders").to_owned();
    let last_id = json!({ "last_id": { "param": "after" } });
    let keys = json!({
        "url": format!("{base}/parents/${{parent.id}}/children"),
        "query": {},
        "cursor": { "by": "id" },
        "pagination": last_id,
        "for_each": {
            "url": format!("{base}/parents"),
            "records": "data",
            "pagination": { "last_id": { "param": "after" } },
        },
    });
    let seen = sights(&server, keys).await.unwrap();
    let of: Vec<_> = seen.iter().map(|sight| (&*sight.of, says(sight, "records"))).collect();
    assert_eq!(of, [("the list of parents", "2"), ("the list of the children of 7", "1")]);
    assert_eq!((seen[0].sample.is_none(), seen[1].sample.is_some()), (true, true));
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_window_of_the_list_is_asked_for_where_the_flow_says_so() {
    let keys = json!({
        "cursor": {
            "by": "timestamp", "field": "at", "since": "from", "until": "to",
            "start": "2023-01-01T00:00:00Z", "window": "24h",
        },
    });
    let (_, server) = looked(json!({ "data": [] }), keys).await;
    let asked = &server.asked()[0];
    assert_eq!(asked.text("from"), Some("2023-01-01T00:00:00Z"));
    assert_eq!(asked.text("to"), Some("2023-01-02T00:00:00Z"));
}
