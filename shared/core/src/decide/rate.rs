//! A rate as moments in time, evenly spread (GCRA): shared through the table, they are kept by any number
//! of processors, and no sliding window of the destination ever sees one too many.

use std::collections::VecDeque;

use crate::model::{Ask, Leased, RateLimit};

/// Longer windows are quotas: spreading a day's allowance evenly would idle through a quiet morning.
const PACED_WINDOW_MS_MAX: u64 = 60_000;
/// One part in so many of a rate is left unused: what a request's way to the destination may vary by,
/// and a processor's clock, without two windows' worth of requests meeting in one.
const HEADROOM: i64 = 80;
/// A moment may be used so late, as a part of the window.
const LATENESS: i64 = 100;
/// Moments in one lease: few enough that little is lost with an invocation that dies, and so many that
/// leasing costs a tenth of a request at most.
const LEASE_MIN: u32 = 10;
const LEASE_MAX: u32 = 200;
/// A lease of a fast rate lasts about so long, in µs.
const LEASE_US: i64 = 1_000_000;

/// How fast requests may follow each other, where something says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// From one request to the next, in µs.
    pub spacing_us: i64,
    /// A moment is past its use when it is missed by more than this, in µs.
    pub lateness_us: i64,
}

impl Rate {
    /// What keeps every one of these limits; `None` where there are none.
    pub fn within(limits: &[RateLimit]) -> Option<Self> {
        let paced = || limits.iter().filter(|limit| limit.window_ms <= PACED_WINDOW_MS_MAX);
        let window_us = |limit: &RateLimit| {
            i64::try_from(limit.window_ms).expect("a window of a minute at most") * 1_000
        };
        let spacing = |limit: &RateLimit| {
            let spacing_us = window_us(limit) / i64::from(limit.count.max(1));
            spacing_us + spacing_us.div_ceil_by(HEADROOM)
        };
        let spacing_us = paced().map(spacing).max()?;
        let lateness_us = paced().map(|limit| window_us(limit) / LATENESS).min()?;
        Some(Self { spacing_us, lateness_us })
    }

    /// What to ask for, with so many requests to send until then.
    pub fn ask(&self, now_us: i64, requests: u64, until_us: i64) -> Ask {
        let a_while = u32::try_from(LEASE_US / self.spacing_us.max(1)).unwrap_or(LEASE_MAX);
        let most = a_while.clamp(LEASE_MIN, LEASE_MAX);
        let want = u32::try_from(requests).unwrap_or(most).clamp(1, most);
        Ask { now_us, spacing_us: self.spacing_us, want, until_us }
    }
}

trait DivCeil {
    fn div_ceil_by(self, by: Self) -> Self;
}

impl DivCeil for i64 {
    /// Rounded up, for what is above zero.
    fn div_ceil_by(self, by: Self) -> Self {
        (self + by - 1) / by
    }
}

/// The leased moments of one invocation.
#[derive(Debug, Clone, Default)]
pub struct Moments {
    moments_us: VecDeque<i64>,
}

impl Moments {
    /// Adds a lease.
    pub fn add(&mut self, leased: Leased, rate: Rate) {
        let moments = (0..i64::from(leased.count)).map(|at| leased.first_us + at * rate.spacing_us);
        self.moments_us.extend(moments);
    }

    /// Takes the next that can still be used, if there is one.
    pub fn take(&mut self, now_us: i64, rate: Rate) -> Option<i64> {
        while let Some(moment_us) = self.moments_us.pop_front() {
            if now_us <= moment_us + rate.lateness_us {
                return Some(moment_us);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(count: u32, window_ms: u64) -> RateLimit {
        RateLimit { count, window_ms }
    }

    #[test]
    fn the_slowest_limit_sets_the_pace_and_quotas_do_not() {
        assert_eq!(Rate::within(&[]), None);
        assert_eq!(Rate::within(&[limit(50_000, 86_400_000)]), None);
        let rate = Rate::within(&[limit(100, 20_000), limit(10, 1_000)]).unwrap();
        assert_eq!((rate.spacing_us, rate.lateness_us), (202_500, 10_000));
    }

    #[test]
    fn a_moment_missed_by_more_than_a_little_is_past_its_use() {
        let rate = Rate { spacing_us: 100, lateness_us: 10 };
        let mut moments = Moments::default();
        moments.add(Leased { first_us: 1_000, count: 3 }, rate);
        assert_eq!(moments.take(1_010, rate), Some(1_000));
        assert_eq!(moments.take(1_111, rate), Some(1_200));
        assert_eq!(moments.take(1_111, rate), None);
    }

    proptest! {
        /// Whoever leases, and however late within its use a moment is used.
        #[test]
        fn no_window_ever_sees_one_too_many(
            count in 1u32..300,
            window_ms in prop::sample::select(vec![1_000u64, 20_000, 60_000]),
            asks in prop::collection::vec((0i64..3_000_000, 1u32..40), 1..40),
            lateness in prop::collection::vec(0i64..1_000, 50),
        ) {
            let limit = limit(count, window_ms);
            let rate = Rate::within(&[limit]).unwrap();
            let (mut now_us, mut next_us, mut sent) = (0, None, Vec::new());
            for (wait_us, want) in asks {
                now_us += wait_us;
                let ask = rate.ask(now_us, u64::from(want), i64::MAX / 2);
                let (leased, after_us) = ask.lease(next_us);
                next_us = Some(after_us);
                for at in 0..i64::from(leased.count) {
                    let late = lateness[sent.len() % lateness.len()] * rate.lateness_us / 1_000;
                    sent.push(leased.first_us + at * rate.spacing_us + late);
                }
            }
            sent.sort_unstable();
            let window_us = i64::try_from(window_ms).unwrap() * 1_000;
            for (index, start) in sent.iter().enumerate() {
                let within = sent[index..].iter().filter(|at| **at < start + window_us).count();
                prop_assert!(within <= count as usize, "{within} of {count} in {window_ms} ms");
            }
        }

        #[test]
        fn at_least_ninety_eight_parts_of_a_hundred_are_used(count in 1u32..2_000) {
            let rate = Rate::within(&[limit(count, 1_000)]).unwrap();
            let used = 1_000_000.0 / rate.spacing_us as f64 / f64::from(count);
            prop_assert!((0.98..=1.0).contains(&used), "{used}");
        }
    }
}
