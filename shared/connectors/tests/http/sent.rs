//! What is sent for a record: the address, the headers, the envelope and the format, over real HTTP.

use std::sync::{Arc, Mutex};

use axum::{Router, body::to_bytes, extract::Request, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};
use tidegate_connectors::{Connected, connect, preview};
use tidegate_core::{
    model::{Outcome, RecordId, SkipReason, Version},
    ports::{Delivery, Outgoing, Transformed},
};
use tokio::net::TcpListener;

use crate::flow::{connection, options};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub line: String,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Arrived {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// An API that answers by what it is sent.
pub struct Taker {
    pub url: String,
    log: Arc<Mutex<Vec<Arrived>>>,
}

impl Taker {
    pub async fn start(
        answer: impl Fn(&Arrived) -> (u16, Value) + Clone + Send + Sync + 'static,
    ) -> Self {
        let log = Arc::<Mutex<Vec<Arrived>>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::clone(&log);
        let router = Router::new().fallback(move |request: Request| {
            let (seen, answer) = (Arc::clone(&seen), answer.clone());
            async move {
                let line = format!("{} {}", request.method(), request.uri());
                let headers = request.headers().clone();
                let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
                let text = String::from_utf8(body.to_vec()).unwrap();
                let arrived = Arrived { line, headers, text };
                seen.lock().unwrap().push(arrived.clone());
                let (status, body) = answer(&arrived);
                (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, log }
    }

    pub fn seen(&self) -> Vec<Arrived> {
        self.log.lock().unwrap().clone()
    }

    pub fn last(&self) -> Arrived {
        self.seen().pop().expect("a request")
    }
}

/// A flow file with this transform and this destination.
pub fn file(transform: &Value, destination: &Value) -> String {
    json!({
        "flow": "orders",
        "params": { "tenant": {} },
        "source": { "http": {
            "url": "http://127.0.0.1:9/orders", "cursor": { "by": "id" }, "pagination": "none",
            "auth": { "bearer": "${secrets.token}" },
        } },
        "transform": transform,
        "destination": { "http": destination },
    })
    .to_string()
}

/// A flow of these, connected.
pub fn flow(transform: &Value, destination: &Value) -> Connected {
    let spec = tidegate_flow::parse("orders.yaml", &file(transform, destination));
    let spec = spec.unwrap_or_else(|errors| panic!("{errors}"));
    connect(&spec, &connection(), &options()).unwrap_or_else(|error| panic!("{error}"))
}

/// What is wrong with such a flow.
pub fn faults(transform: &Value, destination: &Value) -> String {
    match tidegate_flow::parse("orders.yaml", &file(transform, destination)) {
        Ok(_) => String::new(),
        Err(errors) => errors.to_string(),
    }
}

/// A record as the application sends it.
pub fn outgoing(flow: &Connected, source: &Value, deleted: bool) -> Outgoing {
    let source = source.to_string().into_bytes();
    let mut body = Vec::new();
    if flow.destination.takes_unshaped(&source, deleted) {
        body.clone_from(&source);
    } else {
        let made = flow.transform.apply(&source, None, &mut body);
        assert_eq!(made, Transformed::Written);
    }
    let id: Value = serde_json::from_slice(&source).unwrap();
    Outgoing {
        id: RecordId::Number(id["id"].as_i64().unwrap_or(1)),
        version: Version(1),
        deleted,
        key: format!("orders/c/{}@1", id["id"]).into(),
        body: body.into(),
        source: source.into(),
    }
}

/// Sends records in one call.
pub async fn deliver(flow: &Connected, sources: &[Value]) -> Delivery {
    let records: Vec<Outgoing> =
        sources.iter().map(|source| outgoing(flow, source, false)).collect();
    flow.destination.deliver(&records, 5_000).await
}

fn order() -> Value {
    json!({
        "id": 7, "etag": "W/\"3\"", "tenant": "north", "email": "a&b@x", "total": 12.5,
        "name": "Zoë", "lines": [{ "sku": "a" }, { "sku": "b" }],
    })
}

#[tokio::test]
async fn the_key_stands_in_the_url_and_not_in_the_body_and_headers_are_by_record() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let flow = flow(
        &json!({ "map": { "mail": "email" } }),
        &json!({
            "url": format!("{}/orders/${{record.id}}/${{body.mail}}", api.url), "method": "PUT",
            "query": { "tenant": "${record.tenant}", "v": "1" },
            "headers": { "If-Match": "${record.etag}", "X-Tenant": "t-${record.tenant}" },
        }),
    );
    assert_eq!(deliver(&flow, &[order()]).await.outcomes, [Outcome::Delivered]);
    let seen = api.last();
    assert_eq!(seen.line, "PUT /orders/7/a%26b%40x?tenant=north&v=1");
    assert_eq!(seen.json(), json!({ "mail": "a&b@x" }));
    assert_eq!(seen.header("if-match"), Some("W/\"3\""));
    assert_eq!(seen.header("x-tenant"), Some("t-north"));
    // Without its condition, a record would overwrite what it must not.
    let bare = json!({ "id": 8, "email": "x", "tenant": "a" });
    let [Outcome::Refused { status: None, reason }] = &deliver(&flow, &[bare]).await.outcomes[..]
    else {
        panic!("a record without a condition is parked")
    };
    assert!(reason.contains("if-match") && reason.contains("`etag`"), "{reason}");
    let long = json!({ "id": 8, "email": "x", "tenant": "a", "etag": "x\r\nHost: y" });
    let outcomes = deliver(&flow, &[long]).await.outcomes;
    assert!(matches!(outcomes[0], Outcome::Refused { status: None, .. }), "{outcomes:?}");
    assert_eq!(api.seen().len(), 1);
}

#[tokio::test]
async fn record_in_the_url_means_what_it_meant_where_the_map_writes_the_field() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let url = format!("{}/${{record.id}}", api.url);
    for (transform, line) in [
        (json!({ "map": { "id": "etag" } }), "POST /W%2F%223%22"),
        (json!({ "map": { "other": "id" } }), "POST /7"),
        (json!({ "jq": "{id: \"made\"}" }), "POST /made"),
        (json!({ "jq": "{x: 1}" }), "POST /7"),
        (json!({}), "POST /7"),
    ] {
        let flow = flow(&transform, &json!({ "url": url }));
        assert_eq!(deliver(&flow, &[order()]).await.outcomes, [Outcome::Delivered]);
        assert_eq!(api.last().line, line, "{transform}");
    }
    // A field that the map would write and did not is still no reason to take another one.
    let flow = flow(&json!({ "map": { "id": "missing", "x": "id" } }), &json!({ "url": url }));
    let outcomes = deliver(&flow, &[order()]).await.outcomes;
    assert!(matches!(outcomes[0], Outcome::Refused { status: None, .. }), "{outcomes:?}");
}

#[test]
fn what_is_never_there_is_refused_by_check() {
    let url = "http://127.0.0.1:9/${body.nope}";
    let map = json!({ "map": { "mail": "email" } });
    let said = faults(&map, &json!({ "url": url }));
    assert!(said.contains("`${body.nope}` is never there"), "{said}");
    assert!(said.contains("write `${record.…}`"), "{said}");
    let batch = json!({ "url": "http://127.0.0.1:9/", "headers": { "X": "${record.id}" },
                        "batch": { "size": 2 } });
    assert!(faults(&map, &batch).contains("`${record.id}` cannot stand here"));
    for (kind, body) in [
        ("application/x-www-form-urlencoded", "form"),
        ("text/xml; charset=utf-8", "xml"),
        ("application/x-ndjson", "ndjson"),
    ] {
        let headers = json!({ "Content-Type": kind });
        let wrong = json!({ "url": "http://127.0.0.1:9/", "headers": headers });
        let said = faults(&map, &wrong);
        assert!(said.contains(&format!("write `body: {body}`")), "{said}");
        let right = json!({ "url": "http://127.0.0.1:9/", "headers": headers, "body": body });
        assert_eq!(faults(&map, &right), "");
    }
}

#[tokio::test]
async fn an_envelope_has_a_nested_place_for_the_records_and_constants_beside_it() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let map = json!({ "map": { "sku": "id" } });
    for (batch, sent) in [
        (
            json!({ "size": 10, "envelope": { "data": { "type": "job", "attributes": {
                "profiles": { "data": "${records}" }, "tenant": "${params.tenant}", "on": true } } } }),
            json!({ "data": { "type": "job", "attributes": {
                "profiles": { "data": [{ "sku": 7 }, { "sku": 8 }] },
                "tenant": "north \"1\"", "on": true } } }),
        ),
        (
            json!({ "size": 10, "envelope": { "records": "${records}", "typecast": true } }),
            json!({ "records": [{ "sku": 7 }, { "sku": 8 }], "typecast": true }),
        ),
        (
            json!({ "size": 10, "field": "data.items" }),
            json!({ "data": { "items": [{ "sku": 7 }, { "sku": 8 }] } }),
        ),
        (
            json!({ "size": 10, "field": ".\"data.items\"" }),
            json!({ "data.items": [{ "sku": 7 }, { "sku": 8 }] }),
        ),
    ] {
        let flow = flow(&map, &json!({ "url": api.url, "batch": batch }));
        let delivery = deliver(&flow, &[order(), json!({ "id": 8 })]).await;
        assert_eq!(delivery.outcomes, [Outcome::Delivered, Outcome::Delivered]);
        assert_eq!(api.last().json(), sent);
    }
    let single = json!({ "url": api.url, "envelope": {
        "data": { "type": "order", "id": "${record.id}", "n": "no-${record.id}", "attributes": "${body}",
                  "all": "${record.lines}", "none": "${record.nope}" } } });
    let delivery = deliver(&flow(&map, &single), &[order()]).await;
    assert_eq!(delivery.outcomes, [Outcome::Delivered]);
    assert_eq!(
        api.last().json(),
        json!({ "data": { "type": "order", "id": 7, "n": "no-7", "attributes": { "sku": 7 },
                          "all": [{ "sku": "a" }, { "sku": "b" }], "none": null } })
    );
    for (envelope, said) in [
        (json!({ "a": 1 }), "has 0 places"),
        (json!({ "a": "${records}", "b": "${records}" }), "has 2 places"),
        (json!({ "a": "x ${records}" }), "inside a text"),
        (json!({ "a": "${record.id}", "b": "${records}" }), "cannot stand here"),
    ] {
        let batch = json!({ "size": 2, "envelope": envelope });
        let found = faults(&map, &json!({ "url": api.url, "batch": batch }));
        assert!(found.contains(said), "{found}");
    }
}

#[tokio::test]
async fn a_form_names_what_is_nested_in_brackets() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let map = json!({ "map": {
        "amount": "total", "metadata.key": "name", "items": "lines",
        "receipt_email": { "path": "nope", "when_absent": "null" } } });
    let flow = flow(&map, &json!({ "url": api.url, "body": "form" }));
    assert_eq!(deliver(&flow, &[order()]).await.outcomes, [Outcome::Delivered]);
    let seen = api.last();
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        seen.text,
        "amount=12.5&items%5B0%5D%5Bsku%5D=a&items%5B1%5D%5Bsku%5D=b&metadata%5Bkey%5D=Zo%C3%AB\
         &receipt_email="
    );
}

