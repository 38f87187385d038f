//! What a handler works with.

use std::{
    future::Future,
    sync::{Arc, atomic::AtomicU32},
};

use crate::Meter;
use lambda_runtime::Context;
use tidegate_core::{
    app::{Flow, Ports},
    decide::Deadline,
    model::StreamId,
    ports::{Clock, Platform},
};

/// Everything that outlives an invocation.
pub struct App<P: Platform, F> {
    /// Table, queue, clock and ids.
    pub ports: Ports<P>,
    /// The flows, by stream.
    pub flows: F,
    /// Most records that one scheduled run takes on.
    pub records_max: Option<u64>,
    /// How long a message stays invisible, so that its seal comes first. In ms.
    pub send_delay_ms: u64,
    /// What the invocations came to.
    pub meter: Meter,
    /// Processors that share the destination's limits; a host may change it between invocations.
    pub processors: AtomicU32,
}

/// Finds the flow of a stream, connected and ready.
pub trait Flows: Send + Sync {
    /// Called once a stream and invocation; expected to keep what it made. An error says what is
    /// missing and what to do.
    fn flow(&self, stream: &StreamId) -> impl Future<Output = anyhow::Result<Arc<Flow>>> + Send;
}

/// The longest timeout that a Lambda function can have, in ms.
const TIMEOUT_MS_MAX: i64 = 900_000;

/// When this invocation ends.
pub fn deadline(clock: &impl Clock, context: &Context) -> Deadline {
    let now_ms = clock.now_ms();
    let at_ms = match i64::try_from(context.deadline).unwrap_or(i64::MAX) {
        // `cargo lambda watch` gives the time that is left, where Lambda gives the moment.
        left_ms if left_ms <= TIMEOUT_MS_MAX => now_ms + left_ms,
        at_ms => at_ms,
    };
    Deadline::new(now_ms, at_ms)
}

#[cfg(test)]
mod tests {
    use tidegate_testkit::ManualClock;

    use super::*;

    fn ends_after(given_ms: u64) -> i64 {
        let now_ms = 1_795_766_400_000;
        let mut context = Context::default();
        context.deadline = given_ms;
        deadline(&ManualClock::at(now_ms), &context).at_ms - now_ms
    }

    #[test]
    fn the_deadline_is_the_moment_that_lambda_gives() {
        assert_eq!(ends_after(1_795_766_460_000), 60_000);
    }

    #[test]
    fn repro_an_invocation_by_cargo_lambda_watch_was_over_before_it_began() {
        assert_eq!(ends_after(600_000), 600_000);
    }
}
