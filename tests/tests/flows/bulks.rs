//! Bulks: gathered over pages, and sent again in parts where they are refused as a whole.

use serde_json::Value;
use tidegate_tests::orders::{DestinationConfig, OrdersConfig};

use super::world::World;

/// The benchmark's flow, with other sizes.
fn bulks_of(size: usize, page: usize) -> String {
    let flow = include_str!("../../bench/orders.yaml");
    assert!(flow.contains("size: 100\n"));
    format!(
        "{}\npage: {{ records_max: {page} }}\n",
        flow.replace("size: 100\n", &format!("size: {size}\n"))
    )
}

fn run(bulk_max: usize, size: usize, page: usize) -> Value {
    let world = World::new(OrdersConfig {
        records: 3_000,
        destination: DestinationConfig { bulk_max, ..DestinationConfig::default() },
        ..OrdersConfig::default()
    });
    let flow = world.flow(&bulks_of(size, page));
    let options = ["--until-caught-up", "--processors", "1"];
    let summary = world.command("run", &flow, &options).run().fine();
    assert_eq!(
        (&summary["delivered"], &summary["parked"]),
        (&3_000.into(), &0.into()),
        "{summary}"
    );
    world.assert_whole();
    summary
}

#[test]
fn the_records_of_a_bulk_are_gathered_over_the_pages_of_an_invocation() {
    // Pages of 50 alone would make 60 requests.
    let requests = run(300, 300, 50)["destination_requests"].as_u64().unwrap();
    assert!(requests < 30, "{requests}");
}

#[test]
fn a_bulk_that_is_refused_as_a_whole_is_sent_in_halves() {
    let requests = run(100, 300, 300)["destination_requests"].as_u64().unwrap();
    // Of each ten: one of 300, two of 150, four of 75.
    assert!((60..=80).contains(&requests), "{requests}");
}
