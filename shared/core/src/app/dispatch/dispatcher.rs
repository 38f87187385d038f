//! One invocation's requests: started as limits and time allow, their outcomes noted, and every page left
//! of which nothing more is to be sent.

use std::{collections::VecDeque, pin::pin};

use futures_util::{
    future::{BoxFuture, Either, select},
    stream::{FuturesUnordered, StreamExt},
};

use super::{
    gathered::Gathered,
    refusals::Refusals,
    sink::{Sink, Written},
    work::{FEW_RECORDS, PageWork, Work},
};
use crate::{
    app::{
        report::{Disposition, Tally},
        send::{Places, Sender, Step, Unit},
        throttle::{Admission, BudgetAnswer, Permit, Throttle},
    },
    decide::{Delivery, Grouping, jittered_ms},
    model::{Blame, EpochMs, Later, RequestKind, WaitOn},
    ports::{Clock, Ending, Platform, Random, Settle, Unavailable},
};

/// How long a record waits for another version of its entity, where that says nothing, in ms.
const OTHER_VERSION_MS: u64 = 1_000;

pub(super) enum Event<T> {
    /// Records were claimed, to be looked up or sent.
    Prepared { pages: Vec<usize>, units: usize, step: Step },
    /// A unit was done.
    Done { pages: Vec<usize>, kind: RequestKind, permit: Permit, step: Step },
    /// A unit was left to the next invocation.
    Abandoned { pages: Vec<usize>, step: Step },
    /// What became of a page was written down, or was not.
    Written { gives_back_ms: u64, written: Written<T> },
    /// The same of pages of which every record is settled.
    Whole(Vec<Written<T>>),
    /// Claims have ended.
    Ended { pages: Vec<usize> },
    /// The budget answered.
    Budget(BudgetAnswer),
}

/// The work of one invocation.
pub(in crate::app) struct Dispatcher<'a, P: Platform, K: Sink> {
    pub(super) sender: &'a Sender<'a, P>,
    pub(super) sink: &'a K,
    pub(super) throttle: Throttle<'a, P>,
    pub(super) work: Work,
    pub(super) running: FuturesUnordered<BoxFuture<'a, Event<K::Entry>>>,
    /// Units that wait for a permit, the next one first.
    pub(super) ready: VecDeque<Unit>,
    pub(super) preparing: usize,
    /// Units that are being left to the next invocation, or were decided without a request.
    abandoning: usize,
    /// Claims that end, and the pages of their units, once for each unit.
    endings: Gathered<Ending>,
    ending_pages: Vec<usize>,
    /// Pages of which every record is settled.
    whole: Gathered<(usize, K::Entry)>,
    finished: Vec<(usize, Disposition)>,
    /// Why records were parked.
    errors: Grouping,
    /// Records that are refused in a row.
    pub(super) refusals: Refusals,
    pages_done: u64,
}

/// What came of it.
pub(in crate::app) struct Dispatched {
    /// What becomes of each page's message.
    pub finished: Vec<(usize, Disposition)>,
    pub tally: Tally,
    pub pages_done: u64,
    /// Why records were parked.
    pub errors: Grouping,
    /// A quota is used up, and what is left goes on then.
    pub quota_until_ms: Option<EpochMs>,
    /// What there is to wait for.
    pub delivery: Delivery,
}

impl<'a, P: Platform, K: Sink> Dispatcher<'a, P, K> {
    /// The pages are those that the sender and the sink know, in the same order. So many records were `refused`
    /// in a row before, where that counts.
    pub fn new(
        sender: &'a Sender<'a, P>,
        sink: &'a K,
        throttle: Throttle<'a, P>,
        pages: Vec<PageWork>,
        refused: Option<u32>,
    ) -> Self {
        let refused_max = refused.map_or(0, |_| sender.flow.settings.retry.refused_max);
        let is_serial = sender.flow.settings.is_serial();
        Self {
            sender,
            sink,
            throttle,
            work: Work::new(pages, is_serial),
            running: FuturesUnordered::new(),
            ready: VecDeque::new(),
            preparing: 0,
            abandoning: 0,
            endings: Gathered::default(),
            ending_pages: Vec::new(),
            whole: Gathered::default(),
            finished: Vec::new(),
            errors: Grouping::default(),
            refusals: Refusals::new(refused.unwrap_or(0), refused_max, is_serial),
            pages_done: 0,
        }
    }

