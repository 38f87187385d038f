//! A whole delivery: pages that are sealed by hand, invocations side by side that crash and are cut off, a
//! queue that brings messages back, and a clock that moves as soon as nothing waits for the server.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::Poll,
};

use tidegate_connectors::{Connected, HttpClient, Options, connect};
use tidegate_core::{
    app::{Arrival, Disposition, Flow, Ports, ProcessReport, process, process_replay},
    decide::Deadline,
    model::{
        Cursor, Emission, FlowSettings, PageMessage, Parked, RecordKey, ReplayMessage, StreamId,
        WireRecord,
    },
    ports::{
        Clock, CursorStore, Destination, NewPage, ParkedStore, Receipt, Transform, Transformed,
        Unavailable,
    },
};
use tidegate_flow::FlowSpec;
use tidegate_testkit::{Memory, MemoryStore, NoSource, Outbox, Seeded};

use super::{
    habits::{Habits, Order},
    records::Record,
    watched::{Shared, Watched},
};
use crate::flow::connection;

/// So often invocations may send something before a case counts as endless.
const ROUNDS_MAX: u64 = 300;
/// So often in a row they may send nothing: what a processor that crashed has leased is waited for.
const IDLE_MAX: u64 = 1_500;
/// A message comes back so long after the end of an invocation that crashed.
const VISIBLE_AFTER_MS: i64 = 5_000;
/// So often futures are polled that wait for the clock alone, before it moves.
const POLLS: u32 = 4;

/// A message in the queue.
struct Message {
    page: PageMessage,
    receives: u32,
    visible_ms: i64,
}

/// How a case ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Settled,
    /// Nothing more is sent before an operator acts.
    Halted(String),
    Endless,
}

/// A stream and its queue.
pub struct Delivering {
    habits: Habits,
    ports: Ports<Memory>,
    stream: StreamId,
    spec: FlowSpec,
    http: HttpClient,
    shared: Arc<Shared>,
    /// The memory of each processor: what it has connected.
    connected: Vec<Option<Arc<Process>>>,
    queue: Vec<Message>,
    to_seal: Vec<Vec<WireRecord>>,
    sealed: u64,
    pub rounds: u64,
}

/// What is in a processor's memory.
struct Process {
    transform: Arc<dyn Transform>,
    destination: Arc<dyn Destination>,
    settings: FlowSettings,
}

/// The transform in a processor's memory.
struct Kept(Arc<Process>);

impl Transform for Kept {
    fn apply(&self, record: &[u8], found: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        self.0.transform.apply(record, found, out)
    }

    fn admits(&self, record: &[u8]) -> Transformed {
        self.0.transform.admits(record)
    }
}

type Invoked<'a> = Pin<Box<dyn Future<Output = Result<ProcessReport, Unavailable>> + Send + 'a>>;

impl Delivering {
    pub fn new(
        habits: &Habits,
        spec: FlowSpec,
        http: HttpClient,
        shared: Arc<Shared>,
        pages: &[Vec<Record>],
    ) -> Self {
        let clock = shared.clock.clone();
        let (store, entropy) = (MemoryStore::new(), Seeded::new(1));
        let mut to_seal: Vec<Vec<WireRecord>> =
            pages.iter().map(|page| page.iter().map(Record::wire).collect()).collect();
        to_seal.reverse();
        Self {
            habits: habits.clone(),
            ports: Ports { store, queue: Outbox, clock, entropy },
            stream: StreamId::new("orders", "c").unwrap(),
            spec,
            http,
            shared,
            connected: vec![None; habits.processors],
            queue: Vec::new(),
            to_seal,
            sealed: 0,
            rounds: 0,
        }
    }

    pub fn now_ms(&self) -> i64 {
        self.ports.clock.now_ms()
    }

