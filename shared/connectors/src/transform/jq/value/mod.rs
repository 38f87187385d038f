//! jaq's JSON value, whose every making and looking at is taken from the run's budget.
//!
//! jaq's own operators make texts and arrays of any size in one term, and compare, copy and write values that are
//! shared many times over as if each were apart. So all of them are here anew: what they give is the same.

mod access;
mod compare;
mod made;
mod math;
mod numbers;
mod text;

pub(super) use access::{contains, has, indices, length, to_bytes};
pub(super) use made::{Error, Value};
pub(super) use text::json;
