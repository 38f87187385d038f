//! Every state in which a stream does not get on, brought about on the command line: the reason, the since
//! and the until are read in the JSON of the run, in `status` both ways, and in the log.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use tidegate::embedded;
use tidegate_core::{
    model::{Budget, BudgetId, Emission, EpochMs, Holder, Position, Settling, StreamId},
    ports::{CursorStore, KeyValueStore, Lease, NewPage, Settle, Swap},
};

use super::{
    api::{Answer, Api, orders},
    process::{Ended, Tidegate, tidegate},
};

/// A stream of its own on a state folder.
struct Stream {
    folder: tempfile::TempDir,
}

impl Stream {
    fn new(source: &Api, destination: &Api, more: &str) -> Self {
        let (from, to) = (&source.url, &destination.url);
        Self::of(&format!(
            "flow: orders
source:
  http:
    url: {from}/orders
    records: orders
    cursor: {{ by: timestamp, field: updated_at, since: since }}
    pagination: whole
transform: {{ map: {{ number: id }} }}
destination:
  http:
    url: {to}/orders
    idempotency_key: Idempotency-Key
{more}"
        ))
    }

    fn of(flow: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("flow.yaml"), flow).expect("it can be written");
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn command(&self, name: &str, options: &[&str]) -> Tidegate {
        let (flow, state) = (self.path("flow.yaml"), self.path("state"));
        tidegate([&[name, &flow, "--state", &state], options].concat())
    }

    /// A run that ends by itself where it gets no further for two seconds.
    fn run(&self, options: &[&str]) -> Ended {
        let ends = ["--json", "--until-caught-up", "--give-up-after", "2s"];
        self.command("run", &[&ends, options].concat()).run()
    }

    /// One handler, called with an event, and what it answers.
    fn invoke(&self, handler: &str, event: &Path, options: &[&str]) -> Ended {
        let (flow, state) = (self.path("flow.yaml"), self.path("state"));
        let event = event.display().to_string();
        let arguments = ["invoke", handler, &event, "--flow", &flow, "--state", &state];
        tidegate([&arguments[..], options].concat()).run()
    }

