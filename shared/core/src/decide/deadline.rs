//! Ending before the host ends us.

use crate::model::EpochMs;

/// The longest that settling, committing and giving back are given at the end, in ms.
const RESERVE_MS_MAX: EpochMs = 5_000;

/// When an invocation is killed, and when it stops taking on work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The host kills the invocation then.
    pub at_ms: EpochMs,
    /// Nothing is started that may not be over by then: the reserve lies behind it.
    pub stop_ms: EpochMs,
}

impl Deadline {
    /// Two fifths of a short invocation, and five seconds of a long one, are kept in reserve.
    pub fn new(now_ms: EpochMs, at_ms: EpochMs) -> Self {
        let reserve_ms = ((at_ms - now_ms) * 2 / 5).clamp(0, RESERVE_MS_MAX);
        Self { at_ms, stop_ms: at_ms - reserve_ms }
    }

    /// How long work may still take, in ms; zero when it is time to stop.
    pub fn left_ms(&self, now_ms: EpochMs) -> u64 {
        u64::try_from(self.stop_ms - now_ms).unwrap_or(0)
    }

    /// The last moment at which [`Self::request_ms`] lets a request start, with the same timeout and as
    /// slow as `slowest_ms`.
    pub fn last_start_ms(&self, timeout_ms: u64, slowest_ms: u64) -> EpochMs {
        self.stop_ms.saturating_sub_unsigned(timeout_ms.min(wanted_ms(slowest_ms)))
    }

    /// The timeout for a request that starts now, or `None` when there is too little time for one as
    /// slow as `slowest_ms`, the slowest so far: cutting it off would leave its outcome unknown.
    pub fn request_ms(&self, now_ms: EpochMs, timeout_ms: u64, slowest_ms: u64) -> Option<u64> {
        let left_ms = self.left_ms(now_ms);
        let wanted_ms = timeout_ms.min(wanted_ms(slowest_ms));
        (left_ms > 0 && left_ms >= wanted_ms).then(|| timeout_ms.min(left_ms))
    }
}

/// The time that a request is given, at the least.
fn wanted_ms(slowest_ms: u64) -> u64 {
    slowest_ms.saturating_mul(2).max(250)
}

#[cfg(test)]
mod tests {
    use super::Deadline;

    #[test]
    fn short_invocations_keep_two_fifths_and_long_ones_five_seconds() {
        assert_eq!(Deadline::new(0, 5_000).stop_ms, 3_000);
        assert_eq!(Deadline::new(0, 60_000).stop_ms, 55_000);
        assert_eq!(Deadline::new(9, 9).left_ms(9), 0);
    }

    #[test]
    fn no_request_starts_that_would_have_to_be_cut_off() {
        let deadline = Deadline::new(0, 5_000);
        assert_eq!(deadline.request_ms(0, 30_000, 1_000), Some(3_000));
        assert_eq!(deadline.request_ms(0, 2_000, 5_000), Some(2_000));
        assert_eq!(deadline.request_ms(1_500, 30_000, 1_000), None);
        assert_eq!(deadline.request_ms(3_000, 30_000, 0), None);
        assert_eq!(deadline.request_ms(2_750, 30_000, 0), Some(250));
    }
    #[test]
    fn the_last_moment_to_start_is_the_last_at_which_a_request_is_let_start() {
        let deadline = Deadline::new(0, 30_000);
        for (timeout_ms, slowest_ms) in [(30_000, 0), (2_000, 15_000), (20_000, 3_000), (100, 0)] {
            let last_ms = deadline.last_start_ms(timeout_ms, slowest_ms);
            assert!(deadline.request_ms(last_ms, timeout_ms, slowest_ms).is_some(), "{timeout_ms}");
            assert_eq!(deadline.request_ms(last_ms + 1, timeout_ms, slowest_ms), None);
        }
    }
}
