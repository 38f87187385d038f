//! One item, written under a condition or read.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::ReturnValuesOnConditionCheckFailure,
};
use tidegate_core::ports::Unavailable;

use super::{Table, item::Item, key::Key};
use crate::failure::unavailable;

/// How often a request is made while another's transaction holds its item.
pub const CONFLICT_TRIES: u32 = 5;

/// What came of a conditional write.
pub enum Written {
    /// It was made; the item's attributes, as far as `ReturnValues` asks for them.
    Yes(Item),
    /// The condition failed; the item as it stands, `None` where there is none.
    No(Option<Item>),
}

impl Table {
    pub(super) fn update(&self, key: Key) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    pub(super) async fn get(&self, key: Key) -> Result<Option<Item>, Unavailable> {
        let got = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable("GetItem", error))?;
        Ok(got.item)
    }
}

/// Sends an update that has a condition. An item that another's transaction holds is tried again
/// shortly: the SDK does not count that among what it retries.
pub async fn conditionally(update: UpdateItemFluentBuilder) -> Result<Written, Unavailable> {
    for tried in 0.. {
        let error = match update.clone().send().await {
            Ok(updated) => return Ok(Written::Yes(updated.attributes.unwrap_or_default())),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                return Ok(Written::No(failed.item.clone()));
            }
            Some(UpdateItemError::TransactionConflictException(_))
                if tried + 1 < CONFLICT_TRIES =>
            {
                wait_before(tried + 1).await;
            }
            _ => return Err(unavailable("UpdateItem", error)),
        }
    }
    unreachable!("the loop ends by returning")
}

/// The wait before the `again`-th further try: 20 ms, doubled each time.
pub async fn wait_before(again: u32) {
    tokio::time::sleep(Duration::from_millis(10 << again.min(8))).await;
}
