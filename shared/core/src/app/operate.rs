//! What operators do: look, replay, pause, rewind, recover.

use serde::Serialize;

use super::Ports;
use crate::{
    model::{
        Budget, BudgetId, Cursor, EpochMs, Message, Parked, Position, RecordKey, ReplayMessage,
        StreamId,
    },
    ports::{
        Clock, CursorStore, Ids, Lease, PageQueue, ParkedStore, Store, Suspects, Unavailable, Void,
    },
};

/// Parked records in one request.
const PARKED_PAGE: usize = 100;
/// Keys in one replay message.
const REPLAY_KEYS: usize = 50;

/// A stream at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Which.
    pub stream: StreamId,
    /// Fetched up to.
    pub head: Position,
    /// Settled up to.
    pub watermark: Position,
    /// Pages emitted and not committed.
    pub pages_open: u64,
    /// Pages committed.
    pub pages_committed: u64,
    /// For how long the oldest open page saw no processor, in ms.
    pub oldest_open_ms: Option<i64>,
    /// Tries in a row that settled nothing of it.
    pub oldest_open_attempts: Option<u32>,
    /// Records put aside.
    pub parked: u64,
    /// An operator paused it.
    pub paused: bool,
    /// Grows with every rewind.
    pub generation: u64,
    /// The destination fails, or asked to wait, until then.
    pub gate_shut_until_ms: Option<EpochMs>,
}

/// Looks at a stream that sends under this budget; `None` for one that was never fetched.
pub async fn status<S: Store, Q, C: Clock, E>(
    ports: &Ports<S, Q, C, E>,
    stream: &StreamId,
    budget: &BudgetId,
) -> Result<Option<Status>, Unavailable> {
    let Some(cursor) = ports.store.cursor(stream).await? else { return Ok(None) };
    let kept = ports.store.kept(&[budget.key()]).await?.pop().flatten();
    let budget = Budget::read(kept.as_ref());
    let oldest = match cursor.pages_open() {
        0 => None,
        _ => ports.store.pages_after(stream, cursor.committed, 1).await?.into_iter().next(),
    };
    let now_ms = ports.clock.now_ms();
    let until_ms = budget.gate.shut_until_ms.max(budget.gate_of(&stream.to_string()).shut_until_ms);
    Ok(Some(Status {
        stream: stream.clone(),
        pages_open: cursor.pages_open(),
        pages_committed: cursor.committed,
        oldest_open_ms: oldest.as_ref().map(|page| now_ms - page.last_progress_ms),
        oldest_open_attempts: oldest.as_ref().map(|page| page.attempts),
        parked: list_parked(ports, stream, |_| true).await?.len() as u64,
        head: cursor.head,
        watermark: cursor.watermark,
        paused: cursor.paused,
        generation: cursor.generation,
        gate_shut_until_ms: (until_ms > now_ms).then_some(until_ms),
    }))
}

/// A stream's parked records for which `keep` holds, in order of key.
pub async fn list_parked<S: ParkedStore, Q, C, E>(
    ports: &Ports<S, Q, C, E>,
    stream: &StreamId,
    keep: impl Fn(&Parked) -> bool,
) -> Result<Vec<Parked>, Unavailable> {
    let mut kept = Vec::new();
    let mut after: Option<RecordKey> = None;
    loop {
        let page = ports.store.parked(stream, after.as_ref(), PARKED_PAGE).await?;
        let last = page.len() < PARKED_PAGE;
        after = page.last().map(|parked| parked.key.clone());
        kept.extend(page.into_iter().filter(|parked| keep(parked)));
        if last {
            return Ok(kept);
        }
    }
}

/// Which parked records to try again; all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct ReplayRequest {
    /// A text that the reason contains.
    pub reason: Option<String>,
    /// Parked at or after this moment.
    pub since_ms: Option<EpochMs>,
}