    fn connect(&self) -> Connected {
        let clock = self.ports.clock.clone();
        let options = Options {
            now: Arc::new(move || clock.now_ms()),
            ..Options::new(
                self.http.clone(),
                Arc::new(MemoryStore::new()),
                Arc::new(Seeded::new(2)),
            )
        };
        connect(&self.spec, &connection(), &options).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The flow as a processor has it, with what it keeps in memory, and whether it has crashed.
    fn processor(&mut self, at: usize) -> (Flow, Arc<AtomicBool>) {
        if self.connected[at].is_none() {
            let Connected { transform, destination, settings, .. } = self.connect();
            let (transform, destination) = (transform.into(), destination.into());
            self.connected[at] = Some(Arc::new(Process { transform, destination, settings }));
        }
        let process = self.connected[at].clone().expect("it is connected");
        let crashed = Arc::new(AtomicBool::new(false));
        let watched = Watched {
            inner: process.destination.clone(),
            shared: self.shared.clone(),
            crashed: crashed.clone(),
        };
        let flow = Flow {
            stream: self.stream.clone(),
            settings: process.settings.clone(),
            source: Box::new(NoSource),
            lookup: None,
            transform: Box::new(Kept(process)),
            destination: Box::new(watched),
        };
        (flow, crashed)
    }

    pub async fn cursor(&self) -> Cursor {
        self.ports.store.cursor(&self.stream).await.unwrap().unwrap_or_default()
    }

    pub async fn parked(&self) -> Vec<Parked> {
        self.ports.store.parked(&self.stream, None, 1_000).await.unwrap()
    }

    /// Seals pages as a fetcher would: in a serial stream one after the other.
    async fn seal(&mut self) {
        while let Some(records) = self.to_seal.pop() {
            let cursor = self.cursor().await;
            if self.habits.order == Order::Serial && cursor.pages_open() > 0 {
                self.to_seal.push(records);
                return;
            }
            let now_ms = self.now_ms();
            let (store, stream) = (&self.ports.store, &self.stream);
            let owner = format!("fetcher of {}", cursor.next);
            store.acquire(stream, &owner, now_ms, now_ms + 1).await.unwrap();
            store.release(stream, &owner, &cursor.fetching).await.unwrap();
            let cursor = store.cursor(stream).await.unwrap().expect("it is leased");
            let page = NewPage {
                number: cursor.next,
                emission: Emission(format!("e{}", cursor.next).into()),
                from: cursor.head.clone(),
                to: cursor.head,
                count: records.len().try_into().unwrap(),
            };
            let sealed = std::slice::from_ref(&page);
            store.seal(stream, cursor.fence, sealed, now_ms).await.unwrap();
            let NewPage { number, emission, from, to, .. } = page;
            let (stream, fence) = (stream.clone(), cursor.fence);
            let page = PageMessage { stream, number, emission, fence, from, to, records };
            let copies = 1 + usize::from(self.habits.repeats_messages);
            for _ in 0..copies {
                self.queue.push(Message { page: page.clone(), receives: 0, visible_ms: now_ms });
            }
            self.sealed += 1;
        }
    }

    /// Processes pages until all are settled, or nothing more is sent.
    pub async fn run(&mut self) -> End {
        let mut idle = 0;
        loop {
            self.seal().await;
            if self.queue.is_empty() && self.to_seal.is_empty() {
                return End::Settled;
            }
            idle += 1;
            if self.rounds > ROUNDS_MAX || idle > IDLE_MAX {
                return End::Endless;
            }
            let before = self.shared.requests.load(Relaxed);
            let next_ms = self.queue.iter().map(|message| message.visible_ms).min().unwrap();
            self.ports.clock.advance_to(next_ms);
            self.round().await;
            if self.shared.requests.load(Relaxed) > before {
                (self.rounds, idle) = (self.rounds + 1, 0);
            }
            let delivering = self.cursor().await.delivering;
            if delivering.stopped {
                return End::Halted(
                    delivering.stall.map_or_else(String::new, |it| it.reason.into()),
                );
            }
            if !self.shared.server.now().violations.is_empty() {
                return End::Settled;
            }
        }
    }

    /// Each processor takes some of the messages that are there, and all go on side by side.
    async fn round(&mut self) {
        let began_ms = self.now_ms();
        let deadline = Deadline::new(began_ms, began_ms + self.habits.invocation_ms);
        let mut taken: Vec<Vec<Message>> = Vec::new();
        for _ in 0..self.habits.processors {
            let most = 1 + self.shared.below(3);
            let mut group: Vec<Message> = Vec::new();
            for _ in 0..most {
                let is_next = |message: &Message| {
                    message.visible_ms <= began_ms
                        && group.iter().all(|other| other.page.number != message.page.number)
                };
                let Some(at) = self.queue.iter().position(is_next) else { break };
                let mut message = self.queue.remove(at);
                message.receives += 1;
                group.push(message);
            }
            if !group.is_empty() {
                taken.push(group);
            }
        }
        let flows: Vec<(Flow, Arc<AtomicBool>)> =
            (0..taken.len()).map(|at| self.processor(at)).collect();
        let arrivals = |(at, group): (usize, &Vec<Message>)| -> Vec<Arrival> {
            let arrival = |(nth, message): (usize, &Message)| Arrival {
                receipt: Receipt(format!("{at}.{nth}").into()),
                receives: message.receives,
                page: message.page.clone(),
            };
            group.iter().enumerate().map(arrival).collect()
        };
        let count = u32::try_from(self.habits.processors).unwrap();
        let invoked = taken.iter().enumerate().map(|it| {
            let (flow, crashed) = &flows[it.0];
            let invoked: Invoked<'_> =
                Box::pin(process(&self.ports, flow, arrivals(it), deadline, count));
            (invoked, crashed.clone())
        });
        let reports = self.drive(invoked.collect()).await;
        for (at, (group, report)) in taken.into_iter().zip(reports).enumerate() {
            match report {
                None => {
                    self.connected[at] = None;
                    self.shared.server.now().unclear_since(began_ms);
                    self.shared.server.now().note("a processor crashed");
                    for mut message in group {
                        message.visible_ms = deadline.at_ms + VISIBLE_AFTER_MS;
                        self.queue.push(message);
                    }
                }
                Some(report) => self.take_back(at, group, &report),
            }
        }
    }

    fn take_back(&mut self, at: usize, group: Vec<Message>, report: &ProcessReport) {
        self.note(report);
        for (nth, mut message) in group.into_iter().enumerate() {
            let receipt = Receipt(format!("{at}.{nth}").into());
            let disposition = report.dispositions.iter().find(|(of, _)| *of == receipt);
            match disposition.map(|(_, disposition)| disposition) {
                Some(Disposition::Acknowledge) => {}
                Some(Disposition::GiveBack { delay_ms }) => {
                    let delay_ms = i64::try_from(*delay_ms).unwrap();
                    message.visible_ms = report.ended_ms + delay_ms.max(1);
                    self.queue.push(message);
                }
                None => self.shared.server.now().accuse("a message without a disposition"),
            }
        }
    }

    fn note(&self, report: &ProcessReport) {
        let stall = report.stall.as_ref().map(|stall| format!("{}: {}", stall.on, stall.reason));
        let dispositions: Vec<_> = report.dispositions.iter().map(|(_, it)| it).collect();
        self.shared
            .server
            .now()
            .note(format_args!("  an invocation ended: {dispositions:?} {stall:?}"));
    }

    /// Polls invocations to their ends; `None` for those that crashed. The clock moves whenever nothing waits
    /// for the server.
    async fn drive(
        &self,
        invoked: Vec<(Invoked<'_>, Arc<AtomicBool>)>,
    ) -> Vec<Option<ProcessReport>> {
        let mut ended: Vec<Option<Option<ProcessReport>>> = invoked.iter().map(|_| None).collect();
        let mut running: Vec<Option<(Invoked<'_>, Arc<AtomicBool>)>> =
            invoked.into_iter().map(Some).collect();
        let mut polls = 0;
        poll_fn(move |context| {
            loop {
                let is_busy = || self.shared.is_busy();
                for (slot, end) in running.iter_mut().zip(&mut ended) {
                    let Some((invocation, crashed)) = slot else { continue };
                    if let Poll::Ready(report) = invocation.as_mut().poll(context) {
                        *end = Some(Some(report.expect("memory answers")));
                        *slot = None;
                        polls = 0;
                    } else if crashed.load(SeqCst) && !is_busy() {
                        *end = Some(None);
                        *slot = None;
                        polls = 0;
                    }
                }
                if running.iter().all(Option::is_none) {
                    return Poll::Ready(ended.iter_mut().map(|end| end.take().unwrap()).collect());
                }
                if is_busy() {
                    polls = 0;
                    return Poll::Pending;
                }
                polls += 1;
                if polls > POLLS {
                    let Some(next_ms) = self.ports.clock.next_wake_ms() else {
                        panic!("an invocation waits for what never happens")
                    };
                    self.ports.clock.advance_to(next_ms);
                    polls = 0;
                }
            }
        })
        .await
    }

    /// Replays some of the parked records, as an operator asks for it now.
    pub async fn replay(&mut self, keys: Vec<RecordKey>) -> End {
        let message = ReplayMessage { stream: self.stream.clone(), keys, asked_ms: self.now_ms() };
        for nth in 0..ROUNDS_MAX {
            let began_ms = self.now_ms();
            let deadline = Deadline::new(began_ms, began_ms + self.habits.invocation_ms);
            let (flow, crashed) = self.processor(0);
            let receipt = Receipt(format!("replay {nth}").into());
            let count = u32::try_from(self.habits.processors).unwrap();
            let replayed =
                process_replay(&self.ports, &flow, receipt, message.clone(), deadline, count);
            let invoked: Invoked<'_> = Box::pin(replayed);
            let report = self.drive(vec![(invoked, crashed)]).await.remove(0);
            let wait_ms = match report {
                None => {
                    self.connected[0] = None;
                    self.shared.server.now().unclear_since(began_ms);
                    Some(self.habits.invocation_ms + VISIBLE_AFTER_MS)
                }
                Some(report) => {
                    self.note(&report);
                    match report.dispositions.first() {
                        Some((_, Disposition::GiveBack { delay_ms })) => {
                            Some(i64::try_from(*delay_ms).unwrap().max(1))
                        }
                        _ => None,
                    }
                }
            };
            match wait_ms {
                None => return End::Settled,
                Some(wait_ms) => self.ports.clock.advance(wait_ms),
            }
            let delivering = self.cursor().await.delivering;
            if delivering.stopped {
                return End::Halted(
                    delivering.stall.map_or_else(String::new, |it| it.reason.into()),
                );
            }
        }
        End::Endless
    }

    /// Time goes by.
    pub fn wait(&self, ms: i64) {
        self.ports.clock.advance(ms);
    }
}
