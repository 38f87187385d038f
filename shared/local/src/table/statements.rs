//! `BatchExecuteStatement` for the statements that the store sends again and again, as one transaction.
//!
//! dynoxide is what decides whether a statement is valid: it executes each text once, with a transaction of
//! its own, and SQL that is compiled for it. A text that it took, and of which [`Shape`] knows what it does,
//! is executed here from then on: its item is read, tested, changed and written by statements that stay
//! compiled, and all of a request's are committed together. A batch in which anything is out of the ordinary
//! is left to dynoxide whole, before anything of it is written.
//!
//! That the statements of a request are committed together does not make them one: each has its own
//! outcome, and that none of them was answered when the process dies is allowed.

use std::{
    collections::{HashMap, HashSet},
    str,
};

use dynoxide::{
    AttributeValue, DynoxideError, Result, actions::batch_execute_statement, storage::Storage,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    attributes::{Attributes, Value, bytes_of, kept, key},
    emulator::{TABLE, run},
    shape::{Condition, Shape, Update},
};

/// DynamoDB's own bounds.
const STATEMENTS_MAX: usize = 25;
const ITEM_BYTES_MAX: usize = 400 * 1_024;
/// Most items of the ledger take no more.
const ITEM_BYTES: usize = 512;
/// The texts that are remembered. The store has some dozens.
const KNOWN_MAX: usize = 256;

const FIND: &str = "SELECT rowid, item_json, item_size FROM tidegate WHERE pk = ?1 AND sk = ?2";
const CHANGE: &str = "UPDATE tidegate SET item_json = ?2, item_size = ?3 WHERE rowid = ?1";
const INSERT: &str = "INSERT INTO tidegate (pk, sk, item_json, item_size, hash_prefix) \
                      VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (pk, sk) DO NOTHING";

/// The statements that dynoxide took, as their JSON spells them.
#[derive(Default)]
pub struct Statements(HashMap<Box<str>, Shape>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Batch<'a> {
    #[serde(borrow)]
    statements: Vec<Member<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Member<'a> {
    /// As the JSON spells it: what is known is found without reading it.
    #[serde(borrow)]
    statement: &'a RawValue,
    #[serde(borrow)]
    parameters: Vec<Value<'a>>,
    #[serde(default)]
    return_values_on_condition_check_failure: Returned,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Returned {
    #[default]
    None,
    AllOld,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Responses {
    responses: Vec<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    error: Option<Refusal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    code: String,
}

/// A statement that can be executed here.
struct Known<'a> {
    shape: &'a Shape,
    parameters: &'a [Value<'a>],
    returned: Returned,
}

impl Statements {
    /// Answers a request.
    pub fn answer(&mut self, storage: &Storage, body: &[u8]) -> Result<Vec<u8>> {
        let batch = serde_json::from_slice::<Batch<'_>>(body).ok();
        let known = batch.as_ref().and_then(|batch| self.known(batch));
        if let Some(known) = known
            && let Some(answer) = together(storage, &known)?
        {
            return Ok(answer);
        }
        let answer = run(body, |request| batch_execute_statement::execute(storage, request))?;
        if let Some(batch) = batch {
            self.learn(&batch, &answer);
        }
        Ok(answer)
    }

    /// The batch, if all of it can be executed here.
    fn known<'a>(&'a self, batch: &'a Batch<'a>) -> Option<Vec<Known<'a>>> {
        let mut keys = HashSet::with_capacity(batch.statements.len());
        let known = |member: &'a Member<'a>| {
            let shape = self.0.get(member.statement.get())?;
            let parameters = &member.parameters[..];
            let returned = member.return_values_on_condition_check_failure;
            let known = Known { shape, parameters, returned };
            let fits = parameters.len() == shape.parameters()
                && parameters.iter().all(Value::is_plain)
                && keys.insert(known.key()?);
            fits.then_some(known)
        };
        let may_be = (1..=STATEMENTS_MAX).contains(&batch.statements.len());
        may_be.then(|| batch.statements.iter().map(known).collect()).flatten()
    }

    /// Remembers the statements that were executed, whatever came of them.
    fn learn(&mut self, batch: &Batch<'_>, answer: &[u8]) {
        let Ok(Responses { responses }) = serde_json::from_slice(answer) else { return };
        for (member, Response { error }) in batch.statements.iter().zip(responses) {
            let is_valid = error.is_none_or(|Refusal { code }| {
                matches!(&*code, "ConditionalCheckFailed" | "DuplicateItem")
            });
            let text = serde_json::from_str::<String>(member.statement.get());
            let shape = text.ok().and_then(|text| Shape::of(&text, TABLE));
            let Some(shape) = shape.filter(|_| is_valid) else { continue };
            if self.0.len() == KNOWN_MAX {
                self.0.clear();
            }
            self.0.insert(member.statement.get().into(), shape);
        }
    }
}

