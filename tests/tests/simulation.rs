//! The commit protocol under every fault: tests/simulation, as far as every test run goes.
//!
//! `SIMULATION_SEEDS` sets how many seeds are run (default 10,000), `SIMULATION_FIRST` the first one.
//! A million on all cores: `cargo run --release -p tidegate-simulation -- --seeds 1000000`.

use std::{sync::Mutex, thread};

use tidegate_core::{
    guard::Guard,
    model::{Blame, EpochMs},
};
use tidegate_simulation::{
    episode::{self, Episode, harm, play},
    mutation::{Noticed, still_noticed},
    scenario::Scenario,
    seeds::{explain, history, simulate, simulate_all},
    sweep,
};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number of seeds"))
}

#[test]
fn every_seed_holds_every_invariant() {
    let (first, seeds) = (number("SIMULATION_FIRST", 0), number("SIMULATION_SEEDS", 10_000));
    if let Err(breach) = simulate_all(first, seeds, |_| ()) {
        panic!("{}", explain(breach.seed, Scenario::of(breach.seed), None));
    }
}

/// What was parked as unknown let go of its claim, and whoever read its page again sent it.
#[test]
fn repro_what_was_parked_as_unknown_is_not_sent_when_its_page_is_read_again() {
    simulate(25, Scenario::Charges, None).unwrap();
}

/// A failed mark at the source erased what was known of a delivery, and the record was sent again.
#[test]
fn repro_what_could_not_be_marked_at_the_source_is_not_sent_again() {
    simulate(38, Scenario::Charges, None).unwrap();
}

/// Parked because its processor died, it was replayed by somebody who did not know that it was sent.
#[test]
fn repro_a_replay_insists_only_on_what_somebody_knows_to_be_unknown() {
    simulate(10_646, Scenario::Charges, None).unwrap();
}

/// A processor stood still just before it sent, and its answered request landed later than was counted from
/// then: a newer version was sent meanwhile.
#[test]
fn repro_an_answered_request_lands_within_the_time_from_its_answer() {
    simulate(6_895, Scenario::LateLandings, None).unwrap();
}

#[test]
fn the_same_seed_runs_the_same_way() {
    for seed in 0..33 {
        let [first, second] = [0, 1].map(|_| history(seed, Scenario::of(seed)));
        assert_eq!(first, second, "seed {seed}");
        assert!(first.0.len() > 20, "seed {seed} did something");
    }
}

#[test]
fn a_crash_at_any_await_is_stood() {
    let swept = sweep::singles().unwrap_or_else(|breach| panic!("{breach}"));
    println!("{} awaits, {} runs, {} calls", swept.awaits, swept.runs, swept.calls.len());
    assert_eq!(swept.calls, sweep::every_call(), "every call was crashed at, before and after");
    assert!(swept.awaits > 400, "{swept:?}");
}

#[test]
fn two_crashes_at_any_two_awaits_are_stood() {
    let swept = sweep::pairs().unwrap_or_else(|breach| panic!("{breach}"));
    println!("{} pairs of awaits, {} runs", swept.awaits, swept.runs);
    assert!(swept.runs > 4_000, "{swept:?}");
}

#[test]
fn every_guard_is_missed_when_it_is_out() {
    let left = Mutex::new(Guard::ALL.iter());
    let unnoticed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = left.lock().unwrap().next();
            let Some(guard) = next else { break };
            let noticed = still_noticed(*guard, 40_000 / Scenario::ALL.len() as u64);
            println!("{:20} {}", format!("{guard:?}"), noticed.line());
            if noticed == Noticed::Nothing {
                unnoticed.lock().unwrap().push(*guard);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    assert_eq!(unnoticed.into_inner().unwrap(), []);
}

fn stood(episode: &Episode) {
    let told = play(episode, None).unwrap_or_else(|breach| panic!("{episode:?}: {breach}"));
    println!("{told:?}");
    assert_eq!(harm(&told, episode), None);
}

#[test]
fn an_hour_of_outage_harms_nothing() {
    episode::an_hour().iter().for_each(stood);
}

#[test]
fn a_day_of_failing_requests_parks_nothing_of_a_small_stream() {
    stood(&episode::a_small_stream());
}

#[test]
fn three_days_of_outage_harm_nothing() {
    episode::three_days().iter().for_each(stood);
}

const HOUR_MS: EpochMs = 3_600_000;
const MINUTE_MS: EpochMs = 60_000;

/// Pages whose messages were hidden until the reset were voided every hour.
#[test]
fn repro_nine_hours_of_waiting_for_a_quota_void_nothing_and_end_at_the_reset() {
    let episode = episode::nine_hours_of_quota();
    let told = play(&episode, None).unwrap();
    println!("{told:?}");
    assert_eq!(harm(&told, &episode), None);
    let drained_ms = 9 * HOUR_MS..9 * HOUR_MS + 5 * MINUTE_MS;
    assert!(drained_ms.contains(&told.drained_ms), "{told:?}");
}

#[test]
fn a_message_lost_in_nine_hours_of_waiting_is_found_within_stuck_after_of_the_waits_end() {
    let lost = Episode { loses_ms: Some(4 * HOUR_MS), ..episode::nine_hours_of_quota() };
    let told = play(&lost, None).unwrap();
    println!("{told:?}");
    assert_eq!((told.delivered, told.parked, told.dead), (1_000, 0, 0));
    assert!(told.voided > 0, "{told:?}");
    assert!(told.drained_ms < 10 * HOUR_MS + 10 * MINUTE_MS, "{told:?}");
}

#[test]
fn one_bad_record_in_ten_thousand_delays_nothing() {
    let clean = Episode { records: 10_000, ..Episode::default() };
    let poisoned = Episode { poison: Some(5_000), ..clean.clone() };
    let [clean, poisoned] = [clean, poisoned].map(|episode| play(&episode, None).unwrap());
    assert_eq!((poisoned.delivered, poisoned.parked), (9_999, 1));
    assert_eq!((clean.delivered, clean.parked), (10_000, 0));
    assert_eq!(poisoned.drained_ms, clean.drained_ms);
}

#[test]
fn a_record_that_kills_its_processor_is_found_and_passed() {
    let told = play(&episode::killer(1_000), None).unwrap();
    println!("{told:?}");
    assert_eq!((told.delivered, told.parked, told.dead), (999, 1, 0));
    // Two receipts to be noticed, one with its whole page, two alone.
    assert_eq!(told.killed, 5);
}

#[test]
fn a_short_outage_is_over_when_the_next_probe_gets_through() {
    let told = play(&episode::outage(20_000, Blame::Destination), None).unwrap();
    assert_eq!((told.delivered, told.parked, told.dead), (20_000, 0, 0));
}