    /// Does what can be done in this invocation.
    pub async fn run(mut self) -> Dispatched {
        if self.work.len() > 0 {
            self.throttle.try_enter().await;
        }
        self.go_on().await;
        // When all others are safe: one of these records may crash the process.
        for page in 0..self.work.len() {
            if self.work.page(page).is_isolated() {
                self.work.send_only(Some(page));
                self.isolate(page).await;
                self.work.send_only(None);
                self.work.page_mut(page).release();
                self.go_on().await;
            }
        }
        let delivery = self.delivery();
        self.throttle.leave().await;
        Dispatched {
            delivery,
            tally: *self.work.tally(),
            finished: self.finished,
            pages_done: self.pages_done,
            errors: self.errors,
            quota_until_ms: self.throttle.quota_until_ms(),
        }
    }

    /// What there is to wait for, as it ends. Since when is not known here.
    fn delivery(&self) -> Delivery {
        let back_ms = self.finished.iter().filter_map(|(_, disposition)| match disposition {
            Disposition::GiveBack { delay_ms } => Some(*delay_ms),
            Disposition::Acknowledge => None,
        });
        let now_ms = self.sender.ports.clock.now_ms();
        let pages = || (0..self.work.len()).map(|page| self.work.page(page));
        Delivery {
            wait: self.throttle.wait(),
            later: pages().filter_map(PageWork::later).max_by_key(|later| later.worth()).cloned(),
            back_ms: back_ms.min().map(|delay_ms| now_ms.saturating_add_unsigned(delay_ms)),
            settled: pages().any(|page| page.has_progressed() || page.is_done()),
            oldest_ms: now_ms,
            refused: self.refusals.in_a_row(),
            stopped: self.throttle.is_stopped(),
        }
    }

    /// Works until nothing is under way and nothing more can be started.
    pub(super) async fn go_on(&mut self) {
        loop {
            self.start_requests();
            self.lease_ahead();
            self.leave_pages();
            self.write_gathered();
            let Some(event) = self.next_event().await else {
                if let Some(until_ms) = self.waits_here_until_ms() {
                    self.sender.ports.clock.sleep_until(until_ms).await;
                    self.throttle.waited_here();
                    continue;
                }
                if self.ready.is_empty() {
                    match self.note_held().await {
                        true => continue,
                        false => break,
                    }
                }
                for unit in std::mem::take(&mut self.ready) {
                    self.abandon(unit);
                }
                continue;
            };
            match event {
                Event::Prepared { pages, units, step } => {
                    self.preparing -= units;
                    self.stepped(&pages, step, false).await;
                }
                Event::Done { pages, kind, permit, step } => {
                    let was_probe = self.throttle.is_probing();
                    let was_limited = self.throttle.ended(kind, permit, &step).await;
                    let tally = self.work.tally();
                    tally.requests += u64::from(step.took_ms.is_some());
                    tally.throttled += u64::from(was_limited);
                    self.stepped(&pages, step, was_probe).await;
                }
                Event::Abandoned { pages, step } => {
                    self.abandoning -= 1;
                    self.stepped(&pages, step, false).await;
                }
                Event::Written { gives_back_ms, written } => self.written(gives_back_ms, written),
                Event::Whole(all) => all.into_iter().for_each(|written| self.written(0, written)),
                Event::Ended { pages } => self.work.unit_ends(&pages),
                Event::Budget(answer) => self.throttle.take_in(answer),
            }
        }
    }

    /// Until when to wait before more is asked for in this invocation, where that is soon and there is work.
    fn waits_here_until_ms(&mut self) -> Option<EpochMs> {
        let until_ms = self.throttle.waits_here_until_ms()?;
        (!self.work.is_halted() && self.requests_left() > 0).then_some(until_ms)
    }

    /// Starts as many requests as limits and time allow.
    fn start_requests(&mut self) {
        while !self.work.is_halted() && self.throttle.lets_through() {
            if self.ready.is_empty() && self.work.remaining().peek().is_none() {
                return;
            }
            if self.sender.prepares(self.throttle.leases_slots()) {
                self.prepare();
                if self.ready.is_empty() {
                    return;
                }
            }
            let kind = self.ready.front().map_or(RequestKind::Deliver, Unit::kind);
            if !self.throttle.has_time_for(kind) {
                return;
            }
            if let Some(refresh) = self.throttle.refresh() {
                self.running.push(Box::pin(async move { Event::Budget(refresh.await) }));
            }
            let permit = match self.throttle.ask(kind) {
                Admission::Granted(permit) => permit,
                Admission::Lease => return self.lease(kind),
                Admission::Wait => return,
            };
            let unit = match self.ready.pop_front() {
                Some(unit) => unit,
                None => {
                    let unit = self.take_unit();
                    if unit.is_decided() {
                        // All of it is decided, without a request.
                        self.throttle.put_back(permit);
                        self.abandon(unit);
                        continue;
                    }
                    unit
                }
            };
            self.start(unit, permit);
        }
    }

