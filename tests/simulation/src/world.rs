//! What the actors share: source, destination, queue, table, time, and the history.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard},
};

use tidegate_core::{
    guard::Guard,
    model::{
        Blame, Emission, EpochMs, FlowSettings, Mark, Moment, OnUnknown, Parked, Position, Quota,
        RateLimit, RecordId, Reset, StreamId,
    },
    ports::Clock,
};
use tidegate_testkit::{ManualClock, MemoryStore, SplitMix};

use crate::{
    faults::{Fate, Faults},
    scenario::Scenario,
    switch::stands,
};

/// Hard end of an invocation.
pub const INVOCATION_MS: EpochMs = 40_000;
/// How long the lease of a fetcher is that may oversleep it.
pub const SHORT_LEASE_MS: EpochMs = 5_000;
/// A request that was accepted lands within this, unless the destination is conditional.
pub const LANDING_MS: EpochMs = 6_000;
/// The same where it is slow about it.
pub const SLOW_LANDING_MS: EpochMs = 25_000;
/// As late as a request lands at a conditional destination.
pub const LATE_LANDING_MS: EpochMs = 400_000;
/// Longer than an invocation.
pub const VISIBILITY_MS: EpochMs = 60_000;
pub const SETTLE_LAG_MS: EpochMs = 20_000;
/// How far a fetcher's clock is off, either way.
pub const SKEW_MS: EpochMs = 8_000;
/// How late the source shows a change, at the most.
pub const LATE_COMMIT_MS: EpochMs = 5_000;
/// How late an effect comes whose answer was given up.
pub const LATE_EFFECT_MS: EpochMs = 30_000;
/// So few that dead letters happen.
pub const RECEIVES_MAX: u32 = 12;
pub const PROCESSORS: u32 = 3;
/// What the destination permits, where it says so.
pub const RATE: RateLimit = RateLimit { count: 8, window_ms: 10_000 };

/// Fewer than there are processors: they lease them.
pub const FEW_SLOTS: u32 = 2;
/// A quota that a run uses up, in some seeds.
pub const QUOTA: Quota = Quota { count: 25, reset: Reset::Sliding { window_ms: 600_000 } };

/// Shared by all actors of one run.
#[derive(Clone)]
pub struct World {
    pub scenario: Scenario,
    pub stream: StreamId,
    pub settings: FlowSettings,
    pub clock: ManualClock,
    pub store: Arc<MemoryStore>,
    /// A message received more often goes to the dead letters.
    pub receives_max: u32,
    /// How many routes requests take to the destination.
    pub routes: usize,
    /// A record takes two requests, and lands with the second.
    pub in_parts: bool,
    inner: Arc<Mutex<Inner>>,
}

