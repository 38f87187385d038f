//! A server that is down: for a while after so many records, or by a switch.

use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::lock;

/// An outage that begins by itself, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// Begins when so many records were applied.
    pub after_records: u64,
    /// Lasts so long.
    pub duration_ms: u64,
}

/// Whether the server is down.
#[derive(Debug)]
pub(crate) struct OutageSwitch(Mutex<State>);

#[derive(Debug)]
struct State {
    planned: Option<Outage>,
    until: Option<Instant>,
    switched_on: bool,
}

impl OutageSwitch {
    pub(crate) fn new(planned: Option<Outage>) -> Self {
        Self(Mutex::new(State { planned, until: None, switched_on: false }))
    }

    /// By hand; switching off ends a planned one too.
    pub(crate) fn switch(&self, on: bool) {
        let mut state = lock(&self.0);
        state.switched_on = on;
        if !on {
            state.until = None;
        }
    }

    /// Whether a request that comes now, after `applied` records, meets an outage.
    pub(crate) fn is_on(&self, applied: u64) -> bool {
        let mut state = lock(&self.0);
        if let Some(planned) = state.planned.take_if(|planned| applied >= planned.after_records) {
            state.until = Some(Instant::now() + Duration::from_millis(planned.duration_ms));
        }
        state.switched_on || state.until.is_some_and(|until| Instant::now() < until)
    }
}
