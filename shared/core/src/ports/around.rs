//! Destinations around others: what watches requests, or holds them back, and is a destination itself.

use super::{Batching, BoxFuture, Delivery, Destination, Outgoing, Parts, Route};
use crate::model::{Later, Outcome};

/// A destination around another one. All but what it says here is the inner one's: nothing can be forgotten.
pub trait Around: Send + Sync {
    /// The one inside.
    fn inner(&self) -> &dyn Destination;

    /// Sends by the inner one: see [`Destination::deliver`].
    fn deliver_around<'a>(
        &'a self,
        records: &'a [Outgoing],
        timeout_ms: u64,
    ) -> BoxFuture<'a, Delivery>;

    /// Asks the inner one: see [`Destination::has`].
    fn has_around<'a>(
        &'a self,
        record: &'a Outgoing,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<bool, Later>> {
        self.inner().has(record, timeout_ms)
    }
}

impl<A: Around> Destination for A {
    fn begins(&self, generation: u64) {
        self.inner().begins(generation);
    }

    fn routes(&self) -> usize {
        self.inner().routes()
    }

    fn route(&self, record: &[u8], deleted: bool) -> Result<Route, Outcome> {
        self.inner().route(record, deleted)
    }

    fn batching(&self, route: Route) -> Batching {
        self.inner().batching(route)
    }

    fn takes_unshaped(&self, record: &[u8], deleted: bool) -> bool {
        self.inner().takes_unshaped(record, deleted)
    }

    fn parts(&self) -> Option<&Parts> {
        self.inner().parts()
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], timeout_ms: u64) -> BoxFuture<'a, Delivery> {
        self.deliver_around(records, timeout_ms)
    }

    fn has<'a>(
        &'a self,
        record: &'a Outgoing,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<bool, Later>> {
        self.has_around(record, timeout_ms)
    }
}
