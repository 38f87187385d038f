//! Sealing: the one transaction.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Put, TransactWriteItem, Update},
};
use tidegate_core::{
    model::{EpochMs, Fence, StreamId},
    ports::{NewPage, Seal, Unavailable},
};

use super::{
    Table,
    item::{Read, number, position},
    key::Key,
    page,
    write::{CONFLICT_TRIES, wait_before},
};
use crate::failure::unavailable;

impl Table {
    pub(super) async fn seal_pages(
        &self,
        stream: &StreamId,
        fence: Fence,
        pages: &[NewPage],
        now_ms: EpochMs,
    ) -> Result<Seal, Unavailable> {
        let (Some(first), Some(last)) = (pages.first(), pages.last()) else {
            return Ok(Seal::Sealed);
        };
        let moved = Update::builder()
            .table_name(&self.name)
            .set_key(Some(Key::cursor(stream).attributes()))
            .update_expression("SET #next = :next, head = :head")
            .condition_expression("fence = :fence AND #next = :first")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":fence", number(fence))
            .expression_attribute_values(":first", number(first.number))
            .expression_attribute_values(":next", number(last.number + 1))
            .expression_attribute_values(":head", position(&last.to))
            .build()
            .expect("a key, an expression and a table are given");
        let put = |new: &NewPage| {
            let put = Put::builder()
                .table_name(&self.name)
                .set_item(Some(page::sealed(stream, new, now_ms)))
                .build()
                .expect("an item and a table are given");
            TransactWriteItem::builder().put(put).build()
        };
        let mut writes = vec![TransactWriteItem::builder().update(moved).build()];
        writes.extend(pages.iter().map(put));
        // The SDK draws a request token and keeps it over its own retries, so that one that was
        // applied answers as it did. A token of ours would not do: a caller's repeat has another
        // `now_ms`, and DynamoDB refuses one token with two contents.
        let transaction = self.client.transact_write_items().set_transact_items(Some(writes));
        for tried in 0.. {
            let Err(error) = transaction.clone().send().await else { return Ok(Seal::Sealed) };
            let again = tried + 1 < CONFLICT_TRIES;
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    let reasons = canceled.cancellation_reasons();
                    if reasons.iter().any(condition_failed) {
                        return self.look_back(stream, first).await;
                    }
                    if !(again && reasons.iter().any(passing)) {
                        return Err(unavailable("TransactWriteItems", error));
                    }
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) if again => {}
                _ => return Err(unavailable("TransactWriteItems", error)),
            }
            wait_before(tried + 1).await;
        }
        unreachable!("the loop ends by returning")
    }

    /// The condition failed: the page with our emission says that it was our own success.
    async fn look_back(&self, stream: &StreamId, first: &NewPage) -> Result<Seal, Unavailable> {
        let page = self.get(Key::page(stream, first.number)).await?;
        let ours = match &page {
            Some(item) => item.text("emission")? == &*first.emission.0,
            None => false,
        };
        Ok(if ours { Seal::Sealed } else { Seal::Lost })
    }
}

fn condition_failed(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// Another's transaction, or a limit: nothing was written, and it passes.
fn passing(reason: &CancellationReason) -> bool {
    matches!(
        reason.code(),
        Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    )
}
