//! Where records go.

use super::{BoxFuture, Parts};
use crate::model::{Allowance, Blame, Later, Outcome, RecordId, Version};

/// One connection's destination.
pub trait Destination: Send + Sync {
    /// An invocation begins, under this generation of its stream's cursor. What the destination remembers of requests under
    /// another one does not count: after a rewind, everything is sent anew.
    fn begins(&self, generation: u64);

    /// How many routes its requests take.
    fn routes(&self) -> usize;

    /// Which route a record takes, by what the source gave: the same whenever it is asked. Only records of one route
    /// are in a request.
    ///
    /// # Errors
    /// What becomes of a record that takes none, without a request.
    fn route(&self, record: &[u8], deleted: bool) -> Result<Route, Outcome>;

    /// How the records of a route are put into requests.
    fn batching(&self, route: Route) -> Batching;

    /// Whether a record is sent as the source gave it, which no transform has to shape: its deletion, say.
    fn takes_unshaped(&self, record: &[u8], deleted: bool) -> bool;

    /// What it keeps of records that are to go in smaller requests, where it takes many in one.
    fn parts(&self) -> Option<&Parts> {
        None
    }

    /// Sends one request with these records, all of one route, and answers with one outcome a record, in order. Must
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// One a record, in order.
    pub outcomes: Vec<Outcome>,
    /// What the answer says of the limits.
    pub allowance: Option<Allowance>,
    /// It was given up without an answer: the destination may be at it still.
    pub in_flight: bool,
    /// It takes one more request, which is made at once, in a send slot of its own: the outcomes say how the
    /// destination does, and what becomes of the records only the last request's do. A destination asks for it a
    /// bounded number of times for a record.
    pub again: bool,
}

impl From<Vec<Outcome>> for Delivery {
    /// An answer that says nothing of limits.
    fn from(outcomes: Vec<Outcome>) -> Self {
        Self { outcomes, allowance: None, in_flight: false, again: false }
    }
}

/// One of the ways that a destination's requests take, by its number: each has a size of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route(pub usize);

impl Route {
    /// That of a destination which has no other.
    pub const ONLY: Self = Self(0);
}

/// How records are put into requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Most records in a request; at least 1.
    pub records_max: usize,
    /// Most bytes in a request's body. A record that is larger by itself is refused.
    pub bytes_max: usize,
    /// Bytes of a body that has no record in it.
    pub frame_bytes: usize,
    /// Most bytes that a record takes beside its own and its key's.
    pub record_bytes: usize,
    /// Whether each record carries its key, as a JSON text.
    pub carries_keys: bool,
    /// The destination knows a repeat by the key of the whole request alone, so that whatever is sent
    /// again must be with the records that it was with.
    pub known_as_a_whole: bool,
}

impl Batching {
    /// One record a request, however large.
    pub const ONE: Self = Self {
        records_max: 1,
        bytes_max: usize::MAX,
        frame_bytes: 0,
        record_bytes: 0,
        carries_keys: false,
        known_as_a_whole: false,
    };

    /// Most bytes of a body that a record takes.
    pub fn bytes_of(&self, record_bytes: usize, key: &str) -> usize {
        let key_bytes = if self.carries_keys { quoted_bytes(key) } else { 0 };
        record_bytes + self.record_bytes + key_bytes
    }
}

/// Most bytes of a text as JSON.
fn quoted_bytes(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' => 2,
        // `\u0000`
        0..0x20 => 6,
        _ => 1,
    };
    2 + text.bytes().map(escaped).sum::<usize>()
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
    /// The record's JSON as the source gave it.
    pub source: bytes::Bytes,
}
