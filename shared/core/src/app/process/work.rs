//! One invocation's work: requests are started as limits and time allow, their outcomes noted, and
//! every page settled for which nothing more is to be sent.

use std::{
    collections::{BTreeMap, VecDeque},
    iter::Peekable,
    vec,
};

use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};

use super::Arrival;
use crate::{
    app::{
        Disposition, Flow, Ports, Tally,
        breaker::{Breaker, Valve},
        permits::{Next, Permits, Shared},
        send::{Invocation, Place, Places, Sender, Sent, Unit},
    },
    decide::{Grouping, Moment, Verdict, verdict},
    guard::Guard,
    model::{
        Blame, EpochMs, Grant, Later, Ordering, Outcome, Page, PageState, Parked, RequestKind,
        Settled,
    },
    ports::{Clock, Ids, PageQueue, Random, Receipt, Settle, Store, Unavailable},
};

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
    /// See [`Places::cut`].
    cut: u32,
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
    /// Something of it failed, and did not merely have to wait.
    pub(super) tried: bool,
    /// Some of it was settled.
    pub(super) progressed: bool,
    pub(super) settling: bool,
    /// For how long its message is given back, should some of it be left.
    pub(super) delay_ms: u64,
    /// It is handled carefully, and its turn is not over.
    pub(super) held: bool,
    /// The table knows it as DONE.
    pub(super) done: bool,
}

impl Progress {
    fn of(job: &Job) -> Self {
        let remaining = if job.careful { Vec::new() } else { job.unsettled() };
        Self {
            remaining: remaining.into_iter().peekable(),
            cut: 0,
            in_flight: 0,
            known: job.page.settled.clone(),
            settled: Settled::default(),
            parked: Vec::new(),
            handled: Settled::default(),
            later: None,
            tried: false,
            progressed: false,
            settling: false,
            delay_ms: 0,
            held: job.careful,
            done: false,
        }
    }
}

pub(super) enum Event {
    /// Records were claimed, to be looked up.
    Prepared {
        pages: Vec<usize>,
        sent: Sent,
    },
    /// A unit was done.
    Done {
        pages: Vec<usize>,
        kind: RequestKind,
        moment: Option<Moment>,
        sent: Sent,
    },
    /// A unit was left to the next invocation.
    Abandoned {
        pages: Vec<usize>,
        sent: Sent,
    },
    Settled {
        job: usize,
        answer: Result<Settle, Unavailable>,
        parked: Vec<Parked>,
    },
    Leased(Result<Grant, Unavailable>),
    /// The budget was looked at.
    Looked,
}

pub(super) struct Work<'a, S, Q, C, E> {
    pub(super) ports: &'a Ports<S, Q, C, E>,
    pub(super) flow: &'a Flow,
    pub(super) jobs: &'a [Job],
    sender: &'a Sender<'a, S, Q, C, E>,
    pub(super) shared: &'a Shared<'a, S, Q, C, E>,
    pub(super) progress: Vec<Progress>,
    pub(super) running: FuturesUnordered<BoxFuture<'a, Event>>,
    pub(super) finished: Vec<(Receipt, Disposition)>,
    pub(super) invocation: Invocation,
    pub(super) breaker: Breaker,
    pub(super) permits: Permits,
    /// Units that wait for a permit, the next one first.
    ready: VecDeque<Unit>,
    preparing: usize,
    /// Nothing may overtake what was left.
    halted: bool,
    /// Only this page's records are sent.
    pub(super) alone: Option<usize>,
    pub(super) tally: Tally,
    /// Why records were parked.
    pub(super) errors: Grouping,
    pub(super) pages_done: u64,
}

