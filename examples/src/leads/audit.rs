//! What became of the leads, held against the chats.

use serde::{Deserialize, Serialize};

use crate::faults::Traffic;

/// How many e-mails or sentences an audit names.
pub(crate) const EXAMPLES_MAX: usize = 10;

/// The whole truth at one moment. Records are counted each time that they come, leads once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Chats that have ended.
    pub chats: u64,
    /// Those of them with an e-mail that is an address.
    pub chats_with_email: u64,
    /// Those with an e-mail that is none: Marketo skips such a record with 1003.
    pub chats_with_malformed_email: u64,
    /// Those with an e-mail that Marketo refuses now with 1007: as configured, or because several leads
    /// have it.
    pub chats_refused: u64,
    /// Leads that were there from the start.
    pub leads_before: u64,
    /// Leads created.
    pub created: u64,
    /// Records that found their lead and were applied to it.
    pub updated: u64,
    /// Times that an empty field of [`NEVER_OVERWRITTEN`](super::NEVER_OVERWRITTEN) was filled.
    pub filled: u64,
    /// Times that such a field that was known, from the start or by us, was changed or cleared. Must be 0.
    pub overwritten: u64,
    /// The first of them.
    pub overwritten_examples: Vec<String>,
    /// Leads with a city by us that is not the one of the earliest chat that names one. 0 where
    /// chats are merged in the order in which they ended.
    pub out_of_turn: u64,
    /// Such fields of leads that are empty although one of their chats names them, the refused aside. 0
    /// at the end.
    pub unfilled: u64,
    /// Chats' e-mails that are in no lead, each once, the malformed and the refused aside. 0 at the
    /// end.
    pub missing: u64,
    /// The first of them.
    pub missing_emails: Vec<String>,
    /// Records answered with `skipped`, whatever the reason.
    pub refused_items: u64,
    /// Look-ups answered.
    pub lookups: u64,
    /// Those of them that left results to be asked for with a `nextPageToken`.
    pub lookups_with_more: u64,
    /// The most values that a look-up had, answered or refused.
    pub lookup_values_max: u64,
    /// Merges applied.
    pub posts: u64,
    /// The most records that one of them had.
    pub post_records_max: u64,
    /// Calls turned away.
    pub limit_errors: LimitErrors,
    /// Tokens issued.
    pub tokens_issued: u64,
    /// Requests for a token, whatever became of them.
    pub token_requests: u64,
    /// Calls with a token that had expired: 602.
    pub expired_calls: u64,
    /// Requests to either API with no credentials or wrong ones: 401, or 601.
    pub unauthorized: u64,
    /// Requests whose address was longer than 8 KB: 414.
    pub refused_uris: u64,
    /// LiveChat's requests.
    pub source: Traffic,
    /// Marketo's requests, those for a token among them. `malformed` are calls that no well-made
    /// client makes, whatever their code.
    pub destination: Traffic,
}

/// Calls turned away by each of Marketo's limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitErrors {
    /// 606
    pub rate: u64,
    /// 615
    pub concurrency: u64,
    /// 607
    pub quota: u64,
}
