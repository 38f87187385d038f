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
    options::Options,
    resolver::Resolver,
    value::Shape,
};

/// A request as it would go out. Secrets are masked where the connection's are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPreview {
    /// Its method.
    pub method: String,
    /// Its address, with the query.
    pub url: String,
    /// Its headers, without those of `auth`.
    pub headers: Vec<(String, String)>,
    /// Whether it has credentials beside, by `auth`.
    pub has_credentials: bool,
    /// Its body; empty for none.
    pub body: Vec<u8>,
}

/// A kind of destination.
pub(crate) trait DestinationKind: fmt::Debug + Send + Sync {
    /// Notes keys that contradict each other, the flow's ordering, or what becomes of records before. `place` is the
    /// section's.
    fn check(&self, place: Place, ordering: Ordering, shape: &Shape, findings: &mut Findings);

    /// The request that a record would be sent by, the first where another may follow. Sends nothing.
    ///
    /// # Errors
    /// A value that the connection lacks, or a record that makes no request.
    fn preview(
        &self,
        record: &ports::Outgoing,
        shape: &Shape,
        resolver: &Resolver<'_>,
    ) -> Result<RequestPreview, ConnectError>;

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