pub struct Inner {
    pub rng: SplitMix,
    pub faults: Faults,
    /// Fates that are given, by the number of the call; the others are drawn.
    pub planned: BTreeMap<u64, Fate>,
    /// Calls so far.
    pub calls: u64,
    /// What was crashed at, before and after.
    pub crashed_at: BTreeSet<(&'static str, Fate)>,
    /// Whether a history is kept.
    pub keeps_history: bool,
    pub history: Vec<String>,
    pub unique: u64,
    pub messages: Vec<Carried>,
    pub dead: Vec<Carried>,
    /// Every emission whose message was sent.
    pub emitted: HashSet<Emission>,
    /// Messages that were ever received too often.
    pub dead_ever: u64,
    /// The source, by id.
    pub rows: BTreeMap<i64, Row>,
    /// Every state that a row ever had, for a source that is a log.
    pub log: BTreeSet<(EpochMs, i64, bool)>,
    /// Refused by the destination, for good.
    pub poison: BTreeSet<i64>,
    /// Those that it was sent and did refuse.
    pub refused: BTreeSet<i64>,
    /// These crash their processor.
    pub killers: BTreeSet<i64>,
    /// There are crashes, copies and lost answers, which leave marks as a death does.
    pub may_look_like_death: bool,
    /// How often somebody did.
    pub killed: u32,
    /// The process was killed, and the next one is about to find out what it left.
    pub recovers: bool,
    /// So many requests to come find the destination down.
    pub down_for_requests: u32,
    /// So many requests to come are accepted and get no answer.
    pub unanswered_requests: u32,
    /// The destination is down then, and what that says of it.
    pub down: Option<(Range<EpochMs>, Blame)>,
    /// How long a request takes to land; drawn where it is not given.
    pub lands_after_ms: Option<EpochMs>,
    /// When requests came while the destination was down.
    pub probed_ms: Vec<EpochMs>,
    /// Open pages that fetchers took for lost.
    pub voided: u64,
    /// Examples in digests of errors: all of them, where there are few.
    pub told_of: BTreeSet<RecordId>,
    /// Marked as processed at the source.
    pub marked: BTreeSet<i64>,
    /// Whose mark failed before the ledger was told, where a guard is out.
    pub unmarked: BTreeSet<i64>,
    /// Accepted and not landed.
    pub landing: Vec<Landing>,
    /// What the destination has.
    pub landed: BTreeMap<i64, Row>,
    /// Every version that was ever accepted, where none may be twice.
    pub charged: HashSet<(i64, EpochMs)>,
    /// The newest version that ever landed.
    pub newest_landed: HashMap<i64, EpochMs>,
    /// When each was last accepted.
    pub sent_ms: HashMap<i64, EpochMs>,
    /// The last rewind: when it was seen, and to where.
    pub rewound: Option<(EpochMs, Position)>,
    /// Requests that somebody waits for, or that have not landed.
    pub in_flight: Vec<InFlight>,
    /// Requests so far.
    pub requests: u64,
    /// When the requests of the last while were sent.
    pub requested_ms: VecDeque<EpochMs>,
    pub late_effects: Vec<(EpochMs, &'static str, LateEffect)>,
    /// A breach that a port noticed.
    pub breach: Option<String>,
}

/// An effect on the table that nobody waits for any more.
pub type LateEffect = Box<dyn FnOnce(&MemoryStore) + Send>;

/// An entity, at the source or at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// When it last changed: its version.
    pub at_ms: EpochMs,
    pub deleted: bool,
}

/// A request, as the destination sees it.
#[derive(Debug, Clone, Copy)]
pub struct InFlight {
    pub number: u64,
    /// Somebody waits for its answer.
    pub awaited: bool,
    /// When it lands, if it was accepted.
    pub lands_ms: Option<EpochMs>,
}

/// A write on its way.
#[derive(Debug, Clone, Copy)]
pub struct Landing {
    pub lands_ms: EpochMs,
    pub id: i64,
    pub row: Row,
    /// An answer was given for it that does not say whether it lands.
    pub answered: bool,
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
        let poison = if rng.chance(0.3) { BTreeSet::from([2]) } else { BTreeSet::new() };
        let stuck_after_ms = if scenario.fetchers_oversleep() {
            10_000
        } else {
            [70_000, 150_000, 900_000][rng.below(3) as usize]
        };
        let mut settings = FlowSettings {
            ordering: scenario.ordering(),
            page_records_max: 3,
            window_pages_max: 6,
            settle_lag_ms: SETTLE_LAG_MS,
            concurrency_max: 6,
            stuck_after_ms,
            request_timeout_ms: 10_000,
            lookup_timeout_ms: 10_000,
            landing_ms: LANDING_MS,
            ..FlowSettings::default()
        };
        settings.retry.cap_ms = 20_000;
        // A record that only ever fails by chance is never given up.
        settings.retry.attempts_max = u32::MAX;
        if rng.chance(0.3) {
            settings.rates = vec![RATE];
        }
        if rng.chance(0.3) {
            settings.concurrency_max = FEW_SLOTS;
        }
        if rng.chance(0.15) {
            settings.quotas = vec![QUOTA];
        }
        if scenario == Scenario::Charges {
            settings.on_unknown = if rng.chance(0.5) { OnUnknown::Park } else { OnUnknown::LookUp };
        }
        if scenario.restarts() {
            settings.landing_ms = SLOW_LANDING_MS;
            if rng.chance(0.3) {
                settings.on_unknown = OnUnknown::LookUp;
            }
        }
        let faults = Faults::draw(&mut rng);
        let killers = if scenario == Scenario::Killers { [3, 5].into() } else { BTreeSet::new() };
        let mut inner = Inner::new(rng, faults, poison);
        inner.killers = killers;
        inner.may_look_like_death |= scenario.restarts();
        // Not drawn: what is drawn for a seed stays what it was.
        let of_scenario = seed / Scenario::ALL.len() as u64;
        let repeats = settings.on_unknown == OnUnknown::Retry;
        Self {
            routes: if of_scenario % 3 == 2 { 2 } else { 1 },
            in_parts: of_scenario % 5 == 4 && repeats,
            scenario,
            stream: StreamId::new("sim", "s").expect("a stream"),
            settings,
            clock: ManualClock::at(1_000_000),
            store: Arc::new(MemoryStore::guarded_by(stands)),
            receives_max: RECEIVES_MAX,
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// More of what a guard is there for, where it is seldom needed.
    pub fn press(&mut self, out: Option<Guard>) {
        if out == Some(Guard::SlotExpires) {
            self.settings.rates = vec![RATE];
            self.settings.quotas.clear();
            self.settings.concurrency_max = 6;
        }
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no actor panicked")
    }

    pub fn now_ms(&self) -> EpochMs {
        self.clock.now_ms()
    }

    pub fn has_rates(&self) -> bool {
        !self.settings.rates.is_empty()
    }

    /// Slots are leased, so that what a dead processor sent counts until it has landed.
    pub fn leases_slots(&self) -> bool {
        let FlowSettings { rates, quotas, concurrency_max, .. } = &self.settings;
        !rates.is_empty() || !quotas.is_empty() || PROCESSORS > *concurrency_max
    }

    pub fn note(&self, line: impl FnOnce() -> String) {
        let now_ms = self.now_ms();
        self.inner().note(now_ms, line);
    }

    /// Moves time on: lands what is due, at the destination and in the table.
    pub fn tick(&self, ms: EpochMs) {
        self.clock.advance(ms);
        let now_ms = self.now_ms();
        let effects = self.inner().land(now_ms, self.scenario.is_conditional());
        for (_, what, effect) in effects {
            effect(&self.store);
            self.note(|| format!("late: {what}"));
        }
    }

    /// The source changes: new rows, and updates and deletions where the scenario has them. A change
    /// shows up with a moment a little in the past.
    pub fn mutate(&self) {
        let now_ms = self.now_ms();
        let inner = &mut *self.inner();
        let late_ms = inner.rng.below(LATE_COMMIT_MS as u64) as EpochMs;
        let tick_ms = self.scenario.tick_ms();
        let (id, deleted) = if self.scenario.changes() {
            (inner.rng.below(6) as i64 + 1, inner.rng.chance(0.2))
        } else {
            (inner.rows.len() as i64 + 1, false)
        };
        // Ties happen. A source of coarse timestamps rounds up: it never changes what was read.
        let at_ms = (now_ms - late_ms) / 1_000 * 1_000;
        let at_ms = (at_ms + tick_ms - 1) / tick_ms * tick_ms;
        inner.change(now_ms, id, Row { at_ms, deleted });
    }
}

impl Inner {
    fn new(rng: SplitMix, faults: Faults, poison: BTreeSet<i64>) -> Self {
        Self {
            rng,
            faults,
            planned: BTreeMap::new(),
            calls: 0,
            crashed_at: BTreeSet::new(),
            keeps_history: false,
            history: Vec::new(),
            unique: 0,
            messages: Vec::new(),
            dead: Vec::new(),
            emitted: HashSet::new(),
            dead_ever: 0,
            log: BTreeSet::new(),
            rows: BTreeMap::new(),
            poison,
            refused: BTreeSet::new(),
            killers: BTreeSet::new(),
            may_look_like_death: faults.may_look_like_death(),
            killed: 0,
            recovers: false,
            down_for_requests: 0,
            unanswered_requests: 0,
            down: None,
            lands_after_ms: None,
            probed_ms: Vec::new(),
            voided: 0,
            told_of: BTreeSet::new(),
            marked: BTreeSet::new(),
            unmarked: BTreeSet::new(),
            landing: Vec::new(),
            landed: BTreeMap::new(),
            charged: HashSet::new(),
            newest_landed: HashMap::new(),
            sent_ms: HashMap::new(),
            rewound: None,
            in_flight: Vec::new(),
            requests: 0,
            requested_ms: VecDeque::new(),
            late_effects: Vec::new(),
            breach: None,
        }
    }

