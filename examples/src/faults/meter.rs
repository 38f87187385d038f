//! Counts a server's traffic.

use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::window::Window;
use crate::lock;

/// What one server saw of its clients. Control and audit requests are not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// All requests, whatever became of them.
    pub requests: u64,
    /// Answered 401: no credentials, or wrong ones.
    pub unauthorized: u64,
    /// Answered 400, 404 or 405: what no well-made client sends.
    pub malformed: u64,
    /// Answered 429, over a limit.
    pub throttled_429: u64,
    /// Answered 500 on purpose, before or after the work.
    pub failed_500: u64,
    /// Connections closed without an answer, before or after the work.
    pub dropped: u64,
    /// Answered 503 during an outage.
    pub outage_503: u64,
    /// Answered 307 to somewhere else.
    pub redirected: u64,
    /// Most requests let in at once.
    pub in_flight_max: u32,
    /// Most requests, turned away or not, in any one second.
    pub per_second_max: u32,
    /// Most requests in any 0.95 s of an outage (a twentieth is left to the network's jitter).
    pub outage_per_second_max: u32,
    /// From the first request to the last.
    pub span_ms: u64,
}

/// So many arrivals are kept.
const ARRIVALS_MAX: usize = 100_000;

/// Collects [`Traffic`].
#[derive(Debug)]
pub(crate) struct Meter(Mutex<Reading>);

#[derive(Debug)]
struct Reading {
    traffic: Traffic,
    first: Option<Instant>,
    second: Window,
    outage_second: Window,
    arrivals_us: Vec<u64>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Reading {
            traffic: Traffic::default(),
            first: None,
            second: Window::new(Duration::from_secs(1)),
            outage_second: Window::new(Duration::from_millis(950)),
            arrivals_us: Vec::new(),
        }))
    }

    /// A request came.
    pub(crate) fn came(&self) {
        let now = Instant::now();
        let mut reading = lock(&self.0);
        let first = *reading.first.get_or_insert(now);
        let in_second = reading.second.len_at(now) + 1;
        reading.second.push(now);
        if reading.arrivals_us.len() < ARRIVALS_MAX {
            let after_us = u64::try_from((now - first).as_micros()).unwrap_or(u64::MAX);
            reading.arrivals_us.push(after_us);
        }
        let traffic = &mut reading.traffic;
        traffic.requests += 1;
        traffic.per_second_max = traffic.per_second_max.max(small(in_second));
        traffic.span_ms = u64::try_from((now - first).as_millis()).unwrap_or(u64::MAX);
    }

    /// It was let in, and so many are inside now.
    pub(crate) fn inside(&self, count: u32) {
        let traffic = &mut lock(&self.0).traffic;
        traffic.in_flight_max = traffic.in_flight_max.max(count);
    }

    /// It came during an outage.
    pub(crate) fn outage(&self) {
        let now = Instant::now();
        let mut reading = lock(&self.0);
        let in_second = reading.outage_second.len_at(now) + 1;
        reading.outage_second.push(now);
        let traffic = &mut reading.traffic;
        traffic.outage_503 += 1;
        traffic.outage_per_second_max = traffic.outage_per_second_max.max(small(in_second));
    }

    /// Counts something else.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Traffic)) {
        add(&mut lock(&self.0).traffic);
    }

    /// When each request came, in µs after the first; of the first hundred thousand.
    pub(crate) fn arrivals_us(&self) -> Vec<u64> {
        lock(&self.0).arrivals_us.clone()
    }

    /// The counts so far.
    pub(crate) fn read(&self) -> Traffic {
        lock(&self.0).traffic.clone()
    }
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
