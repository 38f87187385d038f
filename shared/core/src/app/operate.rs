//! What operators do: look, replay, pause, rewind.

use serde::Serialize;

use super::{Ports, stalls};
use crate::{
    model::{
        Budget, Cursor, EpochMs, FlowSettings, Message, Parked, Position, RecordKey, ReplayMessage,
        ShownStall, StreamId,
    },
    ports::{
        Clock, CursorStore, KeyValueStore, PageQueue, ParkedStore, Platform, Suspects, Unavailable,
    },
};

/// Parked records in one request.
const PARKED_PAGE: usize = 100;
/// Keys in one replay message.
const REPLAY_KEYS: usize = 50;

/// A stream at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// `flow/connection`.
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
    /// Everything that keeps the stream from getting on.
    pub waiting: Vec<ShownStall>,
    /// All that the source had at this moment is settled, in ms since 1970, as far as that is known.
    pub settled_until_ms: Option<EpochMs>,
}

/// Looks at a stream that goes by these settings; `None` for one that was never fetched.
pub async fn status<P: Platform>(
    ports: &Ports<P>,
    stream: &StreamId,
    settings: &FlowSettings,
) -> Result<Option<Status>, Unavailable> {
    let Some(cursor) = ports.store.cursor(stream).await? else { return Ok(None) };
    let budget = settings.budget_of(stream);
    let kept = ports.store.get(&[budget.key()]).await?.pop().flatten();
    let budget = Budget::read(kept.as_ref());
    let oldest = match cursor.pages_open() {
        0 => None,
        _ => ports.store.pages_after(stream, cursor.committed, 1).await?.into_iter().next(),
    };
    let now_ms = ports.clock.now_ms();
    let until_ms =
        budget.circuit.open_until_ms.max(budget.circuit_of(&stream.to_string()).open_until_ms);
    let waiting = stalls::of(&cursor, oldest.as_ref(), settings, until_ms, now_ms);
    Ok(Some(Status {
        waiting: waiting.iter().map(ShownStall::from).collect(),
        settled_until_ms: cursor.fetching.settled_until_ms,
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
pub async fn list_parked<P: Platform>(
    ports: &Ports<P>,
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
/// Processors that crashed by one of them before are forgotten: perhaps that was mended. Of those that may have
/// been applied, the operator has seen that they were not, by `asked_ms`.
pub async fn replay<P: Platform>(
    ports: &Ports<P>,
    stream: &StreamId,
    parked: &[Parked],
    asked_ms: EpochMs,
) -> Result<(), Unavailable> {
    let keys: Vec<RecordKey> = parked.iter().map(|parked| parked.key.clone()).collect();
    if !keys.is_empty() {
        let cursor = ports.store.cursor(stream).await?;
        let generation = cursor.map_or(0, |cursor| cursor.generation);
        ports.store.clear_suspects(stream, generation, &keys).await?;
    }
    let bodies: Vec<String> = parked
        .chunks(REPLAY_KEYS)
        .map(|chunk| {
            let keys = chunk.iter().map(|parked| parked.key.clone()).collect();
            let message = Message::Replay(ReplayMessage { stream: stream.clone(), keys, asked_ms });
            ports.queue.encode(&message)
        })
        .collect();
    for batch in bodies.chunks(ports.queue.limits().batch_max) {
        ports.queue.send(batch, 0).await?;
    }
    Ok(())
}

/// Stops or starts the fetcher.
pub async fn set_paused<P: Platform>(
    ports: &Ports<P>,
    stream: &StreamId,
    paused: bool,
) -> Result<(), Unavailable> {
    ports.store.set_paused(stream, paused, ports.clock.now_ms()).await?;
    match paused {
        true => {
            tracing::warn!(target: stalls::LOG, %stream, "paused by an operator, until it is resumed")
        }
        false => tracing::warn!(target: stalls::LOG, %stream, "resumed by an operator"),
    }
    Ok(())
}

/// Moves the line to `to`: what follows is read again, under a new generation. `None` for a stream
/// that was never fetched, or whose fetcher runs just now.
pub async fn rewind<P: Platform>(
    ports: &Ports<P>,
    stream: &StreamId,
    to: &Position,
) -> Result<Option<Cursor>, Unavailable> {
    let Some(cursor) = ports.store.cursor(stream).await? else { return Ok(None) };
    if !ports.store.rewind(stream, cursor.fence, to).await? {
        return Ok(None);
    }
    ports.store.cursor(stream).await
}
