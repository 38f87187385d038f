//! The ports as an actor sees them: every call yields, and may crash it or lose its answer.

use std::{
    future::{Future, pending, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::Poll,
};

use futures_util::FutureExt;
use tidegate_core::{
    model::{
        Blame, Cursor, Emission, EpochMs, Fence, Gate, Later, Outcome, Page, PageNumber, Parked,
        ParkedKey, Position, Record, RecordId, Settled, StreamId, Version,
    },
    ports::{
        Advance, Batch, Batching, BoxFuture, Claim, Clock, CursorStore, Destination, Gates, Ids,
        Lease, Ledger, NewPage, Outgoing, PageQueue, ParkedStore, Random, Receipt, Seal, Settle,
        Source, SourceError, Transform, Transformed, Unavailable, Void, Walk,
    },
};

use super::{
    faults::Fate,
    world::{Carried, LANDING_MS, World, mark, position},
};

/// One actor's view of the world.
#[derive(Clone)]
pub struct Seat {
    pub world: World,
    pub name: Arc<str>,
    pub skew_ms: EpochMs,
    pub crashed: Arc<AtomicBool>,
}

impl Seat {
    /// One call: others run before it and after it; its fate is drawn.
    pub async fn call<T>(
        &self,
        what: &'static str,
        act: impl AsyncFnOnce() -> T,
    ) -> Result<T, Unavailable> {
        yield_once().await;
        let fate = {
            let inner = &mut *self.world.inner();
            inner.faults.fate(&mut inner.rng)
        };
        if matches!(fate, Fate::CrashBefore) {
            self.crash(what, "before").await;
        }
        if matches!(fate, Fate::LostBefore) {
            self.world.note(|| format!("{} {what}: no answer, no effect", self.name));
            return Err(Unavailable(what.into()));
        }
        // Memory ports answer at once: the effect is one atomic step.
        let answer = act().await;
        self.world.note(|| format!("{} {what}", self.name));
        match fate {
            Fate::CrashAfter => self.crash(what, "after").await,
            Fate::LostAfter => {
                self.world.note(|| format!("{} {what}: answer lost", self.name));
                yield_once().await;
                return Err(Unavailable(what.into()));
            }
            _ => {}
        }
        yield_once().await;
        Ok(answer)
    }

    async fn crash(&self, what: &str, when: &str) {
        self.world.note(|| format!("{} CRASHES {when} {what}", self.name));
        self.crashed.store(true, SeqCst);
        pending::<()>().await;
    }
}

pub async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

macro_rules! calls {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $kind),*) -> impl Future<Output = Result<$answer, Unavailable>> + Send {
            let store = self.world.store.clone();
            async move {
                self.call(stringify!($name), async || {
                    let answer = store.$name($($argument),*).now_or_never();
                    answer.expect("memory answers at once").expect("memory always answers")
                }).await
            }
        })*
    };
}

impl CursorStore for Seat {
    calls! {
        acquire(stream: &StreamId, owner: &str, now_ms: EpochMs, until_ms: EpochMs) -> Lease;
        release(stream: &StreamId, owner: &str) -> ();
        load(stream: &StreamId, numbers: &[PageNumber]) -> (Cursor, Gate, Vec<Page>);
        pages_after(stream: &StreamId, after: PageNumber, limit: usize) -> Vec<Page>;
        seal(stream: &StreamId, fence: Fence, pages: &[NewPage], now_ms: EpochMs) -> Seal;
        settle(
            stream: &StreamId, number: PageNumber, emission: &Emission, settled: &Settled,
            done: bool, now_ms: EpochMs
        ) -> Settle;
        advance(stream: &StreamId, advance: &Advance) -> bool;
        void(stream: &StreamId, fence: Fence, seen: &Cursor) -> Void;
        cursor(stream: &StreamId) -> Option<Cursor>;
        set_paused(stream: &StreamId, paused: bool) -> ();
        rewind(stream: &StreamId, seen: Fence, to: &Position) -> bool;
    }
}

