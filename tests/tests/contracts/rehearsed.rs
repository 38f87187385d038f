//! A table on which every statement was executed before, on an item of no account.
//!
//! The embedded table executes by itself what dynoxide took once. Without this a behaviour that says something
//! once would see dynoxide alone.

use serde_json::{Value, json};
use tidegate_aws::Table;

use super::faults;

/// An empty table, but for those items.
pub fn rehearsed() -> Table {
    let table = faults::table(|embedded, target, body| {
        if target.ends_with("BatchExecuteStatement") {
            let rehearsal = rehearsal(&serde_json::from_slice(body).expect("it is JSON"));
            let (status, _) = embedded.answer(target, rehearsal.to_string().as_bytes());
            assert_eq!(status, 200);
        }
        embedded.answer(target, body)
    });
    table.0
}

/// The same statements on items that nothing else asks for.
fn rehearsal(request: &Value) -> Value {
    let mut rehearsal = request.clone();
    let statements = rehearsal["Statements"].as_array_mut().expect("there are some");
    for (at, statement) in statements.iter_mut().enumerate() {
        let text = statement["Statement"].as_str().expect("it is a text");
        // The key comes after what is set.
        let key_at = if text.starts_with("INSERT") { 0 } else { text.matches(" SET ").count() };
        statement["Parameters"][key_at] = json!({"S": format!("rehearsal {at}")});
    }
    rehearsal
}
