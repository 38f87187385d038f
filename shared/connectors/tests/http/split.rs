//! One record to many requests, over real HTTP: an item in each, or as many as a request takes.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use serde_json::{Value, json};
use tidegate_connectors::Connected;
use tidegate_core::{
    model::{Blame, Later, Outcome, SkipReason},
    ports::Outgoing,
};

use crate::sent::{Arrived, Taker, faults, flow, outgoing};

/// An order of these lines.
fn order(skus: &[&str]) -> Value {
    let lines: Vec<Value> = skus.iter().map(|sku| json!({ "sku": sku })).collect();
    json!({ "id": 7, "customer": "c1", "lines": lines })
}

/// As the application does: once more, for as long as the destination asks for it. With the number of requests.
async fn to_the_end(flow: &Connected, source: &Value) -> (Outcome, u32) {
    let record = outgoing(flow, source, false);
    again_to_the_end(flow, &record).await
}

async fn again_to_the_end(flow: &Connected, record: &Outgoing) -> (Outcome, u32) {
    for requests in 1..60 {
        let delivery = flow.destination.deliver(std::slice::from_ref(record), 5_000).await;
        if !delivery.again {
            let [outcome] = <[Outcome; 1]>::try_from(delivery.outcomes).expect("one record");
            return (outcome, requests);
        }
    }
    panic!("it goes on for ever")
}

fn refused(outcome: Outcome) -> (Option<u16>, String) {
    match outcome {
        Outcome::Refused { status, reason } => (status, reason.into()),
        other => panic!("{other:?}"),
    }
}

fn later(outcome: Outcome) -> Later {
    match outcome {
        Outcome::Later(later) => later,
        other => panic!("{other:?}"),
    }
}

fn lines(seen: &[Arrived]) -> Vec<&str> {
    seen.iter().map(|it| it.line.as_str()).collect()
}

fn keys(seen: &[Arrived]) -> Vec<&str> {
    seen.iter().filter_map(|it| it.header("idempotency-key")).collect()
}

#[tokio::test]
async fn each_item_is_a_request_of_its_own_with_a_key_of_its_own_in_their_order() {
    let api = Taker::start(|_| (201, json!({}))).await;
    let to = json!({
        "url": format!("{}/orders/${{record.id}}/lines/${{item.sku}}", api.url), "method": "PUT",
        "headers": { "X-Customer": "${body.customer}" },
        "envelope": { "order": "${record.id}", "line": "${item}", "by": "${body.customer}" },
        "split": { "items": "${body.lines}" },
    });
    let same = flow(&json!({}), &to);
    assert_eq!(to_the_end(&same, &order(&["a", "b", "c"])).await, (Outcome::Delivered, 3));
    let seen = api.seen();
    assert_eq!(
        lines(&seen),
        ["PUT /orders/7/lines/a", "PUT /orders/7/lines/b", "PUT /orders/7/lines/c"]
    );
    assert_eq!(seen[1].json(), json!({ "order": 7, "line": { "sku": "b" }, "by": "c1" }));
    assert_eq!(seen[1].header("x-customer"), Some("c1"));
    let first: HashSet<&str> = keys(&seen).into_iter().collect();
    assert_eq!(first.len(), 3);
    // After a crash, or in a replay, all are sent again, with the keys that they had.
    let other = flow(&json!({}), &to);
    to_the_end(&other, &order(&["a", "b", "c"])).await;
    assert_eq!(keys(&api.seen())[3..], keys(&seen)[..]);
}

#[tokio::test]
async fn the_items_are_those_of_the_source_or_of_what_the_transform_made_or_that_itself() {
    for (transform, items, bodies) in [
        (json!({}), "lines", vec![json!({ "sku": "a" }), json!({ "sku": "b" })]),
        (
            json!({ "map": { "rows": "lines" } }),
            "rows",
            vec![json!({ "sku": "a" }), json!({ "sku": "b" })],
        ),
        (
            json!({ "jq": ".id as $id | [.lines[] | {id: $id, s: .sku}]" }),
            "${body}",
            vec![json!({ "id": 7, "s": "a" }), json!({ "id": 7, "s": "b" })],
        ),
        (
            json!({ "filter": ".id == 7" }),
            "${record.lines}",
            vec![json!({ "sku": "a" }), json!({ "sku": "b" })],
        ),
    ] {
        let api = Taker::start(|_| (201, json!({}))).await;
        let flow = flow(&transform, &json!({ "url": api.url, "split": { "items": items } }));
        assert_eq!(to_the_end(&flow, &order(&["a", "b"])).await, (Outcome::Delivered, 2));
        assert_eq!(api.seen().iter().map(Arrived::json).collect::<Vec<_>>(), bodies, "{items}");
    }
}

