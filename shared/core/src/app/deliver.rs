//! One request to the destination, guarded by the ledger where the flow orders by entity.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::future::join_all;

use super::{Flow, Ports};
use crate::{
    decide::{Deadline, idempotency_key},
    guard::Guard,
    model::{Blame, Edition, Later, Ordering, Outcome, SkipReason, WireRecord},
    ports::{Claim, ClaimEnd, Clock, Ids, Outgoing, Store, Transformed},
};

/// What one invocation delivers under.
#[derive(Clone, Copy)]
pub(super) struct Invocation {
    /// When it ends.
    pub deadline: Deadline,
    /// The cursor's generation, as it began.
    pub generation: u64,
}

/// When a request may be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// Not before.
    pub at_us: i64,
    /// And not after.
    pub use_by_us: i64,
}

/// Records that go out in one request.
pub(super) struct Chunk {
    /// Ready to be sent, each with its index in the page.
    pub outgoing: Vec<(u32, Outgoing)>,
    /// Settled without a request: filtered, or refused by the transform.
    pub decided: Vec<(u32, Outcome)>,
}

/// What came of a chunk.
pub(super) struct Delivered {
    /// One outcome a record, with its index in the page.
    pub outcomes: Vec<(u32, Outcome)>,
    /// How long the destination took, in ms; `None` when nothing was sent.
    pub took_ms: Option<u64>,
}

/// Takes records until a request is full. `remaining` gives indices into `records`, ascending.
pub(super) fn chunk(
    flow: &Flow,
    records: &[WireRecord],
    remaining: &mut std::iter::Peekable<impl Iterator<Item = u32>>,
) -> Chunk {
    let batching = flow.destination.batching();
    let mut chunk = Chunk { outgoing: Vec::new(), decided: Vec::new() };
    // All bodies of a chunk share one buffer.
    let mut buffer = Vec::new();
    let mut spans = Vec::new();
    while spans.len() < batching.records_max.max(1)
        && let Some(&index) = remaining.peek()
    {
        let record = &records[index as usize];
        let start = buffer.len();
        match flow.transform.apply(&record.data, None, &mut buffer) {
            Transformed::Written => {
                if buffer.len() > batching.bytes_max && !spans.is_empty() {
                    // It goes first into the next request.
                    buffer.truncate(start);
                    break;
                }
                spans.push((index, start..buffer.len()));
            }
            Transformed::Filtered => {
                chunk.decided.push((index, Outcome::Skipped(SkipReason::Filtered)));
            }
            Transformed::Unchanged => {
                chunk.decided.push((index, Outcome::Skipped(SkipReason::Unchanged)));
            }
            Transformed::Refused(reason) => {
                chunk.decided.push((index, Outcome::Refused { status: None, reason }));
            }
        }
        remaining.next();
    }
    let buffer = Bytes::from(buffer);
    chunk.outgoing.extend(spans.into_iter().map(|(index, span)| {
        let record = &records[index as usize];
        let key = idempotency_key(&flow.stream, &record.id, record.version);
        let body = buffer.slice(span);
        let (version, deleted) = (record.version, record.deleted);
        (index, Outgoing { id: record.id.clone(), version, deleted, key, body })
    }));
    chunk
}

impl Invocation {
    fn edition(self, record: &Outgoing) -> Edition {
        Edition { version: record.version, generation: self.generation }
    }
}

