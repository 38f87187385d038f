//! Keys that are being asked for: by one look-up of this process at a time, the others wait for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tidegate_core::ports::Found;
use tokio::sync::watch;

use super::scope::Place;

/// What is under way in this process.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Place, Passenger>>);

/// The answers of one request, once they are there.
type Landed = Option<Arc<[Found]>>;

/// A key that somebody else asks for: which of the request's answers is its own.
#[derive(Clone)]
pub(super) struct Passenger {
    landed: watch::Receiver<Landed>,
    at: usize,
}

/// The right to ask for some keys. It ends with the value, so that a look-up that fails or is dropped
/// leaves nobody waiting.
pub(super) struct Turn<'a> {
    flights: &'a Flights,
    pub(super) places: Vec<Place>,
    landed: watch::Sender<Landed>,
}

/// What there is to do for one key.
pub(super) enum Seat {
    /// Nothing: it was known already.
    Known(Found),
    /// Somebody else asks for it.
    Taken(Passenger),
    /// It is ours to ask for: the next one of the turn's.
    Ours,
}

impl Flights {
    /// Takes a turn for those keys that are neither known nor asked for. What is `known` is looked up
    /// after what is under way, so that nothing lands between the two.
    pub(super) fn board(
        &self,
        places: &[Place],
        known: impl Fn(&Place) -> Option<Found>,
    ) -> (Turn<'_>, Vec<Seat>) {
        let (sender, receiver) = watch::channel(None);
        let mut turn = Turn { flights: self, places: Vec::new(), landed: sender };
        let mut flights = self.lock();
        let seats = places.iter().map(|place| {
            if let Some(passenger) = flights.get(place) {
                return Seat::Taken(passenger.clone());
            }
            if let Some(found) = known(place) {
                return Seat::Known(found);
            }
            let landed = receiver.clone();
            flights.insert(*place, Passenger { landed, at: turn.places.len() });
            turn.places.push(*place);
            Seat::Ours
        });
        let seats = seats.collect();
        (turn, seats)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Passenger>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Tells all who wait.
    pub(super) fn land(self, found: &[Found]) {
        self.landed.send_replace(Some(found.into()));
    }
}

impl Drop for Turn<'_> {
    /// Before the channel closes: whoever hears of that finds the keys free.
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        self.places.iter().for_each(|place| _ = flights.remove(place));
    }
}

impl Passenger {
    /// What was found; `None` if whoever asked got no answer.
    pub(super) async fn landed(mut self) -> Option<Found> {
        let landed = self.landed.wait_for(Option::is_some).await.ok()?;
        landed.as_ref()?.get(self.at).cloned()
    }
}