#[tokio::test]
async fn a_bulk_of_lines_has_an_action_before_each_record_and_deletions_of_their_own() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let destination = json!({
        "url": format!("{}/_bulk", api.url), "body": "ndjson", "delete": { "when": "gone" },
        "batch": { "size": 10,
                   "action": { "index": { "_index": "orders", "_id": "${record.id}" } },
                   "delete_action": { "delete": { "_index": "orders", "_id": "${record.id}" } } },
    });
    let flow = flow(
        &json!({ "map": { "name": { "path": "name", "when_absent": "refuse" } } }),
        &destination,
    );
    let gone = json!({ "id": 8, "gone": true });
    let sent = deliver(&flow, &[order(), gone]).await;
    assert_eq!(sent.outcomes, [Outcome::Delivered, Outcome::Delivered]);
    let seen = api.last();
    assert_eq!(seen.header("content-type"), Some("application/x-ndjson"));
    assert!(seen.text.ends_with('\n'));
    let lines: Vec<Value> =
        seen.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines,
        [
            json!({ "index": { "_index": "orders", "_id": 7 } }),
            json!({ "name": "Zoë" }),
            json!({ "delete": { "_index": "orders", "_id": 8 } }),
        ]
    );
}

/// Each result stands under the name of its action, as with Elasticsearch and OpenSearch; that nothing was there to be
/// deleted is what was asked for.
#[tokio::test]
async fn repro_the_results_of_writes_and_of_deletions_stand_at_different_paths() {
    let api = Taker::start(|_| {
        let items = json!([
            { "index": { "_id": "7", "status": 201, "result": "created" } },
            { "delete": { "_id": "8", "status": 200, "result": "deleted" } },
            { "delete": { "_id": "9", "status": 404, "result": "not_found" } },
            { "index": { "_id": "7", "status": 400, "error": { "type": "mapper", "reason": "no date" } } },
            { "delete": { "_id": "8", "status": 409,
                          "error": { "type": "version_conflict_engine_exception" } } },
        ]);
        (200, json!({ "errors": true, "items": items }))
    })
    .await;
    let destination = json!({
        "url": format!("{}/_bulk", api.url), "body": "ndjson", "delete": { "when": "gone" },
        "batch": { "size": 10,
                   "action": { "index": { "_id": "${record.id}" } },
                   "delete_action": { "delete": { "_id": "${record.id}" } },
                   "results": {
                       "path": "items",
                       "status": ["index.status", "delete.status"],
                       "code": ["index.error.type", "delete.error.type", "delete.result"],
                       "reason": ["index.error.reason", "delete.error.reason"],
                       "ok": ["200-299", "not_found"],
                       "duplicate": ["version_conflict_engine_exception"],
                   } },
    });
    let flow = flow(&json!({ "map": { "name": "name" } }), &destination);
    let gone = |id| json!({ "id": id, "gone": true });
    let records = [order(), gone(8), gone(9), order(), gone(8)];
    let outcomes = deliver(&flow, &records).await.outcomes;
    let refused = Outcome::Refused { status: Some(400), reason: "mapper: no date".into() };
    let done = Outcome::Delivered;
    let there = Outcome::Skipped(SkipReason::Duplicate);
    assert_eq!(outcomes, [done.clone(), done.clone(), done, refused, there]);
}

