//! `validate`: what a record must be like before anything is made of it, and every fault of one that is not so.

mod check;
mod faults;
mod kind;
mod path;
mod pattern;
mod rule;
mod rules;
mod section;
mod validated;

pub(crate) use section::Validate;
