//! What look-ups found, in the memory of this process.

use std::{fmt, sync::Arc};

use moka::{policy::EvictionPolicy, sync::Cache};
use tidegate_core::{model::EpochMs, ports::Found};

use super::{in_flight::InFlight, scope::Place};

/// All answers together, with what it takes to keep them.
const BYTES_MAX: u64 = 8 * 1024 * 1024;
/// A larger one would throw out too many others.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// What it takes to keep an answer.
const OVERHEAD_BYTES: usize = 256;

/// What look-ups found, as long as their flows may use it, and what they are asking for: shared by all
/// connections of a process, so that it is bounded for all of them together.
#[derive(Clone)]
pub struct LookupCache(Arc<Inner>);

struct Inner {
    answers: Cache<Place, Answer>,
    in_flight: InFlight,
}

/// What was found, or that nothing was.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) found: Found,
    /// By the connectors' clock, not the cache's own: so a run can be repeated.
    pub(super) expires_ms: EpochMs,
}

impl LookupCache {
    /// Empty.
    pub fn new() -> Self {
        let answers = Cache::builder()
            .max_capacity(BYTES_MAX)
            .weigher(|_, answer: &Answer| {
                let bytes = answer.found.as_ref().map_or(0, bytes::Bytes::len) + OVERHEAD_BYTES;
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            // What has run out leaves by itself, however often it was asked for.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self(Arc::new(Inner { answers, in_flight: InFlight::default() }))
    }

    /// What is known at this moment.
    pub(super) fn get(&self, place: &Place, now_ms: EpochMs) -> Option<Found> {
        let answer = self.0.answers.get(place)?;
        (now_ms < answer.expires_ms).then_some(answer.found)
    }

    pub(super) fn put(&self, answers: impl IntoIterator<Item = (Place, Answer)>) {
        for (place, answer) in answers {
            if answer.found.as_ref().is_none_or(|found| found.len() <= ANSWER_BYTES_MAX) {
                self.0.answers.insert(place, answer);
            }
        }
        // At once, so that the bound holds between any two calls.
        self.0.answers.run_pending_tasks();
    }

    pub(super) fn in_flight(&self) -> &InFlight {
        &self.0.in_flight
    }
}

impl Default for LookupCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LookupCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookupCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tidegate_core::model::Secret;

    use crate::Connection;

    use super::{super::scope::Scope, *};

    fn places() -> impl Iterator<Item = Place> {
        let secrets = [("s".to_owned(), Secret::new("t"))].into();
        let scope = Scope::new("f", &"a look-up", &Connection { params: [].into(), secrets });
        (0..).map(move |n: u64| scope.place(&n.to_string()))
    }

    fn answer(bytes: usize) -> Answer {
        Answer { found: Some(vec![b' '; bytes].into()), expires_ms: 10 }
    }

    #[test]
    fn it_is_bounded_by_bytes_and_the_newest_stay() {
        for (bytes, at_least) in [(1_000_000, 7), (1_000, 6_000), (0, 30_000)] {
            let cache = LookupCache::new();
            let places: Vec<Place> = places().take(50_000 * 1_000 / (bytes + 1_000)).collect();
            for batch in places.chunks(300) {
                cache.put(batch.iter().map(|place| (*place, answer(bytes))));
                assert!(cache.0.answers.weighted_size() <= BYTES_MAX);
            }
            let held = places.iter().rev().take_while(|place| cache.get(place, 9).is_some());
            assert!(held.count() >= at_least, "{bytes}");
        }
    }

    #[test]
    fn what_has_run_out_is_not_known_and_what_is_too_large_is_not_kept() {
        let cache = LookupCache::new();
        let place = places().next().unwrap();
        cache.put([(place, answer(1))]);
        assert!(cache.get(&place, 9).is_some());
        assert!(cache.get(&place, 10).is_none());
        let place = places().nth(1).unwrap();
        cache.put([(place, answer(ANSWER_BYTES_MAX + 1))]);
        assert!(cache.get(&place, 0).is_none());
    }
}
