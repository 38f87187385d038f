//! `transform.map`: the destination's fields, each with where it comes from and what is done to it.

mod cast;
mod field;
mod field_map;
mod fields;
mod words;

pub(super) use field_map::FieldMap;
pub(super) use fields::Fields;
