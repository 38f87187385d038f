//! Rate and concurrency limits, as an API's front door applies them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::window::Window;
use crate::lock;

/// At most `requests` in any `per_ms`: a sliding window, the strictest reading of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests that the window has room for. Those turned away take no room.
    pub requests: u32,
    /// The window's width.
    pub per_ms: u64,
}

/// How 429 and 503 say when to come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfterForm {
    /// `Retry-After: 2`
    #[default]
    Seconds,
    /// `Retry-After: Fri, 28 Nov 2025 00:00:02 GMT`
    HttpDate,
    /// They do not.
    None,
}

/// One server's limits.
#[derive(Debug)]
pub(crate) struct Gate {
    window: Option<(u32, Mutex<Window>)>,
    concurrency_max: Option<u32>,
    inside: Arc<AtomicU32>,
}

/// A request that was let in; it is inside until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<AtomicU32>);

impl Gate {
    pub(crate) fn new(rate: Option<Rate>, concurrency_max: Option<u32>) -> Self {
        let window = rate.map(|rate| {
            (rate.requests, Mutex::new(Window::new(Duration::from_millis(rate.per_ms))))
        });
        Self { window, concurrency_max, inside: Arc::default() }
    }

    /// Lets a request in, or says how long to wait.
    pub(crate) fn enter(&self) -> Result<Ticket, Duration> {
        let max = self.concurrency_max.unwrap_or(u32::MAX);
        let entered = self
            .inside
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < max).then_some(n + 1));
        if entered.is_err() {
            // It is not known when a place is free: the shortest that the header can say.
            return Err(Duration::from_secs(1));
        }
        let ticket = Ticket(Arc::clone(&self.inside));
        if let Some((requests, window)) = &self.window {
            let now = Instant::now();
            let mut window = lock(window);
            if window.len_at(now) >= *requests as usize {
                return Err(window.until_room(now));
            }
            window.push(now);
        }
        Ok(ticket)
    }

    /// Requests inside now.
    pub(crate) fn inside(&self) -> u32 {
        self.inside.load(Ordering::Acquire)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_window_slides_and_the_wait_is_until_its_oldest_leaves() {
        let gate = Gate::new(Some(Rate { requests: 2, per_ms: 60 }), None);
        assert!(gate.enter().is_ok());
        assert!(gate.enter().is_ok());
        let wait = gate.enter().expect_err("full");
        assert!(wait <= Duration::from_millis(500) && !wait.is_zero());
        tokio::time::sleep(Duration::from_millis(510)).await;
        assert!(gate.enter().is_ok());
        assert_eq!(gate.inside(), 0);
    }

    #[test]
    fn a_place_is_free_again_once_its_ticket_is_dropped() {
        let gate = Gate::new(None, Some(1));
        let ticket = gate.enter().expect("room");
        assert!(gate.enter().is_err());
        drop(ticket);
        assert!(gate.enter().is_ok());
    }
}
