//! Whatever a run waits for, it says for what, since when and until when: in its JSON, in `status`, and in the
//! log; and it ends by itself when it gets no further.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tidegate_examples::orders::{DestinationConfig, OrdersConfig};

use super::{
    process::{Ended, tidegate},
    world::{World, shipped_orders},
};

/// An API that answers every request alike. It stops with the test's process.
struct Fixed {
    url: String,
    requests: Arc<AtomicU32>,
}

impl Fixed {
    /// `head` is the status line's end with headers, each ended.
    fn answering(head: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {head}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        );
        let requests = Arc::new(AtomicU32::new(0));
        let counted = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, SeqCst);
                let answer = answer.clone();
                thread::spawn(move || converse(stream, &answer));
            }
        });
        Self { url, requests }
    }
}

/// Reads a request's head, and answers.
fn converse(mut stream: TcpStream, answer: &str) {
    let mut lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let _ = stream.write_all(answer.as_bytes());
}

/// A flow that reads the list at an address.
fn reading(url: &str, more: &str) -> String {
    format!(
        "flow: lists
source:
  http:
    url: {url}/orders
    records: orders
    cursor: {{ by: timestamp, field: updated_at, since: since }}
    pagination: none
destination:
  http: {{ url: 'http://127.0.0.1:9/none' }}
{more}"
    )
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn flow(&self, text: &str) -> PathBuf {
        let path = self.0.path().join("flow.yaml");
        std::fs::write(&path, text).expect("it can be written");
        path
    }

    fn run(&self, name: &str, flow: &Path, options: &[&str]) -> Ended {
        let state = self.0.path().join("state").display().to_string();
        let flow = flow.display().to_string();
        let arguments = [&[name, &flow, "--json", "--state", &state], options].concat();
        tidegate(arguments).run()
    }
}

/// The one thing that is waited for.
fn waited_for(json: &Value) -> &Value {
    let waiting = json["waiting"].as_array().unwrap_or_else(|| panic!("no account in {json}"));
    assert_eq!(waiting.len(), 1, "{json}");
    &waiting[0]
}

/// A line of the log that says what is waited for, and until when.
fn assert_logged(stderr: &str, what: &str, until: &str) {
    let line = stderr.lines().find(|line| line.contains("the stream waits"));
    let line = line.unwrap_or_else(|| panic!("nothing is logged:\n{stderr}"));
    assert!(line.contains("WARN") && line.contains(&format!("waits_for={what}")), "{line}");
    assert!(line.contains(&format!("until=\"{until}\"")), "{line}: {until}");
}

const GIVES_UP: [&str; 3] = ["--until-caught-up", "--give-up-after", "3s"];

#[test]
fn a_source_that_fails_is_given_up_with_its_reason_and_when_it_is_asked_again() {
    let (source, folder) = (Fixed::answering("503 Unavailable", "{}"), Folder::new());
    let flow = folder.flow(&reading(&source.url, ""));
    let began = Instant::now();
    let options = [&GIVES_UP[..], &["--invocation-seconds", "5"]].concat();
    let ended = folder.run("run", &flow, &options);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    let json = ended.json();
    assert_eq!((&json["gave_up"], &json["caught_up"]), (&true.into(), &false.into()));
    let waits = waited_for(&json);
    assert_eq!(waits["for"], "source");
    assert!(waits["reason"].as_str().unwrap().contains("503"), "{waits}");
    assert!(waits["since"].as_str() < waits["until"].as_str(), "{waits}");
    assert!(ended.stderr.contains("waits for source") && ended.stderr.contains("503"), "{ended:?}");
    assert!(ended.stderr.contains("waits_for=source"), "{}", ended.stderr);
    assert!(source.requests.load(SeqCst) <= 20, "{:?}", source.requests);

    let status = folder.run("status", &flow, &[]).fine();
    let shown = waited_for(&status);
    assert_eq!((&shown["for"], &shown["since"]), (&waits["for"], &waits["since"]), "{shown}");
    assert_eq!(shown["until"], waits["until"]);
}

