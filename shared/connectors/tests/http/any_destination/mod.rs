//! Any destination, sent to by a flow that states its habits: every record is delivered at its newest version,
//! as often as is promised, or parked with a reason. `CASES` sets how many are tried (default 2,000), `CASE`
//! tries one alone.

mod bulk;
mod delivery;
mod faults;
mod habits;
mod oracle;
mod records;
mod repro;
mod sent;
mod server;
mod strict;
mod watched;
mod wire;

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use serde_json::Value;
use tidegate_connectors::HttpClient;
use tidegate_core::model::RecordKey;
use tidegate_testkit::ManualClock;
use tokio::task::JoinSet;

use crate::random::Random;
use delivery::{Delivering, End};
use habits::{Habits, Order};
use records::{Fate, Record};
use server::Server;
use watched::{Shared, name_of};

const CASES: u64 = 2_000;
/// Cases side by side: while one waits for the wire, others compute.
const TOGETHER: usize = 16;
/// When every case begins, by its own clock.
const START_MS: i64 = 1_795_766_400_000;
/// Longer than anything is locked or takes to land.
const QUIET_MS: i64 = 2_000_000;
/// Requests for each record at the most, beside those for what fails.
const REQUESTS_EACH: u64 = 60;
/// By its own clock, a case is over within a week.
const LASTS_MS_MAX: i64 = 7 * 86_400_000;
/// Where the flow states all, no case may stop; where it leaves something out, some do.
const SHOWN: usize = 20;

/// What was drawn, and what became of it.
type Counts = BTreeMap<String, u64>;

/// One case, at its end.
struct Case {
    halted: Option<String>,
    violations: Vec<String>,
    told: String,
    counts: Counts,
}

async fn run(case: u64, http: HttpClient) -> Case {
    let mut random = Random(case.wrapping_mul(0x9e37_79b9) ^ 0x5eed);
    let habits = Habits::draw(&mut random);
    let pages = records::draw(&habits, &mut random);
    deliver(&habits, &pages, random, http).await
}

/// A case that was not drawn.
async fn try_case(habits: Habits, pages: Vec<Vec<Record>>, seed: u64) -> Case {
    deliver(&habits, &pages, Random(seed), HttpClient::new().unwrap()).await
}

async fn deliver(
    habits: &Habits,
    pages: &[Vec<Record>],
    mut random: Random,
    http: HttpClient,
) -> Case {
    let clock = ManualClock::at(START_MS);
    let server =
        Arc::new(Server::new(habits.clone(), pages, clock.clone(), Random(random.below(u64::MAX))));
    let listening = wire::serve(server.clone()).await;
    let file = habits.flow(&listening.url);
    let spec = tidegate_flow::parse("orders.yaml", &file.to_string())
        .unwrap_or_else(|errors| panic!("{errors}\n{}", yaml(&file)));
    let shared =
        Arc::new(Shared::new(habits, server.clone(), clock, Random(random.below(u64::MAX))));
    let mut delivering = Delivering::new(habits, spec, http, shared.clone(), pages);
    let mut waits = false;
    let mut halted = match delivering.run().await {
        End::Settled => None,
        End::Halted(why) => Some(why),
        End::Endless => {
            waits = may_wait(habits, &server);
            if !waits {
                server.now().accuse("it never ends");
            }
            None
        }
    };
    if halted.is_none() && !waits && server.now().violations.is_empty() {
        settled(habits, pages, &mut delivering, &server, &mut halted).await;
    }
    let mut counts = counted(habits, pages, &server);
    counts.insert("waits for a record that fails alone".into(), u64::from(waits));
    let parked = delivering.parked().await.len() as u64;
    counts.insert("records parked in the end".into(), parked);
    let requests = shared.requests.load(std::sync::atomic::Ordering::Relaxed);
    counts.insert("requests".into(), requests);
    let mut server = server.now();
    let records = pages.iter().flatten().count() as u64;
    let faults: u64 = server.kinds.values().sum();
    if !waits && requests > REQUESTS_EACH * (records + 4) + 10 * faults {
        server.accuse(format_args!("{requests} requests for {records} records"));
    }
    if delivering.now_ms() - START_MS > LASTS_MS_MAX {
        server.accuse("it takes more than a week");
    }
    if let Some(why) = &halted {
        let says_what_to_do = why.contains("write") || why.contains("look at");
        if habits.stated || !says_what_to_do {
            server.accuse(format_args!("it stops: {why}"));
        }
    }
    let told = format!("{habits:?}\n{}\n{}", yaml(&file), server.log.join("\n"));
    Case { halted, violations: server.violations.clone(), told, counts }
}

/// A record that fails by itself, before any other was taken, or with others behind it in a serial stream, cannot be
/// told from a destination that fails: it is tried again until a message was received too often, and is parked then.
fn may_wait(habits: &Habits, server: &Server) -> bool {
    let server = server.now();
    let fails = |record: &Record| matches!(record.fate, Fate::Poison | Fate::Forbidden);
    let any_fails = server.records.values().any(fails);
    any_fails && (habits.order == Order::Serial || server.is_without_others(fails))
}

