//! What the ledger costs: requests of AWS, and time where a destination fails for a moment.

use std::{collections::HashSet, sync::Mutex, time::Instant};

use serde_json::Value;
use tidegate_examples::orders::OrdersConfig;

use super::{
    api::{Answer, Api},
    world::{ORDERS_BY_ID, World, shipped_orders},
};

const RECORDS: usize = 3_000;

/// The requests of AWS that a run of this flow makes, by 1,000 records.
fn requests_of(flow: &str) -> (f64, Value) {
    let world = World::new(OrdersConfig { records: RECORDS as u64, ..OrdersConfig::default() });
    let flow = world.flow(flow);
    let options = ["--until-caught-up", "--processors", "1"];
    let summary = world.command("run", &flow, &options).run().fine();
    assert_eq!(summary["delivered"], RECORDS, "{summary}");
    world.assert_whole();
    let requests = summary["aws_requests"].clone();
    let counts = requests.as_object().unwrap().values();
    let sum: u64 = counts.map(|count| count.as_u64().unwrap()).sum();
    (sum as f64 * 1_000.0 / RECORDS as f64, requests)
}

fn by_entity(flow: &str) -> String {
    assert!(flow.contains("ordering: none"));
    flow.replace("ordering: none", "ordering: entity")
}

#[test]
fn in_bulks_the_ledger_costs_at_most_150_requests_per_1_000_records() {
    let (each, by_operation) = requests_of(&by_entity(include_str!("../../bench/orders.yaml")));
    assert!(each <= 150.0, "{each}: {by_operation}");
}

#[test]
fn in_single_requests_the_ledger_costs_at_most_150_requests_per_1_000_records() {
    let (each, by_operation) = requests_of(&by_entity(shipped_orders()));
    assert!(each <= 150.0, "{each}: {by_operation}");
}

/// How long a run of 300 records takes, in ms, of which ten are answered 502 once; and how many requests
/// came.
fn took_ms(ordering: &str) -> (u64, usize) {
    let world = World::new(OrdersConfig { records: 300, ..OrdersConfig::default() });
    let failed = Mutex::new(HashSet::new());
    let destination = Api::new(move |body| {
        let sent: Value = serde_json::from_str(body).unwrap();
        let order = sent["external_id"].as_u64().unwrap();
        match order.is_multiple_of(30) && failed.lock().unwrap().insert(order) {
            true => Answer::At("502 Bad Gateway", "{}".into()),
            false => Answer::At("201 Created", "{}".into()),
        }
    });
    let flow = world.flow(&format!(
        "flow: hiccups
{ORDERS_BY_ID}transform: {{ map: {{ external_id: id }} }}
destination: {{ http: {{ url: '{}/fulfillments', idempotency_key: Idempotency-Key }} }}
ordering: {ordering}
retry: {{ base: 100ms, cap: 1s }}
",
        destination.url
    ));
    let began = Instant::now();
    let summary = world.command("run", &flow, &["--until-caught-up"]).run().fine();
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap();
    assert_eq!((&summary["delivered"], &summary["parked"]), (&300.into(), &0.into()), "{summary}");
    (took_ms, destination.asked())
}

/// It was 61 to 120 s for each of them.
#[test]
fn ten_answers_of_502_among_300_cost_entity_ordering_at_most_2_s_more() {
    let ((entity_ms, entity_asked), (none_ms, none_asked)) = (took_ms("entity"), took_ms("none"));
    assert_eq!((entity_asked, none_asked), (310, 310));
    assert!(entity_ms <= none_ms + 2_000, "{entity_ms} ms, and {none_ms} ms without");
}

#[test]
fn without_a_ledger_there_are_at_most_12_requests_per_1_000_records() {
    let (each, by_operation) = requests_of(include_str!("../../bench/orders.yaml"));
    assert!(each <= 12.0, "{each}: {by_operation}");
}
