//! Flows end to end: the command line in a process of its own, real HTTP, the example APIs.

mod bad_files;
mod budgets;
mod deadly;
mod demo;
mod killed;
mod operate;
mod process;
mod refused;
mod styles;
mod unknown;
mod world;
