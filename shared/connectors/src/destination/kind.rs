//! What every kind of destination says: what the protocol must know of it, and how it is connected.

use std::fmt;

use tidegate_core::{
    model::{OnUnknown, Ordering},
    ports,
};

use crate::{
    error::ConnectError, file::Findings, flow::Limits, options::Options, resolver::Resolver,
};

/// A kind of destination.
pub(crate) trait DestinationKind: fmt::Debug + Send + Sync {
    /// Notes keys that contradict each other, or the flow's ordering.
    fn check(&self, ordering: Ordering, findings: &mut Findings);

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
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn ports::Destination>, ConnectError>;
}