/// Sends a chunk. `timeout_ms` ends before the deadline's reserve.
pub(super) async fn deliver<S: Store, Q, C: Clock, E: Ids>(
    ports: &Ports<S, Q, C, E>,
    flow: &Flow,
    records: &[WireRecord],
    chunk: Chunk,
    invocation: Invocation,
    slot: Option<Slot>,
    timeout_ms: u64,
) -> Delivered {
    let deadline = invocation.deadline;
    let Chunk { outgoing, decided: mut outcomes } = chunk;
    let by_entity = flow.settings.ordering != Ordering::None;
    let owner = if by_entity { ports.entropy.unique(&flow.stream) } else { Box::default() };
    let claimed = if by_entity {
        claim(ports, flow, &owner, outgoing, invocation, &mut outcomes).await
    } else {
        outgoing
    };
    // Claiming took time: what is left now decides.
    let in_its_moment = claimed.is_empty() || wait_for(&ports.clock, slot).await;
    let timeout_ms = timeout_ms.min(deadline.left_ms(ports.clock.now_ms()));
    if claimed.is_empty() || timeout_ms == 0 || !in_its_moment {
        let why = if in_its_moment { out_of_time } else { out_of_its_moment };
        let late = claimed.iter().map(|(index, _)| (*index, why()));
        outcomes.extend(late);
        let free = |_| Some(ClaimEnd::Free);
        finish(ports, flow, &owner, invocation, &claimed, free).await;
        return Delivered { outcomes, took_ms: None };
    }

    let (indices, sent): (Vec<u32>, Vec<Outgoing>) = claimed.into_iter().unzip();
    let started_ms = ports.clock.now_ms();
    let mut answers = flow.destination.deliver(&sent, timeout_ms).await.outcomes;
    let took_ms = u64::try_from(ports.clock.now_ms() - started_ms).unwrap_or(0);
    // A destination that answers for too few leaves the others unknown, and never settled.
    answers.resize_with(sent.len(), unanswered);

    let claimed: Vec<(u32, Outgoing)> = indices.into_iter().zip(sent).collect();
    // Before the ledger knows it as applied: what could not be marked is to be delivered again.
    mark(ports, flow, records, &claimed, deadline, &mut answers).await;
    // An unknown outcome keeps its lock: the write may still land. Refused only unlocks: it is
    // marked nowhere until it is durably parked, or a crash in between would skip it for good.
    let end = |place: usize| match &answers[place] {
        Outcome::Delivered | Outcome::Skipped(_) if claimed[place].1.deleted => {
            Some(ClaimEnd::Deleted)
        }
        Outcome::Delivered | Outcome::Skipped(_) => Some(ClaimEnd::Applied),
        Outcome::Refused { .. } if !Guard::RefusedIsNotApplied.stands() => Some(ClaimEnd::Applied),
        Outcome::Refused { .. } => Some(ClaimEnd::Free),
        Outcome::Later(_) if !Guard::LockOnUnknown.stands() => Some(ClaimEnd::Free),
        Outcome::Later(later) => (!later.unknown).then_some(ClaimEnd::Free),
    };
    finish(ports, flow, &owner, invocation, &claimed, end).await;
    outcomes.extend(claimed.iter().map(|(index, _)| *index).zip(answers));
    Delivered { outcomes, took_ms: Some(took_ms) }
}

/// Waits for the request's moment; false where it has passed.
async fn wait_for<C: Clock>(clock: &C, slot: Option<Slot>) -> bool {
    let Some(slot) = slot else { return true };
    // Rounded up: early is over the limit.
    clock.sleep_until(slot.at_us.div_euclid(1_000) + i64::from(slot.at_us % 1_000 != 0)).await;
    clock.now_ms() * 1_000 <= slot.use_by_us || !Guard::UseBy.stands()
}

