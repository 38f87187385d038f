//! Bulks: gathered over pages, sent again in parts where they are refused as a whole, and the same at every
//! repeat where a repeat is known by the request's key alone.

use serde_json::Value;
use tidegate_examples::orders::{DestinationConfig, OrdersConfig};

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

/// Answers are lost, by the destination and on the way, after all of a bulk was applied. No record has a key
/// of its own.
#[test]
fn without_a_key_a_record_a_bulk_that_is_repeated_is_the_same() {
    let world = World::new(OrdersConfig {
        records: 3_000,
        destination: DestinationConfig {
            fail_after: 0.15,
            drop: 0.15,
            ..DestinationConfig::default()
        },
        ..OrdersConfig::default()
    });
    let with_key = "      key_field: idempotency_key\n";
    let size = "      size: 100\n";
    let flow = bulks_of(100, 130);
    assert!(flow.contains(with_key) && flow.contains(size));
    // Some pieces are cut by their number, some by their bytes.
    let flow = flow.replace(with_key, "").replace(size, &format!("{size}      bytes_max: 30000\n"));
    let flow = world.flow(&format!("{flow}retry: {{ base: 50ms, cap: 500ms, attempts: 100 }}\n"));
    let summary = world.command("run", &flow, &["--until-caught-up"]).run().fine();
    let audit = world.orders.audit();
    assert_eq!(
        (audit.missing, audit.duplicates, audit.keyless, &summary["parked"]),
        (0, 0, 0, &0.into()),
        "{audit:?}"
    );
    assert!(audit.replayed > 500, "bulks were repeated: {audit:?}");
}
