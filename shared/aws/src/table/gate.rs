//! The gate's item. An open gate has none.

use tidegate_core::{
    model::{EpochMs, Gate, StreamId},
    ports::{Gates, Unavailable},
};

use super::{
    Table,
    item::{Item, Read, number},
    key::Key,
    write::conditionally,
};
use crate::failure::unavailable;

impl Gates for Table {
    async fn shut(
        &self,
        stream: &StreamId,
        until_ms: EpochMs,
        failures: u32,
    ) -> Result<(), Unavailable> {
        let update = self
            .update(Key::gate(stream))
            .update_expression("SET shut_until_ms = :until, failures = :failures")
            .condition_expression("attribute_not_exists(pk) OR shut_until_ms <= :until")
            .expression_attribute_values(":until", number(until_ms))
            .expression_attribute_values(":failures", number(failures));
        conditionally(update).await.map(drop)
    }

    async fn probe(
        &self,
        stream: &StreamId,
        seen: Gate,
        until_ms: EpochMs,
    ) -> Result<bool, Unavailable> {
        let as_seen = if seen == Gate::default() {
            "attribute_not_exists(pk) OR (shut_until_ms = :seen AND failures = :failures)"
        } else {
            "shut_until_ms = :seen AND failures = :failures"
        };
        let update = self
            .update(Key::gate(stream))
            .update_expression("SET shut_until_ms = :until, failures = :failures")
            .condition_expression(as_seen)
            .expression_attribute_values(":seen", number(seen.shut_until_ms))
            .expression_attribute_values(":failures", number(seen.failures))
            .expression_attribute_values(":until", number(until_ms));
        // Nothing in the item tells our own success from another's, and the port asks for no more:
        // a probe whose answer was lost is nobody's until the gate opens for the next.
        Ok(conditionally(update).await?.is_yes())
    }

    async fn open(&self, stream: &StreamId) -> Result<(), Unavailable> {
        self.client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(Key::gate(stream).attributes()))
            .send()
            .await
            .map_err(|error| unavailable("DeleteItem", error))?;
        Ok(())
    }
}

pub fn read(item: &Item) -> Result<Gate, Unavailable> {
    Ok(Gate { shut_until_ms: item.number("shut_until_ms")?, failures: item.number("failures")? })
}
