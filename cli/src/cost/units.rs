//! What an operation is billed by, and an estimate of how much where a run did not measure it.

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

/// What this operation is billed by; `None` for an operation whose billing is not known here.
pub fn unit(operation: &str) -> Option<Unit> {
    Some(match operation {
        "BatchGetItem" | "GetItem" | "Query" => Unit::Read,
        "BatchExecuteStatement"
        | "BatchWriteItem"
        | "DeleteItem"
        | "PutItem"
        | "TransactWriteItems"
        | "UpdateItem" => Unit::Write,
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
/// - a processor reads the cursor and each of its pages in one `BatchGetItem`, and a look-up that is cached
///   each of its keys: those of `aws_items`;
/// - the ledger reads each record's entity with others in one `BatchGetItem`, and claims and ends it by one
///   statement each, up to 25 of them in one `BatchExecuteStatement`;
/// - a seal writes the cursor and each of its pages in one transaction, at double;
/// - a parked record, or an answer that is cached, is an item or more of a `BatchWriteItem`;
/// - everything else is of one item, or of one unit.
pub fn estimated(operation: &str, requests: u64, run: &Summary) -> f64 {
    let counted = run.aws_items.get(operation).copied();
    let units = match operation {
        // Summaries of older versions have no items.
        "BatchGetItem" => counted.unwrap_or(requests + run.pages),
        "BatchExecuteStatement" => counted.unwrap_or(requests),
        "TransactWriteItems" => 2 * (requests + run.pages),
        "BatchWriteItem" => counted.unwrap_or_else(|| requests.max(run.parked)),
        _ => requests,
    };
    units as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repro_a_batch_of_items_is_estimated_by_its_items() {
        let mut run = Summary { pages: 10, parked: 3, ..Summary::default() };
        assert_eq!(estimated("BatchGetItem", 12, &run), 22.0);
        assert_eq!(estimated("BatchWriteItem", 4, &run), 4.0);
        run.aws_items =
            [("BatchGetItem".to_owned(), 922), ("BatchWriteItem".to_owned(), 100)].into();
        assert_eq!(estimated("BatchGetItem", 12, &run), 922.0);
        assert_eq!(estimated("BatchWriteItem", 4, &run), 100.0);
        assert_eq!(estimated("UpdateItem", 5, &run), 5.0);
    }
}
