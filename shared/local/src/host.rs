//! What EventBridge, the event source mapping and Lambda do, in one process: schedule ticks, batches
//! of messages to at most so many processors at once, partial failures, timeouts, dead letters.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Context, Error, LambdaEvent};
use tidegate_core::{
    model::{EpochMs, StreamId},
    ports::{Clock, Receipt},
};
use tokio::task::JoinSet;

use crate::queue::{MemoryQueue, Received};

/// Most messages in one event, as template.yaml sets it.
const BATCH_SIZE: usize = 10;
/// How often an idle mapping looks for messages.
const POLL: Duration = Duration::from_millis(5);
/// How often the dead-letter queue is looked at.
const POLL_DEAD: Duration = Duration::from_millis(250);

/// How the host treats its functions.
#[derive(Debug, Clone, Copy)]
pub struct HostSettings {
    /// The functions' timeout, in ms.
    pub invocation_ms: u64,
    /// Processors at once.
    pub processors: u32,
    /// From the end of one scheduled run to the next, in ms.
    pub tick_ms: u64,
}

/// The functions, as the host calls them.
pub trait Functions: Send + Sync + 'static {
    /// What a scheduled run answers.
    type Fetched: Send + 'static;

    /// The fetcher, with the schedule's input.
    fn fetch(
        &self,
        event: LambdaEvent<serde_json::Value>,
    ) -> impl Future<Output = Result<Self::Fetched, Error>> + Send;

    /// The processor, with a batch of messages.
    fn process(
        &self,
        event: LambdaEvent<SqsEvent>,
    ) -> impl Future<Output = Result<SqsBatchResponse, Error>> + Send;

    /// The handler that buries dead letters.
    fn bury(
        &self,
        event: LambdaEvent<SqsEvent>,
    ) -> impl Future<Output = Result<SqsBatchResponse, Error>> + Send;
}

/// What the host does after a scheduled run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Run again after the tick.
    Tick,
    /// Run again as soon as a page may have been committed.
    Soon,
    /// Run again at this moment.
    At(EpochMs),
    /// Run again when every page is settled, and at this moment at the latest.
    Settled(EpochMs),
    /// Run no more: settle the pages that are open, and end.
    Finish,
    /// Finish what is in flight, and end.
    Stop,
}

/// How long invocations took, and those that the host had to kill.
#[derive(Debug, Default)]
pub struct Invocations {
    /// The fetcher's time, in ms, as Lambda bills it: from call to answer, each rounded up.
    pub fetch_ms: AtomicU64,
    /// The processors' time, in ms, likewise; those that ran at once are added up.
    pub process_ms: AtomicU64,
    /// Killed at their timeout.
    pub timed_out: AtomicU64,
    /// Ended with an error or a panic.
    pub failed: AtomicU64,
    /// The longest so far, in ms.
    pub longest_ms: AtomicU64,
}

/// The embedded host of one stream.
#[derive(Debug)]
pub struct Host<C, F> {
    clock: C,
    queue: Arc<MemoryQueue<C>>,
    functions: Arc<F>,
    settings: HostSettings,
    invocations: Arc<Invocations>,
    /// Of the processors, so many are to run at once.
    at_once: Arc<AtomicU32>,
    /// So many may, as the first of them saw it between two invocations.
    allowed: Arc<AtomicU32>,
    stopping: Arc<AtomicBool>,
}

