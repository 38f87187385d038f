//! What the portal has, held against what the ERP has.

use serde::{Deserialize, Serialize};

use crate::faults::Traffic;

/// How many ids or sentences an audit names.
pub(crate) const EXAMPLES_MAX: usize = 10;

/// The whole truth at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Offers that the ERP has now, whatever its file says.
    pub offers: u64,
    /// Those of them that are invalid.
    pub invalid: u64,
    /// Listings that the portal has now.
    pub listings: u64,
    /// Valid offers that are in no listing.
    pub missing: u64,
    /// The first of them.
    pub missing_ids: Vec<String>,
    /// Listings that say something else than their offer, where that is valid.
    pub wrong: u64,
    /// The first of them.
    pub wrong_ids: Vec<String>,
    /// Listings of offers that the ERP does not have.
    pub surplus: u64,
    /// The first of them.
    pub surplus_ids: Vec<String>,
    /// Puts that were taken.
    pub puts: u64,
    /// Those of them that changed nothing.
    pub repeated: u64,
    /// Deletions that took a listing away.
    pub deleted: u64,
    /// Deletions of what was not there: 404.
    pub deleted_in_vain: u64,
    /// Listings refused with 422, each time that they came.
    pub refused_422: u64,
    /// What the first of them were refused for.
    pub refused_examples: Vec<String>,
    /// Requests for the one failing listing that were answered 503.
    pub failed_503: u64,
    /// The portal's requests.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// The ERP's requests.
    pub erp: ErpTraffic,
}

/// What was asked of the ERP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErpTraffic {
    /// Requests for the file that were given all of it.
    pub whole: u64,
    /// Requests that were given a part of it.
    pub partial: u64,
    /// Requests that were told that the file is the one they know: 304.
    pub unchanged: u64,
    /// Requests for a part behind the file's end: 416.
    pub beyond: u64,
    /// Bytes of the file that were written.
    pub bytes: u64,
    /// Requests for categories.
    pub category_requests: u64,
    /// The categories that they asked for.
    pub category_ids: u64,
    /// All requests.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// Counts, and keeps the first few as examples.
pub(crate) fn note(count: &mut u64, examples: &mut Vec<String>, example: impl FnOnce() -> String) {
    *count += 1;
    if examples.len() < EXAMPLES_MAX {
        examples.push(example());
    }
}
