//! Seeded simulation of the commit protocol: the production code over memory ports, with crashes,
//! lost answers, late and repeated effects, duplicates, reordering, lost messages, zombies and late
//! writes at every await; I1–I9 after every step.
//!
//! `cargo run --release -p tidegate-simulation -- --seeds 1000000` runs seeds on all cores.

// Everything here is the simulation's own; it has no users to document for but its tests.
#![allow(missing_docs)]

mod actors;
pub mod episode;
mod executor;
pub mod exhaustive;
mod faults;
mod invariants;
pub mod mutation;
mod operator;
mod run;
pub mod scenario;
mod seat;
pub mod seeds;
pub mod sweep;
mod switch;
mod world;

pub use tidegate_core::guard::Guard;
