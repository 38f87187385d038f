//! What an operation is billed by, and how much of it where nobody measured.

use crate::summary::Summary;

/// What a line of the bill counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// DynamoDB's read request units.
    Read,
    /// DynamoDB's write request units.
    Write,
    /// Requests to SQS, by 64 KiB.
    Queue,
}

/// What this operation is billed by; `None` for one that nobody here knows.
pub fn unit(operation: &str) -> Option<Unit> {
    Some(match operation {
        "BatchGetItem" | "GetItem" | "Query" => Unit::Read,
        "BatchWriteItem" | "DeleteItem" | "PutItem" | "TransactWriteItems" | "UpdateItem" => {
            Unit::Write
        }
        "SendMessageBatch"
        | "ReceiveMessage"
        | "DeleteMessageBatch"
        | "ChangeMessageVisibilityBatch" => Unit::Queue,
        _ => return None,
    })
}

/// The units of all its requests in this run, by what the protocol does, with items of less than 1 KB
/// (a page's item and the cursor have some hundred bytes):
///
/// - a processor reads the cursor and each of its pages in one `BatchGetItem`;
/// - a seal writes the cursor and each of its pages in one transaction, at double;
/// - a parked record is an item or more of a `BatchWriteItem`;
/// - everything else is of one item, or of one unit.
pub fn estimated(operation: &str, requests: u64, run: &Summary) -> f64 {
    let units = match operation {
        "BatchGetItem" => requests + run.pages,
        "TransactWriteItems" => 2 * (requests + run.pages),
        "BatchWriteItem" => requests.max(run.parked),
        _ => requests,
    };
    units as f64
}
