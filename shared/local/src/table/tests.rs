//! What is answered without dynoxide, beside what dynoxide answers.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::EmbeddedTable;

const VALUES: [&str; 15] = [
    r#"{"S":""}"#,
    r#"{"S":"x"}"#,
    r#"{"S":"1"}"#,
    r#"{"S":"ü \"\\\n\u0001\u2028"}"#,
    r#"{"N":"0"}"#,
    r#"{"N":"1"}"#,
    r#"{"N":"-5"}"#,
    r#"{"N":"120"}"#,
    r#"{"N":"-1000"}"#,
    r#"{"N":"12345678901234567890123456789012345678"}"#,
    // Numbers with another spelling, and what is neither a text nor a number.
    r#"{"N":"1.0"}"#,
    r#"{"N":"007"}"#,
    r#"{"N":"-0"}"#,
    r#"{"NS":["3","1","2"]}"#,
    r#"{"BOOL":true}"#,
];

fn value() -> impl Strategy<Value = Value> {
    select(&VALUES[..]).prop_map(|json| serde_json::from_str(json).unwrap())
}

fn name() -> impl Strategy<Value = &'static str> {
    select(&["a", "b", "c", "\"d\"", "\"state\""][..])
}

/// Most of few texts, so that they come again: what follows a text and its number of parameters.
fn text() -> impl Strategy<Value = (String, usize)> {
    let insert = vec(name(), 0..3).prop_map(|names| {
        let members = names.iter().map(|name| format!(", '{}': ?", name.trim_matches('"')));
        let members: String = members.collect();
        (format!("INSERT INTO \"tidegate\" VALUE {{'pk': ?, 'sk': ?{members}}}"), names.len())
    });
    let condition = (name(), any::<bool>());
    let update = (vec(name(), 0..3), vec(name(), 0..2), vec(condition, 0..2));
    let update = update.prop_map(|(set, remove, conditions)| {
        let mut text = "UPDATE \"tidegate\"".to_owned();
        set.iter().for_each(|name| text.push_str(&format!(" SET {name} = ?")));
        remove.iter().for_each(|name| text.push_str(&format!(" REMOVE {name}")));
        text.push_str(" WHERE pk = ? AND sk = ?");
        for (name, is_equal) in &conditions {
            let condition = if *is_equal { "= ?" } else { "IS MISSING" };
            text.push_str(&format!(" AND {name} {condition}"));
        }
        let equal = conditions.iter().filter(|(_, is_equal)| *is_equal).count();
        (text, set.len() + equal)
    });
    prop_oneof![insert, update]
}

/// A statement on one of a few items, with its parameters.
fn statement() -> impl Strategy<Value = Value> {
    let few = vec(value(), 4);
    (text(), select(&["p", "q", "ü\""][..]), few, any::<bool>()).prop_map(
        |((text, values), key, mut parameters, returns)| {
            parameters.truncate(values);
            // The key comes after what is set.
            let at = if text.starts_with("INSERT") { 0 } else { text.matches(" SET ").count() };
            parameters.splice(at..at, [json!({"S": key}), json!({"S": "s"})]);
            let mut statement = json!({"Statement": text, "Parameters": parameters});
            if returns {
                statement["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
            }
            statement
        },
    )
}

struct Pair {
    ours: EmbeddedTable,
    dynoxides: EmbeddedTable,
}

impl Pair {
    fn new() -> Self {
        let table = || EmbeddedTable::in_memory().unwrap();
        Self { ours: table(), dynoxides: table() }
    }

    /// Asks both. What asks for capacity is not answered without dynoxide.
    fn ask(&self, operation: &str, request: Value) -> (Value, Value) {
        let mut asks_for_capacity = request.clone();
        asks_for_capacity["ReturnConsumedCapacity"] = "NONE".into();
        let ask = |table, request| answer(table, operation, &request);
        (ask(&self.ours, request), ask(&self.dynoxides, asks_for_capacity))
    }
}

fn answer(table: &EmbeddedTable, operation: &str, request: &Value) -> Value {
    let target = format!("DynamoDB_20120810.{operation}");
    let (status, body) = table.answer(&target, request.to_string().as_bytes());
    let body: Value = serde_json::from_slice(&body).unwrap();
    json!({"status": status, "body": sorted(body)})
}

/// Sets have no order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(all) => Value::Array(all.into_iter().map(sorted).collect()),
        Value::Object(all) => {
            let member = |(name, mut value): (String, Value)| {
                if let ("NS", Value::Array(numbers)) = (&*name, &mut value) {
                    numbers.sort_by_key(Value::to_string);
                }
                (name, sorted(value))
            };
            Value::Object(all.into_iter().map(member).collect::<Map<_, _>>())
        }
        value => value,
    }
}

