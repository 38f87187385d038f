//! The streams that ever parked a record, what they parked and when, and how far the digests got.

use tidegate_core::{
    model::{DigestState, EpochMs, ParkedError, RecordId, RecordKey, StreamId, Version},
    ports::{Digests, Unavailable},
};

use super::{
    Table,
    item::{Item, Read, damaged, number, text},
    key::{self, Key},
    parked::start_after,
    write::{Written, conditionally},
};
use crate::failure::unavailable;

type Answer<T> = Result<T, Unavailable>;

impl Digests for Table {
    async fn parking_streams(&self) -> Answer<Vec<StreamId>> {
        let (from, to) = key::STREAMS_RANGE;
        let items = self.query(key::STREAMS, from, to, usize::MAX).await?;
        let stream = |item: &Item| item.text("sk")?.parse().map_err(|_| damaged("sk"));
        items.iter().map(stream).collect()
    }

    async fn errors(
        &self,
        stream: &StreamId,
        from_ms: EpochMs,
        until_ms: EpochMs,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Answer<Vec<ParkedError>> {
        let mut errors = Vec::new();
        let mut last: Option<Item> = None;
        // A page of what was looked at: most of it is perhaps older, and left out of the answer.
        while errors.len() < limit {
            let page = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :after AND :end")
                .filter_expression("parked_at_ms >= :from AND parked_at_ms < :until")
                // `status` is a word of DynamoDB's own.
                .projection_expression("sk, id, version, #status, reason, parked_at_ms")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":pk", text(key::parked_pk(stream)))
                .expression_attribute_values(":after", text(start_after(after)))
                .expression_attribute_values(":end", text(key::PARKED_END))
                .expression_attribute_values(":from", number(from_ms))
                .expression_attribute_values(":until", number(until_ms))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .set_exclusive_start_key(last.take())
                .send()
                .await
                .map_err(|error| unavailable("Query", error))?;
            for item in page.items.unwrap_or_default().iter().take(limit - errors.len()) {
                errors.push(read_error(item)?);
            }
            last = page.last_evaluated_key;
            if last.is_none() {
                break;
            }
        }
        Ok(errors)
    }

    async fn digest_state(&self) -> Answer<DigestState> {
        self.get(Key::digest()).await?.map_or_else(|| Ok(DigestState::default()), |it| read(&it))
    }

    async fn swap_digest_state(&self, seen: DigestState, to: DigestState) -> Answer<bool> {
        let pending = match seen.pending_until_ms {
            Some(_) => "pending_until_ms = :pending",
            None => "attribute_not_exists(pending_until_ms)",
        };
        let mut as_seen = format!("sent_until_ms = :sent AND {pending}");
        if seen == DigestState::default() {
            as_seen = format!("attribute_not_exists(pk) OR ({as_seen})");
        }
        let set = match to.pending_until_ms {
            Some(_) => "SET sent_until_ms = :to_sent, pending_until_ms = :to_pending",
            None => "SET sent_until_ms = :to_sent REMOVE pending_until_ms",
        };
        let update = self
            .update(Key::digest())
            .update_expression(set)
            .condition_expression(as_seen)
            .expression_attribute_values(":sent", number(seen.sent_until_ms))
            .expression_attribute_values(":to_sent", number(to.sent_until_ms));
        let moments = [(":pending", seen.pending_until_ms), (":to_pending", to.pending_until_ms)];
        let update = moments.into_iter().fold(update, |update, (name, moment)| match moment {
            Some(moment) => update.expression_attribute_values(name, number(moment)),
            None => update,
        });
        match conditionally(update).await? {
            Written::Yes(_) => Ok(true),
            Written::No(None) => Ok(false),
            // A repeat meets our own success, or another's of the same.
            Written::No(Some(item)) => Ok(read(&item)? == to),
        }
    }
}

fn read(item: &Item) -> Answer<DigestState> {
    Ok(DigestState {
        sent_until_ms: item.number("sent_until_ms")?,
        pending_until_ms: item.number_if_any("pending_until_ms")?,
    })
}

fn read_error(item: &Item) -> Answer<ParkedError> {
    let id: RecordId = serde_json::from_str(item.text("id")?).map_err(|_| damaged("id"))?;
    Ok(ParkedError {
        key: RecordKey { id, version: Version(item.number("version")?) },
        status: item.number_if_any("status")?,
        reason: item.text("reason")?.into(),
        parked_at_ms: item.number("parked_at_ms")?,
    })
}
