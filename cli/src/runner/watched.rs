//! What a run gets done, seen while the invocations that do it are still under way.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tidegate_core::{
    app::Flow,
    model::{Blame, EpochMs, Later, Outcome, Position},
    ports::{
        Around, Batch, BoxFuture, Delivery, Destination, Marker, Outgoing, Source, SourceError,
        Walk,
    },
};

/// Why the destination took nothing.
struct Refusal {
    /// What it said last.
    reason: String,
    /// When it took nothing for the first time.
    since: Instant,
}

/// How many steps a run has taken: records read behind all that it read before, and records that the
/// destination took, refused or had.
#[derive(Default)]
pub struct Steps {
    count: AtomicU64,
    read_to: Mutex<Position>,
    /// Since it last took, refused or had a record.
    refusal: Mutex<Option<Refusal>>,
}

impl Steps {
    /// So many so far.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    fn took(&self, steps: usize) {
        self.count.fetch_add(u64::try_from(steps).unwrap_or(u64::MAX), Relaxed);
    }

    /// Why the destination took nothing of late, and for how long.
    pub fn why_not(&self) -> Option<(String, Duration)> {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.as_ref().map(|it| (it.reason.clone(), it.since.elapsed()))
    }

    /// What became of records that were sent.
    fn came_of(&self, outcomes: &[Outcome]) {
        let settled = outcomes.iter().filter(|it| !matches!(it, Outcome::Later(_))).count();
        self.took(settled);
        let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        if settled > 0 {
            *refusal = None;
        }
        let of_itself = |later: &&Later| !matches!(later.blame, Blame::NotAttempted | Blame::Batch);
        let later = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Later(later) => Some(later).filter(of_itself),
            _ => None,
        });
        if let Some(later) = later {
            let since = refusal.as_ref().map_or_else(Instant::now, |it| it.since);
            *refusal = Some(Refusal { reason: later.reason.to_string(), since });
        }
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
            self.steps.came_of(&delivery.outcomes);
            delivery
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_destination_said_last_is_known_until_it_takes_something() {
        let said = |steps: &Steps| steps.why_not().map(|(reason, _)| reason);
        let later = |blame, reason: &'static str| {
            Outcome::Later(Later { blame, after_ms: None, unknown: false, reason: reason.into() })
        };
        let steps = Steps::default();
        steps.came_of(&[later(Blame::Request, "500"), later(Blame::NotAttempted, "not now")]);
        steps.came_of(&[later(Blame::NotAttempted, "not now")]);
        assert_eq!(said(&steps).as_deref(), Some("500"));
        steps.came_of(&[Outcome::Delivered, later(Blame::Limit, "429")]);
        assert_eq!((said(&steps).as_deref(), steps.count()), (Some("429"), 1));
        steps.came_of(&[Outcome::Delivered]);
        assert_eq!((said(&steps), steps.count()), (None, 2));
    }

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
