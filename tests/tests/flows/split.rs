//! One record to many requests, by the whole program: lost answers, failures of one item, kills, limits.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    api::{Answer, Api, Request},
    process::{Tidegate, tidegate},
};

const FINE: &str = "200 OK";

/// Orders with lines, and the destination of the lines, which knows repeats by their keys.
struct World {
    folder: tempfile::TempDir,
    _source: Api,
    lines: Api,
    /// What it has, with how often it was applied.
    applied: Arc<Mutex<BTreeMap<String, u32>>>,
}

/// An order with so many lines.
fn order(id: u32, lines: u32) -> Value {
    let lines: Vec<Value> =
        (1..=lines).map(|line| json!({ "line": format!("{id}-{line}") })).collect();
    json!({ "id": id, "updated_at": format!("2026-01-01T00:00:00.{id:03}Z"), "lines": lines })
}

fn line(body: &str) -> String {
    let body: Value = serde_json::from_str(body).expect("JSON");
    body["line"].as_str().expect("a line").to_owned()
}

impl World {
    /// `answer` says what becomes of a line that was not applied yet, by its name; else it is applied and that is said,
    /// or `lost`.
    fn new(
        orders: &[Value],
        more: &str,
        answer: impl Fn(&str) -> Option<Answer> + Send + 'static,
        lost: impl Fn() -> bool + Send + 'static,
    ) -> Self {
        let source = Api::saying(FINE, &json!({ "orders": orders }).to_string());
        let applied = Arc::<Mutex<BTreeMap<String, u32>>>::default();
        let (kept, keys) = (Arc::clone(&applied), Mutex::new(BTreeSet::new()));
        let lines = Api::of_requests(move |Request { body, key, .. }| {
            let name = line(body);
            if let Some(answer) = answer(&name) {
                return answer;
            }
            if keys.lock().expect("no panic").insert(key.clone()) {
                *kept.lock().expect("no panic").entry(name).or_default() += 1;
            }
            if lost() { Answer::Lost } else { Answer::At(FINE, "{}".into()) }
        });
        let folder = tempfile::tempdir().expect("a folder");
        let flow = format!(
            "flow: orders
source:
  http:
    url: {}/orders
    records: orders
    cursor: {{ by: timestamp, field: updated_at, since: since }}
    pagination: whole
destination:
  http:
    url: {}/orders/${{record.id}}/lines
    split: {{ items: lines, id: line }}
landing: 100ms
{more}",
            source.url, lines.url
        );
        fs::write(folder.path().join("flow.yaml"), flow).expect("it can be written");
        Self { folder, _source: source, lines, applied }
    }

    fn command(&self, name: &str, more: &[&str]) -> Tidegate {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let (flow, state) = (path("flow.yaml"), path("state"));
        tidegate([&[name, &flow, "--state", &state, "--json"], more].concat())
    }

    fn run(&self) -> Value {
        self.command("run", &["--until-caught-up", "--give-up-after", "20s"]).run().fine()
    }

    fn parked(&self) -> Vec<Value> {
        let parked = self.command("parked", &[]).run().fine();
        parked["records"].as_array().expect("a list").clone()
    }

    /// Every line of these orders was applied once.
    fn assert_whole(&self, orders: &[Value]) {
        let applied = self.applied.lock().expect("no panic");
        let lines = orders.iter().flat_map(|order| order["lines"].as_array().expect("a list"));
        let lines: BTreeMap<String, u32> =
            lines.map(|line| (line["line"].as_str().expect("a name").to_owned(), 1)).collect();
        assert_eq!(*applied, lines);
    }
}

fn every(count: u32) -> impl Fn() -> bool + Send + 'static {
    let asked = AtomicU32::new(0);
    move || asked.fetch_add(1, SeqCst) % count == count - 1
}

#[test]
fn every_line_of_every_order_arrives_once_where_answers_are_lost() {
    for ordering in ["none", "entity", "serial"] {
        let orders: Vec<Value> = (1..=12).map(|id| order(id, 1 + id % 5)).collect();
        let more =
            format!("ordering: {ordering}\nretry: {{ base: 10ms, cap: 50ms, attempts: 100 }}\n");
        let world = World::new(&orders, &more, |_| None, every(7));
        let summary = world.run();
        assert_eq!(
            (&summary["delivered"], &summary["parked"]),
            (&12.into(), &0.into()),
            "{summary}"
        );
        world.assert_whole(&orders);
    }
}

#[test]
fn a_line_that_fails_for_a_while_delays_its_order_alone_and_no_line_is_sent_again_that_was_taken() {
    let orders: Vec<Value> = (1..=6).map(|id| order(id, 4)).collect();
    let left = AtomicU32::new(2);
    let busy = move |name: &str| {
        let fails =
            name == "3-3" && left.fetch_update(SeqCst, SeqCst, |it| it.checked_sub(1)).is_ok();
        fails.then(|| Answer::At("500 Internal Server Error", "{}".into()))
    };
    let more = "ordering: none\nretry: { base: 10ms, cap: 50ms, attempts: 10 }\n";
    let world = World::new(&orders, more, busy, || false);
    assert_eq!(world.run()["delivered"], 6);
    world.assert_whole(&orders);
    assert_eq!(world.lines.asked(), 24 + 2);
}

