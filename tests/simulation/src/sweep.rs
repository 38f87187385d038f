//! A crash at every await, one by one: small runs whose every call is crashed at, before its effect
//! and after it; and for two pages at every pair of calls.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use tidegate_core::{
    guard::Guard,
    model::{DeadLetters, OnUnknown, Parked, RateLimit, RecordId},
    ports::Digests,
};

use crate::{
    faults::{Fate, Faults},
    invariants::parked,
    operator::Deed,
    run::{Event, Run},
    scenario::Scenario,
    seat::CALLS,
    seeds::end_of,
    switch::without,
    world::{RATE, Row, World},
};

/// A small run: its scenario, its rows, and what happens at which step.
struct Small {
    name: &'static str,
    scenario: Scenario,
    rows: i64,
    poison: Option<i64>,
    killer: Option<i64>,
    rates: Vec<RateLimit>,
    dead_letters: DeadLetters,
    on_unknown: OnUnknown,
    events: Vec<(usize, Event)>,
}

/// What a sweep came to.
#[derive(Debug, Default)]
pub struct Swept {
    /// Runs, each with its crash or crashes.
    pub runs: u64,
    /// Awaits that were crashed at, before and after, over all small runs.
    pub awaits: u64,
    /// Calls on ports that were crashed at both before and after their effect.
    pub calls: BTreeSet<&'static str>,
}

fn small(name: &'static str, scenario: Scenario, rows: i64) -> Small {
    Small {
        name,
        scenario,
        rows,
        poison: None,
        killer: None,
        rates: Vec::new(),
        dead_letters: DeadLetters::Park,
        on_unknown: OnUnknown::Retry,
        events: Vec::new(),
    }
}

fn row(at_ms: i64, deleted: bool) -> Row {
    Row { at_ms, deleted }
}

fn all() -> Vec<Small> {
    use Event::{Change, Down, LoseMessages, Operator, Unanswered, WearOutMessages};
    let updates = |name, rows| small(name, Scenario::Updates, rows);
    vec![
        small("imports that are marked", Scenario::Imports, 5),
        updates("two pages", 5),
        Small {
            events: vec![(30, Change(1, row(990_000, false))), (60, Change(2, row(991_000, true)))],
            ..updates("an update and a deletion", 4)
        },
        Small { poison: Some(2), ..updates("a refused record", 4) },
        Small {
            poison: Some(2),
            events: vec![(120, Operator(Deed::FixAndReplay))],
            ..updates("a replay", 4)
        },
        Small { rates: vec![RATE], ..updates("a rate", 4) },
        Small { killer: Some(2), ..updates("a record that kills", 4) },
        Small { events: vec![(0, Down(3))], ..updates("an outage", 4) },
        Small { events: vec![(16, LoseMessages)], ..updates("a lost message", 4) },
        Small { events: vec![(16, WearOutMessages)], ..updates("a dead letter", 4) },
        Small {
            dead_letters: DeadLetters::Block,
            events: vec![(16, WearOutMessages)],
            ..updates("a dead letter that blocks", 4)
        },
        Small {
            events: vec![
                (20, Operator(Deed::Pause)),
                (60, Operator(Deed::Resume)),
                (150, Operator(Deed::Look)),
            ],
            ..updates("a pause", 4)
        },
        Small {
            poison: Some(2),
            events: vec![(150, Operator(Deed::Digest)), (900, Operator(Deed::Digest))],
            ..updates("a digest", 4)
        },
        Small { events: vec![(150, Operator(Deed::Rewind))], ..updates("a rewind", 4) },
        Small {
            events: vec![
                (60, Event::Kill),
                (70, Change(1, row(990_000, false))),
                (400, Event::Kill),
            ],
            ..small("a process that is killed", Scenario::Restarts, 4)
        },
        small("one page at a time", Scenario::Serial, 5),
        Small {
            on_unknown: OnUnknown::LookUp,
            events: vec![(0, Unanswered(2))],
            ..small("charges that are looked up", Scenario::Charges, 4)
        },
        Small {
            on_unknown: OnUnknown::Park,
            events: vec![(0, Unanswered(2)), (400, Operator(Deed::FixAndReplay))],
            ..small("charges that are parked", Scenario::Charges, 4)
        },
    ]
}

