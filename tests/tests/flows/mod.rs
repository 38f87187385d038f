//! Flows end to end: the command line in a process of its own, real HTTP, the example APIs.

mod api;
mod bad_files;
mod budgets;
mod bulks;
mod cost;
mod deadly;
mod demo;
mod every_wait;
mod halted;
mod judged;
mod killed;
mod ledgers;
mod live;
mod logged;
mod look_ups;
mod on_table;
mod operate;
pub mod process;
mod quotas;
mod reading;
mod refused;
mod source_limits;
mod styles;
mod unknown;
mod waiting;
mod ways;
mod world;