#[tokio::test]
async fn an_item_that_is_refused_parks_the_record_with_which_and_the_others_are_sent() {
    let api = Taker::start(|it| match it.json()["sku"].as_str() {
        Some("b" | "d") => (422, json!({ "error": "no such sku" })),
        _ => (201, json!({})),
    })
    .await;
    let by_place = json!({ "url": api.url, "split": { "items": "lines" } });
    let by_place = flow(&json!({}), &by_place);
    let (outcome, requests) = to_the_end(&by_place, &order(&["a", "b", "c"])).await;
    let (status, reason) = refused(outcome);
    assert_eq!((status, requests), (Some(422), 3));
    for part in ["item 2 of 3 was refused", "2 taken", "no such sku"] {
        assert!(reason.contains(part), "{reason}");
    }
    let by_id =
        flow(&json!({}), &json!({ "url": api.url, "split": { "items": "lines", "id": "sku" } }));
    let (_, reason) = refused(to_the_end(&by_id, &order(&["a", "b", "c", "d"])).await.0);
    for part in ["items 2, 4 of 4 were refused", "item 2 of 4 (b)", "2 taken", "no such sku"] {
        assert!(reason.contains(part), "{reason}");
    }
}

#[tokio::test]
async fn after_a_failure_only_what_is_not_settled_is_sent_again() {
    let down = Arc::new(AtomicU32::new(1));
    let fails = Arc::clone(&down);
    let api = Taker::start(move |it| match it.json()["sku"].as_str() {
        Some("a") => (422, json!({ "error": "not a" })),
        Some("c") if fails.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() => {
            (503, json!({ "error": "busy" }))
        }
        _ => (201, json!({})),
    })
    .await;
    let flow = flow(&json!({}), &json!({ "url": api.url, "split": { "items": "lines" } }));
    let record = outgoing(&flow, &order(&["a", "b", "c", "d"]), false);
    let (outcome, requests) = again_to_the_end(&flow, &record).await;
    let failed = later(outcome);
    assert_eq!((requests, failed.blame), (3, Blame::Destination));
    assert!(failed.reason.starts_with("503: item 3 of 4: "), "{}", failed.reason);
    let (outcome, requests) = again_to_the_end(&flow, &record).await;
    assert_eq!(requests, 2, "c and d");
    assert!(refused(outcome).1.contains("item 1 of 4 was refused"));
    let sent: Vec<Value> = api.seen().iter().map(|it| it.json()["sku"].clone()).collect();
    assert_eq!(sent, ["a", "b", "c", "c", "d"]);
    let seen = api.seen();
    assert_eq!(keys(&seen)[2], keys(&seen)[3], "a repeat has its key");
    // It is settled: a replay sends all of it.
    assert_eq!(again_to_the_end(&flow, &record).await.1, 4);
}

#[tokio::test]
async fn limits_and_unknown_outcomes_of_an_item_are_the_records() {
    for (status, blame, unknown) in [(429, Blame::Limit, false), (500, Blame::Request, true)] {
        let api = Taker::start(move |it| match it.json()["sku"].as_str() {
            Some("b") => (status, json!({})),
            _ => (201, json!({})),
        })
        .await;
        let flow = flow(&json!({}), &json!({ "url": api.url, "split": { "items": "lines" } }));
        let failed = later(to_the_end(&flow, &order(&["a", "b", "c"])).await.0);
        assert_eq!((failed.blame, failed.unknown), (blame, unknown), "{status}");
        assert!(failed.reason.contains("item 2 of 3"), "{}", failed.reason);
    }
}

#[tokio::test]
async fn what_is_there_already_is_taken_and_a_record_that_is_there_as_a_whole_is_a_duplicate() {
    let api = Taker::start(|it| match it.json()["sku"].as_str() {
        Some("new") => (201, json!({})),
        _ => (409, json!({ "error": "exists" })),
    })
    .await;
    let to = json!({ "url": api.url, "duplicate": [409], "split": { "items": "lines" } });
    let flow = flow(&json!({}), &to);
    assert_eq!(to_the_end(&flow, &order(&["a", "new"])).await.0, Outcome::Delivered);
    assert_eq!(
        to_the_end(&flow, &order(&["a", "b"])).await.0,
        Outcome::Skipped(SkipReason::Duplicate)
    );
}

