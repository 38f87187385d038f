//! What the actors share: source, destination, queue, table, time, and the history.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use tidegate_core::{
    memory::{ManualClock, MemoryStore, SplitMix},
    model::{EpochMs, FlowSettings, Mark, Moment, Ordering, Position, RecordId, StreamId},
};

use super::{faults::Faults, run::Scenario};

/// Hard end of an invocation.
pub const INVOCATION_MS: EpochMs = 40_000;
/// A request that was accepted lands within this.
pub const LANDING_MS: EpochMs = 6_000;
/// Longer than an invocation.
pub const VISIBILITY_MS: EpochMs = 60_000;
pub const SETTLE_LAG_MS: EpochMs = 20_000;
/// How far a fetcher's clock is off, either way.
pub const SKEW_MS: EpochMs = 8_000;
/// How late the source shows a change, at the most.
pub const LATE_COMMIT_MS: EpochMs = 5_000;
pub const RECEIVES_MAX: u32 = 12;
pub const PROCESSORS: u32 = 3;

/// Shared by all actors of one run.
#[derive(Clone)]
pub struct World {
    pub scenario: Scenario,
    pub stream: StreamId,
    pub settings: FlowSettings,
    pub clock: ManualClock,
    pub store: Arc<MemoryStore>,
    inner: Arc<Mutex<Inner>>,
}

pub struct Inner {
    pub rng: SplitMix,
    pub faults: Faults,
    pub history: Vec<String>,
    pub unique: u64,
    pub messages: Vec<Carried>,
    pub dead: Vec<Carried>,
    /// Ids to when each last changed.
    pub rows: BTreeMap<i64, EpochMs>,
    /// Refused by the destination, for good.
    pub poison: BTreeSet<i64>,
    /// Accepted and not landed: (when, id, version).
    pub landing: Vec<(EpochMs, i64, i64)>,
    /// What the destination has.
    pub landed: BTreeMap<i64, i64>,
    /// The newest version that ever landed.
    pub newest_landed: HashMap<i64, i64>,
    pub requests_in_flight: usize,
    /// A breach that a port noticed.
    pub breach: Option<String>,
}

#[derive(Clone)]
pub struct Carried {
    pub name: u64,
    pub body: String,
    pub visible_ms: EpochMs,
    pub receives: u32,
}

impl World {
    pub fn new(scenario: Scenario, seed: u64) -> Self {
        let mut rng = SplitMix::new(seed);
        let ordering = match scenario {
            Scenario::Imports => Ordering::None,
            Scenario::Updates | Scenario::Zombies => Ordering::Entity,
            Scenario::Serial => Ordering::Serial,
        };
        let poison = if rng.chance(0.3) { BTreeSet::from([2]) } else { BTreeSet::new() };
        let stuck_after_ms = match scenario {
            Scenario::Zombies => 25_000,
            _ => [70_000, 150_000, 900_000][rng.below(3) as usize],
        };
        let mut settings = FlowSettings {
            ordering,
            page_records_max: 3,
            window_pages_max: 6,
            settle_lag_ms: SETTLE_LAG_MS,
            concurrency_max: 6,
            stuck_after_ms,
            request_timeout_ms: 10_000,
            landing_ms: LANDING_MS,
            ..FlowSettings::default()
        };
        settings.retry.cap_ms = 20_000;
        // A record that only ever fails by chance is never given up.
        settings.retry.attempts_max = u32::MAX;
        let faults = Faults::draw(&mut rng);
        let inner = Inner {
            rng,
            faults,
            history: Vec::new(),
            unique: 0,
            messages: Vec::new(),
            dead: Vec::new(),
            rows: BTreeMap::new(),
            poison,
            landing: Vec::new(),
            landed: BTreeMap::new(),
            newest_landed: HashMap::new(),
            requests_in_flight: 0,
            breach: None,
        };
        Self {
            scenario,
            stream: StreamId::new("sim", "s").expect("a stream"),
            settings,
            clock: ManualClock::at(1_000_000),
            store: Arc::new(MemoryStore::new()),
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no actor panicked")
    }

    pub fn note(&self, line: impl FnOnce() -> String) {
        let now_ms = tidegate_core::ports::Clock::now_ms(&self.clock);
        self.inner().history.push(format!("{now_ms:>8} {}", line()));
    }

    /// Moves time on, and lands what is due.
    pub fn tick(&self, ms: EpochMs) {
        self.clock.advance(ms);
        let now_ms = tidegate_core::ports::Clock::now_ms(&self.clock);
        let inner = &mut *self.inner();
        let mut landed: Vec<_> =
            inner.landing.iter().filter(|it| it.0 <= now_ms).copied().collect();
        inner.landing.retain(|it| it.0 > now_ms);
        landed.sort_unstable();
        for (_, id, version) in landed {
            inner.history.push(format!("{now_ms:>8} lands {id}@{version}"));
            inner.landed.insert(id, version);
            let newest = inner.newest_landed.entry(id).or_insert(version);
            *newest = version.max(*newest);
        }
    }

    /// The source changes: new rows, and updates where the scenario has them. A change shows up
    /// with a moment a little in the past.
    pub fn mutate(&self) {
        let now_ms = tidegate_core::ports::Clock::now_ms(&self.clock);
        let inner = &mut *self.inner();
        let late = inner.rng.below(LATE_COMMIT_MS as u64) as EpochMs;
        // Whole seconds: ties happen.
        let at = (now_ms - late) / 1_000 * 1_000;
        let id = match self.scenario {
            Scenario::Imports => inner.rows.len() as i64 + 1,
            _ => inner.rng.below(6) as i64 + 1,
        };
        if inner.rows.get(&id).is_none_or(|old| *old < at) {
            inner.rows.insert(id, at);
            inner.history.push(format!("{now_ms:>8} source {id}@{at}"));
        }
    }
}

/// A row's place in the source's order.
pub fn position(id: i64, at_ms: EpochMs) -> Position {
    Position::At(mark(id, at_ms))
}

pub fn mark(id: i64, at_ms: EpochMs) -> Mark {
    let at = Moment { text: at_ms.to_string().into(), ns: at_ms * 1_000_000 };
    Mark { at: Some(at), id: RecordId::Number(id) }
}
