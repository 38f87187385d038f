//! The processor: load, judge, deliver, settle, commit, acknowledge or give back.

use std::{iter::Peekable, vec};

use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use serde::Serialize;

use super::{
    Disposition, Flow, Ports, Tally,
    commit::help,
    deliver::{Delivered, Invocation, chunk, deliver},
    given_back,
};
use crate::{
    decide::{Deadline, Pace, Verdict, backoff_ms, give_back_ms, jittered_ms, verdict},
    guard::Guard,
    model::{
        Blame, Cursor, Gate, Later, Outcome, Page, PageMessage, PageState, Parked, Settled,
        SkipReason,
    },
    ports::{Clock, Ids, PageQueue, Random, Receipt, Settle, Store, Unavailable},
};

/// How long a message waits whose page is not sealed yet, in ms.
const UNSEALED_MS: u64 = 5_000;
/// So many failures in a row, without a success between, speak of the destination.
const FAILURES_IN_A_ROW: u32 = 5;
/// The shortest time from one probe of a failing destination to the next, in ms.
const PROBE_EVERY_MS: u64 = 1_000;
/// The longest, unless the destination asks for more: how late a recovery may be noticed.
const PROBE_EVERY_MS_MAX: u64 = 30_000;
/// Pages looked at for signs that others get through.
const EVIDENCE_PAGES: usize = 20;

/// A received page message.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// This receipt.
    pub receipt: Receipt,
    /// How often the message was received, this time included.
    pub receives: u32,
    /// What it carries.
    pub page: PageMessage,
}

/// What an invocation did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProcessReport {
    /// Records and requests.
    #[serde(flatten)]
    pub tally: Tally,
    /// Pages that this invocation finished.
    pub pages_done: u64,
    /// Messages whose page was superseded, void or committed already.
    pub pages_stale: u64,
    /// What becomes of each message.
    #[serde(skip)]
    pub dispositions: Vec<(Receipt, Disposition)>,
}

/// Processes page messages of one stream. An error means that the state table gave no answer at the
/// start: nothing was done, and every message comes back.
pub async fn process<S: Store, Q: PageQueue, C: Clock, E: Random + Ids>(
    ports: &Ports<S, Q, C, E>,
    flow: &Flow,
    arrivals: Vec<Arrival>,
    deadline: Deadline,
    processors: u32,
) -> Result<ProcessReport, Unavailable> {
    let numbers: Vec<_> = arrivals.iter().map(|arrival| arrival.page.number).collect();
    let (cursor, gate, pages) = ports.store.load(&flow.stream, &numbers).await?;

    let mut report = ProcessReport::default();
    let mut jobs = Vec::new();
    for arrival in arrivals {
        match judge(&cursor, &pages, &arrival.page) {
            Standing::Stale => {
                report.pages_stale += 1;
                report.dispositions.push((arrival.receipt, Disposition::Acknowledge));
            }
            Standing::Unsealed => {
                let give_back = Disposition::GiveBack { delay_ms: UNSEALED_MS };
                report.dispositions.push((arrival.receipt, give_back));
            }
            Standing::Live(page) => jobs.push(Job { arrival, page: page.clone() }),
        }
    }
    // The oldest page first: the watermark waits for it.
    jobs.sort_by_key(|job| job.page.number);

    let invocation = Invocation { deadline, generation: cursor.generation };
    let mut work = Work::new(ports, flow, &jobs, gate, invocation, processors);
    work.run().await;
    let Work { finished, tally, pages_done, .. } = work;
    report.tally = tally;
    report.pages_done = pages_done;
    report.dispositions.extend(finished);

    if pages_done > 0 {
        // Should this fail, the next fetcher helps.
        if let Err(error) = help(&ports.store, &flow.stream, cursor).await {
            tracing::warn!(stream = %flow.stream, %error, "the commit is left to the next run");
        }
    }
    let back = given_back(&report.dispositions);
    if !back.is_empty()
        && let Err(error) = ports.queue.give_back(&back).await
    {
        // They come back all the same, when their visibility timeout ends.
        tracing::warn!(stream = %flow.stream, %error, "messages were not given back early");
    }
    Ok(report)
}

/// What a message is worth.
pub(super) enum Standing<'a> {
    /// Its page is committed or void, or another emission's: it carries nothing.
    Stale,
    /// Its page is not sealed yet.
    Unsealed,
    /// It carries this page.
    Live(&'a Page),
}

