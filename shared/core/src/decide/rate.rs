//! A rate as moments in time, evenly spread (GCRA): shared through the table, they are kept by any number
//! of processors, and no sliding window of the destination ever sees one too many.

use std::collections::VecDeque;

use crate::model::{EpochMs, Leased, Paced, RateLimit};

/// One part in so many of a rate is left unused: what a request's way to the destination may vary by,
/// and a processor's clock, without two windows' worth of requests meeting in one.
const HEADROOM: i64 = 80;
/// A moment may be used so late, as a part of the window.
const LATENESS: i64 = 100;
/// Moments in one lease: few enough that little is lost with an invocation that dies, and so many that
/// leasing costs a tenth of a request at most.
const LEASE_MIN: u32 = 10;
const LEASE_MAX: u32 = 200;
/// A moment of a pace that headers ask for may be used so late, at the least.
const PACED_LATENESS_US: i64 = 10_000;
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
        let paced = || limits.iter().filter(|limit| !limit.is_quota());
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

    /// The slower of this and what the destination's headers ask for.
    pub fn paced(rate: Option<Self>, paced: Option<Paced>) -> Option<Self> {
        let asked = paced.map(|Paced { spacing_us, .. }| Self {
            spacing_us,
            lateness_us: (spacing_us / 4).max(PACED_LATENESS_US),
        });
        rate.into_iter().chain(asked).max_by_key(|rate| rate.spacing_us)
    }

    /// For how many requests to ask at once.
    pub fn want(self, requests: u64) -> u32 {
        let a_while = u32::try_from(LEASE_US / self.spacing_us.max(1)).unwrap_or(LEASE_MAX);
        let most = a_while.clamp(LEASE_MIN, LEASE_MAX);
        u32::try_from(requests).unwrap_or(most).clamp(1, most)
    }

    /// How many slots it takes to use every moment, with requests that take so long: with fewer, some
    /// moments would find the request before still under way.
    pub fn slots(self, request_ms: u64) -> u32 {
        let request_us = i64::try_from(request_ms).unwrap_or(i64::MAX / 2_000) * 1_000;
        u32::try_from(request_us / self.spacing_us.max(1)).unwrap_or(u32::MAX).saturating_add(2)
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

/// When a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Not before; in µs since 1970.
    pub at_us: i64,
    /// And not after.
    pub use_by_us: i64,
    /// The lease that it is of.
    lease: usize,
}

/// The leased moments of one invocation.
#[derive(Debug, Clone, Default)]
pub struct Moments {
    moments: VecDeque<Moment>,
    /// When each lease counts as used, and how many of it were not.
    unused: Vec<(EpochMs, u64)>,
}

impl Moments {
    /// Adds a lease. Without a rate its moments last as long as it does.
    pub fn add(&mut self, leased: Leased, rate: Option<Rate>) {
        let lease = self.unused.len();
        self.unused.push((leased.until_us / 1_000, u64::from(leased.count)));
        let moments = (0..i64::from(leased.count)).map(|at| {
            let at_us = leased.first_us + at * leased.spacing_us;
            let use_by_us = rate.map_or(leased.until_us, |rate| at_us + rate.lateness_us);
            let use_by_us = use_by_us.min(leased.until_us);
            Moment { at_us, use_by_us, lease }
        });
        self.moments.extend(moments);
    }

    /// Takes the next that can still be used, if there is one.
    pub fn take(&mut self, now_us: i64) -> Option<Moment> {
        while let Some(moment) = self.moments.pop_front() {
            if now_us <= moment.use_by_us {
                return Some(moment);
            }
        }
        None
    }

    /// Lets all of them pass.
    pub fn drop_all(&mut self) {
        self.moments.clear();
    }

    /// Gives one back that was just taken.
    pub fn put_back(&mut self, moment: Moment) {
        self.moments.push_front(moment);
    }

    /// A request was sent in this one.
    pub fn used(&mut self, moment: Moment) {
        let unused = &mut self.unused[moment.lease].1;
        *unused = unused.saturating_sub(1);
    }

    /// What was leased and not used: so many, that count as used at that moment.
    pub fn unused(&self) -> Vec<(EpochMs, u64)> {
        self.unused.iter().filter(|(_, unused)| *unused > 0).copied().collect()
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
    fn a_moment_missed_by_more_than_a_little_is_past_its_use_and_was_not_used() {
        let rate = Rate { spacing_us: 100, lateness_us: 10 };
        let mut moments = Moments::default();
        let leased = Leased { first_us: 1_000, spacing_us: 100, count: 3, until_us: 7_000 };
        moments.add(leased, Some(rate));
        let first = moments.take(1_010).unwrap();
        assert_eq!((first.at_us, first.use_by_us), (1_000, 1_010));
        moments.used(first);
        assert_eq!(moments.take(1_111).unwrap().at_us, 1_200);
        assert_eq!(moments.take(1_111), None);
        assert_eq!(moments.unused(), [(7, 2)]);
    }

    #[test]
    fn slots_are_enough_for_every_moment() {
        let rate = Rate { spacing_us: 20_250, lateness_us: 10_000 };
        for (request_ms, slots) in [(0, 2), (20, 2), (21, 3), (2_000, 100)] {
            assert_eq!(rate.slots(request_ms), slots, "{request_ms} ms");
        }
    }

    proptest! {
        #[test]
        fn at_least_ninety_eight_parts_of_a_hundred_are_used(count in 1u32..2_000) {
            let rate = Rate::within(&[limit(count, 1_000)]).unwrap();
            let used = 1_000_000.0 / rate.spacing_us as f64 / f64::from(count);
            prop_assert!((0.98..=1.0).contains(&used), "{used}");
        }
    }
}
