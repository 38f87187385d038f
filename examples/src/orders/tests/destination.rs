//! The destination: what it applies, refuses and forgets, and what the audit says of it.

use std::time::Duration;

use super::{Orders, ask, deliver, get, post, start};
use crate::faults::{Outage, Rate};
use crate::http::Stranger;
use crate::orders::{Audit, DestinationConfig};

/// The fulfilment that a correct flow makes of an order.
async fn fulfilment(orders: &Orders, id: u64) -> serde_json::Value {
    let order = get(orders, &format!("/orders/{id}")).await.unwrap().json();
    serde_json::json!({
        "external_id": order["id"], "order_ref": order["number"],
        "recipient": order["customer"]["name"], "email": order["customer"]["email"],
        "phone": order["customer"]["phone"], "address": order["shipping"],
        "items": order["lines"], "total_cents": order["total_cents"],
        "currency": order["currency"], "placed_at": order["placed_at"],
        "priority": "normal", "note": order["note"],
    })
}

#[tokio::test]
async fn orders_arrive_once_by_key_and_the_audit_says_so_over_http_too() {
    let orders = start(|config| config.records = 5).await;
    for id in [1, 2, 5, 3] {
        let body = fulfilment(&orders, id).await.to_string();
        let answer = post(&orders, "/fulfillments", Some(&format!("k{id}")), &body).await.unwrap();
        assert_eq!((answer.status, answer.json()["external_id"].as_u64()), (201, Some(id)));
    }
    let body = fulfilment(&orders, 1).await;
    let again = post(&orders, "/fulfillments", Some("k1"), &body.to_string()).await.unwrap();
    assert_eq!((again.status, again.json()["id"].as_str()), (200, Some("F-1")));
    let other = post(&orders, "/fulfillments", Some("k2"), &body.to_string()).await.unwrap();
    assert_eq!(other.status, 422);

    let audit = orders.audit();
    assert_eq!((audit.records, audit.delivered, audit.applied), (5, 4, 4));
    assert_eq!((audit.missing, audit.missing_ids.as_slice()), (1, [4].as_slice()));
    assert_eq!((audit.duplicates, audit.replayed, audit.key_conflicts), (0, 1, 1));
    assert_eq!((audit.wrong, audit.out_of_order, audit.keyless), (0, 1, 0));
    let over_http = ask("GET", &orders.audit_url, "", "").await.unwrap();
    assert_eq!(serde_json::from_slice::<Audit>(&over_http.body).unwrap(), audit);
    assert_eq!(orders.port_file()["audit_url"], orders.audit_url);
}

#[tokio::test]
async fn repeats_without_a_key_mistakes_and_strangers_are_counted() {
    let orders = start(|config| config.destination.ignore_idempotency = true).await;
    deliver(&orders, 1).await;
    deliver(&orders, 1).await;
    let mut body = fulfilment(&orders, 2).await;
    body["total_cents"] = 1.into();
    post(&orders, "/fulfillments", None, &body.to_string()).await.unwrap();
    deliver(&orders, 9_999).await;
    let empty = post(&orders, "/fulfillments", None, "{}").await.unwrap();
    assert_eq!(empty.status, 422);
    assert_eq!(post(&orders, "/fulfillments", None, "{").await.unwrap().status, 400);
    let bare = ask("POST", &format!("{}/fulfillments", orders.destination_url), "", "{}").await;
    assert_eq!(bare.unwrap().status, 401);

    let audit = orders.audit();
    assert_eq!((audit.duplicates, audit.duplicate_ids.as_slice()), (1, [1].as_slice()));
    assert_eq!((audit.wrong, audit.unknown, audit.keyless), (1, 1, 1));
    assert!(audit.wrong_examples[0].contains("total_cents"), "{:?}", audit.wrong_examples);
    assert_eq!((audit.traffic.unauthorized, audit.traffic.malformed), (1, 1));
}

