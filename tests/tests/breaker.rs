//! The circuit breaker, as running invocations and replays mind it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use tidegate_core::{
    app::{Arrival, Flow, Ports, ProcessReport, process, process_replay},
    decide::{ALL, Deadline},
    memory::{ManualClock, Memory, MemoryQueue, MemoryStore, QueueSettings, Seeded},
    model::{
        AdaptiveLimit, Blame, Budget, Circuit, Emission, EpochMs, FlowSettings, Later, Ordering,
        Outcome, PageMessage, Parked, Position, RecordId, ReplayMessage, Stored, StreamId, Version,
        WireRecord,
    },
    ports::{
        Batching, BoxFuture, Clock, CursorStore, Delivery, Destination, KeyValueStore, NewPage,
        Outgoing, ParkedStore, Receipt, Source, Transform, Transformed, Walk,
    },
};

const START_MS: EpochMs = 1_795_766_400_000;

/// What the destination answers for the record of this id.
type Answer = dyn Fn(i64) -> Outcome + Send + Sync;

struct World {
    ports: Ports<Memory>,
    flow: Flow,
    requests: Arc<AtomicU64>,
    answer: Arc<Mutex<Arc<Answer>>>,
    pages: u64,
}

/// Takes 100 ms a request.
struct Api {
    clock: ManualClock,
    requests: Arc<AtomicU64>,
    answer: Arc<Mutex<Arc<Answer>>>,
}

impl Destination for Api {
    fn batching(&self) -> Batching {
        Batching::ONE
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], _: u64) -> BoxFuture<'a, Delivery> {
        self.requests.fetch_add(1, SeqCst);
        self.clock.advance(100);
        let answer = self.answer.lock().unwrap().clone();
        let RecordId::Number(id) = records[0].id else { panic!("{records:?}") };
        Box::pin(async move {
            tokio::task::yield_now().await;
            vec![answer(id)].into()
        })
    }
}

struct Nothing;

impl Source for Nothing {
    fn walk(&self, _: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        unreachable!("nothing is fetched here")
    }
}

impl Transform for Nothing {
    fn apply(&self, record: &[u8], _: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        out.extend_from_slice(record);
        Transformed::Written
    }
}

fn stream() -> StreamId {
    StreamId::new("orders", "shop").unwrap()
}

fn later(blame: Blame, after_ms: Option<u64>) -> Outcome {
    Outcome::Later(Later { blame, after_ms, unknown: false, reason: "not now".into() })
}

fn record(id: i64) -> WireRecord {
    let id = RecordId::Number(id);
    WireRecord { id, version: Version(1), deleted: false, data: "{}".into() }
}

impl World {
    fn new(settings: FlowSettings) -> Self {
        let clock = ManualClock::at(START_MS);
        let (requests, answer) = (Arc::new(AtomicU64::new(0)), Arc::new(|_| Outcome::Delivered));
        let answer: Arc<Mutex<Arc<Answer>>> = Arc::new(Mutex::new(answer));
        let queue = QueueSettings {
            visibility_ms: 540_000,
            receives_max: 1_000,
            retention_ms: 4 * 86_400_000,
        };
        let destination =
            Api { clock: clock.clone(), requests: requests.clone(), answer: answer.clone() };
        let flow = Flow {
            stream: stream(),
            settings: FlowSettings { ordering: Ordering::None, ..settings },
            source: Box::new(Nothing),
            lookup: None,
            transform: Box::new(Nothing),
            destination: Box::new(destination),
        };
        let ports = Ports {
            store: MemoryStore::new(),
            queue: MemoryQueue::new(clock.clone(), queue),
            clock,
            entropy: Seeded::new(1),
        };
        Self { ports, flow, requests, answer, pages: 0 }
    }

    fn answers(&self, answer: impl Fn(i64) -> Outcome + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(answer);
        self.requests.store(0, SeqCst);
    }

    fn requests(&self) -> u64 {
        self.requests.load(SeqCst)
    }

    fn now_ms(&self) -> EpochMs {
        self.ports.clock.now_ms()
    }

    fn deadline(&self) -> Deadline {
        Deadline::new(self.now_ms(), self.now_ms() + 300_000)
    }

