//! One run: a stormy part with faults, then calm until everything is at rest.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, atomic::AtomicBool},
};

use tidegate_core::model::EpochMs;

use crate::{
    actors::{burier, fetcher, processor, receive},
    executor::{Actor, Kind},
    faults::{Fate, Faults},
    invariants::{Watch, at_rest, cursor, end_of_source, parked},
    operator::{Deed, is_to_be_replayed, operator},
    scenario::Scenario,
    seat::Seat,
    world::{INVOCATION_MS, PROCESSORS, Row, SKEW_MS, World},
};

/// How long the storm lasts.
pub const STORM_STEPS: usize = 260;
const CALM_STEPS: usize = 40_000;
/// How long a zombie lives beyond its lease.
const ZOMBIE_MS: EpochMs = 400_000;
/// Replays of what is parked, once the destination takes everything again.
const REPLAYS_MAX: u32 = 20;

/// Something that happens to a run at a step of its calm.
#[derive(Debug, Clone)]
pub enum Event {
    /// The source has it so.
    Change(i64, Row),
    /// The queue loses every message.
    LoseMessages,
    /// Every message is received too often.
    WearOutMessages,
    /// So many requests find the destination down.
    Down(u32),
    /// So many requests are accepted and get no answer.
    Unanswered(u32),
    /// Somebody acts.
    Operator(Deed),
    /// Everything is killed.
    Kill,
}

pub struct Run {
    pub world: World,
    actors: Vec<Actor>,
    watch: Watch,
    started: u64,
    /// To come, each at its step of the calm.
    events: VecDeque<(usize, Event)>,
}

impl Run {
    pub fn new(scenario: Scenario, seed: u64, adjust: impl Fn(&mut Faults)) -> Self {
        let world = World::new(scenario, seed);
        adjust(&mut world.inner().faults);
        Self::over(world, VecDeque::new())
    }

    pub fn over(world: World, events: VecDeque<(usize, Event)>) -> Self {
        Self { world, actors: Vec::new(), watch: Watch::default(), started: 0, events }
    }

    /// The storm, then the calm.
    pub fn run(&mut self, storm_steps: usize) -> Result<(), String> {
        self.storm(storm_steps)?;
        self.calm()
    }

    fn storm(&mut self, steps: usize) -> Result<(), String> {
        let scenario = self.world.scenario;
        for _ in 0..steps {
            let draw = self.below(100);
            match draw {
                0..12 => self.world.mutate(),
                12..22 => self.start(Kind::Fetcher),
                22..38 => self.start(Kind::Processor),
                38..41 => self.start(Kind::Burier),
                41..43 => self.lose_message(),
                43..47 if scenario.has_operators() => self.start(Kind::Operator),
                47..49 => self.freeze(),
                49..52 if scenario.restarts() => self.kill_all(),
                _ => {}
            }
            let tick = [0, 0, 500, 1_000, 2_000, 4_000][self.below(6) as usize];
            self.tick(tick)?;
            for _ in 0..self.below(12) {
                self.step_any()?;
            }
        }
        Ok(())
    }