    /// Leases more before the last of what is leased is used, and lets go of what will not be.
    fn lease_ahead(&mut self) {
        if !self.throttle.keeps_a_rate() {
            return;
        }
        let left = self.requests_left();
        if left == 0
            && self.preparing == 0
            && let Some(kept) = self.throttle.let_go()
        {
            self.running.push(Box::pin(async move { Event::Budget(kept.await) }));
        }
        if !self.work.is_halted() && self.throttle.runs_short(left) {
            self.lease(self.ready.front().map_or(RequestKind::Deliver, Unit::kind));
        }
    }

    /// How many requests there are to send.
    fn requests_left(&self) -> u64 {
        (self.ready.len() + self.sender.packing.requests_of(self.work.left())) as u64
    }

    /// What happens next; nothing where claims are to be ended that were gathered for long enough.
    async fn next_event(&mut self) -> Option<Event<K::Entry>> {
        let due_ms = [self.endings.due_ms(), self.whole.due_ms()].into_iter().flatten().min();
        let Some(due_ms) = due_ms else { return self.running.next().await };
        let due = pin!(self.sender.ports.clock.sleep_until(due_ms));
        match select(self.running.next(), due).await {
            Either::Left((event, _)) => event,
            Either::Right(_) => Some(Event::Ended { pages: Vec::new() }),
        }
    }

    /// Ends the claims and settles the pages that were gathered, where they are enough, or waited for long,
    /// or nothing is under way that would bring more.
    fn write_gathered(&mut self) {
        let now_ms = self.sender.ports.clock.now_ms();
        let no_more = self.throttle.is_idle() && self.preparing == 0 && self.abandoning == 0;
        if let Some(endings) = self.endings.take(no_more, now_ms) {
            let (sender, pages) = (self.sender, std::mem::take(&mut self.ending_pages));
            self.running.push(Box::pin(async move {
                sender.end(&endings).await;
                Event::Ended { pages }
            }));
        }
        if let Some(entries) = self.whole.take(self.running.is_empty(), now_ms) {
            let sink = self.sink;
            self.running
                .push(Box::pin(async move { Event::Whole(sink.write_together(entries).await) }));
        }
    }

    /// Takes the next records that are left. Their pages are not left meanwhile.
    pub(super) fn take_unit(&mut self) -> Unit {
        let unit = self.sender.packing.next_unit(&mut self.work.remaining());
        self.work.unit_begins(&unit.pages());
        unit
    }

    fn start(&mut self, unit: Unit, permit: Permit) {
        let sender = self.sender;
        let (pages, kind) = (unit.pages(), unit.kind());
        self.throttle.started();
        self.running.push(Box::pin(async move {
            let step = sender.act(unit, permit.slot, permit.timeout_ms).await;
            Event::Done { pages, kind, permit, step }
        }));
    }

    fn abandon(&mut self, unit: Unit) {
        let (sender, pages) = (self.sender, unit.pages());
        self.abandoning += 1;
        self.running.push(Box::pin(async move {
            let step = sender.abandon(unit).await;
            Event::Abandoned { pages, step }
        }));
    }

    fn lease(&mut self, kind: RequestKind) {
        let lease = self.throttle.lease(kind, self.requests_left());
        self.running.push(Box::pin(async move { Event::Budget(lease.await) }));
    }

    /// Takes in what came of a unit's step.
    async fn stepped(&mut self, pages: &[usize], step: Step, was_probe: bool) {
        for unit in &step.next {
            self.work.unit_begins(&unit.pages());
        }
        if step.endings.is_empty() {
            self.work.unit_ends(pages);
        } else {
            // Its pages are not left, nor settled, before these are written.
            self.endings.add(step.endings, self.sender.ports.clock.now_ms());
            self.ending_pages.extend(pages);
        }
        // Before what is not begun yet: their claims are held.
        for unit in step.next.into_iter().rev() {
            self.ready.push_front(unit);
        }
        self.note(step.outcomes, was_probe).await;
    }

    /// Leaves every page of which nothing more will be sent.
    fn leave_pages(&mut self) {
        let no_more = self.throttle.is_idle()
            && self.preparing == 0
            && self.ready.is_empty()
            && self.waits_here_until_ms().is_none();
        while let Some(page) = self.work.next_to_leave(no_more) {
            self.leave(page);
        }
    }

