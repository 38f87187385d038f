//! The cursor's item.

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValue},
};
use tidegate_core::{
    model::{
        Cursor, DeliverState, Emission, Ended, EpochMs, Fence, FetchState, Page, PageNumber,
        Position, Settling, StoredKey, StreamId,
    },
    ports::{
        Advance, CursorStore, Lease, Loaded, Moved, NewPage, Seal, Settle, Unavailable, Void,
        WholePage,
    },
};

use super::{
    Table,
    item::{Item, Read, json, number, position, text},
    key::{self, Key},
    page, shelf,
    write::{Written, conditionally},
};

type Answer<T> = Result<T, Unavailable>;

impl CursorStore for Table {
    async fn acquire(
        &self,
        stream: &StreamId,
        owner: &str,
        now_ms: EpochMs,
        until_ms: EpochMs,
    ) -> Answer<Lease> {
        let update = self
            .update(Key::cursor(stream))
            .update_expression(format!(
                "SET fence = if_not_exists(fence, :zero) + :one, #owner = :owner, \
                 lease_since_ms = :now, lease_until_ms = :until, paused = :false, {CREATE}"
            ))
            .condition_expression(
                "attribute_not_exists(pk) OR (paused = :false AND lease_until_ms <= :now)",
            )
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":until", number(until_ms))
            .expression_attribute_values(":false", AttributeValue::Bool(false))
            .return_values(ReturnValue::AllNew);
        let stands = match conditionally(created(update)).await? {
            Written::Yes(item) => return Ok(Lease::Acquired(Box::new(read(&item)?))),
            Written::No(item) => read(&item.unwrap_or_default())?,
        };
        Ok(if stands.paused {
            Lease::Paused { since_ms: stands.paused_ms }
        } else if *stands.owner == *owner {
            // Our own earlier try, whose answer was lost.
            Lease::Acquired(Box::new(stands))
        } else {
            Lease::Held { since_ms: stands.lease_since_ms, until_ms: stands.lease_until_ms }
        })
    }

    async fn release(&self, stream: &StreamId, owner: &str, fetching: &FetchState) -> Answer<()> {
        let update = self
            .update(Key::cursor(stream))
            .update_expression(
                "SET lease_until_ms = :zero, #owner = :no_owner, fetching = :fetching",
            )
            .expression_attribute_values(":fetching", json(fetching))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":no_owner", text(""))
            .expression_attribute_values(":zero", number(0));
        conditionally(update).await.map(drop)
    }

    async fn note_delivering(&self, stream: &StreamId, delivering: &DeliverState) -> Answer<bool> {
        let update = self
            .update(Key::cursor(stream))
            .update_expression("SET delivering = :delivering, delivering_revision = :revision")
            .expression_attribute_values(":delivering", json(delivering))
            .expression_attribute_values(":revision", number(delivering.revision));
        let update = match delivering.revision {
            ..=1 => update.condition_expression(
                "attribute_exists(pk) AND attribute_not_exists(delivering_revision)",
            ),
            revision => update
                .condition_expression("delivering_revision = :seen")
                .expression_attribute_values(":seen", number(revision - 1)),
        };
        match conditionally(update).await? {
            Written::Yes(_) => Ok(true),
            Written::No(None) => Ok(false),
            // Our own success, perhaps.
            Written::No(Some(item)) => Ok(read(&item)?.delivering == *delivering),
        }
    }

    async fn end_invocations(&self, stream: &StreamId, ended: Ended) -> Answer<()> {
        let update = self
            .update(Key::cursor(stream))
            .update_expression("SET ended_ms = :before, sent_until_ms = :sent")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":before", number(ended.before_ms))
            .expression_attribute_values(":sent", number(ended.sent_until_ms));
        conditionally(update).await.map(drop)
    }

    async fn load(
        &self,
        stream: &StreamId,
        numbers: &[PageNumber],
        budget: Option<&StoredKey>,
    ) -> Answer<Loaded> {
        let mut keys = vec![Key::cursor(stream)];
        keys.extend(budget.map(Key::shelf));
        keys.extend(numbers.iter().map(|number| Key::page(stream, *number)));
        let mut loaded = Loaded { cursor: Cursor::new(), pages: Vec::new(), budget: None };
        for item in self.get_all(keys).await? {
            match item.text("sk")? {
                key::CURSOR => loaded.cursor = read(&item)?,
                key::SHELF => loaded.budget = Some(shelf::read(&item)?),
                _ => loaded.pages.push(page::read(&item)?),
            }
        }
        loaded.pages.sort_unstable_by_key(|page| page.number);
        Ok(loaded)
    }

    async fn pages_after(
        &self,
        stream: &StreamId,
        after: PageNumber,
        limit: usize,
    ) -> Answer<Vec<Page>> {
        self.read_pages_after(stream, after, limit).await
    }

    async fn seal(
        &self,
        stream: &StreamId,
        fence: Fence,
        pages: &[NewPage],
        now_ms: EpochMs,
    ) -> Answer<Seal> {
        self.seal_pages(stream, fence, pages, now_ms).await
    }

    async fn settle(
        &self,
        stream: &StreamId,
        number: PageNumber,
        emission: &Emission,
        settling: &Settling,
    ) -> Answer<Settle> {
        self.settle_page(stream, number, emission, settling).await
    }

    async fn settle_whole(&self, stream: &StreamId, pages: &[WholePage]) -> Vec<Answer<Settle>> {
        self.settle_pages(stream, pages).await
    }

    async fn advance(&self, stream: &StreamId, advance: &Advance) -> Answer<Moved> {
        let update = self
            .update(Key::cursor(stream))
            .update_expression("SET committed = :to, watermark = :to_position")
            .condition_expression("committed = :from AND watermark = :from_position")
            .expression_attribute_values(":from", number(advance.from.0))
            .expression_attribute_values(":from_position", position(&advance.from.1))
            .expression_attribute_values(":to", number(advance.to.0))
            .expression_attribute_values(":to_position", position(&advance.to.1));
        // Own success or another's helping hand: to the caller they are one.
        Ok(match conditionally(update).await? {
            Written::Yes(_) => Moved::Yes,
            Written::No(None) => Moved::No(Box::default()),
            Written::No(Some(item)) => Moved::No(Box::new(read(&item)?)),
        })
    }

    async fn void(&self, stream: &StreamId, fence: Fence, seen: &Cursor) -> Answer<Void> {
        let committed = seen.next - 1;
        let update = self
            .update(Key::cursor(stream))
            .update_expression("SET head = watermark, committed = :to, careful_to = :careful")
            .condition_expression("fence = :fence AND committed = :from AND #next = :next")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":fence", number(fence))
            .expression_attribute_values(":from", number(seen.committed))
            .expression_attribute_values(":to", number(committed))
            .expression_attribute_values(":next", number(seen.next))
            .expression_attribute_values(":careful", position(&seen.isolated_until()))
            .return_values(ReturnValue::AllNew);
        let item = match conditionally(update).await? {
            Written::Yes(item) => return Ok(Void::Voided(Box::new(read(&item)?))),
            Written::No(None) => return Ok(Void::Lost),
            Written::No(Some(item)) => item,
        };
        let stands = read(&item)?;
        // Our own success: under our fence, nothing sealed since, no page open.
        let ours = stands.fence == fence
            && stands.next == seen.next
            && stands.committed == committed
            && stands.head == stands.watermark;
        Ok(if ours { Void::Voided(Box::new(stands)) } else { Void::Lost })
    }

    async fn cursor(&self, stream: &StreamId) -> Answer<Option<Cursor>> {
        self.get(Key::cursor(stream)).await?.as_ref().map(read).transpose()
    }

    async fn set_paused(&self, stream: &StreamId, paused: bool, now_ms: EpochMs) -> Answer<()> {
        let update = self.update(Key::cursor(stream));
        let update = if paused {
            let update = update
                .update_expression(format!(
                    "SET fence = if_not_exists(fence, :zero), \
                     #owner = if_not_exists(#owner, :no_owner), \
                     lease_until_ms = if_not_exists(lease_until_ms, :zero), \
                     paused = :true, paused_ms = if_not_exists(paused_ms, :now), {CREATE}"
                ))
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_values(":no_owner", text(""))
                .expression_attribute_values(":true", AttributeValue::Bool(true))
                .expression_attribute_values(":now", number(now_ms));
            created(update)
        } else {
            update
                .update_expression("SET paused = :false REMOVE paused_ms")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":false", AttributeValue::Bool(false))
        };
        conditionally(update).await.map(drop)
    }

    async fn rewind(&self, stream: &StreamId, seen: Fence, to: &Position) -> Answer<bool> {
        let update = self
            .update(Key::cursor(stream))
            .update_expression(
                "SET head = :to, watermark = :to, committed = #next - :one, \
                 fence = fence + :one, generation = generation + :one, \
                 lease_until_ms = :zero, #owner = :no_owner REMOVE careful_to, fetching",
            )
            .condition_expression("fence = :seen")
            .expression_attribute_names("#next", "next")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":no_owner", text(""))
            .expression_attribute_values(":to", position(to))
            .expression_attribute_values(":seen", number(seen))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0));
        let Written::No(stands) = conditionally(update).await? else { return Ok(true) };
        let Some(stands) = stands.as_ref().map(read).transpose()? else { return Ok(false) };
        // Our own success: one fence on without a lease, and the line begins where we put it.
        Ok(stands.fence == seen + 1
            && stands.lease_until_ms == 0
            && stands.committed + 1 == stands.next
            && stands.head == *to
            && stands.watermark == *to)
    }
}

