//! Trying parked records again, with the same keys and under the same ledger.

use std::collections::VecDeque;

use super::{
    Disposition, Flow, Ports, ProcessReport,
    breaker::{Breaker, Valve},
    careful::{Suspicion, died},
    permits::{Next, Permits, Shared},
    send::{Invocation, Place, Places, Sender, Sent, Unit},
};
use crate::{
    decide::{Batches, Deadline, Grouping, Moment, Verdict, verdict},
    guard::Guard,
    model::{
        Blame, Ordering, Outcome, Parked, RecordKey, ReplayMessage, RequestKind, Settled,
        WireRecord,
    },
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
    processors: u32,
) -> Result<ProcessReport, Unavailable> {
    // Under the generation of today: what a rewind has delivered since then is not sent again.
    let budget = flow.settings.budget_of(&flow.stream).key();
    let loaded = ports.store.load(&flow.stream, &[], Some(&budget)).await?;
    let parked = ports.store.parked_by_key(&flow.stream, &message.keys).await?;
    if !Guard::ParkedUntilSettled.stands() {
        ports.store.unpark(&flow.stream, &message.keys).await?;
    }
    let records: Vec<WireRecord> = parked.iter().map(Parked::record).collect();
    let invocation = Invocation { deadline, generation: loaded.cursor.generation };
    // Who replays something else, say what killed its processor, does not know that it was sent.
    let mut looked_at = Settled::default();
    for (index, parked) in (0u32..).zip(&parked) {
        if parked.is_unknown() {
            looked_at.insert(index);
        }
    }
    let sender = Sender { ports, flow, invocation, pages: vec![&records], looked_at };
    let shared = Shared::new(ports, flow, loaded.budget);
    let budget = shared.seen();
    let permits = Permits::new(&flow.settings, &budget, deadline, processors);
    let mut replay = Replay {
        ports,
        flow,
        sender: &sender,
        shared: &shared,
        permits,
        breaker: Breaker::new(&budget, &shared.terms.stream, ports.clock.now_ms()),
        invocation,
        parked,
        report: ProcessReport::default(),
        handled: Settled::default(),
        wait_ms: None,
        errors: Grouping::default(),
    };
    let ran = replay.run().await;
    replay.breaker.leave(&shared).await;
    if replay.permits.holds_anything() {
        shared.release(&replay.permits).await;
    }
    ran?;

    let Replay { mut report, wait_ms, errors, permits, .. } = replay;
    report.errors = errors.digest().groups;
    report.quota_until_ms = permits.quota_until_ms();
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
    sender: &'a Sender<'a, S, Q, C, E>,
    shared: &'a Shared<'a, S, Q, C, E>,
    permits: Permits,
    breaker: Breaker,
    invocation: Invocation,
    parked: Vec<Parked>,
    report: ProcessReport,
    /// What somebody handled, whatever came of it.
    handled: Settled,
    /// When the message is to come back, if something is left.
    wait_ms: Option<u64>,
    errors: Grouping,
}

/// What is left of a batch.
struct Left {
    indices: std::iter::Peekable<std::vec::IntoIter<u32>>,
    cut: u32,
}

impl Places for Left {
    fn peek(&mut self) -> Option<Place> {
        self.indices.peek().map(|index| Place { page: 0, index: *index })
    }

    fn take(&mut self) -> Option<Place> {
        self.indices.next().map(|index| Place { page: 0, index })
    }

    fn put_back(&mut self, places: Vec<Place>) {
        let mut first: Vec<u32> = places.into_iter().map(|place| place.index).collect();
        first.extend(&mut self.indices);
        self.indices = first.into_iter().peekable();
    }

    fn cut(&mut self, _: usize) -> &mut u32 {
        &mut self.cut
    }
}

