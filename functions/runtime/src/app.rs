//! What a handler works with.

use std::{future::Future, sync::Arc};

use crate::Meter;
use lambda_runtime::Context;
use tidegate_core::{
    app::{Flow, Ports},
    decide::Deadline,
    model::StreamId,
    ports::Clock,
};

/// Everything that outlives an invocation.
#[derive(Debug)]
pub struct App<S, Q, C, E, F> {
    /// Table, queue, clock and ids.
    pub ports: Ports<S, Q, C, E>,
    /// The flows, by stream.
    pub flows: F,
    /// Most records that one scheduled run takes on.
    pub records_max: Option<u64>,
    /// How long a message stays invisible, so that its seal comes first. In ms.
    pub send_delay_ms: u64,
    /// What the invocations came to.
    pub meter: Meter,
    /// Processors that share the destination's limits.
    pub processors: u32,
}

/// Finds the flow of a stream, connected and ready.
pub trait Flows: Send + Sync {
    /// Called once a stream and invocation; expected to keep what it made. An error says what is
    /// missing and what to do.
    fn flow(&self, stream: &StreamId) -> impl Future<Output = anyhow::Result<Arc<Flow>>> + Send;
}

/// When this invocation ends.
pub fn deadline(clock: &impl Clock, context: &Context) -> Deadline {
    Deadline::new(clock.now_ms(), i64::try_from(context.deadline).unwrap_or(i64::MAX))
}
