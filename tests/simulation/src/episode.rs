//! Hours and days of a whole stream on simulated time, as a host runs it: a schedule, and an event
//! source mapping that feeds the processors. No faults but those that the episode is about.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, atomic::AtomicBool},
};

use tidegate_core::{
    guard::Guard,
    model::{Blame, EpochMs, Message, PageNumber, Quota, Reset, RetryPolicy},
};

use crate::{
    actors::{burier, fetcher, processor, receive},
    executor::{Actor, Kind},
    faults::Faults,
    invariants::{Watch, at_rest, cursor, end_of_source, parked},
    scenario::Scenario,
    seat::Seat,
    switch::without,
    world::{Carried, INVOCATION_MS, PROCESSORS, Row, World},
};

/// What happens to the stream.
#[derive(Debug, Clone, Default)]
pub struct Episode {
    pub records: i64,
    /// The destination is down then, from the start of the episode, and what that says of it.
    pub down: Option<(Range<EpochMs>, Blame)>,
    /// Refused for good.
    pub poison: Option<i64>,
    /// Kills whoever handles it.
    pub killer: Option<i64>,
    /// More records than the destination takes before this is reset.
    pub quota: Option<Quota>,
    /// The queue loses the oldest page's message then, from the start of the episode.
    pub loses_ms: Option<EpochMs>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub delivered: usize,
    pub parked: usize,
    /// Deaths in handling a record.
    pub killed: u32,
    /// Messages that went to the dead letters.
    pub dead: u64,
    /// Open pages that were taken for lost.
    pub voided: u64,
    /// Requests that met the outage.
    pub probes: usize,
    /// The most of them in any second, but for those that were in flight as it began.
    pub probes_a_second: usize,
    /// From the end of the outage, or the start of the episode, until all was at rest, in ms.
    pub drained_ms: EpochMs,
}

const SCHEDULE_MS: EpochMs = 300_000;
const BATCH: usize = 10;
const BEGAN_MS: EpochMs = 1_000_000_000;
const RECEIVES_MAX: u32 = 1_000;
/// Requests that meet the outage first meet it together.
const FIRST_MOMENT_MS: EpochMs = 1_000;

/// Plays it, without one of the guards where that is asked for.
pub fn play(episode: &Episode, out: Option<Guard>) -> Result<Told, String> {
    without(out, || Play::new(episode).run())
}

struct Play {
    world: World,
    actors: Vec<Actor>,
    watch: Watch,
    started: u64,
    next_fetch_ms: EpochMs,
    counted_from_ms: EpochMs,
    loses_ms: Option<EpochMs>,
}

impl Play {
    fn new(episode: &Episode) -> Self {
        let mut world = World::new(Scenario::Updates, 1);
        world.clock.advance_to(BEGAN_MS);
        world.receives_max = RECEIVES_MAX;
        world.settings.page_records_max = 100;
        world.settings.window_pages_max = 100;
        world.settings.concurrency_max = 12;
        world.settings.stuck_after_ms = 3_600_000;
        world.settings.retry = RetryPolicy::default();
        world.settings.quotas.extend(episode.quota.clone());
        let moved = |down: &Range<EpochMs>| BEGAN_MS + down.start..BEGAN_MS + down.end;
        let down = episode.down.as_ref().map(|(when, blame)| (moved(when), *blame));
        let counted_from_ms = down.as_ref().map_or(BEGAN_MS, |(when, _)| when.end);
        {
            let inner = &mut *world.inner();
            inner.faults = Faults::NONE;
            inner.poison = episode.poison.into_iter().collect();
            inner.killers = episode.killer.into_iter().collect();
            inner.down = down;
            inner.lands_after_ms = Some(20);
            let row = |id| Row { at_ms: 1_000 * id, deleted: false };
            inner.rows = (1..=episode.records).map(|id| (id, row(id))).collect::<BTreeMap<_, _>>();
        }
        Self {
            world,
            actors: Vec::new(),
            watch: Watch::default(),
            started: 0,
            next_fetch_ms: BEGAN_MS,
            counted_from_ms,
            loses_ms: episode.loses_ms.map(|loses_ms| BEGAN_MS + loses_ms),
        }
    }

    fn run(mut self) -> Result<Told, String> {
        // Far more moments than three days of waiting have.
        for _ in 0..3_000_000 {
            self.start();
            self.step_all()?;
            if self.is_over() {
                at_rest(&self.world)?;
                return Ok(self.told());
            }
            self.move_on()?;
        }
        Err("I5: it never comes to rest".into())
    }

    fn start(&mut self) {
        let now_ms = self.world.now_ms();
        if self.loses_ms.take_if(|loses_ms| *loses_ms <= now_ms).is_some() {
            let messages = &mut self.world.inner().messages;
            let oldest = (0..messages.len()).min_by_key(|place| number_of(&messages[*place]));
            messages.remove(oldest.expect("a message waits"));
        }
        if now_ms >= self.next_fetch_ms {
            self.next_fetch_ms += SCHEDULE_MS;
            self.push(Kind::Fetcher, fetcher);
        }
        if !self.world.inner().dead.is_empty() && self.running(Kind::Burier) == 0 {
            self.push(Kind::Burier, burier);
        }
        while self.running(Kind::Processor) < PROCESSORS as usize {
            let carried = receive(&self.world, BATCH);
            if carried.is_empty() {
                break;
            }
            self.push(Kind::Processor, |seat| processor(seat, carried));
        }
    }

    fn running(&self, kind: Kind) -> usize {
        self.actors.iter().filter(|actor| actor.kind == kind).count()
    }

