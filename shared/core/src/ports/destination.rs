//! Where records go.

use super::BoxFuture;
use crate::model::{Allowance, Blame, Later, Outcome, RecordId, Version};

/// One connection's destination.
pub trait Destination: Send + Sync {
    /// How records are put into requests.
    fn batching(&self) -> Batching;

    /// Sends one request with these records and answers with one outcome a record, in order. Must
    /// not outlast `timeout_ms`, after which nothing of it may still be sent.
    fn deliver<'a>(&'a self, records: &'a [Outgoing], timeout_ms: u64) -> BoxFuture<'a, Delivery>;

    /// Whether the destination has this version of the record: asked after an unknown outcome, where
    /// the flow says `on_unknown: lookup`. One request; must not outlast `timeout_ms`.
    fn has<'a>(
        &'a self,
        _record: &'a Outgoing,
        _timeout_ms: u64,
    ) -> BoxFuture<'a, Result<bool, Later>> {
        let reason = "the destination cannot be asked what it has".into();
        let later = Later { blame: Blame::Request, after_ms: None, unknown: false, reason };
        Box::pin(async { Err(later) })
    }
}

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// One a record, in order.
    pub outcomes: Vec<Outcome>,
    /// What the answer says of the limits.
    pub allowance: Option<Allowance>,
    /// It was given up without an answer: the destination may be at it still.
    pub in_flight: bool,
}

impl From<Vec<Outcome>> for Delivery {
    /// An answer that says nothing of limits.
    fn from(outcomes: Vec<Outcome>) -> Self {
        Self { outcomes, allowance: None, in_flight: false }
    }
}

/// How records are put into requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Most records in a request; at least 1.
    pub records_max: usize,
    /// Most bytes in a request. A larger single record is sent alone.
    pub bytes_max: usize,
}

/// A record ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The entity's id.
    pub id: RecordId,
    /// Its version.
    pub version: Version,
    /// Whether the entity is to be deleted.
    pub deleted: bool,
    /// Stable over every retry of this version: the idempotency key.
    pub key: Box<str>,
    /// What the transform made: the JSON to send.
    pub body: bytes::Bytes,
}
