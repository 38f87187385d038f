//! The one test binary.

mod contracts;
mod flows;
mod simulation;
mod tidy;
mod tokens;
