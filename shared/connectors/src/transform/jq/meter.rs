//! jaq's evaluation, each term of which takes a step of the run's budget.

use jaq_core::{DataT, Lut, data::HasLut};

use super::{budget::step, value::Value};

/// jaq over [`Value`]s, within a budget.
pub(super) struct Metered;

/// The program's terms; every look at them takes a step.
#[derive(Clone, Copy)]
pub(super) struct Meter<'a> {
    lut: &'a Lut<Metered>,
}

impl DataT for Metered {
    type V<'a> = Value;
    type Data<'a> = Meter<'a>;
}

impl<'a> Meter<'a> {
    pub(super) fn new(lut: &'a Lut<Metered>) -> Self {
        Self { lut }
    }
}

impl<'a> HasLut<'a, Metered> for Meter<'a> {
    fn lut(&self) -> &'a Lut<Metered> {
        step();
        self.lut
    }
}
