//! A page's careful turn: see [`crate::app::careful`].

use super::{settle::park_and_settle, work::Work};
use crate::{
    app::careful::{Suspicion, died},
    decide::{Batches, Verdict},
    model::{Ordering, RecordKey, Settled, Settling},
    ports::{Clock, Ids, PageQueue, Random, Settle, Store, Unavailable},
};

impl<S: Store, Q: PageQueue, C: Clock, E: Random + Ids> Work<'_, S, Q, C, E> {
    /// Takes a page's careful turn. Whatever it leaves is given back.
    pub(super) async fn work_carefully(&mut self, job: usize) {
        if !self.may_start() {
            return;
        }
        if let Err(error) = self.examine(job).await {
            let stream = &self.flow.stream;
            tracing::warn!(%stream, %error, "a page's careful turn is left to the next invocation");
        }
    }

    fn may_start(&self) -> bool {
        let left_ms = self.invocation.deadline.left_ms(self.ports.clock.now_ms());
        left_ms > 0 && self.permits.wait().is_none() && !self.breaker.is_shut()
    }

    async fn examine(&mut self, job: usize) -> Result<(), Unavailable> {
        let unsettled = self.jobs[job].unsettled();
        let keys: Vec<RecordKey> =
            self.jobs[job].arrival.page.records.iter().map(|record| record.key()).collect();
        let key = |index: u32| &keys[index as usize];
        let asked: Vec<RecordKey> = unsettled.iter().map(|index| key(*index).clone()).collect();
        let (store, stream) = (&self.ports.store, &self.flow.stream);
        let suspicion = Suspicion::of(store, stream, self.invocation.generation, &asked).await?;

        let serial = self.flow.settings.ordering == Ordering::Serial;
        let Batches { fatal, batches } = suspicion.batches(&unsettled, key, serial);
        // Their marks stay, should the page be voided and read again; a replay clears them.
        for index in fatal {
            self.note(job, index, Verdict::Park { status: None, reason: died() });
        }
        self.settle_now(job).await?;
        for batch in batches {
            // Another holder of the same message may have been faster.
            let known = &self.progress[job].known;
            let batch: Vec<u32> =
                batch.into_iter().filter(|index| !known.contains(*index)).collect();
            let Some(last) = batch.last().copied() else { continue };
            if !self.may_start() {
                break;
            }
            let in_hand: Vec<RecordKey> = batch.iter().map(|index| key(*index).clone()).collect();
            suspicion.take_in_hand(&in_hand).await?;
            self.progress[job].remaining = batch.into_iter().peekable();
            self.go_on().await;
            // What time did not allow is the next invocation's.
            self.progress[job].remaining = Vec::new().into_iter().peekable();
            let settled = self.settle_now(job).await;
            // Whoever was handled was survived, be it settled or not.
            let handled = &self.progress[job].handled;
            let was_handled = |suspect: &RecordKey| {
                unsettled.iter().any(|index| handled.contains(*index) && key(*index) == suspect)
            };
            suspicion.let_go(in_hand, was_handled).await?;
            settled?;
            if serial && !self.progress[job].known.contains(last) {
                // Nothing may overtake it.
                break;
            }
        }
        Ok(())
    }

    /// Settles what is settled so far, so that no death to come has it handled again.
    async fn settle_now(&mut self, job: usize) -> Result<(), Unavailable> {
        let progress = &self.progress[job];
        if progress.settled.is_empty() {
            return Ok(());
        }
        let page = &self.jobs[job].page;
        // It is not left in order yet: whoever comes after a death is to be careful again.
        let settling = Settling { receives: page.carried, ..self.settling(job) };
        let settle =
            park_and_settle(&self.ports.store, self.flow, page, &progress.parked, &settling);
        let answer = settle.await?;
        let parked = std::mem::take(&mut self.progress[job].parked);
        self.count_parked(parked);
        let progress = &mut self.progress[job];
        progress.settled = Settled::default();
        progress.progressed = true;
        match answer {
            Settle::Done => {
                progress.known = (0..page.count).collect();
                progress.done = true;
            }
            Settle::Open(settled) => progress.known = settled,
            Settle::Superseded => {
                return Err(Unavailable("the page was voided meanwhile".into()));
            }
        }
        Ok(())
    }
}