#[tokio::test]
async fn a_record_without_items_is_parked_unless_the_flow_leaves_it_out_and_makes_no_request() {
    let api = Taker::start(|_| (201, json!({}))).await;
    let split = |more: Value| {
        let mut split = json!({ "items": "lines", "id": "sku", "items_max": 2 });
        split.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        flow(&json!({}), &json!({ "url": api.url, "split": split }))
    };
    let skips = split(json!({ "when_empty": "skip" }));
    for (record, why) in [
        (json!({ "id": 7, "lines": [] }), "is empty"),
        (json!({ "id": 7, "lines": null }), "is not there"),
        (json!({ "id": 7 }), "is not there"),
    ] {
        let (status, reason) = refused(to_the_end(&split(json!({})), &record).await.0);
        assert!(status.is_none() && reason.contains(why), "{reason}");
        assert!(reason.contains("split.when_empty: skip"), "{reason}");
        let outcome = to_the_end(&skips, &record).await.0;
        assert_eq!(outcome, Outcome::Skipped(SkipReason::Unchanged));
    }
    // What is no list, or a list that cannot be told apart, is parked whatever is done with empty ones.
    for (lines, why) in [
        (json!("a,b"), "`${body.lines}` is no list"),
        (json!({ "0": {} }), "`${body.lines}` is no list"),
        (json!([{ "sku": "a" }, {}]), "item 2 has no `sku`"),
        (
            json!([{ "sku": "a" }, { "sku": "a" }]),
            "items 1 and 2 have the same `sku` (split.id): a",
        ),
        (
            json!([{ "sku": "a" }, { "sku": "b" }, { "sku": "c" }]),
            "more than 2 items: raise `split.items_max`",
        ),
    ] {
        let (_, reason) = refused(to_the_end(&skips, &json!({ "id": 7, "lines": lines })).await.0);
        assert!(reason.contains(why), "{reason}");
    }
    assert!(api.seen().is_empty());
}

#[tokio::test]
async fn an_item_that_another_one_is_put_before_keeps_its_key_where_it_has_an_id() {
    let sent = async |split: Value| {
        let api = Taker::start(|_| (201, json!({}))).await;
        let flow = flow(&json!({}), &json!({ "url": api.url, "split": split }));
        to_the_end(&flow, &order(&["b"])).await;
        to_the_end(&flow, &order(&["a", "b"])).await;
        let seen = api.seen();
        seen[0].header("idempotency-key") == seen[2].header("idempotency-key")
    };
    assert!(sent(json!({ "items": "${record.lines}", "id": "sku" })).await);
    assert!(!sent(json!({ "items": "${record.lines}" })).await);
}

#[tokio::test]
async fn a_bulk_has_items_of_one_record_and_each_its_own_result() {
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let api = Taker::start(move |it| {
        let body = it.json();
        let lines = body["lines"].as_array().unwrap().clone();
        seen.lock().unwrap().push(lines.len());
        let again = seen.lock().unwrap().len() > 3;
        let result = |line: &Value| match line["sku"].as_str() {
            Some("bad") => json!({ "status": 422, "why": "no such sku" }),
            Some("slow") if !again => json!({ "status": 503, "why": "busy" }),
            _ => json!({ "status": 201 }),
        };
        (207, json!({ "results": lines.iter().map(result).collect::<Vec<_>>() }))
    })
    .await;
    let to = json!({
        "url": format!("{}/orders/${{record.id}}/lines", api.url),
        "split": { "items": "lines" },
        "batch": { "size": 2, "field": "lines", "key_field": "key",
            "results": { "path": "results", "status": "status", "reason": "why" } },
    });
    let flow = flow(&json!({}), &to);
    let record = outgoing(&flow, &order(&["a", "bad", "slow", "b", "c"]), false);
    assert_eq!(flow.destination.batching(tidegate_core::ports::Route::ONLY).records_max, 1);
    let failed = later(again_to_the_end(&flow, &record).await.0);
    assert!(failed.reason.contains("item 3 of 5"), "{}", failed.reason);
    assert_eq!(*attempts.lock().unwrap(), [2, 2], "what failed ends the attempt");
    let failed = later(again_to_the_end(&flow, &record).await.0);
    assert!(failed.reason.contains("item 3 of 5"), "{}", failed.reason);
    let (outcome, _) = again_to_the_end(&flow, &record).await;
    let (_, reason) = refused(outcome);
    assert!(reason.contains("item 2 of 5 was refused, and 4 taken: no such sku"), "{reason}");
    // Pieces stay as they were cut: the item that failed goes without those that were taken, and not with others.
    assert_eq!(*attempts.lock().unwrap(), [2, 2, 1, 1, 1]);
    assert_eq!(api.seen()[0].line, "POST /orders/7/lines");
    let first = api.seen()[0].json();
    assert_eq!(first["lines"][0]["sku"], "a");
    assert_ne!(first["lines"][0]["key"], first["lines"][1]["key"]);
}