#[tokio::test]
async fn xml_is_made_of_mapped_fields_and_escaped() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let destination = json!({
        "url": api.url, "body": "xml", "headers": { "SOAPAction": "Add" },
        "envelope": { "soap:Envelope": { "@xmlns:soap": "http://schemas.xmlsoap.org/soap/envelope/",
                                         "soap:Body": { "Add": "${body}" } } },
    });
    let flow = flow(&json!({ "map": { "Mail": "email", "Line": "lines" } }), &destination);
    assert_eq!(deliver(&flow, &[order()]).await.outcomes, [Outcome::Delivered]);
    let seen = api.last();
    assert_eq!(seen.header("content-type"), Some("application/xml; charset=utf-8"));
    assert_eq!(
        seen.text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><Add>\
         <Line><sku>a</sku></Line><Line><sku>b</sku></Line><Mail>a&amp;b@x</Mail></Add></soap:Body>\
         </soap:Envelope>"
    );
    let control = json!({ "id": 9, "email": "a\u{1}b" });
    let outcomes = deliver(&flow, &[control]).await.outcomes;
    assert!(matches!(outcomes[0], Outcome::Refused { status: None, .. }), "{outcomes:?}");
}

#[test]
fn names_that_no_xml_can_have_are_refused_by_check() {
    let xml = |map: Value, envelope: Value| {
        let mut destination = json!({ "url": "http://127.0.0.1:9/", "body": "xml" });
        if !envelope.is_null() {
            destination["envelope"] = envelope;
        }
        faults(&json!({ "map": map }), &destination)
    };
    let whole = || json!({ "Order": "${body}" });
    for (map, envelope, said) in [
        (json!({ "two words": "email" }), whole(), "`two words` cannot name"),
        (json!({ "Customer.1st": "email" }), whole(), "`1st` cannot name"),
        (json!({ "@two words": "email" }), whole(), "`two words` cannot name"),
        (json!({ "xmlMail": "email" }), whole(), "XML's own"),
        (json!({ "Mail": "email" }), json!({ "an Order": "${body}" }), "`an Order` cannot name"),
        (json!({ "Mail": "email", "Name": "name" }), Value::Null, "XML has one root"),
    ] {
        let found = xml(map, envelope);
        assert!(found.contains(said), "{said}: {found}");
    }
    for (map, envelope) in [
        (json!({ "Order.Mail": "email", "Order.@id": "id" }), Value::Null),
        (json!({ "Mail": "email", "@id": "id" }), whole()),
        // Its name is not sent.
        (json!({ "two words": "email" }), json!({ "Order": { "Mail": "${body.two words}" } })),
    ] {
        assert_eq!(xml(map, envelope), "");
    }
    // It is JSON's.
    let json = json!({ "url": "http://127.0.0.1:9/" });
    assert_eq!(faults(&json!({ "map": { "two words": "email" } }), &json), "");
}

