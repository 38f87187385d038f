//! What arrived, held against what is at the source.

use serde::{Deserialize, Serialize};

use crate::faults::Traffic;

/// How many ids or sentences an audit names.
pub(crate) const EXAMPLES_MAX: usize = 10;

/// The whole truth at one moment. The destination's traffic stands flat, the source's under `source`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Orders at the source now.
    pub records: u64,
    /// Distinct orders applied.
    pub delivered: u64,
    /// Orders at the source, not cancelled, that were never applied.
    pub missing: u64,
    /// The first of them.
    pub missing_ids: Vec<u64>,
    /// Applications of an order beyond its first.
    pub duplicates: u64,
    /// The first orders that were applied more than once.
    pub duplicate_ids: Vec<u64>,
    /// Applications, repeats included.
    pub applied: u64,
    /// Repeats that the idempotency key kept from being applied again.
    pub replayed: u64,
    /// Applied without an idempotency key.
    pub keyless: u64,
    /// Keys that came again for another order: refused with 422.
    pub key_conflicts: u64,
    /// Applied although they name no order that exists.
    pub unknown: u64,
    /// Applied with content that is not the order's.
    pub wrong: u64,
    /// What was wrong with the first of them.
    pub wrong_examples: Vec<String>,
    /// Records refused with 422, each time that they came.
    pub refused_422: u64,
    /// Records of a bulk that got 500 of their own.
    pub failed_items: u64,
    /// First applications that came after one of a higher id.
    pub out_of_order: u64,
    /// Records that came while another request for the same order was under way. Seen only with
    /// latency.
    pub overlapped: u64,
    /// Requests that ask for a fulfilment.
    pub looked_up: u64,
    /// Requests to `/fulfillments/bulk`.
    pub bulks: u64,
    /// The destination's requests.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// Orders marked as processed now.
    pub marked: u64,
    /// Marks of orders that the destination did not have at that moment.
    pub marked_early: u64,
    /// The source's requests.
    pub source: Traffic,
}