impl<'a, S: Store, Q: PageQueue, C: Clock, E: Random + Ids> Work<'a, S, Q, C, E> {
    pub(super) fn new(
        sender: &'a Sender<'a, S, Q, C, E>,
        shared: &'a Shared<'a, S, Q, C, E>,
        jobs: &'a [Job],
        processors: u32,
    ) -> Self {
        let Sender { ports, flow, invocation, .. } = sender;
        let budget = shared.seen();
        let progress = jobs.iter().map(Progress::of).collect();
        let permits = Permits::new(&flow.settings, &budget, invocation.deadline, processors);
        Self {
            ports,
            flow,
            jobs,
            sender,
            shared,
            progress,
            running: FuturesUnordered::new(),
            finished: Vec::new(),
            invocation: *invocation,
            breaker: Breaker::new(&budget, &shared.terms.stream, ports.clock.now_ms()),
            permits,
            ready: VecDeque::new(),
            preparing: 0,
            halted: false,
            alone: None,
            tally: Tally::default(),
            errors: Grouping::default(),
            pages_done: 0,
        }
    }

    pub(super) async fn run(&mut self) {
        if !self.jobs.is_empty() {
            self.breaker.pass(self.shared, self.flow.settings.request_timeout_ms).await;
        }
        self.go_on().await;
        // When all others are safe: whoever handles these may die.
        for job in 0..self.jobs.len() {
            if self.jobs[job].careful {
                self.alone = Some(job);
                self.work_carefully(job).await;
                self.alone = None;
                self.progress[job].held = false;
                self.go_on().await;
            }
        }
        self.breaker.leave(self.shared).await;
        if self.permits.holds_anything() {
            self.shared.release(&self.permits).await;
        }
    }

    /// Works until nothing is under way and nothing more can be started.
    pub(super) async fn go_on(&mut self) {
        loop {
            self.start_requests();
            self.start_settling();
            let Some(event) = self.running.next().await else {
                if self.ready.is_empty() {
                    break;
                }
                self.abandon_ready();
                continue;
            };
            match event {
                Event::Prepared { pages, sent } => {
                    self.preparing -= 1;
                    self.done(&pages, sent).await;
                }
                Event::Done { pages, kind, moment, sent } => {
                    let now_ms = self.ports.clock.now_ms();
                    self.permits.ended(kind, moment, sent.took_ms, sent.in_flight, now_ms);
                    self.done(&pages, sent).await;
                }
                Event::Abandoned { pages, sent } => self.done(&pages, sent).await,
                Event::Settled { job, answer, parked } => self.settled(job, answer, parked),
                Event::Leased(grant) => {
                    self.permits.leased(grant, self.ports.clock.now_ms());
                    self.breaker.mind_budget(self.shared, &mut self.permits);
                }
                Event::Looked => self.breaker.mind_budget(self.shared, &mut self.permits),
            }
        }
    }

    /// Starts as many requests as limits and time allow.
    fn start_requests(&mut self) {
        while !self.halted {
            match self.breaker.valve() {
                Valve::Shut { .. } => return,
                Valve::Probing if self.permits.is_busy() => return,
                Valve::Open | Valve::Probing => {}
            }
            if self.ready.is_empty() && self.remaining().peek().is_none() {
                return;
            }
            let now_ms = self.ports.clock.now_ms();
            if self.sender.prepares(self.permits.leases_moments()) {
                self.prepare(now_ms);
                if self.ready.is_empty() {
                    return;
                }
            }
            let kind = self.ready.front().map_or(RequestKind::Deliver, Unit::kind);
            if self.timeout_ms(kind, now_ms).is_none() {
                return;
            }
            if self.breaker.should_look(now_ms) {
                let shared = self.shared;
                self.running.push(Box::pin(async move {
                    shared.look().await;
                    Event::Looked
                }));
            }
            let moment = match self.permits.next(now_ms) {
                Next::Go(moment) => moment,
                Next::Lease => return self.lease(kind, now_ms),
                Next::Wait => return,
            };
            let starts_ms = moment.map_or(now_ms, |moment| (moment.at_us / 1_000).max(now_ms));
            let Some(timeout_ms) = self.timeout_ms(kind, starts_ms) else { return };
            let unit = match self.ready.pop_front() {
                Some(unit) => unit,
                None => {
                    let sender = self.sender;
                    let unit = sender.next_unit(&mut self.remaining());
                    self.count_in(&unit);
                    if unit.is_decided() {
                        // All of it is decided, without a request.
                        self.permits.put_back(moment);
                        self.abandon(unit);
                        continue;
                    }
                    unit
                }
            };
            self.start(unit, moment, timeout_ms);
        }
    }

