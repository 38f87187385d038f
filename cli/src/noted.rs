//! A destination that notes beside the table until when requests may be on their way: the process after
//! this one, should it be killed, waits for what may still land from then on and no longer.

use std::sync::Arc;

use tidegate_core::{
    model::{Later, Outcome},
    ports::{Batching, BoxFuture, Clock, Delivery, Destination, Outgoing, Route},
};
use tidegate_local::Sending;
use tidegate_runtime::WallClock;

/// The flow's own destination, noted.
pub struct Noted {
    /// What does the work.
    pub destination: Box<dyn Destination>,
    /// Where it is noted.
    pub sending: Arc<Sending>,
    /// By which time.
    pub clock: WallClock,
}

impl Destination for Noted {
    fn begins(&self, generation: u64) {
        self.destination.begins(generation);
    }

    fn routes(&self) -> usize {
        self.destination.routes()
    }

    fn route(&self, record: &[u8], deleted: bool) -> Result<Route, Outcome> {
        self.destination.route(record, deleted)
    }

    fn batching(&self, route: Route) -> Batching {
        self.destination.batching(route)
    }

    fn takes_unshaped(&self, record: &[u8], deleted: bool) -> bool {
        self.destination.takes_unshaped(record, deleted)
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], timeout_ms: u64) -> BoxFuture<'a, Delivery> {
        let until_ms = self.clock.now_ms().saturating_add_unsigned(timeout_ms);
        if let Err(error) = self.sending.note(until_ms) {
            // Nothing goes out that the next process would not know of.
            let reason = format!("the state folder cannot be written: {error}").into();
            let later = Later {
                blame: tidegate_core::model::Blame::Destination,
                after_ms: None,
                unknown: false,
                reason,
            };
            let outcomes = vec![Outcome::Later(later); records.len()];
            return Box::pin(async { outcomes.into() });
        }
        self.destination.deliver(records, timeout_ms)
    }

    fn has<'a>(
        &'a self,
        record: &'a Outgoing,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<bool, Later>> {
        self.destination.has(record, timeout_ms)
    }
}
