//! Requests that bring nothing new: paced, and at an end after some in a row.

use std::time::Duration;

/// So many requests in a row that bring nothing new are the end of a list, whatever it says.
const REQUESTS_MAX: u32 = 20;
/// So many of them are made at once; those after them wait, so that there are at most ten a second.
const UNPACED: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// How long a walk has been asking without getting on.
#[derive(Debug, Default)]
pub(super) struct Idle {
    requests: u32,
}

impl Idle {
    /// Notes what a page took, and whether it brought something new.
    pub(super) fn note(&mut self, requests: u32, is_new: bool) {
        self.requests = if is_new { 0 } else { self.requests + requests };
    }

    /// Whether that is long enough to take the list for ended.
    pub(super) fn is_over(&self) -> bool {
        self.requests >= REQUESTS_MAX
    }

    /// Requests in a row that brought nothing.
    pub(super) fn requests(&self) -> u32 {
        self.requests
    }

    /// Waits until the next request is due, or for as long as is left.
    pub(super) async fn wait(&self, left_ms: u64) {
        if let Some(pause) = self.pause() {
            tokio::time::sleep(pause.min(Duration::from_millis(left_ms))).await;
        }
    }

    /// How long to wait before the next request.
    fn pause(&self) -> Option<Duration> {
        (self.requests >= UNPACED).then_some(PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_ten_in_a_second_and_twenty_in_a_row() {
        let mut idle = Idle::default();
        let mut at = Duration::ZERO;
        let mut sent = Vec::new();
        while !idle.is_over() {
            at += idle.pause().unwrap_or_default();
            sent.push(at);
            idle.note(1, false);
        }
        assert_eq!(sent.len(), 20);
        assert!(sent.windows(11).all(|pair| pair[10] - pair[0] > Duration::from_secs(1)));
        idle.note(1, true);
        assert_eq!((idle.is_over(), idle.pause(), idle.requests()), (false, None, 0));
    }
}