    fn timeout_ms(&self, kind: RequestKind, starts_ms: EpochMs) -> Option<u64> {
        let timeout_ms = self.flow.settings.timeout_ms(kind);
        self.invocation.deadline.request_ms(starts_ms, timeout_ms, self.permits.slowest_ms(kind))
    }

    /// Claims records and finds out what is known of them, so that there is always a unit ready for the
    /// next permit.
    fn prepare(&mut self, now_ms: EpochMs) {
        let ahead = self.permits.ahead();
        let kind = self.sender.next_kind();
        while self.ready.len() + self.preparing < ahead
            && self.permits.wait().is_none()
            && self.timeout_ms(kind, now_ms).is_some()
            && self.remaining().peek().is_some()
        {
            let sender = self.sender;
            let unit = sender.next_unit(&mut self.remaining());
            let pages = self.count_in(&unit);
            self.preparing += 1;
            self.running.push(Box::pin(async move {
                let sent = sender.prepare(unit).await;
                Event::Prepared { pages, sent }
            }));
        }
    }

    fn start(&mut self, unit: Unit, moment: Option<Moment>, timeout_ms: u64) {
        let sender = self.sender;
        let (pages, kind) = (unit.pages(), unit.kind());
        self.permits.started();
        self.running.push(Box::pin(async move {
            let sent = sender.act(unit, moment, timeout_ms).await;
            Event::Done { pages, kind, moment, sent }
        }));
    }

    fn abandon_ready(&mut self) {
        for unit in std::mem::take(&mut self.ready) {
            self.abandon(unit);
        }
    }

    fn abandon(&mut self, unit: Unit) {
        let (sender, pages) = (self.sender, unit.pages());
        self.running.push(Box::pin(async move {
            let sent = sender.abandon(unit).await;
            Event::Abandoned { pages, sent }
        }));
    }

    /// A unit keeps its pages from being settled.
    fn count_in(&mut self, unit: &Unit) -> Vec<usize> {
        let pages = unit.pages();
        for page in &pages {
            self.progress[*page].in_flight += 1;
        }
        pages
    }

    fn lease(&mut self, kind: RequestKind, now_ms: EpochMs) {
        let left = || self.progress.iter().map(|progress| progress.remaining.len());
        let batching = self.flow.destination.batching();
        let records_max = batching.records_max.max(1);
        let bulks: usize = if batching.known_as_a_whole {
            left().map(|left| left.div_ceil(records_max)).sum()
        } else {
            left().sum::<usize>().div_ceil(records_max)
        };
        let left: usize = left().sum();
        let mut requests = (self.ready.len() + bulks) as u64;
        if let Some(lookup) = &self.flow.lookup {
            requests += left.div_ceil(lookup.keys_max().max(1)) as u64;
        }
        let timeout_ms = self.flow.settings.timeout_ms(kind);
        let last_ms =
            self.invocation.deadline.last_start_ms(timeout_ms, self.permits.slowest_ms(kind));
        let is_probe = self.breaker.is_probing();
        let wanted = self.permits.wanted(requests, last_ms, now_ms, is_probe);
        let shared = self.shared;
        self.running.push(Box::pin(async move { Event::Leased(shared.lease(wanted).await) }));
    }

    /// Whether no request will start any more.
    pub(super) fn is_over(&self) -> bool {
        self.permits.is_idle() && self.preparing == 0 && self.ready.is_empty()
    }