#[tokio::test]
async fn a_bulk_has_a_result_for_each_record() {
    let orders = start(|config| config.destination.refuse_every = Some(3)).await;
    let records: Vec<_> = (1..=4)
        .map(|id| serde_json::json!({"external_id": id, "idempotency_key": format!("k{id}")}))
        .collect();
    let body = serde_json::json!({ "fulfillments": records }).to_string();
    let results = post(&orders, "/fulfillments/bulk", None, &body).await.unwrap().json();
    assert_eq!(results["results"][0], serde_json::json!({"index": 0, "status": 201}));
    assert_eq!(results["results"][2]["status"], 422);
    assert!(results["results"][2]["reason"].as_str().unwrap().contains("order 3"));

    orders.accept_all();
    let bare = serde_json::json!(records).to_string();
    let results = post(&orders, "/fulfillments/bulk", None, &bare).await.unwrap().json();
    let statuses: Vec<_> = (0..4).map(|n| results["results"][n]["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(200), Some(200), Some(201), Some(200)]);

    let keyless = r#"[{"external_id":7},{"external_id":8}]"#;
    for _ in 0..2 {
        post(&orders, "/fulfillments/bulk", Some("page-1"), keyless).await.unwrap();
    }
    let audit = orders.audit();
    assert_eq!((audit.delivered, audit.duplicates, audit.refused_422), (6, 0, 1));
    assert_eq!((audit.bulks, audit.keyless), (4, 0));

    let orders = start(|config| {
        config.destination.fail_item = 0.5;
        config.destination.bulk_max = 100;
    })
    .await;
    let records: Vec<_> = (1..=101).map(|id| serde_json::json!({ "external_id": id })).collect();
    let too_many = serde_json::json!(records).to_string();
    let answer = post(&orders, "/fulfillments/bulk", None, &too_many).await.unwrap();
    assert_eq!(answer.status, 413);
    let body = serde_json::json!(records[..100]).to_string();
    post(&orders, "/fulfillments/bulk", None, &body).await.unwrap();
    let audit = orders.audit();
    assert_eq!(audit.delivered + audit.failed_items, 100);
    assert!((30..70).contains(&audit.failed_items));
}

#[tokio::test]
async fn what_is_refused_is_accepted_once_told_to_over_http() {
    let orders = start(|config| config.destination.refuse_every = Some(100)).await;
    assert_eq!(deliver(&orders, 99).await, Some(201));
    assert_eq!(deliver(&orders, 100).await, Some(422));
    let url = format!("{}/control/accept-all", orders.destination_url);
    assert_eq!(ask("POST", &url, "", "").await.unwrap().status, 200);
    assert_eq!(deliver(&orders, 100).await, Some(201));
    assert_eq!(orders.audit().refused_422, 1);
}

#[tokio::test]
async fn failures_and_hang_ups_before_and_after_applying_are_as_asked() {
    let orders = start(|config| {
        config.records = 1_000;
        config.destination.fail_before = 0.2;
        config.destination.fail_after = 0.05;
        config.destination.drop = 0.1;
    })
    .await;
    let (mut created, mut failed, mut dropped) = (0, 0, 0);
    for id in 1..=1_000 {
        match deliver(&orders, id).await {
            Some(201) => created += 1,
            Some(500) => failed += 1,
            None => dropped += 1,
            other => panic!("{other:?}"),
        }
    }
    let audit = orders.audit();
    assert_eq!((audit.traffic.failed_500, audit.traffic.dropped), (failed, dropped));
    assert!((200..300).contains(&failed) && (60..140).contains(&dropped), "{audit:?}");
    let unseen = audit.delivered - created;
    assert!((50..160).contains(&unseen), "{unseen} applied without saying so");
}

#[tokio::test]
async fn above_the_rate_it_is_429_with_the_wait_and_the_window_slides() {
    let rate = Rate { requests: 5, per_ms: 1_000 };
    let orders = start(|config| config.destination.rate = Some(rate)).await;
    for id in 1..=5 {
        assert_eq!(deliver(&orders, id).await, Some(201));
    }
    let answer = post(&orders, "/fulfillments", None, r#"{"external_id":6}"#).await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(deliver(&orders, 6).await, Some(201));
    let traffic = orders.destination_traffic();
    assert_eq!((traffic.throttled_429, traffic.per_second_max), (1, 6));
    assert!(traffic.span_ms >= 1_000);
}

#[tokio::test]
async fn above_the_concurrency_it_is_429_and_writes_of_one_order_at_once_are_seen() {
    let orders = start(|config| {
        config.destination.concurrency_max = Some(3);
        config.destination.latency_ms = 500;
    })
    .await;
    let answers = tokio::join!(
        deliver(&orders, 1),
        deliver(&orders, 2),
        deliver(&orders, 2),
        deliver(&orders, 3),
        deliver(&orders, 4),
    );
    let statuses = [answers.0, answers.1, answers.2, answers.3, answers.4];
    assert_eq!(statuses.iter().filter(|status| **status == Some(429)).count(), 2);
    let audit = orders.audit();
    assert_eq!((audit.traffic.in_flight_max, audit.traffic.throttled_429), (3, 2));
    assert_eq!(audit.overlapped, audit.replayed);
}

#[tokio::test]
async fn a_request_lands_although_its_client_has_given_up() {
    let orders = start(|config| config.destination.latency_ms = 400).await;
    let impatient = tokio::time::timeout(Duration::from_millis(50), deliver(&orders, 1)).await;
    assert!(impatient.is_err());
    assert_eq!(orders.delivered(), 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(orders.delivered(), 1);
}

#[tokio::test]
async fn an_outage_comes_by_itself_or_by_switch_and_its_probes_are_counted() {
    let orders = start(|config| {
        config.destination.outage = Some(Outage { after_records: 2, duration_ms: 800 });
        config.destination.outage_retry_after_s = Some(7);
    })
    .await;
    assert_eq!(deliver(&orders, 1).await, Some(201));
    assert_eq!(deliver(&orders, 2).await, Some(201));
    let down = post(&orders, "/fulfillments", None, r#"{"external_id":3}"#).await.unwrap();
    assert_eq!((down.status, down.header("retry-after")), (503, Some("7")));
    tokio::time::sleep(Duration::from_millis(820)).await;
    assert_eq!(deliver(&orders, 3).await, Some(201));

    orders.set_outage(true);
    assert_eq!(deliver(&orders, 4).await, Some(503));
    let url = format!("{}/control/outage", orders.destination_url);
    assert_eq!(ask("POST", &url, "", r#"{"on":false}"#).await.unwrap().status, 200);
    assert_eq!(deliver(&orders, 4).await, Some(201));
    let traffic = orders.destination_traffic();
    assert_eq!((traffic.outage_503, traffic.outage_per_second_max), (2, 2));
}

#[tokio::test]
async fn it_redirects_where_told_and_closes_its_port_when_dropped() {
    let stranger = Stranger::start().await.unwrap();
    let orders = start(|config| config.destination.redirect_to = Some(stranger.url.clone())).await;
    let answer = post(&orders, "/fulfillments", None, "{}").await.unwrap();
    assert_eq!(answer.status, 307);
    assert!(answer.header("location").unwrap().starts_with(&stranger.url));

    let address = orders.destination_url.trim_start_matches("http://").to_owned();
    drop(orders);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_was_applied_can_be_looked_up_also_before_it_is_answered() {
    let orders = start(|config| {
        config.destination = DestinationConfig { late: 1.0, late_ms: 60_000, ..Default::default() };
    })
    .await;
    let slow = deliver(&orders, 7);
    let gives_up = tokio::time::timeout(Duration::from_millis(300), slow);
    assert!(gives_up.await.is_err());
    for (id, found) in [(7, 1), (8, 0)] {
        let url = format!("{}/fulfillments?external_id={id}", orders.destination_url);
        let key = format!("X-Api-Key: {}\r\n", orders.destination_key);
        let answer = ask("GET", &url, &key, "").await.unwrap();
        let fulfillments = answer.json()["fulfillments"].as_array().map(Vec::len);
        assert_eq!((answer.status, fulfillments), (200, Some(found)), "{id}");
    }
    assert_eq!(orders.audit().looked_up, 2);
    let url = format!("{}/arrivals", orders.destination_url);
    let arrivals = ask("GET", &url, "", "").await.unwrap().json();
    assert_eq!((arrivals[0].as_u64(), arrivals.as_array().map(Vec::len)), (Some(0), Some(3)));
}