    /// An invocation with a page of so many records.
    async fn process(&mut self, records: i64) -> ProcessReport {
        let arrivals = vec![self.arrival(records).await];
        process(&self.ports, &self.flow, arrivals, self.deadline(), 1).await.unwrap()
    }

    /// A page of so many records, just sealed.
    async fn arrival(&mut self, records: i64) -> Arrival {
        let store = &self.ports.store;
        let owner = format!("fetcher-{}", self.pages);
        let now_ms = self.now_ms();
        store.acquire(&stream(), &owner, now_ms, now_ms + 1).await.unwrap();
        let cursor = store.cursor(&stream()).await.unwrap().unwrap();
        store.release(&stream(), &owner).await.unwrap();
        let emission = Emission(format!("e{}", cursor.next).into());
        let page = NewPage {
            number: cursor.next,
            emission: emission.clone(),
            from: cursor.head.clone(),
            to: cursor.head.clone(),
            count: records.try_into().unwrap(),
        };
        store.seal(&stream(), cursor.fence, std::slice::from_ref(&page), now_ms).await.unwrap();
        self.pages += 1;
        let message = PageMessage {
            stream: stream(),
            number: page.number,
            emission,
            fence: cursor.fence,
            from: page.from,
            to: page.to,
            records: (1..=records).map(record).collect(),
        };
        Arrival { receipt: Receipt("r".into()), receives: 1, page: message }
    }

    /// A replay of so many records that are parked.
    async fn replay(&self, records: i64) -> ProcessReport {
        let parked: Vec<Parked> = (1..=records)
            .map(|id| Parked::new(&stream(), 1, &record(id), None, "no shop".into(), START_MS))
            .collect();
        self.ports.store.park(&parked).await.unwrap();
        let keys = parked.iter().map(|parked| parked.key.clone()).collect();
        let message = ReplayMessage { stream: stream(), keys };
        let (receipt, deadline) = (Receipt("r".into()), self.deadline());
        process_replay(&self.ports, &self.flow, receipt, message, deadline, 1).await.unwrap()
    }

    async fn kept(&self) -> Option<Stored> {
        let key = self.flow.settings.budget_of(&stream()).key();
        self.ports.store.get(&[key]).await.unwrap().pop().flatten()
    }

    async fn budget(&self) -> Budget {
        Budget::read(self.kept().await.as_ref())
    }

    /// As another invocation changes the budget.
    async fn change(&self, act: impl FnOnce(&mut Budget)) {
        let (key, seen) = (self.flow.settings.budget_of(&stream()).key(), self.kept().await);
        let mut budget = Budget::read(seen.as_ref());
        act(&mut budget);
        budget.by = format!("other.{}", self.now_ms()).into();
        let new = budget.to_stored(self.now_ms());
        self.ports.store.compare_and_swap(&key, seen.as_ref(), &new).await.unwrap();
    }
}

/// Whoever leased nothing went on for the rest of its invocation, until it met the limit itself.
#[tokio::test]
async fn repro_an_invocation_on_its_way_minds_a_gate_that_another_shut() {
    for budget in [None, Some("crm".into())] {
        let settings = FlowSettings { concurrency_max: 1, budget, ..FlowSettings::default() };
        let mut world = World::new(settings);
        let arrivals = vec![world.arrival(100).await];
        let until_ms = world.now_ms() + 120_000;
        let other = async {
            world.ports.clock.sleep_until(START_MS + 2_000).await;
            world.change(|budget| budget.open(ALL, until_ms, 0)).await;
        };
        let (ports, flow) = (&world.ports, &world.flow);
        let (report, ()) = tokio::join!(process(ports, flow, arrivals, world.deadline(), 1), other);
        assert_eq!(report.unwrap().tally.throttled, 0);
        let requests = world.requests();
        // It looks every second, which is ten requests.
        assert!((20..=32).contains(&requests), "{requests}");
    }
}

