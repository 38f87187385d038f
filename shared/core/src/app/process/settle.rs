//! Settling a page, and giving back what is left of it.

use super::{
    gate::{PROBE_EVERY_MS, Valve},
    work::{Event, Job, Work},
};
use crate::{
    app::Disposition,
    decide::{backoff_ms, give_back_ms, jittered_ms},
    guard::Guard,
    model::Blame,
    ports::{Clock, Ids, PageQueue, Random, Settle, Store, Unavailable},
};

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
        let progress = &mut self.progress[job];
        progress.settling = true;
        if progress.known.len() >= page.count {
            // A careful turn settled it record by record.
            self.settled(job, Ok(Settle::Done), 0);
            return;
        }
        let mut union = progress.known.clone();
        union.union(&progress.settled);
        let done = union.len() >= page.count;
        let now_ms = ports.clock.now_ms();
        // While the destination is down or time is short, a message that comes and goes is no
        // failed try: the page is touched only so often that the reaper knows it is carried.
        let quiet_ms = now_ms - page.last_progress_ms;
        let touch = Guard::CarriedIsNotLost.stands() && quiet_ms > flow.settings.stuck_after_ms / 4;
        let counts =
            progress.tried && !progress.progressed && !matches!(self.valve, Valve::Shut { .. });
        if progress.settled.is_empty() && !done && !counts && !touch {
            let disposition = self.give_back(job);
            self.finished.push((arrival.receipt.clone(), disposition));
            return;
        }
        progress.progressed |= !progress.settled.is_empty();
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

    pub(super) fn settled(&mut self, job: usize, answer: Result<Settle, Unavailable>, parked: u64) {
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
        let Job { arrival, page, .. } = &self.jobs[job];
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
