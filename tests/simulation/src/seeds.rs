//! Many seeds on all cores; and a failing one made short enough to read.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use tidegate_core::guard::Guard;

use crate::{
    faults::{Faults, KINDS},
    run::{Run, STORM_STEPS},
    scenario::Scenario,
    switch::without,
};

/// Lines of history shown for a breach.
const HISTORY_SHOWN: usize = 60;
/// Seeds that a thread takes at a time.
const SHARE: u64 = 64;

/// An invariant that did not hold.
#[derive(Debug, Clone)]
pub struct Breach {
    /// The seed that shows it, again and again.
    pub seed: u64,
    /// What did not hold.
    pub what: String,
}

/// Runs one seed in its scenario, without one of the guards where that is asked for.
pub fn simulate(seed: u64, scenario: Scenario, out: Option<Guard>) -> Result<(), Breach> {
    let held = without(out, || {
        let mut run = Run::new(scenario, seed, |faults| faults.press(out));
        run.world.press(out);
        run.run(STORM_STEPS)
    });
    held.map_err(|what| Breach { seed, what })
}

/// Runs these seeds, each in its own scenario, on all cores. Answers with the first that fails.
pub fn simulate_all(first: u64, count: u64, seen: impl Fn(u64) + Sync) -> Result<(), Breach> {
    let next = AtomicU64::new(first);
    let over = AtomicBool::new(false);
    let breach = Mutex::new(None);
    let end = first + count;
    let work = || {
        while !over.load(Relaxed) {
            let from = next.fetch_add(SHARE, Relaxed);
            if from >= end {
                break;
            }
            let to = (from + SHARE).min(end);
            for seed in from..to {
                if let Err(found) = simulate(seed, Scenario::of(seed), None) {
                    over.store(true, Relaxed);
                    breach.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(found);
                    return;
                }
            }
            seen(to - from);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    match breach.into_inner().unwrap_or_else(PoisonError::into_inner) {
        None => Ok(()),
        Some(breach) => Err(breach),
    }
}

/// The whole history of a seed, and how it ended.
pub fn history(seed: u64, scenario: Scenario) -> (Vec<String>, Result<(), String>) {
    replayed(seed, scenario, STORM_STEPS, &|_| ())
}

fn replayed(
    seed: u64,
    scenario: Scenario,
    storm_steps: usize,
    adjust: &dyn Fn(&mut Faults),
) -> (Vec<String>, Result<(), String>) {
    let mut run = Run::new(scenario, seed, adjust);
    run.world.inner().keeps_history = true;
    let held = run.run(storm_steps);
    (std::mem::take(&mut run.world.inner().history), held)
}

/// Explains a breach: the shortest history that still shows one, with as few kinds of faults as it
/// takes.
pub fn explain(seed: u64, scenario: Scenario, out: Option<Guard>) -> String {
    let fails = |steps: usize, left_out: &[usize]| {
        let adjust = |faults: &mut Faults| left_out.iter().for_each(|kind| KINDS[*kind](faults));
        let (history, held) = without(out, || replayed(seed, scenario, steps, &adjust));
        held.err().map(|what| (history, what))
    };
    let Some(mut shown) = fails(STORM_STEPS, &[]) else {
        return format!("{scenario:?} seed {seed} holds");
    };
    let mut left_out = Vec::new();
    for kind in 0..KINDS.len() {
        left_out.push(kind);
        match fails(STORM_STEPS, &left_out) {
            Some(fewer) => shown = fewer,
            None => drop(left_out.pop()),
        }
    }
    // What fails early need not fail for every longer storm: the first that does is taken.
    for steps in (5..STORM_STEPS).step_by(5) {
        if let Some(shorter) = fails(steps, &left_out) {
            shown = shorter;
            break;
        }
    }
    let (history, what) = shown;
    format!("{scenario:?} seed {seed}: {what}\n{}", end_of(&history))
}

/// As much of a history as a person reads.
pub(crate) fn end_of(history: &[String]) -> String {
    history[history.len().saturating_sub(HISTORY_SHOWN)..].join("\n")
}
