//! A destination that notes beside the table until when requests may be on their way: the process after
//! this one, should it be killed, waits for what may still land from then on and no longer.

use std::sync::Arc;

use tidegate_core::{
    model::{Later, Outcome},
    ports::{Around, BoxFuture, Clock, Delivery, Destination, Outgoing},
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

impl Around for Noted {
    fn inner(&self) -> &dyn Destination {
        &*self.destination
    }

    fn deliver_around<'a>(
        &'a self,
        records: &'a [Outgoing],
        timeout_ms: u64,
    ) -> BoxFuture<'a, Delivery> {
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
}
