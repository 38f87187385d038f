//! One stream with all that the application needs of the world, in memory: what tests of its rules share.

use tidegate_core::{
    app::{Arrival, Flow, Ports, ProcessReport, process, process_replay},
    decide::Deadline,
    model::{
        Budget, Cursor, Emission, EpochMs, FlowSettings, PageMessage, Parked, RecordId,
        ReplayMessage, Stored, StreamId, Version, WireRecord,
    },
    ports::{Clock, CursorStore, KeyValueStore, NewPage, ParkedStore, Receipt},
};

use crate::{
    clock::ManualClock,
    driver::run,
    flow::{Api, NoSource, Same},
    platform::Memory,
    queue::Outbox,
    random::Seeded,
    store::MemoryStore,
};

/// Ports in memory, by a clock that is moved.
pub type MemoryPorts = Ports<Memory>;

/// A stream whose pages are sealed and processed by hand.
pub struct World {
    /// What the application works with.
    pub ports: MemoryPorts,
    /// The flow of the stream.
    pub flow: Flow,
    /// Where its records go.
    pub api: Api,
    /// How long an invocation may last, in ms.
    pub invocation_ms: EpochMs,
}

impl World {
    /// When every world begins.
    pub const START_MS: EpochMs = 1_795_766_400_000;

    /// A stream that nothing was fetched for yet.
    pub fn new(settings: FlowSettings) -> Self {
        let clock = ManualClock::at(Self::START_MS);
        let api = Api::new(clock.clone());
        let flow = Flow {
            stream: StreamId::new("orders", "shop").expect("both are names"),
            settings,
            source: Box::new(NoSource),
            lookup: None,
            transform: Box::new(Same),
            destination: Box::new(api.clone()),
        };
        let (store, entropy) = (MemoryStore::new(), Seeded::new(1));
        let ports = Ports { store, queue: Outbox, clock, entropy };
        Self { ports, flow, api, invocation_ms: 60_000 }
    }

    /// The moment that it is.
    pub fn now_ms(&self) -> EpochMs {
        self.ports.clock.now_ms()
    }

    /// When an invocation ends that begins now.
    pub fn deadline(&self) -> Deadline {
        Deadline::new(self.now_ms(), self.now_ms() + self.invocation_ms)
    }

    /// Seals the stream's next page, with the records of these ids, and gives its message.
    pub fn page(&self, ids: impl IntoIterator<Item = i64>) -> PageMessage {
        let (store, stream, now_ms) = (&self.ports.store, &self.flow.stream, self.now_ms());
        let records: Vec<WireRecord> = ids.into_iter().map(record).collect();
        run(async {
            let before = store.cursor(stream).await.expect("memory answers");
            let Cursor { next, fetching, .. } = before.unwrap_or_default();
            let owner = format!("fetcher of {next}");
            store.acquire(stream, &owner, now_ms, now_ms + 1).await.expect("memory answers");
            store.release(stream, &owner, &fetching).await.expect("memory answers");
            let cursor = store.cursor(stream).await.expect("memory answers").expect("it is leased");
            let page = NewPage {
                number: cursor.next,
                emission: Emission(format!("e{}", cursor.next).into()),
                from: cursor.head.clone(),
                to: cursor.head,
                count: records.len().try_into().expect("a page's records are few"),
            };
            let sealed = store.seal(stream, cursor.fence, std::slice::from_ref(&page), now_ms);
            sealed.await.expect("memory answers");
            let (stream, fence) = (stream.clone(), cursor.fence);
            let NewPage { number, emission, from, to, .. } = page;
            PageMessage { stream, number, emission, fence, from, to, records }
        })
    }

    /// One invocation with these messages.
    pub fn process(&self, arrivals: Vec<Arrival>) -> ProcessReport {
        let processed = process(&self.ports, &self.flow, arrivals, self.deadline(), 1);
        run(processed).expect("memory answers")
    }

    /// Parks the records of these ids, and replays them.
    pub fn replay(&self, ids: impl IntoIterator<Item = i64>) -> ProcessReport {
        let (stream, parked_ms) = (&self.flow.stream, Self::START_MS);
        let park = |id| Parked::new(stream, 1, &record(id), None, "no shop".into(), parked_ms);
        let parked: Vec<Parked> = ids.into_iter().map(park).collect();
        run(self.ports.store.park(&parked)).expect("memory answers");
        let keys = parked.iter().map(|parked| parked.key.clone()).collect();
        let message = ReplayMessage { stream: stream.clone(), keys, asked_ms: self.now_ms() };
        let receipt = Receipt("replay".into());
        let replayed =
            process_replay(&self.ports, &self.flow, receipt, message, self.deadline(), 1);
        run(replayed).expect("memory answers")
    }

    /// The stream's budget, as the table has it.
    pub fn budget(&self) -> Budget {
        Budget::read(self.kept_budget().as_ref())
    }

    /// Changes the budget as another invocation would.
    pub fn change_budget(&self, act: impl FnOnce(&mut Budget)) {
        let key = self.flow.settings.budget_of(&self.flow.stream).key();
        let seen = self.kept_budget();
        let mut budget = Budget::read(seen.as_ref());
        act(&mut budget);
        budget.by = format!("other.{}", self.now_ms()).into();
        let new = budget.to_stored(self.now_ms());
        run(self.ports.store.compare_and_swap(&key, seen.as_ref(), &new)).expect("memory answers");
    }

    fn kept_budget(&self) -> Option<Stored> {
        let key = self.flow.settings.budget_of(&self.flow.stream).key();
        run(self.ports.store.get(&[key])).expect("memory answers").remove(0)
    }
}

/// A page's message, received so many times.
pub fn arrival(page: PageMessage, receives: u32) -> Arrival {
    let receipt = Receipt(format!("{}.{receives}", page.number).into());
    Arrival { receipt, receives, page }
}

/// The record of this id, at version 1.
pub fn record(id: i64) -> WireRecord {
    let data = format!(r#"{{"id":{id}}}"#).into();
    WireRecord { id: RecordId::Number(id), version: Version(1), deleted: false, data }
}
