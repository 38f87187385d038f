//! The destination as the application sees it: a record takes one of its routes.

use std::time::Duration;

use tidegate_core::{
    model::{Later, Outcome, SkipReason},
    ports::{Batching, BoxFuture, Delivery, Destination, Outgoing, Parts, Route},
};
use tokio::time::Instant;

use super::{deliver::HttpDestination, routes::Otherwise};
use crate::transform::Compiled;

/// A way of requests, and the records that take it.
pub(super) struct Routed {
    /// `None`: all that are left.
    pub(super) when: Option<Compiled>,
    pub(super) destination: HttpDestination,
}

/// An HTTP API with one way of requests, or several.
pub(super) struct Router {
    pub(super) routes: Vec<Routed>,
    pub(super) otherwise: Otherwise,
    pub(super) parts: Parts,
}

/// Which of these conditions is the first that holds; none holds for no record. `None` is a condition that all records meet.
///
/// # Errors
/// What becomes of a record for which it cannot be told.
pub(super) fn first_of<'w>(
    mut conditions: impl Iterator<Item = Option<&'w Compiled>>,
    record: &[u8],
) -> Result<Option<usize>, Outcome> {
    let mut fault = None;
    let holds = |condition: Option<&Compiled>| match condition.map(|it| it.holds(record)) {
        None => true,
        Some(Ok(holds)) => holds,
        Some(Err(outcome)) => {
            fault.get_or_insert(outcome);
            true
        }
    };
    let first = conditions.position(holds);
    match (fault, first) {
        (Some(Outcome::Refused { reason, .. }), Some(at)) => {
            let reason = format!("routes[{at}].when: {reason}").into();
            Err(Outcome::Refused { status: None, reason })
        }
        (Some(outcome), _) => Err(outcome),
        (None, first) => Ok(first),
    }
}

/// What becomes of a record that no route takes.
pub(super) fn unrouted(otherwise: Otherwise) -> Outcome {
    match otherwise {
        Otherwise::Skip => Outcome::Skipped(SkipReason::Filtered),
        Otherwise::Park => Outcome::Refused {
            status: None,
            reason: "no route takes it: `when` holds in none of `destination.http.routes` \
                     (`otherwise: skip` leaves such records out)"
                .into(),
        },
    }
}

impl Router {
    fn of(&self, route: Route) -> &HttpDestination {
        &self.routes[route.0].destination
    }

    fn of_record(&self, record: &[u8], deleted: bool) -> Result<&HttpDestination, Outcome> {
        self.route(record, deleted).map(|route| self.of(route))
    }
}

impl Destination for Router {
    fn begins(&self, generation: u64) {
        let destinations = self.routes.iter().map(|route| &route.destination);
        destinations.filter_map(|it| it.items.as_ref()).for_each(|items| items.begins(generation));
    }

    fn routes(&self) -> usize {
        self.routes.len()
    }

    fn route(&self, record: &[u8], _: bool) -> Result<Route, Outcome> {
        let conditions = self.routes.iter().map(|route| route.when.as_ref());
        match first_of(conditions, record)? {
            Some(at) => Ok(Route(at)),
            None => Err(unrouted(self.otherwise)),
        }
    }

    fn batching(&self, route: Route) -> Batching {
        self.of(route).batching()
    }

    fn takes_unshaped(&self, record: &[u8], deleted: bool) -> bool {
        self.of_record(record, deleted).is_ok_and(|it| it.takes_unshaped(record, deleted))
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], timeout_ms: u64) -> BoxFuture<'a, Delivery> {
        Box::pin(async move {
            let until = Instant::now() + Duration::from_millis(timeout_ms);
            let Some(first) = records.first() else { return Vec::new().into() };
            match self.of_record(&first.source, first.deleted) {
                Ok(destination) => destination.deliver(records, until).await,
                Err(outcome) => vec![outcome; records.len()].into(),
            }
        })
    }

    fn has<'a>(
        &'a self,
        record: &'a Outgoing,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<bool, Later>> {
        let until = Instant::now() + Duration::from_millis(timeout_ms);
        Box::pin(async move {
            match self.of_record(&record.source, record.deleted) {
                Ok(destination) => destination.ask(record, until).await,
                Err(Outcome::Later(later)) => Err(later),
                // It was never sent: that is decided before.
                Err(_) => Ok(false),
            }
        })
    }
}
