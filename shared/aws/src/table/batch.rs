//! Many items at a time, and what DynamoDB leaves over.
//!
//! A batch may be answered in part, when it is large or the table is throttled: what is left over is
//! asked for again, after a growing wait.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use tidegate_core::ports::Unavailable;

use super::{
    Table,
    item::{Item, text},
    key::Key,
    write::wait_before,
};
use crate::failure::unavailable;

/// DynamoDB's own bounds.
const GET_KEYS_MAX: usize = 100;
const WRITES_MAX: usize = 25;
/// Answers in part that bring nothing, in a row, before it is no answer.
const STALLS_MAX: u32 = 6;

impl Table {
    /// Those of these items that exist, in no certain order; consistent, each key once.
    pub(super) async fn get_all(&self, keys: Vec<Key>) -> Result<Vec<Item>, Unavailable> {
        let keys: Vec<Key> = keys.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut items = Vec::with_capacity(keys.len());
        for keys in keys.chunks(GET_KEYS_MAX) {
            let mut keys: Vec<Item> = keys.iter().cloned().map(Key::attributes).collect();
            let mut stalls = 0;
            while !keys.is_empty() {
                let asked = keys.len();
                keys = self.get_some(keys, &mut items).await?;
                stalled(&mut stalls, keys.len() == asked, "BatchGetItem", keys.len()).await?;
            }
        }
        Ok(items)
    }

    /// Reads at most a hundred, and answers with the keys that were left over.
    async fn get_some(
        &self,
        keys: Vec<Item>,
        items: &mut Vec<Item>,
    ) -> Result<Vec<Item>, Unavailable> {
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let mut got = self
            .client
            .batch_get_item()
            .request_items(&self.name, keys.expect("keys are given"))
            .send()
            .await
            .map_err(|error| unavailable("BatchGetItem", error))?;
        let mut found = got.responses.take().unwrap_or_default();
        items.append(&mut found.remove(&self.name).unwrap_or_default());
        let left = got.unprocessed_keys.and_then(|mut left| left.remove(&self.name));
        Ok(left.map_or_else(Vec::new, |left| left.keys))
    }

    /// Puts them all, in any order. Each key at most once.
    pub(super) async fn put_all(&self, items: Vec<Item>) -> Result<(), Unavailable> {
        let put = |item| {
            let put = PutRequest::builder().set_item(Some(item)).build();
            WriteRequest::builder().put_request(put.expect("an item is given")).build()
        };
        self.write_all(items.into_iter().map(put).collect()).await
    }

    /// Deletes them all, in any order; those that do not exist are none the worse. Each key at most
    /// once.
    pub(super) async fn delete_all(&self, keys: Vec<Key>) -> Result<(), Unavailable> {
        let delete = |key: Key| {
            let delete = DeleteRequest::builder().set_key(Some(key.attributes())).build();
            WriteRequest::builder().delete_request(delete.expect("a key is given")).build()
        };
        self.write_all(keys.into_iter().map(delete).collect()).await
    }

    async fn write_all(&self, writes: Vec<WriteRequest>) -> Result<(), Unavailable> {
        for writes in writes.chunks(WRITES_MAX) {
            let mut writes = writes.to_vec();
            let mut stalls = 0;
            while !writes.is_empty() {
                let asked = writes.len();
                let written = self
                    .client
                    .batch_write_item()
                    .request_items(&self.name, writes)
                    .send()
                    .await
                    .map_err(|error| unavailable("BatchWriteItem", error))?;
                writes = written
                    .unprocessed_items
                    .and_then(|mut left| left.remove(&self.name))
                    .unwrap_or_default();
                stalled(&mut stalls, writes.len() == asked, "BatchWriteItem", writes.len()).await?;
            }
        }
        Ok(())
    }

    /// A partition's items with sort keys from `from` to `to`, in their order, at most `limit`;
    /// consistent.
    pub(super) async fn query(
        &self,
        pk: &str,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<Item>, Unavailable> {
        let mut items: Vec<Item> = Vec::new();
        let mut last: Option<Item> = None;
        while items.len() < limit {
            let page = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":from", text(from))
                .expression_attribute_values(":to", text(to))
                .limit(i32::try_from(limit - items.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(last.take())
                .send()
                .await
                .map_err(|error| unavailable("Query", error))?;
            items.extend(page.items.unwrap_or_default());
            last = page.last_evaluated_key;
            if last.is_none() {
                break;
            }
        }
        Ok(items)
    }
}

/// Waits before what was left over is asked for again; gives up when that brings nothing for long.
async fn stalled(
    stalls: &mut u32,
    stalled: bool,
    asked: &str,
    left: usize,
) -> Result<(), Unavailable> {
    if left == 0 {
        return Ok(());
    }
    *stalls = if stalled { *stalls + 1 } else { 0 };
    if *stalls == STALLS_MAX {
        return Err(Unavailable(format!("{asked}: {left} items were left over, again and again")));
    }
    wait_before(*stalls + 1).await;
    Ok(())
}
