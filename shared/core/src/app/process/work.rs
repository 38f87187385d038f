//! One invocation's work: requests are started as limits and time allow, their outcomes noted, and
//! every page settled for which nothing more is to be sent.

use std::{iter::Peekable, vec};

use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};

use super::{Arrival, gate::Valve};
use crate::{
    app::{
        Disposition, Flow, Ports, Tally,
        deliver::{Delivered, Invocation, Slot, chunk, deliver},
    },
    decide::{Moments, Rate, Verdict, verdict},
    guard::Guard,
    model::{
        Blame, EpochMs, Gate, Later, Leased, Ordering, Outcome, Page, PageState, Parked, Settled,
    },
    ports::{Clock, Ids, PageQueue, Random, Receipt, Settle, Store, Unavailable},
};

/// How long a message waits when the budget gave no answer, in ms.
const LEASE_AGAIN_MS: EpochMs = 1_000;
/// Pages looked at for signs that others get through.
const EVIDENCE_PAGES: usize = 20;

/// A page to be worked on.
pub(super) struct Job {
    pub(super) arrival: Arrival,
    pub(super) page: Page,
    /// Its records are noted before they are handled: see [`super::careful`].
    pub(super) careful: bool,
}

impl Job {
    /// The records that are left, ascending.
    pub(super) fn unsettled(&self) -> Vec<u32> {
        // A message that carries fewer records than its page counts is not what was sealed.
        let carried = u32::try_from(self.arrival.page.records.len()).unwrap_or(u32::MAX);
        let left = (0..self.page.count.min(carried)).filter(|at| !self.page.settled.contains(*at));
        left.collect()
    }
}

/// How far a page has come in this invocation.
pub(super) struct Progress {
    pub(super) remaining: Peekable<vec::IntoIter<u32>>,
    pub(super) in_flight: usize,
    /// What the table knows as settled.
    pub(super) known: Settled,
    /// What is settled beyond that.
    pub(super) settled: Settled,
    /// Of that, what is to be parked first.
    pub(super) parked: Vec<Parked>,
    /// What somebody handled, whatever came of it.
    pub(super) handled: Settled,
    /// The longest wait that an outcome asked for, with its reason.
    pub(super) later: Option<Later>,
    /// Something was sent for it, whatever came of it.
    pub(super) tried: bool,
    /// Some of it was settled.
    pub(super) progressed: bool,
    pub(super) settling: bool,
    /// It is handled carefully, and its turn is not over.
    pub(super) held: bool,
    /// The table knows it as DONE.
    pub(super) done: bool,
}

pub(super) enum Event {
    Delivered { job: usize, delivered: Delivered },
    Settled { job: usize, answer: Result<Settle, Unavailable>, parked: u64 },
    Leased { rate: Rate, answer: Result<Leased, Unavailable> },
}

pub(super) struct Work<'a, S, Q, C, E> {
    pub(super) ports: &'a Ports<S, Q, C, E>,
    pub(super) flow: &'a Flow,
    pub(super) jobs: &'a [Job],
    pub(super) progress: Vec<Progress>,
    pub(super) running: FuturesUnordered<BoxFuture<'a, Event>>,
    pub(super) finished: Vec<(Receipt, Disposition)>,
    pub(super) invocation: Invocation,
    pub(super) gate: Gate,
    pub(super) valve: Valve,
    /// What the destination permits, where it says so.
    rate: Option<Rate>,
    moments: Moments,
    leasing: bool,
    /// The budget has no moment left for this invocation: its next one.
    pub(super) dry_until_ms: Option<EpochMs>,
    requests_in_flight: usize,
    requests_in_flight_max: usize,
    pub(super) failures_in_a_row: u32,
    slowest_ms: u64,
    pub(super) tally: Tally,
    pub(super) pages_done: u64,
}

