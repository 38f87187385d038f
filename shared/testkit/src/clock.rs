//! A clock that moves when told to.

use std::{
    future::{Future, poll_fn},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    task::{Poll, Waker},
};

use tidegate_core::{model::EpochMs, ports::Clock};

use crate::lock::lock;

/// Stands still until it is moved; sleepers wake when their moment is reached. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    now_ms: Arc<AtomicI64>,
    sleepers: Arc<Mutex<Vec<(EpochMs, Waker)>>>,
}

impl ManualClock {
    /// Starts at this moment.
    pub fn at(now_ms: EpochMs) -> Self {
        let clock = Self::default();
        clock.now_ms.store(now_ms, SeqCst);
        clock
    }

    /// Moves on by so many ms.
    pub fn advance(&self, ms: EpochMs) {
        self.advance_to(self.now_ms() + ms);
    }

    /// Moves on to a moment; never back.
    pub fn advance_to(&self, moment_ms: EpochMs) {
        self.now_ms.fetch_max(moment_ms, SeqCst);
        let now_ms = self.now_ms();
        lock(&self.sleepers).retain(|(until_ms, waker)| {
            let due = *until_ms <= now_ms;
            if due {
                waker.wake_by_ref();
            }
            !due
        });
    }

    /// The earliest moment that a sleeper waits for.
    pub fn next_wake_ms(&self) -> Option<EpochMs> {
        lock(&self.sleepers).iter().map(|(until_ms, _)| *until_ms).min()
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> EpochMs {
        self.now_ms.load(SeqCst)
    }

    fn sleep_until(&self, moment_ms: EpochMs) -> impl Future<Output = ()> + Send {
        poll_fn(move |context| {
            if self.now_ms() >= moment_ms {
                return Poll::Ready(());
            }
            lock(&self.sleepers).push((moment_ms, context.waker().clone()));
            Poll::Pending
        })
    }
}
