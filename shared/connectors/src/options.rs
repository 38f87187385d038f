//! What all connectors of a process share.

use std::{fmt, sync::Arc};

use tidegate_core::{
    model::StreamId,
    ports::{KeyValueStore, Random},
};

use crate::{HttpClient, LookupCache, Now, Registry, Witness, wall_clock};

/// What all connectors of a process share.
#[derive(Clone)]
pub struct Options {
    /// The Rust transforms that flows may name.
    pub registry: Registry,
    /// Tells the time.
    pub now: Now,
    /// Sends requests; share one over all connections, for its warm connections.
    pub http: HttpClient,
    /// Keeps tokens, and what was looked up, between invocations and for all of them.
    pub shelf: Arc<dyn KeyValueStore>,
    /// Tells one invocation's writes on the shelf from another's.
    pub random: Arc<dyn Random>,
    /// What was looked up, in memory; share one over all connections, for it is bounded.
    pub lookups: LookupCache,
    /// Whose connectors they are: what a stream has for itself is kept under its name.
    pub stream: Option<StreamId>,
    /// Most bytes of one answer of a source, whatever its flow says: with its records an answer takes up to
    /// four times as much memory as it has bytes. Default: no such bound.
    pub body_bytes_max: usize,
    /// Is shown every request to the destination with its answer.
    pub witness: Option<Arc<dyn Witness>>,
}

impl Options {
    /// No Rust transforms, and the machine's clock.
    pub fn new(http: HttpClient, shelf: Arc<dyn KeyValueStore>, random: Arc<dyn Random>) -> Self {
        let lookups = LookupCache::new();
        let (registry, now) = (Registry::new(), wall_clock());
        let body_bytes_max = usize::MAX;
        Self {
            registry,
            now,
            http,
            shelf,
            random,
            lookups,
            stream: None,
            body_bytes_max,
            witness: None,
        }
    }

    /// The same, for the connectors of one stream.
    #[must_use]
    pub fn of_stream(&self, stream: StreamId) -> Self {
        Self { stream: Some(stream), ..self.clone() }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("registry", &self.registry).finish_non_exhaustive()
    }
}