#[tokio::test]
async fn a_bulk_that_is_refused_for_the_sake_of_one_item_goes_in_parts_down_to_that_one() {
    let api = Taker::start(|it| match it.text.contains("bad") {
        true => (400, json!({ "error": "one of them is bad" })),
        false => (200, json!({})),
    })
    .await;
    let to = json!({ "url": api.url, "split": { "items": "lines", "id": "sku" }, "batch": { "size": 8 } });
    let flow = flow(&json!({}), &to);
    let skus = ["a", "b", "c", "d", "e", "bad", "g", "h"];
    let (outcome, requests) = to_the_end(&flow, &order(&skus)).await;
    let (status, reason) = refused(outcome);
    assert_eq!(status, Some(400));
    assert!(reason.contains("item 6 of 8 (bad) was refused, and 7 taken"), "{reason}");
    assert!(requests <= 10, "{requests}");
}

#[tokio::test]
async fn an_item_is_created_or_updated_and_both_are_requests_of_their_own() {
    let api = Taker::start(|it| match (it.line.split(' ').next(), it.text.contains("old")) {
        (Some("POST"), true) => (409, json!({})),
        _ => (200, json!({})),
    })
    .await;
    let to = json!({ "url": format!("{}/lines", api.url), "split": { "items": "lines" }, "upsert": {
        "update": { "url": format!("{}/lines/${{item.sku}}", api.url) } } });
    let flow = flow(&json!({}), &to);
    assert_eq!(to_the_end(&flow, &order(&["old", "new"])).await, (Outcome::Delivered, 3));
    assert_eq!(lines(&api.seen()), ["POST /lines", "PATCH /lines/old", "POST /lines"]);
}

#[tokio::test]
async fn a_deletion_of_a_record_that_is_split_is_one_request() {
    let api = Taker::start(|_| (200, json!({}))).await;
    for batch in [Value::Null, json!({ "size": 5 })] {
        let mut to = json!({ "url": format!("{}/lines", api.url), "split": { "items": "lines" },
            "delete": { "url": format!("{}/orders/${{record.id}}", api.url) } });
        if !batch.is_null() {
            to["batch"] = batch;
        }
        let flow = flow(&json!({}), &to);
        let gone = outgoing(&flow, &json!({ "id": 7 }), true);
        assert_eq!(again_to_the_end(&flow, &gone).await, (Outcome::Delivered, 1));
        assert_eq!(api.last().line, "DELETE /orders/7");
    }
}

#[test]
fn what_does_not_go_with_a_split_is_refused_with_its_line() {
    let url = "https://b.example/lines";
    let map = json!({ "map": { "rows": "lines" } });
    let same = json!({});
    let split = json!({ "items": "lines" });
    for (transform, destination, says) in [
        (&map, json!({ "url": url, "split": split }), "`${body.lines}` is never there"),
        (
            &map,
            json!({ "url": url, "split": { "items": "${record.lines}" } }),
            "nothing of what `transform` makes is sent",
        ),
        (
            &same,
            json!({ "url": url, "split": { "items": "${item.lines}" } }),
            "is no list of a record",
        ),
        (
            &same,
            json!({ "url": url, "split": { "items": "${params.tenant}" } }),
            "is no list of a record",
        ),
        (
            &same,
            json!({ "url": format!("{url}/${{item.sku}}") }),
            "`${item.sku}` is never there: records are not split",
        ),
        (
            &same,
            json!({ "url": url, "envelope": { "a": "${item}" } }),
            "`${item}` is never there: records are not split",
        ),
        (
            &same,
            json!({ "url": url, "split": split, "envelope": { "a": "${record.id}" } }),
            "nothing of an item is sent",
        ),
        (
            &same,
            json!({ "url": url, "split": split, "on_unknown": "park" }),
            "cannot be beside `split`",
        ),
        (
            &same,
            json!({ "url": url, "split": split, "delete": { "url": format!("{url}/${{item.sku}}") } }),
            "a deletion is one request",
        ),
        (
            &same,
            json!({ "url": format!("{url}/${{item.sku}}"), "split": split, "batch": { "size": 5 } }),
            "`${item.sku}` cannot stand here",
        ),
        (&same, json!({ "url": url, "split": { "items": "lines", "items_max": 0 } }), "items_max"),
    ] {
        let said = faults(transform, &destination);
        assert!(said.contains(says) && said.contains("--> orders.yaml:"), "{destination}: {said}");
    }
}
