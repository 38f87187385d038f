//! The ports as an actor sees them: every call yields, and may crash it or lose its answer.

mod destination;
mod queue;
mod source;
mod store;

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use tidegate_core::{
    model::{Digest, EpochMs, StreamId},
    ports::{Clock, Ids, Notifier, Random, Unavailable},
};
use tidegate_testkit::{MemoryStore, yield_once};

use crate::{
    faults::Fate,
    world::{LATE_EFFECT_MS, World},
};

pub use destination::SimDestination;
pub use source::SimSource;

/// Every call that the application makes on a port, by name, and the host's acknowledgement.
pub const CALLS: &[&[&str]] = &[
    store::CALLS,
    queue::CALLS,
    source::CALLS,
    destination::CALLS,
    &["load", "settle", "kept", "swap", "sleep_until", "acknowledge", "notify"],
];

/// One actor's view of the world.
#[derive(Clone)]
pub struct Seat {
    pub world: World,
    pub name: Arc<str>,
    pub skew_ms: EpochMs,
    pub crashed: Arc<AtomicBool>,
}

impl Seat {
    /// One call: others run before it and after it; its fate is drawn.
    pub async fn call<T>(
        &self,
        what: &'static str,
        act: impl AsyncFnOnce() -> T,
    ) -> Result<T, Unavailable> {
        let fate = self.begin(what).await?;
        // Memory ports answer at once: the effect is one atomic step.
        let answer = act().await;
        self.end(what, fate, answer).await
    }

    /// One call on the table, which may come late or be repeated.
    async fn call_store<T>(
        &self,
        what: &'static str,
        act: impl Fn(&MemoryStore) -> T + Send + Sync + 'static,
    ) -> Result<T, Unavailable> {
        let fate = self.begin(what).await?;
        let act = Arc::new(act);
        if matches!(fate, Fate::LostAndLate | Fate::LateCopy) {
            let act = act.clone();
            let now_ms = self.world.now_ms();
            let inner = &mut *self.world.inner();
            let due_ms = now_ms + inner.rng.below(LATE_EFFECT_MS as u64) as EpochMs;
            inner.late_effects.push((due_ms, what, Box::new(move |store| drop(act(store)))));
        }
        if fate == Fate::LostAndLate {
            self.world.note(|| format!("{} {what}: no answer, the effect comes late", self.name));
            yield_once().await;
            return Err(Unavailable(what.into()));
        }
        let mut answer = act(&self.world.store);
        if fate == Fate::Repeated {
            self.world.note(|| format!("{} {what}: asked twice", self.name));
            answer = act(&self.world.store);
        }
        self.end(what, fate, answer).await
    }

    async fn begin(&self, what: &'static str) -> Result<Fate, Unavailable> {
        yield_once().await;
        let fate = self.world.inner().fate(what);
        match fate {
            Fate::CrashBefore => self.crash(what, fate, "before").await,
            Fate::LostBefore => {
                self.world.note(|| format!("{} {what}: no answer, no effect", self.name));
                return Err(Unavailable(what.into()));
            }
            _ => {}
        }
        Ok(fate)
    }

    async fn end<T>(&self, what: &'static str, fate: Fate, answer: T) -> Result<T, Unavailable> {
        self.world.note(|| format!("{} {what}", self.name));
        match fate {
            Fate::CrashAfter => self.crash(what, fate, "after").await,
            Fate::LostAfter => {
                self.world.note(|| format!("{} {what}: answer lost", self.name));
                yield_once().await;
                return Err(Unavailable(what.into()));
            }
            _ => {}
        }
        yield_once().await;
        Ok(answer)
    }

    async fn crash(&self, what: &'static str, fate: Fate, when: &str) {
        self.world.note(|| format!("{} CRASHES {when} {what}", self.name));
        self.world.inner().crashed_at.insert((what, fate));
        self.crashed.store(true, SeqCst);
        pending::<()>().await;
    }
}

impl Clock for Seat {
    fn now_ms(&self) -> EpochMs {
        self.world.now_ms() + self.skew_ms
    }

    async fn sleep_until(&self, moment_ms: EpochMs) {
        // A clock gives no answer that could be lost, and yet its caller can die waiting.
        let moment_ms = moment_ms - self.skew_ms;
        let _ =
            self.call("sleep_until", async || self.world.clock.sleep_until(moment_ms).await).await;
        self.world.clock.sleep_until(moment_ms).await;
    }
}

impl Notifier for Seat {
    async fn notify(&self, digest: &Digest) -> Result<(), Unavailable> {
        let examples = digest.groups.iter().flat_map(|group| group.examples.iter().cloned());
        let tell = async || self.world.inner().told_of.extend(examples.clone());
        self.call("notify", tell).await
    }
}

impl Random for Seat {
    fn next_u64(&self) -> u64 {
        self.world.inner().rng.next_u64()
    }
}

impl Ids for Seat {
    fn unique(&self, _stream: &StreamId) -> Box<str> {
        let inner = &mut *self.world.inner();
        inner.unique += 1;
        format!("u{}", inner.unique).into()
    }
}
