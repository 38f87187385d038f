//! What another system knows of a record, asked for before it is mapped.

use bytes::Bytes;

use super::BoxFuture;
use crate::model::{Allowance, Later};

/// One connection's look-up. Its requests count against the destination's budget.
pub trait Lookup: Send + Sync {
    /// Most keys in a request; at least 1.
    fn keys_max(&self) -> usize;

    /// What a record is looked up by. Keys that name the same are equal. `None` where nothing is asked for
    /// it: it has no such field, or one that cannot be asked for.
    ///
    /// # Errors
    /// Why the record is to be parked: it cannot be asked for, and taken for unknown it would overwrite
    /// what is known. No secrets, and nothing of the record.
    fn key(&self, record: &[u8]) -> Result<Option<Box<str>>, Box<str>>;

    /// Whether what was found may be used again: then no merge goes by it, and records of one key may
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

    /// Sends one request for these keys: one at least, each as [`Self::key`] gave it, and none twice. Must
    /// not outlast `timeout_ms`.
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
