//! A look at a source: what one page of it shows, before anything is delivered.

use bytes::Bytes;
use tidegate_core::{
    model::{EpochMs, Position},
    ports::{BoxFuture, Source, SourceError},
};

/// A source that can be looked at.
pub trait Look: Send + Sync {
    /// Asks for the page that a first run would begin with. `until_ms` is the newest moment to be read. A call
    /// must not outlast `deadline_ms`.
    ///
    /// # Errors
    /// Why there is no page.
    fn look(
        &self,
        until_ms: EpochMs,
        deadline_ms: EpochMs,
    ) -> BoxFuture<'_, Result<Vec<Sight>, SourceError>>;
}

/// What one page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sight {
    /// What it is a page of, for a sentence.
    pub of: String,
    /// What was seen, by name.
    pub facts: Vec<Fact>,
    /// What a run would stop at, or lose records by: what is wrong, and what to do.
    pub wrong: Vec<String>,
    /// The first record that can be delivered: its id and its JSON.
    pub sample: Option<(String, Bytes)>,
}

/// One thing that a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub of: &'static str,
    /// One line, without secrets.
    pub says: String,
}

impl Sight {
    pub(crate) fn of(of: impl Into<String>) -> Self {
        Self { of: of.into(), ..Self::default() }
    }

    pub(crate) fn fact(&mut self, of: &'static str, says: impl Into<String>) {
        self.facts.push(Fact { of, says: says.into() });
    }
}

/// A look at any source: the first records that it gives.
pub(super) struct FirstBatch(pub(super) Box<dyn Source>);

impl Look for FirstBatch {
    fn look(
        &self,
        until_ms: EpochMs,
        deadline_ms: EpochMs,
    ) -> BoxFuture<'_, Result<Vec<Sight>, SourceError>> {
        Box::pin(async move {
            let batch = self.0.walk(Position::Start, until_ms).next(deadline_ms).await?;
            let mut sight = Sight::of("the source");
            sight.fact("records", batch.records.len().to_string());
            let refused = batch.records.iter().filter_map(|record| record.refused.clone());
            let refused = refused.chain(batch.refused.into_iter().map(|refused| refused.reason));
            parked(&mut sight, &refused.collect::<Vec<_>>());
            let sample = batch.records.into_iter().find(|record| record.refused.is_none());
            sight.sample = sample.map(|record| (record.id.to_string(), record.data));
            Ok(vec![sight])
        })
    }
}

/// Notes how many records would be parked, and why.
pub(super) fn parked(sight: &mut Sight, reasons: &[Box<str>]) {
    if let Some(first) = reasons.first() {
        sight.fact(
            "parked",
            format!("{} of them would be, the first one because {first}", reasons.len()),
        );
    }
}
