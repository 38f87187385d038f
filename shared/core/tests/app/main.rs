//! The application's rules, over ports in memory.

mod attempts;
mod breaker;
mod digest;
mod pace;
mod reached;
mod unknown;
mod waiting;
