//! The ledger: an item an entity.

use tidegate_core::{
    model::{Edition, EpochMs, RecordId, StreamId},
    ports::{Claim, ClaimEnd, Ledger, Unavailable},
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
        edition: Edition,
        owner: &str,
        now_ms: EpochMs,
        until_ms: EpochMs,
    ) -> Answer<Claim> {
        let update = self
            .update(Key::ledger(stream, entity))
            .update_expression(
                "SET claimed = :edition, lock_owner = :owner, lock_until_ms = :until",
            )
            .condition_expression(
                "attribute_not_exists(claimed) OR (claimed <= :edition \
                 AND (attribute_not_exists(applied) OR applied < :edition) \
                 AND (attribute_not_exists(lock_owner) OR lock_owner = :owner \
                      OR lock_until_ms < :now))",
            )
            .expression_attribute_values(":edition", number(as_number(edition)))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":until", number(until_ms));
        // A repeat by the same owner meets its own lock, and writes the same again.
        match conditionally(update).await? {
            Written::Yes(_) => Ok(Claim::Mine),
            Written::No(item) => refused(&item.unwrap_or_default(), edition, now_ms),
        }
    }

    async fn finish(
        &self,
        stream: &StreamId,
        entity: &RecordId,
        edition: Edition,
        owner: &str,
        end: ClaimEnd,
    ) -> Answer<()> {
        let update = self
            .update(Key::ledger(stream, entity))
            .update_expression(match end {
                ClaimEnd::Free => "REMOVE lock_owner, lock_until_ms",
                ClaimEnd::Applied => {
                    "SET applied = :edition REMOVE lock_owner, lock_until_ms, tombstone"
                }
                ClaimEnd::Deleted => {
                    "SET applied = :edition, tombstone = :edition REMOVE lock_owner, lock_until_ms"
                }
            })
            .condition_expression("lock_owner = :owner AND claimed = :edition")
            .expression_attribute_values(":edition", number(as_number(edition)))
            .expression_attribute_values(":owner", text(owner));
        conditionally(update).await.map(drop)
    }
}

/// Rewinds of one stream, at the most.
const GENERATIONS: i128 = 1_000_000_000;

/// An edition as one number, so that a condition can compare it: the version's digits, then nine of the
/// generation. DynamoDB keeps 38 digits; these are 28.
fn as_number(edition: Edition) -> i128 {
    i128::from(edition.version.0) * GENERATIONS + i128::from(edition.generation)
}

/// Why a claim was refused. In this order: what is applied needs nothing more; and a lock is waited
/// for even by an older version, for the write in flight may yet fail.
fn refused(stands: &Item, edition: Edition, now_ms: EpochMs) -> Answer<Claim> {
    let until_ms = stands.number_if_any("lock_until_ms")?.unwrap_or(EpochMs::MIN);
    Ok(
        if stands
            .number_if_any("applied")?
            .is_some_and(|applied: i128| applied >= as_number(edition))
        {
            Claim::Applied
        } else if until_ms >= now_ms {
            Claim::Locked { until_ms }
        } else {
            Claim::Newer
        },
    )
}
