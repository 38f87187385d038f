//! What every kind of destination says: what the protocol must know of it, and how it is connected.

use std::fmt;

use tidegate_core::{
    model::{OnUnknown, Ordering},
    ports,
};

use crate::{
    error::ConnectError,
    file::{Findings, Place},
    flow::Limits,
    http::RequestPreview,
    options::Options,
    resolver::Resolver,
    value::Shape,
};

/// A kind of destination.
pub(crate) trait DestinationKind: fmt::Debug + Send + Sync {
    /// Notes keys that contradict each other, the flow's ordering, or what becomes of records before. `place` is the
    /// section's.
    fn check(&self, place: Place, ordering: Ordering, shape: &Shape, findings: &mut Findings);

    /// Whether a record is sent as the source gave it, by no map: its deletion, say.
    fn takes_unshaped(&self, record: &[u8], resolver: &Resolver<'_>) -> bool;

    /// The request that a record would be sent by, the first where another may follow; or why it makes none, and would
    /// be parked. Sends nothing.
    ///
    /// # Errors
    /// A value that the connection lacks.
    fn preview(
        &self,
        record: &ports::Outgoing,
        shape: &Shape,
        resolver: &Resolver<'_>,
    ) -> Result<Result<RequestPreview, String>, ConnectError>;

    /// The longest that one request may take, asking for a token first included, in ms.
    fn request_ms(&self) -> u64;

    /// What becomes of a record when it is not known whether it was applied.
    fn on_unknown(&self) -> OnUnknown;

    /// The destination for one connection. Makes no request. `limits` are the flow's, for what answers say
    /// is left of them.
    ///
    /// # Errors
    /// A value that the connection lacks, or that cannot be used.
    fn connect(
        &self,
        limits: &Limits,
        shape: &Shape,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn ports::Destination>, ConnectError>;
}
