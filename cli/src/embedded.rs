//! The app over a table and a queue in this process.

use std::{collections::HashMap, path::Path, sync::Arc};

use anyhow::anyhow;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent};
use tidegate_aws::{Clients, InProcess, Requests, Table};
use tidegate_core::{
    app::{FetchReport, Flow, Ports},
    model::StreamId,
    ports::Platform,
};
use tidegate_fetcher::Answer;
use tidegate_local::{
    CapacityMeter, EmbeddedTable, Functions, MemoryQueue, QueueSettings, Sending, StateDir,
};
use tidegate_runtime::{App, Flows, Meter, OsEntropy, WallClock};

use crate::failure::Failure;

/// The queue of the embedded host.
pub type Queue = MemoryQueue<WallClock>;
/// The app of the embedded host: the code of the deployed one, on other ports.
pub type EmbeddedApp = App<Embedded, Fixed>;

/// A table and a queue in this process.
pub struct Embedded;

impl Platform for Embedded {
    type Store = Table;
    type Queue = Arc<Queue>;
    type Clock = WallClock;
    type Entropy = OsEntropy;
}

/// The same queue settings as template.yaml's, but for the visibility, which goes by the timeout.
const RETENTION_MS: i64 = 4 * 24 * 3_600_000;
/// A seal in process takes well under that.
const SEND_DELAY_MS: u64 = 20;

/// The streams of this process.
#[derive(Default)]
pub struct Fixed(HashMap<StreamId, Arc<Flow>>);

impl Fixed {
    /// Only this one.
    pub fn one(flow: Flow) -> Self {
        Self(HashMap::from([(flow.stream.clone(), Arc::new(flow))]))
    }
}

impl Flows for Fixed {
    async fn flow(&self, stream: &StreamId) -> anyhow::Result<Arc<Flow>> {
        let known = || self.0.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.0.get(stream).cloned().ok_or_else(|| anyhow!("{stream} is not {}", known()))
    }
}

/// A host's state, opened.
pub struct State {
    /// The table.
    pub table: Table,
    /// Its requests.
    pub requests: Requests,
    /// What they are billed by, where that is counted.
    pub capacity: Option<CapacityMeter>,
    /// Until when requests are sent, by this process and the one before; where the state outlives them.
    pub sending: Option<Arc<Sending>>,
    _dir: Option<StateDir>,
}

/// Opens the state in a folder, or one that goes with the process.
pub fn open(dir: Option<&Path>) -> Result<State, Failure> {
    open_with(dir, None)
}

/// The same, with the units of each request counted, for some µs more.
pub fn open_counting(dir: Option<&Path>) -> Result<State, Failure> {
    open_with(dir, Some(CapacityMeter::default()))
}

fn open_with(dir: Option<&Path>, capacity: Option<CapacityMeter>) -> Result<State, Failure> {
    let dir = dir.map(StateDir::open).transpose().map_err(Failure::run)?;
    let sending = dir.as_ref().map(StateDir::sending).transpose().map_err(Failure::run)?;
    let sending = sending.map(Arc::new);
    let table = match &dir {
        Some(dir) => EmbeddedTable::open(&dir.table())?,
        None => EmbeddedTable::in_memory()?,
    };
    let meter = capacity.clone();
    let clients = Clients::over(InProcess::new(move |target, body| match &meter {
        Some(meter) => meter.answer(&table, target, body),
        None => table.answer(target, body),
    }));
    let requests = clients.requests().clone();
    let table = clients.table(EmbeddedTable::NAME);
    Ok(State { table, requests, capacity, sending, _dir: dir })
}

/// An app over this table, with a queue of its own.
pub fn app(
    table: Table,
    flows: Fixed,
    invocation_ms: u64,
    processors: u32,
    records_max: Option<u64>,
    clock: WallClock,
) -> EmbeddedApp {
    let settings = QueueSettings {
        visibility_ms: i64::try_from(invocation_ms).unwrap_or(i64::MAX / 6) * 6,
        retention_ms: RETENTION_MS,
        limits: tidegate_aws::Queue::LIMITS,
    };
    App {
        ports: Ports {
            store: table,
            queue: Arc::new(MemoryQueue::new(clock, settings)),
            clock,
            entropy: OsEntropy,
        },
        flows,
        records_max,
        send_delay_ms: SEND_DELAY_MS,
        meter: Meter::default(),
        processors: processors.into(),
    }
}

/// The deployed functions' handlers, for the host.
pub struct Handlers(pub Arc<EmbeddedApp>);

impl Functions for Handlers {
    type Fetched = FetchReport;

    async fn fetch(&self, event: LambdaEvent<serde_json::Value>) -> Result<FetchReport, Error> {
        let payload = serde_json::from_value(event.payload)?;
        match tidegate_fetcher::handle(&self.0, LambdaEvent::new(payload, event.context)).await? {
            Answer::Fetched(report) => Ok(*report),
            Answer::Buried(_) => Err("a schedule was answered as dead letters".into()),
        }
    }

    async fn process(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
        tidegate_processor::handle(&self.0, event).await
    }

    async fn bury(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
        let payload = tidegate_fetcher::Event::DeadLetters(event.payload);
        match tidegate_fetcher::handle(&self.0, LambdaEvent::new(payload, event.context)).await? {
            Answer::Buried(response) => Ok(response),
            Answer::Fetched(_) => Err("dead letters were answered as a schedule".into()),
        }
    }
}