#[tokio::test]
async fn a_deletion_is_sent_as_one_to_its_own_address_by_no_map() {
    let api = Taker::start(|arrived| match arrived.line.as_str() {
        "DELETE /orders/9" => (404, json!({ "error": "not found" })),
        _ => (200, json!({})),
    })
    .await;
    let destination = json!({
        "url": format!("{}/orders", api.url),
        "delete": { "when": "deleted_at", "url": format!("{}/orders/${{record.id}}", api.url) },
    });
    let map = json!({ "map": { "mail": { "path": "email", "when_absent": "refuse" } } });
    let flow = flow(&map, &destination);
    let deleted = |id| json!({ "id": id, "deleted_at": "2026-01-01" });
    assert_eq!(deliver(&flow, &[order()]).await.outcomes, [Outcome::Delivered]);
    assert_eq!(api.last().line, "POST /orders");
    assert_eq!(deliver(&flow, &[deleted(7)]).await.outcomes, [Outcome::Delivered]);
    assert_eq!((api.last().line.as_str(), api.last().text.as_str()), ("DELETE /orders/7", ""));
    // What is gone already is what was asked for.
    let gone = deliver(&flow, &[deleted(9)]).await.outcomes;
    assert_eq!(gone, [Outcome::Skipped(SkipReason::Duplicate)]);
    // The source may say so itself.
    let told = outgoing(&flow, &json!({ "id": 5 }), true);
    assert_eq!(flow.destination.deliver(&[told], 5_000).await.outcomes, [Outcome::Delivered]);
    assert_eq!(api.last().line, "DELETE /orders/5");
}

