//! The ledger: an item an entity.

use aws_sdk_dynamodb::types::ReturnValue;
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
                // Who had it before, and what: a lock that ran out tells nobody what came of it.
                "SET claimed = :edition, lock_owner = :owner, lock_until_ms = :until, \
                 prior_owner = if_not_exists(lock_owner, :nobody), \
                 prior_claimed = if_not_exists(claimed, :edition)",
            )
            .condition_expression(
                "attribute_not_exists(claimed) OR (claimed <= :edition \
                 AND (attribute_not_exists(applied) OR applied < :edition) \
                 AND (attribute_not_exists(lock_owner) \
                      OR (lock_owner = :owner AND claimed < :edition) \
                      OR (lock_owner <> :owner AND lock_until_ms < :now)))",
            )
            .expression_attribute_values(":nobody", text(""))
            .return_values(ReturnValue::UpdatedNew)
            .expression_attribute_values(":edition", number(as_number(edition)))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":until", number(until_ms));
        let item = match conditionally(update).await? {
            Written::Yes(item) => item,
            Written::No(item) => {
                let item = item.unwrap_or_default();
                if !is_repeat(&item, edition, owner)? {
                    return refused(&item, edition, now_ms);
                }
                item
            }
        };
        let again = item.number::<i128>("prior_claimed")? == as_number(edition);
        Ok(Claim::Mine { maybe_applied: again && !item.text("prior_owner")?.is_empty() })
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
                ClaimEnd::Free => "REMOVE lock_owner, lock_until_ms, prior_owner, prior_claimed",
                ClaimEnd::Applied => {
                    "SET applied = :edition \
                     REMOVE lock_owner, lock_until_ms, prior_owner, prior_claimed, tombstone"
                }
                ClaimEnd::Deleted => {
                    "SET applied = :edition, tombstone = :edition \
                     REMOVE lock_owner, lock_until_ms, prior_owner, prior_claimed"
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

/// Whether it is our own earlier try, whose answer was lost: it claimed just this, and nothing ended it.
fn is_repeat(stands: &Item, edition: Edition, owner: &str) -> Answer<bool> {
    let ours = stands.get("lock_owner").is_some() && stands.text("lock_owner")? == owner;
    Ok(ours && stands.number::<i128>("claimed")? == as_number(edition))
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