async fn claim<S: Store, Q, C: Clock, E>(
    ports: &Ports<S, Q, C, E>,
    flow: &Flow,
    owner: &str,
    outgoing: Vec<(u32, Outgoing)>,
    invocation: Invocation,
    outcomes: &mut Vec<(u32, Outcome)>,
) -> Vec<(u32, Outgoing)> {
    // A second version of an entity waits for another request: the two could land in any order.
    let mut entities = HashSet::new();
    let (outgoing, second): (Vec<_>, Vec<_>) = outgoing.into_iter().partition(|(_, record)| {
        !Guard::OneVersionARequest.stands() || entities.insert(record.id.clone())
    });
    let wait = |(index, _)| (index, later(Blame::Entity, Some(0), "another version goes first"));
    outcomes.extend(second.into_iter().map(wait));

    let now_ms = ports.clock.now_ms();
    // No request of ours starts after the deadline, and none lands later than this.
    let until_ms = if Guard::LockUntilLanded.stands() {
        invocation.deadline.at_ms + flow.settings.landing_ms
    } else {
        now_ms
    };
    let claims = join_all(outgoing.iter().map(|(_, record)| {
        let edition = invocation.edition(record);
        ports.store.claim(&flow.stream, &record.id, edition, owner, now_ms, until_ms)
    }))
    .await;
    let mut mine = Vec::with_capacity(outgoing.len());
    for (record, claim) in outgoing.into_iter().zip(claims) {
        let outcome = match claim {
            Ok(Claim::Mine) => {
                mine.push(record);
                continue;
            }
            Ok(Claim::Applied | Claim::Newer) => Outcome::Skipped(SkipReason::Older),
            Ok(Claim::Locked { until_ms }) => later(
                Blame::Entity,
                u64::try_from(until_ms - now_ms).ok(),
                "another version is being written",
            ),
            // Our claim may stand: the lock then runs out by itself.
            Err(_) => later(Blame::Entity, None, "the ledger gave no answer"),
        };
        outcomes.push((record.0, outcome));
    }
    mine
}

/// Ends the claims for which `end` says how; a lost answer leaves a lock that runs out, and a
/// version that stays claimed, so that nothing older can pass it.
async fn finish<S: Store, Q, C, E>(
    ports: &Ports<S, Q, C, E>,
    flow: &Flow,
    owner: &str,
    invocation: Invocation,
    claimed: &[(u32, Outgoing)],
    end: impl Fn(usize) -> Option<ClaimEnd>,
) {
    if flow.settings.ordering == Ordering::None {
        return;
    }
    let ends = claimed.iter().enumerate().filter_map(|(place, (_, record))| {
        let (end, edition) = (end(place)?, invocation.edition(record));
        Some(ports.store.finish(&flow.stream, &record.id, edition, owner, end))
    });
    join_all(ends.collect::<Vec<_>>()).await;
}

/// Marks what was delivered as processed at the source, where the flow asks for it. A record that
/// could not be marked is not settled: it is delivered again, under the same key.
async fn mark<S, Q, C: Clock, E>(
    ports: &Ports<S, Q, C, E>,
    flow: &Flow,
    records: &[WireRecord],
    claimed: &[(u32, Outgoing)],
    deadline: Deadline,
    answers: &mut [Outcome],
) {
    let Some(marker) = flow.source.marker() else { return };
    let marks = claimed.iter().zip(answers).map(async |((index, record), answer)| {
        if !matches!(answer, Outcome::Delivered | Outcome::Skipped(SkipReason::Duplicate)) {
            return;
        }
        let timeout_ms = deadline.left_ms(ports.clock.now_ms());
        if timeout_ms == 0 {
            *answer = out_of_time();
            return;
        }
        let data = &records[*index as usize].data;
        let marked = marker.mark(&record.id, data, timeout_ms);
        if let Err(error) = marked.await {
            *answer = Outcome::Later(Later {
                blame: Blame::Request,
                after_ms: None,
                unknown: false,
                reason: format!("delivered, and not marked at the source: {error}").into(),
            });
        }
    });
    join_all(marks.collect::<Vec<_>>()).await;
}

fn out_of_time() -> Outcome {
    later(Blame::Entity, Some(0), "the invocation's time was up")
}

fn out_of_its_moment() -> Outcome {
    later(Blame::Entity, Some(0), "its moment in the budget had passed")
}

fn unanswered() -> Outcome {
    Outcome::Later(Later {
        blame: Blame::Request,
        after_ms: None,
        unknown: true,
        reason: "the destination gave no result for it".into(),
    })
}

fn later(blame: Blame, after_ms: Option<u64>, reason: &'static str) -> Outcome {
    Outcome::Later(Later { blame, after_ms, unknown: false, reason: reason.into() })
}
