//! `timestamp`: records are sorted by a timestamp, and those of one timestamp in no certain order.

use schemars::JsonSchema;
use serde::Deserialize;

use super::order::{Given, Order, check_timestamp};
use crate::file::{Findings, Place};

/// `timestamp`: sorted by timestamp, in no certain order within one.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Timestamp;

impl Order for Timestamp {
    fn sorted_by(&self) -> &'static str {
        "timestamp"
    }

    fn check(&self, given: &Given, place: Place, findings: &mut Findings) {
        check_timestamp("timestamp", given, place, findings);
    }

    fn sorts_ids(&self) -> bool {
        false
    }
}
