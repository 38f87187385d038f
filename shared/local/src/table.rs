//! DynamoDB in process, on a file.
//!
//! The store is the same code as on AWS; under its SDK the answers come from here instead of the
//! network. This knows DynamoDB's JSON, `shared/aws` knows the SDK, and what starts the host
//! joins the two.

mod attributes;
mod emulator;
mod get;
mod shape;
mod statements;
#[cfg(test)]
mod tests;
mod transactions;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Instant,
};

use anyhow::Context;
use dynoxide::{
    DynoxideError, Result,
    actions::{
        batch_write_item, create_table, delete_item, get_item, query, update_item,
        update_time_to_live,
    },
    storage::Storage,
    ttl::sweep_expired_items,
};
use serde_json::json;

use self::{
    emulator::{at_once, run},
    statements::Statements,
    transactions::Transactions,
};

/// A DynamoDB with the state table in it. Clones share it.
///
/// SQLite in WAL mode: what was answered is in the file's log, handed to the operating system, so
/// that a killed process loses nothing. A power cut may lose the last moments (the log is not synced
/// at every write) but damages nothing: the protocol then redelivers.
///
/// dynoxide is what makes a DynamoDB of it. What the ledger asks for each record is answered without it, from
/// the same table: `statements` and `get`.
#[derive(Clone)]
pub struct EmbeddedTable {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    storage: Storage,
    statements: Statements,
    transactions: Transactions,
}

/// No other process reads the file, so that its locks are taken once and not for each request; the log is
/// written to the table every 16 MB, for what changes again until then is written once. That is also when it
/// is synced, and only then.
const ALONE: &str = "PRAGMA locking_mode = EXCLUSIVE;
                     PRAGMA synchronous = NORMAL;
                     PRAGMA wal_autocheckpoint = 4000;";

impl EmbeddedTable {
    /// The state table's name.
    pub const NAME: &str = emulator::TABLE;

    /// The table in this file, made where it does not exist. One process at a time.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.to_str().context("the state's path is not UTF-8")?;
        let storage = Storage::new(name).with_context(|| format!("cannot open {name}"))?;
        storage.conn().execute_batch(ALONE).with_context(|| format!("cannot open {name}"))?;
        Self::with_table(storage)
    }

    /// A table that goes with the process.
    pub fn in_memory() -> anyhow::Result<Self> {
        Self::with_table(Storage::memory()?)
    }

    fn with_table(storage: Storage) -> anyhow::Result<Self> {
        let table = serde_json::from_value(json!({
            "TableName": Self::NAME,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        }))?;
        match at_once(create_table::execute(&storage, table)) {
            Ok(_) => {
                let ttl = serde_json::from_value(json!({
                    "TableName": Self::NAME,
                    "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": true},
                }))?;
                at_once(update_time_to_live::execute(&storage, ttl))?;
            }
            // Nothing else deletes what has expired, and a start is soon enough.
            Err(DynoxideError::ResourceInUseException(_)) => {
                let began = Instant::now();
                let items = at_once(sweep_expired_items(&storage))?;
                tracing::debug!(items, elapsed_ms = began.elapsed().as_millis(), "swept");
            }
            Err(error) => return Err(error).context("cannot create the state table"),
        }
        let (statements, transactions) = (Statements::default(), Transactions::default());
        Ok(Self { inner: Arc::new(Mutex::new(Inner { storage, statements, transactions })) })
    }

    /// Answers one request: its `X-Amz-Target` and JSON body with a status and a JSON body. Works on
    /// the calling thread, for some tens to hundreds of µs.
    pub fn answer(&self, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
        match self.inner.lock() {
            Ok(mut inner) => match inner.answer(target, body) {
                Ok(body) => (200, body),
                Err(error) => (error.status_code(), error.to_json().into_bytes()),
            },
            // Who held it panicked, perhaps in the middle of a transaction.
            Err(_) => {
                let error = DynoxideError::InternalServerError("the table is damaged".to_owned());
                (error.status_code(), error.to_json().into_bytes())
            }
        }
    }
}

impl Inner {
    fn answer(&mut self, target: &str, body: &[u8]) -> Result<Vec<u8>> {
        let Self { storage, statements, transactions } = self;
        match target.strip_prefix("DynamoDB_20120810.").unwrap_or_default() {
            "BatchExecuteStatement" => statements.answer(storage, body),
            "BatchGetItem" => get::answer(storage, body),
            "BatchWriteItem" => run(body, |request| batch_write_item::execute(storage, request)),
            "DeleteItem" => run(body, |request| delete_item::execute(storage, request)),
            "GetItem" => run(body, |request| get_item::execute(storage, request)),
            "Query" => run(body, |request| query::execute(storage, request)),
            "TransactWriteItems" => transactions.answer(storage, body),
            "UpdateItem" => run(body, |request| update_item::execute(storage, request)),
            // What `shared/aws` does not ask for is not answered: a new need shows here first.
            _ => Err(DynoxideError::ValidationException(format!("{target} is not embedded"))),
        }
    }
}
