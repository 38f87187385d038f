//! The digest function: a daily mail of what is new among the parked records.

mod deployed;
mod handler;
mod letter;

pub use deployed::{Mail, deployed};
pub use handler::{App, LAG_MS, handle};
pub use letter::{Letter, Place};
