//! A look-up that remembers what it found, and what it did not find, for as long as the flow's `cache`
//! says: in the memory of this process, and on the shelf for all others.
//!
//! - What is on the shelf is asked for before a look-up, all keys at once; what a look-up finds is put
//!   there after it. Without the shelf it is only asked more often.
//! - Look-ups of this process that want the same key at the same time make one request for it: see
//!   [`super::in_flight`]. Look-ups of two processes may both ask; from then on the shelf answers both.
//! - An answer's time is counted from before the request, so that none is older than the flow says.
//! - A merge goes by what is there now: the flow file's check lets no flow merge and cache at once.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tidegate_core::{
    model::{Allowance, Blame, EpochMs, Later, Stored, StoredKey},
    ports::{BoxFuture, Found, KeyValueStore, LookedUp, Lookup},
};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    in_flight::{Claim, Slot, Waiter},
    memory::{Answer, LookupCache},
    scope::{Place, Scope},
    shelved,
};
use crate::{Now, Options};

/// The shelf is not waited for any longer: it only saves requests.
const SHELF: Duration = Duration::from_secs(2);
/// How soon to come back where another is asking, in ms.
const BUSY_MS: u64 = 1_000;

/// A look-up whose answers are used again.
pub(super) struct CachedLookup<L> {
    inner: L,
    cache_ms: EpochMs,
    scope: Scope,
    memory: LookupCache,
    shelf: Arc<dyn KeyValueStore>,
    now: Now,
}

impl<L: Lookup> CachedLookup<L> {
    pub(super) fn new(inner: L, cache_ms: u64, scope: Scope, options: &Options) -> Self {
        Self {
            inner,
            cache_ms: EpochMs::try_from(cache_ms).unwrap_or(EpochMs::MAX),
            scope,
            memory: options.lookups.clone(),
            shelf: options.shelf.clone(),
            now: options.now.clone(),
        }
    }

    /// What the shelf holds for these, as far as it is of use.
    async fn on_shelf(&self, places: &[Place]) -> Vec<Option<Answer>> {
        let keys: Vec<StoredKey> = places.iter().map(|place| place.on_shelf()).collect();
        let kept = match timeout(SHELF, self.shelf.get(&keys)).await {
            Ok(Ok(kept)) => kept,
            Ok(Err(error)) => {
                tracing::debug!(%error, "what was looked up before cannot be read");
                return vec![None; places.len()];
            }
            Err(_) => {
                tracing::debug!("what was looked up before is not read in time");
                return vec![None; places.len()];
            }
        };
        let now_ms = (self.now)();
        let answer = |kept: Option<Stored>| {
            let kept = kept.filter(|kept| now_ms < kept.expires_ms)?;
            let found = shelved::decode(&kept.value)?;
            // Its writer may have another clock.
            let expires_ms = kept.expires_ms.min(self.expires_ms(now_ms));
            Some(Answer { found, expires_ms })
        };
        kept.into_iter().map(answer).collect()
    }

    /// Finds them all, with one request at most. It is over at `until`.
    async fn find(
        &self,
        keys: &[Box<str>],
        until: Instant,
        allowance: &mut Option<Allowance>,
    ) -> Result<Vec<Found>, Later> {
        let places: Vec<Place> = keys.iter().map(|key| self.scope.place(key)).collect();
        let mut found: Vec<Option<Found>> = vec![None; keys.len()];
        let mut asked = false;
        loop {
            let open: Vec<usize> = (0..keys.len()).filter(|at| found[*at].is_none()).collect();
            if open.is_empty() {
                return Ok(found.into_iter().map(Option::flatten).collect());
            }
            if asked {
                return Err(left());
            }
            let wanted: Vec<Place> = open.iter().map(|at| places[*at]).collect();
            let now_ms = (self.now)();
            let known = |place: &Place| self.memory.get(place, now_ms);
            let (claim, slots) = self.memory.in_flight().join(&wanted, known);
            let (mut ours, mut taken): (Vec<usize>, Vec<(usize, Waiter)>) = Default::default();
            for (at, slot) in open.into_iter().zip(slots) {
                match slot {
                    Slot::Known(known) => found[at] = Some(known),
                    Slot::Taken(waiter) => taken.push((at, waiter)),
                    Slot::Ours => ours.push(at),
                }
            }
            // Before any is waited for: so no two look-ups wait for each other.
            if !ours.is_empty() {
                asked = true;
                let keys: Vec<Box<str>> = ours.iter().map(|at| keys[*at].clone()).collect();
                let answers = self.ask(claim, &keys, until, allowance).await?;
                for (at, answer) in ours.into_iter().zip(answers) {
                    found[at] = Some(answer);
                }
            }
            for (at, waiter) in taken {
                found[at] = timeout_at(until, waiter.found()).await.map_err(|_| busy())?;
            }
        }
    }

