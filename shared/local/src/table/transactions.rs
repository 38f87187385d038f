//! `TransactWriteItems`, repeated by its token.
//!
//! A client that got no answer sends the same request again, with the same token: that is answered as the
//! first one was, and nothing is written again.

use std::collections::VecDeque;

use dynoxide::{DynoxideError, Result, actions::transact_write_items, storage::Storage};
use serde::Deserialize;

use super::emulator::run;

/// How many are remembered. A client sends again within seconds.
const MADE_MAX: usize = 16;

/// The transactions that were made.
#[derive(Default)]
pub struct Transactions(VecDeque<Made>);

struct Made {
    token: String,
    body: Vec<u8>,
    answer: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    client_request_token: Option<String>,
}

impl Transactions {
    /// Answers a request.
    pub fn answer(&mut self, storage: &Storage, body: &[u8]) -> Result<Vec<u8>> {
        let request = serde_json::from_slice::<Request>(body).ok();
        let token = request.and_then(|request| request.client_request_token);
        if let Some(made) = self.0.iter().find(|made| Some(&made.token) == token.as_ref()) {
            return match made.body == body {
                true => Ok(made.answer.clone()),
                false => Err(DynoxideError::IdempotentParameterMismatchException(
                    "the token is of another request".to_owned(),
                )),
            };
        }
        let answer = run(body, |request| transact_write_items::execute(storage, request))?;
        if let Some(token) = token {
            self.0.truncate(MADE_MAX - 1);
            self.0.push_front(Made { token, body: body.to_owned(), answer: answer.clone() });
        }
        Ok(answer)
    }
}
