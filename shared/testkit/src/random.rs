//! Randomness and ids that a seed reproduces.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tidegate_core::{
    model::StreamId,
    ports::{Ids, Random},
};

/// SplitMix64 (Steele, Lea, Flood 2014): tiny, and good enough for jitter and test schedules.
#[derive(Debug, Clone)]
pub struct SplitMix(u64);

impl SplitMix {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, uniform over all `u64`.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Uniform in `0..bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True once in `1 / probability` times.
    pub fn chance(&mut self, probability: f64) -> bool {
        (self.next_u64() >> 11) as f64 / ((1u64 << 53) as f64) < probability
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Randomness and ids from one seed, to be shared.
#[derive(Debug)]
pub struct Seeded {
    seed: u64,
    drawn: AtomicU64,
}

impl Seeded {
    /// The same seed gives the same sequence. For ids to be unique, seeds must be.
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }
}

impl Random for Seeded {
    fn next_u64(&self) -> u64 {
        let draw = self.drawn.fetch_add(1, Relaxed).wrapping_add(1);
        mix(self.seed.wrapping_add(draw.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }
}

impl Ids for Seeded {
    fn unique(&self, _stream: &StreamId) -> Box<str> {
        // The counter makes it unique within the seed, the seed between runs.
        let draw = self.drawn.fetch_add(1, Relaxed);
        format!("{:016x}-{draw:x}", self.seed).into()
    }
}
