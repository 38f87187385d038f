//! The budget in the table, as one invocation sees it and changes it for all that share it.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::{
    app::{Flow, Ports},
    decide::{Rate, Terms},
    model::{Ask, Budget, EpochMs, Grant, Stored, StoredKey},
    ports::{Clock, Ids, KeyValueStore, Platform, Swap, Unavailable},
};

/// Others may change the budget between a read and the change that it led to.
const TRIES: u32 = 60;
/// After so many of them in a row, the writer pauses for a moment.
const TRIES_AT_ONCE: u32 = 3;

/// The budget, read and changed by compare-and-swap.
pub(super) struct SharedBudget<'a, P: Platform> {
    ports: &'a Ports<P>,
    pub terms: Terms,
    key: StoredKey,
    owner: Box<str>,
    changes: AtomicU64,
    seen: Mutex<Option<Stored>>,
}

/// What is asked for in a lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub rate: Option<Rate>,
    pub requests: u32,
    pub until_ms: EpochMs,
    pub slots: u32,
    pub slots_needed: u32,
    pub slots_busy: u32,
    pub slots_until_ms: EpochMs,
    pub done_ms: EpochMs,
    pub uses_late: bool,
    pub mean_us: u64,
    pub is_probe: bool,
}

impl<'a, P: Platform> SharedBudget<'a, P> {
    /// The flow's, as it was just read.
    pub fn new(ports: &'a Ports<P>, flow: &Flow, seen: Option<Stored>) -> Self {
        Self {
            ports,
            terms: Terms::of(&flow.settings, &flow.stream),
            key: flow.settings.budget_of(&flow.stream).key(),
            owner: ports.entropy.unique(&flow.stream),
            changes: AtomicU64::new(0),
            seen: Mutex::new(seen),
        }
    }

    pub fn now_ms(&self) -> EpochMs {
        self.ports.clock.now_ms()
    }

    /// Reads it as it is now. Should that fail, it is as it was.
    pub async fn refresh(&self) {
        if let Ok(kept) = self.ports.store.get(std::slice::from_ref(&self.key)).await {
            self.remember(kept.into_iter().next().flatten());
        }
    }

    /// As it was last read.
    pub fn seen(&self) -> Budget {
        let mut budget = Budget::read(self.kept().as_ref());
        budget.forget(self.now_ms());
        budget
    }

    /// Changes it: `act` is shown the budget until the change is made on what stands there. What changes
    /// nothing is believed only of what was just read.
    pub async fn change<T>(&self, mut act: impl FnMut(&mut Budget) -> T) -> Result<T, Unavailable> {
        let (store, clock) = (&self.ports.store, &self.ports.clock);
        let mut seen = self.kept();
        let mut is_fresh = false;
        for tried in 1..=TRIES {
            let now_ms = clock.now_ms();
            let mut budget = Budget::read(seen.as_ref());
            budget.forget(now_ms);
            let before = budget.clone();
            let answer = act(&mut budget);
            if budget == before {
                if is_fresh {
                    return Ok(answer);
                }
                seen = store.get(std::slice::from_ref(&self.key)).await?.pop().flatten();
            } else {
                budget.by = format!("{}.{}", self.owner, self.changes.fetch_add(1, Relaxed)).into();
                let new = budget.to_stored(now_ms);
                match store.compare_and_swap(&self.key, seen.as_ref(), &new).await? {
                    Swap::Done => {
                        self.remember(Some(new));
                        return Ok(answer);
                    }
                    Swap::Stands(stands) => seen = stands,
                }
            }
            is_fresh = true;
            self.remember(seen.clone());
            if tried > TRIES_AT_ONCE {
                // Each writer's own name spreads them.
                let spread_ms = self.owner.bytes().map(i64::from).sum::<i64>() % i64::from(tried);
                clock.sleep_until(now_ms + 1 + spread_ms).await;
            }
        }
        Err(Unavailable(format!("{} is never as it was seen", self.key.as_str())))
    }

    /// Asks for concurrency and send slots.
    pub async fn lease(&self, wanted: Wanted) -> Result<Grant, Unavailable> {
        self.change(|budget| {
            let ask = Ask {
                owner: &self.owner,
                now_us: self.now_ms() * 1_000,
                spacing_us: wanted.rate.map_or(0, |rate| rate.spacing_us),
                uses_late: wanted.uses_late,
                want: wanted.requests,
                until_us: wanted.until_ms * 1_000,
                slots: wanted.slots,
                slots_needed: wanted.slots_needed,
                slots_busy: wanted.slots_busy,
                slots_until_ms: wanted.slots_until_ms,
                done_ms: wanted.done_ms,
                mean_us: wanted.mean_us,
                is_probe: wanted.is_probe,
            };
            budget.lease(&self.terms, &ask)
        })
        .await
    }

    /// Keeps so many requests at once, of those that the invocation leased.
    pub async fn keep(&self, slots: u32) {
        if let Err(error) = self.change(|budget| budget.keep(&self.owner, slots)).await {
            tracing::debug!(%error, "the leased concurrency is let go at the end");
        }
    }

    /// Lets go of what the invocation leased: but so many of its requests may be in flight until then, and
    /// so many send slots of quotas were not used. A crash before this, or a lost answer, leaves all of it
    /// held until the invocation could no longer have sent anything.
    pub async fn release(
        &self,
        in_flight: Option<(u32, EpochMs)>,
        unused: Option<Vec<(EpochMs, u64)>>,
        ended_well: bool,
    ) {
        let now_ms = self.now_ms();
        let released = self.change(|budget| {
            if ended_well {
                budget.raise_limit(&self.terms, now_ms);
            }
            if let Some(unused) = &unused {
                budget.release(&self.terms, &self.owner, in_flight, unused);
            }
        });
        if let Err(error) = released.await {
            tracing::debug!(%error, "the leased concurrency runs out by itself");
        }
    }

    fn kept(&self) -> Option<Stored> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, kept: Option<Stored>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}
