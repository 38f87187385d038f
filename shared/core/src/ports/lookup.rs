//! What another system knows of a record, asked for before it is mapped.

use bytes::Bytes;

use super::BoxFuture;
use crate::model::{Allowance, Later};

/// One connection's look-up. Its requests count against the destination's budget.
pub trait Lookup: Send + Sync {
    /// Most keys in a request; at least 1.
    fn keys_max(&self) -> usize;

    /// What a record is looked up by; `None` where it has no such field. Keys that name the same are
    /// equal.
    fn key(&self, record: &[u8]) -> Option<Box<str>>;

    /// Whether what was found may be used again: then nobody merges with it, and records of one key may
    /// be looked up together.
    fn is_cached(&self) -> bool {
        false
    }

    /// What is known of these keys from before, without a request to the other system: nothing, where
    /// every record is to be looked up anew.
    fn known<'a>(&'a self, keys: &'a [Box<str>]) -> BoxFuture<'a, Vec<Option<Found>>> {
        let none = vec![None; keys.len()];
        Box::pin(async { none })
    }

    /// Sends one request for these keys, of which none comes twice. Must not outlast `timeout_ms`.
    fn look_up<'a>(&'a self, keys: &'a [Box<str>], timeout_ms: u64) -> BoxFuture<'a, LookedUp>;
}

/// The JSON that stands under a key, if any.
pub type Found = Option<Bytes>;

/// What came of a look-up.
#[derive(Debug, Clone)]
pub struct LookedUp {
    /// For each key, in order, what stands there; or why there is no answer.
    pub found: Result<Vec<Found>, Later>,
    /// What the answer says of the limits.
    pub allowance: Option<Allowance>,
}
