//! Records to several addresses by what they say, over real HTTP.

use serde_json::{Value, json};
use tidegate_connectors::Connected;
use tidegate_core::{
    model::{Outcome, SkipReason},
    ports::{Outgoing, Route},
};

use crate::sent::{Taker, faults, flow, outgoing};

/// Which route a record takes.
fn route(flow: &Connected, source: &Value) -> Result<Route, Outcome> {
    flow.destination.route(source.to_string().as_bytes(), false)
}

/// As the application does: records of one route, and once more for as long as the destination asks for it.
async fn deliver(flow: &Connected, sources: &[(Value, bool)]) -> Vec<Outcome> {
    let records: Vec<Outgoing> =
        sources.iter().map(|(source, deleted)| outgoing(flow, source, *deleted)).collect();
    for _ in 0..20 {
        let delivery = flow.destination.deliver(&records, 5_000).await;
        if !delivery.again {
            return delivery.outcomes;
        }
    }
    panic!("it goes on for ever")
}

fn lives(sources: &[Value]) -> Vec<(Value, bool)> {
    sources.iter().map(|source| (source.clone(), false)).collect()
}

#[tokio::test]
async fn a_record_takes_the_first_route_whose_condition_holds() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let flow = flow(
        &json!({}),
        &json!({
            "url": format!("{}/other", api.url),
            "headers": { "X-From": "tidegate", "X-Kind": "any" },
            "query": { "v": "1" },
            "routes": [
                { "when": ".type == \"invoice\" and .total > 100", "url": format!("{}/large", api.url) },
                { "when": ".type == \"invoice\"", "url": format!("{}/invoices/${{record.id}}", api.url), "method": "PUT",
                  "headers": { "X-Kind": "invoice" }, "query": { "w": "2" },
                  "envelope": { "invoice": "${body}" } },
                { "when": ".type" , "body": "form" },
            ],
        }),
    );
    assert_eq!(flow.destination.routes(), 3);
    let invoice = |total: u32| json!({ "id": 1, "type": "invoice", "total": total });
    for (record, expected) in
        [(invoice(200), 0), (invoice(5), 1), (json!({ "id": 2, "type": "x" }), 2)]
    {
        assert_eq!(route(&flow, &record), Ok(Route(expected)), "{record}");
        assert_eq!(deliver(&flow, &lives(&[record])).await, [Outcome::Delivered]);
    }
    let seen = api.seen();
    let lines: Vec<&str> = seen.iter().map(|it| it.line.as_str()).collect();
    assert_eq!(lines, ["POST /large?v=1", "PUT /invoices/1?v=1&w=2", "POST /other?v=1"]);
    assert_eq!(seen[1].json(), json!({ "invoice": { "id": 1, "type": "invoice", "total": 5 } }));
    assert_eq!(
        (seen[0].header("x-kind"), seen[1].header("x-kind")),
        (Some("any"), Some("invoice"))
    );
    assert_eq!(seen[1].header("x-from"), Some("tidegate"));
    assert_eq!(seen[2].text, "id=2&type=x");
    assert_eq!(seen[2].header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[test]
fn a_record_that_no_route_takes_is_parked_unless_the_flow_leaves_it_out() {
    let to = |more: Value| {
        let mut to = json!({ "url": "https://b.example/x", "routes": [{ "when": ".a" }] });
        to.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        flow(&json!({}), &to)
    };
    let Err(Outcome::Refused { status: None, reason }) = route(&to(json!({})), &json!({ "id": 1 }))
    else {
        panic!("it is parked")
    };
    assert!(reason.contains("no route takes it") && reason.contains("otherwise: skip"), "{reason}");
    assert_eq!(
        route(&to(json!({ "otherwise": "skip" })), &json!({ "id": 1 })),
        Err(Outcome::Skipped(SkipReason::Filtered))
    );
    // Of one for which it cannot be told, the route says which condition.
    let Err(Outcome::Refused { reason, .. }) = route(&to(json!({})), &json!([1])) else {
        panic!("it is parked")
    };
    assert!(reason.contains("routes[0].when"), "{reason}");
}

#[tokio::test]
async fn routes_have_sizes_of_their_own_and_results_of_their_own() {
    let api = Taker::start(|it| match it.line.as_str() {
        "POST /bulk" => {
            let rows = it.json()["rows"].as_array().unwrap().len();
            let result = |at: usize| json!({ "status": if at == 1 { 422 } else { 200 } });
            (207, json!({ "results": (0..rows).map(result).collect::<Vec<_>>() }))
        }
        _ => (200, json!({ "ok": true })),
    })
    .await;
    let flow = flow(
        &json!({}),
        &json!({
            "routes": [
                { "when": ".many", "url": format!("{}/bulk", api.url),
                  "batch": { "size": 50, "field": "rows", "results": { "path": "results", "status": "status" } } },
                { "url": format!("{}/one/${{record.id}}", api.url), "expect": "json" },
            ],
        }),
    );
    let sizes: Vec<usize> =
        (0..2).map(|at| flow.destination.batching(Route(at)).records_max).collect();
    assert_eq!(sizes, [50, 1]);
    let many: Vec<Value> = (1..4).map(|id| json!({ "id": id, "many": true })).collect();
    let outcomes = deliver(&flow, &lives(&many)).await;
    assert!(matches!(outcomes[1], Outcome::Refused { status: Some(422), .. }), "{outcomes:?}");
    assert_eq!((&outcomes[0], &outcomes[2]), (&Outcome::Delivered, &Outcome::Delivered));
    assert_eq!(deliver(&flow, &lives(&[json!({ "id": 9 })])).await, [Outcome::Delivered]);
    assert_eq!(api.last().line, "POST /one/9");
}

#[tokio::test]
async fn a_deletion_takes_the_route_of_its_record() {
    let api = Taker::start(|_| (204, json!(null))).await;
    let url = |path: &str| format!("{}/{path}", api.url);
    let flow = flow(
        &json!({ "map": { "name": "name" } }),
        &json!({
            "routes": [
                { "when": ".type == \"a\"", "url": url("a"), "delete": { "url": url("a/${record.id}") } },
                { "url": url("b"), "delete": { "url": url("b/${record.id}") } },
            ],
        }),
    );
    for (kind, line) in [("a", "DELETE /a/3"), ("b", "DELETE /b/3")] {
        let gone = (json!({ "id": 3, "type": kind }), true);
        assert_eq!(deliver(&flow, &[gone]).await, [Outcome::Delivered]);
        assert_eq!(api.last().line, line);
    }
}

#[tokio::test]
async fn a_route_may_split_its_records() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let flow = flow(
        &json!({}),
        &json!({
            "routes": [
                { "when": ".lines", "url": format!("{}/lines", api.url), "split": { "items": "lines" } },
                { "url": format!("{}/whole", api.url) },
            ],
        }),
    );
    assert_eq!(
        deliver(&flow, &lives(&[json!({ "id": 1, "lines": [1, 2, 3] })])).await,
        [Outcome::Delivered]
    );
    assert_eq!(deliver(&flow, &lives(&[json!({ "id": 2 })])).await, [Outcome::Delivered]);
    let seen = api.seen();
    let sent: Vec<(&str, &str)> =
        seen.iter().map(|it| (it.line.as_str(), it.text.as_str())).collect();
    let line = |text| ("POST /lines", text);
    assert_eq!(sent, [line("1"), line("2"), line("3"), ("POST /whole", "{\"id\":2}")]);
}

