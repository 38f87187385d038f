//! What can go wrong at an await on a port.

use tidegate_core::memory::SplitMix;

/// Chances of one run; none once it is calm.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    crash: f64,
    lost_answer: f64,
    pub duplicate: f64,
    pub lost_message: f64,
    pub unknown_outcome: f64,
    pub unavailable: f64,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Answer,
    CrashBefore,
    CrashAfter,
    /// No answer, and no effect.
    LostBefore,
    /// No answer, and the effect happened.
    LostAfter,
}

impl Faults {
    pub const NONE: Self = Self {
        crash: 0.0,
        lost_answer: 0.0,
        duplicate: 0.0,
        lost_message: 0.0,
        unknown_outcome: 0.0,
        unavailable: 0.0,
    };

    pub fn draw(rng: &mut SplitMix) -> Self {
        let mut one_of = |chances: [f64; 3]| chances[rng.below(3) as usize];
        Self {
            crash: one_of([0.0, 0.01, 0.04]),
            lost_answer: one_of([0.0, 0.02, 0.08]),
            duplicate: one_of([0.0, 0.05, 0.2]),
            lost_message: one_of([0.0, 0.02, 0.05]),
            unknown_outcome: one_of([0.0, 0.1, 0.3]),
            unavailable: one_of([0.0, 0.05, 0.2]),
        }
    }

    pub fn fate(&self, rng: &mut SplitMix) -> Fate {
        if rng.chance(self.crash) {
            if rng.chance(0.5) { Fate::CrashBefore } else { Fate::CrashAfter }
        } else if rng.chance(self.lost_answer) {
            if rng.chance(0.5) { Fate::LostBefore } else { Fate::LostAfter }
        } else {
            Fate::Answer
        }
    }
}
