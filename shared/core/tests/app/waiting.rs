//! One account of waiting: why a stream does not get on, since when and until when.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use futures_util::future::join;
use tidegate_core::{
    app::{End, FetchReport, FetchRun, fetch, process, set_paused, status},
    model::{
        Blame, Budget, DeliverState, EpochMs, FlowSettings, Later, Mark, Outcome, Position, Quota,
        Record, RecordId, Reset, ShownStall, StallOn, Version,
    },
    ports::{
        Around, Batch, BoxFuture, CursorStore, Delivery, Destination, Held, Outgoing, Source,
        SourceError, Walk,
    },
};
use tidegate_testkit::{Api, World, arrival, run, yield_once};

/// A source that gives what it is told to, and counts how often it is asked.
#[derive(Clone, Default)]
struct Told {
    answer: Arc<Mutex<Option<SourceError>>>,
    asked: Arc<AtomicU32>,
}

impl Source for Told {
    fn walk(&self, _: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(self.clone())
    }
}

impl Walk for Told {
    fn next(&mut self, _: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        self.asked.fetch_add(1, SeqCst);
        let answer = match self.answer.lock().unwrap().clone() {
            None => Ok(Batch { end: true, requests: 1, ..Batch::default() }),
            Some(error) => Err(error),
        };
        Box::pin(async { answer })
    }
}

/// One record, and then a failure.
#[derive(Default)]
struct FailsLater(bool);

impl Source for FailsLater {
    fn walk(&self, _: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(Self::default())
    }
}

impl Walk for FailsLater {
    fn next(&mut self, _: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        let gave = std::mem::replace(&mut self.0, true);
        let (id, data) = (RecordId::Number(7), r#"{"id":7}"#.into());
        let mark = Mark { at: None, id: id.clone() };
        let (version, deleted) = (Version(1), false);
        let record = Record { mark, step: None, id, version, deleted, data, refused: None };
        let records = vec![record];
        let failure = SourceError::Later { reason: "503".into(), after_ms: None };
        let first = Batch { records, requests: 1, ..Batch::default() };
        Box::pin(async move { if gave { Err(failure) } else { Ok(first) } })
    }
}

/// A source that has records that are too young until a moment.
struct Holds(EpochMs);

impl Source for Holds {
    fn walk(&self, _: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(Self(self.0))
    }
}

impl Walk for Holds {
    fn next(&mut self, _: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        let held = Some(Held { read_to_ms: self.0 - 86_400_000, until_ms: self.0 });
        Box::pin(async move { Ok(Batch { end: true, held, requests: 1, ..Batch::default() }) })
    }
}

/// A destination that others overtake while a request is in flight.
struct Overtaken(Api);

impl Around for Overtaken {
    fn inner(&self) -> &dyn Destination {
        &self.0
    }

