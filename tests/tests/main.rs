//! The one test binary.

mod contracts;
mod digest;
mod flows;
mod sentry;
mod simulation;
mod tidy;
mod tokens;
