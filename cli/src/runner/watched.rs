//! What a run gets done, seen while the invocations that do it are still under way.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use tidegate_core::{
    app::Flow,
    model::{EpochMs, Outcome, Position},
    ports::{
        Around, Batch, BoxFuture, Delivery, Destination, Marker, Outgoing, Source, SourceError,
        Walk,
    },
};

/// How many steps a run has taken: records read behind all that it read before, and records that the
/// destination took, refused or had.
#[derive(Debug, Default)]
pub struct Steps {
    count: AtomicU64,
    read_to: Mutex<Position>,
}

impl Steps {
    /// So many so far.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    fn took(&self, steps: usize) {
        self.count.fetch_add(u64::try_from(steps).unwrap_or(u64::MAX), Relaxed);
    }

    /// The same records read again and again are no steps.
    fn read_to(&self, position: Position) {
        let mut read_to = self.read_to.lock().unwrap_or_else(PoisonError::into_inner);
        if position > *read_to {
            *read_to = position;
            self.took(1);
        }
    }
}

/// The flow, with its steps counted.
pub fn watched(flow: Flow) -> (Flow, Arc<Steps>) {
    let steps = Arc::new(Steps::default());
    let source = Box::new(WatchedSource { source: flow.source, steps: steps.clone() });
    let destination =
        Box::new(WatchedDestination { destination: flow.destination, steps: steps.clone() });
    (Flow { source, destination, ..flow }, steps)
}

struct WatchedSource {
    source: Box<dyn Source>,
    steps: Arc<Steps>,
}

impl Source for WatchedSource {
    fn walk(&self, from: Position, until_ms: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(WatchedWalk { walk: self.source.walk(from, until_ms), steps: &self.steps })
    }

    fn marker(&self) -> Option<&dyn Marker> {
        self.source.marker()
    }
}

struct WatchedWalk<'a> {
    walk: Box<dyn Walk + 'a>,
    steps: &'a Steps,
}

impl Walk for WatchedWalk<'_> {
    fn next(&mut self, deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(async move {
            let batch = self.walk.next(deadline_ms).await?;
            let last = batch.records.last().map(|record| record.position());
            if let Some(position) = last.max(batch.reached.clone()) {
                self.steps.read_to(position);
            }
            Ok(batch)
        })
    }
}

struct WatchedDestination {
    destination: Box<dyn Destination>,
    steps: Arc<Steps>,
}

impl Around for WatchedDestination {
    fn inner(&self) -> &dyn Destination {
        &*self.destination
    }

    fn deliver_around<'a>(
        &'a self,
        records: &'a [Outgoing],
        timeout_ms: u64,
    ) -> BoxFuture<'a, Delivery> {
        Box::pin(async move {
            let delivery = self.destination.deliver(records, timeout_ms).await;
            let settles = |outcome: &&Outcome| !matches!(outcome, Outcome::Later(_));
            self.steps.took(delivery.outcomes.iter().filter(settles).count());
            delivery
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_read_for_the_first_time_is_a_step() {
        let steps = Steps::default();
        let at = |number: u64| {
            let text = format!(r#"{{"step":{number},"state":""}}"#);
            Position::decode(&text).expect("a position")
        };
        for number in [1, 2, 1, 2, 3] {
            steps.read_to(at(number));
        }
        assert_eq!(steps.count(), 3);
    }
}
