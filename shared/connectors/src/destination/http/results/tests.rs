//! Results, and what each comes to.

use serde_json::{Value, json};
use tidegate_core::model::{RecordId, Version};

use super::super::namesakes::Sent;
use super::*;
use crate::{http::Redactor, testing::section};

fn keys(index: Option<&str>) -> Value {
    json!({
        "path": "data.results",
        "status": "status",
        "duplicate": ["exists"],
        "reason": "error.message",
        "index": index,
    })
}

fn reader(keys: &Value) -> ResultReader {
    ResultReader::new(&section(keys.clone()))
}

fn records(bodies: &[String]) -> Vec<Outgoing> {
    let record = |body: &String| Outgoing {
        id: RecordId::Number(1),
        version: Version(0),
        deleted: false,
        key: "k".into(),
        body: body.clone().into(),
        source: bytes::Bytes::new(),
    };
    bodies.iter().map(record).collect()
}

fn kinds(keys: &Value, body: &str, count: usize) -> Option<Vec<&'static str>> {
    kinds_of(keys, body, &records(&vec!["{}".to_owned(); count]))
}

fn outcomes(
    keys: &Value,
    body: &str,
    records: &[Outgoing],
) -> Result<Vec<Option<Outcome>>, Unread> {
    let (results, redactor) = (reader(keys), Redactor::default());
    let line = |text: &str| redactor.line(text, 300);
    let names = results.names(records);
    results.read(body.as_bytes(), records.len(), &names, true, Some(7), &line)
}

fn kinds_of(keys: &Value, body: &str, records: &[Outgoing]) -> Option<Vec<&'static str>> {
    let outcomes = outcomes(keys, body, records).ok()?;
    Some(
        outcomes
            .iter()
            .map(|outcome| match outcome {
                None => "none",
                Some(Outcome::Delivered) => "delivered",
                Some(Outcome::Skipped(_)) => "skipped",
                Some(Outcome::Refused { .. } | Outcome::Invalid(_)) => "refused",
                Some(Outcome::Later(_)) => "later",
            })
            .collect(),
    )
}

#[test]
fn each_record_has_its_own_result() {
    let body = r#"{"data":{"results":[{"status":201},{"status":"OK"},{"status":"exists"},
        {"status":422,"error":{"message":"no\nname"}},{"status":"503"},{"status":"weird"}]}}"#;
    assert_eq!(
        kinds(&keys(None), body, 6).unwrap(),
        ["delivered", "delivered", "skipped", "refused", "later", "refused"]
    );
    let six = records(&vec!["{}".to_owned(); 6]);
    let outcomes = outcomes(&keys(None), body, &six).unwrap();
    let reason = "no name".into();
    assert_eq!(outcomes[3], Some(Outcome::Refused { status: Some(422), reason }));
}

#[test]
fn by_position_more_or_fewer_results_than_records_belong_to_none() {
    // Of three, the first was dropped: the second's error is not the first's.
    let body = r#"{"data":{"results":[{"status":422},{"status":200}]}}"#;
    for count in [0, 1, 3] {
        assert_eq!(kinds(&keys(None), body, count), None, "{count}");
    }
    assert_eq!(kinds(&keys(None), body, 2).unwrap(), ["refused", "delivered"]);
    // One of them without a status leaves only its own record open.
    let body = r#"{"data":{"results":[{"status":200},{}]}}"#;
    assert_eq!(kinds(&keys(None), body, 2).unwrap(), ["delivered", "none"]);
}

#[test]
fn results_may_name_their_record() {
    let body = r#"{"data":{"results":[{"status":200,"i":2},{"status":400,"i":"0"},{"status":200,"i":9},{"status":200}]}}"#;
    assert_eq!(kinds(&keys(Some("i")), body, 3).unwrap(), ["refused", "none", "delivered"]);
}

