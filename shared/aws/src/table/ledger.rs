//! The ledger: an item an entity.

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder, types::ReturnValue,
};
use tidegate_core::{
    model::{Edition, EpochMs, RecordId, StreamId},
    ports::{Claim, ClaimEnd, Claimant, Ledger, Over, Unavailable},
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
        by: &Claimant<'_>,
    ) -> Answer<Claim> {
        let Claimant { owner, now_ms, .. } = *by;
        let update = self
            .claims(Key::ledger(stream, entity), edition, by, Prior::AsItStands)
            .condition_expression(
                "attribute_not_exists(claimed) OR (claimed <= :edition \
                 AND (attribute_not_exists(applied) OR applied < :edition) \
                 AND (attribute_not_exists(lands_until_ms) OR lands_until_ms < :now \
                      OR claimed = :edition) \
                 AND (attribute_not_exists(lock_owner) \
                      OR (lock_owner = :owner AND claimed < :edition) \
                      OR (lock_owner <> :owner AND lock_until_ms < :now)))",
            )
            .expression_attribute_values(":now", number(now_ms));
        let item = match conditionally(update).await? {
            Written::Yes(item) => item,
            Written::No(item) => {
                let item = item.unwrap_or_default();
                if is_repeat(&item, edition, owner)? {
                    item
                } else if let Some(over) = over(&item, by)? {
                    return self
                        .take_over(Key::ledger(stream, entity), edition, by, &item, over)
                        .await;
                } else {
                    return refused(&item, edition, lock_of(&item)?, now_ms);
                }
            }
        };
        mine(&item, edition)
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
                ClaimEnd::Free => {
                    "REMOVE lock_owner, lock_until_ms, prior_owner, prior_claimed, prior_until_ms"
                }
                // The lock that ran out before it stays, as the sign of what is unknown.
                ClaimEnd::AsBefore => "SET lock_until_ms = prior_until_ms",
                ClaimEnd::Applied => {
                    "SET applied = :edition \
                     REMOVE lock_owner, lock_until_ms, prior_owner, prior_claimed, prior_until_ms, \
                     tombstone"
                }
                ClaimEnd::Deleted => {
                    "SET applied = :edition, tombstone = :edition \
                     REMOVE lock_owner, lock_until_ms, prior_owner, prior_claimed, prior_until_ms"
                }
            })
            .condition_expression("lock_owner = :owner AND claimed = :edition")
            .expression_attribute_values(":edition", number(as_number(edition)))
            .expression_attribute_values(":owner", text(owner));
        conditionally(update).await.map(drop)
    }
}

impl Table {
    /// The update that claims.
    fn claims(
        &self,
        key: Key,
        edition: Edition,
        by: &Claimant<'_>,
        prior: Prior,
    ) -> UpdateItemFluentBuilder {
        let (before, lands_ms) = match prior {
            Prior::AsItStands => {
                let before = "if_not_exists(claimed, :edition), \
                              prior_until_ms = if_not_exists(lock_until_ms, :lands)";
                (before, 0)
            }
            Prior::Over { lands_ms } => {
                ("if_not_exists(claimed, :edition), prior_until_ms = :lands", lands_ms)
            }
            Prior::Repeated { lands_ms } => {
                (":edition, prior_until_ms = :lands, lands_until_ms = :lands", lands_ms)
            }
        };
        self.update(key)
            .update_expression(format!(
                // Who had it before, and what: the lock of a claim that ran out does not say what came of it.
                "SET claimed = :edition, lock_owner = :owner, lock_until_ms = :until, \
                 locked_ms = :locked, prior_owner = if_not_exists(lock_owner, :no_owner), \
                 prior_claimed = {before}"
            ))
            .return_values(ReturnValue::UpdatedNew)
            .expression_attribute_values(":edition", number(as_number(edition)))
            .expression_attribute_values(":no_owner", text(""))
            .expression_attribute_values(":owner", text(by.owner))
            .expression_attribute_values(":locked", number(by.now_ms))
            .expression_attribute_values(":until", number(by.until_ms))
            .expression_attribute_values(":lands", number(lands_ms))
    }

