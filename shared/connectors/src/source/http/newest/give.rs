//! What a walk from the newest record gives, and the position that goes with it.

use std::collections::HashSet;

use tidegate_core::{
    model::{Position, Record, Step, Version},
    ports::{Batch, Held, SourceError},
};

use super::{
    UnderWay,
    track::{State, digest},
};
use crate::source::http::page::{Aside, Row};

impl UnderWay<'_> {
    pub(super) fn give(
        &mut self,
        row: Row,
        on_page: &HashSet<Box<str>>,
        batch: &mut Batch,
    ) -> Result<(), SourceError> {
        batch.records.push(Record {
            id: row.mark.id.clone(),
            // A record that has no order by time never changes: one version.
            version: Version(row.mark.at.as_ref().map_or(0, |at| at.ns)),
            mark: row.mark,
            step: Some(self.step(on_page)?),
            deleted: false,
            data: row.data,
            refused: row.refused,
        });
        Ok(())
    }

    /// Gives records without a place, unless the walk before did.
    pub(super) async fn put_aside(
        &mut self,
        aside: Vec<Aside>,
        batch: &mut Batch,
    ) -> Result<(), SourceError> {
        for refused in self.outlook.unseen(aside) {
            let key = digest(&(&refused.record.id, &refused.record.data));
            let is_noted = self.track.is_noted(&key);
            if self.track.is_at_top() {
                self.track.note(&key, i64::MAX).await?;
            }
            if !is_noted {
                batch.refused.push(refused);
            }
        }
        Ok(())
    }

    /// The position after what was given so far.
    fn step(&mut self, on_page: &HashSet<Box<str>>) -> Result<Step, SourceError> {
        let state = self.state(on_page);
        let step = self.steps.next(&state)?;
        self.given_out = state;
        Ok(step)
    }

    fn state(&self, on_page: &HashSet<Box<str>>) -> State {
        let page = (!self.complete).then(|| self.list.place(&self.page));
        self.track.state(page, on_page)
    }

    /// What is said of records that the next walk is to read.
    fn held(&self) -> Option<Held> {
        let read_to_ms = self.track.until_ms();
        let lag_ms = (self.list.requester.now)().saturating_sub(read_to_ms).max(0);
        let first_ms = self.too_new_ns.div_euclid(1_000_000);
        let until_ms = first_ms.saturating_add(lag_ms).saturating_add(1);
        (self.too_new_ns < i64::MAX).then_some(Held { read_to_ms, until_ms })
    }

    /// Says how far the walk is, where no record does.
    pub(super) async fn finish(&mut self, batch: &mut Batch) -> Result<(), SourceError> {
        batch.end = self.complete;
        batch.held = self.held().filter(|_| self.complete);
        if self.complete {
            self.track.keep().await?;
        }
        let state = self.state(&HashSet::new());
        // Nothing was read before the first row, and nothing is lost by beginning there again.
        let has_begun = self.complete || self.track.at().is_some();
        // Most walks find nothing new on their first page and end with the next one: that moves nothing.
        let has_gone_down = self.complete || self.seen.pages > 1 || !self.given_out.is_complete();
        if has_begun && has_gone_down && state != self.given_out {
            batch.reached = Some(Position::Step(self.steps.next(&state)?));
            self.given_out = state;
        }
        Ok(())
    }
}
