//! One run: a stormy part with faults, then calm until everything is at rest.

use std::sync::{Arc, atomic::AtomicBool};

use tidegate_core::ports::Clock;

use super::{
    actors::{burier, fetcher, processor, receive},
    executor::{Actor, Kind},
    faults::Faults,
    invariants::{Watch, at_rest, cursor, end_of_source},
    ports::Seat,
    world::{INVOCATION_MS, PROCESSORS, SKEW_MS, World},
};

/// What kind of stream is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Records never change; no ledger.
    Imports,
    /// Records change while older versions are under way.
    Updates,
    /// Updates, with fetchers that sleep far beyond their lease and wake again.
    Zombies,
    /// One page at a time.
    Serial,
}

const STORM_STEPS: usize = 260;
const CALM_STEPS: usize = 40_000;
/// Lines of history shown for a breach.
const HISTORY_SHOWN: usize = 60;

/// Runs one seed. An error names the breach and shows the end of the history.
pub fn simulate(scenario: Scenario, seed: u64) -> Result<(), String> {
    let mut run = Run::new(scenario, seed);
    let held = run.storm().and_then(|()| run.calm());
    held.map_err(|breach| {
        let inner = run.world.inner();
        let from = inner.history.len().saturating_sub(HISTORY_SHOWN);
        format!("{breach}\n{}", inner.history[from..].join("\n"))
    })
}

/// The whole history of one seed.
pub fn history(scenario: Scenario, seed: u64) -> Vec<String> {
    let mut run = Run::new(scenario, seed);
    run.storm().and_then(|()| run.calm()).expect("this seed holds");
    run.world.inner().history.clone()
}

struct Run {
    world: World,
    actors: Vec<Actor>,
    watch: Watch,
    started: u64,
}

impl Run {
    fn new(scenario: Scenario, seed: u64) -> Self {
        let world = World::new(scenario, seed);
        Self { world, actors: Vec::new(), watch: Watch::default(), started: 0 }
    }

    fn storm(&mut self) -> Result<(), String> {
        for _ in 0..STORM_STEPS {
            let draw = self.below(100);
            match draw {
                0..12 => self.world.mutate(),
                12..22 => self.start(Kind::Fetcher),
                22..38 => self.start(Kind::Processor),
                38..41 => self.start(Kind::Burier),
                41..43 => self.lose_message(),
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

    fn calm(&mut self) -> Result<(), String> {
        self.world.note(|| "calm".into());
        self.world.inner().faults = Faults::NONE;
        let mut idle = 0;
        for step in 0..CALM_STEPS {
            if self.actors.is_empty() {
                let visible_now = self.visible();
                if visible_now {
                    self.start(Kind::Processor);
                } else if !self.world.inner().dead.is_empty() {
                    self.start(Kind::Burier);
                } else {
                    self.tick(20_000)?;
                    self.start(Kind::Fetcher);
                    idle += 1;
                }
                if visible_now {
                    idle = 0;
                }
            }
            let done = {
                let inner = self.world.inner();
                inner.messages.is_empty() && inner.landing.is_empty() && inner.dead.is_empty()
            };
            let watermark = cursor(&self.world).map(|cursor| cursor.watermark).unwrap_or_default();
            if done && idle > 3 && watermark >= end_of_source(&self.world) {
                return at_rest(&self.world);
            }
            if step % 4 == 0 {
                self.tick(500)?;
            }
            self.step_any()?;
        }
        at_rest(&self.world)?;
        Err("I5: at rest, and messages are still about".into())
    }

    fn visible(&self) -> bool {
        let now_ms = self.world.clock.now_ms();
        self.world.inner().messages.iter().any(|message| message.visible_ms <= now_ms)
    }

    fn start(&mut self, kind: Kind) {
        let running = |wanted| self.actors.iter().filter(|actor| actor.kind == wanted).count();
        let processors = running(Kind::Processor);
        if self.actors.len() >= 6 || (kind == Kind::Processor && processors >= PROCESSORS as usize)
        {
            return;
        }
        self.started += 1;
        let crashed = Arc::new(AtomicBool::new(false));
        // Only the fetcher's clock is off: locks between processors go by the host's time.
        let skew_ms = match kind {
            Kind::Fetcher => self.below(2 * SKEW_MS as u64) as i64 - SKEW_MS,
            Kind::Processor | Kind::Burier => 0,
        };
        let zombie = kind == Kind::Fetcher && self.world.scenario == Scenario::Zombies;
        let mut killed_ms = self.world.clock.now_ms() + INVOCATION_MS;
        if zombie {
            // A sandbox that was frozen and wakes long after.
            killed_ms += 400_000;
        }
        let name = format!("{kind:?}-{}", self.started).into();
        let seat = Seat { world: self.world.clone(), name, skew_ms, crashed: crashed.clone() };
        self.actors.push(match kind {
            Kind::Fetcher => Actor::new(kind, killed_ms, crashed, fetcher(seat)),
            Kind::Burier => Actor::new(kind, killed_ms, crashed, burier(seat)),
            Kind::Processor => {
                let max = 1 + self.below(3) as usize;
                let carried = receive(&self.world, max);
                if carried.is_empty() {
                    return;
                }
                Actor::new(kind, killed_ms, crashed, processor(seat, carried))
            }
        });
    }

    fn step_any(&mut self) -> Result<(), String> {
        if self.actors.is_empty() {
            return Ok(());
        }
        let place = self.below(self.actors.len() as u64) as usize;
        if self.actors[place].step() {
            self.actors.remove(place);
        }
        self.watch.check(&self.world)
    }

    /// Moves time; the host kills whoever is past its end.
    fn tick(&mut self, ms: i64) -> Result<(), String> {
        self.world.tick(ms);
        let now_ms = self.world.clock.now_ms();
        self.actors.retain(|actor| actor.killed_ms > now_ms);
        self.watch.check(&self.world)
    }

    /// Retention, or a purge.
    fn lose_message(&mut self) {
        let inner = &mut *self.world.inner();
        if !inner.messages.is_empty() && inner.rng.chance(inner.faults.lost_message * 10.0) {
            let place = inner.rng.below(inner.messages.len() as u64) as usize;
            let lost = inner.messages.remove(place);
            inner.history.push(format!("         message {} is lost", lost.name));
        }
    }

    fn below(&self, bound: u64) -> u64 {
        self.world.inner().rng.below(bound)
    }
}
