//! Records that are to go in smaller requests, for a larger one was refused for the sake of some of them.
//!
//! Halves are sent at once. But where a limit, or the end of the invocation, comes between, the next one would begin
//! with the whole request again, and where a limit permits few requests none would ever come down to single records. So
//! a destination keeps this for as long as its process lives.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// Of so many records it is kept.
const KEPT_MAX: usize = 10_000;

/// How many records may be in a request, at the most, with each of those that were in one which was refused.
#[derive(Debug, Default)]
pub struct Parts {
    /// By their idempotency keys.
    kept: Mutex<HashMap<Box<str>, usize>>,
    /// Whether any are kept: mostly there are none, and nothing is looked for.
    any: AtomicBool,
}

impl Parts {
    /// A request with these was refused for the sake of some: they go in requests of `at_most` so many.
    pub fn cut<'k>(&self, keys: impl Iterator<Item = &'k str>, at_most: usize) {
        let mut kept = self.kept();
        for key in keys {
            // What is left of records that were given up meanwhile.
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            kept.insert(key.into(), at_most.max(1));
        }
        self.any.store(!kept.is_empty(), Relaxed);
    }

    /// How many of these, from the first on, may go in one request; at least one.
    pub fn together<'k>(&self, keys: impl ExactSizeIterator<Item = &'k str>) -> usize {
        let count = keys.len();
        if !self.any.load(Relaxed) {
            return count;
        }
        let (kept, mut at_most) = (self.kept(), usize::MAX);
        for (before, key) in keys.enumerate() {
            at_most = at_most.min(kept.get(key).copied().unwrap_or(usize::MAX));
            if before >= at_most {
                return before;
            }
        }
        count
    }

    /// These are settled.
    pub fn forget<'k>(&self, keys: impl Iterator<Item = &'k str>) {
        if self.any.load(Relaxed) {
            let mut kept = self.kept();
            keys.for_each(|key| _ = kept.remove(key));
            self.any.store(!kept.is_empty(), Relaxed);
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Box<str>, usize>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_a_refused_request_go_in_smaller_ones_until_they_are_settled() {
        let parts = Parts::default();
        let together = |keys: &[&str]| parts.together(keys.iter().copied());
        assert_eq!(together(&["a", "b", "c", "d"]), 4);
        parts.cut(["b", "c"].into_iter(), 1);
        assert_eq!(together(&["a", "b", "c", "d"]), 1, "one that may be with others goes first");
        assert_eq!((together(&["b", "c"]), together(&["d", "e"])), (1, 2));
        parts.cut(["a", "d"].into_iter(), 2);
        assert_eq!((together(&["a", "d", "e"]), together(&["e", "a", "b"])), (2, 2));
        parts.forget(["a", "b", "c", "d"].into_iter());
        assert_eq!(together(&["a", "b", "c", "d"]), 4);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let parts = Parts::default();
        let keys: Vec<String> = (0..2 * KEPT_MAX).map(|at| at.to_string()).collect();
        parts.cut(keys.iter().map(String::as_str), 1);
        assert!(parts.kept().len() <= KEPT_MAX);
    }
}
