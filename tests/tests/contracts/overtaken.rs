//! Claims in DynamoDB that another overtakes between the look at an item and the write: each part of what was
//! decided on is looked at again by the write.

use serde_json::{Value, json};
use tidegate_aws::Table;
use tidegate_core::{
    model::{Edition, RecordId, Version},
    ports::{Claim, ClaimEnd, Claimant, Ending, Ledger},
};

use super::{conditions::Behaviour, faults, stream};

/// For [`super::conditions`].
pub const BEHAVIOURS: &[(&str, Behaviour)] = &[
    ("a_claim_that_is_new", |table| Box::pin(a_claim_that_is_new(table))),
    ("another_claim", |table| Box::pin(another_claim(table))),
    ("a_newer_claim_that_ended", |table| Box::pin(a_newer_claim_that_ended(table))),
    ("what_was_applied", |table| Box::pin(what_was_applied(table))),
    ("what_may_land", |table| Box::pin(what_may_land(table))),
    ("what_may_land_was_gone", |table| Box::pin(what_may_land_was_gone(table))),
];

const ENTITY: RecordId = RecordId::Number(7);

fn edition(version: i64) -> Edition {
    Edition { version: Version(version), generation: 0 }
}

async fn claim(table: &Table, version: i64, owner: &str, now_ms: i64) -> Claim {
    let by = Claimant { owner, now_ms, until_ms: now_ms + 100, over: None, may_repeat: true };
    table.claim(&stream(), &[(ENTITY, edition(version))], &by).await.remove(0).unwrap()
}

async fn finish(table: &Table, version: i64, owner: &str, end: ClaimEnd) {
    let ending = Ending { entity: ENTITY, edition: edition(version), owner: owner.into(), end };
    table.finish(&stream(), &[ending]).await.unwrap();
}

/// Sets and removes attributes of the entity's item just before the next statement comes.
fn meanwhile(update: &str, values: &Value) {
    let mut request = json!({
        "TableName": "tidegate",
        "Key": {"pk": {"S": "orders/shop#e#p0000000000000000007"}, "sk": {"S": "L"}},
        "UpdateExpression": update,
    });
    if values != &json!({}) {
        request["ExpressionAttributeValues"] = values.clone();
    }
    faults::before_the_next_statement(move |embedded| {
        let body = request.to_string();
        let (status, said) = embedded.answer("DynamoDB_20120810.UpdateItem", body.as_bytes());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&said));
    });
}

/// What another's claim of a version leaves.
fn claimed_by_another(version: i64) -> Value {
    json!({
        ":claimed": {"N": (i128::from(version) * 1_000_000_000).to_string()},
        ":other": {"S": "other"},
        ":until": {"N": "500"},
    })
}

const CLAIM: &str = "SET claimed = :claimed, lock_owner = :other, lock_until_ms = :until";

async fn a_claim_that_is_new(table: &Table) {
    meanwhile(CLAIM, &claimed_by_another(2));
    assert_eq!(claim(table, 2, "a", 1).await, Claim::Locked { until_ms: 500 });
}

async fn another_claim(table: &Table) {
    for ends in [true, false] {
        claim(table, 2, "a", 0).await;
        if ends {
            finish(table, 2, "a", ClaimEnd::Free).await;
        }
        meanwhile(CLAIM, &claimed_by_another(2));
        assert_eq!(claim(table, 2, "b", 200).await, Claim::Locked { until_ms: 500 });
        finish(table, 2, "other", ClaimEnd::Free).await;
    }
}

async fn a_newer_claim_that_ended(table: &Table) {
    claim(table, 2, "a", 0).await;
    finish(table, 2, "a", ClaimEnd::Free).await;
    meanwhile("SET claimed = :claimed", &json!({":claimed": {"N": "9000000000"}}));
    assert_eq!(claim(table, 2, "b", 1).await, Claim::Newer);
}

async fn what_was_applied(table: &Table) {
    let applied = |version: i64| {
        let number = (i128::from(version) * 1_000_000_000).to_string();
        meanwhile("SET applied = :applied", &json!({":applied": {"N": number}}));
    };
    claim(table, 2, "a", 0).await;
    finish(table, 2, "a", ClaimEnd::Free).await;
    applied(2);
    assert_eq!(claim(table, 2, "b", 1).await, Claim::Applied);
    claim(table, 3, "b", 1).await;
    finish(table, 3, "b", ClaimEnd::Free).await;
    applied(3);
    assert_eq!(claim(table, 3, "c", 2).await, Claim::Applied);
}

async fn what_may_land(table: &Table) {
    claim(table, 2, "a", 0).await;
    meanwhile("SET lands_until_ms = :lands", &json!({":lands": {"N": "300"}}));
    assert_eq!(claim(table, 3, "b", 200).await, Claim::Locked { until_ms: 300 });
}

async fn what_may_land_was_gone(table: &Table) {
    claim(table, 2, "a", 0).await;
    finish(table, 2, "a", ClaimEnd::Answered { lands_until_ms: 30 }).await;
    meanwhile("SET lands_until_ms = :lands", &json!({":lands": {"N": "300"}}));
    assert_eq!(claim(table, 3, "b", 200).await, Claim::Locked { until_ms: 300 });
}

#[tokio::test]
async fn claims_that_are_overtaken_are_looked_at_once_more() {
    for (name, behaviour) in BEHAVIOURS {
        let (table, _) = faults::table(|embedded, target, body| embedded.answer(target, body));
        println!("{name}");
        behaviour(&table).await;
    }
}