impl<C: Clock + Clone + 'static, F: Functions> Host<C, F> {
    /// A host that has not started.
    pub fn new(
        clock: C,
        queue: Arc<MemoryQueue<C>>,
        functions: Arc<F>,
        settings: HostSettings,
    ) -> Self {
        Self {
            clock,
            queue,
            functions,
            settings,
            invocations: Arc::default(),
            at_once: Arc::new(AtomicU32::new(settings.processors)),
            allowed: Arc::new(AtomicU32::new(settings.processors)),
            stopping: Arc::default(),
        }
    }

    /// Lets so many processors run at once from now on, at the most as many as the settings say. They
    /// share this process: what kills one kills the others, and all look alike afterwards.
    ///
    /// More of them begin only when the first one has ended what it began before: it may have all of the
    /// limits for itself till then.
    pub fn limit_processors(&self, at_once: u32) {
        self.at_once.store(at_once, Relaxed);
        self.allowed.fetch_min(at_once, Relaxed);
    }

    /// What became of the invocations so far.
    pub fn invocations(&self) -> Arc<Invocations> {
        self.invocations.clone()
    }

    /// Makes [`Host::run`] end, once what is in flight is finished.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + use<C, F> {
        let stopping = self.stopping.clone();
        move || stopping.store(true, Relaxed)
    }

    /// Runs until `after_fetch` says stop, or the stopper is used. `after_fetch` sees what each
    /// scheduled run answered; a run that was killed at its timeout is an error.
    pub async fn run(
        &self,
        stream: &StreamId,
        mut after_fetch: impl FnMut(Result<F::Fetched, Error>) -> Next,
    ) {
        let mut workers = self.start_workers();
        let input = serde_json::json!({ "flow": stream.flow(), "connection": stream.connection() });
        while !self.stopping.load(Relaxed) {
            let functions = self.functions.clone();
            let event = LambdaEvent::new(input.clone(), self.worker().context());
            let busy_ms = &self.invocations.fetch_ms;
            let fetch = async move { functions.fetch(event).await };
            let answer = self.worker().invoke(busy_ms, fetch).await;
            let after_ms = |wait_ms| self.clock.now_ms().saturating_add_unsigned(wait_ms);
            match after_fetch(answer) {
                Next::Stop => break,
                Next::Tick => self.wait(after_ms(self.settings.tick_ms), false).await,
                Next::Soon => self.wait(after_ms(self.settings.tick_ms.min(20)), false).await,
                Next::At(at_ms) => self.wait(at_ms, false).await,
                Next::Settled(at_ms) => self.wait(at_ms, true).await,
                Next::Finish => {
                    self.wait(EpochMs::MAX, true).await;
                    break;
                }
            }
        }
        self.stopping.store(true, Relaxed);
        while workers.join_next().await.is_some() {}
    }

    /// Waits until a moment, the stopper's use, or, where that is asked for, until no message is left.
    async fn wait(&self, until_ms: EpochMs, or_idle: bool) {
        let nap_ms = if or_idle { 10 } else { 100 };
        while self.clock.now_ms() < until_ms
            && !self.stopping.load(Relaxed)
            && !(or_idle && self.queue.counts().is_idle())
        {
            self.clock.sleep_until(until_ms.min(self.clock.now_ms() + nap_ms)).await;
        }
    }

    /// Runs the mapping alone, without a schedule, until the stopper is used.
    pub async fn serve_queue(&self) {
        let mut workers = self.start_workers();
        while workers.join_next().await.is_some() {}
    }

    fn start_workers(&self) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for index in 0..self.settings.processors {
            workers.spawn(self.worker().map_pages(index));
        }
        workers.spawn(self.worker().map_dead_letters());
        workers
    }

    fn worker(&self) -> Worker<C, F> {
        Worker {
            clock: self.clock.clone(),
            queue: self.queue.clone(),
            functions: self.functions.clone(),
            invocation_ms: self.settings.invocation_ms,
            invocations: self.invocations.clone(),
            at_once: self.at_once.clone(),
            allowed: self.allowed.clone(),
            stopping: self.stopping.clone(),
        }
    }
}

/// One poller of the mapping, with the sandbox that it invokes.
struct Worker<C, F> {
    clock: C,
    queue: Arc<MemoryQueue<C>>,
    functions: Arc<F>,
    invocation_ms: u64,
    invocations: Arc<Invocations>,
    at_once: Arc<AtomicU32>,
    allowed: Arc<AtomicU32>,
    stopping: Arc<AtomicBool>,
}

