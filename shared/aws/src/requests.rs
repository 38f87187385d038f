//! Counts the requests made to AWS, by operation, and the items in them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_sdk_dynamodb::operation::{
    batch_execute_statement::BatchExecuteStatementInput, batch_get_item::BatchGetItemInput,
    batch_write_item::BatchWriteItemInput,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{
                BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
                Input,
            },
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// How often each operation was sent; every attempt of a retried one counts. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Requests(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<String, u64>,
    items: BTreeMap<String, u64>,
}

impl Requests {
    /// The count so far, by operation: `{"UpdateItem": 12, …}`.
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        self.lock().requests.clone()
    }

    /// How many items were asked for or written by those operations that take any number of them, of which
    /// each is billed: `{"BatchGetItem": 112, …}`. An attempt that is repeated counts once.
    pub fn items(&self) -> BTreeMap<String, u64> {
        self.lock().items.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn increase(counts: &mut BTreeMap<String, u64>, operation: &str, by: u64) {
    match counts.get_mut(operation) {
        Some(count) => *count += by,
        None => {
            counts.insert(operation.to_owned(), by);
        }
    }
}

/// The operation and the items of a request, where it takes any number of them.
fn items(input: &Input) -> Option<(&'static str, usize)> {
    if let Some(get) = input.downcast_ref::<BatchGetItemInput>() {
        let tables = get.request_items().into_iter().flatten();
        return Some(("BatchGetItem", tables.map(|(_, keys)| keys.keys().len()).sum()));
    }
    if let Some(execute) = input.downcast_ref::<BatchExecuteStatementInput>() {
        return Some(("BatchExecuteStatement", execute.statements().len()));
    }
    let write = input.downcast_ref::<BatchWriteItemInput>()?;
    let tables = write.request_items().into_iter().flatten();
    Some(("BatchWriteItem", tables.map(|(_, writes)| writes.len()).sum()))
}

impl Intercept for Requests {
    fn name(&self) -> &'static str {
        "Requests"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some((operation, items)) = items(context.input()) {
            increase(&mut self.lock().items, operation, items as u64);
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(operation) = config.load::<Metadata>() {
            increase(&mut self.lock().requests, operation.name(), 1);
        }
        Ok(())
    }
}
