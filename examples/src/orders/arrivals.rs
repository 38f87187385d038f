//! Which orders are there yet.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::config::{Growth, OrdersConfig, Ties};

/// The orders from the start, and those that arrive from the first look on.
#[derive(Debug)]
pub(crate) struct Arrivals {
    initial: u64,
    growth: Option<Growth>,
    /// Orders that arrive at once, being a tie.
    batch: u64,
    /// The earliest moment that a growing order may have.
    floor_ms: i64,
    started: OnceLock<(Instant, i64)>,
}

impl Arrivals {
    /// `floor_ms` is the last initial order's moment.
    pub(crate) fn new(config: &OrdersConfig, floor_ms: i64) -> Self {
        let growth = config.source.growth.filter(|growth| growth.total > 0);
        let per_second = growth.map_or(1.0, |growth| growth.per_second);
        let batch = match config.source.ties {
            Ties::Unique => 1,
            Ties::Every(size) => size.max(1),
            Ties::AllEqual => (per_second.ceil() as u64).max(1),
        };
        Self { initial: config.records, growth, batch, floor_ms, started: OnceLock::new() }
    }

    /// Growth starts now, unless it has.
    pub(crate) fn start(&self) {
        if self.growth.is_some() {
            self.started.get_or_init(|| (Instant::now(), now_ms().max(self.floor_ms + 1)));
        }
    }

    /// Orders there from the start.
    pub(crate) fn initial(&self) -> u64 {
        self.initial
    }

    /// Growing orders that arrive at once.
    pub(crate) fn batch(&self) -> u64 {
        self.batch
    }

    /// Orders there now.
    pub(crate) fn count(&self) -> u64 {
        let (Some(growth), Some((start, _))) = (self.growth, self.started.get()) else {
            return self.initial;
        };
        let due = (start.elapsed().as_secs_f64() * growth.per_second) as u64;
        let arrived =
            if due >= growth.total { growth.total } else { due / self.batch * self.batch };
        self.initial + arrived
    }

    /// Orders there in the end.
    pub(crate) fn count_max(&self) -> u64 {
        self.initial + self.growth.map_or(0, |growth| growth.total)
    }

    /// When the growing order with this index (from 0, after the initial ones) arrives.
    pub(crate) fn moment_ms(&self, index: u64) -> i64 {
        let (Some(growth), Some((_, start_ms))) = (self.growth, self.started.get()) else {
            return self.floor_ms;
        };
        // A tie has the moment of its last order, for only then is it seen.
        let last = ((index / self.batch + 1) * self.batch).min(growth.total);
        let after = Duration::from_secs_f64(last as f64 / growth.per_second.max(1e-6));
        start_ms + i64::try_from(after.as_millis()).unwrap_or(i64::MAX / 2)
    }
}

/// The wall clock: the outside world's, not the project's.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
