//! Seeded simulation of the commit protocol: the production code over memory ports, with crashes,
//! lost answers, duplicates, reordering, lost messages, zombies and late writes at every await.
//!
//! `SIMULATION_SEEDS` sets how many seeds each scenario runs (default 1,000), `SIMULATION_FIRST`
//! the first one; a failing seed is printed with the end of its history.

mod actors;
mod executor;
mod faults;
mod invariants;
mod ports;
mod run;
mod world;

use run::{Scenario, simulate};

fn seeds() -> std::ops::Range<u64> {
    let number = |name, default| {
        std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number of seeds"))
    };
    let first = number("SIMULATION_FIRST", 0);
    first..first + number("SIMULATION_SEEDS", 1_000)
}

fn holds(scenario: Scenario) {
    for seed in seeds() {
        if let Err(breach) = simulate(scenario, seed) {
            panic!("{scenario:?} seed {seed}: {breach}");
        }
    }
}

#[test]
fn imports_that_never_change_hold_every_invariant() {
    holds(Scenario::Imports);
}

#[test]
fn updates_that_cross_hold_every_invariant() {
    holds(Scenario::Updates);
}

#[test]
fn zombies_that_wake_after_their_lease_hold_every_invariant() {
    holds(Scenario::Zombies);
}

#[test]
fn a_serial_stream_holds_every_invariant() {
    holds(Scenario::Serial);
}

#[test]
fn the_same_seed_runs_the_same_way() {
    for seed in 0..20 {
        let history = |_| run::history(Scenario::Updates, seed);
        let [first, second] = [0, 1].map(history);
        assert_eq!(first, second, "seed {seed}");
        assert!(first.len() > 20, "seed {seed} did something");
    }
}
