//! The state table on DynamoDB: one table, partition key `pk`, sort key `sk`, both texts, TTL on
//! `expires_at`.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | cursor | `flow/connection` | `C` | fence, owner, lease_since_ms, lease_until_ms, head, next, committed, watermark, generation, paused, paused_ms, careful_to, fetching, delivering, delivering_revision, ended_ms, sent_until_ms |
//! | page | `flow/connection` | `P#` + 12 digits | emission, from, to, count, settled (a number set), state, last_progress_ms, waits_until_ms, attempts, carried, expires_at |
//! | ledger | `flow/connection#e#ID` | `L` | claimed, applied (version and generation as one number), lock_owner, lock_until_ms, locked_ms, lands_until_ms, prior_owner, prior_claimed, prior_until_ms, tombstone |
//! | parked | `flow/connection#parked` | sortable ID and version | id, version, status, reason, page, deleted, parked_at_ms, data or packed or parts |
//! | suspect | `flow/connection#suspects` | generation, sortable ID and version | deaths |
//! | kept | `kept#KEY` | `K` | kept (bytes), expires_ms, expires_at |
//! | parking stream | `streams` | `flow/connection` | – |
//! | digests | `digests` | `D` | sent_until_ms, pending_until_ms while one is being sent |
//! | part | `flow/connection#parts` | its parked item's `sk`, a digest, a number | packed |
//!
//! Positions are kept as [`tidegate_core::model::Position::encode`] writes them. Nothing scans.
//!
//! The SDK sends a request again when its answer is lost, and then meets its own success as a failed
//! condition. So a failed condition hands back the item as it stands, and each operation tells from
//! it whether the success was its own.

mod batch;
mod cursor;
mod digests;
mod item;
mod key;
mod ledger;
mod page;
mod parked;
mod parts;
mod seal;
mod shelf;
mod statements;
mod suspects;
mod write;

use aws_sdk_dynamodb::Client;

/// The cursor store, gates, ledger, parked records and their digests in one DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    pub(crate) fn new(client: Client, name: &str) -> Self {
        Self { client, name: name.to_owned() }
    }
}
