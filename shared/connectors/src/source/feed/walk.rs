//! A walk along a file: what of it is new is given record by record, each with the position behind it.

use tidegate_core::{
    model::{EpochMs, Position},
    ports::{Batch, BoxFuture, SourceError, Walk},
};

use super::{
    begin::{self, Begun},
    gone::Leaving,
    reading::Reading,
    source::FeedSource,
};

/// One invocation's part of a walk.
pub(super) struct FeedWalk<'a> {
    source: &'a FeedSource,
    from: Position,
    stage: Stage<'a>,
}

enum Stage<'a> {
    /// Nothing was asked for yet.
    First,
    Reading(Box<Reading<'a>>),
    /// What is gone is given.
    Leaving(Box<Leaving>),
    /// It failed behind what was given.
    Failed(SourceError),
    Over,
}

impl<'a> FeedWalk<'a> {
    pub(super) fn new(source: &'a FeedSource, from: Position) -> Self {
        Self { source, from, stage: Stage::First }
    }

    async fn go_on(&mut self, deadline_ms: EpochMs) -> Result<Batch, SourceError> {
        let until = self.source.until(deadline_ms);
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::First => {
                let (begun, requests) = begin::begin(self.source, &self.from, until).await?;
                let mut batch = Batch { requests, ..Batch::default() };
                match begun {
                    Begun::Unchanged => batch.end = true,
                    Begun::Unsettled(held) => (batch.end, batch.held) = (true, Some(held)),
                    Begun::Reading(reading) => self.stage = Stage::Reading(reading),
                    Begun::Leaving(leaving) => self.stage = Stage::Leaving(leaving),
                }
                Ok(batch)
            }
            Stage::Reading(mut reading) => {
                let read = reading.next(until).await?;
                self.stage = match (read.failed, read.ended) {
                    (Some(error), _) => Stage::Failed(error),
                    (None, false) => Stage::Reading(reading),
                    (None, true) => Stage::Leaving(Box::new(reading.ends())),
                };
                Ok(read.batch)
            }
            Stage::Leaving(mut leaving) => {
                let left = leaving.next(self.source).await?;
                self.stage = match left.failed {
                    Some(error) => Stage::Failed(error),
                    None if left.batch.end => Stage::Over,
                    None => Stage::Leaving(leaving),
                };
                Ok(left.batch)
            }
            Stage::Failed(error) => Err(error),
            Stage::Over => Ok(Batch { end: true, ..Batch::default() }),
        }
    }
}

impl Walk for FeedWalk<'_> {
    fn next(&mut self, deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(self.go_on(deadline_ms))
    }
}
