//! Conditional writes of many items, up to 25 in a request: each with an outcome of its own, and where its
//! condition failed the item as it stands. Only PartiQL has that: `BatchWriteItem` takes no conditions, and
//! a transaction makes all of its writes or none.
//!
//! `INSERT` needs an item that is not there, and `UPDATE` one that is.

use std::iter::repeat_with;

use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementError, BatchStatementErrorCodeEnum as Code,
    BatchStatementRequest, BatchStatementResponse, ReturnValuesOnConditionCheckFailure,
};
use futures_util::future::join_all;
use tidegate_core::ports::Unavailable;

use super::{
    Table,
    item::{Item, text},
    key::Key,
    write::wait_before,
};
use crate::failure::unavailable;

/// DynamoDB's own bound.
const STATEMENTS_MAX: usize = 25;
/// How often a statement is sent that DynamoDB had no room for.
const TRIES_MAX: u32 = 6;

/// A statement on one item, with what its question marks stand for.
#[derive(Debug, Clone)]
pub struct Statement {
    text: String,
    parameters: Vec<AttributeValue>,
}

/// What came of a statement.
pub enum Executed {
    /// It was made.
    Yes,
    /// Its condition failed; the item as it stands, where that is told.
    No(Option<Item>),
    /// No answer: it was made or not.
    Unknown(Unavailable),
}

impl Statement {
    /// Puts an item that is not there.
    pub fn insert(table: &str, key: Key, attributes: Vec<(&str, AttributeValue)>) -> Self {
        let key = [("pk", text(key.pk)), ("sk", text(key.sk))];
        let mut insert = Self::begin(&["INSERT INTO \"", table, "\" VALUE {"]);
        for (at, (name, value)) in key.into_iter().chain(attributes).enumerate() {
            insert.say(&[if at == 0 { "'" } else { ", '" }, name, "': ?"]);
            insert.parameters.push(value);
        }
        insert.say(&["}"]);
        insert
    }

    /// Changes an item that is there, if all of `conditions` hold: attributes that are to be equal, or with
    /// `None` not to be there.
    pub fn update(
        table: &str,
        key: Key,
        set: Vec<(&str, AttributeValue)>,
        remove: &[&str],
        conditions: Vec<(&str, Option<AttributeValue>)>,
    ) -> Self {
        let mut update = Self::begin(&["UPDATE \"", table, "\""]);
        for (name, value) in set {
            update.say(&[" SET ", name, " = ?"]);
            update.parameters.push(value);
        }
        for name in remove {
            update.say(&[" REMOVE ", name]);
        }
        update.say(&[" WHERE pk = ? AND sk = ?"]);
        update.parameters.extend([text(key.pk), text(key.sk)]);
        for (name, value) in conditions {
            update.say(&[" AND ", name, if value.is_some() { " = ?" } else { " IS MISSING" }]);
            update.parameters.extend(value);
        }
        update
    }

    /// A claim's, which is the longest, fits in.
    fn begin(parts: &[&str]) -> Self {
        let mut begun =
            Self { text: String::with_capacity(320), parameters: Vec::with_capacity(16) };
        begun.say(parts);
        begun
    }

    /// Formatting them would take longer than all else that is done for a statement.
    fn say(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.text.push_str(part));
    }

    fn request(&self) -> BatchStatementRequest {
        BatchStatementRequest::builder()
            .statement(&self.text)
            .set_parameters(Some(self.parameters.clone()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .expect("a statement is given")
    }
}

impl Table {
    /// The table's name, as statements say it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Executes statements on different items, in any order. Answers for each, in their order.
    pub(super) async fn execute(&self, statements: &[Statement]) -> Vec<Executed> {
        let chunks = statements.chunks(STATEMENTS_MAX).map(|chunk| self.execute_some(chunk));
        join_all(chunks.collect::<Vec<_>>()).await.into_iter().flatten().collect()
    }

    /// Executes as many as one request takes. Those for which there was no room are sent again, after a
    /// growing wait.
    async fn execute_some(&self, statements: &[Statement]) -> Vec<Executed> {
        let mut executed: Vec<Option<Executed>> =
            repeat_with(|| None).take(statements.len()).collect();
        for tried in 1..=TRIES_MAX {
            let left: Vec<usize> =
                (0..statements.len()).filter(|at| executed[*at].is_none()).collect();
            let requests = left.iter().map(|at| statements[*at].request()).collect();
            let sent = self.client.batch_execute_statement().set_statements(Some(requests)).send();
            let responses = match sent.await {
                Ok(output) => output.responses.unwrap_or_default(),
                Err(error) => {
                    let unknown = unavailable("BatchExecuteStatement", error);
                    left.iter()
                        .for_each(|at| executed[*at] = Some(Executed::Unknown(unknown.clone())));
                    break;
                }
            };
            let mut responses = responses.into_iter();
            for at in left {
                executed[at] = executed_or_left(responses.next(), tried);
            }
            if executed.iter().all(Option::is_some) {
                break;
            }
            wait_before(tried).await;
        }
        executed.into_iter().map(|executed| executed.expect("the last try answers")).collect()
    }
}

/// What came of a statement; `None` where it is to be sent again.
fn executed_or_left(response: Option<BatchStatementResponse>, tried: u32) -> Option<Executed> {
    let Some(response) = response else {
        let missing = "BatchExecuteStatement: a statement has no answer";
        return Some(Executed::Unknown(Unavailable(missing.into())));
    };
    let Some(BatchStatementError { code, message, item, .. }) = response.error else {
        return Some(Executed::Yes);
    };
    match code {
        Some(Code::ConditionalCheckFailed) => Some(Executed::No(item)),
        Some(Code::DuplicateItem) => Some(Executed::No(None)),
        Some(
            Code::InternalServerError
            | Code::ProvisionedThroughputExceeded
            | Code::RequestLimitExceeded
            | Code::ThrottlingError
            | Code::TransactionConflict,
        ) if tried < TRIES_MAX => None,
        code => {
            let code = code.as_ref().map_or("no code", Code::as_str);
            let message = message.unwrap_or_default();
            let why = format!("BatchExecuteStatement: {code}: {message}");
            Some(Executed::Unknown(Unavailable(why)))
        }
    }
}