impl<S: Store, Q: PageQueue, C: Clock, E: Ids> Replay<'_, S, Q, C, E> {
    async fn run(&mut self) -> Result<(), Unavailable> {
        let (ports, flow) = (self.ports, self.flow);
        self.breaker.pass(self.shared, flow.settings.request_timeout_ms).await;
        if self.is_shut() {
            return Ok(());
        }
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
        self.park(again).await?;
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
        let mut left = Left { indices: batch.into_iter().peekable(), cut: 0 };
        let mut ready: VecDeque<Unit> = VecDeque::new();
        // What was begun is finished, whatever of it is to wait.
        while !ready.is_empty() || (self.wait_ms.is_none() && left.peek().is_some()) {
            let sent = match ready.pop_front() {
                None if self.sender.prepares(self.permits.leases_moments()) => {
                    let unit = self.sender.next_unit(&mut left);
                    self.sender.prepare(unit).await
                }
                unit => {
                    let unit = unit.unwrap_or_else(|| self.sender.next_unit(&mut left));
                    let requests = ready.len() + left.indices.len() + 1;
                    let kind = unit.kind();
                    match self.permit(kind, requests).await {
                        None => self.sender.abandon(unit).await,
                        Some((moment, timeout_ms)) => {
                            self.permits.started();
                            let sent = self.sender.act(unit, moment, timeout_ms).await;
                            let now_ms = self.ports.clock.now_ms();
                            self.permits.ended(kind, moment, sent.took_ms, sent.in_flight, now_ms);
                            self.mind(&sent).await;
                            sent
                        }
                    }
                }
            };
            for unit in sent.next.into_iter().rev() {
                ready.push_front(unit);
            }
            self.report.tally.requests += u64::from(sent.took_ms.is_some());
            self.note(sent.outcomes).await?;
        }
        Ok(())
    }

    /// Takes in what became of some records.
    async fn note(&mut self, outcomes: Vec<(Place, Outcome)>) -> Result<(), Unavailable> {
        let (mut gone, mut again) = (Vec::new(), Vec::new());
        for (Place { index, .. }, outcome) in outcomes {
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
                    self.report.tally.retried += 1;
                    let wait_ms = later.after_ms.unwrap_or(REPLAY_AGAIN_MS);
                    self.wait_ms = self.wait_ms.max(Some(wait_ms));
                }
            }
        }
        self.park(again).await?;
        if !gone.is_empty() {
            self.ports.store.unpark(&self.flow.stream, &gone).await?;
        }
        Ok(())
    }

    /// Parks records with their newest reason.
    async fn park(&mut self, again: Vec<Parked>) -> Result<(), Unavailable> {
        if again.is_empty() {
            return Ok(());
        }
        self.ports.store.park(&again).await?;
        self.report.tally.parked += again.len() as u64;
        for parked in again {
            self.errors.add(&self.flow.stream, parked.into());
        }
        Ok(())
    }

    /// Goes by what a request says of the destination.
    async fn mind(&mut self, sent: &Sent) {
        let (shared, permits) = (self.shared, &mut self.permits);
        if sent.took_ms.is_some() {
            let limited = self.breaker.mind(shared, permits, self.flow, &sent.outcomes).await;
            self.report.tally.throttled += u64::from(limited);
        }
        if let Some(allowance) = sent.allowance {
            self.breaker.learn(shared, permits, allowance).await;
        }
    }

    /// Whether the gate is shut; then the rest waits for it.
    fn is_shut(&mut self) -> bool {
        let Valve::Shut { wait_ms } = self.breaker.valve() else { return false };
        self.wait_ms = self.wait_ms.max(Some(wait_ms.max(1)));
        true
    }

    /// When the next request may be sent, and how long it may take; `None` when not in this invocation.
    async fn permit(
        &mut self,
        kind: RequestKind,
        requests: usize,
    ) -> Option<(Option<Moment>, u64)> {
        let deadline = self.invocation.deadline;
        let timeout_ms = self.flow.settings.timeout_ms(kind);
        let slowest_ms = self.permits.slowest_ms(kind);
        loop {
            let now_ms = self.ports.clock.now_ms();
            if self.breaker.should_look(now_ms) {
                self.shared.look().await;
                self.breaker.mind_budget(self.shared, &mut self.permits);
            }
            if self.is_shut() {
                return None;
            }
            let moment = match self.permits.next(now_ms) {
                Next::Go(moment) => moment,
                Next::Lease => {
                    let last_ms = deadline.last_start_ms(timeout_ms, slowest_ms);
                    let is_probe = self.breaker.is_probing();
                    let wanted = self.permits.wanted(requests as u64, last_ms, now_ms, is_probe);
                    let grant = self.shared.lease(wanted).await;
                    self.permits.leased(grant, self.ports.clock.now_ms());
                    self.breaker.mind_budget(self.shared, &mut self.permits);
                    continue;
                }
                Next::Wait => {
                    let until_ms = self.permits.wait().map_or(now_ms, |wait| wait.until_ms);
                    let wait_ms = u64::try_from(until_ms - now_ms).unwrap_or(0);
                    self.wait_ms = self.wait_ms.max(Some(wait_ms.max(1)));
                    return None;
                }
            };
            let starts_ms = moment.map_or(now_ms, |moment| (moment.at_us / 1_000).max(now_ms));
            let Some(timeout_ms) = deadline.request_ms(starts_ms, timeout_ms, slowest_ms) else {
                self.wait_ms = self.wait_ms.max(Some(0));
                return None;
            };
            return Some((moment, timeout_ms));
        }
    }

    /// Parked once more, just now.
    fn again(&self, parked: &Parked) -> Parked {
        Parked { parked_at_ms: self.ports.clock.now_ms(), ..parked.clone() }
    }
}
