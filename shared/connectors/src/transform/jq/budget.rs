//! What one run of a program may spend.

use std::{cell::Cell, hint::black_box, panic::resume_unwind, ptr};

use jaq_core::{DataT, Lut, data::HasLut};
use jaq_json::Val;

/// What one run may spend.
pub(super) struct Limits {
    /// Terms evaluated.
    pub(super) steps: u32,
    /// Bytes of stack.
    pub(super) stack: usize,
}

/// Enough for a mapping of a usual record, which takes hundreds of steps. A step may nest a value,
/// or a context, one deeper, and dropping it recurses: so few fit on any thread's stack.
pub(super) const LIGHT: Limits = Limits { steps: 2_000, stack: 640 * 1024 };
/// Some tens of ms, on a stack of its own of [`HEAVY_STACK`] bytes.
pub(super) const HEAVY: Limits = Limits { steps: 100_000, stack: 16 * 1024 * 1024 };
/// Address space; only what is used takes memory.
pub(super) const HEAVY_STACK: usize = 256 * 1024 * 1024;

/// A run's budget.
pub(super) struct Budget {
    steps_left: Cell<u32>,
    /// Roughly where the stack was when the run began.
    stack: usize,
    stack_max: usize,
}

/// Which limit a run met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Exhausted {
    #[error("the program ran too long on this record: it was stopped after {} steps", HEAVY.steps)]
    Steps,
    #[error("the program recursed too deeply on this record")]
    Stack,
}

/// jaq over [`Val`]s, with a budget.
pub(super) struct Metered;

/// The program's terms, and the budget that every look at them takes a step of.
#[derive(Clone, Copy)]
pub(super) struct Meter<'a> {
    lut: &'a Lut<Metered>,
    budget: &'a Budget,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        let steps_left = Cell::new(limits.steps);
        Self { steps_left, stack: stack_address(), stack_max: limits.stack }
    }

    /// Takes a step. Unwinds to where the run began when nothing is left: no panic message, for
    /// nothing is wrong with this program.
    pub(super) fn step(&self) {
        let left = self.steps_left.get();
        if left == 0 {
            resume_unwind(Box::new(Exhausted::Steps));
        }
        self.steps_left.set(left - 1);
        if self.stack.abs_diff(stack_address()) > self.stack_max {
            resume_unwind(Box::new(Exhausted::Stack));
        }
    }
}

/// The address of a local: near enough to the top of the stack.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0u8;
    ptr::from_ref(black_box(&here)).addr()
}

impl DataT for Metered {
    type V<'a> = Val;
    type Data<'a> = Meter<'a>;
}

impl<'a> Meter<'a> {
    pub(super) fn new(lut: &'a Lut<Metered>, budget: &'a Budget) -> Self {
        Self { lut, budget }
    }

    /// Takes a step.
    pub(super) fn step(&self) {
        self.budget.step();
    }
}

impl<'a> HasLut<'a, Metered> for Meter<'a> {
    fn lut(&self) -> &'a Lut<Metered> {
        self.step();
        self.lut
    }
}
