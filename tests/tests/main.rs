//! The one test binary.

mod contracts;
mod digest;
mod flows;
mod simulation;
mod tidy;
