//! Small things that are kept between invocations and shared by all of them: budgets, tokens, and what
//! was looked up.

use super::{BoxFuture, Unavailable};
use crate::model::{Stored, StoredKey};

/// Stored values by key, in the state table. Native code reads and writes it, and so do connectors that a
/// flow chooses at run time: hence the boxed futures.
pub trait KeyValueStore: Send + Sync {
    /// What stands under these keys, in their order, what has expired included: the caller compares.
    fn get<'a>(
        &'a self,
        keys: &'a [StoredKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Stored>>, Unavailable>>;

    /// Puts these, whatever stands there. A repeat puts them again.
    fn put<'a>(
        &'a self,
        items: &'a [(StoredKey, Stored)],
    ) -> BoxFuture<'a, Result<(), Unavailable>>;

    /// Puts `new` if the value that stands there is `seen`'s, or nothing does and `seen` is none. A repeat
    /// finds its own value and answers [`Swap::Done`]; so values that are swapped hold something that
    /// tells one writer's from another's.
    fn compare_and_swap<'a>(
        &'a self,
        key: &'a StoredKey,
        seen: Option<&'a Stored>,
        new: &'a Stored,
    ) -> BoxFuture<'a, Result<Swap, Unavailable>>;
}

/// What came of a swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// The new value stands.
    Done,
    /// Something else stands there.
    Stands(Option<Stored>),
}
