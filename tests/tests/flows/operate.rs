//! Parked records, replay, status, pause and rewind on a state folder.

use tidegate_tests::orders::{DestinationConfig, OrdersConfig};

use super::world::{World, shipped_orders};

#[test]
fn refused_records_are_listed_and_replayed_once_the_destination_takes_them() {
    let world = World::new(OrdersConfig {
        records: 1_000,
        destination: DestinationConfig { refuse_every: Some(100), ..DestinationConfig::default() },
        ..OrdersConfig::default()
    });
    let flow = world.flow(shipped_orders());
    let summary = world.command("run", &flow, &["--until-caught-up"]).run().fine();
    assert_eq!(summary["parked"], 10);
    assert_eq!(summary["delivered"], 990);

    let parked = world.command("parked", &flow, &[]).run().fine();
    let records = parked["records"].as_array().unwrap();
    let ids: Vec<u64> = records.iter().map(|record| record["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=10).map(|hundred| hundred * 100).collect::<Vec<_>>());
    for record in records {
        assert_eq!(record["status"], 422, "{record}");
        assert!(!record["reason"].as_str().unwrap().is_empty());
        assert_eq!(record["data"]["id"], record["id"], "the record itself is kept");
    }
    let none = world.command("parked", &flow, &["--reason", "no such reason"]).run().fine();
    assert_eq!(none["parked"], 0);

    let dry = world.command("replay", &flow, &["--dry-run"]).run().fine();
    assert_eq!(dry["parked"], 10);
    assert_eq!(world.orders.audit().delivered, 990, "a dry run delivers nothing");

    let refused = world.command("replay", &flow, &[]).run();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!(refused.json()["parked"], 10);

    world.orders.accept_all();
    let replayed = world.command("replay", &flow, &[]).run().fine();
    assert_eq!((&replayed["delivered"], &replayed["parked"]), (&10.into(), &0.into()));
    let parked = world.command("parked", &flow, &[]).run().fine();
    assert_eq!(parked["parked"], 0);
    world.assert_whole();
}

#[test]
fn status_shows_where_a_stream_is_and_rewind_reads_it_again() {
    let world = World::new(OrdersConfig { records: 250, ..OrdersConfig::default() });
    let flow = world.flow(shipped_orders());
    let unknown = world.command("status", &flow, &[]).run();
    assert_eq!(unknown.code, Some(1));

    world.command("run", &flow, &["--until-caught-up"]).run().fine();
    let status = world.command("status", &flow, &[]).run().fine();
    assert_eq!(status["pages_committed"], 3);
    assert_eq!(status["pages_open"], 0);
    assert_eq!(status["head"], status["watermark"]);

    let arguments = |name: &str| {
        let state = world.folder.path().join("state").display().to_string();
        super::process::tidegate([name, "orders", "--json", "--state", &state].map(str::to_owned))
    };
    let rewound = arguments("rewind").run().fine();
    assert_eq!(rewound["generation"], 1);
    let again = world.command("run", &flow, &["--until-caught-up"]).run().fine();
    assert_eq!(again["delivered"], 250, "the same keys: applied once all the same");
    world.assert_whole();
}

#[test]
fn a_paused_stream_fetches_nothing_until_it_is_resumed() {
    let world = World::new(OrdersConfig { records: 10, ..OrdersConfig::default() });
    let flow = world.flow(shipped_orders());
    world.command("run", &flow, &["--until-caught-up"]).run().fine();
    world.command("pause", &flow, &[]).run().fine();
    assert_eq!(world.command("status", &flow, &[]).run().fine()["paused"], true);
    world.command("resume", &flow, &[]).run().fine();
    assert_eq!(world.command("status", &flow, &[]).run().fine()["paused"], false);
}
