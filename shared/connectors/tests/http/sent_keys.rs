//! Idempotency keys over real HTTP: what they are over, how they look and where they stand.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tidegate_core::model::Outcome;

use crate::sent::{Arrived, Taker, deliver, faults, flow, outgoing};

/// A server that keeps the first answer to a key, and refuses the key with another body.
async fn keeper() -> Taker {
    let kept = Arc::<Mutex<HashMap<String, (String, u16)>>>::default();
    Taker::start(move |arrived: &Arrived| {
        let key = arrived.header("idempotency-key").expect("a key").to_owned();
        let mut kept = kept.lock().unwrap();
        if let Some((text, status)) = kept.get(&key) {
            let same = *text == arrived.text;
            return if same {
                (*status, json!({}))
            } else {
                (422, json!({ "error": "key reused" }))
            };
        }
        let is_right = arrived.json()["mail"].is_string();
        let status = if is_right { 201 } else { 422 };
        kept.insert(key, (arrived.text.clone(), status));
        (status, json!({}))
    })
    .await
}

fn order() -> Value {
    json!({ "id": 7, "email": "a@x", "number": 5 })
}

#[tokio::test]
async fn a_mended_map_gets_through_to_a_server_that_keeps_the_first_answer() {
    let api = keeper().await;
    let to = json!({ "url": api.url });
    let wrong = flow(&json!({ "map": { "mail": "number" } }), &to);
    for _ in 0..2 {
        let outcomes = deliver(&wrong, &[order()]).await.outcomes;
        assert!(matches!(outcomes[0], Outcome::Refused { status: Some(422), .. }), "{outcomes:?}");
    }
    let mended = flow(&json!({ "map": { "mail": "email" } }), &to);
    assert_eq!(deliver(&mended, &[order()]).await.outcomes, [Outcome::Delivered]);
    assert_eq!(deliver(&mended, &[order()]).await.outcomes, [Outcome::Delivered]);
    let keys: Vec<String> =
        api.seen().iter().map(|seen| seen.header("idempotency-key").unwrap().to_owned()).collect();
    // A repeat has its key, also from another process; another request has another.
    assert_eq!((&keys[0], &keys[2]), (&keys[1], &keys[3]));
    assert_ne!(keys[0], keys[2]);
    assert!(keys[0].starts_with("orders/c/7@1."), "{}", keys[0]);
}

#[tokio::test]
async fn a_key_never_goes_out_with_two_bodies() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let map = json!({ "map": { "mail": "email" } });
    let other = json!({ "map": { "mail": "email", "n": "number" } });
    let url = format!("{}/x", api.url);
    let envelope = |say: &str| json!({ "url": url, "envelope": { "say": say, "all": "${body}" } });
    let field = json!({ "url": url, "envelope": { "n": "${record.number}", "all": "${body}" } });
    let newer = json!({ "id": 7, "email": "a@x", "number": 6 });
    let bulk = |field: &str| json!({ "url": url, "batch": { "size": 9, "field": field } });
    let sends = [
        (&map, json!({ "url": url }), order()),
        (&other, json!({ "url": url }), order()),
        (&map, envelope("a"), order()),
        (&map, envelope("b"), order()),
        (&map, field.clone(), order()),
        (&map, field, newer),
        (&map, bulk("a"), order()),
        (&map, bulk("b"), order()),
        (&other, bulk("b"), order()),
        (&map, json!({ "url": url, "body": "form" }), order()),
        (&map, json!({ "url": format!("{}/y", api.url) }), order()),
    ];
    for (map, to, record) in &sends {
        for _ in 0..2 {
            let outcomes = deliver(&flow(map, to), std::slice::from_ref(record)).await.outcomes;
            assert_eq!(outcomes, [Outcome::Delivered]);
        }
    }
    let mut bodies = HashMap::new();
    for seen in api.seen() {
        let key = seen.header("idempotency-key").unwrap().to_owned();
        let sent = (seen.line.clone(), seen.text.clone());
        assert_eq!(bodies.entry(key.clone()).or_insert_with(|| sent.clone()), &sent, "{key}");
    }
    assert_eq!(bodies.len(), sends.len());
}

#[tokio::test]
async fn a_key_may_have_to_be_a_uuid_or_short_or_stand_in_the_body() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let map = json!({ "map": { "mail": "email", "meta.a": "number" } });
    let send = async |idempotency: Value| {
        let to = json!({ "url": api.url, "idempotency": idempotency });
        for _ in 0..2 {
            assert_eq!(deliver(&flow(&map, &to), &[order()]).await.outcomes, [Outcome::Delivered]);
        }
        let mut seen = api.seen();
        let (second, first) = (seen.pop().unwrap(), seen.pop().unwrap());
        assert_eq!(first.text, second.text);
        assert_eq!(first.headers.get("idempotency-key"), second.headers.get("idempotency-key"));
        second
    };
    let uuid = send(json!({ "format": "uuid" })).await;
    let key = uuid.header("idempotency-key").unwrap();
    let groups: Vec<usize> = key.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12]);
    assert!(key[14..15] == *"5" && "89ab".contains(&key[19..20]), "version 5, RFC 9562: {key}");

    let short = send(json!({ "length_max": 32 })).await;
    let key = short.header("idempotency-key").unwrap();
    assert_eq!((key.len(), key.chars().all(|c| c.is_ascii_hexdigit())), (29, false));
    let short = send(json!({ "length_max": 20 })).await;
    let key = short.header("idempotency-key").unwrap();
    assert!(key.len() == 20 && key.chars().all(|c| c.is_ascii_hexdigit()), "{key}");
    assert_eq!(
        send(json!({ "format": "hash" })).await.header("idempotency-key").unwrap().len(),
        64
    );

    let inside = send(json!({ "format": "uuid", "in": "meta.reference" })).await;
    assert_eq!(inside.header("idempotency-key"), None);
    assert_eq!(inside.json()["meta"]["a"], 5);
    assert_eq!(inside.json()["meta"]["reference"].as_str().unwrap().len(), 36);

    let said = faults(
        &map,
        &json!({ "url": api.url, "idempotency": { "in": "a" }, "batch": { "size": 2 } }),
    );
    assert!(said.contains("`batch.key_field`"), "{said}");
    let said = faults(
        &map,
        &json!({ "url": api.url, "idempotency": { "format": "uuid", "length_max": 20 } }),
    );
    assert!(said.contains("36 characters"), "{said}");
}

#[tokio::test]
async fn the_destination_is_asked_by_the_key_that_was_sent() {
    let api = Taker::start(|_| (200, json!({}))).await;
    let to = json!({ "url": api.url, "idempotency": { "format": "uuid" },
        "on_unknown": { "lookup": { "url": format!("{}/asked/${{idempotency_key}}", api.url) } } });
    let flow = flow(&json!({}), &to);
    let record = outgoing(&flow, &order(), false);
    flow.destination.deliver(std::slice::from_ref(&record), 5_000).await;
    let key = api.last().header("idempotency-key").unwrap().to_owned();
    assert_eq!(flow.destination.has(&record, 5_000).await, Ok(true));
    assert_eq!(api.last().line, format!("GET /asked/{key}"));
}
