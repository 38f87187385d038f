//! What one run of a program may spend: steps, bytes, work and stack.
//!
//! The budget is the thread's for the length of a run, for what spends it is far from any context: a `+` of two texts,
//! a comparison within a sort. Where nothing runs, nothing is spent.

use std::{cell::Cell, hint::black_box, panic::resume_unwind, ptr};

/// What one run may spend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Terms evaluated.
    pub(super) steps: u32,
    /// Bytes of values made, whether they are still there or not.
    pub(super) bytes: u64,
    /// Values and bytes looked at within one term: compared, searched, written as text.
    pub(super) work: u64,
    /// Bytes of stack.
    pub(super) stack: usize,
}

/// Enough for a mapping of a usual record, which takes hundreds of steps. A step may nest a value,
/// or a context, one deeper, and dropping it recurses: so few fit on any thread's stack.
pub(super) const LIGHT: Limits =
    Limits { steps: 2_000, bytes: 8 * MIB, work: 1_000_000, stack: 640 * 1024 };
/// Some tens of ms as a rule, on a stack of its own of [`HEAVY_STACK`] bytes.
pub(super) const HEAVY: Limits =
    Limits { steps: 100_000, bytes: 48 * MIB, work: 3_000_000, stack: 16 * 1024 * 1024 };
/// Address space; only what is used takes memory.
pub(super) const HEAVY_STACK: usize = 256 * 1024 * 1024;
/// Longer texts are a mistake: the output may have a mebibyte.
const TEXT_MAX: u64 = 8 * MIB;

const MIB: u64 = 1024 * 1024;

/// Which limit a run met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Exhausted {
    #[error("the program ran too long on this record: it was stopped after {} steps", HEAVY.steps)]
    Steps,
    #[error("the program made more than {} MiB of values of this record", HEAVY.bytes / MIB)]
    Bytes,
    #[error("the program made a text of more than {} MiB of this record", TEXT_MAX / MIB)]
    Text,
    #[error("the program ran too long on this record: it compared or searched too much")]
    Work,
    #[error("the program recursed too deeply on this record")]
    Stack,
}

/// What a run has left, and roughly where the stack was when it began.
struct Left {
    runs: Cell<bool>,
    steps: Cell<u32>,
    bytes: Cell<u64>,
    work: Cell<u64>,
    stack: Cell<usize>,
    stack_max: Cell<usize>,
}

thread_local! {
    static LEFT: Left = const {
        Left {
            runs: Cell::new(false),
            steps: Cell::new(0),
            bytes: Cell::new(0),
            work: Cell::new(0),
            stack: Cell::new(0),
            stack_max: Cell::new(0),
        }
    };
}

/// A run, until it is dropped.
pub(super) struct Run(());

impl Run {
    /// Begins one on this thread.
    pub(super) fn begin(limits: Limits) -> Self {
        LEFT.with(|left| {
            left.steps.set(limits.steps);
            left.bytes.set(limits.bytes);
            left.work.set(limits.work);
            left.stack.set(stack_address());
            left.stack_max.set(limits.stack);
            left.runs.set(true);
        });
        Self(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        LEFT.with(|left| left.runs.set(false));
    }
}

impl Left {
    /// Unwinds to where the run began: no panic message, for nothing is wrong with this program.
    fn end(&self, exhausted: Exhausted) -> ! {
        // What is dropped on the way spends nothing.
        self.runs.set(false);
        resume_unwind(Box::new(exhausted))
    }

    fn check_stack(&self) {
        if self.stack.get().abs_diff(stack_address()) > self.stack_max.get() {
            self.end(Exhausted::Stack);
        }
    }
}

/// Takes a step.
pub(super) fn step() {
    LEFT.with(|left| {
        if !left.runs.get() {
            return;
        }
        match left.steps.get().checked_sub(1) {
            Some(steps) => left.steps.set(steps),
            None => left.end(Exhausted::Steps),
        }
        left.check_stack();
    });
}

/// Takes bytes, before they are made.
pub(super) fn spend_bytes(bytes: usize) {
    LEFT.with(|left| {
        if !left.runs.get() {
            return;
        }
        match left.bytes.get().checked_sub(bytes as u64) {
            Some(bytes) => left.bytes.set(bytes),
            None => left.end(Exhausted::Bytes),
        }
    });
}

/// Ends the run where a text is longer than any may be.
pub(super) fn check_text(bytes: usize) {
    LEFT.with(|left| {
        if left.runs.get() && bytes as u64 > TEXT_MAX {
            left.end(Exhausted::Text);
        }
    });
}

/// Takes the bytes of a text, before it is made.
pub(super) fn spend_text(bytes: usize) {
    check_text(bytes);
    spend_bytes(bytes.saturating_add(TEXT_BYTES));
}

/// What a text takes beside its own bytes.
const TEXT_BYTES: usize = 80;

/// Takes work: so many values, or so many 16 bytes, are looked at.
pub(super) fn spend_work(units: usize) {
    LEFT.with(|left| {
        if !left.runs.get() {
            return;
        }
        match left.work.get().checked_sub(units as u64) {
            Some(work) => left.work.set(work),
            None => left.end(Exhausted::Work),
        }
        // What looks at values recurses by their depth.
        left.check_stack();
    });
}

/// The address of a local: near enough to the top of the stack.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0u8;
    ptr::from_ref(black_box(&here)).addr()
}
