//! What DynamoDB would bill for the requests: read and write units, by operation.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;

use crate::EmbeddedTable;

/// Adds up the units of what it is asked to pass on. Clones share the sums.
///
/// It asks for `ReturnConsumedCapacity`, which costs a copy of each request and a second look at each
/// answer: only where it is asked for.
#[derive(Debug, Clone, Default)]
pub struct CapacityMeter(Arc<Mutex<BTreeMap<String, f64>>>);

impl CapacityMeter {
    /// The units so far, by operation: those that an operation takes, be they read or write units.
    pub fn snapshot(&self) -> BTreeMap<String, f64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers as [`EmbeddedTable::answer`] does.
    pub fn answer(&self, table: &EmbeddedTable, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let (status, answer) = table.answer(target, &asking_for_capacity(body));
        let operation = target.rsplit('.').next().unwrap_or(target);
        let units = if status == 200 { consumed(&answer) } else { refused(&answer) };
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sums.entry(operation.to_owned()).or_default() += units;
        (status, answer)
    }
}

/// The request, an object with at least a table in it, with one more member.
fn asking_for_capacity(body: &[u8]) -> Vec<u8> {
    let members = body.strip_prefix(b"{").unwrap_or(body);
    [br#"{"ReturnConsumedCapacity":"TOTAL","#, members].concat()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answered {
    consumed_capacity: Option<Consumed>,
}

/// One table's, or, of operations on many items, each table's.
#[derive(Deserialize)]
#[serde(untagged)]
enum Consumed {
    Table(Units),
    Tables(Vec<Units>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Units {
    capacity_units: f64,
}

fn consumed(answer: &[u8]) -> f64 {
    let answered = serde_json::from_slice::<Answered>(answer).ok();
    match answered.and_then(|it| it.consumed_capacity) {
        None => 0.0,
        Some(Consumed::Table(table)) => table.capacity_units,
        Some(Consumed::Tables(tables)) => tables.iter().map(|it| it.capacity_units).sum(),
    }
}

#[derive(Deserialize)]
struct Refused {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(rename = "CancellationReasons", default)]
    reasons: Vec<serde::de::IgnoredAny>,
}

/// A write whose condition fails is billed like one that is made, by the item that is there, and a
/// cancelled transaction like a whole one. Such an answer says no units: each item counts as under
/// 1 KB, as all of the cursor's and the ledger's are.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
fn refused(answer: &[u8]) -> f64 {
    match serde_json::from_slice::<Refused>(answer) {
        Ok(it) if it.kind.ends_with("ConditionalCheckFailedException") => 1.0,
        Ok(it) if it.kind.ends_with("TransactionCanceledException") => {
            2.0 * it.reasons.len() as f64
        }
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    struct Metered {
        table: EmbeddedTable,
        meter: CapacityMeter,
    }

    impl Metered {
        fn new() -> Self {
            let table = EmbeddedTable::in_memory().unwrap();
            Self { table, meter: CapacityMeter::default() }
        }

        /// The units that this request takes.
        fn units(&self, operation: &str, request: &Value) -> f64 {
            let before = self.meter.snapshot().get(operation).copied().unwrap_or_default();
            let target = format!("DynamoDB_20120810.{operation}");
            self.meter.answer(&self.table, &target, request.to_string().as_bytes());
            self.meter.snapshot()[operation] - before
        }
    }

    fn item(sk: &str, bytes: usize) -> Value {
        json!({ "pk": { "S": "p" }, "sk": { "S": sk }, "text": { "S": "x".repeat(bytes) } })
    }

    fn put(sk: &str, bytes: usize) -> Value {
        json!({ "Put": { "TableName": "tidegate", "Item": item(sk, bytes) } })
    }

    fn update(condition: &str) -> Value {
        json!({
            "TableName": "tidegate",
            "Key": { "pk": { "S": "p" }, "sk": { "S": "a" } },
            "UpdateExpression": "SET n = :one",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": { ":one": { "N": "1" } },
        })
    }

    #[test]
    fn writes_count_by_the_kilobyte_and_twice_in_a_transaction() {
        let metered = Metered::new();
        let two = json!({ "TransactItems": [put("a", 100), put("b", 1_500)] });
        assert_eq!(metered.units("TransactWriteItems", &two), 2.0 * (1.0 + 2.0));
        assert_eq!(metered.units("UpdateItem", &update("attribute_exists(pk)")), 1.0);
        let batch = json!({ "RequestItems": { "tidegate": [
            { "PutRequest": { "Item": item("c", 10) } },
            { "PutRequest": { "Item": item("d", 2_500) } },
        ] } });
        assert_eq!(metered.units("BatchWriteItem", &batch), 1.0 + 3.0);
    }

    #[test]
    fn consistent_reads_count_by_four_kilobytes_of_each_item() {
        let metered = Metered::new();
        metered.units("TransactWriteItems", &json!({ "TransactItems": [put("a", 5_000)] }));
        let key = |sk: &str| json!({ "pk": { "S": "p" }, "sk": { "S": sk } });
        let get = json!({ "TableName": "tidegate", "Key": key("a"), "ConsistentRead": true });
        assert_eq!(metered.units("GetItem", &get), 2.0);
        let keys = json!({ "Keys": [key("a"), key("none")], "ConsistentRead": true });
        let batch = json!({ "RequestItems": { "tidegate": keys } });
        assert_eq!(metered.units("BatchGetItem", &batch), 2.0 + 1.0);
    }

    #[test]
    fn what_a_condition_refuses_is_billed_too() {
        let metered = Metered::new();
        assert_eq!(metered.units("UpdateItem", &update("attribute_exists(pk)")), 1.0);
        let mut never = put("a", 10);
        never["Put"]["ConditionExpression"] = "attribute_exists(pk)".into();
        let two = json!({ "TransactItems": [never, put("b", 10)] });
        assert_eq!(metered.units("TransactWriteItems", &two), 4.0);
    }
}