#[test]
fn a_source_that_asks_for_hours_is_not_asked_again_and_the_run_ends_at_once() {
    let source = Fixed::answering("503 Unavailable\r\nretry-after: 7200", "{}");
    let folder = Folder::new();
    let flow = folder.flow(&reading(&source.url, ""));
    let began = Instant::now();
    let first = folder.run("run", &flow, &["--until-caught-up"]);
    assert_eq!(first.code, Some(3), "{first:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "five minutes are not waited for");
    let (json, asked) = (first.json(), source.requests.load(SeqCst));
    let until = waited_for(&json)["until"].as_str().expect("a moment");
    assert_eq!(json["goes_on_at"].as_str().map(|at| &at[..17]), Some(&until[..17]));
    assert_logged(&first.stderr, "source", until);
    // Nor by the next process.
    let again = folder.run("run", &flow, &["--until-caught-up"]);
    assert_eq!((again.code, source.requests.load(SeqCst)), (Some(3), asked), "{again:?}");
    assert_eq!(waited_for(&again.json())["until"], until);
}

#[test]
fn a_halt_says_that_an_operator_has_to_act() {
    let (source, folder) = (Fixed::answering("404 Not Found", "{}"), Folder::new());
    let flow = folder.flow(&reading(&source.url, ""));
    let ended = folder.run("run", &flow, &["--until-caught-up"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let json = ended.json();
    let waits = waited_for(&json);
    assert_eq!((&waits["for"], &waits["until"]), (&"halt".into(), &Value::Null));
    assert!(waits["reason"].as_str().unwrap().contains("404"), "{waits}");
    assert_logged(&ended.stderr, "halt", "an operator acts");
    assert_eq!(waited_for(&folder.run("status", &flow, &[]).fine())["for"], "halt");
}

#[test]
fn a_pause_is_given_up_and_says_since_when() {
    let world = World::new(OrdersConfig { records: 10, ..OrdersConfig::default() });
    let flow = world.flow(shipped_orders());
    world.command("pause", &flow, &[]).run().fine();
    let ended = world.command("run", &flow, &["--until-caught-up", "--give-up-after", "1s"]).run();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let json = ended.json();
    let waits = waited_for(&json);
    assert_eq!((&waits["for"], &waits["until"]), (&"pause".into(), &Value::Null));
    assert_logged(&ended.stderr, "pause", "an operator acts");
    let status = world.command("status", &flow, &[]).run().fine();
    assert_eq!(waited_for(&status)["since"], waits["since"]);
    world.command("resume", &flow, &[]).run().fine();
    world.command("run", &flow, &["--until-caught-up"]).run().fine();
    world.assert_whole();
}

#[test]
fn a_run_that_is_given_up_early_says_what_the_destination_said_last() {
    let destination =
        Fixed::answering("500 Internal Server Error", r#"{"message":"out of order"}"#);
    let one = r#"{"orders": [{"id": 1, "updated_at": "2026-01-01T00:00:00Z"}]}"#;
    let (source, folder) = (Fixed::answering("200 OK", one), Folder::new());
    let text = reading(&source.url, "").replace("http://127.0.0.1:9/none", &destination.url);
    let options = ["--until-caught-up", "--give-up-after", "1s"];
    let ended = folder.run("run", &folder.flow(&text), &options);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let json = ended.json();
    let waits = waited_for(&json);
    assert_eq!(waits["for"], "backoff", "{waits}");
    assert!(waits["reason"].as_str().unwrap().contains("out of order"), "{waits}");
    assert!(ended.stderr.contains("out of order"), "{ended:?}");
}

#[test]
fn a_destination_that_asks_for_an_hour_ends_the_run_with_its_reason() {
    let destination = DestinationConfig {
        outage: Some(tidegate_examples::faults::Outage {
            after_records: 50,
            duration_ms: 3_600_000,
        }),
        outage_retry_after_s: Some(3_600),
        ..DestinationConfig::default()
    };
    let world = World::new(OrdersConfig { records: 500, destination, ..OrdersConfig::default() });
    let flow = world.flow(shipped_orders());
    let began = Instant::now();
    let ended = world.command("run", &flow, &["--until-caught-up", "--give-up-after", "20s"]).run();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let json = ended.json();
    let waits = waited_for(&json);
    assert_eq!(waits["for"], "destination");
    assert!(waits["reason"].as_str().unwrap().contains("503"), "{waits}");
    let until = waits["until"].as_str().expect("a moment");
    assert!(ended.stderr.contains("waits_for=destination"), "{}", ended.stderr);
    let status = world.command("status", &flow, &[]).run().fine();
    assert_eq!(waited_for(&status)["for"], "destination");
    assert_eq!(waited_for(&status)["until"].as_str().map(|at| &at[..16]), Some(&until[..16]));
}

#[test]
fn a_settle_lag_of_hours_is_not_waited_out_and_a_short_one_is_and_says_so() {
    let empty = r#"{"orders": []}"#;
    let (source, folder) = (Fixed::answering("200 OK", empty), Folder::new());
    let lag = |lag: &str| {
        reading(&source.url, "")
            .replace("since: since", &format!("since: since, settle_lag: {lag}"))
    };
    let flow = folder.flow(&lag("2h"));
    let began = Instant::now();
    let json = folder.run("run", &flow, &["--until-caught-up"]).fine();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(
        (&json["caught_up"], json["waiting"].as_array().map(Vec::len)),
        (&true.into(), Some(0))
    );
    assert!(json["caught_up_to"].is_string(), "{json}");

    let flow = folder.flow(&lag("2s"));
    let ended = folder.run("run", &flow, &["--until-caught-up"]);
    assert_eq!(ended.fine()["caught_up"], true);
    assert!(ended.stderr.contains("waits_for=settle_lag"), "{}", ended.stderr);
    assert!(ended.stderr.contains("the stream goes on"), "{}", ended.stderr);
}

#[test]
fn while_a_backlog_waits_the_source_is_read_by_the_schedule_and_not_all_the_time() {
    let destination = DestinationConfig { latency_ms: 400, ..DestinationConfig::default() };
    let world = World::new(OrdersConfig { records: 100, destination, ..OrdersConfig::default() });
    let slow = shipped_orders().replace("concurrency: 10", "concurrency: 4");
    let flow = world.flow(&slow);
    let summary = world.command("run", &flow, &["--until-caught-up"]).run().fine();
    world.assert_whole();
    // A page, the end of the list, and a look at what came meanwhile.
    let requests = summary["source_requests"].as_u64().expect("a count");
    assert!(requests <= 6, "{summary}");
    assert!(summary["elapsed_ms"].as_u64() > Some(5_000), "{summary}");
}
