//! Any source, read by a flow that states only what it must: every record is given, or the run stops and
//! says why. `CASES` sets how many are tried (default 2,000), `CASE` tries one alone.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use tidegate_connectors::{HttpClient, Options, connect};
use tidegate_core::{
    model::Position,
    ports::{Source, SourceError},
};
use tidegate_testkit::{MemoryStore, Seeded};
use tokio::task::JoinSet;

use crate::{
    flow::{NOW_MS, connection, destination_spec, flow, number},
    habits::{Api, Habits, Paged, Server, Since, Sorted},
    random::Random,
};

const CASES: u64 = 2_000;
/// Cases side by side: most of one's time it waits for its turn to ask again.
const TOGETHER: usize = 64;
const RUNS_MAX: u32 = 400;
const BATCHES_MAX: u32 = 400;
/// Of a hundred cases so many may end with a word instead of with all records.
const STOPPED_MAX: u64 = 2;
/// So many cases of a kind are told of at the end.
const SHOWN: usize = 20;

/// What a flow must say of an API.
fn spec(url: String, habits: &Habits) -> Value {
    let by = match habits.sorted {
        Sorted::Id => "id",
        Sorted::Time => "timestamp",
        Sorted::TimeId => "timestamp_id",
    };
    let mut cursor = json!({ "by": by });
    if habits.sorted != Sorted::Id {
        cursor["field"] = "updated_at".into();
    }
    if habits.since != Since::Ignored {
        cursor["since"] = "since".into();
    }
    if habits.late_ms > 0 {
        // A flow that sets it covers what timestamps are rounded to; where it is shorter, a warning says so.
        let lag_ms = habits.late_ms + habits.resolution_ms;
        cursor["settle_lag"] = format!("{}s", lag_ms / 1_000 + 1).into();
    }
    let mut pagination = match habits.paged {
        Paged::Number => json!({ "page_number": { "param": "page" } }),
        Paged::Offset => json!({ "offset": { "param": "offset" } }),
        Paged::Token => json!({ "token": { "param": "token", "path": "next" } }),
        Paged::Link => json!({ "link_header": {} }),
        Paged::NextUrl => json!({ "next_url": { "path": "next" } }),
        Paged::LastId => json!({ "last_id": { "param": "after" } }),
    };
    let mut spec = json!({ "url": url, "records": "data", "cursor": cursor, "timeout": "5s" });
    if let Some(size) = habits.page_size {
        let style = pagination.as_object_mut().unwrap().values_mut().next().unwrap();
        style["size_param"] = "limit".into();
        spec["page_size"] = size.into();
    }
    spec["pagination"] = pagination;
    spec
}

/// How a case ended.
enum End {
    Read,
    Stopped(String),
}

async fn run(case: u64, server: Server, http: HttpClient, grows: bool) -> End {
    let mut random = Random(case.wrapping_mul(0x9e37_79b9));
    let habits = Habits::draw(&mut random, grows);
    let clock = Arc::new(AtomicI64::new(NOW_MS));
    server.add(case, Api::new(habits.clone(), Random(case ^ 0xabcd), clock.clone()));
    let (store, seeded) = (Arc::new(MemoryStore::new()), Arc::new(Seeded::new(case)));
    let now = clock.clone();
    let options =
        Options { now: Arc::new(move || now.load(Relaxed)), ..Options::new(http, store, seeded) };
    let flow = flow(spec(server.url(case), &habits), destination_spec("http://127.0.0.1:9/"));
    let connected = connect(&flow, &connection(), &options).unwrap();
    let lag_ms = connected.settings.settle_lag_ms;
    let name = format!("case {case}: {habits:?}");
    let mut reader = Reader {
        source: &*connected.source,
        from: Position::Start,
        seen: HashSet::new(),
        random,
        clock: &clock,
        lag_ms,
        grows,
        name: &name,
    };
    let end = reader.read_all(&server, case).await;
    let seen = reader.seen;
    if matches!(end, End::Read) {
        let rows = server.with(case, |api| api.rows.clone());
        let lost: Vec<_> =
            rows.iter().filter(|row| !row.hidden && !seen.contains(&row.id)).collect();
        assert!(lost.is_empty(), "{name}: of {} records are lost: {lost:?}", rows.len());
    }
    server.remove(case);
    match end {
        End::Read => End::Read,
        End::Stopped(why) => End::Stopped(format!("{name}: {why}")),
    }
}