impl ReplayRequest {
    /// Whether it asks for this one.
    pub fn wants(&self, parked: &Parked) -> bool {
        self.reason.as_deref().is_none_or(|reason| parked.reason.contains(reason))
            && self.since_ms.is_none_or(|since_ms| parked.parked_at_ms >= since_ms)
    }
}

/// Sends these parked records through the queue again: under the stream's limits and ledger, and
/// with the keys that they had. They stay parked until they are settled.
///
/// Whoever died of one of them before is forgotten: perhaps it was mended.
pub async fn replay<S: CursorStore + Suspects, Q: PageQueue, C, E>(
    ports: &Ports<S, Q, C, E>,
    stream: &StreamId,
    parked: &[Parked],
) -> Result<(), Unavailable> {
    let keys: Vec<RecordKey> = parked.iter().map(|parked| parked.key.clone()).collect();
    if !keys.is_empty() {
        let cursor = ports.store.cursor(stream).await?;
        let generation = cursor.map_or(0, |cursor| cursor.generation);
        ports.store.acquit(stream, generation, &keys).await?;
    }
    let bodies: Vec<String> = parked
        .chunks(REPLAY_KEYS)
        .map(|chunk| {
            let keys = chunk.iter().map(|parked| parked.key.clone()).collect();
            let message = Message::Replay(ReplayMessage { stream: stream.clone(), keys });
            ports.queue.encode(&message)
        })
        .collect();
    for batch in bodies.chunks(ports.queue.limits().batch_max) {
        ports.queue.send(batch, 0).await?;
    }
    Ok(())
}

/// Stops or starts the fetcher.
pub async fn set_paused<S: CursorStore, Q, C, E>(
    ports: &Ports<S, Q, C, E>,
    stream: &StreamId,
    paused: bool,
) -> Result<(), Unavailable> {
    ports.store.set_paused(stream, paused).await
}

/// Moves the line to `to`: what follows is read again, under a new generation. `None` for a stream
/// that was never fetched, or whose fetcher runs just now.
pub async fn rewind<S: CursorStore, Q, C, E>(
    ports: &Ports<S, Q, C, E>,
    stream: &StreamId,
    to: &Position,
) -> Result<Option<Cursor>, Unavailable> {
    let Some(cursor) = ports.store.cursor(stream).await? else { return Ok(None) };
    if !ports.store.rewind(stream, cursor.fence, to).await? {
        return Ok(None);
    }
    ports.store.cursor(stream).await
}

/// What a host found that was left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Pages voided, to be read again.
    pub voided: u64,
    /// What is read again ends there, and is handled carefully.
    pub careful_to: Position,
}

/// After a host's restart that lost its queue: ends the lease of a fetcher that cannot be running
/// any more, and voids the pages whose messages are gone. Only for a host that is alone on its
/// table.
pub async fn recover<S: CursorStore, Q, C: Clock, E: Ids>(
    ports: &Ports<S, Q, C, E>,
    stream: &StreamId,
) -> Result<Recovered, Unavailable> {
    let nothing = Recovered { voided: 0, careful_to: Position::Start };
    let Some(cursor) = ports.store.cursor(stream).await? else { return Ok(nothing) };
    ports.store.release(stream, &cursor.owner).await?;
    if cursor.pages_open() == 0 {
        return Ok(nothing);
    }
    let owner = ports.entropy.unique(stream);
    let now_ms = ports.clock.now_ms();
    let lease = ports.store.acquire(stream, &owner, now_ms, now_ms).await?;
    let Lease::Acquired(cursor) = lease else { return Ok(nothing) };
    // What was settled before the stop need not be read again.
    let fence = cursor.fence;
    let cursor = super::commit::help(&ports.store, stream, cursor).await?;
    let open = cursor.pages_open();
    if open == 0 {
        return Ok(nothing);
    }
    match ports.store.void(stream, fence, &cursor).await? {
        Void::Voided(cursor) => Ok(Recovered { voided: open, careful_to: cursor.careful_to }),
        Void::Lost => Ok(nothing),
    }
}