#[tokio::test]
async fn the_same_record_by_another_route_has_another_key() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let keys = async |to: &Value| {
        let flow = flow(&json!({}), to);
        deliver(&flow, &lives(&[json!({ "id": 1, "a": true })])).await;
        api.last().header("idempotency-key").unwrap().to_owned()
    };
    let one = keys(&json!({ "routes": [{ "when": ".a", "url": format!("{}/a", api.url) }] })).await;
    let other =
        keys(&json!({ "routes": [{ "when": ".a", "url": format!("{}/b", api.url) }] })).await;
    assert_ne!(one, other);
}

#[tokio::test]
async fn credentials_of_all_routes_go_to_one_host_and_others_have_their_own() {
    let (one, other) =
        (Taker::start(|_| (200, json!({}))).await, Taker::start(|_| (200, json!({}))).await);
    // The file does not say the second host: it is known when the connection is.
    let mut connection = crate::flow::connection();
    connection.params.insert("tenant".into(), other.url.clone());
    let connected = |auth: Value| {
        let mut second = json!({ "url": "${params.tenant}/x" });
        second.as_object_mut().unwrap().extend(auth.as_object().unwrap().clone());
        let to = json!({ "auth": { "bearer": "${secrets.token}" },
            "routes": [{ "when": ".a", "url": one.url }, second] });
        let spec = crate::sent::file(&json!({}), &to);
        let spec = tidegate_flow::parse("orders.yaml", &spec).unwrap();
        tidegate_connectors::connect(&spec, &connection, &crate::flow::options())
    };
    let error = connected(json!({})).err().expect("the second host would see the token");
    let error = error.to_string();
    assert!(error.contains("routes.1") && error.contains("`auth` of its own"), "{error}");
    let own = json!({ "auth": { "api_key": { "header": "X-Key", "value": "${secrets.token}" } } });
    let own = connected(own).unwrap_or_else(|error| panic!("{error}"));
    deliver(&own, &lives(&[json!({ "id": 1 })])).await;
    assert_eq!(other.last().header("authorization"), None);
    assert!(other.last().header("x-key").is_some());
}