impl Small {
    fn run(&self, planned: &[(u64, Fate)]) -> (Run, Result<(), String>) {
        let mut world = World::new(self.scenario, 7);
        world.settings.dead_letters = self.dead_letters;
        world.settings.on_unknown = self.on_unknown;
        world.settings.rates.clone_from(&self.rates);
        {
            let inner = &mut *world.inner();
            inner.faults = Faults::NONE;
            inner.poison = self.poison.into_iter().collect();
            inner.killers = self.killer.into_iter().collect();
            inner.planned = planned.iter().copied().collect();
            inner.keeps_history = true;
            inner.rows = (1..=self.rows).map(|id| (id, row(900_000 + id * 1_000, false))).collect();
            inner.log = inner.rows.iter().map(|(id, row)| (row.at_ms, *id, row.deleted)).collect();
        }
        let mut run = Run::over(world, self.events.clone().into());
        let held = run.calm();
        (run, held)
    }

    fn swept(&self, planned: &[(u64, Fate)], swept: &mut Swept) -> Result<Run, String> {
        swept.runs += 1;
        let (run, held) = self.run(planned);
        held.map_err(|breach| {
            let history = end_of(&run.world.inner().history);
            format!("{}, crashed at {planned:?}: {breach}\n{history}", self.name)
        })?;
        self.was_told(&run.world)?;
        // With two crashes at the most nobody has seen three deaths but a killer.
        let died =
            |parked: &Parked| parked.reason.starts_with("poison record: its processor crashed");
        let innocent = |parked: &&Parked| {
            died(parked) && self.killer.is_none_or(|id| parked.key.id != RecordId::Number(id))
        };
        match parked(&run.world).iter().find(innocent) {
            Some(innocent) => Err(format!("{}: {:?} is parked", self.name, innocent.key)),
            None => Ok(run),
        }
    }
}

impl Small {
    /// Whether everybody was told of every error that counts as sent.
    fn was_told(&self, world: &World) -> Result<(), String> {
        let sent = world.store.digest_state().now_or_never().expect("memory answers at once");
        let sent_until_ms = sent.map_err(|error| error.to_string())?.sent_until_ms;
        let parked = parked(world);
        let mut sent = parked.iter().filter(|parked| parked.parked_at_ms < sent_until_ms);
        match sent.find(|parked| !world.inner().told_of.contains(&parked.key.id)) {
            Some(untold) => Err(format!("{}: nobody was told of {:?}", self.name, untold.key)),
            None => Ok(()),
        }
    }
}

/// Crashes at every await of every small run, before and after.
pub fn singles() -> Result<Swept, String> {
    let mut swept = Swept::default();
    let mut crashed_at: BTreeMap<&'static str, BTreeSet<Fate>> = BTreeMap::new();
    for small in all() {
        let calls = small.swept(&[], &mut swept)?.world.inner().calls;
        for number in 0..calls {
            for fate in [Fate::CrashBefore, Fate::CrashAfter] {
                let run = small.swept(&[(number, fate)], &mut swept)?;
                for (call, fate) in run.crashed_at() {
                    crashed_at.entry(call).or_default().insert(fate);
                }
            }
        }
        swept.awaits += calls;
    }
    let both = crashed_at.into_iter().filter(|(_, fates)| fates.len() == 2);
    swept.calls = both.map(|(call, _)| call).collect();
    Ok(swept)
}

/// Crashes twice in the run of two pages: at every await, and at every later one of what follows.
pub fn pairs() -> Result<Swept, String> {
    let mut swept = Swept::default();
    let all = all();
    let two_pages = all.iter().find(|small| small.name == "two pages").expect("it is listed");
    let fates = [Fate::CrashBefore, Fate::CrashAfter];
    let calls = two_pages.swept(&[], &mut swept)?.world.inner().calls;
    for first in 0..calls {
        for fate in fates {
            // After the first crash the run goes another way, and has its own awaits.
            let after = two_pages.swept(&[(first, fate)], &mut swept)?.world.inner().calls;
            for second in first + 1..after {
                for other in fates {
                    two_pages.swept(&[(first, fate), (second, other)], &mut swept)?;
                }
            }
            swept.awaits += after - first;
        }
    }
    Ok(swept)
}

/// The first breach that the single crashes show without this guard.
pub fn shows(guard: Guard) -> Option<String> {
    without(Some(guard), singles).err()
}

/// Every call that there is.
pub fn every_call() -> BTreeSet<&'static str> {
    CALLS.iter().flat_map(|calls| calls.iter().copied()).collect()
}
