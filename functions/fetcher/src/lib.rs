//! The fetcher function: schedule events and dead letters to app calls.

mod handler;

pub use handler::{Answer, Event, Schedule, SourceHalted, handle};