    fn push<F: Future<Output = ()> + 'static>(&mut self, kind: Kind, act: impl FnOnce(Seat) -> F) {
        self.started += 1;
        let crashed = Arc::new(AtomicBool::new(false));
        let name = format!("{kind:?}-{}", self.started).into();
        let world = self.world.clone();
        let seat = Seat::new(world, name, 0, crashed.clone());
        let killed_ms = self.world.now_ms() + INVOCATION_MS;
        self.actors.push(Actor::new(kind, killed_ms, crashed, act(seat)));
    }

    /// Everybody goes as far as this moment allows.
    fn step_all(&mut self) -> Result<(), String> {
        while self.actors.iter().any(Actor::is_awake) {
            let mut place = 0;
            while place < self.actors.len() {
                if self.actors[place].is_awake() && self.actors[place].step() {
                    self.actors.remove(place);
                } else {
                    place += 1;
                }
            }
            self.watch.check(&self.world)?;
        }
        Ok(())
    }

    /// To the next moment at which something is due.
    fn move_on(&mut self) -> Result<(), String> {
        let now_ms = self.world.now_ms();
        let mut due_ms = self.next_fetch_ms;
        due_ms = due_ms.min(self.world.clock.next_wake_ms().unwrap_or(due_ms));
        {
            let inner = self.world.inner();
            let visible = inner.messages.iter().map(|message| message.visible_ms);
            let landing = inner.landing.iter().map(|landing| landing.lands_ms);
            // What is visible already waits for a processor, which the clock wakes.
            due_ms = visible.chain(landing).filter(|at| *at > now_ms).fold(due_ms, EpochMs::min);
        }
        self.world.tick((due_ms - now_ms).max(1));
        let now_ms = self.world.now_ms();
        self.actors.retain(|actor| actor.killed_ms > now_ms);
        self.watch.check(&self.world)
    }

    fn is_over(&self) -> bool {
        let inner_is_quiet = {
            let inner = self.world.inner();
            inner.messages.is_empty() && inner.landing.is_empty() && inner.dead.is_empty()
        };
        let watermark = cursor(&self.world).map(|cursor| cursor.watermark).unwrap_or_default();
        inner_is_quiet && self.actors.is_empty() && watermark >= end_of_source(&self.world)
    }

    fn told(&self) -> Told {
        let inner = self.world.inner();
        let known_ms = inner.probed_ms.first().map_or(0, |first_ms| first_ms + FIRST_MOMENT_MS);
        let later: Vec<_> = inner.probed_ms.iter().filter(|at| **at >= known_ms).collect();
        let within = |place: usize| {
            later[place..].iter().take_while(|at| ***at < *later[place] + 1_000).count()
        };
        let probes_a_second = (0..later.len()).map(within).max().unwrap_or(0);
        let (landed, dead, voided) = (inner.landed.len(), inner.dead_ever, inner.voided);
        let killed = inner.killed;
        let probes = inner.probed_ms.len();
        drop(inner);
        Told {
            delivered: landed,
            parked: parked(&self.world).len(),
            killed,
            dead,
            voided,
            probes,
            probes_a_second,
            drained_ms: self.world.now_ms() - self.counted_from_ms,
        }
    }
}

fn number_of(message: &Carried) -> PageNumber {
    match tidegate_wire::decode(&message.body).expect("the application wrote it") {
        Message::Page(page) => page.number,
        Message::Replay(_) => PageNumber::MAX,
    }
}

const HOUR_MS: EpochMs = 3_600_000;

/// An outage from the second minute on, for so long.
pub fn outage(length_ms: EpochMs, blame: Blame) -> Episode {
    let down = Some((1_000..1_000 + length_ms, blame));
    Episode { records: 20_000, down, ..Episode::default() }
}

/// One record in these kills whoever handles it.
pub fn killer(records: i64) -> Episode {
    Episode { records, killer: Some(records / 2), ..Episode::default() }
}

/// A quota is used up, and is there again nine hours after the start: at 22:47.
pub fn nine_hours_of_quota() -> Episode {
    let quota = Quota { count: 300, reset: Reset::Daily { zone: "UTC".into(), minute: 1_367 } };
    Episode { records: 1_000, quota: Some(quota), ..Episode::default() }
}

/// An hour of outage, as the destination's fault and as the requests' own.
pub fn an_hour() -> [Episode; 2] {
    [Blame::Destination, Blame::Request].map(|blame| outage(HOUR_MS, blame))
}

/// Three days of it.
pub fn three_days() -> [Episode; 2] {
    [Blame::Destination, Blame::Request].map(|blame| outage(72 * HOUR_MS, blame))
}

/// A day of failing requests for a stream so small that they never are many in a row.
pub fn a_small_stream() -> Episode {
    Episode { records: 2, ..outage(24 * HOUR_MS, Blame::Request) }
}

/// A day of it for a few records: what shows over days shows here, and soon.
fn a_day() -> Episode {
    Episode { records: 500, ..outage(24 * HOUR_MS, Blame::Destination) }
}

/// What an outage must not do; the first of it that it did.
pub fn harm(told: &Told, episode: &Episode) -> Option<String> {
    let aside = usize::from(episode.killer.is_some()) + usize::from(episode.poison.is_some());
    let records = usize::try_from(episode.records).unwrap_or(usize::MAX);
    let fine = told.delivered + aside == records
        && told.parked == aside
        && told.dead == 0
        && told.voided == 0
        && told.probes_a_second <= 1;
    (!fine).then(|| format!("{told:?}"))
}

/// The first harm that an outage does without this guard.
pub fn shows(guard: Guard) -> Option<String> {
    [killer(1_000), a_small_stream(), nine_hours_of_quota(), a_day()]
        .into_iter()
        .chain(an_hour())
        .chain(three_days())
        .find_map(|episode| match play(&episode, Some(guard)) {
            Ok(told) => harm(&told, &episode),
            Err(breach) => Some(breach),
        })
}