#[test]
fn a_line_that_is_refused_or_fails_for_ever_parks_its_order_which_a_replay_delivers() {
    for (status, ordering) in
        [("422 Unprocessable Entity", "entity"), ("500 Internal Server Error", "none")]
    {
        let orders: Vec<Value> = (1..=6).map(|id| order(id, 3)).collect();
        let mended = Arc::new(AtomicU32::new(0));
        let is_mended = Arc::clone(&mended);
        let refuses = move |name: &str| {
            let refuses = name == "4-2" && is_mended.load(SeqCst) == 0;
            refuses.then(|| Answer::At(status, r#"{"error":"no such line"}"#.into()))
        };
        let more =
            format!("ordering: {ordering}\nretry: {{ base: 10ms, cap: 20ms, attempts: 3 }}\n");
        let world = World::new(&orders, &more, refuses, || false);
        let summary = world.run();
        assert_eq!(
            (&summary["delivered"], &summary["parked"]),
            (&5.into(), &1.into()),
            "{summary}"
        );
        let parked = world.parked();
        let reason = parked[0]["reason"].as_str().expect("a reason");
        assert!(
            reason.contains("item 2 of 3 (4-2)") && reason.contains("no such line"),
            "{reason}"
        );
        mended.store(1, SeqCst);
        world.command("replay", &[]).run().fine();
        assert_eq!(world.parked(), Vec::<Value>::new());
        world.assert_whole(&orders);
    }
}

#[test]
fn an_order_without_lines_is_parked_or_left_out_as_the_flow_says_and_never_lost_in_silence() {
    let orders = [order(1, 1), order(2, 0), order(3, 1)];
    let world = World::new(&orders, "", |_| None, || false);
    let summary = world.run();
    assert_eq!((&summary["delivered"], &summary["parked"]), (&2.into(), &1.into()), "{summary}");
    assert!(world.parked()[0]["reason"].as_str().expect("a reason").contains("is empty"));
    let flow = world.folder.path().join("flow.yaml");
    let text = fs::read_to_string(&flow).expect("it is there");
    fs::write(&flow, text.replace("id: line }", "id: line, when_empty: skip }"))
        .expect("it can be written");
    world.command("replay", &[]).run().fine();
    assert_eq!(world.parked(), Vec::<Value>::new());
}

/// What is taken of a record speaks for the destination, though the record is not settled.
#[test]
fn items_that_are_taken_keep_the_circuit_closed_where_others_fail() {
    let orders: Vec<Value> = (1..=12).map(|id| order(id, 2)).collect();
    let failed = Mutex::new(BTreeSet::new());
    let fails_once = move |name: &str| {
        let fails =
            name.ends_with("-2") && failed.lock().expect("no panic").insert(name.to_owned());
        fails.then(|| Answer::At("500 Internal Server Error", "{}".into()))
    };
    let more = "ordering: none\nlimits: { concurrency: 1 }\nretry: { base: 10ms, cap: 20ms }\n";
    let world = World::new(&orders, more, fails_once, || false);
    let ended = world.command("run", &["--until-caught-up", "--give-up-after", "20s"]).run();
    assert_eq!(ended.fine()["delivered"], 12);
    assert!(!ended.stderr.contains("the destination fails"), "{}", ended.stderr);
    world.assert_whole(&orders);
}

/// More items than an invocation has time for: the next one goes on, and does not begin again.
#[test]
fn a_record_with_more_items_than_an_invocation_has_time_for_goes_on_in_the_next() {
    let orders = [order(1, 30), order(2, 1)];
    let more = "ordering: entity\nlimits: { rate: 10/s }\nretry: { base: 10ms, cap: 50ms }\n";
    let world = World::new(&orders, more, |_| None, || false);
    let options = ["--until-caught-up", "--give-up-after", "20s", "--invocation-seconds", "2"];
    let summary = world.command("run", &options).run().fine();
    assert_eq!(summary["delivered"], 2, "{summary}");
    assert!(summary["process_invocations"].as_u64().expect("a number") > 1, "{summary}");
    world.assert_whole(&orders);
    assert_eq!(world.lines.asked(), 31);
}

/// Each request counts, and not each record.
#[test]
fn limits_count_every_item() {
    let orders: Vec<Value> = (1..=4).map(|id| order(id, 5)).collect();
    let more = "ordering: none\nlimits: { rate: 20/s }\n";
    let world = World::new(&orders, more, |_| None, || false);
    let began = Instant::now();
    assert_eq!(world.run()["delivered"], 4);
    // 20 requests, the first at once.
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    world.assert_whole(&orders);
}

#[test]
fn a_kill_between_two_items_loses_nothing_and_repeats_with_the_same_keys() {
    let orders: Vec<Value> = (1..=8).map(|id| order(id, 6)).collect();
    for kills in 1..=3u64 {
        let slow = |_: &str| {
            thread::sleep(Duration::from_millis(15));
            None
        };
        let more =
            "ordering: entity\nlimits: { concurrency: 2 }\nretry: { base: 10ms, cap: 50ms }\n";
        let world = World::new(&orders, more, slow, || false);
        for kill in 0..kills {
            let mut child = world.command("run", &["--until-caught-up"]).start();
            let begun = Instant::now();
            let before = world.lines.asked();
            while world.lines.asked() < before + 3 + kill as usize
                && begun.elapsed() < Duration::from_secs(20)
            {
                thread::sleep(Duration::from_millis(2));
            }
            child.kill().expect("it is ours");
            child.wait().expect("it ended");
        }
        let summary = world.run();
        assert_eq!(
            (&summary["caught_up"], &summary["parked"]),
            (&true.into(), &0.into()),
            "{summary}"
        );
        world.assert_whole(&orders);
    }
}