    fn deliver_around<'a>(&'a self, records: &'a [Outgoing], ms: u64) -> BoxFuture<'a, Delivery> {
        Box::pin(async move {
            for _ in 0..10 {
                yield_once().await;
            }
            self.0.deliver(records, ms).await
        })
    }
}

impl Told {
    fn says(&self, answer: Option<SourceError>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asks_to_wait(&self, after_ms: Option<u64>) {
        self.says(Some(SourceError::Later { reason: "503".into(), after_ms }));
    }

    /// How often it was asked since the last look.
    fn asked(&self) -> u32 {
        self.asked.swap(0, SeqCst)
    }
}

fn world() -> (World, Told) {
    let source = Told::default();
    let mut world = World::new(FlowSettings::default());
    world.flow.source = Box::new(source.clone());
    (world, source)
}

fn fetched(world: &World) -> FetchReport {
    let run_once = FetchRun { deadline: world.deadline(), records_max: None, send_delay_ms: 0 };
    run(fetch(&world.ports, &world.flow, run_once)).expect("memory answers")
}

fn shown(world: &World) -> Vec<ShownStall> {
    let status = run(status(&world.ports, &world.flow.stream, &world.flow.settings));
    status.expect("memory answers").expect("it was fetched").waiting
}

#[test]
fn a_source_that_asks_for_time_is_asked_then_and_not_before_over_runs_too() {
    let (world, source) = world();
    source.asks_to_wait(Some(90_000));
    let first = fetched(&world);
    assert_eq!(source.asked(), 1);
    let stall = first.stall.expect("it waits");
    let until_ms = World::START_MS + 90_000;
    assert_eq!((stall.on, stall.until_ms), (StallOn::Source, Some(until_ms)));

    for _ in 0..8 {
        world.ports.clock.advance(11_000);
        let again = fetched(&world);
        assert!(matches!(again.end, End::SourceLater(_)), "{again:?}");
        assert_eq!((again.stall.expect("still").until_ms, source.asked()), (Some(until_ms), 0));
        let shown = shown(&world);
        assert_eq!(
            (shown[0].on, shown[0].since.as_str()),
            (StallOn::Source, "2026-11-27T08:00:00Z")
        );
        assert_eq!(shown[0].until.as_deref(), Some("2026-11-27T08:01:30Z"));
    }
    world.ports.clock.advance_to(until_ms);
    source.says(None);
    assert_eq!((fetched(&world).end, source.asked()), (End::Source, 1));
    assert_eq!(shown(&world), []);
}

#[test]
fn a_source_that_fails_for_hours_is_failing_since_its_first_failure() {
    let (world, source) = world();
    source.asks_to_wait(None);
    for _ in 0..30 {
        fetched(&world);
        world.ports.clock.advance(300_000);
    }
    let shown = shown(&world);
    assert_eq!((shown[0].since.as_str(), shown[0].tries), ("2026-11-27T08:00:00Z", 30));
    assert_eq!(source.asked(), 30, "no schedule is held up by our own patience");
}

#[test]
fn a_halt_waits_for_an_operator_and_the_account_ends_when_it_is_mended() {
    let (world, source) = world();
    source.says(Some(SourceError::Halt("404: no such list".into())));
    fetched(&world);
    world.ports.clock.advance(60_000);
    fetched(&world);
    assert_eq!(source.asked(), 2);
    let halt = &shown(&world)[0];
    assert_eq!(
        (halt.on, halt.since.as_str(), &halt.until),
        (StallOn::Halt, "2026-11-27T08:00:00Z", &None)
    );
    assert!(halt.reason.contains("no such list"), "{halt:?}");
    source.says(None);
    fetched(&world);
    assert_eq!(shown(&world), []);
}

#[test]
fn a_pause_and_a_lease_say_since_and_until_when() {
    let (world, source) = world();
    fetched(&world);
    world.ports.clock.advance(1_000);
    run(set_paused(&world.ports, &world.flow.stream, true)).expect("memory answers");
    world.ports.clock.advance(60_000);
    let paused = fetched(&world);
    assert_eq!((paused.end.clone(), source.asked()), (End::Paused, 1));
    let stall = paused.stall.expect("it waits");
    assert_eq!((stall.since_ms, stall.until_ms), (World::START_MS + 1_000, None));
    assert_eq!(shown(&world)[0].on, StallOn::Pause);
    run(set_paused(&world.ports, &world.flow.stream, false)).expect("memory answers");

    let lease_ms = world.now_ms() + 40_000;
    run(world.ports.store.acquire(&world.flow.stream, "another", world.now_ms(), lease_ms))
        .expect("memory answers");
    let held = fetched(&world).stall.expect("it waits");
    assert_eq!((held.on, held.until_ms), (StallOn::Lease, Some(lease_ms)));
}

#[test]
fn what_the_source_had_is_settled_once_its_pages_are() {
    let (world, _) = world();
    assert_eq!(fetched(&world).settled_until_ms, Some(World::START_MS));
    let page = world.page([1]);
    world.ports.clock.advance(60_000);
    let behind = fetched(&world);
    assert_eq!(behind.settled_until_ms, Some(World::START_MS), "a page is open: {behind:?}");
    world.process(vec![arrival(page.clone(), 1)]);
    world.ports.clock.advance(60_000);
    assert_eq!(fetched(&world).settled_until_ms, Some(World::START_MS + 120_000));
}

#[test]
fn an_outage_is_told_with_its_reason_and_its_next_probe_until_something_gets_through() {
    let world = World::new(FlowSettings::default());
    let down = |_| {
        Outcome::Later(Later {
            blame: Blame::Destination,
            after_ms: Some(600_000),
            unknown: false,
            reason: "503: maintenance".into(),
        })
    };
    world.api.answers(down);
    let page = world.page([1, 2]);
    let report = world.process(vec![arrival(page.clone(), 1)]);
    let stall = report.stall.expect("it waits");
    assert_eq!((stall.on, stall.until_ms), (StallOn::Destination, Some(World::START_MS + 600_000)));
    let outage = &shown(&world)[0];
    assert_eq!((outage.on, &*outage.reason), (StallOn::Destination, "503: maintenance"));
    assert_eq!(outage.until.as_deref(), Some("2026-11-27T08:10:00Z"));

    world.ports.clock.advance(601_000);
    world.api.answers(|_| Outcome::Delivered);
    assert_eq!(world.process(vec![arrival(page.clone(), 2)]).stall, None);
    assert_eq!(shown(&world), []);
    let kept = run(world.ports.store.cursor(&world.flow.stream)).unwrap().unwrap().delivering;
    assert_eq!((kept.stall, kept.ended_ms), (None, World::START_MS + 601_000));
}

#[test]
fn a_quota_that_is_used_up_says_until_when() {
    let quota = Quota { count: 1, reset: Reset::Sliding { window_ms: 3_600_000 } };
    let world = World::new(FlowSettings { quotas: vec![quota], ..FlowSettings::default() });
    let page = world.page([1, 2]);
    world.process(vec![arrival(page.clone(), 1)]);
    let quota = &shown(&world)[0];
    assert_eq!((quota.on, &*quota.reason), (StallOn::Quota, "a quota is used up"));
    assert_eq!(quota.until.as_deref(), Some("2026-11-27T09:02:30Z"));
}

#[test]
fn repro_a_quota_is_noted_though_another_invocation_noted_something_meanwhile() {
    let quota = Quota { count: 1, reset: Reset::Sliding { window_ms: 3_600_000 } };
    let mut world = World::new(FlowSettings { quotas: vec![quota], ..FlowSettings::default() });
    let page = world.page([1, 2]);
    world.flow.destination = Box::new(Overtaken(world.api.clone()));
    let (store, stream) = (&world.ports.store, &world.flow.stream);
    let processed = process(&world.ports, &world.flow, vec![arrival(page, 1)], world.deadline(), 1);
    let another = async {
        // While a request is in flight, another one sees the wait of the day before end.
        let kept = store.cursor(stream).await.unwrap().unwrap().delivering;
        let noted = DeliverState { ended_ms: 1, revision: kept.revision + 1, ..kept };
        assert!(store.note_delivering(stream, &noted).await.unwrap());
    };
    run(join(processed, another)).0.expect("memory answers");
    assert_eq!(shown(&world)[0].on, StallOn::Quota);
}

#[test]
fn repro_what_was_left_of_a_quota_does_not_end_the_wait_for_it() {
    let quota = Quota { count: 2, reset: Reset::Sliding { window_ms: 3_600_000 } };
    let world = World::new(FlowSettings { quotas: vec![quota], ..FlowSettings::default() });
    let (first, second) = (world.page([1, 2, 3]), world.page([4]));
    world.process(vec![arrival(first, 1)]);
    assert_eq!(shown(&world)[0].on, StallOn::Quota);
    // An invocation gives back what it had taken of it, and the next one needs no more than that.
    world.change_budget(|budget| *budget = Budget::default());
    world.process(vec![arrival(second, 1)]);
    assert_eq!(shown(&world)[0].on, StallOn::Quota);
}

#[test]
fn repro_a_run_that_never_asked_the_source_does_not_say_that_it_is_well_again() {
    let (mut world, source) = world();
    world.flow.settings.window_pages_max = 1;
    source.asks_to_wait(None);
    fetched(&world);
    let (since, tries) = (shown(&world)[0].since.clone(), shown(&world)[0].tries);
    // One page is open, and the window is full: nothing is asked of the source.
    let page = world.page([1]);
    world.ports.clock.advance(120_000);
    assert_eq!((fetched(&world).end, source.asked()), (End::Window, 1));
    let still = shown(&world);
    assert_eq!((still[0].on, &still[0].since, still[0].tries), (StallOn::Source, &since, tries));
    source.says(None);
    world.process(vec![arrival(page, 1)]);
    assert_eq!((fetched(&world).end, source.asked()), (End::Source, 1));
    assert_eq!(shown(&world), []);
}

#[test]
fn repro_a_failure_after_something_was_read_is_a_new_one() {
    let (mut world, source) = world();
    source.asks_to_wait(None);
    fetched(&world);
    world.ports.clock.advance(300_000);
    world.flow.source = Box::new(FailsLater::default());
    let report = fetched(&world);
    assert_eq!((report.records, report.stall.as_ref().map(|stall| stall.tries)), (1, Some(1)));
    assert_eq!(report.stall.map(|stall| stall.since_ms), Some(World::START_MS + 300_000));
}

#[test]
fn records_that_are_held_back_are_told_with_the_moment_when_they_are_read() {
    let (mut world, _) = world();
    let until_ms = World::START_MS + 57_600_000;
    world.flow.source = Box::new(Holds(until_ms));
    fetched(&world);
    world.ports.clock.advance(600_000);
    let report = fetched(&world);
    assert_eq!((report.held_until_ms, report.end), (Some(until_ms), End::Source));
    let held = &shown(&world)[0];
    assert_eq!((held.on, held.since.as_str()), (StallOn::SettleLag, "2026-11-27T08:00:00Z"));
    assert_eq!(held.until.as_deref(), Some("2026-11-28T00:00:00Z"));
    world.flow.source = Box::new(Told::default());
    fetched(&world);
    assert_eq!(shown(&world), []);
}

#[test]
fn repro_an_outage_that_let_something_through_began_after_that() {
    let world = World::new(FlowSettings::default());
    let down = |id| match id {
        1 => Outcome::Delivered,
        _ => Outcome::Later(Later {
            blame: Blame::Destination,
            after_ms: Some(60_000),
            unknown: false,
            reason: "503".into(),
        }),
    };
    let since = |world: &World| shown(world)[0].since.clone();
    let (first, second) = (world.page([2]), world.page([1, 2]));
    world.api.answers(down);
    world.process(vec![arrival(first, 1)]);
    assert_eq!(since(&world), "2026-11-27T08:00:00Z");
    world.ports.clock.advance(61_000);
    world.process(vec![arrival(second.clone(), 1)]);
    assert_eq!(since(&world), "2026-11-27T08:01:01Z");
}

#[test]
fn an_open_page_that_no_processor_takes_is_in_the_report_of_a_run() {
    let (world, _) = world();
    world.page([1]);
    world.ports.clock.advance(301_000);
    let waits = fetched(&world).delivering.expect("it waits");
    assert_eq!((waits.on, waits.since_ms), (StallOn::Processors, World::START_MS));
    assert_eq!(shown(&world)[0].on, StallOn::Processors);
}

#[test]
fn repro_a_replay_says_what_it_waits_for() {
    let world = World::new(FlowSettings::default());
    world.api.answers(|_| {
        Outcome::Later(Later {
            blame: Blame::Destination,
            after_ms: Some(600_000),
            unknown: false,
            reason: "503: maintenance".into(),
        })
    });
    world.page([1]);
    let stall = world.replay([2]).stall.expect("it waits");
    assert_eq!((stall.on, &*stall.reason), (StallOn::Destination, "503: maintenance"));
    assert_eq!(shown(&world)[0].until.as_deref(), Some("2026-11-27T08:10:00Z"));
}
