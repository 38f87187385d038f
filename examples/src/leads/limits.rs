//! Marketo's three limits. All of them answer inside HTTP 200.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::Failure;
use super::audit::LimitErrors;
use super::config::MarketoConfig;
use crate::faults::{Gate, Rate, Ticket};
use crate::lock;

/// Lets calls in, and counts those that it turns away.
#[derive(Debug)]
pub(crate) struct Limits {
    rate: Rate,
    window: Gate,
    places: Gate,
    daily_quota: u64,
    spent: AtomicU64,
    errors: Mutex<LimitErrors>,
}

impl Limits {
    pub(crate) fn new(config: &MarketoConfig) -> Self {
        Self {
            rate: config.rate,
            window: Gate::new(Some(config.rate), None),
            places: Gate::new(None, Some(config.concurrency_max)),
            daily_quota: config.daily_quota,
            spent: AtomicU64::new(0),
            errors: Mutex::default(),
        }
    }

    /// Lets a call in; it is inside until the ticket is dropped. A call turned away counts towards
    /// no limit but, with 607, the rate's.
    pub(crate) fn enter(&self) -> Result<Ticket, Failure> {
        let Ok(ticket) = self.places.enter() else {
            lock(&self.errors).concurrency += 1;
            return Err(Failure::new(615, "Concurrent access limit reached"));
        };
        if self.window.enter().is_err() {
            lock(&self.errors).rate += 1;
            let Rate { requests, per_ms } = self.rate;
            let seconds = per_ms as f64 / 1_000.0;
            let message = format!("Max rate limit '{requests}' exceeded with in '{seconds}' secs");
            return Err(Failure::new(606, message));
        }
        let spend = |spent| (spent < self.daily_quota).then_some(spent + 1);
        if self.spent.fetch_update(Ordering::AcqRel, Ordering::Acquire, spend).is_err() {
            lock(&self.errors).quota += 1;
            return Err(Failure::new(607, "Daily quota reached"));
        }
        Ok(ticket)
    }

    /// Calls inside now.
    pub(crate) fn inside(&self) -> u32 {
        self.places.inside()
    }

    /// A new day.
    pub(crate) fn reset_quota(&self) {
        self.spent.store(0, Ordering::Release);
    }

    /// Calls turned away so far.
    pub(crate) fn errors(&self) -> LimitErrors {
        lock(&self.errors).clone()
    }
}