/// Judges a message by the page item: the rule of the protocol.
pub(super) fn judge<'a>(cursor: &Cursor, pages: &'a [Page], message: &PageMessage) -> Standing<'a> {
    if message.number <= cursor.committed {
        return Standing::Stale;
    }
    match pages.iter().find(|page| page.number == message.number) {
        Some(page) if page.emission == message.emission || !Guard::Emission.stands() => {
            Standing::Live(page)
        }
        Some(_) => Standing::Stale,
        // A fetcher with an older fence can never seal it.
        None if message.fence < cursor.fence => Standing::Stale,
        None if !Guard::UnsealedWaits.stands() => Standing::Stale,
        None => Standing::Unsealed,
    }
}

/// A page to be worked on.
struct Job {
    arrival: Arrival,
    page: Page,
}

/// How far a page has come in this invocation.
struct Progress {
    remaining: Peekable<vec::IntoIter<u32>>,
    in_flight: usize,
    settled: Settled,
    parked: Vec<Parked>,
    /// The longest wait that an outcome asked for, with its reason.
    later: Option<Later>,
    /// Something was sent for it, whatever came of it.
    tried: bool,
    /// Some of it was settled.
    progressed: bool,
    settling: bool,
}

enum Event {
    Delivered { job: usize, delivered: Delivered },
    Settled { job: usize, answer: Result<Settle, Unavailable>, parked: u64 },
    Moment,
}

/// Whether requests may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Valve {
    Open,
    /// One request is out to see whether the destination is back.
    Probing,
    /// Nothing more in this invocation; messages come back after so many ms.
    Shut {
        wait_ms: u64,
    },
}

struct Work<'a, S, Q, C, E> {
    ports: &'a Ports<S, Q, C, E>,
    flow: &'a Flow,
    jobs: &'a [Job],
    progress: Vec<Progress>,
    running: FuturesUnordered<BoxFuture<'a, Event>>,
    finished: Vec<(Receipt, Disposition)>,
    invocation: Invocation,
    gate: Gate,
    valve: Valve,
    pace: Pace,
    requests_in_flight: usize,
    requests_in_flight_max: usize,
    failures_in_a_row: u32,
    slowest_ms: u64,
    waiting_for_moment: bool,
    tally: Tally,
    pages_done: u64,
}

