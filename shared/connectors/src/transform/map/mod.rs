//! `transform.map`: the destination's fields, each with where it comes from and what is done to it.

mod cast;
mod check;
mod date;
mod each;
mod field;
mod field_map;
mod words;

pub(crate) use cast::Cast;
pub(super) use field::Fields;
pub(super) use field_map::FieldMap;
