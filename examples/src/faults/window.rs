//! A sliding window of moments: how many lay within the last so long.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The moments of the last `width`, oldest first.
#[derive(Debug)]
pub(crate) struct Window {
    width: Duration,
    moments: VecDeque<Instant>,
}

impl Window {
    pub(crate) fn new(width: Duration) -> Self {
        Self { width, moments: VecDeque::new() }
    }

    /// Forgets what left the window; how many remain.
    pub(crate) fn len_at(&mut self, now: Instant) -> usize {
        while self.moments.front().is_some_and(|m| now.duration_since(*m) >= self.width) {
            self.moments.pop_front();
        }
        self.moments.len()
    }

    /// Adds a moment.
    pub(crate) fn push(&mut self, now: Instant) {
        self.moments.push_back(now);
    }

    /// How long until the oldest leaves.
    pub(crate) fn until_room(&self, now: Instant) -> Duration {
        self.moments
            .front()
            .map_or(Duration::ZERO, |oldest| (*oldest + self.width).saturating_duration_since(now))
    }
}
