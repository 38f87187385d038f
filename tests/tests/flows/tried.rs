//! `tidegate try`: a few records all the way, and what is said of it.

use std::path::Path;

use tidegate_examples::orders::OrdersConfig;

use super::{
    api::{Api, orders},
    process::{Ended, Tidegate, tidegate},
    world::{World, shipped_orders},
};

const FLOW: &str = "
flow: tried
params: { source: {}, destination: {} }
source:
  http:
    url: ${params.source}/orders
    records: orders
    cursor: { by: id, since: after }
    pagination: { last_id: { param: after } }
transform: { map: { number: id, note: { value: 'for ${params.source}' } } }
destination:
  http:
    url: ${params.destination}/things
    headers: { X-Token: '${secrets.token}' }
";

fn tried(folder: &Path, (source, destination): (&str, &str), options: &[&str]) -> Tidegate {
    let flow = folder.join("flow.yaml");
    std::fs::write(&flow, FLOW).unwrap();
    let state = folder.join("state").display().to_string();
    let mut arguments =
        vec!["try".to_owned(), flow.display().to_string(), "--state".to_owned(), state];
    arguments.extend(["--param".to_owned(), format!("source={source}")]);
    arguments.extend(["--param".to_owned(), format!("destination={destination}")]);
    arguments.extend(options.iter().map(ToString::to_string));
    tidegate(arguments).secret("token", "a-secret-token")
}

fn says(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(ended.stdout.contains(part), "{part}: {ended:?}");
    }
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!all.contains("a-secret-token"), "{all}");
}

#[test]
fn what_is_tried_is_shown_counts_and_is_not_sent_again_by_the_run_behind_it() {
    let world = World::new(OrdersConfig { records: 40, ..OrdersConfig::default() });
    let path = world.flow(shipped_orders());
    let command = |options: &[&str]| {
        let state = world.folder.path().join("state").display().to_string();
        let params = [
            format!("source_url={}", world.orders.source_url),
            format!("destination_url={}", world.orders.destination_url),
        ];
        let path = path.display().to_string();
        let fixed = ["try", &path, "--state", &state, "-p", &params[0], "-p", &params[1]];
        let options = fixed.iter().chain(options).map(ToString::to_string);
        tidegate(options.collect::<Vec<_>>())
            .secret("source_token", &world.orders.source_token)
            .secret("destination_key", &world.orders.destination_key)
            .run()
    };
    let first = command(&["-n", "3", "--yes"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    for part in [
        "sent POST http",
        "(and the credentials of `auth`)",
        "answered 20",
        ": delivered",
        "3 delivered",
    ] {
        assert!(first.stdout.contains(part), "{part}: {}", first.stdout);
    }
    for secret in [&world.orders.source_token, &world.orders.destination_key] {
        assert!(!first.stdout.contains(secret) && !first.stderr.contains(secret), "{first:?}");
    }
    assert_eq!(world.orders.audit().applied, 3);
    // The next ones.
    assert_eq!(command(&["--records", "5", "-y"]).code, Some(0));
    assert_eq!(world.orders.audit().applied, 8);
    world.command("run", &path, &["--until-caught-up"]).run().fine();
    world.assert_whole();
    let after = command(&["--yes"]);
    assert_eq!(after.code, Some(0), "{after:?}");
    assert!(after.stdout.contains("has no record after those"), "{}", after.stdout);
}

#[test]
fn a_dry_run_sends_nothing_and_leaves_no_state() {
    let folder = tempfile::tempdir().unwrap();
    let (source, destination) =
        (Api::saying("200 OK", &orders(1..=5)), Api::saying("200 OK", "{}"));
    let ended =
        tried(folder.path(), (&source.url, &destination.url), &["--dry-run", "-n", "2"]).run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let number = format!("\"note\":\"for {}\"", source.url);
    says(
        &ended,
        &[
            "nothing is sent",
            "record 1:",
            "record 2:",
            "POST http",
            "/things",
            "x-token: ***",
            &number,
        ],
    );
    assert!(!ended.stdout.contains("record 3:"), "{}", ended.stdout);
    assert_eq!(destination.asked(), 0);
    assert!(!folder.path().join("state").exists());
}

#[test]
fn where_no_terminal_is_there_to_ask_at_nothing_is_sent_without_yes() {
    let folder = tempfile::tempdir().unwrap();
    let (source, destination) =
        (Api::saying("200 OK", &orders(1..=5)), Api::saying("200 OK", "{}"));
    let ended = tried(folder.path(), (&source.url, &destination.url), &[]).run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("--yes") && ended.stderr.contains("--dry-run"),
        "{}",
        ended.stderr
    );
    assert_eq!((source.asked(), destination.asked()), (0, 0));
    assert!(!folder.path().join("state").exists());
}

#[test]
fn what_is_refused_is_shown_with_its_answer_and_is_parked() {
    let folder = tempfile::tempdir().unwrap();
    let source = Api::saying("200 OK", &orders(1..=5));
    let destination = Api::saying(
        "422 Unprocessable Content",
        r#"{"error":"number is a text, says a-secret-token"}"#,
    );
    let ended = tried(folder.path(), (&source.url, &destination.url), &["--yes", "-n", "2"]).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    says(&ended, &["answered 422", "number is a text", "refused, and parked", "2 parked"]);
    assert!(ended.stderr.contains("tidegate replay"), "{}", ended.stderr);
    assert_eq!(destination.asked(), 2);
}

#[test]
fn what_is_not_taken_now_is_left_to_a_run_and_the_try_ends() {
    let folder = tempfile::tempdir().unwrap();
    let source = Api::saying("200 OK", &orders(1..=5));
    let destination = Api::saying("429 Too Many Requests\r\nretry-after: 3600", "{}");
    let began = std::time::Instant::now();
    let ended = tried(folder.path(), (&source.url, &destination.url), &["--yes", "-n", "1"]).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    says(&ended, &["answered 429", "not yet, it is tried again", "1 left for later"]);
    assert!(ended.stderr.contains("sent by the next try or run"), "{}", ended.stderr);
    assert!(began.elapsed().as_secs() < 30);
}

#[test]
fn a_request_without_an_answer_is_told_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let source = Api::saying("200 OK", &orders(1..=2));
    let gone = "http://127.0.0.1:9";
    let ended = tried(folder.path(), (&source.url, gone), &["--yes", "-n", "1"]).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    says(&ended, &["sent POST http://127.0.0.1:9/things", "no answer:", "1 left for later"]);
}
