//! The one test binary.

mod attempts;
mod breaker;
mod contracts;
mod digest;
mod docs;
mod flows;
mod lookups;
mod sentry;
mod simulation;
mod tidy;
mod tokens;
