//! Seeded randomness, shared by all of a server's requests without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64's output function (Steele, Lea, Flood 2014): a good hash of one number.
pub(crate) const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Throws the same numbers for the same seed; which request gets which is the scheduler's choice.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(mix(seed)))
    }

    /// Evenly spread over `0.0..1.0`.
    pub(crate) fn roll(&self) -> f64 {
        let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        (mix(state) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What befalls one request, decided by one throw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is served.
    Serve,
    /// 500, and nothing was done.
    FailBefore,
    /// 500, although it was done.
    FailAfter,
    /// No answer, and nothing was done.
    DropBefore,
    /// No answer, although it was done.
    DropAfter,
}

impl Fate {
    /// Each share is of all requests; half of `drop` falls after the work.
    pub(crate) fn decide(roll: f64, fail_before: f64, fail_after: f64, drop: f64) -> Self {
        let shares = [
            (fail_before, Self::FailBefore),
            (fail_after, Self::FailAfter),
            (drop / 2.0, Self::DropBefore),
            (drop / 2.0, Self::DropAfter),
        ];
        let mut edge = 0.0;
        for (share, fate) in shares {
            edge += share;
            if roll < edge {
                return fate;
            }
        }
        Self::Serve
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_met_and_a_seed_repeats() {
        let dice = Dice::new(7);
        let fates: Vec<_> =
            (0..10_000).map(|_| Fate::decide(dice.roll(), 0.2, 0.05, 0.1)).collect();
        let share = |fate| fates.iter().filter(|f| **f == fate).count();
        assert!((1_850..2_150).contains(&share(Fate::FailBefore)));
        assert!((400..600).contains(&share(Fate::FailAfter)));
        assert!((400..600).contains(&share(Fate::DropBefore)));
        assert!((400..600).contains(&share(Fate::DropAfter)));

        let again = Dice::new(7);
        assert!(fates.iter().all(|f| *f == Fate::decide(again.roll(), 0.2, 0.05, 0.1)));
    }
}
