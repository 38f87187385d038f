//! A page's attempts are counted by what failed, and never by waiting.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::FutureExt;
use tidegate_core::{
    app::{Arrival, Flow, Ports, ProcessReport, process},
    decide::Deadline,
    memory::{ManualClock, Memory, MemoryQueue, MemoryStore, QueueSettings, Seeded},
    model::{
        Blame, Emission, EpochMs, FlowSettings, Later, Mark, Ordering, Outcome, PageMessage,
        PageNumber, Position, Quota, RecordId, Reset, StreamId, Version, WireRecord,
    },
    ports::{
        Batching, BoxFuture, Clock, CursorStore, Delivery, Destination, Found, LookedUp, Lookup,
        NewPage, Outgoing, ParkedStore, Receipt, Source, Transform, Transformed, Walk,
    },
};

const BEGAN_MS: EpochMs = 1_800_000_000_000;
const INVOCATION_MS: EpochMs = 60_000;
const DAY_MS: EpochMs = 86_400_000;
const ATTEMPTS_MAX: u32 = 3;

/// Pages of one record each, the record's id the page's number.
struct World {
    ports: Ports<Memory>,
    flow: Flow,
    /// What the destination answers for record 1, request by request; the others it takes.
    answers: Arc<Mutex<VecDeque<Outcome>>>,
    receives: u32,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::at(BEGAN_MS);
        let settings =
            QueueSettings { visibility_ms: 540_000, receives_max: 1_000, retention_ms: 4 * DAY_MS };
        let queue = MemoryQueue::new(clock.clone(), settings);
        let store = MemoryStore::new();
        let answers = Arc::default();
        let mut settings = FlowSettings::default();
        settings.retry.attempts_max = ATTEMPTS_MAX;
        let flow = Flow {
            stream: StreamId::new("bulks", "default").expect("a stream"),
            settings,
            source: Box::new(Nowhere),
            lookup: None,
            transform: Box::new(Same),
            destination: Box::new(Scripted(Arc::clone(&answers))),
        };
        let ports = Ports { store, queue, clock, entropy: Seeded::new(7) };
        let world = Self { ports, flow, answers, receives: 0 };
        let stream = &world.flow.stream;
        now(world.ports.store.acquire(stream, "fetcher", 0, 1)).expect("a lease");
        let pages: Vec<NewPage> = (1..=9).map(page).collect();
        now(world.ports.store.seal(stream, 1, &pages, BEGAN_MS)).expect("a seal");
        world
    }

    /// Processes these pages in one invocation, `later_ms` after the last.
    fn process(&mut self, numbers: &[PageNumber], later_ms: EpochMs) -> ProcessReport {
        self.ports.clock.advance(later_ms);
        self.receives += 1;
        let arrival = |number: &PageNumber| Arrival {
            receipt: Receipt(format!("{number}.{}", self.receives).into()),
            receives: self.receives,
            page: message(&self.flow.stream, *number),
        };
        let arrivals = numbers.iter().map(arrival).collect();
        let now_ms = self.ports.clock.now_ms();
        let deadline = Deadline::new(now_ms, now_ms + INVOCATION_MS);
        now(process(&self.ports, &self.flow, arrivals, deadline, 1)).expect("memory answers")
    }

    fn attempts(&self) -> u32 {
        let pages = now(self.ports.store.pages_after(&self.flow.stream, 0, 1));
        pages.expect("memory answers")[0].attempts
    }

    /// What record 1 is answered next.
    fn answers(&self, outcome: Outcome) {
        self.answers.lock().unwrap().push_back(outcome);
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nobody waits")
}

fn at(number: PageNumber) -> Position {
    if number == 0 {
        return Position::Start;
    }
    Position::At(Mark { at: None, id: id(number) })
}

fn id(number: PageNumber) -> RecordId {
    RecordId::Number(i64::try_from(number).expect("a small number"))
}

fn page(number: PageNumber) -> NewPage {
    let emission = Emission(format!("e-{number}").into());
    NewPage { number, emission, from: at(number - 1), to: at(number), count: 1 }
}