impl<C: Clock + 'static, F: Functions> Worker<C, F> {
    async fn map_pages(self, index: u32) {
        while !self.stopping.load(Relaxed) {
            if index == 0 {
                self.allowed.store(self.at_once.load(Relaxed), Relaxed);
            }
            let waits = index >= self.allowed.load(Relaxed);
            let received = if waits { Vec::new() } else { self.queue.receive(BATCH_SIZE) };
            if received.is_empty() {
                tokio::time::sleep(POLL).await;
                continue;
            }
            let names = names(&received);
            let event = LambdaEvent::new(event(received, "pages"), self.context());
            let functions = self.functions.clone();
            let busy_ms = &self.invocations.process_ms;
            let answer = self.invoke(busy_ms, async move { functions.process(event).await }).await;
            // A whole failure leaves every message to its visibility timeout.
            if let Ok(response) = answer {
                let failed = |id: &str| {
                    response.batch_item_failures.iter().any(|it| it.item_identifier == id)
                };
                let done: Vec<Receipt> = names
                    .into_iter()
                    .filter(|(id, _)| !failed(id))
                    .map(|(_, receipt)| receipt)
                    .collect();
                self.queue.delete(&done);
            }
        }
    }

    async fn map_dead_letters(self) {
        while !self.stopping.load(Relaxed) {
            tokio::time::sleep(POLL_DEAD).await;
            let dead = self.queue.take_dead(BATCH_SIZE);
            if dead.is_empty() {
                continue;
            }
            let event = LambdaEvent::new(event(dead.clone(), "dead-letters"), self.context());
            let functions = self.functions.clone();
            let busy_ms = &self.invocations.fetch_ms;
            let answer = self.invoke(busy_ms, async move { functions.bury(event).await }).await;
            for letter in dead {
                let stays = answer.as_ref().map_or(true, |response| {
                    let failures = &response.batch_item_failures;
                    failures.iter().any(|it| it.item_identifier == *letter.message_id)
                });
                if stays {
                    self.queue.return_dead(letter);
                }
            }
        }
    }

    fn context(&self) -> Context {
        let mut context = Context::default();
        let deadline_ms = self.clock.now_ms().saturating_add_unsigned(self.invocation_ms);
        context.deadline = u64::try_from(deadline_ms).unwrap_or(0);
        context
    }

    /// Runs one invocation to its end, or kills it at its timeout as Lambda does. Adds its time to
    /// `busy_ms`.
    async fn invoke<T: Send + 'static>(
        &self,
        busy_ms: &AtomicU64,
        invocation: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let started_ms = self.clock.now_ms();
        let mut sandbox = tokio::spawn(invocation);
        let timeout = Duration::from_millis(self.invocation_ms);
        let answer = match tokio::time::timeout(timeout, &mut sandbox).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => Err(format!("the invocation ended with a panic: {panic}").into()),
            Err(_) => {
                sandbox.abort();
                self.invocations.timed_out.fetch_add(1, Relaxed);
                Err(format!("the invocation was killed after {} ms", self.invocation_ms).into())
            }
        };
        let took_ms = u64::try_from(self.clock.now_ms() - started_ms).unwrap_or(0);
        self.invocations.longest_ms.fetch_max(took_ms, Relaxed);
        busy_ms.fetch_add(took_ms.max(1), Relaxed);
        if let Err(error) = &answer {
            self.invocations.failed.fetch_add(1, Relaxed);
            tracing::warn!(%error, "an invocation failed");
        }
        answer
    }
}

fn names(received: &[Received]) -> Vec<(Box<str>, Receipt)> {
    let name = |message: &Received| (message.message_id.clone(), message.receipt.clone());
    received.iter().map(name).collect()
}

/// The event that the mapping would make of these messages.
fn event(received: Vec<Received>, queue: &str) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = received
        .into_iter()
        .map(|received| {
            let mut message = SqsMessage::default();
            message.message_id = Some(received.message_id.into());
            message.receipt_handle = Some(received.receipt.0.into());
            message.body = Some(received.body);
            message.attributes = [
                ("ApproximateReceiveCount".to_owned(), received.receives.to_string()),
                ("SentTimestamp".to_owned(), received.sent_ms.to_string()),
            ]
            .into();
            message.event_source = Some("aws:sqs".to_owned());
            message.event_source_arn = Some(format!("arn:aws:sqs:local:000000000000:{queue}"));
            message.aws_region = Some("local".to_owned());
            message
        })
        .collect();
    event
}
