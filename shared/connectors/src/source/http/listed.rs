//! Whether an answer without records is an empty list, or an error that came with a success's status.
//!
//! An error that is taken for an empty list ends a walk in silence, and what stands behind it is missed.
//! What the body says of an error, and a list that is null or not there, is therefore asked for again. So is
//! a page with records that says so beside them: perhaps it has not all of them.

use bytes::Bytes;
use jiter::JsonValue;

use super::{
    page::{Page, PageFault, PageShape},
    requests::{Fetched, PageError},
};

/// What stands beside records is looked at for an error where it is no longer than this, in bytes: more of
/// it is data, too.
const BESIDE_BYTES_MAX: usize = 64 * 1024;
/// Objects inside objects are looked into so far.
const DEPTH_MAX: u32 = 3;

/// What a body without records is taken for, where it says nothing of an error.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EmptyList {
    /// Null in the place of the list is an empty one.
    pub(super) null: bool,
    /// Nothing in the place of the list is an empty one.
    pub(super) absent: bool,
}

impl EmptyList {
    /// Reads an answer as a page. `trusted`: a rule of the flow's says that it is one.
    pub(super) fn read(
        self,
        shape: &PageShape,
        fetched: Fetched,
    ) -> Result<(Page, Fetched), PageError> {
        if fetched.is_nothing() {
            return Ok((Page::default(), Fetched { body: Bytes::new(), ..fetched }));
        }
        let page = match shape.parse(&fetched.body) {
            Ok(page) if page.count > 0 => {
                if !fetched.is_trusted
                    && page.frame.len() <= BESIDE_BYTES_MAX
                    && says_error_beside(&page.frame)
                {
                    return Err(PageError::Says(page.frame));
                }
                return Ok(beside(page, fetched));
            }
            Err(PageFault::NotJson(reason)) => {
                return Err(fetched
                    .instead_of_json
                    .map_or(PageError::Passing(reason), PageError::Else));
            }
            Err(PageFault::Shape(message)) => return Err(PageError::Halt(message)),
            other => other,
        };
        if !fetched.is_trusted && says_error(&fetched.body) {
            return Err(PageError::Says(fetched.body));
        }
        match page {
            Ok(page) if page.is_null && !self.null => Err(PageError::Doubtful(format!(
                "the body has null at `{}`, where the list of records should be: if this API says \
                 so that there are none, write `null_is_empty: true` in source.http",
                shape.records()
            ))),
            Ok(page) => Ok(beside(page, fetched)),
            Err(PageFault::NoList { is_absent: true, .. }) if self.absent => {
                Ok((Page::default(), fetched))
            }
            Err(PageFault::NoList { message, .. }) => Err(PageError::Doubtful(message)),
            Err(PageFault::NotJson(message) | PageFault::Shape(message)) => {
                Err(PageError::Halt(message))
            }
        }
    }
}

/// A page, with what its answer says beside the records in the place of the whole body.
fn beside(page: Page, fetched: Fetched) -> (Page, Fetched) {
    let body = page.frame.clone();
    (page, Fetched { body, ..fetched })
}

/// Whether a body without records says that something failed, in the words that APIs use.
fn says_error(body: &[u8]) -> bool {
    fn fails(value: &JsonValue<'_>, depth: u32) -> bool {
        let JsonValue::Object(fields) = value else { return false };
        fields.iter().any(|(key, value)| {
            let key = plain(key);
            is_error(&key, value) || is_failed(&key, value) || depth > 1 && fails(value, depth - 1)
        })
    }
    JsonValue::parse(body, true).is_ok_and(|body| fails(&body, DEPTH_MAX))
}

/// Whether that which stands beside records says so. A status may be what the list was asked for by: only
/// the word `error` is not.
fn says_error_beside(frame: &[u8]) -> bool {
    let Ok(JsonValue::Object(fields)) = JsonValue::parse(frame, true) else { return false };
    fields.iter().any(|(key, value)| {
        let key = plain(key);
        is_error(&key, value) || key == "status" && text(value).is_some_and(|text| text == "error")
    })
}