fn message(stream: &StreamId, number: PageNumber) -> PageMessage {
    let NewPage { emission, from, to, .. } = page(number);
    let data = Bytes::from(format!(r#"{{"id":{number}}}"#));
    let record = WireRecord { id: id(number), version: Version(1), deleted: false, data };
    PageMessage {
        stream: stream.clone(),
        number,
        emission,
        fence: 1,
        from,
        to,
        records: vec![record],
    }
}

fn later(blame: Blame, unknown: bool) -> Outcome {
    Outcome::Later(Later { blame, after_ms: None, unknown, reason: "not now".into() })
}

/// Nothing is read in these tests.
struct Nowhere;

impl Source for Nowhere {
    fn walk(&self, _: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        unreachable!("nobody fetches")
    }
}

struct Same;

impl Transform for Same {
    fn apply(&self, record: &[u8], _: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        out.extend_from_slice(record);
        Transformed::Written
    }
}

struct Scripted(Arc<Mutex<VecDeque<Outcome>>>);

impl Destination for Scripted {
    fn batching(&self) -> Batching {
        Batching::ONE
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], _: u64) -> BoxFuture<'a, Delivery> {
        let scripted = || self.0.lock().unwrap().pop_front().expect("an answer for record 1");
        let outcome = if records[0].id == id(1) { scripted() } else { Outcome::Delivered };
        Box::pin(async move { vec![outcome].into() })
    }
}

/// A look-up that takes all the time that there is.
struct Slow(ManualClock);

impl Lookup for Slow {
    fn keys_max(&self) -> usize {
        10
    }

    fn key(&self, _: &[u8]) -> Result<Option<Box<str>>, Box<str>> {
        Ok(Some("key".into()))
    }

    fn look_up<'a>(&'a self, keys: &'a [Box<str>], _: u64) -> BoxFuture<'a, LookedUp> {
        self.0.advance(INVOCATION_MS - 1_000);
        let found: Vec<Found> = vec![None; keys.len()];
        Box::pin(async { LookedUp { found: Ok(found), allowance: None } })
    }
}

#[test]
fn repro_a_used_up_quota_is_no_failed_attempt() {
    let mut world = World::new();
    let reset = Reset::Daily { zone: "UTC".into(), minute: 0 };
    world.flow.settings.quotas = vec![Quota { count: 1_000, reset }];
    for _ in 0..ATTEMPTS_MAX + 1 {
        world.answers(later(Blame::Quota, false));
        let report = world.process(&[1], DAY_MS);
        assert!(report.quota_until_ms.is_some(), "{report:?}");
        assert_eq!(world.attempts(), 0);
    }
    // Then one failure, while others get through.
    world.answers(later(Blame::Request, false));
    let report = world.process(&[1, 2], DAY_MS);
    assert_eq!((report.tally.parked, report.tally.delivered), (0, 1), "{report:?}");
    assert_eq!(world.attempts(), 1);
}

#[test]
fn repro_a_look_up_that_leaves_no_time_to_send_is_no_failed_attempt() {
    let mut world = World::new();
    world.flow.lookup = Some(Box::new(Slow(world.ports.clock.clone())));
    for _ in 0..ATTEMPTS_MAX + 1 {
        let report = world.process(&[1], INVOCATION_MS);
        assert_eq!((report.tally.requests, report.tally.parked), (1, 0), "{report:?}");
        assert_eq!(world.attempts(), 0);
    }
}

#[test]
fn limits_are_no_failed_attempt() {
    let mut world = World::new();
    for _ in 0..ATTEMPTS_MAX + 1 {
        world.answers(later(Blame::Limit, false));
        world.process(&[1], INVOCATION_MS);
        assert_eq!(world.attempts(), 0);
    }
}

#[test]
fn what_fails_while_others_get_through_is_given_up_after_its_attempts() {
    for failure in [later(Blame::Request, false), later(Blame::Request, true)] {
        let mut world = World::new();
        world.flow.settings.ordering = Ordering::None;
        for attempt in 1..ATTEMPTS_MAX {
            world.answers(failure.clone());
            world.process(&[1, PageNumber::from(attempt) + 1], INVOCATION_MS);
            assert_eq!(world.attempts(), attempt);
        }
        world.answers(failure);
        let report = world.process(&[1, PageNumber::from(ATTEMPTS_MAX) + 1], INVOCATION_MS);
        assert_eq!((report.tally.parked, report.tally.delivered), (1, 1), "{report:?}");
        let parked = now(world.ports.store.parked(&world.flow.stream, None, 9)).unwrap();
        assert!(parked[0].reason.starts_with("gave up"), "{parked:?}");
    }
}
