//! Trying parked records again, with the same keys and under the same ledger.

use super::{
    Disposition, Flow, Ports, ProcessReport,
    careful::{Suspicion, died},
    deliver::{Invocation, Slot, chunk, deliver},
};
use crate::{
    decide::{Batches, Deadline, Moments, Rate, Verdict, verdict},
    guard::Guard,
    model::{Blame, Ordering, Outcome, Parked, RecordKey, ReplayMessage, Settled, WireRecord},
    ports::{Clock, Ids, PageQueue, Receipt, Store, Unavailable},
};

/// How long a replay waits that did not get through, in ms.
const REPLAY_AGAIN_MS: u64 = 30_000;

/// Processes one replay message. A record that is settled leaves the parked ones; one that is
/// refused again stays, with its newest reason. A crash leaves it parked: nothing is lost.
///
/// Always carefully: among the parked are those that killed whoever handled them.
pub async fn process_replay<S: Store, Q: PageQueue, C: Clock, E: Ids>(
    ports: &Ports<S, Q, C, E>,
    flow: &Flow,
    receipt: Receipt,
    message: ReplayMessage,
    deadline: Deadline,
) -> Result<ProcessReport, Unavailable> {
    // Under the generation of today: what a rewind has delivered since then is not sent again.
    let cursor = ports.store.cursor(&flow.stream).await?;
    let generation = cursor.map_or(0, |cursor| cursor.generation);
    let parked = ports.store.parked_by_key(&flow.stream, &message.keys).await?;
    if !Guard::ParkedUntilSettled.stands() {
        ports.store.unpark(&flow.stream, &message.keys).await?;
    }
    let records: Vec<WireRecord> = parked.iter().map(Parked::record).collect();
    let invocation = Invocation { deadline, generation };
    let report = ProcessReport::default();
    let mut replay = Replay {
        ports,
        flow,
        invocation,
        parked,
        records,
        report,
        handled: Settled::default(),
        rate: Rate::within(&flow.settings.rates),
        moments: Moments::default(),
        wait_ms: None,
    };
    replay.run().await?;

    let Replay { mut report, wait_ms, .. } = replay;
    let disposition = match wait_ms {
        None => Disposition::Acknowledge,
        Some(delay_ms) => Disposition::GiveBack { delay_ms },
    };
    if let Disposition::GiveBack { delay_ms } = disposition {
        // It comes back all the same when its visibility timeout ends.
        let _ = ports.queue.give_back(&[(receipt.clone(), delay_ms)]).await;
    }
    report.dispositions.push((receipt, disposition));
    Ok(report)
}

struct Replay<'a, S, Q, C, E> {
    ports: &'a Ports<S, Q, C, E>,
    flow: &'a Flow,
    invocation: Invocation,
    parked: Vec<Parked>,
    /// The parked records as their pages carried them.
    records: Vec<WireRecord>,
    report: ProcessReport,
    /// What somebody handled, whatever came of it.
    handled: Settled,
    rate: Option<Rate>,
    moments: Moments,
    /// When the message is to come back, if something is left.
    wait_ms: Option<u64>,
}