    pub fn note(&mut self, now_ms: EpochMs, line: impl FnOnce() -> String) {
        if self.keeps_history {
            self.history.push(format!("{now_ms:>8} {}", line()));
        }
    }

    /// The source has it so from now on, unless it has a newer state already.
    pub fn change(&mut self, now_ms: EpochMs, id: i64, row: Row) {
        if self.rows.get(&id).is_none_or(|old| old.at_ms < row.at_ms) {
            self.rows.insert(id, row);
            self.log.insert((row.at_ms, id, row.deleted));
            self.note(now_ms, || format!("source {id} {row}"));
        }
    }

    /// Whether it can be that this was parked as a killer. Where nothing ends an invocation but a
    /// killer, and no message comes twice, only killers are.
    pub fn may_have_killed(&self, parked: &Parked) -> bool {
        let is_killer = |id: &i64| parked.key.id == RecordId::Number(*id);
        !parked.reason.starts_with("poison record: its processor crashed")
            || self.may_look_like_death
            || self.killers.iter().any(is_killer)
    }

    /// Whether a request that was accepted gets no answer.
    /// Whether a request is answered before it lands, by a failure that does not say whether it will.
    pub fn answers_at_once(&mut self) -> bool {
        self.faults.unknown_outcome > 0.0 && self.rng.chance(self.faults.unknown_outcome / 2.0)
    }

