//! A rate as send slots, evenly spread in time (GCRA): shared through the table, it is kept by any number
//! of processors, and no sliding window of the destination ever sees one request too many.

use crate::model::{AdvertisedRate, RateLimit};

/// One part in so many of a rate is left unused: what a request's way to the destination may vary by,
/// and a processor's clock, without two windows' worth of requests meeting in one.
const HEADROOM: i64 = 80;
/// A send slot may be used so late, as a part of the window.
const LATENESS: i64 = 100;
/// Send slots in one lease: few enough that little is lost with an invocation that dies, and so many that
/// leasing costs a tenth of a request at most.
const LEASE_MIN: u32 = 10;
const LEASE_MAX: u32 = 200;
/// A send slot at a rate that headers ask for may be used so late, at the least.
const ADVERTISED_LATENESS_US: i64 = 10_000;
/// A lease of a fast rate lasts about so long, in µs.
const LEASE_US: i64 = 1_000_000;

/// How fast requests may follow each other, where something says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// From one request to the next, in µs.
    pub spacing_us: i64,
    /// A send slot expires when it is missed by more than this, in µs.
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
    pub fn advertised(rate: Option<Self>, advertised: Option<AdvertisedRate>) -> Option<Self> {
        let asked = advertised.map(|AdvertisedRate { spacing_us, .. }| Self {
            spacing_us,
            lateness_us: (spacing_us / 4).max(ADVERTISED_LATENESS_US),
        });
        rate.into_iter().chain(asked).max_by_key(|rate| rate.spacing_us)
    }

    /// For how many requests to ask at once.
    pub fn want(self, requests: u64) -> u32 {
        let a_while = u32::try_from(LEASE_US / self.spacing_us.max(1)).unwrap_or(LEASE_MAX);
        let most = a_while.clamp(LEASE_MIN, LEASE_MAX);
        u32::try_from(requests).unwrap_or(most).clamp(1, most)
    }

    /// How many requests at once it takes to use every send slot, with requests that take so long: with
    /// fewer, some slots would find the request before still under way.
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
    fn concurrency_is_enough_for_every_send_slot() {
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