impl Gates for Seat {
    calls! {
        shut(stream: &StreamId, until_ms: EpochMs, failures: u32) -> ();
        probe(stream: &StreamId, seen: Gate, until_ms: EpochMs) -> bool;
        open(stream: &StreamId) -> ();
    }
}

impl Ledger for Seat {
    calls! {
        claim(
            stream: &StreamId, entity: &RecordId, version: Version, owner: &str, now_ms: EpochMs,
            until_ms: EpochMs
        ) -> Claim;
        finish(
            stream: &StreamId, entity: &RecordId, version: Version, owner: &str, applied: bool
        ) -> ();
    }
}

impl ParkedStore for Seat {
    calls! {
        park(records: &[Parked]) -> ();
        parked(stream: &StreamId, after: Option<&ParkedKey>, limit: usize) -> Vec<Parked>;
        parked_by_key(stream: &StreamId, keys: &[ParkedKey]) -> Vec<Parked>;
        unpark(stream: &StreamId, keys: &[ParkedKey]) -> ();
    }
}

impl PageQueue for Seat {
    async fn send(&self, bodies: &[String], delay_ms: u64) -> Result<(), Unavailable> {
        self.call("send", async || {
            let now_ms = self.world.clock.now_ms();
            let inner = &mut *self.world.inner();
            for body in bodies {
                let copies = 1 + usize::from(inner.rng.chance(inner.faults.duplicate));
                for _ in 0..copies {
                    inner.unique += 1;
                    let name = inner.unique;
                    let visible_ms = now_ms.saturating_add_unsigned(delay_ms);
                    let body = body.clone();
                    inner.messages.push(Carried { name, body, visible_ms, receives: 0 });
                }
            }
        })
        .await
    }

    async fn give_back(&self, messages: &[(Receipt, u64)]) -> Result<(), Unavailable> {
        self.call("give_back", async || {
            let now_ms = self.world.clock.now_ms();
            let inner = &mut *self.world.inner();
            for (receipt, delay_ms) in messages {
                let name: u64 = receipt.0.parse().expect("a receipt is the message's name");
                for message in inner.messages.iter_mut().filter(|message| message.name == name) {
                    message.visible_ms = now_ms.saturating_add_unsigned(*delay_ms);
                }
            }
        })
        .await
    }
}

impl Clock for Seat {
    fn now_ms(&self) -> EpochMs {
        self.world.clock.now_ms() + self.skew_ms
    }

    async fn sleep_until(&self, moment_ms: EpochMs) {
        self.world.clock.sleep_until(moment_ms - self.skew_ms).await;
    }
}

impl Random for Seat {
    fn next_u64(&self) -> u64 {
        self.world.inner().rng.next_u64()
    }
}

impl Ids for Seat {
    fn unique(&self, _stream: &StreamId) -> Box<str> {
        let inner = &mut *self.world.inner();
        inner.unique += 1;
        format!("u{}", inner.unique).into()
    }
}

/// The source as one invocation walks it: a request sees the rows of its moment.
pub struct SimSource(pub Seat);

struct SimWalk {
    seat: Seat,
    at: Position,
    until_ms: EpochMs,
}

impl Source for SimSource {
    fn walk(&self, from: Position, until_ms: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(SimWalk { seat: self.0.clone(), at: from, until_ms })
    }
}

