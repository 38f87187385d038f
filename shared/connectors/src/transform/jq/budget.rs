//! What one run of a program may spend.

use std::{cell::Cell, hint::black_box, panic::resume_unwind, ptr};

use jaq_core::{
    DataT, Lut,
    data::HasLut,
};
use jaq_json::Val;

/// Terms evaluated for one record: some tens of ms. A mapping of a usual record takes hundreds.
const STEPS_MAX: u32 = 200_000;
/// Stack, in bytes, of the 2 MiB that a runtime's thread has.
const STACK_MAX: usize = 640 * 1024;

/// A run's budget.
pub(super) struct Budget {
    steps_left: Cell<u32>,
    /// Roughly where the stack was when the run began.
    stack: usize,
}

/// Which limit a run met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Exhausted {
    #[error("the program ran too long on this record: it was stopped after {STEPS_MAX} steps")]
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
    pub(super) fn new() -> Self {
        Self { steps_left: Cell::new(STEPS_MAX), stack: stack_address() }
    }

    /// Takes a step. Unwinds to where the run began when nothing is left: no panic message, for
    /// nothing is wrong with this program.
    pub(super) fn step(&self) {
        let left = self.steps_left.get();
        if left == 0 {
            resume_unwind(Box::new(Exhausted::Steps));
        }
        self.steps_left.set(left - 1);
        if self.stack.abs_diff(stack_address()) > STACK_MAX {
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
