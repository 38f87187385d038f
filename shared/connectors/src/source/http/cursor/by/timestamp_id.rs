//! `timestamp_id`: records are sorted by a timestamp, and those of one timestamp by their ids.

use schemars::JsonSchema;
use serde::Deserialize;

use super::order::{Given, Order, check_timestamp};
use crate::file::{Findings, Place};

/// `timestamp_id`: sorted by timestamp, then by id.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct TimestampId;

impl Order for TimestampId {
    fn sorted_by(&self) -> &'static str {
        "timestamp, then id"
    }

    fn check(&self, given: &Given, place: Place, findings: &mut Findings) {
        check_timestamp("timestamp_id", given, place, findings);
    }
}
