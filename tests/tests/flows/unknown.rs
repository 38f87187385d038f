//! A destination that knows no idempotency keys, and at times applies what it never answers for: nothing
//! is applied twice, and every record is resolved or parked as unknown, as the flow chose.

use std::{collections::HashSet, thread, time::Duration};

use tidegate_examples::orders::{Audit, DestinationConfig, OrdersConfig, SourceConfig};
use tidegate_testkit::SplitMix;

use super::world::{ORDERS_BY_ID, World};

const PARK: &str = "park";
const LOOK_UP: &str = "{ lookup: { url: \"${params.destination_url}/fulfillments?external_id=\
                       ${record.external_id}\", found: { path: fulfillments } } }";
/// An invocation and a landing end within seconds, and with them the locks of whoever died.
const OPTIONS: [&str; 3] = ["--until-caught-up", "--invocation-seconds", "4"];

fn flow(on_unknown: &str) -> String {
    format!(
        "flow: charges
{ORDERS_BY_ID}    page_size: 25
transform: {{ map: {{ external_id: id }} }}
destination:
  http:
    url: ${{params.destination_url}}/fulfillments
    auth: {{ api_key: {{ header: X-Api-Key, value: '${{secrets.destination_key}}' }} }}
    idempotency_key: false
    timeout: 400ms
    on_unknown: {on_unknown}
ordering: entity
landing: 1s
retry: {{ base: 200ms, cap: 2s }}
page: {{ records_max: 25 }}
"
    )
}

fn world(records: u64, destination: DestinationConfig) -> World {
    let destination = DestinationConfig { ignore_idempotency: true, ..destination };
    World::new(OrdersConfig { records, destination, ..OrdersConfig::default() })
}

/// Requests that time out, connections that are dropped and errors, all after applying; and some before.
fn troubled() -> World {
    world(
        200,
        DestinationConfig {
            late: 0.04,
            late_ms: 900,
            drop: 0.04,
            fail_after: 0.02,
            ..DestinationConfig::default()
        },
    )
}

/// The ids of what is parked, all of it as unknown.
fn parked(world: &World, flow: &std::path::Path) -> HashSet<u64> {
    let listed = world.command("parked", flow, &[]).run().fine();
    let listed = listed["records"].as_array().expect("a list");
    let id = |parked: &serde_json::Value| {
        let reason = parked["reason"].as_str().expect("a reason");
        assert!(reason.starts_with("unknown"), "{parked}");
        parked["id"].as_u64().expect("a number")
    };
    listed.iter().map(id).collect()
}

/// Nothing twice, and nothing lost but to those who look.
fn assert_resolved_or_parked(audit: &Audit, parked: &HashSet<u64>) {
    assert_eq!(audit.duplicates, 0, "{audit:?}");
    let applied = audit.records - audit.missing;
    assert!(applied + parked.len() as u64 >= audit.records, "{audit:?}, parked: {parked:?}");
    assert!(audit.missing_ids.iter().all(|id| parked.contains(id)), "{audit:?}: {parked:?}");
}

#[test]
fn time_outs_after_applying_are_parked_as_unknown_and_nothing_is_applied_twice() {
    let world = troubled();
    let flow = world.flow(&flow(PARK));
    let summary = world.command("run", &flow, &OPTIONS).run().fine();
    let parked = parked(&world, &flow);
    let audit = world.orders.audit();
    assert_resolved_or_parked(&audit, &parked);
    assert!(audit.traffic.dropped > 0 && audit.traffic.failed_500 > 0, "{audit:?}");
    assert_eq!(summary["parked"].as_u64(), Some(parked.len() as u64));
    assert_eq!(summary["delivered"].as_u64(), Some(200 - parked.len() as u64));
    assert!(parked.len() >= 5, "{parked:?}");
}

#[test]
fn time_outs_after_applying_are_looked_up_and_everything_arrives_once() {
    let world = troubled();
    let flow = world.flow(&flow(LOOK_UP));
    let summary = world.command("run", &flow, &OPTIONS).run().fine();
    world.assert_whole();
    let audit = world.orders.audit();
    assert!(audit.looked_up >= 5, "{audit:?}");
    assert_eq!((summary["parked"].as_u64(), summary["delivered"].as_u64()), (Some(0), Some(200)));
    assert_eq!(audit.applied, 200);
}