/// Executes all of them in one transaction; `None`, and nothing is written, where dynoxide has to.
fn together(storage: &Storage, statements: &[Known<'_>]) -> Result<Option<Vec<u8>>> {
    storage.begin_transaction()?;
    let mut answer = Vec::with_capacity(1_024);
    answer.extend_from_slice(br#"{"Responses":["#);
    let executed = statements.iter().enumerate().try_fold(true, |all, (at, statement)| {
        if at > 0 {
            answer.push(b',');
        }
        Ok::<_, DynoxideError>(all && statement.execute(storage, &mut answer)?.is_some())
    });
    let committed =
        executed.and_then(|all| if all { storage.commit().map(|()| true) } else { Ok(false) });
    if !matches!(committed, Ok(true)) {
        // SQLite may have done so by itself; and what went wrong is told, not this.
        _ = storage.rollback();
    }
    answer.extend_from_slice(b"]}");
    Ok(committed?.then_some(answer))
}

impl<'a> Known<'a> {
    fn key(&self) -> Option<(&'a str, &'a str)> {
        let [pk, sk] = self.parameters.get(self.shape.key_at()..)?.first_chunk()?;
        key(pk, sk)
    }

    /// Executes it and adds what came of it to the answer. `None`, having written nothing, where dynoxide has
    /// to.
    fn execute(&self, storage: &Storage, answer: &mut Vec<u8>) -> Result<Option<()>> {
        let Some((pk, sk)) = self.key() else { return Ok(None) };
        let kept = (kept(pk), kept(sk));
        match self.shape {
            Shape::Insert(names) => self.insert(storage, names, pk, kept, answer),
            Shape::Update(update) => self.update(storage, update, kept, answer),
        }
    }

    fn insert(
        &self,
        storage: &Storage,
        names: &[Box<str>],
        pk: &str,
        (kept_pk, kept_sk): (String, String),
        answer: &mut Vec<u8>,
    ) -> Result<Option<()>> {
        let mut item = Writer::with_room_for(ITEM_BYTES);
        for (name, value) in names.iter().zip(self.parameters) {
            item.add(name, value);
        }
        let Some((json, bytes)) = item.end() else { return Ok(None) };
        // By this a scan is divided.
        let hash = dynoxide::storage::compute_hash_prefix(&AttributeValue::S(pk.to_owned()));
        let mut insert = storage.conn().prepare_cached(INSERT)?;
        match insert.execute((kept_pk, kept_sk, text_of(&json), bytes, hash))? {
            0 => refuse(answer, "DuplicateItem", "Duplicate primary key exists in table", None),
            _ => made(answer),
        }
        Ok(Some(()))
    }

    fn update(
        &self,
        storage: &Storage,
        update: &Update,
        kept: (String, String),
        answer: &mut Vec<u8>,
    ) -> Result<Option<()>> {
        let refused = |answer: &mut Vec<u8>, item| {
            refuse(answer, "ConditionalCheckFailed", "The conditional request failed", item);
        };
        let mut find = storage.conn().prepare_cached(FIND)?;
        let mut rows = find.query(kept)?;
        let Some(row) = rows.next()? else {
            refused(answer, None);
            return Ok(Some(()));
        };
        let (rowid, json, bytes): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        drop(rows);
        let Ok(item) = serde_json::from_str::<Attributes<'_>>(&json) else { return Ok(None) };
        let (set, conditional) = self.parameters.split_at(update.set.len());
        match holds(&item, &update.conditions, &conditional[2..]) {
            None => return Ok(None),
            Some(false) => {
                let item = (self.returned == Returned::AllOld).then_some(&*json);
                refused(answer, item);
                return Ok(Some(()));
            }
            Some(true) => {}
        }
        let Some((json, bytes)) = changed(&item, update, set, bytes) else { return Ok(None) };
        storage.conn().prepare_cached(CHANGE)?.execute((rowid, text_of(&json), bytes))?;
        made(answer);
        Ok(Some(()))
    }
}

/// Whether an item's conditions hold; `None` where that takes more than comparing spellings.
fn holds(
    item: &Attributes<'_>,
    conditions: &[(Box<str>, Condition)],
    values: &[Value<'_>],
) -> Option<bool> {
    let mut values = values.iter();
    for (name, condition) in conditions {
        let stands = item.get(name);
        let holds = match condition {
            Condition::Missing => stands.is_none(),
            Condition::Equal => {
                let value = values.next()?;
                match stands {
                    None => false,
                    Some(stands) => Value::plain(stands)? == *value,
                }
            }
        };
        if !holds {
            return Some(false);
        }
    }
    Some(true)
}

/// The item with what the statement sets and without what it removes, and its size.
fn changed(
    item: &Attributes<'_>,
    update: &Update,
    set: &[Value<'_>],
    bytes: i64,
) -> Option<(Vec<u8>, i64)> {
    let mut after = Writer::with_room_for(ITEM_BYTES);
    let mut gone = 0;
    for (name, value) in &item.0 {
        let is_in = |names: &[Box<str>]| names.iter().any(|known| **known == **name);
        if is_in(&update.set) || is_in(&update.remove) {
            gone += name.len() + bytes_of(value)?;
        } else {
            after.keep(name, value);
        }
    }
    for (name, value) in update.set.iter().zip(set) {
        after.add(name, value);
    }
    let (json, added) = after.end()?;
    Some((json, bytes + added - i64::try_from(gone).ok()?))
}

/// Writes an item.
struct Writer {
    json: Vec<u8>,
    /// What DynamoDB counts as the size of what was added.
    bytes: usize,
}

impl Writer {
    fn with_room_for(bytes: usize) -> Self {
        Self { json: Vec::with_capacity(bytes), bytes: 0 }
    }

    /// Adds an attribute.
    fn add(&mut self, name: &str, value: &Value<'_>) {
        self.name(name);
        value.write(&mut self.json);
        self.bytes += name.len() + value.bytes();
    }

    /// Leaves an attribute as it is.
    fn keep(&mut self, name: &str, value: &RawValue) {
        self.name(name);
        self.json.extend_from_slice(value.get().as_bytes());
    }

    /// A name that takes no escapes: one in a statement is of letters, and others would not have been read.
    fn name(&mut self, name: &str) {
        self.json.extend_from_slice(if self.json.is_empty() { b"{\"" } else { b",\"" });
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
    }

    /// The item, and the size of what was added. `None` where it might be larger than items can be: its JSON
    /// is the longer of the two.
    fn end(mut self) -> Option<(Vec<u8>, i64)> {
        self.json.push(b'}');
        let fits = self.json.len() <= ITEM_BYTES_MAX;
        fits.then_some((self.json, i64::try_from(self.bytes).ok()?))
    }
}

fn text_of(json: &[u8]) -> &str {
    str::from_utf8(json).expect("it is made of texts")
}

fn made(answer: &mut Vec<u8>) {
    answer.extend_from_slice(br#"{"TableName":"tidegate"}"#);
}

fn refuse(answer: &mut Vec<u8>, code: &str, message: &str, item: Option<&str>) {
    for part in [r#"{"Error":{"Code":""#, code, r#"","Message":""#, message, r#"""#] {
        answer.extend_from_slice(part.as_bytes());
    }
    if let Some(item) = item {
        answer.extend_from_slice(br#","Item":"#);
        answer.extend_from_slice(item.as_bytes());
    }
    answer.extend_from_slice(br#"},"TableName":"tidegate"}"#);
}