    /// Claims what a claimant has that is no more, as it stands: when nothing of it can land any more, or
    /// for a repeat of the same edition, which then keeps every other one out for as long.
    async fn take_over(
        &self,
        key: Key,
        edition: Edition,
        by: &Claimant<'_>,
        stands: &Item,
        over: Over,
    ) -> Answer<Claim> {
        let lands_ms = lock_of(stands)?.min(over.lands_until_ms);
        let same = stands.number::<i128>("claimed")? == as_number(edition);
        let repeats = same && by.may_repeat;
        let refusal = refused(stands, edition, lands_ms, by.now_ms)?;
        let waits = matches!(refusal, Claim::Locked { .. }) && !repeats;
        let is_older = stands.number::<i128>("claimed")? > as_number(edition);
        if waits || is_older || refusal == Claim::Applied {
            return Ok(refusal);
        }
        let prior = match repeats {
            true => Prior::Repeated { lands_ms: lands_ms.max(lands_until(stands)?) },
            false => Prior::Over { lands_ms },
        };
        let update = self
            .claims(key, edition, by, prior)
            .condition_expression("lock_owner = :prior")
            .expression_attribute_values(":prior", text(stands.text("lock_owner")?));
        match conditionally(update).await? {
            Written::Yes(item) => mine(&item, edition),
            Written::No(item) => {
                let item = item.unwrap_or_default();
                match is_repeat(&item, edition, by.owner)? {
                    true => mine(&item, edition),
                    // Another was faster: its lock is a living one's.
                    false => refused(&item, edition, lock_of(&item)?, by.now_ms),
                }
            }
        }
    }
}

/// What is known of the claim before this one.
enum Prior {
    /// What its lock says, if it has one.
    AsItStands,
    /// Its owner is no more, and nothing of it lands after this moment.
    Over { lands_ms: EpochMs },
    /// The same, but that the new one writes the same before that moment. Other editions wait for it.
    Repeated { lands_ms: EpochMs },
}

/// A claim that was made.
fn mine(item: &Item, edition: Edition) -> Answer<Claim> {
    let again = item.number::<i128>("prior_claimed")? == as_number(edition);
    if !again || item.text("prior_owner")?.is_empty() {
        return Ok(Claim::Mine { unknown_until_ms: None });
    }
    // A claim of an older release does not say.
    let until_ms = item.number_if_any("prior_until_ms")?.unwrap_or(EpochMs::MAX);
    Ok(Claim::Mine { unknown_until_ms: Some(until_ms) })
}

/// Whether who has the lock is known to be no more.
fn over(stands: &Item, by: &Claimant<'_>) -> Answer<Option<Over>> {
    let Some(over) = by.over.filter(|_| stands.get("lock_owner").is_some()) else {
        return Ok(None);
    };
    let locked_ms: Option<EpochMs> = stands.number_if_any("locked_ms")?;
    let is_over = stands.text("lock_owner")? != by.owner
        && locked_ms.is_some_and(|locked_ms| locked_ms < over.before_ms);
    Ok(is_over.then_some(over))
}

/// When the lock that stands ends, if any does.
fn lock_of(stands: &Item) -> Answer<EpochMs> {
    Ok(stands.number_if_any("lock_until_ms")?.unwrap_or(EpochMs::MIN))
}

/// Until when a write may land that a repeat stands in for.
fn lands_until(stands: &Item) -> Answer<EpochMs> {
    Ok(stands.number_if_any("lands_until_ms")?.unwrap_or(EpochMs::MIN))
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
fn refused(stands: &Item, edition: Edition, lock_ms: EpochMs, now_ms: EpochMs) -> Answer<Claim> {
    let is_another = stands.number::<i128>("claimed")? != as_number(edition);
    let lands_ms = if is_another { lands_until(stands)? } else { EpochMs::MIN };
    let until_ms = lock_ms.max(lands_ms);
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