struct Reader<'a> {
    source: &'a dyn Source,
    from: Position,
    seen: HashSet<i64>,
    random: Random,
    clock: &'a AtomicI64,
    lag_ms: i64,
    grows: bool,
    name: &'a str,
}

impl Reader<'_> {
    /// Runs until one has come to the end of a list that does not grow any more.
    async fn read_all(&mut self, server: &Server, case: u64) -> End {
        let mut is_still = !self.grows;
        for runs in 0..RUNS_MAX {
            match self.run().await {
                Ok(true) if is_still => return End::Read,
                Ok(true) => {
                    // What was added has been there for long.
                    is_still = runs > 3;
                    if is_still {
                        server.with(case, |api| api.habits.grows_every = 0);
                        self.clock.fetch_add(600_000, Relaxed);
                    }
                }
                Ok(false) => {}
                Err(SourceError::Later { after_ms, .. }) => {
                    self.clock
                        .fetch_add(i64::try_from(after_ms.unwrap_or(1_000)).unwrap(), Relaxed);
                }
                Err(SourceError::Halt(why)) => {
                    assert!(!why.is_empty(), "{}: it says nothing", self.name);
                    return End::Stopped(why);
                }
            }
        }
        panic!("{} never ends", self.name)
    }

    /// One invocation, which may be cut off anywhere; whether it came to the end.
    async fn run(&mut self) -> Result<bool, SourceError> {
        let mut left = match self.grows {
            true => 1 + self.random.below(40),
            false => u64::MAX,
        };
        let until_ms = self.clock.load(Relaxed) - self.lag_ms;
        let mut walk = self.source.walk(self.from.clone(), until_ms);
        for _ in 0..BATCHES_MAX {
            let batch = walk.next(self.clock.load(Relaxed) + 60_000).await?;
            for record in batch.records {
                if left == 0 {
                    return Ok(false);
                }
                left -= 1;
                self.seen.insert(number(&record.id));
                self.from = Position::At(record.mark);
            }
            if let (true, Some(held)) = (batch.end, batch.held) {
                // It may still get company, and is left to a run after that.
                self.clock.fetch_max(held.until_ms + 1, Relaxed);
                return Ok(false);
            }
            if batch.end {
                return Ok(true);
            }
        }
        panic!("{}: a walk never ends", self.name)
    }
}

async fn all(grows: bool) {
    let asked = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let cases = match asked("CASE") {
        Some(case) => case..case + 1,
        None => 0..asked("CASES").unwrap_or(CASES) / 2,
    };
    let (server, http) = (Server::start().await, HttpClient::new().unwrap());
    let count = cases.end - cases.start;
    let (mut running, mut ended) = (JoinSet::new(), Vec::new());
    for case in cases {
        if running.len() == TOGETHER {
            ended.extend(running.join_next().await);
        }
        running.spawn(run(case, server.clone(), http.clone(), grows));
    }
    while let Some(end) = running.join_next().await {
        ended.push(end);
    }
    let (mut stopped, mut failed) = (Vec::new(), 0);
    for end in ended {
        match end {
            Ok(End::Read) => {}
            Ok(End::Stopped(why)) => stopped.push(why),
            // It has said why.
            Err(_) => failed += 1,
        }
    }
    println!("{count} cases, {failed} of them failed, {} stopped with a word", stopped.len());
    for why in stopped.iter().take(SHOWN) {
        println!("{why}");
    }
    assert_eq!(failed, 0, "each of them says why above");
    assert!(stopped.len() as u64 * 100 <= count * STOPPED_MAX, "{} stopped", stopped.len());
}

#[tokio::test]
async fn any_source_is_read_whole_or_the_run_says_why_it_stops() {
    all(false).await;
}

#[tokio::test]
async fn any_source_that_grows_is_read_whole_by_invocations_that_are_cut_off() {
    all(true).await;
}