#[tokio::test]
async fn a_request_is_shown_as_it_goes_out_without_its_secrets() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let destination = json!({
        "url": format!("{}/orders/${{record.id}}?key=${{secrets.token}}", api.url), "method": "PUT",
        "headers": { "If-Match": "${record.etag}", "X-Api-Key": "${secrets.token}" },
        "auth": { "bearer": "${secrets.token}" }, "body": "form",
    });
    let map = json!({ "map": { "mail": "email" } });
    let spec = tidegate_flow::parse("orders.yaml", &file(&map, &destination)).unwrap();
    let record = order().to_string();
    let shown = preview(&spec, &connection(), record.as_bytes(), br#"{"mail":"a&b@x"}"#);
    let shown = shown.unwrap().unwrap();
    assert_eq!(deliver(&flow(&map, &destination), &[order()]).await.outcomes, [Outcome::Delivered]);
    let sent = api.last();
    assert!(!format!("{shown:?}").contains(crate::flow::TOKEN), "{shown:?}");
    assert_eq!(shown.method, "PUT");
    assert_eq!(shown.url, format!("{}/orders/7?key=***", api.url));
    assert!(shown.has_credentials);
    assert_eq!(String::from_utf8(shown.body).unwrap(), sent.text);
    for name in ["if-match", "content-type"] {
        let header = shown.headers.iter().find(|(shown, _)| shown == name);
        assert_eq!(header.map(|(_, value)| value.as_str()), sent.header(name), "{name}");
    }
    assert!(shown.headers.contains(&("x-api-key".into(), "***".into())));
}

#[test]
fn a_reference_inside_a_program_is_refused() {
    let to = json!({ "url": "http://127.0.0.1:9/" });
    for program in [r#"{a: "${params.tenant}"}"#, r#"{a: "x ${record.id}"}"#] {
        let said = faults(&json!({ "jq": program }), &to);
        assert!(said.contains("is not filled in inside a program"), "{said}");
    }
    assert_eq!(faults(&json!({ "jq": r#"{a: "costs ${5}"}"# }), &to), "");
}

#[tokio::test]
async fn null_is_told_from_absent() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let map = json!({ "map": {
        "kept": { "path": "a", "null_as": null }, "cleared": { "path": "a", "null_as": "" },
        "absent": { "path": "b", "null_as": null }, "usual": "a" } });
    let flow = flow(&map, &json!({ "url": api.url }));
    let outcomes = deliver(&flow, &[json!({ "id": 1, "a": null })]).await.outcomes;
    assert_eq!(outcomes, [Outcome::Delivered]);
    assert_eq!(api.last().json(), json!({ "kept": null, "cleared": "" }));
}
