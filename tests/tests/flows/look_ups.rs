//! Flows that ask another system what it knows before they deliver.

use tidegate_tests::orders::{DestinationConfig, OrdersConfig};

use super::world::World;

fn flow(known: &World) -> String {
    format!(
        "flow: slow
source:
  http:
    url: ${{params.source_url}}/orders
    auth: {{ bearer: '${{secrets.source_token}}' }}
    records: orders
    cursor: {{ by: id, since: since_id }}
    pagination: {{ last_id: {{ param: since_id, size_param: limit }} }}
lookup:
  by: id
  size: 1
  http:
    url: {}/fulfillments?external_id=${{lookup.keys}}
    auth: {{ api_key: {{ header: X-Api-Key, value: '${{secrets.known_key}}' }} }}
    records: fulfillments
    key: external_id
    timeout: 10s
transform: {{ map: {{ external_id: id, note: {{ path: note, never_overwrite: note }} }} }}
destination:
  http:
    url: ${{params.destination_url}}/fulfillments
    auth: {{ api_key: {{ header: X-Api-Key, value: '${{secrets.destination_key}}' }} }}
    timeout: 500ms
ordering: entity
retry: {{ base: 200ms, cap: 1s }}
",
        known.orders.destination_url
    )
}

/// Cut off after the destination's time, no look-up was ever answered.
#[test]
fn repro_a_look_up_may_take_longer_than_the_destination_is_given() {
    let world = World::new(OrdersConfig { records: 8, ..OrdersConfig::default() });
    let slow = DestinationConfig { latency_ms: 1_500, ..DestinationConfig::default() };
    let known =
        World::new(OrdersConfig { records: 1, destination: slow, ..OrdersConfig::default() });
    let flow = world.flow(&flow(&known));
    let options = ["--until-caught-up", "--invocation-seconds", "15"];
    let run = world.command("run", &flow, &options);
    let run = run.secret("known_key", &known.orders.destination_key).run();
    let summary = run.fine();
    world.assert_whole();
    assert_eq!(summary["delivered"], 8, "{summary}");
    assert_eq!((&summary["retried"], &summary["parked"]), (&0.into(), &0.into()), "{summary}");
}
