//! The production store over a DynamoDB in this process.

use tidegate_aws::{Clients, InProcess, Table};
use tidegate_local::EmbeddedTable;

/// What asks this table instead of the network.
pub fn clients(table: EmbeddedTable) -> Clients {
    Clients::over(InProcess::new(move |target, body| table.answer(target, body)))
}

/// The store on this table.
pub fn over(table: EmbeddedTable) -> Table {
    clients(table).table(EmbeddedTable::NAME)
}

/// An empty table, gone with the test.
pub fn empty() -> Table {
    over(EmbeddedTable::in_memory().unwrap())
}