impl<'a, S: Store, Q: PageQueue, C: Clock, E: Random + Ids> Work<'a, S, Q, C, E> {
    pub(super) fn new(
        ports: &'a Ports<S, Q, C, E>,
        flow: &'a Flow,
        jobs: &'a [Job],
        gate: Gate,
        invocation: Invocation,
        processors: u32,
    ) -> Self {
        let progress = jobs.iter().map(|job| {
            let remaining = if job.careful { Vec::new() } else { job.unsettled() };
            Progress {
                remaining: remaining.into_iter().peekable(),
                in_flight: 0,
                known: job.page.settled.clone(),
                settled: Settled::default(),
                parked: Vec::new(),
                handled: Settled::default(),
                later: None,
                tried: false,
                progressed: false,
                settling: false,
                held: job.careful,
                done: false,
            }
        });
        Self {
            ports,
            flow,
            jobs,
            progress: progress.collect(),
            running: FuturesUnordered::new(),
            finished: Vec::new(),
            invocation,
            gate,
            valve: Valve::Open,
            rate: Rate::within(&flow.settings.rates),
            moments: Moments::default(),
            leasing: false,
            dry_until_ms: None,
            requests_in_flight: 0,
            requests_in_flight_max: flow.settings.concurrency_share(processors),
            failures_in_a_row: 0,
            slowest_ms: 0,
            tally: Tally::default(),
            pages_done: 0,
        }
    }

    pub(super) async fn run(&mut self) {
        if !self.jobs.is_empty() {
            self.pass_gate().await;
        }
        self.go_on().await;
        // When all others are safe: whoever handles these may die.
        for job in 0..self.jobs.len() {
            if self.jobs[job].careful {
                self.work_carefully(job).await;
                self.progress[job].held = false;
                self.go_on().await;
            }
        }
    }

    /// Works until nothing is under way and nothing more can be started.
    pub(super) async fn go_on(&mut self) {
        loop {
            self.start_requests();
            self.start_settling();
            let Some(event) = self.running.next().await else { break };
            match event {
                Event::Delivered { job, delivered } => self.delivered(job, delivered).await,
                Event::Settled { job, answer, parked } => self.settled(job, answer, parked),
                Event::Leased { rate, answer } => self.leased(rate, answer),
            }
        }
    }

    /// Starts as many requests as limits and time allow.
    fn start_requests(&mut self) {
        while self.requests_in_flight < self.requests_in_flight_max {
            match self.valve {
                Valve::Shut { .. } => return,
                Valve::Probing if self.requests_in_flight > 0 => return,
                Valve::Open | Valve::Probing => {}
            }
            let Some(job) = self.next_job() else { return };
            let now_ms = self.ports.clock.now_ms();
            let Some(slot) = self.next_slot(now_ms) else { return };
            let starts_ms = slot.map_or(now_ms, |slot| (slot.at_us / 1_000).max(now_ms));
            let timeout_ms = self.flow.settings.request_timeout_ms;
            let Some(timeout_ms) =
                self.invocation.deadline.request_ms(starts_ms, timeout_ms, self.slowest_ms)
            else {
                return;
            };
            self.start_request(job, slot, timeout_ms);
        }
    }

    /// When the next request may be sent: at once, where no rate is kept; `None` while no moment is
    /// leased.
    fn next_slot(&mut self, now_ms: EpochMs) -> Option<Option<Slot>> {
        let Some(rate) = self.rate else { return Some(None) };
        if let Some(at_us) = self.moments.take(now_ms * 1_000, rate) {
            return Some(Some(Slot { at_us, use_by_us: at_us + rate.lateness_us }));
        }
        if !self.leasing && self.dry_until_ms.is_none() {
            self.lease(rate, now_ms);
        }
        None
    }

    fn lease(&mut self, rate: Rate, now_ms: EpochMs) {
        let left: usize = self.progress.iter().map(|progress| progress.remaining.len()).sum();
        let requests = left.div_ceil(self.flow.destination.batching().records_max.max(1));
        let last_ms = self.invocation.deadline.last_start_ms(self.slowest_ms);
        let ask = rate.ask(now_ms * 1_000, requests as u64, last_ms * 1_000);
        let budget = self.flow.settings.budget_of(&self.flow.stream);
        let store = &self.ports.store;
        self.leasing = true;
        self.running.push(Box::pin(async move {
            Event::Leased { rate, answer: store.lease(&budget, ask).await }
        }));
    }

    fn leased(&mut self, rate: Rate, answer: Result<Leased, Unavailable>) {
        self.leasing = false;
        match answer {
            Ok(leased) if leased.count > 0 => self.moments.add(leased, rate),
            Ok(leased) => self.dry_until_ms = Some(leased.first_us / 1_000 + 1),
            // What was leased, if it was, passes unused.
            Err(_) => self.dry_until_ms = Some(self.ports.clock.now_ms() + LEASE_AGAIN_MS),
        }
    }

