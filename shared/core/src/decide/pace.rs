//! One processor's share of a rate: moments in time, evenly spread.

use crate::model::{EpochMs, RateLimit};

/// Longer windows are quotas: spreading a day's allowance evenly would idle through a quiet morning.
const PACED_WINDOW_MS_MAX: u64 = 60_000;

/// Gives each request its moment, so that `processors` of them together keep within every rate.
#[derive(Debug, Clone)]
pub struct Pace {
    spacing_us: i64,
    next_us: i64,
}

impl Pace {
    /// This processor's share of the rates, beginning at `start_ms`.
    pub fn new(rates: &[RateLimit], processors: u32, start_ms: EpochMs) -> Self {
        let paced = rates.iter().filter(|rate| rate.window_ms <= PACED_WINDOW_MS_MAX);
        let spacing = |rate: &RateLimit| {
            rate.window_ms * 1_000 * u64::from(processors.max(1)) / u64::from(rate.count.max(1))
        };
        let spacing_us = paced.map(spacing).max().unwrap_or(0);
        Self {
            spacing_us: i64::try_from(spacing_us).unwrap_or(i64::MAX),
            next_us: start_ms * 1_000,
        }
    }

    /// When the next request may start.
    pub fn next_ms(&self) -> EpochMs {
        // Rounded up: early is over the limit.
        (self.next_us + 999).div_euclid(1_000)
    }

    /// Uses up the next moment. Moments that passed unused are gone, and make no burst.
    pub fn take(&mut self, now_ms: EpochMs) {
        if self.spacing_us > 0 {
            // Half a spacing of lateness is forgiven, so that timer slack does not add up.
            self.next_us = self.next_us.max(now_ms * 1_000 - self.spacing_us / 2) + self.spacing_us;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_a_rate_there_is_no_wait() {
        let mut pace = Pace::new(&[], 4, 7);
        pace.take(7);
        assert_eq!(pace.next_ms(), 7);
    }

    proptest! {
        #[test]
        fn all_processors_together_keep_within_the_rate(
            count in 1u32..200, processors in 1u32..8, lateness in prop::collection::vec(0i64..40, 60),
        ) {
            let rate = RateLimit { count, window_ms: 1_000 };
            let mut pace = Pace::new(&[rate], processors, 0);
            let mut starts = Vec::new();
            let mut now = 0;
            for late in lateness {
                now = pace.next_ms().max(now) + late;
                pace.take(now);
                starts.push(now);
            }
            let share = f64::from(count) / f64::from(processors);
            for (index, start) in starts.iter().enumerate() {
                let within = starts[index..].iter().filter(|other| **other < start + 1_000).count();
                prop_assert!(within as f64 <= share + 2.0, "{within} of {share} in a second");
            }
        }
    }
}
