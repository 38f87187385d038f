//! DynamoDB in process, on a file.
//!
//! The store is the same code as on AWS; under its SDK the answers come from here instead of the
//! network. This knows DynamoDB's JSON, `shared/aws` knows the SDK, and what starts the host
//! joins the two.

use std::{path::Path, time::Instant};

use anyhow::Context;
use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// A DynamoDB with the state table in it. Clones share it.
///
/// SQLite in WAL mode: what was answered is in the file's log, handed to the operating system, so
/// that a killed process loses nothing. A power cut may lose the last moments (the log is not synced
/// at every write) but damages nothing: the protocol then redelivers.
#[derive(Clone)]
pub struct EmbeddedTable {
    database: Database,
}

impl EmbeddedTable {
    /// The state table's name.
    pub const NAME: &str = "tidegate";

    /// The table in this file, made where it does not exist. One process at a time.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.to_str().context("the state's path is not UTF-8")?;
        let database = Database::new(name).with_context(|| format!("cannot open {name}"))?;
        // `synchronous = NORMAL`: no sync to disk at every write.
        database.disable_bulk_loading()?;
        Self::with_table(database)
    }

    /// A table that goes with the process.
    pub fn in_memory() -> anyhow::Result<Self> {
        Self::with_table(Database::memory()?)
    }

    fn with_table(database: Database) -> anyhow::Result<Self> {
        match database.create_table(serde_json::from_value(json!({
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
        }))?) {
            Ok(_) => {
                database.update_time_to_live(serde_json::from_value(json!({
                    "TableName": Self::NAME,
                    "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": true},
                }))?)?;
            }
            // Nothing else deletes what has expired, and a start is soon enough.
            Err(DynoxideError::ResourceInUseException(_)) => {
                let began = Instant::now();
                let items = database.sweep_ttl()?;
                tracing::debug!(items, elapsed_ms = began.elapsed().as_millis(), "swept");
            }
            Err(error) => return Err(error).context("cannot create the state table"),
        }
        Ok(Self { database })
    }

    /// Answers one request: its `X-Amz-Target` and JSON body with a status and a JSON body. Works on
    /// the calling thread, for some tens to hundreds of µs.
    pub fn answer(&self, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let database = &self.database;
        let answer = match target.strip_prefix("DynamoDB_20120810.").unwrap_or_default() {
            "BatchExecuteStatement" => {
                run(body, |request| database.batch_execute_statement(request))
            }
            "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
            "BatchWriteItem" => run(body, |request| database.batch_write_item(request)),
            "DeleteItem" => run(body, |request| database.delete_item(request)),
            "GetItem" => run(body, |request| database.get_item(request)),
            "Query" => run(body, |request| database.query(request)),
            "TransactWriteItems" => run(body, |request| database.transact_write_items(request)),
            "UpdateItem" => run(body, |request| database.update_item(request)),
            // What `shared/aws` does not ask for is not answered: a new need shows here first.
            _ => Err(DynoxideError::ValidationException(format!("{target} is not embedded"))),
        };
        match answer {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), error.to_json().into_bytes()),
        }
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<Vec<u8>> {
    let request = serde_json::from_slice(body)
        .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    serde_json::to_vec(&operation(request)?)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