    fn schedule(&self) -> PathBuf {
        let path = self.folder.path().join("schedule.json");
        fs::write(&path, r#"{"flow":"orders","connection":"default"}"#).expect("it is written");
        path
    }

    /// Changes the stream's state, as another process would have.
    fn seed<T>(&self, act: impl AsyncFnOnce(&tidegate_aws::Table, &StreamId) -> T) -> T {
        let state = embedded::open(Some(&self.folder.path().join("state"))).expect("its state");
        let stream = StreamId::new("orders", "default").expect("a stream");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(act(&state.table, &stream))
    }

    /// What is waited for is told everywhere: in this JSON, in this log, and by `status`.
    #[track_caller]
    fn assert_told(&self, what: &str, reason: &str, until: Until, told: &Value, log: &str) {
        let says = |wait: &Value| {
            assert!(
                wait["reason"].as_str().is_some_and(|it| it.contains(reason)),
                "{what}: {wait}"
            );
            let since = moment(&wait["since"]).unwrap_or_else(|| panic!("{what}: {wait}"));
            assert!(since <= now(), "{what}: {wait}");
            match (until, moment(&wait["until"])) {
                (Until::AnOperatorActs, None) => assert_eq!(wait["until"], Value::Null),
                (Until::Seconds(least, most), Some(until)) => {
                    let ahead = until.as_second() - now().as_second();
                    assert!((least..=most).contains(&ahead), "{what}: {ahead} s, {wait}");
                }
                _ => panic!("{what}: {wait}"),
            }
        };
        says(told);
        let line = log.lines().find(|line| line.contains(&format!("waits_for={what}")));
        let line = line.unwrap_or_else(|| panic!("{what} is not logged:\n{log}"));
        assert!(line.contains("WARN") && line.contains(reason), "{what}: {line}");
        assert!(line.contains("since=\""), "{what}: {line}");
        let begins = line.contains("the stream waits") && line.contains("until=\"");
        assert!(begins || line.contains("the stream goes on"), "{what}: {line}");

        let status = self.command("status", &["--json"]).run().fine();
        says(wait_of(&status["waiting"], what));
        let text = self.command("status", &[]).run().stdout;
        let line = text.lines().find(|line| line.contains(&format!("{what}: ")));
        let line = line.unwrap_or_else(|| panic!("{what} is not in the table:\n{text}"));
        assert!(line.contains("waits for") && line.contains(reason), "{what}: {line}");
        assert!(line.contains("since 20"), "{what}: {line}");
    }

    /// The same, of a run that was given up.
    #[track_caller]
    fn assert_waits(&self, what: &str, reason: &str, until: Until, ended: &Ended) {
        let json = ended.json();
        assert_eq!((ended.code, &json["gave_up"]), (Some(3), &true.into()), "{what}: {ended:?}");
        self.assert_told(what, reason, until, wait_of(&json["waiting"], what), &ended.stderr);
    }
}

/// When a wait is over, from now.
#[derive(Clone, Copy)]
enum Until {
    AnOperatorActs,
    /// In so many seconds at the least and at the most.
    Seconds(i64, i64),
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn now_ms() -> EpochMs {
    now().as_millisecond()
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

#[track_caller]
fn wait_of<'a>(waiting: &'a Value, what: &str) -> &'a Value {
    let found = waiting.as_array().and_then(|all| all.iter().find(|wait| wait["for"] == what));
    found.unwrap_or_else(|| panic!("{what} is not in {waiting}"))
}

const FINE: &str = "200 OK";

/// Of a source that gives one order, with a destination that answers so: what the run waits for.
fn of_destination(what: &str, answer: Answer, more: &str, reason: &str, until: Until) {
    let (source, destination) =
        (Api::saying(FINE, &orders(1..4)), Api::new(move |_| answer.clone()));
    let stream = Stream::new(&source, &destination, more);
    stream.assert_waits(what, reason, until, &stream.run(&[]));
}

#[test]
fn the_source_is_told() {
    let source = Api::saying("503 Unavailable\r\nretry-after: 7200", "{}");
    let stream = Stream::new(&source, &Api::saying(FINE, "{}"), "");
    let ended = stream.run(&[]);
    stream.assert_waits("source", "503", Until::Seconds(7_100, 7_200), &ended);
}

#[test]
fn a_halt_is_told() {
    let source = Api::saying("404 Not Found", "{}");
    let stream = Stream::new(&source, &Api::saying(FINE, "{}"), "");
    let ended = stream.run(&[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let json = ended.json();
    let told = wait_of(&json["waiting"], "halt");
    stream.assert_told("halt", "404", Until::AnOperatorActs, told, &ended.stderr);
}

#[test]
fn a_pause_is_told() {
    let api = Api::saying(FINE, &orders([]));
    let stream = Stream::new(&api, &api, "");
    stream.command("pause", &["--json"]).run().fine();
    stream.assert_waits("pause", "paused by an operator", Until::AnOperatorActs, &stream.run(&[]));
}

#[test]
fn the_circuit_before_the_destination_is_told() {
    let answer = Answer::At("503 Unavailable\r\nretry-after: 600", "{}".to_owned());
    of_destination("destination", answer, "", "503", Until::Seconds(560, 601));
}

#[test]
fn a_quota_is_told() {
    let answer = Answer::At(FINE, "{}".to_owned());
    let more = "limits: { daily: { count: 1 } }\n";
    of_destination("quota", answer, more, "a quota is used up", Until::Seconds(1, 86_400));
}

#[test]
fn a_rate_is_told() {
    let answer = Answer::At(FINE, "{}".to_owned());
    let more = "limits: { rate: 1/1m }\npage: { records_max: 1 }\n";
    of_destination("rate", answer, more, "no send slot", Until::Seconds(1, 62));
}

#[test]
fn a_backoff_is_told() {
    let answer = Answer::At("423 Locked", "{}".to_owned());
    let more = "retry: { base: 40s, cap: 60s }\n";
    let rules = "    answers: { rules: [{ status: 423, means: retry }] }\n";
    let more = format!("{rules}{more}");
    of_destination("backoff", answer, &more, "423", Until::Seconds(5, 60));
}

/// The wait is told after half a minute, and that much older is the page made; another invocation has the
/// only request that is permitted at once.
#[test]
fn concurrency_is_told() {
    let (source, destination) = (Api::saying(FINE, &orders([1])), Api::saying(FINE, "{}"));
    let stream = Stream::new(&source, &destination, "limits: { concurrency: 1 }\nordering: none\n");
    let pages = stream.folder.path().join("pages.json");
    let sent = ["--sent", &pages.display().to_string()];
    answer_of(&stream.invoke("fetcher", &stream.schedule(), &sent));
    stream.seed(async |table, name| {
        let page = table.pages_after(name, 0, 1).await.expect("the table answers").remove(0);
        let settling = Settling { now_ms: now_ms() - 40_000, ..Settling::default() };
        let settled = table.settle(name, page.number, &page.emission, &settling).await;
        assert!(matches!(settled, Ok(Settle::Open(_))));
        let (key, until_ms) = (BudgetId::of_stream(name).key(), now_ms() + 60_000);
        let (owner, stream) = ("another".into(), Box::default());
        let holders = vec![Holder { owner, stream, slots: 1, until_ms, wants: 0, done_ms: 0 }];
        let budget = Budget { holders, ..Budget::default() }.to_stored(now_ms());
        let swap = table.compare_and_swap(&key, None, &budget).await;
        assert!(matches!(swap, Ok(Swap::Done)));
    });
    let log = stream.invoke("processor", &pages, &[]).stderr;
    let ended = stream.run(&[]);
    let json = ended.json();
    let told = wait_of(&json["waiting"], "concurrency");
    stream.assert_told("concurrency", "are in flight", Until::Seconds(-60, 60), told, &log);
}

/// A process is killed while a request is under way, and the record has another version by then.
#[test]
fn what_a_killed_process_has_sent_and_the_version_behind_it_are_told() {
    let source = Api::saying(FINE, &orders([1]));
    let destination = Api::new(|_| Answer::Never);
    let stream = Stream::new(&source, &destination, "ordering: entity\nlanding: 40s\n");
    let mut child = stream.command("run", &["--json"]).start();
    while destination.asked() == 0 {
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
    let newer = orders([1]).replace("2026-01-01", "2026-01-02");
    source.now_says(move |_| Answer::At(FINE, newer.clone()));
    let ended = stream.run(&[]);
    let until = Until::Seconds(5, 80);
    stream.assert_waits("recovery", "may still land", until, &ended);
    stream.assert_waits("lock", "another", until, &ended);
}

#[test]
fn a_settle_lag_is_told() {
    let source = Api::saying(FINE, &orders([]));
    let stream = Stream::of(&format!(
        "flow: orders
source:
  http:
    url: {}/orders
    records: orders
    cursor: {{ by: timestamp, field: updated_at, since: since, settle_lag: 9s }}
    pagination: whole
destination:
  http: {{ url: 'http://127.0.0.1:9/none' }}
",
        source.url
    ));
    let ended = stream.run(&[]);
    stream.assert_waits("settle_lag", "younger than the settle lag", Until::Seconds(0, 9), &ended);
}

/// A stamp that says no more than the day: what is of today may be joined by others until midnight.
#[test]
fn records_that_are_held_until_midnight_are_told_and_end_the_run_as_caught_up_but_for_them() {
    let today = now().to_string()[..10].to_owned();
    let rows = format!(
        r#"{{"orders":[{{"id":1,"day":"2026-01-01"}},{{"id":2,"day":"2026-01-02"}},{{"id":3,"day":"{today}"}}]}}"#
    );
    let (source, destination) = (Api::saying(FINE, &rows), Api::saying(FINE, "{}"));
    let stream = Stream::of(&format!(
        "flow: orders
source:
  http:
    url: {}/orders
    records: orders
    cursor: {{ by: timestamp, field: day, format: {{ strptime: '%Y-%m-%d' }}, since: since }}
    pagination: whole
destination:
  http: {{ url: '{}/orders' }}
",
        source.url, destination.url
    ));
    let ended = stream.run(&[]);
    let json = ended.fine();
    assert_eq!((&json["caught_up"], &json["delivered"]), (&true.into(), &2.into()), "{json}");
    let to = moment(&json["caught_up_to"]).unwrap_or_else(|| panic!("{json}"));
    assert!(to < now() && to.to_string() <= format!("{today}T00:00:01Z"), "{json}");
    let told = wait_of(&json["waiting"], "settle_lag");
    let seconds = |at: &Value| moment(at).map(Timestamp::as_second);
    assert_eq!(seconds(&json["goes_on_at"]), seconds(&told["until"]), "{json}");
    let until = Until::Seconds(0, 86_500);
    stream.assert_told("settle_lag", "too young", until, told, &ended.stderr);
    let text = stream.command("run", &["--until-caught-up", "--give-up-after", "2s"]).run().stdout;
    assert!(text.contains("is held back, the first until"), "{text}");
}

#[test]
fn the_lease_of_another_invocation_is_told() {
    let api = Api::saying(FINE, &orders([]));
    let stream = Stream::new(&api, &api, "");
    stream.seed(async |table, name| {
        let lease = table.acquire(name, "another", now_ms() - 5_000, now_ms() + 60_000).await;
        assert!(matches!(lease, Ok(Lease::Acquired(_))));
    });
    let ended = stream.invoke("fetcher", &stream.schedule(), &[]);
    let answer = answer_of(&ended);
    assert_eq!(answer["end"], "held", "{answer}");
    let until = Until::Seconds(30, 60);
    stream.assert_told("lease", "invocation reads", until, &answer["stall"], &ended.stderr);
}

#[test]
fn processors_that_are_off_are_told() {
    let api = Api::saying(FINE, &orders([]));
    let stream = Stream::new(&api, &api, "");
    stream.seed(async |table, name| {
        let long_ago_ms = now_ms() - 400_000;
        let lease = table.acquire(name, "before", long_ago_ms, long_ago_ms + 1).await;
        let Ok(Lease::Acquired(cursor)) = lease else { panic!("{lease:?}") };
        let (from, to) = (Position::Start, Position::Start);
        let page = NewPage { number: 1, emission: Emission("e".into()), from, to, count: 1 };
        let sealed = table.seal(name, cursor.fence, &[page], long_ago_ms).await;
        sealed.expect("the table answers");
    });
    let ended = stream.invoke("fetcher", &stream.schedule(), &[]);
    let answer = answer_of(&ended);
    let until = Until::Seconds(60, 86_400);
    let told = &answer["delivering"];
    stream.assert_told("processors", "no processor took page 1", until, told, &ended.stderr);
}

/// What a handler answered, as `invoke` prints it.
fn answer_of(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (from, to) = (ended.stdout.find('{'), ended.stdout.rfind('}'));
    let (from, to) = from.zip(to).unwrap_or_else(|| panic!("{ended:?}"));
    serde_json::from_str(&ended.stdout[from..=to]).expect("JSON")
}

/// The moment until when requests may be under way, as it is noted beside the state.
fn noted_ms(stream: &Stream) -> Option<EpochMs> {
    let bytes = fs::read(stream.folder.path().join("state/sending")).ok()?;
    Some(EpochMs::from_le_bytes(bytes.try_into().ok()?))
}

/// A stream with a parked record, and no note of until when it was sent.
fn parked() -> (Stream, Api, Api) {
    let source = Api::saying(FINE, &orders([1]));
    let destination = Api::saying("422 Unprocessable", "{}");
    let stream = Stream::new(&source, &destination, "");
    stream.run(&[]).fine();
    fs::remove_file(stream.folder.path().join("state/sending")).expect("it is there");
    (stream, source, destination)
}

/// The process after one that is killed goes by it, whatever that one delivered with.
#[test]
fn repro_a_replay_notes_until_when_it_sends() {
    let (stream, _source, destination) = parked();
    destination.now_says(|_| Answer::At(FINE, "{}".to_owned()));
    stream.command("replay", &["--json"]).run().fine();
    assert!(noted_ms(&stream) > Some(now_ms()), "{:?}", noted_ms(&stream));
}

#[test]
fn repro_an_invocation_notes_until_when_it_sends() {
    let (stream, source, destination) = parked();
    source.now_says(|_| Answer::At(FINE, orders(1..3)));
    let pages = stream.folder.path().join("pages.json");
    let sent = ["--sent", &pages.display().to_string()];
    answer_of(&stream.invoke("fetcher", &stream.schedule(), &sent));
    assert_eq!(noted_ms(&stream), None, "nothing was sent");
    let asked = destination.asked();
    answer_of(&stream.invoke("processor", &pages, &[]));
    assert_eq!(destination.asked(), asked + 1);
    assert!(noted_ms(&stream) > Some(now_ms()), "{:?}", noted_ms(&stream));
}

/// One invocation that settles record after record gets on, though its end is far.
#[test]
fn repro_a_run_that_settles_records_within_a_long_invocation_is_not_given_up() {
    let source = Api::saying(FINE, &orders(1..13));
    let destination = Api::new(|_| Answer::After(Duration::from_millis(400)));
    let more = "limits: { concurrency: 1 }\n";
    let stream = Stream::new(&source, &destination, more);
    let json = stream.run(&["--processors", "1"]).fine();
    assert_eq!((&json["delivered"], &json["caught_up"]), (&12.into(), &true.into()), "{json}");
}

/// A destination that asks for longer than a replay waits ends it at once.
#[test]
fn repro_a_replay_that_waits_in_vain_ends_and_says_for_what() {
    let (stream, _source, destination) = parked();
    let down = "503 Unavailable\r\nretry-after: 3600";
    destination.now_says(move |_| Answer::At(down, "{}".to_owned()));
    let ended = stream.command("replay", &["--json"]).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let json = ended.json();
    assert_eq!((&json["parked"], &json["gave_up"]), (&1.into(), &true.into()), "{json}");
    let told = wait_of(&json["waiting"], "destination");
    let ahead = moment(&told["until"]).map(|at| at.as_second() - now().as_second());
    assert!(ahead.is_some_and(|ahead| (3_500..=3_601).contains(&ahead)), "{told}");
    assert!(ended.stderr.contains("waits_for=destination"), "{}", ended.stderr);
    assert!(ended.stderr.contains("waits for destination"), "{}", ended.stderr);
}