    fn leave(&mut self, page: usize) {
        if self.work.page(page).is_done() {
            // Its turn in isolation settled the last of it.
            return self.left(page, 0, Ok(Settle::Done));
        }
        let gives_back_ms = if self.work.page(page).is_whole() { 0 } else { self.delay_ms(page) };
        let fails_alone = self.fails_alone(page);
        let work = self.work.page_mut(page);
        let entry = self.sink.entry(page, work.standing(fails_alone, Some(gives_back_ms)));
        work.handed_over();
        let Some(entry) = entry else {
            let give_back = Disposition::GiveBack { delay_ms: gives_back_ms };
            self.finished.push((page, give_back));
            return;
        };
        let sink = self.sink;
        if sink.joins(&entry) {
            self.whole.add([(page, entry)], self.sender.ports.clock.now_ms());
            return;
        }
        self.running.push(Box::pin(async move {
            let answer = sink.write(page, &entry).await;
            Event::Written { gives_back_ms, written: Written { page, entry, answer } }
        }));
    }

    /// Takes in that what became of a page was written down, or was not.
    fn written(&mut self, gives_back_ms: u64, written: Written<K::Entry>) {
        let Written { page, entry, answer } = written;
        if answer.is_ok() {
            self.count_parked(entry);
        }
        self.left(page, gives_back_ms, answer);
    }

    fn left(&mut self, page: usize, gives_back_ms: u64, answer: Result<Settle, Unavailable>) {
        let flow = self.sender.flow;
        let disposition = match answer {
            Ok(Settle::Done) => {
                self.pages_done += 1;
                Disposition::Acknowledge
            }
            Ok(Settle::Superseded) => Disposition::Acknowledge,
            Ok(Settle::Open(_)) => Disposition::GiveBack { delay_ms: gives_back_ms },
            Err(error) => {
                tracing::warn!(stream = %flow.stream, %error, "a page was not settled");
                Disposition::GiveBack { delay_ms: flow.settings.retry.base_ms }
            }
        };
        self.finished.push((page, disposition));
    }

    /// Writes down what of a page is settled so far, so that no crash to come has it handled again.
    pub(super) async fn write_now(&mut self, page: usize) -> Result<(), Unavailable> {
        if !self.work.page(page).has_news() {
            return Ok(());
        }
        let fails_alone = self.fails_alone(page);
        let work = self.work.page_mut(page);
        let Some(entry) = self.sink.entry(page, work.standing(fails_alone, None)) else {
            return Ok(());
        };
        let answer = self.sink.write(page, &entry).await?;
        self.count_parked(entry);
        let work = self.work.page_mut(page);
        work.handed_over();
        match answer {
            Settle::Done => work.written_as_done(),
            Settle::Open(known) => work.written(&known),
            Settle::Superseded => {
                return Err(Unavailable("the page was voided meanwhile".into()));
            }
        }
        Ok(())
    }

    /// What failed while others got through failed by itself, though it opened the circuit. So did, perhaps, what has
    /// no others beside it that could: its tries count, and others of the stream decide then whether it is given up.
    fn fails_alone(&mut self, page: usize) -> bool {
        let fails = self.work.page(page).later().is_some_and(Later::is_of_one_request);
        let has_others = self.work.unsettled() > FEW_RECORDS;
        !self.throttle.is_open() || self.work.tally().delivered > 0 || (fails && !has_others)
    }

    /// Counts what was parked, and why.
    fn count_parked(&mut self, entry: K::Entry) {
        let parked = K::parked(entry);
        self.work.tally().parked += parked.len() as u64;
        for parked in parked {
            self.errors.add(&self.sender.flow.stream, parked.into());
        }
    }

    /// For how long a page's message is given back, as things stand.
    fn delay_ms(&self, page: usize) -> u64 {
        let random = || self.sender.ports.entropy.next_u64();
        let (work, sink) = (self.work.page(page), self.sink);
        let wait_ms = match (self.throttle.wait(), work.later()) {
            // Waiting for the destination is no failure, and lasts until there is something to be had.
            (Some(wait), later) => {
                let asked_ms = later.and_then(|later| later.after_ms).unwrap_or(0);
                let wait_ms = self.throttle.wait_ms(wait, random);
                if wait.on == WaitOn::Circuit { wait_ms } else { wait_ms.max(asked_ms) }
            }
            (None, Some(later)) => {
                let backoff_ms = match later.blame {
                    Blame::NotAttempted => OTHER_VERSION_MS,
                    _ => sink.backoff_ms(page),
                };
                later.after_ms.unwrap_or_else(|| jittered_ms(backoff_ms, random()))
            }
            // Only time was short: the next invocation goes on at once.
            (None, None) if work.has_progressed() || work.has_news() => 0,
            (None, None) => sink.backoff_ms(page),
        };
        sink.give_back_ms(page, wait_ms)
    }
}