impl<'a, S: Store, Q: PageQueue, C: Clock, E: Random + Ids> Work<'a, S, Q, C, E> {
    fn new(
        ports: &'a Ports<S, Q, C, E>,
        flow: &'a Flow,
        jobs: &'a [Job],
        gate: Gate,
        invocation: Invocation,
        processors: u32,
    ) -> Self {
        let progress = jobs.iter().map(|job| {
            let unsettled = (0..job.page.count).filter(|index| !job.page.settled.contains(*index));
            // A message that carries fewer records than its page counts is not what was sealed.
            let carried = u32::try_from(job.arrival.page.records.len()).unwrap_or(u32::MAX);
            let remaining: Vec<u32> = unsettled.filter(|index| *index < carried).collect();
            Progress {
                remaining: remaining.into_iter().peekable(),
                in_flight: 0,
                settled: Settled::default(),
                parked: Vec::new(),
                later: None,
                tried: false,
                progressed: false,
                settling: false,
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
            pace: Pace::new(&flow.settings.rates, processors, ports.clock.now_ms()),
            requests_in_flight: 0,
            requests_in_flight_max: flow.settings.concurrency_share(processors),
            failures_in_a_row: 0,
            slowest_ms: 0,
            waiting_for_moment: false,
            tally: Tally::default(),
            pages_done: 0,
        }
    }

    async fn run(&mut self) {
        if !self.jobs.is_empty() {
            self.pass_gate().await;
        }
        loop {
            self.start_requests();
            self.start_settling();
            let Some(event) = self.running.next().await else { break };
            match event {
                Event::Delivered { job, delivered } => self.delivered(job, delivered).await,
                Event::Settled { job, answer, parked } => self.settled(job, answer, parked),
                Event::Moment => self.waiting_for_moment = false,
            }
        }
    }

    /// Waits for nobody: a shut gate gives everything back, a failing destination gets one probe.
    async fn pass_gate(&mut self) {
        let now_ms = self.ports.clock.now_ms();
        if self.gate.shut_until_ms > now_ms {
            self.valve = Valve::Shut { wait_ms: since(now_ms, self.gate.shut_until_ms) };
        } else if self.gate.failures > 0 {
            let until_ms = now_ms.saturating_add_unsigned(PROBE_EVERY_MS);
            let probe = self.ports.store.probe(&self.flow.stream, self.gate, until_ms).await;
            self.valve = match probe {
                Ok(true) => Valve::Probing,
                Ok(false) | Err(_) if !Guard::OneProbe.stands() => Valve::Probing,
                Ok(false) | Err(_) => Valve::Shut { wait_ms: PROBE_EVERY_MS },
            };
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
            let timeout_ms = self.flow.settings.request_timeout_ms;
            let next_ms = self.pace.next_ms().max(now_ms);
            let Some(timeout_ms) =
                self.invocation.deadline.request_ms(next_ms, timeout_ms, self.slowest_ms)
            else {
                return;
            };
            if next_ms > now_ms {
                if !self.waiting_for_moment {
                    self.waiting_for_moment = true;
                    let clock = &self.ports.clock;
                    self.running.push(Box::pin(async move {
                        clock.sleep_until(next_ms).await;
                        Event::Moment
                    }));
                }
                return;
            }
            self.pace.take(now_ms);
            self.start_request(job, timeout_ms);
        }
    }

    fn next_job(&mut self) -> Option<usize> {
        self.progress.iter_mut().position(|progress| progress.remaining.peek().is_some())
    }

    fn start_request(&mut self, job: usize, timeout_ms: u64) {
        let (ports, flow, invocation) = (self.ports, self.flow, self.invocation);
        let records = &self.jobs[job].arrival.page.records;
        let progress = &mut self.progress[job];
        let chunk = chunk(flow, records, &mut progress.remaining);
        progress.in_flight += 1;
        self.requests_in_flight += 1;
        self.running.push(Box::pin(async move {
            let delivered = deliver(ports, flow, records, chunk, invocation, timeout_ms).await;
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

    fn note(&mut self, job: usize, index: u32, verdict: Verdict) {
        let progress = &mut self.progress[job];
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
                let longer =
                    progress.later.as_ref().is_none_or(|old| old.after_ms < later.after_ms);
                if longer {
                    progress.later = Some(later);
                }
                if self.flow.settings.ordering == crate::model::Ordering::Serial {
                    // Nothing may overtake it.
                    progress.remaining = Vec::new().into_iter().peekable();
                }
            }
        }
    }

    /// Learns from a request how the destination does, and minds the shared gate.
    async fn mind_destination(&mut self, outcomes: &[(u32, Outcome)]) {
        let laters = || {
            outcomes.iter().filter_map(|(_, outcome)| match outcome {
                Outcome::Later(later) => Some(later),
                _ => None,
            })
        };
        let answered = outcomes.iter().any(|(_, outcome)| {
            matches!(
                outcome,
                Outcome::Delivered
                    | Outcome::Skipped(SkipReason::Duplicate)
                    | Outcome::Refused { status: Some(_), .. }
            )
        });
        if laters().any(|later| later.blame == Blame::Limit) {
            self.tally.throttled += 1;
            let after_ms = laters().filter_map(|later| later.after_ms).max();
            let wait_ms = after_ms.unwrap_or(PROBE_EVERY_MS);
            self.shut(wait_ms, 0).await;
            return;
        }
        if answered {
            self.failures_in_a_row = 0;
            if self.valve == Valve::Probing {
                self.valve = Valve::Open;
                self.gate = Gate::default();
                // Should this fail, others probe once more before they go on.
                let _ = self.ports.store.open(&self.flow.stream).await;
            }
            return;
        }
        let Some(worst) = laters()
            .filter(|later| later.blame != Blame::Entity)
            .max_by_key(|later| later.blame == Blame::Destination)
        else {
            return;
        };
        self.failures_in_a_row += 1;
        let down = worst.blame == Blame::Destination
            || self.failures_in_a_row >= FAILURES_IN_A_ROW
            || self.valve == Valve::Probing;
        if down {
            let failures = self.gate.failures + 1;
            let policy = crate::model::RetryPolicy {
                base_ms: PROBE_EVERY_MS,
                cap_ms: PROBE_EVERY_MS_MAX,
                ..self.flow.settings.retry
            };
            let asked_ms = laters().filter_map(|later| later.after_ms).max().unwrap_or(0);
            let wait_ms = backoff_ms(&policy, failures - 1).max(asked_ms);
            tracing::warn!(
                stream = %self.flow.stream, wait_ms, failures, reason = %worst.reason,
                "the destination fails: one probe after that wait"
            );
            self.shut(wait_ms, failures).await;
        }
    }

    async fn shut(&mut self, wait_ms: u64, failures: u32) {
        if let Valve::Shut { wait_ms: already_ms } = self.valve {
            // Requests that were in flight together fail together: that is one failure.
            self.valve = Valve::Shut { wait_ms: already_ms.max(wait_ms) };
            return;
        }
        self.valve = Valve::Shut { wait_ms };
        let until_ms = self.ports.clock.now_ms().saturating_add_unsigned(wait_ms);
        // Should this fail, the others find out for themselves.
        let _ = self.ports.store.shut(&self.flow.stream, until_ms, failures).await;
    }

    /// Starts to settle every page for which nothing more will be sent.
    fn start_settling(&mut self) {
        for job in 0..self.jobs.len() {
            let over = self.is_over();
            let progress = &mut self.progress[job];
            let exhausted = progress.remaining.peek().is_none();
            if !progress.settling && progress.in_flight == 0 && (exhausted || over) {
                self.settle(job);
            }
        }
    }

    /// Whether no request will start any more.
    fn is_over(&self) -> bool {
        self.requests_in_flight == 0 && !self.waiting_for_moment
    }

    fn settle(&mut self, job: usize) {
        let (ports, flow) = (self.ports, self.flow);
        let Job { arrival, page } = &self.jobs[job];
        let progress = &mut self.progress[job];
        progress.settling = true;
        let mut union = page.settled.clone();
        union.union(&progress.settled);
        let done = union.len() >= page.count;
        let now_ms = ports.clock.now_ms();
        // While the destination is down or time is short, a message that comes and goes is no
        // failed try: the page is touched only so often that the reaper knows it is carried.
        let quiet_ms = now_ms - page.last_progress_ms;
        let touch = Guard::CarriedIsNotLost.stands() && quiet_ms > flow.settings.stuck_after_ms / 4;
        let counts = progress.tried && !matches!(self.valve, Valve::Shut { .. });
        if progress.settled.is_empty() && !done && !counts && !touch {
            let disposition = self.give_back(job);
            self.finished.push((arrival.receipt.clone(), disposition));
            return;
        }
        progress.progressed = !progress.settled.is_empty();
        let settled = std::mem::take(&mut progress.settled);
        let parked = std::mem::take(&mut progress.parked);
        self.running.push(Box::pin(async move {
            let answer = async {
                let (number, emission) = (page.number, &page.emission);
                let settle =
                    || ports.store.settle(&flow.stream, number, emission, &settled, done, now_ms);
                if !Guard::ParkFirst.stands() {
                    let answer = settle().await?;
                    return ports.store.park(&parked).await.map(|()| answer);
                }
                if !parked.is_empty() {
                    // Durably parked first: only then does it count as settled.
                    ports.store.park(&parked).await?;
                }
                settle().await
            };
            Event::Settled { job, answer: answer.await, parked: parked.len() as u64 }
        }));
    }

    fn settled(&mut self, job: usize, answer: Result<Settle, Unavailable>, parked: u64) {
        if answer.is_ok() {
            self.tally.parked += parked;
        }
        let disposition = match answer {
            Ok(Settle::Done) => {
                self.pages_done += 1;
                Disposition::Acknowledge
            }
            Ok(Settle::Superseded) => Disposition::Acknowledge,
            Ok(Settle::Open(_)) if !Guard::AcknowledgeLast.stands() => Disposition::Acknowledge,
            Ok(Settle::Open(_)) => self.give_back(job),
            Err(error) => {
                tracing::warn!(stream = %self.flow.stream, %error, "a page was not settled");
                Disposition::GiveBack { delay_ms: self.flow.settings.retry.base_ms }
            }
        };
        self.finished.push((self.jobs[job].arrival.receipt.clone(), disposition));
    }

    fn give_back(&self, job: usize) -> Disposition {
        let policy = &self.flow.settings.retry;
        let Job { arrival, page } = &self.jobs[job];
        let wait_ms = match (self.valve, &self.progress[job].later) {
            // A little after the gate: whoever comes first probes, the others find it open.
            (Valve::Shut { wait_ms }, _) => {
                wait_ms + self.ports.entropy.next_u64() % PROBE_EVERY_MS
            }
            (_, Some(later)) => {
                let backoff_ms = match later.blame {
                    Blame::Entity => 1_000,
                    _ => backoff_ms(policy, page.attempts),
                };
                let random = self.ports.entropy.next_u64();
                later.after_ms.unwrap_or_else(|| jittered_ms(backoff_ms, random))
            }
            // Only time was short: the next invocation goes on at once.
            (_, None) if self.progress[job].progressed => 0,
            (_, None) => backoff_ms(policy, page.attempts),
        };
        Disposition::GiveBack { delay_ms: give_back_ms(policy, wait_ms, arrival.receives) }
    }
}

fn since(now_ms: i64, moment_ms: i64) -> u64 {
    u64::try_from(moment_ms - now_ms).unwrap_or(0)
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