    /// Whether no request will start any more.
    pub(super) fn is_over(&self) -> bool {
        self.requests_in_flight == 0 && !self.leasing
    }

    fn next_job(&mut self) -> Option<usize> {
        self.progress.iter_mut().position(|progress| progress.remaining.peek().is_some())
    }

    fn start_request(&mut self, job: usize, slot: Option<Slot>, timeout_ms: u64) {
        let (ports, flow, invocation) = (self.ports, self.flow, self.invocation);
        let records = &self.jobs[job].arrival.page.records;
        let progress = &mut self.progress[job];
        let chunk = chunk(flow, records, &mut progress.remaining);
        progress.in_flight += 1;
        self.requests_in_flight += 1;
        self.running.push(Box::pin(async move {
            let delivered =
                deliver(ports, flow, records, chunk, invocation, slot, timeout_ms).await;
            Event::Delivered { job, delivered }
        }));
    }

    async fn delivered(&mut self, job: usize, delivered: Delivered) {
        self.requests_in_flight -= 1;
        self.progress[job].in_flight -= 1;
        if let Some(took_ms) = delivered.took_ms {
            self.tally.requests += 1;
            self.slowest_ms = self.slowest_ms.max(took_ms);
            self.progress[job].tried = true;
            self.mind_destination(&delivered.outcomes).await;
        }
        let page = &self.jobs[job].page;
        let last_try = page.attempts + 1 >= self.flow.settings.retry.attempts_max;
        let fails = delivered.outcomes.iter().any(|(_, outcome)| {
            matches!(outcome, Outcome::Later(later) if later.blame == Blame::Request)
        });
        let others_get_through = last_try
            && fails
            && (!Guard::GiveUpAlone.stands()
                || self.tally.delivered > 0
                || others_get_through(self.ports, self.flow, page).await);
        for (index, outcome) in delivered.outcomes {
            let verdict = verdict(outcome, last_try, others_get_through);
            self.note(job, index, verdict);
        }
    }

    pub(super) fn note(&mut self, job: usize, index: u32, verdict: Verdict) {
        let progress = &mut self.progress[job];
        // Who waits for an entity's lock was not in anybody's hand.
        if !matches!(&verdict, Verdict::Later(later) if later.blame == Blame::Entity) {
            progress.handled.insert(index);
        }
        match verdict {
            Verdict::Delivered => {
                self.tally.delivered += 1;
                progress.settled.insert(index);
            }
            Verdict::Skipped => {
                self.tally.skipped += 1;
                progress.settled.insert(index);
            }
            Verdict::Park { status, reason } => {
                let message = &self.jobs[job].arrival.page;
                let record = &message.records[index as usize];
                let now_ms = self.ports.clock.now_ms();
                progress.settled.insert(index);
                progress.parked.push(Parked::new(
                    &self.flow.stream,
                    message.number,
                    record,
                    status,
                    reason,
                    now_ms,
                ));
            }
            Verdict::Later(later) => {
                if later.blame != Blame::Entity {
                    self.tally.retried += 1;
                }
                // Who waits for another version waits for nothing that failed.
                let worth = |later: &Later| (later.blame != Blame::Entity, later.after_ms);
                if progress.later.as_ref().is_none_or(|old| worth(old) < worth(&later)) {
                    progress.later = Some(later);
                }
                if self.flow.settings.ordering == Ordering::Serial {
                    // Nothing may overtake it.
                    progress.remaining = Vec::new().into_iter().peekable();
                }
            }
        }
    }
}

/// Whether the destination has lately taken pages after this one.
async fn others_get_through<S: Store, Q, C, E>(
    ports: &Ports<S, Q, C, E>,
    flow: &Flow,
    page: &Page,
) -> bool {
    let cap_ms = i64::try_from(flow.settings.retry.cap_ms).unwrap_or(i64::MAX);
    let since_ms = page.last_progress_ms.saturating_sub(cap_ms);
    let pages = ports.store.pages_after(&flow.stream, page.number, EVIDENCE_PAGES).await;
    pages.is_ok_and(|pages| {
        let lately = |other: &Page| other.last_progress_ms >= since_ms;
        pages.iter().any(|other| other.state == PageState::Done && lately(other))
    })
}
