//! The ledger: an item an entity.

use tidegate_core::{
    model::{EpochMs, RecordId, StreamId, Version},
    ports::{Claim, Ledger, Unavailable},
};

use super::{
    Table,
    item::{Item, Read, number, text},
    key::Key,
    write::{Written, conditionally},
};

type Answer<T> = Result<T, Unavailable>;

impl Ledger for Table {
    async fn claim(
        &self,
        stream: &StreamId,
        entity: &RecordId,
        version: Version,
        owner: &str,
        now_ms: EpochMs,
        until_ms: EpochMs,
    ) -> Answer<Claim> {
        let update = self
            .update(Key::ledger(stream, entity))
            .update_expression(
                "SET version = :version, lock_owner = :owner, lock_until_ms = :until",
            )
            .condition_expression(
                "attribute_not_exists(pk) OR (version <= :version \
                 AND (attribute_not_exists(applied) OR applied < :version) \
                 AND (attribute_not_exists(lock_owner) OR lock_owner = :owner \
                      OR lock_until_ms < :now))",
            )
            .expression_attribute_values(":version", number(version.0))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":until", number(until_ms));
        // A repeat by the same owner meets its own lock, and writes the same again.
        match conditionally(update).await? {
            Written::Yes(_) => Ok(Claim::Mine),
            Written::No(item) => refused(&item.unwrap_or_default(), version, now_ms),
        }
    }

    async fn finish(
        &self,
        stream: &StreamId,
        entity: &RecordId,
        version: Version,
        owner: &str,
        applied: bool,
    ) -> Answer<()> {
        let update = self
            .update(Key::ledger(stream, entity))
            .update_expression(if applied {
                "SET applied = :version REMOVE lock_owner, lock_until_ms"
            } else {
                "REMOVE lock_owner, lock_until_ms"
            })
            .condition_expression("lock_owner = :owner AND version = :version")
            .expression_attribute_values(":version", number(version.0))
            .expression_attribute_values(":owner", text(owner));
        conditionally(update).await.map(drop)
    }
}

/// Why a claim was refused. In this order: what is applied needs nothing more; and a lock is waited
/// for even by an older version, for the write in flight may yet fail.
fn refused(stands: &Item, version: Version, now_ms: EpochMs) -> Answer<Claim> {
    let until_ms = stands.number_if_any("lock_until_ms")?.unwrap_or(EpochMs::MIN);
    Ok(if stands.number_if_any("applied")?.is_some_and(|applied: i64| applied >= version.0) {
        Claim::Applied
    } else if until_ms >= now_ms {
        Claim::Locked { until_ms }
    } else {
        Claim::Newer
    })
}
