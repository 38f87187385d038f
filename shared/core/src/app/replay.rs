//! Trying parked records again, with the same keys and under the same ledger.

use std::sync::Mutex;

use super::{
    Flow, Ports,
    dispatch::{Dispatched, Dispatcher, PageWork, Refusal, Sink, Standing, crashed},
    report::ProcessReport,
    send::{Confirmed, Invocation, Packing, Sender},
    stalls,
    throttle::Throttle,
};
use crate::{
    decide::{Deadline, Delivery},
    model::{Cursor, EpochMs, Parked, RecordKey, ReplayMessage, Settled, WireRecord},
    ports::{Clock, CursorStore, PageQueue, ParkedStore, Platform, Receipt, Settle, Unavailable},
};

/// How long a replay waits that did not get through, in ms.
const REPLAY_AGAIN_MS: u64 = 30_000;

/// An operator's clock differs from a processor's by less, in ms: a platform refuses requests whose clocks differ by more.
const CLOCKS_DIFFER_MS: EpochMs = 300_000;

/// Processes one replay message. A record that is settled leaves the parked ones; one that is
/// refused again stays, with its newest reason. A crash leaves it parked: nothing is lost.
///
/// Always in isolation: among the parked are those that crashed their processor.
pub async fn process_replay<P: Platform>(
    ports: &Ports<P>,
    flow: &Flow,
    receipt: Receipt,
    message: ReplayMessage,
    deadline: Deadline,
    processors: u32,
) -> Result<ProcessReport, Unavailable> {
    let began_ms = ports.clock.now_ms();
    // Under the generation of today: what a rewind has delivered since then is not sent again.
    let budget = flow.settings.budget_of(&flow.stream).key();
    let loaded = ports.store.load(&flow.stream, &[], Some(&budget)).await?;
    let mut parked = ports.store.parked_by_key(&flow.stream, &message.keys).await?;
    parked.retain(|parked| !was_refused_in_it(parked, &message));
    let records: Vec<WireRecord> = parked.iter().map(Parked::record).collect();
    let Cursor { generation, ended, delivering, .. } = loaded.cursor;
    let invocation = Invocation { deadline, generation, ended };
    // An operator who replays something else, say what crashed its processor, does not know that it was sent.
    let unknown = (0u32..).zip(&parked).filter(|(_, parked)| parked.is_unknown());
    let confirmed = Confirmed {
        records: unknown.map(|(index, _)| index).collect(),
        until_ms: message.asked_ms,
    };
    let packing = Packing { flow, pages: vec![&records] };
    let in_hand = Mutex::default();
    flow.destination.begins(generation);
    let sender = Sender { ports, flow, invocation, packing, confirmed, in_hand };
    let throttle = Throttle::new(ports, flow, deadline, processors, loaded.budget).one_at_a_time();
    let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
    let work = PageWork::new(count, records.len(), Settled::default(), true);
    let sink = Replay { ports, flow, parked: &parked, asked_ms: message.asked_ms };
    let done = Dispatcher::new(&sender, &sink, throttle, vec![work], None).run().await;

    let Dispatched { finished, tally, errors, quota_until_ms, delivery, .. } = done;
    let settled = delivery.settled;
    // What a replay is refused says nothing of what the source has next.
    let delivery = Delivery { refused: delivering.refused, ..delivery };
    let stall = stalls::note(ports, flow, &delivering, &delivery).await;
    let errors = errors.digest().groups;
    let dispositions = finished.into_iter().map(|(_, it)| (receipt.clone(), it)).collect();
    let report = ProcessReport {
        tally,
        quota_until_ms,
        began_ms,
        ended_ms: ports.clock.now_ms(),
        settled,
        stall,
        errors,
        dispositions,
        ..ProcessReport::default()
    };
    let back = report.given_back();
    if !back.is_empty() {
        // It comes back all the same when the time is over for which the queue hides it.
        let _ = ports.queue.give_back(&back).await;
    }
    Ok(report)
}

/// Whether this replay parked it again, in an invocation before. It has had its turn: while it was tried for the sake of
/// others that are left, its claim would be taken anew each time, and they in turn would be tried for its sake.
fn was_refused_in_it(parked: &Parked, message: &ReplayMessage) -> bool {
    parked.parked_at_ms > message.asked_ms.saturating_add(CLOCKS_DIFFER_MS)
}

/// Parked records as the dispatcher's sink: the one page of a replay.
struct Replay<'a, P: Platform> {
    ports: &'a Ports<P>,
    flow: &'a Flow,
    parked: &'a [Parked],
    asked_ms: EpochMs,
}

/// What is written of a replay.
struct Entry {
    /// Parked once more, with their newest reason.
    again: Vec<Parked>,
    /// Parked no more.
    gone: Vec<RecordKey>,
    settled: Settled,
    done: bool,
}

impl<P: Platform> Sink for Replay<'_, P> {
    type Entry = Entry;

    fn entry(&self, _: usize, standing: Standing<'_>) -> Option<Entry> {
        let Standing { settled, refused, done, .. } = standing;
        if settled.is_empty() && !done {
            return None;
        }
        let parked_at_ms = self.ports.clock.now_ms();
        let again = |Refusal { index, status, reason }: &Refusal| {
            let (status, reason) = (*status, reason.clone());
            Parked { status, reason, parked_at_ms, ..self.parked[*index as usize].clone() }
        };
        let again = refused.iter().filter(|refusal| !self.is_poison_already(refusal)).map(again);
        let is_refused = |index: &u32| refused.iter().any(|refusal| refusal.index == *index);
        let gone = settled.iter().filter(|index| !is_refused(index));
        Some(Entry {
            again: again.collect(),
            gone: gone.map(|index| self.parked[index as usize].key.clone()).collect(),
            settled: settled.clone(),
            done,
        })
    }

    async fn write(&self, _: usize, entry: &Entry) -> Result<Settle, Unavailable> {
        let Entry { again, gone, settled, done } = entry;
        if !again.is_empty() {
            self.ports.store.park(again).await?;
        }
        if !gone.is_empty() {
            self.ports.store.unpark(&self.flow.stream, gone).await?;
        }
        Ok(if *done { Settle::Done } else { Settle::Open(settled.clone()) })
    }

    fn parked(entry: Entry) -> Vec<Parked> {
        entry.again
    }

    /// Whether what fails by itself has been tried for as long as its flow's attempts take: it stays parked, with what
    /// came of it.
    fn is_last_try(&self, _: usize) -> bool {
        let tries_ms = u64::from(self.flow.settings.retry.attempts_max) * REPLAY_AGAIN_MS;
        self.ports.clock.now_ms() >= self.asked_ms.saturating_add_unsigned(tries_ms)
    }

    /// It makes no difference: what is given up is as safe as before.
    async fn others_get_through(&self, _: usize) -> bool {
        true
    }

    fn backoff_ms(&self, _: usize) -> u64 {
        REPLAY_AGAIN_MS
    }

    fn give_back_ms(&self, _: usize, wait_ms: u64) -> u64 {
        wait_ms
    }
}

impl<P: Platform> Replay<'_, P> {
    /// Whether it was parked for these crashes before: that is no new error.
    fn is_poison_already(&self, refusal: &Refusal) -> bool {
        refusal.reason == crashed() && self.parked[refusal.index as usize].reason == refusal.reason
    }
}
