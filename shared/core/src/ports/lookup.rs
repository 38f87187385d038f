//! What another system knows of a record, asked for before it is mapped.

use bytes::Bytes;

use super::BoxFuture;
use crate::model::{Allowance, Later};

/// One connection's look-up. Its requests count against the destination's budget.
pub trait Lookup: Send + Sync {
    /// Most keys in a request; at least 1.
    fn keys_max(&self) -> usize;

    /// How long what was found may be used again, in ms; `None` where every record is looked up anew.
    fn cache_ms(&self) -> Option<u64>;

    /// What a record is looked up by; `None` where it has no such field. Keys that name the same are
    /// equal.
    fn key(&self, record: &[u8]) -> Option<Box<str>>;

    /// Sends one request for these keys, of which none comes twice. Must not outlast `timeout_ms`.
    fn look_up<'a>(&'a self, keys: &'a [Box<str>], timeout_ms: u64) -> BoxFuture<'a, LookedUp>;
}

/// What came of a look-up.
#[derive(Debug, Clone)]
pub struct LookedUp {
    /// For each key, in order, the JSON that stands there, if any; or why there is no answer.
    pub found: Result<Vec<Option<Bytes>>, Later>,
    /// What the answer says of the limits.
    pub allowance: Option<Allowance>,
}