    /// The records that may be sent now, the oldest page's first.
    fn remaining(&mut self) -> Remaining<'_> {
        match self.alone {
            None => Remaining { first: 0, progress: &mut self.progress },
            Some(job) => Remaining { first: job, progress: &mut self.progress[job..=job] },
        }
    }

    /// Takes in what came of a unit.
    async fn done(&mut self, pages: &[usize], sent: Sent) {
        for unit in &sent.next {
            self.count_in(unit);
        }
        for page in pages {
            self.progress[*page].in_flight -= 1;
        }
        // Before what is not begun yet: their claims are held.
        for unit in sent.next.into_iter().rev() {
            self.ready.push_front(unit);
        }
        if sent.took_ms.is_some() {
            self.tally.requests += 1;
            let (shared, permits) = (self.shared, &mut self.permits);
            let limited = self.breaker.mind(shared, permits, self.flow, &sent.outcomes).await;
            self.tally.throttled += u64::from(limited);
        }
        if let Some(allowance) = sent.allowance {
            self.breaker.learn(self.shared, &mut self.permits, allowance).await;
        }
        self.judge(sent.outcomes).await;
    }

    /// Notes what became of each record.
    async fn judge(&mut self, outcomes: Vec<(Place, Outcome)>) {
        let failed_last = outcomes
            .iter()
            .find(|(place, outcome)| self.is_last_try(place.page) && fails_by_itself(outcome));
        let others_get_through = match failed_last {
            None => false,
            Some((place, _)) => {
                !Guard::GiveUpAlone.stands()
                    || self.tally.delivered > 0
                    || others_get_through(self.ports, self.flow, &self.jobs[place.page].page).await
            }
        };
        for (place, outcome) in outcomes {
            let verdict = verdict(outcome, self.is_last_try(place.page), others_get_through);
            self.note(place.page, place.index, verdict);
        }
    }

    fn is_last_try(&self, job: usize) -> bool {
        self.jobs[job].page.attempts + 1 >= self.flow.settings.retry.attempts_max
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
                progress.tried |= later.is_failure();
                // Who waits for another version waits for nothing that failed.
                let worth = |later: &Later| (later.blame != Blame::Entity, later.after_ms);
                if progress.later.as_ref().is_none_or(|old| worth(old) < worth(&later)) {
                    progress.later = Some(later);
                }
                if self.flow.settings.ordering == Ordering::Serial {
                    // Nothing may overtake it.
                    progress.remaining = Vec::new().into_iter().peekable();
                    self.halted = true;
                }
            }
        }
    }
}

/// Whether it is not the destination as a whole, nor a limit, nor another version.
fn fails_by_itself(outcome: &Outcome) -> bool {
    let Outcome::Later(later) = outcome else { return false };
    matches!(later.blame, Blame::Request | Blame::Batch)
}

/// The records of some jobs that are left.
struct Remaining<'w> {
    /// The first of these jobs.
    first: usize,
    progress: &'w mut [Progress],
}

impl Remaining<'_> {
    fn next(&mut self) -> Option<(usize, &mut Peekable<vec::IntoIter<u32>>)> {
        let left = |progress: &mut Progress| progress.remaining.peek().is_some();
        let at = self.progress.iter_mut().position(left)?;
        Some((self.first + at, &mut self.progress[at].remaining))
    }
}

impl Places for Remaining<'_> {
    fn peek(&mut self) -> Option<Place> {
        let (page, remaining) = self.next()?;
        remaining.peek().map(|index| Place { page, index: *index })
    }

    fn take(&mut self) -> Option<Place> {
        let (page, remaining) = self.next()?;
        remaining.next().map(|index| Place { page, index })
    }

    fn put_back(&mut self, places: Vec<Place>) {
        let mut by_page: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for Place { page, index } in places {
            by_page.entry(page).or_default().push(index);
        }
        for (page, mut first) in by_page {
            let remaining = &mut self.progress[page - self.first].remaining;
            first.extend(&mut *remaining);
            *remaining = first.into_iter().peekable();
        }
    }

    fn cut(&mut self, page: usize) -> &mut u32 {
        &mut self.progress[page - self.first].cut
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