#[test]
fn routes_that_cannot_be_meant_are_refused_with_their_line() {
    let url = "https://b.example/x";
    for (destination, says) in [
        (json!({}), "missing key `url`"),
        (json!({ "routes": [{ "when": ".a" }] }), "the route has no address"),
        (json!({ "url": url, "routes": [] }), "routes"),
        (
            json!({ "url": url, "routes": [{ "method": "PUT" }, { "when": ".a" }] }),
            "the routes behind this one are never taken",
        ),
        (
            json!({ "auth": { "bearer": "${secrets.token}" }, "routes": [
                { "when": ".a", "url": url }, { "url": "https://c.example/${record.id}" },
            ] }),
            "only https://b.example:443 may see the destination's credentials",
        ),
        (
            json!({ "url": url, "otherwise": "skip" }),
            "`otherwise` does nothing: there are no routes",
        ),
        (
            json!({ "url": url, "otherwise": "skip", "routes": [{ "when": ".a" }, {}] }),
            "the last route takes all records",
        ),
        (json!({ "url": url, "routes": [{ "when": ".a ==" }] }), "jq"),
        (json!({ "url": url, "routes": [{ "wen": ".a" }] }), "unknown key `wen`"),
        (
            json!({ "url": url, "routes": [{ "when": ".a", "batch": { "size": 5 }, "envelope": { "a": "${body}" } }] }),
            "`envelope` cannot be beside `batch`",
        ),
        (
            json!({ "url": url, "routes": [{ "when": ".a", "url": format!("{url}/${{body.nope}}") }] }),
            "`${body.nope}` is never there",
        ),
    ] {
        let said = faults(&json!({ "map": { "name": "name" } }), &destination);
        assert!(said.contains(says) && said.contains("--> orders.yaml:"), "{destination}: {said}");
    }
}

#[tokio::test]
async fn the_destination_is_asked_by_the_key_of_the_route() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let url = |path: &str| format!("{}/{path}", api.url);
    let flow = flow(
        &json!({}),
        &json!({
            "routes": [{ "when": ".a", "url": url("a") }, { "url": url("b") }],
            "on_unknown": { "lookup": { "url": url("asked/${idempotency_key}") } },
        }),
    );
    for record in [json!({ "id": 1, "a": true }), json!({ "id": 1 })] {
        let record = outgoing(&flow, &record, false);
        flow.destination.deliver(std::slice::from_ref(&record), 5_000).await;
        let key = api.last().header("idempotency-key").unwrap().to_owned();
        assert_eq!(flow.destination.has(&record, 5_000).await, Ok(true));
        let asked = api.last().line;
        let asked = asked.strip_prefix("GET /asked/").unwrap();
        assert_eq!(asked.replace("%2F", "/").replace("%40", "@"), key);
    }
}

#[test]
fn a_request_is_shown_of_the_route_that_its_record_takes_and_of_its_first_item() {
    let spec = crate::sent::file(
        &json!({}),
        &json!({
            "routes": [
                { "when": ".lines", "url": "https://b.example/${record.id}/lines", "split": { "items": "lines" },
                  "envelope": { "line": "${item}" } },
                { "when": ".a", "url": "https://b.example/a", "method": "PUT" },
            ],
        }),
    );
    let spec = tidegate_flow::parse("orders.yaml", &spec).unwrap();
    let shown = |record: &str| {
        let shown = tidegate_connectors::preview(
            &spec,
            &crate::flow::connection(),
            record.as_bytes(),
            record.as_bytes(),
        );
        shown
            .map(|it| (format!("{} {}", it.method, it.url), String::from_utf8(it.body).unwrap()))
            .map_err(|error| error.to_string())
    };
    let of = |line: &str, body: &str| Ok((line.to_owned(), body.to_owned()));
    assert_eq!(
        shown(r#"{"id":7,"lines":["x","y"]}"#),
        of("POST https://b.example/7/lines", r#"{"line":"x"}"#)
    );
    assert_eq!(shown(r#"{"a":1}"#), of("PUT https://b.example/a", r#"{"a":1}"#));
    assert!(shown(r#"{"id":7,"lines":[]}"#).unwrap_err().contains("is empty"));
    assert!(shown("{}").unwrap_err().contains("no route takes it"));
}