impl<S: Store, Q: PageQueue, C: Clock, E: Ids> Replay<'_, S, Q, C, E> {
    async fn run(&mut self) -> Result<(), Unavailable> {
        let (ports, flow) = (self.ports, self.flow);
        let keys: Vec<RecordKey> = self.parked.iter().map(|parked| parked.key.clone()).collect();
        let key = |index: u32| &keys[index as usize];
        let generation = self.invocation.generation;
        let suspicion = Suspicion::of(&ports.store, &flow.stream, generation, &keys).await?;

        let indices: Vec<u32> = (0u32..).zip(&keys).map(|(index, _)| index).collect();
        let serial = flow.settings.ordering == Ordering::Serial;
        let Batches { fatal, batches } = suspicion.batches(&indices, key, serial);
        let again = fatal.iter().map(|index| &self.parked[*index as usize]);
        let again: Vec<Parked> = again
            .filter(|parked| parked.reason != died())
            .map(|parked| Parked { status: None, reason: died(), ..self.again(parked) })
            .collect();
        if !again.is_empty() {
            ports.store.park(&again).await?;
            self.report.tally.parked += again.len() as u64;
        }
        for batch in batches {
            let in_hand: Vec<RecordKey> = batch.iter().map(|index| key(*index).clone()).collect();
            suspicion.take_in_hand(&in_hand).await?;
            let delivered = self.deliver_all(batch).await;
            // Whoever was handled was survived, whatever came of it.
            let handled = |suspect: &RecordKey| {
                indices.iter().any(|at| self.handled.contains(*at) && key(*at) == suspect)
            };
            suspicion.let_go(in_hand, handled).await?;
            delivered?;
            if self.wait_ms.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Delivers these, a request after the other, until one is to wait.
    async fn deliver_all(&mut self, batch: Vec<u32>) -> Result<(), Unavailable> {
        let (ports, flow) = (self.ports, self.flow);
        let mut remaining = batch.into_iter().peekable();
        while remaining.peek().is_some() && self.wait_ms.is_none() {
            let timeout_ms = flow.settings.request_timeout_ms;
            let now_ms = ports.clock.now_ms();
            let deadline = self.invocation.deadline;
            let Some(timeout_ms) = deadline.request_ms(now_ms, timeout_ms, 0) else {
                self.wait_ms = Some(0);
                break;
            };
            let Some(slot) = self.next_slot(remaining.len()).await? else { break };
            let chunk = chunk(flow, &self.records, &mut remaining);
            let delivered =
                deliver(ports, flow, &self.records, chunk, self.invocation, slot, timeout_ms).await;
            self.report.tally.requests += u64::from(delivered.took_ms.is_some());
            let (mut gone, mut again) = (Vec::new(), Vec::new());
            for (index, outcome) in delivered.outcomes {
                let parked = &self.parked[index as usize];
                if !matches!(&outcome, Outcome::Later(later) if later.blame == Blame::Entity) {
                    self.handled.insert(index);
                }
                match verdict(outcome, false, false) {
                    Verdict::Delivered => {
                        self.report.tally.delivered += 1;
                        gone.push(parked.key.clone());
                    }
                    Verdict::Skipped => {
                        self.report.tally.skipped += 1;
                        gone.push(parked.key.clone());
                    }
                    Verdict::Park { status, reason } => {
                        again.push(Parked { status, reason, ..self.again(parked) });
                    }
                    Verdict::Later(later) => {
                        self.report.tally.throttled += u64::from(later.blame == Blame::Limit);
                        self.report.tally.retried += 1;
                        let wait_ms = later.after_ms.unwrap_or(REPLAY_AGAIN_MS);
                        self.wait_ms = self.wait_ms.max(Some(wait_ms));
                    }
                }
            }
            self.report.tally.parked += again.len() as u64;
            if !again.is_empty() {
                ports.store.park(&again).await?;
            }
            if !gone.is_empty() {
                ports.store.unpark(&flow.stream, &gone).await?;
            }
        }
        Ok(())
    }

    /// When the next request may be sent, as for pages; `None` when the budget has no moment left in
    /// time.
    async fn next_slot(&mut self, records: usize) -> Result<Option<Option<Slot>>, Unavailable> {
        let Some(rate) = self.rate else { return Ok(Some(None)) };
        loop {
            let now_us = self.ports.clock.now_ms() * 1_000;
            if let Some(at_us) = self.moments.take(now_us, rate) {
                let use_by_us = at_us + rate.lateness_us;
                return Ok(Some(Some(Slot { at_us, use_by_us })));
            }
            let requests = records.div_ceil(self.flow.destination.batching().records_max.max(1));
            let last_us = self.invocation.deadline.last_start_ms(0) * 1_000;
            let ask = rate.ask(now_us, requests as u64, last_us);
            let budget = self.flow.settings.budget_of(&self.flow.stream);
            let leased = self.ports.store.lease(&budget, ask).await?;
            if leased.count == 0 {
                let wait_us = u64::try_from(leased.first_us - now_us).unwrap_or(0);
                self.wait_ms = Some(wait_us / 1_000 + 1);
                return Ok(None);
            }
            self.moments.add(leased, rate);
        }
    }

    /// Parked once more, just now.
    fn again(&self, parked: &Parked) -> Parked {
        Parked { parked_at_ms: self.ports.clock.now_ms(), ..parked.clone() }
    }
}