#[tokio::test]
async fn repro_a_replay_waits_for_a_shut_gate() {
    let world = World::new(FlowSettings::default());
    let until_ms = world.now_ms() + 90_000;
    world.change(|budget| budget.open(ALL, until_ms, 3)).await;
    let report = world.replay(50).await;
    assert_eq!(world.requests(), 0);
    // A little after the circuit's time, as pages are.
    assert!(matches!(
        report.dispositions[..],
        [(_, tidegate_core::app::Disposition::GiveBack { delay_ms: 90_000..91_000 })]
    ));
    // Then it probes, and opens the gate for all.
    world.ports.clock.advance(90_000);
    let report = world.replay(50).await;
    assert_eq!((report.tally.delivered, world.requests()), (50, 50));
    assert_eq!(world.budget().await.circuit, Circuit::default());
}

#[tokio::test]
async fn repro_what_a_replay_learns_of_the_destination_all_go_by() {
    for (blame, after_ms) in [
        (Blame::Destination, None),
        (Blame::Destination, Some(45_000)),
        (Blame::Limit, Some(45_000)),
        (Blame::Quota, Some(7_200_000)),
    ] {
        let mut world = World::new(FlowSettings::default());
        world.answers(move |_| later(blame, after_ms));
        let report = world.replay(50).await;
        assert_eq!(world.requests(), 1, "{blame:?}");
        assert_eq!(report.tally.delivered, 0);
        let shut_ms = world.budget().await.circuit.open_until_ms - world.now_ms();
        assert_eq!(shut_ms, after_ms.map_or(1_000, |ms| EpochMs::try_from(ms).unwrap()));
        world.answers(|_| Outcome::Delivered);
        world.process(10).await;
        assert_eq!(world.requests(), 0, "{blame:?}");
    }
}

/// It was asked every second, for ever, by all at once.
#[tokio::test]
async fn repro_a_limit_that_does_not_say_when_is_asked_less_and_less_often() {
    let mut world = World::new(FlowSettings::default());
    world.answers(|_| later(Blame::Limit, None));
    let mut waits = Vec::new();
    for _ in 0..7 {
        let before = world.requests();
        world.process(20).await;
        // The first time all that were started meet it; from then on it is one.
        assert!(waits.is_empty() || world.requests() == before + 1);
        let circuit = world.budget().await.circuit;
        waits.push(circuit.open_until_ms - world.now_ms());
        world.ports.clock.advance_to(circuit.open_until_ms);
    }
    let waits: Vec<EpochMs> = waits.iter().map(|ms| (ms + 500) / 1_000).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    // When it takes something again, all may.
    world.answers(|_| Outcome::Delivered);
    let report = world.process(20).await;
    assert_eq!((report.tally.delivered, report.tally.throttled), (20, 0));
}

/// Each failed probe counted as an invocation that had ended well.
#[tokio::test]
async fn repro_failed_probes_bring_no_slots_back() {
    let mut world = World::new(FlowSettings { concurrency_max: 16, ..FlowSettings::default() });
    let bears = AdaptiveLimit { slots: 1, since_ms: world.now_ms() - 60_000 };
    world.change(|budget| budget.adaptive = Some(bears)).await;
    world.answers(|_| later(Blame::Destination, None));
    for _ in 0..5 {
        world.process(20).await;
        let circuit = world.budget().await.circuit;
        world.ports.clock.advance_to(circuit.open_until_ms);
    }
    assert_eq!(world.budget().await.adaptive.map(|bears| bears.slots), Some(1));
    world.answers(|_| Outcome::Delivered);
    world.process(20).await;
    assert_eq!(world.budget().await.adaptive.map(|bears| bears.slots), Some(2));
}

/// An invocation that leased all it wanted to send kept all slots until its end.
#[tokio::test]
async fn repro_where_no_rate_is_kept_a_lease_is_for_a_second() {
    let settings =
        FlowSettings { concurrency_max: 4, budget: Some("crm".into()), ..FlowSettings::default() };
    let mut world = World::new(settings);
    world.process(200).await;
    let budget = world.budget().await;
    // Its changes are numbered: the last is the release.
    let leases: u64 = budget.by.rsplit('.').next().unwrap().parse().unwrap();
    // All of it takes twenty seconds by this clock.
    assert!((15..=25).contains(&leases), "{leases}");
    assert!(budget.holders.is_empty(), "{budget:?}");
}

