//! The one test binary.

mod contracts;
mod docs;
mod flows;
mod lookups;
mod sentry;
mod simulation;
mod tables;
mod tidy;
mod tokens;
