//! What can go wrong at an await on a port.

use tidegate_core::guard::Guard;
use tidegate_testkit::SplitMix;

/// Chances of one run; none once it is calm.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    pub crash: f64,
    pub lost_answer: f64,
    pub repeated: f64,
    pub late_effect: f64,
    pub late_copy: f64,
    pub duplicate: f64,
    pub lost_message: f64,
    pub partial_send: f64,
    pub unknown_outcome: f64,
    pub unavailable: f64,
    /// Of the rare call that voids pages: a copy of it comes late.
    pub late_void: f64,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Answer,
    CrashBefore,
    CrashAfter,
    /// No answer, and no effect.
    LostBefore,
    /// No answer, and the effect happened.
    LostAfter,
    /// No answer, and the effect happens some time later, whoever has gone on meanwhile.
    LostAndLate,
    /// The client's own retry: the effect happened, its answer was lost, and it was asked again.
    Repeated,
    /// The client's own retry got through, and the first request comes late.
    LateCopy,
}

/// The kinds of faults, to be left out one by one where a history is shortened.
pub const KINDS: &[fn(&mut Faults)] = &[
    |faults| faults.crash = 0.0,
    |faults| faults.lost_answer = 0.0,
    |faults| faults.repeated = 0.0,
    |faults| faults.late_effect = 0.0,
    |faults| faults.late_copy = 0.0,
    |faults| faults.duplicate = 0.0,
    |faults| faults.lost_message = 0.0,
    |faults| faults.partial_send = 0.0,
    |faults| faults.unknown_outcome = 0.0,
    |faults| faults.unavailable = 0.0,
    |faults| faults.late_void = 0.0,
];

impl Faults {
    pub const NONE: Self = Self {
        crash: 0.0,
        lost_answer: 0.0,
        repeated: 0.0,
        late_effect: 0.0,
        late_copy: 0.0,
        duplicate: 0.0,
        lost_message: 0.0,
        partial_send: 0.0,
        unknown_outcome: 0.0,
        unavailable: 0.0,
        late_void: 0.0,
    };

    pub fn draw(rng: &mut SplitMix) -> Self {
        let mut one_of = |chances: [f64; 3]| chances[rng.below(3) as usize];
        Self {
            crash: one_of([0.0, 0.01, 0.04]),
            lost_answer: one_of([0.0, 0.02, 0.08]),
            repeated: one_of([0.0, 0.02, 0.08]),
            late_effect: one_of([0.0, 0.01, 0.04]),
            late_copy: one_of([0.0, 0.02, 0.08]),
            duplicate: one_of([0.0, 0.05, 0.2]),
            lost_message: one_of([0.0, 0.02, 0.05]),
            partial_send: one_of([0.0, 0.05, 0.2]),
            unknown_outcome: one_of([0.0, 0.1, 0.3]),
            unavailable: one_of([0.0, 0.05, 0.2]),
            late_void: 0.0,
        }
    }

    /// More of what a guard is there for, where it is seldom needed.
    pub fn press(&mut self, out: Option<Guard>) {
        match out {
            Some(Guard::VoidAsSeen) => self.late_void = 0.5,
            Some(Guard::YieldToNewer) => {
                self.unknown_outcome = 0.3;
                self.lost_answer = 0.08;
                self.late_effect = 0.04;
                self.late_copy = 0.08;
                self.duplicate = 0.2;
            }
            _ => {}
        }
    }

    /// Whether anything but a record's handling leaves a mark behind.
    pub fn may_look_like_death(&self) -> bool {
        self.crash + self.lost_answer + self.late_effect + self.late_copy + self.duplicate > 0.0
    }

    pub fn fate(&self, what: &str, rng: &mut SplitMix) -> Fate {
        if self.late_void > 0.0 && what == "void" && rng.chance(self.late_void) {
            return Fate::LateCopy;
        }
        // One draw for the many calls that nothing happens to.
        let mut left = (rng.next_u64() >> 11) as f64 / ((1u64 << 53) as f64);
        let mut takes = |chance: f64| {
            let taken = left < chance;
            left -= chance;
            taken
        };
        if takes(self.crash / 2.0) {
            Fate::CrashBefore
        } else if takes(self.crash / 2.0) {
            Fate::CrashAfter
        } else if takes(self.lost_answer / 2.0) {
            Fate::LostBefore
        } else if takes(self.lost_answer / 2.0) {
            Fate::LostAfter
        } else if takes(self.repeated) {
            Fate::Repeated
        } else if takes(self.late_effect) {
            Fate::LostAndLate
        } else if takes(self.late_copy) {
            Fate::LateCopy
        } else {
            Fate::Answer
        }
    }
}