/// The attributes that a new cursor begins with, beside those of the caller that creates it.
const CREATE: &str = "#next = if_not_exists(#next, :one), \
                      committed = if_not_exists(committed, :zero), \
                      generation = if_not_exists(generation, :zero), \
                      head = if_not_exists(head, :start), \
                      watermark = if_not_exists(watermark, :start)";

fn created(update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
    update
        .expression_attribute_names("#next", "next")
        .expression_attribute_values(":zero", number(0))
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":start", position(&Position::Start))
}

fn read(item: &Item) -> Answer<Cursor> {
    Ok(Cursor {
        fence: item.number("fence")?,
        owner: item.text("owner")?.into(),
        lease_since_ms: item.number_if_any("lease_since_ms")?.unwrap_or(0),
        lease_until_ms: item.number("lease_until_ms")?,
        head: item.position("head")?,
        next: item.number("next")?,
        committed: item.number("committed")?,
        watermark: item.position("watermark")?,
        generation: item.number("generation")?,
        paused: item.flag("paused")?,
        isolate_to: match item.get("careful_to") {
            Some(_) => item.position("careful_to")?,
            None => Position::Start,
        },
        paused_ms: item.number_if_any("paused_ms")?.unwrap_or(0),
        fetching: item.json_if_any("fetching"),
        delivering: DeliverState {
            revision: item.number_if_any("delivering_revision")?.unwrap_or(0),
            ..item.json_if_any("delivering")
        },
        ended: match item.number_if_any("ended_ms")? {
            None => None,
            Some(before_ms) => {
                Some(Ended { before_ms, sent_until_ms: item.number("sent_until_ms")? })
            }
        },
    })
}
