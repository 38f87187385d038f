//! A host's start after a process that ended without a word: what is known of it is said, so that nothing
//! waits for an invocation that is no more.

use super::{Ports, commit::help};
use crate::{
    decide::Rate,
    model::{Budget, DeliverState, Ended, EpochMs, FetchState, FlowSettings, Position, StreamId},
    ports::{Clock, CursorStore, Ids, KeyValueStore, Lease, Platform, Swap, Unavailable, Void},
};

/// Tries at a budget that another call changes meanwhile; few are needed, for the host is alone.
const TRIES: u32 = 5;

/// What a host knows of the processes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predecessor {
    /// All of their invocations are over.
    pub ended: Ended,
    /// For how long after that the destination may be at what they sent, as far as its limit of requests at
    /// once goes; at most the flow's `landing`. In ms.
    pub holds_ms: EpochMs,
}

/// What a host found that was left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Pages voided, to be read again.
    pub voided: u64,
    /// What is read again ends there, and is handled in isolation.
    pub isolate_to: Position,
    /// What the process before has sent may still land until then.
    pub lands_until_ms: EpochMs,
}

/// After a host's restart that lost its queue: says that every invocation before is over, ends the lease of
/// its fetcher, takes back what it leased of the budget, and voids the pages whose messages are gone. Only
/// for a host that is alone on its table. A repeat finds it done.
pub async fn recover<P: Platform>(
    ports: &Ports<P>,
    stream: &StreamId,
    settings: &FlowSettings,
    before: Predecessor,
) -> Result<Recovered, Unavailable> {
    let lands_until_ms = before.ended.sent_until_ms + settings.landing_ms;
    let nothing = Recovered { voided: 0, isolate_to: Position::Start, lands_until_ms };
    let Some(cursor) = ports.store.cursor(stream).await? else { return Ok(nothing) };
    // What the source asked for holds for this process, too; what was only our own patience does not.
    let asked = cursor.fetching.stall.clone().filter(|stall| stall.asked);
    let read_to = cursor.fetching.read_to.filter(|_| cursor.pages_open() == 0);
    let fetching = FetchState { stall: asked, read_to, ..cursor.fetching };
    ports.store.release(stream, &cursor.owner, &fetching).await?;
    ports.store.end_invocations(stream, before.ended).await?;
    let stopped = cursor.delivering.stopped;
    take_back(ports, stream, settings, before, stopped).await?;
    if stopped || cursor.delivering.refused > 0 {
        // The operator who begins a run has acted: it is seen anew whether records are taken.
        let revision = cursor.delivering.revision + 1;
        let delivering = DeliverState { revision, ..DeliverState::default() };
        ports.store.note_delivering(stream, &delivering).await?;
    }
    if cursor.next - 1 == cursor.committed {
        return Ok(nothing);
    }
    let owner = ports.entropy.unique(stream);
    let now_ms = ports.clock.now_ms();
    let lease = ports.store.acquire(stream, &owner, now_ms, now_ms).await?;
    let Lease::Acquired(cursor) = lease else { return Ok(nothing) };
    // What was settled before the stop need not be read again.
    let fence = cursor.fence;
    let cursor = help::<P>(&ports.store, stream, *cursor).await?;
    let open = cursor.pages_open();
    if open == 0 {
        return Ok(nothing);
    }
    match ports.store.void(stream, fence, &cursor).await? {
        Void::Voided(cursor) => {
            let isolate_to = cursor.isolate_to;
            Ok(Recovered { voided: open, isolate_to, lands_until_ms })
        }
        Void::Lost => Ok(nothing),
    }
}

/// Takes back what the dead invocations leased of the budget and can use no more.
async fn take_back<P: Platform>(
    ports: &Ports<P>,
    stream: &StreamId,
    settings: &FlowSettings,
    before: Predecessor,
    stopped: bool,
) -> Result<(), Unavailable> {
    let key = settings.budget_of(stream).key();
    let spacing_us = Rate::within(&settings.rates).map_or(0, |rate| rate.spacing_us);
    let sent_until_ms = before.ended.sent_until_ms;
    let mut seen = ports.store.get(std::slice::from_ref(&key)).await?.pop().flatten();
    for _ in 0..TRIES {
        let Some(kept) = &seen else { return Ok(()) };
        let mut budget = Budget::read(Some(kept));
        let as_it_was = budget.clone();
        budget.outlive(sent_until_ms, sent_until_ms + before.holds_ms, spacing_us);
        if stopped {
            budget.begin_anew(stream, settings.budget.is_some());
        }
        if budget == as_it_was {
            return Ok(());
        }
        budget.by = ports.entropy.unique(stream);
        let new = budget.to_stored(ports.clock.now_ms());
        match ports.store.compare_and_swap(&key, Some(kept), &new).await? {
            Swap::Done => return Ok(()),
            Swap::Stands(stands) => seen = stands,
        }
    }
    Ok(())
}