/// What was delivered and could not be marked was taken for something that was never sent.
#[test]
fn repro_what_could_not_be_marked_at_the_source_is_marked_later_and_not_sent_again() {
    let marks = "    page_size: 25
    mark:
      method: PATCH
      url: ${params.source_url}/orders/${record.id}
      body: { processed: true }
";
    for on_unknown in [PARK, LOOK_UP, "retry"] {
        let destination =
            DestinationConfig { ignore_idempotency: true, ..DestinationConfig::default() };
        let source = SourceConfig { fail: 0.2, ..SourceConfig::default() };
        let config = OrdersConfig { records: 200, source, destination, ..OrdersConfig::default() };
        let world = World::new(config);
        let flow = world.flow(&flow(on_unknown).replace("    page_size: 25\n", marks));
        let summary = world.command("run", &flow, &OPTIONS).run().fine();
        world.assert_whole();
        let audit = world.orders.audit();
        assert_eq!((audit.applied, audit.marked, audit.marked_early), (200, 200, 0), "{audit:?}");
        assert_eq!(summary["parked"].as_u64(), Some(0), "{on_unknown}: {summary}");
        let retried = summary["retried"].as_u64().expect("a count");
        assert!(retried >= 10, "{on_unknown}: {retried} marks failed");
    }
}

/// What a flow with a look-up had begun was asked for, and sent, before it was mapped: as nothing.
#[test]
fn repro_records_in_doubt_of_a_flow_that_looks_up_are_mapped_before_they_are_asked_for() {
    let world = troubled();
    let looks = "
lookup:
  by: id
  size: 1
  http:
    url: '${params.destination_url}/fulfillments?external_id=${lookup.keys}'
    auth: { api_key: { header: X-Api-Key, value: '${secrets.destination_key}' } }
    records: fulfillments
    key: external_id
";
    let merges =
        "transform: { map: { external_id: id, note: { path: note, never_overwrite: note } } }";
    let flow = flow(LOOK_UP).replace("transform: { map: { external_id: id } }", merges) + looks;
    let flow = world.flow(&flow);
    let summary = world.command("run", &flow, &OPTIONS).run().fine();
    world.assert_whole();
    let audit = world.orders.audit();
    assert_eq!((summary["parked"].as_u64(), audit.traffic.malformed), (Some(0), 0), "{audit:?}");
}

/// Killed a few times on its way; then it runs to its end.
fn killed(world: &World, flow: &std::path::Path) -> serde_json::Value {
    let run = world.command("run", flow, &OPTIONS);
    let mut rng = SplitMix::new(7);
    let mut unfinished = 0;
    for _ in 0..4 {
        let mut child = run.start();
        thread::sleep(Duration::from_millis(900 + rng.below(1_500)));
        unfinished += u32::from(child.try_wait().expect("it can be looked at").is_none());
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
    }
    assert!(unfinished > 2, "{unfinished} of 4 were killed in the middle");
    run.run().fine()
}

fn slow() -> World {
    world(600, DestinationConfig { latency_ms: 100, ..DestinationConfig::default() })
}

#[test]
fn killed_in_the_middle_what_was_in_flight_is_parked_as_unknown_and_nothing_is_applied_twice() {
    let world = slow();
    let flow = world.flow(&flow(PARK));
    let summary = killed(&world, &flow);
    assert_eq!(summary["caught_up"], true);
    let parked = parked(&world, &flow);
    assert!(!parked.is_empty());
    assert_resolved_or_parked(&world.orders.audit(), &parked);
}

#[test]
fn killed_in_the_middle_what_was_in_flight_is_looked_up_and_everything_arrives_once() {
    let world = slow();
    let flow = world.flow(&flow(LOOK_UP));
    let summary = killed(&world, &flow);
    assert_eq!((&summary["caught_up"], summary["parked"].as_u64()), (&true.into(), Some(0)));
    world.assert_whole();
    assert!(world.orders.audit().looked_up > 0);
}