/// Everything that is kept.
fn kept(table: &EmbeddedTable) -> Vec<(String, String, Value, i64, String)> {
    let inner = table.inner.lock().unwrap();
    let all = "SELECT pk, sk, item_json, item_size, hash_prefix FROM tidegate ORDER BY pk, sk";
    let mut all = inner.storage.conn().prepare(all).unwrap();
    let rows = all.query_map([], |row| {
        let json: String = row.get(2)?;
        let item = sorted(serde_json::from_str(&json).unwrap());
        Ok((row.get(0)?, row.get(1)?, item, row.get(3)?, row.get(4)?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn statements_come_to_what_they_come_to_in_dynoxide(
        texts in vec(vec(statement(), 1..4), 1..12),
        again in vec(any::<prop::sample::Index>(), 12),
    ) {
        let pair = Pair::new();
        let again = again.iter().map(|at| at.get(&texts));
        for statements in texts.iter().chain(again) {
            let (ours, dynoxides) = pair.ask("BatchExecuteStatement", json!({"Statements": statements}));
            prop_assert_eq!(ours, dynoxides, "{}", json!(statements));
            prop_assert_eq!(kept(&pair.ours), kept(&pair.dynoxides), "{}", json!(statements));
        }
        let keys = ["p", "none", "ü\"", "q"].map(|key| json!({"pk": {"S": key}, "sk": {"S": "s"}}));
        for keys in [&keys[..], &keys[1..2], &[keys[0].clone(), keys[0].clone()], &[]] {
            let request = json!({"RequestItems": {"tidegate": {"Keys": keys, "ConsistentRead": true}}});
            let (ours, dynoxides) = pair.ask("BatchGetItem", request);
            prop_assert_eq!(ours, dynoxides);
        }
    }
}

fn insert(key: &str) -> Value {
    let parameters = json!([{"S": key}, {"S": "s"}, {"N": "1"}]);
    let text = "INSERT INTO \"tidegate\" VALUE {'pk': ?, 'sk': ?, 'a': ?}";
    json!({"Statement": text, "Parameters": parameters})
}

fn update(key: &str, set: &str) -> Value {
    let parameters = json!([{"N": set}, {"S": key}, {"S": "s"}]);
    let text = "UPDATE \"tidegate\" SET a = ? WHERE pk = ? AND sk = ?";
    json!({"Statement": text, "Parameters": parameters})
}

fn execute(table: &EmbeddedTable, statements: &[Value]) -> Value {
    answer(table, "BatchExecuteStatement", &json!({ "Statements": statements }))
}

/// dynoxide puts a new row in a changed one's place; here it stays.
fn row(table: &EmbeddedTable) -> i64 {
    let inner = table.inner.lock().unwrap();
    let row = inner.storage.conn().query_row("SELECT rowid FROM tidegate", [], |row| row.get(0));
    row.unwrap()
}

#[test]
fn a_text_is_executed_here_once_dynoxide_took_it() {
    let table = EmbeddedTable::in_memory().unwrap();
    execute(&table, &[insert("p"), update("none", "1")]);
    let before = row(&table);
    execute(&table, &[update("p", "2")]);
    assert_eq!(row(&table), before);
    assert_eq!(kept(&table)[0].2["a"], json!({"N": "2"}));
}

#[test]
fn a_value_that_dynoxide_refuses_is_refused_in_a_text_that_it_took() {
    let table = EmbeddedTable::in_memory().unwrap();
    execute(&table, &[insert("p"), update("none", "1")]);
    for number in ["x", "", "1e200", "123456789012345678901234567890123456789"] {
        let answer = execute(&table, &[update("p", number)]);
        let was_refused = answer["body"]["Responses"][0]["Error"]["Code"] == "ValidationError";
        assert!(was_refused || answer["status"] == 400, "{number}: {answer}");
    }
    assert_eq!(kept(&table)[0].2["a"], json!({"N": "1"}));
}

#[test]
fn a_batch_that_is_left_to_dynoxide_in_its_middle_is_executed_once() {
    let table = EmbeddedTable::in_memory().unwrap();
    let text = "UPDATE \"tidegate\" SET a = ? WHERE pk = ? AND sk = ? AND b = ?";
    let parameters = json!([{"N": "2"}, {"S": "q"}, {"S": "s"}, {"N": "1"}]);
    let conditional = json!({"Statement": text, "Parameters": parameters});
    execute(&table, &[insert("none"), conditional.clone()]);
    // A number that is spelled otherwise is compared by dynoxide.
    let text = "INSERT INTO \"tidegate\" VALUE {'pk': ?, 'sk': ?, 'b': ?}";
    let parameters = json!([{"S": "q"}, {"S": "s"}, {"N": "1e-1"}]);
    execute(&table, &[json!({"Statement": text, "Parameters": parameters})]);
    let answer = execute(&table, &[insert("p"), conditional]);
    let responses = &answer["body"]["Responses"];
    assert_eq!(responses[0], json!({"TableName": "tidegate"}), "{answer}");
    assert_eq!(responses[1]["Error"]["Code"], "ConditionalCheckFailed", "{answer}");
}

#[test]
fn a_transaction_that_is_sent_again_with_its_token_is_made_once() {
    let table = EmbeddedTable::in_memory().unwrap();
    let put = |key: &str| {
        let item = json!({"pk": {"S": key}, "sk": {"S": "s"}});
        let once = "attribute_not_exists(pk)";
        let put = json!({"TableName": "tidegate", "Item": item, "ConditionExpression": once});
        json!({"ClientRequestToken": "t", "TransactItems": [{"Put": put}]})
    };
    let first = answer(&table, "TransactWriteItems", &put("p"));
    assert_eq!(first["status"], 200, "{first}");
    assert_eq!(answer(&table, "TransactWriteItems", &put("p")), first);
    let another = answer(&table, "TransactWriteItems", &put("q"));
    assert_eq!(another["status"], 400, "{another}");
    assert_eq!(kept(&table).len(), 1);
}
