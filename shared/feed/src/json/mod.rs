//! JSON: a list of records within a document, or a record a line.
//!
//! Records are passed on as they stand, not written anew: numbers keep their digits, objects their order and names that
//! are there twice. What is done is to find where each ends, and to check once that it is JSON. An escaped half of
//! a surrogate pair, which is left where a text was cut at a length, would make the record unreadable to most: it
//! becomes `\ufffd` and is counted.

mod array;
mod check;
mod lines;
mod scan;

pub use array::ArrayReader;
pub use lines::LinesReader;