    /// Asks for the keys of a claim, and keeps what comes of it.
    async fn ask(
        &self,
        claim: Claim<'_>,
        keys: &[Box<str>],
        until: Instant,
        allowance: &mut Option<Allowance>,
    ) -> Result<Vec<Found>, Later> {
        let expires_ms = self.expires_ms((self.now)());
        let left = until.saturating_duration_since(Instant::now());
        let timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let looked_up = self.inner.look_up(keys, timeout_ms).await;
        *allowance = looked_up.allowance;
        let mut found = looked_up.found?;
        found.resize(keys.len(), None);
        // Each by itself: a slice would hold all of the request's answer.
        let alone = |json: &Bytes| Bytes::copy_from_slice(json);
        found.iter_mut().for_each(|found| *found = found.as_ref().map(alone));
        let places = claim.places.clone();
        let answer = |found: &Found| Answer { found: found.clone(), expires_ms };
        self.memory.put(places.iter().copied().zip(found.iter().map(answer)));
        claim.complete(&found);
        self.shelve(&places, &found, expires_ms, until).await;
        Ok(found)
    }

    /// Puts it on the shelf, in the time that there is.
    async fn shelve(&self, places: &[Place], found: &[Found], expires_ms: EpochMs, until: Instant) {
        let kept = |(place, found): (&Place, &Found)| {
            Some((place.on_shelf(), Stored { value: shelved::encode(found)?, expires_ms }))
        };
        let kept: Vec<(StoredKey, Stored)> = places.iter().zip(found).filter_map(kept).collect();
        if kept.is_empty() {
            return;
        }
        let until = until.min(Instant::now() + SHELF);
        match timeout_at(until, self.shelf.put(&kept)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "what was looked up is not kept"),
            Err(_) => tracing::debug!("what was looked up is not kept in time"),
        }
    }

    fn expires_ms(&self, now_ms: EpochMs) -> EpochMs {
        now_ms.saturating_add(self.cache_ms)
    }
}

impl<L: Lookup> Lookup for CachedLookup<L> {
    fn keys_max(&self) -> usize {
        self.inner.keys_max()
    }

    fn key(&self, record: &[u8]) -> Result<Option<Box<str>>, Box<str>> {
        self.inner.key(record)
    }

    fn is_cached(&self) -> bool {
        true
    }

    fn known<'a>(&'a self, keys: &'a [Box<str>]) -> BoxFuture<'a, Vec<Option<Found>>> {
        Box::pin(async move {
            let now_ms = (self.now)();
            let places: Vec<Place> = keys.iter().map(|key| self.scope.place(key)).collect();
            let mut known: Vec<Option<Found>> =
                places.iter().map(|place| self.memory.get(place, now_ms)).collect();
            let open: Vec<usize> = (0..keys.len()).filter(|at| known[*at].is_none()).collect();
            if open.is_empty() {
                return known;
            }
            let wanted: Vec<Place> = open.iter().map(|at| places[*at]).collect();
            let answers = self.on_shelf(&wanted).await;
            let mut fresh = Vec::new();
            for (at, answer) in open.into_iter().zip(answers) {
                let Some(answer) = answer else { continue };
                known[at] = Some(answer.found.clone());
                fresh.push((places[at], answer));
            }
            self.memory.put(fresh);
            known
        })
    }

    fn look_up<'a>(&'a self, keys: &'a [Box<str>], timeout_ms: u64) -> BoxFuture<'a, LookedUp> {
        Box::pin(async move {
            let until = Instant::now() + Duration::from_millis(timeout_ms);
            let mut allowance = None;
            let found = self.find(keys, until, &mut allowance).await;
            LookedUp { found, allowance }
        })
    }
}

/// The look-up that asked for the other keys got no answer, and a look-up is permitted one request: the next ones
/// are for these.
fn left() -> Later {
    let reason = "some of the keys were asked for by another look-up, which got no answer";
    Later { blame: Blame::Batch, after_ms: None, unknown: false, reason: reason.into() }
}

/// Nothing failed here.
fn busy() -> Later {
    let reason = "another look-up is asking for the same keys";
    Later {
        blame: Blame::NotAttempted,
        after_ms: Some(BUSY_MS),
        unknown: false,
        reason: reason.into(),
    }
}
