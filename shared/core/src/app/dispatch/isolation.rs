//! Isolation of poison records: one of a page's records may crash its processor, by its memory, by an
//! abort, by never coming to an end.
//!
//! A crashed processor cannot tell which record it was, so it is noted before: records are marked as in
//! hand, handled, and cleared. A mark that is found standing was left by a processor that crashed. Its
//! record is handled alone from then on, and after some crashes it is parked unhandled.

use super::{
    dispatcher::Dispatcher,
    sink::Sink,
    suspects::{Marks, crashed},
};
use crate::{
    app::send::Place,
    decide::Batches,
    model::{Outcome, RecordKey},
    ports::{Clock, Platform, Unavailable},
};

impl<P: Platform, K: Sink> Dispatcher<'_, P, K> {
    /// Takes a page's turn in isolation. What it leaves is given back.
    pub(super) async fn isolate(&mut self, page: usize) {
        if !self.may_start() {
            return;
        }
        if let Err(error) = self.handle_in_batches(page).await {
            let stream = &self.sender.flow.stream;
            tracing::warn!(%stream, %error, "a page in isolation is left to the next invocation");
        }
    }

    fn may_start(&self) -> bool {
        let now_ms = self.sender.ports.clock.now_ms();
        self.sender.invocation.deadline.left_ms(now_ms) > 0 && self.throttle.wait().is_none()
    }

    async fn handle_in_batches(&mut self, page: usize) -> Result<(), Unavailable> {
        let unsettled = self.work.page(page).unsettled();
        let records = self.sender.packing.pages[page];
        let keys: Vec<RecordKey> = records.iter().map(|record| record.key()).collect();
        let key = |index: u32| &keys[index as usize];
        let asked: Vec<RecordKey> = unsettled.iter().map(|index| key(*index).clone()).collect();
        let (store, stream) = (&self.sender.ports.store, &self.sender.flow.stream);
        let generation = self.sender.invocation.generation;
        let marks = Marks::of(store, stream, generation, &asked).await?;

        let serial = self.work.is_serial();
        let Batches { fatal, batches } = marks.batches(&unsettled, key, serial);
        // Their marks stay, should the page be voided and read again; a replay clears them.
        for index in fatal {
            let poison = Outcome::Refused { status: None, reason: crashed() };
            self.work.note(Place { page, index }, poison);
        }
        self.write_now(page).await?;
        for batch in batches {
            // Another holder of the same message may have been faster.
            let known = |index: &u32| self.work.page(page).is_known(*index);
            let batch: Vec<u32> = batch.into_iter().filter(|index| !known(index)).collect();
            let Some(last) = batch.last().copied() else { continue };
            if !self.may_start() {
                break;
            }
            let in_hand: Vec<RecordKey> = batch.iter().map(|index| key(*index).clone()).collect();
            marks.take_in_hand(&in_hand).await?;
            self.work.page_mut(page).send(batch);
            self.go_on().await;
            // What time did not allow is the next invocation's.
            self.work.page_mut(page).send(Vec::new());
            let written = self.write_now(page).await;
            // What was attempted was survived, be it settled or not.
            let was_attempted = |suspect: &RecordKey| {
                let attempted = |index: &u32| self.work.page(page).was_attempted(*index);
                unsettled.iter().any(|index| attempted(index) && key(*index) == suspect)
            };
            marks.let_go(in_hand, was_attempted).await?;
            written?;
            if serial && !self.work.page(page).is_known(last) {
                // Nothing may overtake it.
                break;
            }
        }
        Ok(())
    }
}
