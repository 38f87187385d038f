//! Requests started as limits and time allow, and their outcomes handed to a sink. Pages and replays share
//! it: a replay is a page whose outcomes are written elsewhere.

mod ahead;
mod dispatcher;
mod gathered;
mod isolation;
mod noted;
mod refusals;
mod sink;
mod suspects;
mod work;

pub(super) use dispatcher::{Dispatched, Dispatcher};
pub(super) use sink::{Refusal, Sink, Standing, Written};
pub(super) use suspects::crashed;
pub(super) use work::{FEW_RECORDS, PageWork};
