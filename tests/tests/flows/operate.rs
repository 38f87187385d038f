//! Parked records, replay, status, pause and rewind on a state folder.

use tidegate_examples::orders::{DestinationConfig, OrdersConfig};

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

#[test]
fn new_errors_make_one_digest_whose_command_replays_them() {
    let world = World::new(OrdersConfig {
        records: 500,
        destination: DestinationConfig { refuse_every: Some(50), ..DestinationConfig::default() },
        ..OrdersConfig::default()
    });
    let flow = world.flow(shipped_orders());
    let state = world.folder.path().join("state").display().to_string();
    let digest = |options: &[&str]| {
        let arguments = [&["digest", "--state", &state], options].concat();
        super::process::tidegate(arguments).run()
    };
    assert_eq!(digest(&["--json"]).fine()["errors"], 0);
    world.command("run", &flow, &["--until-caught-up"]).run().fine();

    for _ in 0..2 {
        let dry = digest(&["--json", "--dry-run"]).fine();
        assert_eq!((&dry["errors"], &dry["groups"][0]["count"]), (&10.into(), &10.into()), "{dry}");
    }
    let text = digest(&[]).stdout;
    assert!(text.contains("Tidegate: 10 new errors in 1 flow"), "{text}");
    let none = digest(&[]);
    assert!(none.stdout.contains("nothing new"), "{none:?}");
    assert_eq!(digest(&["--json"]).fine()["errors"], 0);

    // Just as it stands in the digest, but for what is the flow file's.
    let command = text.lines().find_map(|line| line.trim().strip_prefix("tidegate replay orders "));
    let command = command.unwrap_or_else(|| panic!("no command in {text}"));
    let words: Vec<&str> = command.split(' ').map(|word| word.trim_matches('\'')).collect();
    assert_eq!(words[..4], ["--connection", "default", "--state", &state]);
    let (reason, since) = (words.iter().position(|it| *it == "--reason"), words.len() - 1);
    let reason = words[reason.expect("a reason") + 1..since - 1].join(" ");
    let wanted = ["--reason", &reason, "--since", words[since], "--connection", "default"];
    world.orders.accept_all();
    let replayed = world.command("replay", &flow, &wanted).run().fine();
    assert_eq!((&replayed["delivered"], &replayed["parked"]), (&10.into(), &0.into()));
    assert_eq!(digest(&["--json"]).fine()["errors"], 0);
    world.assert_whole();
}
