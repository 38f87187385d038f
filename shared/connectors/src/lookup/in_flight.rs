//! Single-flight: a key is asked for by one look-up of this process at a time, and the others wait for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tidegate_core::ports::Found;
use tokio::sync::watch;

use super::scope::Place;

/// What is under way in this process.
#[derive(Default)]
pub(super) struct InFlight(Mutex<HashMap<Place, Waiter>>);

/// The answers of one request, once they are there.
type Completed = Option<Arc<[Found]>>;

/// A key that another look-up asks for: which of the request's answers is its own.
#[derive(Clone)]
pub(super) struct Waiter {
    completed: watch::Receiver<Completed>,
    at: usize,
}

/// The right to ask for some keys. It ends with the value, so that a look-up that fails or is dropped
/// leaves none waiting.
pub(super) struct Claim<'a> {
    in_flight: &'a InFlight,
    pub(super) places: Vec<Place>,
    completed: watch::Sender<Completed>,
}

/// What there is to do for one key.
pub(super) enum Slot {
    /// Nothing: it was known already.
    Known(Found),
    /// Another look-up asks for it.
    Taken(Waiter),
    /// It is ours to ask for: the next one of the claim's.
    Ours,
}

impl InFlight {
    /// Claims those keys that are neither known nor asked for. What is `known` is looked up after what is
    /// under way, so that nothing is completed between the two.
    pub(super) fn join(
        &self,
        places: &[Place],
        known: impl Fn(&Place) -> Option<Found>,
    ) -> (Claim<'_>, Vec<Slot>) {
        let (sender, receiver) = watch::channel(None);
        let mut claim = Claim { in_flight: self, places: Vec::new(), completed: sender };
        let mut in_flight = self.lock();
        let slots = places.iter().map(|place| {
            if let Some(waiter) = in_flight.get(place) {
                return Slot::Taken(waiter.clone());
            }
            if let Some(found) = known(place) {
                return Slot::Known(found);
            }
            let completed = receiver.clone();
            in_flight.insert(*place, Waiter { completed, at: claim.places.len() });
            claim.places.push(*place);
            Slot::Ours
        });
        let slots = slots.collect();
        (claim, slots)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Waiter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    /// Tells all who wait.
    pub(super) fn complete(self, found: &[Found]) {
        self.completed.send_replace(Some(found.into()));
    }
}

impl Drop for Claim<'_> {
    /// Before the channel closes: a waiter that hears of that finds the keys free.
    fn drop(&mut self) {
        let mut in_flight = self.in_flight.lock();
        self.places.iter().for_each(|place| _ = in_flight.remove(place));
    }
}

impl Waiter {
    /// What was found; `None` if the look-up that asked got no answer.
    pub(super) async fn found(mut self) -> Option<Found> {
        let completed = self.completed.wait_for(Option::is_some).await.ok()?;
        completed.as_ref()?.get(self.at).cloned()
    }
}