/// All is settled: judges it, then replays what is parked, and judges it again.
async fn settled(
    habits: &Habits,
    pages: &[Vec<Record>],
    delivering: &mut Delivering,
    server: &Server,
    halted: &mut Option<String>,
) {
    delivering.wait(QUIET_MS);
    server.now().land(delivering.now_ms());
    let cursor = delivering.cursor().await;
    if cursor.pages_open() > 0 {
        server.now().accuse(format_args!("{} pages are open", cursor.pages_open()));
    }
    let parked = delivering.parked().await;
    oracle::judge(habits, pages, &parked, &mut server.now());
    // An operator looks for what may have been applied, and leaves it where it is there.
    let keys: Vec<RecordKey> = parked
        .iter()
        .filter(|parked| !parked.is_unknown() || !server.now().took(&name_of(&parked.key)))
        .map(|parked| parked.key.clone())
        .collect();
    if keys.is_empty() || !server.now().violations.is_empty() {
        return;
    }
    server.now().mended = true;
    server.now().note("what is parked is replayed");
    match delivering.replay(keys).await {
        End::Settled => {}
        End::Halted(why) => *halted = Some(why),
        End::Endless => server.now().accuse("a replay never ends"),
    }
    delivering.wait(QUIET_MS);
    server.now().land(delivering.now_ms());
    let parked = delivering.parked().await;
    oracle::judge(habits, pages, &parked, &mut server.now());
}

fn counted(habits: &Habits, pages: &[Vec<Record>], server: &Server) -> Counts {
    let mut counts = Counts::new();
    let mut count = |what: String| *counts.entry(what).or_default() += 1;
    count(format!("ordering {:?}", habits.order));
    count(format!("on_unknown {:?}", habits.unknown));
    count(format!("body {:?}", habits.body));
    count(match &habits.bulk {
        None => "single".into(),
        Some(bulk) => format!("bulk, results {:?}", bulk.results),
    });
    count(format!("key {:?}", habits.key));
    count(format!("server knows {:?}", habits.knows));
    if let Some(upsert) = habits.upsert {
        count(format!("upsert {upsert:?}"));
    }
    let records: Vec<&Record> = pages.iter().flatten().collect();
    count(match oracle::is_once(habits, &records) {
        true => "promise: once".into(),
        false => "promise: at least once".into(),
    });
    for record in &records {
        count(format!("record {:?}", record.fate));
        if record.gone {
            count("record gone".into());
        }
    }
    let server = server.now();
    for (kind, many) in &server.kinds {
        *counts.entry(format!("fault: {kind}")).or_default() += many;
    }
    counts.insert("effects".into(), server.changes.len() as u64);
    counts.insert("mended".into(), u64::from(server.mended));
    counts
}

/// A flow as its file.
fn yaml(file: &Value) -> String {
    fn write(value: &Value, indent: usize, out: &mut String) {
        for (key, value) in value.as_object().expect("a section") {
            let is_section = value.as_object().is_some_and(|section| !section.is_empty());
            _ = write!(out, "{:indent$}{key}:", "");
            if is_section {
                out.push('\n');
                write(value, indent + 2, out);
            } else {
                _ = writeln!(out, " {value}");
            }
        }
    }
    let mut out = String::new();
    write(file, 0, &mut out);
    out
}

#[tokio::test]
async fn any_destination_gets_every_record_as_often_as_is_promised_or_it_is_parked() {
    let asked = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let cases = match asked("CASE") {
        Some(case) => case..case + 1,
        None => {
            let first = asked("FIRST").unwrap_or(0);
            first..first + asked("CASES").unwrap_or(CASES)
        }
    };
    let count = cases.end - cases.start;
    let http = HttpClient::new().unwrap();
    let (mut running, mut ended) = (JoinSet::new(), Vec::new());
    for case in cases {
        if running.len() == TOGETHER {
            ended.extend(running.join_next().await);
        }
        let http = http.clone();
        running.spawn(async move { (case, run(case, http).await) });
    }
    while let Some(end) = running.join_next().await {
        ended.push(end);
    }
    report(count, ended.into_iter().flatten().collect());
}

fn report(count: u64, mut ended: Vec<(u64, Case)>) {
    ended.sort_by_key(|(case, _)| *case);
    let mut counts = Counts::new();
    let mut halts = Vec::new();
    let mut failed = Vec::new();
    let (mut delivered, mut with_parked) = (0, 0);
    for (case, end) in &ended {
        for (what, many) in &end.counts {
            *counts.entry(what.clone()).or_default() += many;
        }
        if let Some(why) = &end.halted {
            halts.push(format!("case {case}: {why}"));
        } else if end.counts["records parked in the end"] > 0 {
            with_parked += 1;
        } else {
            delivered += 1;
        }
        if !end.violations.is_empty() {
            failed.push(*case);
            if failed.len() <= 3 {
                println!("\n=== CASE={case}\n{}", end.told);
            }
            println!("CASE={case}: {}", end.violations.join("; "));
        }
    }
    println!(
        "{count} cases: {delivered} ended with all delivered, {with_parked} with some parked, {} halted; failed: {failed:?}",
        halts.len()
    );
    for (what, many) in &counts {
        println!("{many:>8} {what}");
    }
    for why in halts.iter().take(SHOWN) {
        println!("{why}");
    }
    assert_eq!(ended.len() as u64, count, "some panicked, and say so above");
    assert!(failed.is_empty(), "{} of {count} cases failed: {failed:?}", failed.len());
}