    /// Without faults, until nothing is left to do.
    pub fn calm(&mut self) -> Result<(), String> {
        self.world.note(|| "calm".into());
        self.world.inner().faults = Faults::NONE;
        let (mut idle, mut replays) = (0, 0);
        for step in 0..CALM_STEPS {
            while self.events.front().is_some_and(|(at, _)| *at <= step) {
                let (_, event) = self.events.pop_front().expect("it was just seen");
                self.happen(event);
            }
            if self.actors.is_empty() && self.world.inner().recovers {
                self.start_operator(Deed::Recover);
            } else if self.actors.is_empty() {
                let visible_now = self.visible();
                if self.is_done() && idle > 3 {
                    if self.takes_everything() && self.is_to_be_replayed() {
                        // The destination takes everything: nothing may stay parked.
                        if replays == REPLAYS_MAX {
                            return Err("I4: what was parked is never delivered".into());
                        }
                        replays += 1;
                        idle = 0;
                        self.start_operator(Deed::FixAndReplay);
                    } else {
                        return at_rest(&self.world);
                    }
                } else if cursor(&self.world).is_some_and(|cursor| cursor.paused) {
                    self.start_operator(Deed::Resume);
                } else if visible_now {
                    self.start(Kind::Processor);
                    idle = 0;
                } else {
                    self.tick(20_000)?;
                    self.start(Kind::Fetcher);
                    idle += 1;
                    if !self.world.inner().dead.is_empty() {
                        self.start(Kind::Burier);
                    }
                }
            }
            if step % 4 == 0 {
                self.tick(500)?;
            }
            self.step_any()?;
        }
        at_rest(&self.world)?;
        Err("I5: at rest, and messages are still about".into())
    }

    fn takes_everything(&self) -> bool {
        let inner = self.world.inner();
        inner.poison.is_empty() && inner.killers.is_empty()
    }

    fn is_to_be_replayed(&self) -> bool {
        parked(&self.world).iter().any(|parked| is_to_be_replayed(&self.world, parked))
    }

    fn is_done(&self) -> bool {
        let quiet = {
            let inner = self.world.inner();
            inner.messages.is_empty()
                && inner.landing.is_empty()
                && inner.dead.is_empty()
                && inner.late_effects.is_empty()
        };
        let watermark = cursor(&self.world).map(|cursor| cursor.watermark).unwrap_or_default();
        quiet
            && self.actors.is_empty()
            && self.events.is_empty()
            && watermark >= end_of_source(&self.world)
    }

    fn happen(&mut self, event: Event) {
        let now_ms = self.world.now_ms();
        self.world.note(|| format!("{event:?}"));
        match event {
            Event::Change(id, row) => self.world.inner().change(now_ms, id, row),
            Event::LoseMessages => self.world.inner().messages.clear(),
            Event::WearOutMessages => {
                for message in &mut self.world.inner().messages {
                    message.receives = u32::MAX - 1;
                }
            }
            Event::Down(requests) => self.world.inner().down_for_requests = requests,
            Event::Unanswered(requests) => self.world.inner().unanswered_requests = requests,
            Event::Operator(deed) => self.start_operator(deed),
            Event::Kill => self.kill_all(),
        }
    }

    fn visible(&self) -> bool {
        let now_ms = self.world.now_ms();
        self.world.inner().messages.iter().any(|message| message.visible_ms <= now_ms)
    }

    /// All actors die at once, and with them the queue; what they sent lands all the same. The table is in
    /// their process too: nothing of it comes late.
    fn kill_all(&mut self) {
        self.world.note(|| "everything is killed".into());
        self.actors.clear();
        let inner = &mut *self.world.inner();
        inner.messages.clear();
        inner.dead.clear();
        inner.late_effects.clear();
        inner.recovers = true;
    }

    fn start(&mut self, kind: Kind) {
        if self.world.inner().recovers {
            // Nothing runs before the process knows what the one before left.
            if self.actors.is_empty() {
                self.start_operator(Deed::Recover);
            }
            return;
        }
        let running = |wanted| self.actors.iter().filter(|actor| actor.kind == wanted).count();
        let full = match kind {
            Kind::Processor => running(kind) >= PROCESSORS as usize,
            _ => false,
        };
        if full || self.actors.len() >= 6 {
            return;
        }
        match kind {
            Kind::Fetcher => {
                // A sandbox that was frozen wakes long after.
                let oversleeps = self.world.scenario.fetchers_oversleep();
                let lives_ms = INVOCATION_MS + if oversleeps { ZOMBIE_MS } else { 0 };
                self.push(kind, lives_ms, fetcher);
            }
            Kind::Burier => self.push(kind, INVOCATION_MS, burier),
            Kind::Operator => {
                let deed = Deed::draw(&mut self.world.inner().rng, self.world.scenario);
                self.start_operator(deed);
            }
            Kind::Processor => {
                let max = 1 + self.below(3) as usize;
                let carried = receive(&self.world, max);
                if !carried.is_empty() {
                    self.push(kind, INVOCATION_MS, |seat| processor(seat, carried));
                }
            }
        }
    }