/// One tenant's revoked key shut the gate of all who shared the budget, and each probe that it won kept
/// it shut.
#[tokio::test]
async fn repro_refused_credentials_shut_the_gate_of_their_own_stream() {
    let settings = FlowSettings { budget: Some("crm".into()), ..FlowSettings::default() };
    let mut world = World::new(settings);
    world.answers(|_| later(Blame::Connection, None));
    world.process(20).await;
    let budget = world.budget().await;
    assert_eq!(budget.circuit, Circuit::default());
    assert_eq!(budget.circuit_of("orders/shop").failures, 1);
    assert_eq!(budget.blocked_until_ms("orders/other", world.now_ms()), None);

    // Its own processors wait for it, and probe it.
    let requests = world.requests();
    world.process(20).await;
    assert_eq!(world.requests(), requests);
    world.ports.clock.advance(2_000);
    world.process(20).await;
    assert_eq!(world.requests(), requests + 1);
    assert_eq!(world.budget().await.circuit_of("orders/shop").failures, 2);

    // Who probes everybody's gate and is refused knows at least that the destination is there.
    world.ports.clock.advance(60_000);
    world.change(|budget| budget.refused.clear()).await;
    let now_ms = world.now_ms();
    world.change(|budget| budget.open(ALL, now_ms - 1, 5)).await;
    world.process(20).await;
    let budget = world.budget().await;
    assert_eq!(
        (budget.circuit, budget.circuit_of("orders/shop").failures),
        (Circuit::default(), 1)
    );

    // The key is there again.
    world.ports.clock.advance(2_000);
    world.answers(|_| Outcome::Delivered);
    assert_eq!(world.process(20).await.tally.delivered, 20);
    assert!(world.budget().await.refused.is_empty());
}

/// Nothing was counted once the gate was shut, and they shut it each time: they were never given up, and
/// nothing after them was committed.
#[tokio::test]
async fn repro_records_that_only_ever_fail_are_given_up_however_many_they_are_on_a_page() {
    let mut settings = FlowSettings { concurrency_max: 1, ..FlowSettings::default() };
    settings.retry.attempts_max = 3;
    let mut world = World::new(settings);
    world.answers(|id| if id <= 8 { later(Blame::Request, None) } else { Outcome::Delivered });
    let poisoned = world.arrival(8).await;
    for receives in 1..30 {
        let others = Arrival { receipt: Receipt("o".into()), ..world.arrival(20).await };
        let others = PageMessage { records: (101..=120).map(record).collect(), ..others.page };
        let others = Arrival { receipt: Receipt("o".into()), receives: 1, page: others };
        let arrivals = vec![Arrival { receives, ..poisoned.clone() }, others];
        let (ports, flow) = (&world.ports, &world.flow);
        process(ports, flow, arrivals, world.deadline(), 1).await.unwrap();
        world.ports.clock.advance(60_000);
    }
    let parked = world.ports.store.parked(&stream(), None, 100).await.unwrap();
    assert_eq!(parked.len(), 8);
}

/// The gate was shut for as long as the lock of another version lasted.
#[tokio::test]
async fn repro_what_waits_for_another_version_does_not_say_how_long_the_gate_is_shut() {
    let mut world = World::new(FlowSettings { concurrency_max: 2, ..FlowSettings::default() });
    world.answers(|id| match id {
        1 => later(Blame::NotAttempted, Some(90_000)),
        _ => later(Blame::Destination, None),
    });
    world.process(2).await;
    let circuit = world.budget().await.circuit;
    assert!((1..=1_000).contains(&(circuit.open_until_ms - world.now_ms())), "{circuit:?}");
}

/// Its first record failed, and everybody's gate was shut for it.
#[tokio::test]
async fn repro_a_failure_in_the_probe_of_a_streams_own_gate_is_its_own() {
    let settings = FlowSettings { budget: Some("crm".into()), ..FlowSettings::default() };
    let mut world = World::new(settings);
    let now_ms = world.now_ms();
    world.change(|budget| budget.open("orders/shop", now_ms - 1, 2)).await;
    world.answers(|_| later(Blame::Request, None));
    world.process(20).await;
    let budget = world.budget().await;
    assert_eq!((world.requests(), budget.circuit), (1, Circuit::default()));
    assert_eq!(budget.circuit_of("orders/shop").failures, 3);
}
