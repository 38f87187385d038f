//! What an invocation works with.

use crate::{
    model::{FlowSettings, StreamId},
    ports::{Destination, Lookup, Platform, Source, Transform},
};

/// The ports of a host.
#[derive(Debug)]
pub struct Ports<P: Platform> {
    /// The state table.
    pub store: P::Store,
    /// The page queue.
    pub queue: P::Queue,
    /// The clock.
    pub clock: P::Clock,
    /// Randomness and ids.
    pub entropy: P::Entropy,
}

/// One stream, ready to run.
pub struct Flow {
    /// `flow/connection`: the unit of cursor and order.
    pub stream: StreamId,
    /// What the protocol goes by.
    pub settings: FlowSettings,
    /// Where records come from.
    pub source: Box<dyn Source>,
    /// What another system knows of them, asked for before they are mapped.
    pub lookup: Option<Box<dyn Lookup>>,
    /// What becomes of them.
    pub transform: Box<dyn Transform>,
    /// Where they go.
    pub destination: Box<dyn Destination>,
}