    fn start_operator(&mut self, deed: Deed) {
        self.push(Kind::Operator, INVOCATION_MS, |seat| operator(seat, deed));
    }

    fn push<F: Future<Output = ()> + 'static>(
        &mut self,
        kind: Kind,
        lives_ms: EpochMs,
        act: impl FnOnce(Seat) -> F,
    ) {
        self.started += 1;
        let crashed = Arc::new(AtomicBool::new(false));
        // Only the fetcher's clock is off: locks between processors go by the host's time.
        let skew_ms = match kind {
            Kind::Fetcher => self.below(2 * SKEW_MS as u64) as i64 - SKEW_MS,
            Kind::Processor | Kind::Burier | Kind::Operator => 0,
        };
        let name = format!("{kind:?}-{}", self.started).into();
        let seat = Seat::new(self.world.clone(), name, skew_ms, crashed.clone());
        let killed_ms = self.world.now_ms() + lives_ms;
        self.actors.push(Actor::new(kind, killed_ms, crashed, act(seat)));
    }

    /// Somebody stands still for a while, wherever it is.
    fn freeze(&mut self) {
        let scenario = self.world.scenario;
        let now_ms = self.world.now_ms();
        let place = self.below(self.actors.len() as u64) as usize;
        let length_ms = self.below(60_000) as EpochMs;
        let Some(actor) = self.actors.get_mut(place) else { return };
        let freezes = match actor.kind {
            Kind::Fetcher => scenario.fetchers_oversleep(),
            Kind::Processor => scenario.processors_pause(),
            Kind::Burier | Kind::Operator => false,
        };
        if freezes {
            actor.frozen_until_ms = now_ms + length_ms;
        }
    }

    fn step_any(&mut self) -> Result<(), String> {
        if self.actors.is_empty() {
            return Ok(());
        }
        let place = self.below(self.actors.len() as u64) as usize;
        if self.actors[place].frozen_until_ms > self.world.now_ms() {
            return Ok(());
        }
        if self.actors[place].step() {
            self.actors.remove(place);
        }
        self.watch.check(&self.world)
    }

    /// Moves time; the host kills whoever is past its end.
    fn tick(&mut self, ms: i64) -> Result<(), String> {
        let wakes_ms = self.world.clock.next_wake_ms().filter(|_| self.world.has_rates());
        // Moments of a budget are missed by little, and time that jumps would miss them all.
        let ms = wakes_ms.map_or(ms, |wakes_ms| ms.min(wakes_ms - self.world.now_ms()));
        self.world.tick(ms);
        let now_ms = self.world.now_ms();
        self.actors.retain(|actor| actor.killed_ms > now_ms);
        self.watch.check(&self.world)
    }

    /// Retention, or a purge.
    fn lose_message(&mut self) {
        let now_ms = self.world.now_ms();
        let inner = &mut *self.world.inner();
        if !inner.messages.is_empty() && inner.rng.chance(inner.faults.lost_message * 10.0) {
            let place = inner.rng.below(inner.messages.len() as u64) as usize;
            let lost = inner.messages.remove(place);
            inner.note(now_ms, || format!("message {} is lost", lost.name));
        }
    }

    fn below(&self, bound: u64) -> u64 {
        self.world.inner().rng.below(bound)
    }

    /// Where it was crashed, before and after.
    pub fn crashed_at(&self) -> BTreeSet<(&'static str, Fate)> {
        self.world.inner().crashed_at.clone()
    }
}
