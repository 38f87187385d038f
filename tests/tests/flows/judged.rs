//! What becomes of a whole run by what its destination answers: parked alone, or stopped with what to do.

use std::{
    collections::HashSet,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use serde_json::Value;

use super::{
    api::{Answer, Api, orders},
    process::{Ended, tidegate},
};

const FINE: &str = "200 OK";
/// Enough for the program, and not for a thread with a large stack.
const MEMORY_KB: u64 = 300_000;

/// A flow from orders with these ids, and what its destination answers each by.
struct Run {
    folder: tempfile::TempDir,
    _source: Api,
    destination: Api,
}

impl Run {
    fn new(count: u32, more: &str, answer: impl Fn(u32) -> Answer + Send + 'static) -> Self {
        let source = Api::saying(FINE, &orders(1..=count));
        let destination = Api::new(move |body| {
            let body: Value = serde_json::from_str(body).expect("JSON");
            answer(body["number"].as_u64().and_then(|id| id.try_into().ok()).unwrap_or(0))
        });
        let folder = tempfile::tempdir().expect("a folder");
        let run = Self { folder, _source: source, destination };
        let flow = format!(
            "flow: orders
source:
  http:
    url: {}/orders
    records: orders
    cursor: {{ by: timestamp, field: updated_at, since: since }}
    pagination: whole
transform: {{ map: {{ number: id }} }}
destination:
  http:
    url: {}/orders
{more}",
            run._source.url, run.destination.url
        );
        fs::write(run.path("flow.yaml"), flow).expect("it can be written");
        run
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self) -> Ended {
        let (flow, state) = (self.path("flow.yaml"), self.path("state"));
        let ends = ["--json", "--until-caught-up", "--give-up-after", "10s"];
        tidegate([&["run", &flow, "--state", &state], &ends[..]].concat()).run()
    }

    /// The ids and reasons of what is parked, ascending.
    fn parked(&self) -> Vec<(String, String)> {
        let (flow, state) = (self.path("flow.yaml"), self.path("state"));
        let ended = tidegate(["parked", &flow, "--state", &state, "--json"]).run();
        let parked = ended.fine();
        let parked = parked["records"].as_array().expect("a list").clone();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut parked: Vec<_> =
            parked.iter().map(|it| (text(&it["id"]), text(&it["reason"]))).collect();
        parked.sort();
        parked
    }
}

fn says(status: &'static str, body: &str) -> Answer {
    Answer::At(status, body.to_owned())
}

fn fine() -> Answer {
    says(FINE, "{}")
}

/// D7.
#[test]
fn a_record_without_rights_is_parked_and_the_others_are_delivered() {
    for ordering in ["none", "entity"] {
        for refused in [1, 10, 20] {
            let more = format!("ordering: {ordering}\nlimits: {{ concurrency: 1 }}\n");
            let run = Run::new(20, &more, move |id| match id == refused {
                true => says("403 Forbidden", r#"{"error":"not your region"}"#),
                false => fine(),
            });
            let ended = run.run();
            assert_eq!(ended.code, Some(0), "{refused}: {ended:?}");
            let parked = run.parked();
            assert_eq!((parked.len(), &*parked[0].0), (1, &*refused.to_string()), "{parked:?}");
            assert!(parked[0].1.contains("not your region"), "{parked:?}");
            assert!(run.destination.asked() <= 22, "{}", run.destination.asked());
        }
    }
}

#[test]
fn where_all_are_refused_for_want_of_rights_the_run_stops_and_parks_nothing() {
    let more = "ordering: none\n";
    let run = Run::new(300, more, |_| says("403 Forbidden", r#"{"error":"token lacks scope"}"#));
    let ended = run.run();
    assert!(!matches!(ended.code, Some(0)), "{ended:?}");
    assert!(ended.stderr.contains("look at the credentials"), "{}", ended.stderr);
    assert!(ended.stderr.contains("token lacks scope"), "{}", ended.stderr);
    assert_eq!(run.parked(), []);
    assert!(run.destination.asked() <= 30, "{}", run.destination.asked());
    // Once the rights are there, the next run goes on at once.
    run.destination.now_says(|_| fine());
    let ended = run.run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(run.parked(), []);
}

#[test]
fn rights_that_are_withdrawn_in_the_middle_park_nothing_either() {
    let more = "ordering: none\nlimits: { concurrency: 1 }\n";
    let run = Run::new(200, more, |id| match id {
        1..=50 => fine(),
        _ => says("403 Forbidden", "{}"),
    });
    let ended = run.run();
    assert!(!matches!(ended.code, Some(0)), "{ended:?}");
    assert_eq!(run.parked(), []);
    assert!(run.destination.asked() <= 62, "{}", run.destination.asked());
}

/// D5.
#[test]
fn a_record_that_always_fails_in_the_last_page_is_parked_after_its_attempts() {
    for (count, cap) in [(20, "50ms"), (20, "20ms"), (2, "1s")] {
        let more = format!(
            "ordering: none\nretry: {{ attempts: 3, base: 10ms, cap: {cap} }}\nlimits: {{ concurrency: 1 }}\n"
        );
        let run = Run::new(count, &more, move |id| match id == count.min(7) {
            true => says("500 Internal Server Error", r#"{"error":"division by zero"}"#),
            false => fine(),
        });
        let ended = run.run();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let parked = run.parked();
        assert_eq!(parked.len(), 1, "{parked:?}");
        assert!(parked[0].1.contains("division by zero"), "{parked:?}");
    }
}

/// D8.
#[test]
fn a_success_that_no_rule_explains_is_parked_after_its_attempts() {
    let more = "    answers: { code: errors.0.code }
ordering: none
retry: { attempts: 3, base: 10ms, cap: 20ms }
";
    let run = Run::new(20, more, |id| match id % 2 {
        0 => says(FINE, r#"{"errors":[{"code":"ODD","message":"of what?"}]}"#),
        _ => fine(),
    });
    let ended = run.run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let parked = run.parked();
    assert_eq!(parked.len(), 10, "{parked:?}");
    assert!(parked[0].1.contains("ODD"), "{parked:?}");
    assert!(run.destination.asked() <= 10 + 10 * 4, "{}", run.destination.asked());
}

/// D1.
#[test]
fn a_bulk_of_which_some_failed_stops_the_run_at_its_first_answer() {
    let more =
        "    batch: { size: 10, field: items }\nordering: none\nlimits: { concurrency: 1 }\n";
    let run = Run::new(30, more, |_| {
        says("207 Multi-Status", r#"{"errors":[{"index":3,"message":"no name"}]}"#)
    });
    let ended = run.run();
    assert!(!matches!(ended.code, Some(0)), "{ended:?}");
    assert!(ended.stderr.contains("batch.results"), "{}", ended.stderr);
    assert_eq!(run.destination.asked(), 1);
    assert_eq!(ended.json()["delivered"], 0, "{ended:?}");
    // With what it says to write, the next run goes on at once.
    let flow = fs::read_to_string(run.path("flow.yaml")).expect("it is there");
    let results = "field: items, results: { failures: errors, index: index, reason: message } }";
    fs::write(run.path("flow.yaml"), flow.replace("field: items }", results)).expect("written");
    let ended = run.run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(run.parked().len(), 3);
    assert_eq!(run.destination.asked(), 4);
}

/// N7.
#[test]
fn a_run_in_which_the_first_hundred_are_all_refused_stops_and_says_so() {
    for more in ["ordering: none\n", "ordering: entity\n"] {
        let run = Run::new(450, more, |_| {
            says("422 Unprocessable", r#"{"error":"unknown field `number`"}"#)
        });
        let ended = run.run();
        assert!(!matches!(ended.code, Some(0)), "{ended:?}");
        for words in ["all refused", "unknown field `number`", "refused_max"] {
            assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        }
        let parked = run.parked().len();
        assert!((90..=130).contains(&parked), "{parked}");
        // Mended, all others get through.
        run.destination.now_says(|_| fine());
        let ended = run.run();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(run.parked().len(), parked);
    }
}

#[test]
fn a_flow_may_park_as_many_as_there_are() {
    let more = "ordering: none\nretry: { refused_max: 0 }\n";
    let run = Run::new(250, more, |_| says("422 Unprocessable", "{}"));
    let ended = run.run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(run.parked().len(), 250);
}

/// D6.
#[test]
fn a_key_that_is_in_use_is_waited_for() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let more = "ordering: none\nretry: { base: 10ms, cap: 50ms }\nlimits: { concurrency: 1 }\n";
    let run = Run::new(5, more, move |id| match id == 3 && counted.fetch_add(1, SeqCst) < 2 {
        true => says("409 Conflict", r#"{"error":"a request with this key is in progress"}"#),
        false => fine(),
    });
    let ended = run.run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((run.parked(), asked.load(SeqCst)), (vec![], 3));
}

/// M8.
#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_threads_parks_nothing() {
    // Too many steps for the thread that it is on: it needs one of its own.
    let program = "{ number: .id, sum: ([range(3000)] | add) }";
    let run = Run::new(3, "ordering: none\n", |_| fine());
    let flow = fs::read_to_string(run.path("flow.yaml")).expect("it is there");
    let flow = flow.replace("map: { number: id }", &format!("jq: '{program}'"));
    fs::write(run.path("flow.yaml"), flow).expect("it can be written");
    let (path, state) = (run.path("flow.yaml"), run.path("state"));
    let ends = ["--json", "--until-caught-up", "--give-up-after", "2s"];
    let command = || tidegate([&["run", &path, "--state", &state], &ends[..]].concat());
    let ended = command().memory_kb(MEMORY_KB).run();
    assert!(!matches!(ended.code, Some(0)), "{ended:?}");
    assert!(ended.stderr.contains("no thread"), "{}", ended.stderr);
    assert_eq!((run.parked(), run.destination.asked()), (vec![], 0));
    let ended = command().run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((run.parked(), run.destination.asked()), (vec![], 3));
}

/// D12.
#[test]
fn what_is_there_already_is_updated_by_a_request_of_its_own() {
    for ordering in ["none", "entity", "serial"] {
        let more = format!(
            "    upsert: {{ create: {{}}, update: {{ method: PUT }} }}
ordering: {ordering}
limits: {{ concurrency: 2 }}
"
        );
        let there: Mutex<HashSet<u32>> = Mutex::default();
        let run = Run::new(20, &more, move |id| {
            match id.is_multiple_of(2) && there.lock().expect("no panic").insert(id) {
                true => says("409 Conflict", r#"{"error":"it exists"}"#),
                false => fine(),
            }
        });
        let ended = run.run();
        assert_eq!(ended.code, Some(0), "{ordering}: {ended:?}");
        let summary = ended.json();
        assert_eq!((&summary["delivered"], run.parked()), (&20.into(), Vec::new()), "{summary}");
        assert_eq!(run.destination.asked(), 30, "{ordering}");
    }
}