#[test]
fn a_code_says_more_than_a_status() {
    let keys = json!({
        "path": "result",
        "status": "status",
        "code": "reasons.0.code",
        "ok": ["created", "updated", 1004],
        "retry": ["1022"],
        "duplicate": ["1005"],
        "reason": "reasons.0.message",
    });
    // As Marketo answers, with HTTP 200.
    let body = r#"{"requestId":"e42b#14272d07d78","success":true,"result":[
        {"id":50,"status":"created"},
        {"status":"skipped","reasons":[{"code":"1005","message":"Lead already exists"}]},
        {"status":"skipped","reasons":[{"code":"1022","message":"Object in use"}]},
        {"status":"skipped","reasons":[{"code":"1003","message":"Invalid data"}]},
        {"status":"updated","reasons":[{"code":"9999"}]},
        {"status":"skipped","reasons":[{"code":1004}]}]}"#;
    assert_eq!(
        kinds(&keys, body, 6).unwrap(),
        ["delivered", "skipped", "later", "refused", "delivered", "delivered"]
    );
    let six = records(&vec!["{}".to_owned(); 6]);
    let read = outcomes(&keys, body, &six);
    let reason = "1003: Invalid data".into();
    assert_eq!(read.unwrap()[3], Some(Outcome::Refused { status: None, reason }));
}

fn by_email(ignore_case: bool) -> Value {
    let mut keys = keys(None);
    keys["key"] = "email".into();
    keys["record_key"] = "contact.email".into();
    keys["ignore_case"] = ignore_case.into();
    keys
}

fn mailed(emails: &[&str]) -> Vec<Outgoing> {
    let body = |email: &&str| format!(r#"{{"contact":{{"email":{email}}}}}"#);
    records(&emails.iter().map(body).collect::<Vec<_>>())
}

#[test]
fn results_in_any_order_name_their_record_by_a_key() {
    let records = mailed(&[r#""a@x""#, r#""b@x""#, r#""c@x""#, "7", "null", r#"" é""#]);
    let body = r#"{"data":{"results":[{"status":422,"email":"b@x"},{"status":200,"email":" a@x "},
        {"status":200,"email":"7"},{"status":200,"email":"z@x"},{"status":200},
        {"status":"exists","email":"é"},{"status":201,"email":"a@x"},{"status":200,"email":"C@x"}]}}"#;
    let folded = ["delivered", "refused", "delivered", "delivered", "none", "skipped"];
    assert_eq!(kinds_of(&by_email(true), body, &records).unwrap(), folded);
    let mut exact = folded;
    exact[2] = "none";
    assert_eq!(kinds_of(&by_email(false), body, &records).unwrap(), exact);
}

#[test]
fn results_of_one_key_that_contradict_each_other_say_nothing() {
    let body = r#"{"data":{"results":[{"status":200,"email":"Ada@x"},{"status":422,"email":"ada@x"},
        {"status":422,"email":"ada@x"}]}}"#;
    let read = outcomes(&by_email(true), body, &mailed(&[r#""ADA@x""#])).unwrap();
    assert!(matches!(&read[..], [Some(Outcome::Later(later))] if later.unknown), "{read:?}");
    assert_eq!(
        kinds_of(&by_email(false), body, &mailed(&[r#""ada@x""#])).unwrap(),
        ["refused"],
        "they say the same"
    );
}

#[test]
fn of_records_with_one_key_the_first_goes_first() {
    let firsts = |ignore_case, emails: &[&str]| {
        Sent::of(&reader(&by_email(ignore_case)).names(&mailed(emails)), false).map(|it| it.0)
    };
    let emails = [r#""a@x""#, "null", r#""A@x ""#, "null", r#""b@x""#, r#""a@x""#];
    assert_eq!(firsts(true, &emails), Some(vec![0, 1, 3, 4]));
    assert_eq!(firsts(false, &emails), Some(vec![0, 1, 2, 3, 4]));
    assert_eq!(firsts(false, &emails[..5]), None);
    assert!(Sent::of(&reader(&keys(None)).names(&mailed(&emails)), false).is_none());
}

#[test]
fn without_an_array_there_are_no_results() {
    for body in ["", "{}", r#"{"data":{"results":{}}}"#, r#"{"data":{"results":[{"status":200}"#] {
        assert_eq!(kinds(&keys(None), body, 1), None, "{body}");
    }
}