    pub fn leaves_unknown(&mut self) -> bool {
        if self.unanswered_requests > 0 {
            self.unanswered_requests -= 1;
            return true;
        }
        self.rng.chance(self.faults.unknown_outcome)
    }

    /// The next call's fate.
    pub fn fate(&mut self, what: &str) -> Fate {
        let number = self.calls;
        self.calls += 1;
        match self.planned.remove(&number) {
            Some(fate) => fate,
            None => self.faults.fate(what, &mut self.rng),
        }
    }

    fn land(
        &mut self,
        now_ms: EpochMs,
        conditional: bool,
    ) -> Vec<(EpochMs, &'static str, LateEffect)> {
        let due = |landing: &Landing| landing.lands_ms <= now_ms;
        let mut landed: Vec<_> = self.landing.iter().filter(|it| due(it)).copied().collect();
        self.landing.retain(|it| !due(it));
        landed.sort_unstable_by_key(|it| (it.lands_ms, it.id, it.row.at_ms));
        for Landing { id, row, .. } in landed {
            let has = self.landed.get(&id);
            if conditional && has.is_some_and(|has| has.at_ms > row.at_ms) {
                self.note(now_ms, || format!("refuses {id} {row}: it has a newer one"));
                continue;
            }
            self.note(now_ms, || format!("lands {id} {row}"));
            self.landed.insert(id, row);
            let newest = self.newest_landed.entry(id).or_insert(row.at_ms);
            *newest = row.at_ms.max(*newest);
        }
        let mut effects: Vec<_> = self.late_effects.extract_if(.., |it| it.0 <= now_ms).collect();
        effects.sort_by_key(|it| it.0);
        effects
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "@{}{}", self.at_ms, if self.deleted { " deleted" } else { "" })
    }
}

/// A row's place in the source's order.
pub fn position(id: i64, row: Row) -> Position {
    Position::At(mark(id, row.at_ms))
}

pub fn mark(id: i64, at_ms: EpochMs) -> Mark {
    let at = Moment { text: at_ms.to_string().into(), ns: at_ms * 1_000_000 };
    Mark { at: Some(at), id: RecordId::Number(id) }
}
