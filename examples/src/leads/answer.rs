//! Marketo's envelope: whatever became of a call, HTTP says 200.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use crate::http::Reply;

/// Why a call, or one record of it, came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) message: Cow<'static, str>,
}

impl Failure {
    pub(crate) fn new(code: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// `{"code":"1003","message":"…"}`: the code is a text.
    pub(crate) fn json(&self) -> Value {
        json!({ "code": self.code.to_string(), "message": self.message })
    }
}

/// Some of the results of a call.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) result: Vec<Value>,
    /// The token for those that follow.
    pub(crate) next: Option<String>,
}

/// `{"requestId":"e42b#14272d07d78","success":true,"result":[…]}`
pub(crate) fn success(request_id: &str, result: &impl Serialize) -> Reply {
    Reply::of(200, &json!({ "requestId": request_id, "success": true, "result": result }))
}

/// The same with a page of results, and where it is not the last, `"moreResult":true,"nextPageToken":"…"`.
pub(crate) fn page(request_id: &str, page: &Page) -> Reply {
    let Page { result, next } = page;
    match next {
        None => success(request_id, result),
        Some(next) => Reply::of(
            200,
            &json!({
                "requestId": request_id, "success": true, "result": result,
                "moreResult": true, "nextPageToken": next,
            }),
        ),
    }
}

/// The same with `"success":false` and `errors`.
pub(crate) fn failure(request_id: &str, failure: &Failure) -> Reply {
    let errors = [failure.json()];
    Reply::of(200, &json!({ "requestId": request_id, "success": false, "errors": errors }))
}
