//! What becomes of a record: a filter, then at most one shape.

mod check;
mod condition;
mod filtered;
mod jq;
mod map;
mod same;
mod section;

pub(crate) use check::{check_fields, no_json};
pub(crate) use condition::{Compiled, Condition};
pub(crate) use map::Cast;
pub(crate) use section::{LooksUp, Transform};