/// A key without what APIs write differently.
fn plain(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Whether a field is an error's, or says that there was no success.
fn is_error(key: &str, value: &JsonValue<'_>) -> bool {
    match key {
        "error" | "errors" | "err" | "errormessage" | "errormessages" | "errormsg"
        | "errorcode" | "errordescription" | "exception" | "exceptions" | "fault" | "failure"
        | "failures" => !is_nothing(value),
        "success" | "ok" | "issuccess" | "succeeded" | "successful" => {
            matches!(value, JsonValue::Bool(false) | JsonValue::Int(0))
                || text(value).is_some_and(|text| ["false", "0", "no"].contains(&&*text))
        }
        _ => false,
    }
}

/// Whether a field is a status of something that failed.
fn is_failed(key: &str, value: &JsonValue<'_>) -> bool {
    match key {
        "status" | "statuscode" | "statustext" | "code" | "httpstatus" | "httpcode" | "result"
        | "state" | "type" => match value {
            JsonValue::Int(number) => (400..=599).contains(number),
            _ => text(value).is_some_and(|text| {
                let code = text.parse::<u16>().is_ok_and(|code| (400..=599).contains(&code));
                code || FAILED.contains(&&*text)
            }),
        },
        _ => false,
    }
}

/// Words of a status that is no success.
const FAILED: [&str; 10] = [
    "error",
    "err",
    "errored",
    "fail",
    "failed",
    "failure",
    "ko",
    "nok",
    "exception",
    "unavailable",
];

/// A text in lower case.
fn text(value: &JsonValue<'_>) -> Option<String> {
    match value {
        JsonValue::Str(text) => Some(text.trim().to_ascii_lowercase()),
        _ => None,
    }
}

/// Whether it says that there is nothing to tell.
fn is_nothing(value: &JsonValue<'_>) -> bool {
    match value {
        JsonValue::Null | JsonValue::Bool(false) | JsonValue::Int(0) => true,
        JsonValue::Array(items) => items.iter().all(is_nothing),
        JsonValue::Object(fields) => fields.iter().all(|(_, value)| is_nothing(value)),
        JsonValue::Str(_) => text(value).is_some_and(|text| {
            ["", "0", "200", "ok", "success", "none", "null", "no", "false", "no error"]
                .contains(&&*text)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_records_only_an_error_speaks_of_failure() {
        for (frame, says) in [
            (r#"{"data":[],"errors":[{"message":"x"}]}"#, true),
            (r#"{"status":"error","data":[]}"#, true),
            (r#"{"success":false,"data":[]}"#, true),
            (r#"{"status":"failed","code":500,"data":[]}"#, false),
            (r#"{"meta":{"errors":["x"]},"data":[]}"#, false),
            (r#"{"errors":[],"data":[]}"#, false),
            ("[]", false),
        ] {
            assert_eq!(says_error_beside(frame.as_bytes()), says, "{frame}");
        }
    }

    #[test]
    fn a_body_that_says_of_an_error_is_told_from_one_that_does_not() {
        for body in [
            r#"{"status":"error","data":null}"#,
            r#"{"status":"ERROR","data":[]}"#,
            r#"{"error":{"code":17}}"#,
            r#"{"errors":[{"message":"x"}],"data":{"orders":null}}"#,
            r#"{"success":false,"data":[]}"#,
            r#"{"Success":"false"}"#,
            r#"{"meta":{"status_code":503},"data":[]}"#,
            r#"{"statusCode":"429"}"#,
            r#"{"response":{"result":"failed"}}"#,
            r#"{"error_code":17,"data":null}"#,
            r#"{"Fault":{"faultstring":"down"}}"#,
        ] {
            assert!(says_error(body.as_bytes()), "{body}");
        }
        for body in [
            "[]",
            "null",
            "<html>",
            r#"{"data":[]}"#,
            r#"{"status":"ok","error":null,"errors":[],"data":[]}"#,
            r#"{"status":200,"code":0,"error":"","success":true,"data":[]}"#,
            r#"{"errors":{},"error":false,"error_code":"0","data":[]}"#,
            r#"{"data":[],"message":"nothing here","status":"active"}"#,
            r#"{"data":[{"error":"of a record's own"}]}"#,
        ] {
            assert!(!says_error(body.as_bytes()), "{body}");
        }
    }
}
