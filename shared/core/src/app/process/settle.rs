//! Settling a page, and giving back what is left of it.

use super::work::{Event, Job, Work};
use crate::{
    app::{
        Disposition, Flow,
        breaker::{PROBE_EVERY_MS, Valve, since},
    },
    decide::{CAREFUL_FROM_RECEIVES, backoff_ms, give_back_ms, jittered_ms},
    guard::Guard,
    model::{Blame, Page, Parked, Settled, Settling, Wait, WaitOn},
    ports::{Clock, Ids, PageQueue, Random, Settle, Store, Unavailable},
};

/// Over how long those who wait for slots come back, in ms.
const SLOTS_SPREAD_MS: u64 = 2_000;

impl<S: Store, Q: PageQueue, C: Clock, E: Random + Ids> Work<'_, S, Q, C, E> {
    /// Starts to settle every page for which nothing more will be sent.
    pub(super) fn start_settling(&mut self) {
        for job in 0..self.jobs.len() {
            let over = self.is_over();
            let progress = &mut self.progress[job];
            let exhausted = progress.remaining.peek().is_none();
            let ready = !progress.held && !progress.settling && progress.in_flight == 0;
            if ready && (exhausted || over) {
                self.settle(job);
            }
        }
    }

    fn settle(&mut self, job: usize) {
        let (ports, flow) = (self.ports, self.flow);
        let Job { arrival, page, .. } = &self.jobs[job];
        self.progress[job].settling = true;
        if self.progress[job].done {
            // A careful turn settled the last of it.
            self.settled(job, Ok(Settle::Done), Vec::new());
            return;
        }
        let progress = &mut self.progress[job];
        progress.progressed |= !progress.settled.is_empty();
        let stuck_after_ms = flow.settings.stuck_after_ms;
        let mut settling = self.settling(job);
        let delay_ms = if settling.done { 0 } else { self.delay_ms(job) };
        self.progress[job].delay_ms = delay_ms;
        // The reaper is told of waits that it would take for a loss; short ones cost no request.
        let hidden_until_ms = settling.now_ms.saturating_add_unsigned(delay_ms);
        let hides = Guard::HiddenIsNotLost.stands()
            && hidden_until_ms - settling.now_ms > stuck_after_ms / 4;
        if hides {
            settling.waits_until_ms = hidden_until_ms;
        }
        // While the destination is down or time is short, a message that comes and goes is no failed
        // try. The page is touched only so often that the reaper knows it is carried, and that nobody
        // takes its receipts for deaths.
        let quiet_ms = settling.now_ms - page.last_progress_ms;
        let unheard_of = arrival.receives.saturating_sub(page.carried) + 1;
        let touch = Guard::CarriedIsNotLost.stands()
            && (quiet_ms > stuck_after_ms / 4 || unheard_of >= CAREFUL_FROM_RECEIVES);
        let is_as_it_was = settling.settled.is_empty() && !settling.done && !settling.tried;
        if is_as_it_was && !hides && !touch {
            self.finished.push((arrival.receipt.clone(), Disposition::GiveBack { delay_ms }));
            return;
        }
        let progress = &mut self.progress[job];
        progress.settled = Settled::default();
        let parked = std::mem::take(&mut progress.parked);
        self.running.push(Box::pin(async move {
            let answer = park_and_settle(&ports.store, flow, page, &parked, &settling).await;
            Event::Settled { job, answer, parked }
        }));
    }

    /// How the page is left as things stand.
    pub(super) fn settling(&self, job: usize) -> Settling {
        let Job { arrival, page, .. } = &self.jobs[job];
        let progress = &self.progress[job];
        let mut union = progress.known.clone();
        union.union(&progress.settled);
        let shut = self.breaker.is_shut();
        Settling {
            settled: progress.settled.clone(),
            done: union.len() >= page.count,
            // What failed while others got through failed by itself, though it shut the gate.
            tried: progress.tried && !progress.progressed && (!shut || self.tally.delivered > 0),
            receives: arrival.receives,
            now_ms: self.ports.clock.now_ms(),
            waits_until_ms: 0,
        }
    }

    pub(super) fn settled(
        &mut self,
        job: usize,
        answer: Result<Settle, Unavailable>,
        parked: Vec<Parked>,
    ) {
        if answer.is_ok() {
            self.count_parked(parked);
        }
        let disposition = match answer {
            Ok(Settle::Done) => {
                self.pages_done += 1;
                Disposition::Acknowledge
            }
            Ok(Settle::Superseded) => Disposition::Acknowledge,
            Ok(Settle::Open(_)) if !Guard::AcknowledgeLast.stands() => Disposition::Acknowledge,
            Ok(Settle::Open(_)) => Disposition::GiveBack { delay_ms: self.progress[job].delay_ms },
            Err(error) => {
                tracing::warn!(stream = %self.flow.stream, %error, "a page was not settled");
                Disposition::GiveBack { delay_ms: self.flow.settings.retry.base_ms }
            }
        };
        self.finished.push((self.jobs[job].arrival.receipt.clone(), disposition));
    }

    /// Counts what was parked, and why.
    pub(super) fn count_parked(&mut self, parked: Vec<Parked>) {
        self.tally.parked += parked.len() as u64;
        for parked in parked {
            self.errors.add(&self.flow.stream, parked.into());
        }
    }

    /// For how long a page's message is given back, as things stand.
    fn delay_ms(&self, job: usize) -> u64 {
        let policy = &self.flow.settings.retry;
        let Job { arrival, page, .. } = &self.jobs[job];
        let wait_ms = match (self.breaker.valve(), &self.progress[job].later) {
            // A little after the gate: whoever comes first probes, the others find it open.
            (Valve::Shut { wait_ms }, _) => {
                wait_ms + self.ports.entropy.next_u64() % PROBE_EVERY_MS
            }
            // Waiting for the budget is no failure, and lasts until there is something to be had.
            (_, later) if self.permits.wait().is_some() => {
                let asked_ms = later.as_ref().and_then(|later| later.after_ms).unwrap_or(0);
                self.budget_wait_ms().max(asked_ms)
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
        let receives_max = self.ports.queue.limits().receives_max;
        give_back_ms(policy, wait_ms, arrival.receives, receives_max)
    }

    /// How long until it is worth asking the budget again.
    fn budget_wait_ms(&self) -> u64 {
        let Some(Wait { on, until_ms }) = self.permits.wait() else { return 0 };
        let wait_ms = since(self.ports.clock.now_ms(), until_ms);
        match on {
            // Those who wait for slots come back one after the other.
            WaitOn::Slots => wait_ms + self.ports.entropy.next_u64() % SLOTS_SPREAD_MS,
            WaitOn::Moments | WaitOn::Quota | WaitOn::Gate => wait_ms,
        }
    }
}

/// Parks what is to be parked, and then settles: only what is durably parked counts as settled.
pub(super) async fn park_and_settle<S: Store>(
    store: &S,
    flow: &Flow,
    page: &Page,
    parked: &[Parked],
    settling: &Settling,
) -> Result<Settle, Unavailable> {
    let settle = || store.settle(&flow.stream, page.number, &page.emission, settling);
    if !Guard::ParkFirst.stands() {
        let answer = settle().await?;
        return store.park(parked).await.map(|()| answer);
    }
    if !parked.is_empty() {
        store.park(parked).await?;
    }
    settle().await
}