impl Walk for SimWalk {
    fn next(&mut self, _deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(async move {
            let read = self.seat.call("read", async || {
                let inner = self.seat.world.inner();
                let mut rows: Vec<_> = inner
                    .rows
                    .iter()
                    .filter(|(id, at)| **at <= self.until_ms && position(**id, **at) > self.at)
                    .map(|(id, at)| (*at, *id))
                    .collect();
                rows.sort_unstable();
                let end = rows.len() <= 4;
                rows.truncate(4);
                (rows, end)
            });
            let lost = |_| SourceError::Later { reason: "no answer".into(), after_ms: None };
            let (rows, end) = read.await.map_err(lost)?;
            let records: Vec<Record> = rows
                .into_iter()
                .map(|(at, id)| Record {
                    mark: mark(id, at),
                    id: RecordId::Number(id),
                    version: Version(at),
                    data: format!(r#"{{"id":{id},"at":{at}}}"#).into(),
                })
                .collect();
            if let Some(last) = records.last() {
                self.at = Position::At(last.mark.clone());
            }
            Ok(Batch { records, end, requests: 1 })
        })
    }
}

pub struct Same;

impl Transform for Same {
    fn apply(&self, record: &[u8], out: &mut Vec<u8>) -> Transformed {
        out.extend_from_slice(record);
        Transformed::Written
    }
}

/// The destination: accepts a request, applies it within [`LANDING_MS`], and may say nothing.
pub struct SimDestination(pub Seat);

impl Destination for SimDestination {
    fn batching(&self) -> Batching {
        Batching { records_max: 2, bytes_max: 1_000_000 }
    }

    fn deliver<'a>(
        &'a self,
        records: &'a [Outgoing],
        timeout_ms: u64,
    ) -> BoxFuture<'a, Vec<Outcome>> {
        Box::pin(async move {
            let _in_flight = InFlight::enter(&self.0.world);
            let answer = self.0.call("deliver", async || self.accept(records)).await;
            let now_ms = self.0.now_ms();
            let Ok((unavailable, outcomes, lands_ms)) = answer else {
                return vec![later(true); records.len()];
            };
            if unavailable {
                return vec![later(false); records.len()];
            }
            // The caller learns of it when it has landed, or not at all.
            let gives_up_ms = now_ms.saturating_add_unsigned(timeout_ms);
            let answers_ms = lands_ms + self.0.skew_ms;
            self.0.sleep_until(answers_ms.min(gives_up_ms)).await;
            let lost = answers_ms > gives_up_ms || {
                let inner = &mut *self.0.world.inner();
                inner.rng.chance(inner.faults.unknown_outcome)
            };
            if lost { vec![later(true); records.len()] } else { outcomes }
        })
    }
}

impl SimDestination {
    fn accept(&self, records: &[Outgoing]) -> (bool, Vec<Outcome>, EpochMs) {
        let world = &self.0.world;
        let now_ms = world.clock.now_ms();
        let by_entity = world.settings.ordering != tidegate_core::model::Ordering::None;
        let inner = &mut *world.inner();
        if inner.rng.chance(inner.faults.unavailable) {
            return (true, Vec::new(), now_ms);
        }
        let lands_ms = now_ms + inner.rng.below(LANDING_MS as u64) as EpochMs;
        let outcomes = records.iter().map(|record| {
            let RecordId::Number(id) = record.id else { unreachable!("ids are numbers here") };
            if inner.poison.contains(&id) {
                return Outcome::Refused { status: Some(422), reason: "poison".into() };
            }
            let outstanding = inner.landing.iter().any(|(_, other, _)| *other == id);
            if by_entity && outstanding {
                inner.breach = Some(format!("I8: two writes of {id} are outstanding"));
            }
            inner.landing.push((lands_ms, id, record.version.0));
            Outcome::Delivered
        });
        (false, outcomes.collect(), lands_ms)
    }
}

fn later(unknown: bool) -> Outcome {
    Outcome::Later(Later {
        blame: Blame::Request,
        after_ms: None,
        unknown,
        reason: "it did not answer".into(),
    })
}

/// One request that somebody waits for; a killed invocation waits no more.
struct InFlight(World);

impl InFlight {
    fn enter(world: &World) -> Self {
        let limit = world.settings.concurrency_max as usize;
        let inner = &mut *world.inner();
        inner.requests_in_flight += 1;
        if inner.requests_in_flight > limit {
            inner.breach = Some(format!("I7: more than {limit} requests are in flight"));
        }
        Self(world.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.inner().requests_in_flight -= 1;
    }
}
