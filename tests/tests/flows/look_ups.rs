//! Flows that ask another system what it knows before they deliver.

use tidegate_examples::orders::{DestinationConfig, OrdersConfig};

use super::world::{ORDERS_BY_ID, World};

fn flow(known: &World) -> String {
    format!(
        "flow: slow
{ORDERS_BY_ID}lookup:
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

/// Taken for unknown, they were delivered as if nobody knew anything of them.
#[test]
fn repro_records_that_cannot_be_asked_for_are_parked_where_they_would_be_merged() {
    let world = World::new(OrdersConfig { records: 3, ..OrdersConfig::default() });
    let merging = flow(&world)
        .replace("by: id\n  size", "by: placed_at\n  size")
        .replace("    timeout: 10s\n", "    separator: ':'\n")
        .replace("ordering: entity", "ordering: serial");
    let run = |text: &str| {
        let flow = world.flow(text);
        let key = &world.orders.destination_key;
        let command = |name: &str, options: &[&str]| {
            world.command(name, &flow, options).secret("known_key", key).run().fine()
        };
        (command("run", &["--until-caught-up"]), command("parked", &[]))
    };
    let (summary, parked) = run(&merging);
    assert_eq!((&summary["parked"], &summary["delivered"]), (&3.into(), &0.into()), "{summary}");
    let reason = parked["records"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("`placed_at`") && reason.contains("separator `:`"), "{reason}");

    // Where nothing is merged, they are records of which nothing is known.
    let reading = merging
        .replace("flow: slow", "flow: reading")
        .replace("{ path: note, never_overwrite: note }", "{ lookup: note }");
    let (summary, _) = run(&reading);
    assert_eq!((&summary["parked"], &summary["delivered"]), (&0.into(), &3.into()), "{summary}");
}
